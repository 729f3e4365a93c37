"""Fingers, thumb and forearm found joint by joint, outwards from the palm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np

from .. import anatomy
from ..volume import transform_points
from .cloud import shadow, window_of
from .fit import Prior, Target, Tie, correlate, fit_body
from .frame import long_axis
from .levels import Level
from .skeleton import Skeleton, joint_between, rotation_about

KEEP = 3
"""Postures of a bone that are refined."""
BEAM = 2
"""Postures of a chain that are followed to the next bone."""
JOINT_SIGMA_MM = 1.5


@dataclass(frozen=True)
class Reach:
    """Angles in degrees to try at one joint: in the palm's plane, out of it, about the bone's own axis."""

    spread: tuple[float, ...]
    flexion: tuple[float, ...]
    roll: tuple[float, ...] = (0.0,)


KNUCKLE = Reach((-24, -18, -12, -6, 0, 6, 12, 18, 24), (-24, -12, 0, 12, 24))
HINGE = Reach((-8, -4, 0, 4, 8), (-36, -24, -12, 0, 12, 24))
THUMB_BASE = Reach((-40, -30, -20, -10, 0, 10, 20, 30, 40), (-40, -20, 0, 20), (-40, -20, 0, 20, 40))
THUMB_HINGE = Reach((-24, -16, -8, 0, 8, 16, 24), (-24, -8, 8, 24), (-10, 10))
FOREARM = Reach((-30, -20, -10, 0, 10, 20, 30), (-20, 0, 20), (-20, 0, 20))
ULNA = Reach((-5, 0, 5), (-5, 0, 5), (-60, -30, 0, 30, 60))


@dataclass(frozen=True, eq=False)
class _Chain:
    """Poses of the bones followed so far, and the sum of their scores."""

    poses: dict[str, np.ndarray]
    score: float


def find_chain(
    bones: Skeleton,
    chain: Sequence[tuple[str, str, Reach]],
    poses: dict[str, np.ndarray],
    moves: dict[str, np.ndarray],
    targets: Sequence[Target],
) -> dict[str, np.ndarray]:
    """Poses (RAS -> rig) of the bones of one chain.

    chain: (bone, the bone on which it moves, angles to try), from the palm outwards; bones that are absent end it.
    poses: of the bones known already. moves: the CT's hand laid flat (`flat_moves`), where each posture starts.
    """
    beam = [_Chain({}, 0.0)]
    for name, parent, reach in chain:
        if name not in bones.crops:
            break
        options = []
        for kept in beam:
            base = kept.poses.get(parent, poses.get(parent))
            if base is None:
                continue
            # What is between parent and child in the flat hand stays; only the joint turns.
            start = base @ np.linalg.inv(moves.get(parent, np.eye(4))) @ moves.get(name, np.eye(4))
            options += _turned(bones, name, parent, base, start, reach, targets, kept)
        options.sort(key=lambda option: -option.score)
        beam = options[:BEAM] or beam
    return beam[0].poses


def _turned(
    bones: Skeleton,
    name: str,
    parent: str,
    base: np.ndarray,
    start: np.ndarray,
    reach: Reach,
    targets: Sequence[Target],
    kept: _Chain,
) -> list[_Chain]:
    """The best postures of one bone at its joint, refined."""
    pitch = targets[0].level.pixel_mm
    cloud = bones.cloud(name, pitch)
    joint = joint_between(bones, name, parent)
    ras = joint.point_ras if joint else cloud.centre_ras
    pivot = transform_points(base, ras) if joint else transform_points(start, ras)
    start = start.copy()
    start[:3, 3] += pivot - transform_points(start, ras)
    frame = bones.frame
    along = start[:3, :3] @ long_axis(bones.points[name])
    normal = base[:3, :3] @ frame.volar
    side = np.cross(normal, along)
    tried = []
    for spread, flexion, roll in product(reach.spread, reach.flexion, reach.roll):
        turn = rotation_about(pivot, np.radians(spread) * normal)
        turn = turn @ rotation_about(pivot, np.radians(flexion) * side / np.linalg.norm(side))
        pose = turn @ rotation_about(pivot, np.radians(roll) * along) @ start
        # An unlikely posture must earn its place: a few per cent of correlation per 30 degrees.
        cost = 0.03 * ((spread / 30) ** 2 + (flexion / 30) ** 2 + (roll / 30) ** 2)
        tried.append((correlate(cloud, pose, targets) - cost, pose))
    tried.sort(key=lambda item: -item[0])
    tie = Tie(ras[None], pivot[None], np.full(3, JOINT_SIGMA_MM))
    results = []
    for _, pose in tried[:KEEP]:
        prior = Prior(pose, np.array([4.0, 4.0, 2.0]), np.radians([12.0, 12.0, 12.0]), (tie,) if joint else ())
        fit = fit_body(cloud, pose, targets, prior, iterations=5)
        results.append(_Chain(kept.poses | {name: fit.pose}, kept.score + fit.score))
    return results


def chains() -> list[list[tuple[str, str, Reach]]]:
    """The chains of a hand: four fingers, thumb, forearm."""
    fingers = []
    for digit in (3, 2, 4, 5):
        ray = anatomy.ray(digit)
        fingers.append([(name, parent, KNUCKLE if i == 0 else HINGE) for i, (parent, name) in enumerate(pairwise(ray))])
    thumb = [
        ("metacarpal-1", "trapezium", THUMB_BASE),
        ("proximal-1", "metacarpal-1", THUMB_HINGE),
        ("distal-1", "proximal-1", THUMB_HINGE),
    ]
    forearm = [("radius", "lunate", FOREARM), ("ulna", "radius", ULNA)]
    return [*fingers, thumb, forearm]


def scene_of(
    bones: Skeleton, poses: dict[str, np.ndarray], gains: dict[str, float], level: Level, rig_to_view: np.ndarray
) -> np.ndarray:
    """What all posed bones together show in a film level, band-passed (rows, columns)."""
    total = np.zeros(level.band.shape)
    for name, pose in poses.items():
        add_shadow(total, bones, name, rig_to_view @ pose, level, gains.get(name, 1.0))
    return total


def add_shadow(total: np.ndarray, bones: Skeleton, name: str, pose: np.ndarray, level: Level, gain: float) -> None:
    """Add ``gain`` times the band-passed shadow of one bone (4x4, RAS -> view frame) to a film level."""
    cloud = bones.cloud(name, level.pixel_mm)
    window = window_of(cloud, pose, level.view, level.factor, level.margin)
    film, own = window.inside(total.shape)
    if all(s.stop > s.start for s in film):
        total[film] += gain * level.filtered(shadow(cloud, pose, level.view, level.factor, window))[own]
