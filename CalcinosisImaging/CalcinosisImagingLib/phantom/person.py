"""One participant, drawn at random: skeleton, soft tissue, deposits, and what else is dense."""

from __future__ import annotations

import zlib

import numpy as np

from .deposits import burden, draw_deposits, split_volume, spread_out
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
    number = int(participant.split("-")[1])
    side = ("left", "right")[(number + seed) % 2]
    skeleton = build_skeleton(rng)
    rest = skeleton.poses({})
    count, total = burden(_burden_normals(rng, seed, number))
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


def _burden_normals(rng: np.random.Generator, seed: int, number: int) -> np.ndarray:
    """Two normals (2,) for `burden`: the first participant's own, and from there on those spread over the study."""
    own = rng.standard_normal(2)
    if number == 1:
        return own
    first = stream(seed, "sub-01", "hand")
    build_skeleton(first)
    return spread_out(first.standard_normal(2), number - 1)


def stream(seed: int, *names: object) -> np.random.Generator:
    """A random stream of its own for each purpose, so that a change in one leaves the others as they are."""
    return np.random.default_rng([seed, *(zlib.crc32(str(name).encode()) for name in names)])
