"""One participant, drawn at random: skeleton, soft tissue, deposits, and what else is dense."""

from __future__ import annotations

import zlib

import numpy as np

from .deposits import draw_burden, draw_deposits, split_volume
from .distractors import draw_distractors, fixtures
from .hand import Hand
from .muscles import muscle_pieces
from .presets import Preset
from .skeleton import build_skeleton
from .soft_tissue import skin_pieces
from .tissues import draw_materials


def draw_hand(seed: int, participant: str, preset: Preset) -> Hand:
    """The hand of one participant."""
    rng = stream(seed, participant, "hand")
    side = ("left", "right")[(int(participant.split("-")[1]) + seed) % 2]
    skeleton = build_skeleton(rng)
    rest = skeleton.poses({})
    count, total = draw_burden(rng)
    count = int(np.clip(count, *preset.deposit_count))
    volumes = split_volume(rng, float(np.clip(total, *preset.total_volume_mm3)), count, preset.least_volume_mm3)
    deposits = draw_deposits(stream(seed, participant, "deposits"), skeleton, rest, volumes)
    others = draw_distractors(stream(seed, participant, "distractors"), skeleton, preset.distractor_share)
    plump = 1.0 + 0.05 * float(np.clip(rng.standard_normal(), -1.5, 1.5))
    return Hand(
        side,
        skeleton,
        rest,
        tuple(skin_pieces(skeleton, plump)),
        tuple(muscle_pieces(skeleton)),
        deposits,
        draw_materials(rng),
        (*fixtures(skeleton), *others),
    )


def stream(seed: int, *names: object) -> np.random.Generator:
    """A random stream of its own for each purpose, so that a change in one leaves the others as they are."""
    return np.random.default_rng([seed, *(zlib.crc32(str(name).encode()) for name in names)])
