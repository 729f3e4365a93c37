"""Where the bones of a CT are in one or more radiographs.

One hand frame from the named bones -> orientations on the film -> palm -> fingers, thumb and forearm joint by
joint -> every bone on its own, coarse to fine. Without a hand frame (single bones) all orientations are tried.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..errors import InputError
from ..progress import Progress, part, report, silent
from ..segmentation import Segment, Segmentation
from ..volume import Volume, transform_points
from ..xray.film import Film
from .fit import Fit
from .pose import BonePose, Pose
from .quality import bone_pose
from .refine import Freedom, sweep
from .rig import Rig, rigs
from .settings import LocateSettings, State
from .skeleton import PALM, Skeleton, skeleton
from .start_bodies import start_of_bodies
from .start_hand import start_of_hand

__all__ = ["BonePose", "LocateSettings", "Pose", "locate"]


def locate(
    ct: Volume,
    bones: Segmentation,
    films: Sequence[Film],
    settings: LocateSettings | None = None,
    progress: Progress = silent,
) -> Pose:
    """Find every bone of the CT in the films.

    Parameters
    ----------
    ct: Hounsfield units.
    bones: on the CT's grid, one label per bone.
    films: radiographs of one instant; see `rig.rigs` for how their relative geometry is given.

    Raises
    ------
    InputError: no film, two of one name, no bones, or bones on another grid.
    """
    settings = settings or LocateSettings()
    groups = rigs(films)
    hands = {prefix: skeleton(ct, part_of) for prefix, part_of in hands_of(bones).items()}
    views = [film.view for film in films]
    poses: dict[str, dict[str, BonePose]] = {}
    for index, rig in enumerate(groups):
        inner = part(progress, index / len(groups), (index + 1) / len(groups))
        found = _locate_in_rig(hands, rig, settings, inner)
        first = next(iter(found))
        whole = _whole_pose(hands[first], found[first])
        for which, (place, film) in enumerate(zip(rig.places, rig.films, strict=True)):
            views[place] = views[place].at(rig.rig_to_view[which] @ whole)
            poses[film.view.name] = {
                prefix + name: bone_pose(fits[name], hands[prefix].points[name], rig, which)
                for prefix, fits in found.items()
                for name in hands[prefix].points
            }
    points = {prefix + name: p for prefix, hand in hands.items() for name, p in hand.points.items()}
    return Pose(tuple(views), poses, points)


def hands_of(bones: Segmentation) -> dict[str, Segmentation]:
    """The bones of each hand by the prefix of their IDs ("left:", "right:" or none), IDs without it."""
    hands: dict[str, list[Segment]] = {}
    for segment in bones.segments:
        prefix, colon, name = segment.segment_id.rpartition(":")
        hands.setdefault(prefix + colon, []).append(replace(segment, segment_id=name))
    if not hands:
        raise InputError("bones: no bone has any voxel; segment the bones of the CT first.")
    return {prefix: Segmentation(bones.volume, tuple(segments)) for prefix, segments in sorted(hands.items())}


OTHER_HAND_SCORE, OTHER_HAND_MM = 0.6, 60.0
"""A second hand is taken to be on the film too if it fits so well, and so far from the first."""


def _locate_in_rig(
    hands: dict[str, Skeleton], rig: Rig, settings: LocateSettings, progress: Progress
) -> dict[str, dict[str, Fit]]:
    """Fits of each hand that is on the films, the surest first; at least one."""
    report(progress, 0.0, "looking for the hand in the film")
    starts = {}
    for index, (prefix, bones) in enumerate(hands.items()):
        inner = part(progress, 0.5 * index / len(hands), 0.5 * (index + 1) / len(hands))
        whole = bones.frame is not None and len(rig.films) == 1
        starts[prefix] = (start_of_hand if whole else start_of_bodies)(bones, rig, settings, inner)
    order = sorted(starts, key=lambda prefix: -starts[prefix].score)
    places = {prefix: _middle(hands[prefix], starts[prefix].poses) for prefix in order}
    shown = order[:1] + [
        prefix
        for prefix in order[1:]
        if starts[prefix].score > OTHER_HAND_SCORE and np.linalg.norm(places[prefix] - places[order[0]]) > OTHER_HAND_MM
    ]
    return {
        prefix: _refined(hands[prefix], starts[prefix], rig, settings, part(progress, 0.5, 1.0)) for prefix in shown
    }


def _refined(bones: Skeleton, state: State, rig: Rig, settings: LocateSettings, progress: Progress) -> dict[str, Fit]:
    """Every bone fitted on its own, coarse to fine."""
    reference = dict(state.poses)
    fits: dict[str, Fit] = {}
    for index, (pixel_mm, coarse_mm, freedom) in enumerate(_stages(settings)):
        levels = rig.levels(pixel_mm, coarse_mm, _middle(bones, state.poses))
        inner = part(progress, index / 3, (index + 1) / 3)
        fits = sweep(bones, state.poses, state.gains, reference, rig, levels, freedom, inner)
    return fits


def _stages(settings: LocateSettings) -> tuple[tuple[float, float, Freedom], ...]:
    """Pixel size, size of the largest structures looked at, and freedom of the bones, coarse to fine."""
    return (
        (settings.coarse_mm, 6.0, Freedom(joint_mm=2.0)),
        (settings.middle_mm, 4.0, Freedom(joint_mm=1.2)),
        (settings.fine_mm, 4.0, Freedom(joint_mm=1.0)),
    )


def _middle(bones: Skeleton, poses: dict[str, np.ndarray]) -> np.ndarray:
    """Middle of the first bone (of the palm, if it is there) in the rig frame."""
    name = bones.names[0]
    return transform_points(poses[name], bones.points[name].mean(axis=0))


def _whole_pose(bones: Skeleton, fits: dict[str, Fit]) -> np.ndarray:
    """The hand as a whole: the rigid motion (RAS -> rig) that fits the palm's bones best (all bones without a palm)."""
    names = [n for n in PALM if n in fits] or list(fits)
    before = np.concatenate([bones.points[n] for n in names])
    after = np.concatenate([transform_points(fits[n].pose, bones.points[n]) for n in names])
    a, b = before - before.mean(axis=0), after - after.mean(axis=0)
    u, _, vt = np.linalg.svd(a.T @ b)
    sign = np.sign(np.linalg.det(u @ vt))
    rotation = (u @ np.diag([1, 1, sign]) @ vt).T
    pose = np.eye(4)
    pose[:3, :3] = rotation
    pose[:3, 3] = after.mean(axis=0) - rotation @ before.mean(axis=0)
    return pose
