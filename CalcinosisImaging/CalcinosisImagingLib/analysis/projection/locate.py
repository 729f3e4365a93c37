"""Where the bones of a CT are in one or more radiographs.

One hand frame from the named bones -> orientations on the film -> palm -> fingers, thumb and forearm joint by
joint -> every bone on its own, coarse to fine. Without a hand frame (single bones) all orientations are tried.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from ..progress import Progress, part, report, silent
from ..segmentation import Segmentation
from ..volume import Volume, transform_points
from ..xray.film import Film
from .articulate import chains, find_chain, scene_of
from .cloud import Cloud
from .fit import Fit, Prior, Target, correlate, fit_body
from .levels import Level
from .pose import BonePose, Pose
from .quality import bone_pose
from .refine import Freedom, sweep, usual_gains
from .rig import Rig, rigs
from .search import Eye, Guess, apart, even_rotations, guesses, near
from .skeleton import PALM, Skeleton, flat_moves, skeleton

__all__ = ["BonePose", "LocateSettings", "Pose", "locate"]


@dataclass(frozen=True)
class LocateSettings:
    """How the bones are looked for.

    Attributes
    ----------
    palm_gap_mm: soft tissue and cover between the palmar bones and the detector, for films with the palm on it.
    palm_depth_sd_mm: how well that is known.
    magnifications: to try where single bones are looked for in one film of unknown distance.
    orientations: number of orientations to try for single bones.
    search_mm, coarse_mm, middle_mm, fine_mm: pixel sizes of the stages, in the plane of the hand.
    """

    palm_gap_mm: float = 8.0
    palm_depth_sd_mm: float = 5.0
    magnifications: tuple[float, ...] = (1.03, 1.15, 1.3, 1.5, 1.7)
    orientations: int = 1500
    search_mm: float = 3.0
    coarse_mm: float = 1.2
    middle_mm: float = 0.7
    fine_mm: float = 0.4


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
    prepared = skeleton(ct, bones)
    views = [film.view for film in films]
    poses: dict[str, dict[str, BonePose]] = {}
    for index, rig in enumerate(groups):
        inner = part(progress, index / len(groups), (index + 1) / len(groups))
        fits = _locate_in_rig(prepared, rig, settings, inner)
        whole = _whole_pose(prepared, fits)
        for place, film, matrix in zip(rig.places, rig.films, rig.rig_to_view, strict=True):
            which = rig.places.index(place)
            views[place] = views[place].at(matrix @ whole)
            poses[film.view.name] = {
                name: bone_pose(name, fit, prepared, rig, which) for name, fit in sorted_fits(prepared, fits)
            }
    return Pose(tuple(views), poses, prepared.points)


def sorted_fits(bones: Skeleton, fits: dict[str, Fit]) -> list[tuple[str, Fit]]:
    """Fits in the order of the bones in the segmentation."""
    return [(name, fits[name]) for name in bones.points]


@dataclass(eq=False)
class _State:
    """Where all bones are so far: poses (RAS -> rig), the film's gain at each, and how well it all fits."""

    poses: dict[str, np.ndarray]
    gains: dict[str, tuple[float, ...]]
    score: float = -1.0


def _locate_in_rig(bones: Skeleton, rig: Rig, settings: LocateSettings, progress: Progress) -> dict[str, Fit]:
    report(progress, 0.0, "looking for the hand in the film")
    if bones.frame is not None and len(rig.films) == 1:
        state = _start_of_hand(bones, rig, settings, part(progress, 0.0, 0.5))
    else:
        state = _start_of_bodies(bones, rig, settings, part(progress, 0.0, 0.5))
    reference = dict(state.poses)
    fits: dict[str, Fit] = {}
    for index, (pixel_mm, coarse_mm, freedom) in enumerate(_stages(settings)):
        levels = rig.levels(pixel_mm, coarse_mm, _middle(bones, state.poses))
        inner = part(progress, 0.5 + index / 6, 0.5 + (index + 1) / 6)
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


def _start_of_hand(bones: Skeleton, rig: Rig, settings: LocateSettings, progress: Progress) -> _State:
    """Poses of all bones of a hand in one film, palm (or back) on the detector."""
    moves = flat_moves(bones)
    palm = [n for n in PALM if n in bones.crops] or bones.names
    level = rig.levels(settings.coarse_mm, 8.0)[0]
    if rig.start is None:
        found = _hand_guesses(bones, rig, moves, settings, part(progress, 0.0, 0.3))
        starts = [_on_detector(bones, guess.pose, moves, rig, settings) for guess in found]
    else:
        starts = [rig.start]
    body = bones.body(palm, level.pixel_mm)
    fits = []
    for start in starts:
        prior = Prior(start, np.array([30.0, 30.0, settings.palm_depth_sd_mm]), np.radians([8.0, 8.0, 30.0]))
        fits.append(fit_body(body, start, [Target(level, np.eye(4))], prior, iterations=12))
    fits.sort(key=lambda fit: -fit.score)
    states = []
    hopeful = [Guess(fit.pose, fit.score) for fit in fits if fit.score > fits[0].score - HOPEFUL]
    distinct = apart(hopeful, body.centre_ras, HYPOTHESES)
    for index, guess in enumerate(distinct):
        inner = part(progress, 0.3 + 0.7 * index / len(distinct), 0.3 + 0.7 * (index + 1) / len(distinct))
        gain = next(fit.gain for fit in fits if fit.pose is guess.pose)
        states.append(_whole_hand(bones, palm, guess.pose, gain, moves, rig, level, inner))
    best = max(states, key=lambda state: state.score)
    _look_again(bones, best, moves, rig, level)
    return best


HYPOTHESES = 6
"""Places of the palm from which the rest of the hand is followed before one is chosen."""
HOPEFUL = 0.2
"""Palms whose correlation is lower than the best one's by more than this are not followed."""


WEAK = 0.6
"""A chain with a bone below this correlation is looked for again."""


def _look_again(bones: Skeleton, state: _State, moves: dict[str, np.ndarray], rig: Rig, level: Level) -> None:
    """Follow weak fingers once more, now that the others are there to be taken out of the film; keep what is better.

    A finger that took its neighbour's place finds its own when the neighbour is explained.
    """
    usual = usual_gains(state.gains, 1)
    for chain in chains():
        names = [name for name, _, _ in chain if name in state.poses]
        rest = {n: p for n, p in state.poses.items() if n not in names}
        others = scene_of(bones, rest, {n: state.gains.get(n, usual)[0] for n in rest}, level, np.eye(4))
        targets = [Target(level, np.eye(4), others)]
        clouds = {n: bones.cloud(n, level.pixel_mm) for n in names}
        before = [correlate(clouds[n], state.poses[n], targets) for n in names]
        if not names or min(before) >= WEAK:
            continue
        found = find_chain(bones, chain, rest, moves, targets)
        after = [correlate(clouds[n], found.get(n, state.poses[n]), targets) for n in names]
        if np.mean(after) > np.mean(before):
            state.poses.update(found)
            state.gains.update(dict.fromkeys(found, usual))


def _whole_hand(
    bones: Skeleton,
    palm: list[str],
    pose: np.ndarray,
    gain: tuple[float, ...],
    moves: dict[str, np.ndarray],
    rig: Rig,
    level: Level,
    progress: Progress,
) -> _State:
    """All bones outwards from a pose of the palm, each fitted once coarsely."""
    state = _State(dict.fromkeys(palm, pose), dict.fromkeys(palm, gain))
    state.poses = _outwards(bones, state.poses, state.gains, moves, rig, level, part(progress, 0.0, 0.8))
    fits = sweep(
        bones,
        state.poses,
        state.gains,
        dict(state.poses),
        rig,
        [level],
        Freedom(joint_mm=2.0),
        part(progress, 0.8, 1.0),
    )
    state.score = float(np.mean([fit.score for fit in fits.values()]))
    return state


def _outwards(
    bones: Skeleton,
    poses: dict[str, np.ndarray],
    gains: dict[str, tuple[float, ...]],
    moves: dict[str, np.ndarray],
    rig: Rig,
    level: Level,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Add fingers, thumb and forearm to the palm's poses; bones beyond a gap follow the palm."""
    palm_pose = next(iter(poses.values()))
    usual = usual_gains(gains, 1)[0]
    for index, chain in enumerate(chains()):
        report(progress, 0.5 + index / 12, "following the fingers")
        others = scene_of(bones, poses, dict.fromkeys(poses, usual), level, np.eye(4))
        targets = [Target(level, np.eye(4), others)]
        poses = poses | find_chain(bones, chain, poses, moves, targets)
    return {n: poses[n] if n in poses else palm_pose @ moves.get(n, np.eye(4)) for n in bones.names}


def _hand_guesses(
    bones: Skeleton, rig: Rig, moves: dict[str, np.ndarray], settings: LocateSettings, progress: Progress
) -> list[Guess]:
    """Orientations of the flat hand on the film: turned in its plane, either side down, tilted a little."""
    level = rig.levels(settings.search_mm, 12.0)[0]
    names = [n for n in bones.names if n not in ("radius", "ulna")]
    body = bones.body(names, level.pixel_mm, moves)
    depth = _nominal_depth(rig, settings)
    rotations = hand_orientations(bones.frame.matrix)
    eye = Eye(level, np.eye(4))
    found = guesses(body, rotations, [eye], [depth], REGIONS, progress, degrees=40.0, distance_mm=40.0)
    return [guess for region in found for guess in _palm_guesses(bones, region, rig, settings)]


REGIONS = 4
"""Clearly different places of the whole hand in which the palm is looked for."""
PALM_TURNS = np.array([0, 5, -5, 10, -10, 15, -15, 20, -20])
PALM_TILTS = np.array([0, 10, -10, 20, -20])
"""Degrees by which the palm may be turned and tilted from where the whole hand seemed to be."""
PALM_REACH_MM = 30.0


def _palm_guesses(bones: Skeleton, region: Guess, rig: Rig, settings: LocateSettings) -> list[Guess]:
    """The palm alone (fingers may be bent otherwise than in the CT), near a place of the whole hand."""
    level = rig.levels(0.7 * settings.search_mm, 8.0)[0]
    palm = [n for n in PALM if n in bones.crops] or bones.names
    distal = region.pose[:3, :3] @ bones.frame.distal
    radial = region.pose[:3, :3] @ bones.frame.radial
    turns = [
        _turn(np.array([0, 0, 1.0]), about_ray) @ _turn(distal, roll) @ _turn(radial, pitch)
        for about_ray in PALM_TURNS
        for roll in PALM_TILTS
        for pitch in (0, 10, -10)
        if abs(roll) + abs(pitch) <= 20
    ]
    body = bones.body(palm, level.pixel_mm)
    return near(body, region, np.array(turns), Eye(level, np.eye(4)), PALM_REACH_MM, 3)


def _turn(axis: np.ndarray, degrees: float) -> np.ndarray:
    """3x3 rotation about an axis."""
    return Rotation.from_rotvec(np.radians(degrees) * axis / np.linalg.norm(axis)).as_matrix()


def hand_orientations(frame: np.ndarray, step_degrees: float = 7.5, tilt_degrees: float = 12.0) -> np.ndarray:
    """Rotations (N, 3, 3), RAS -> view, of a hand lying on the detector.

    frame: rows distal, radial, volar in RAS. The palm or the back is down, in any direction in the plane, level or
    tilted about the hand's axis or across it.
    """
    result = []
    handed = np.sign(np.linalg.det(frame))
    for side in (1.0, -1.0):
        for angle in np.radians(np.arange(0, 360, step_degrees)):
            distal = np.array([np.sin(angle), -np.cos(angle), 0.0])
            volar = np.array([0.0, 0.0, side])
            radial = handed * np.cross(volar, distal)
            rotation = np.stack([distal, radial, volar], axis=1) @ frame
            # Off-square frames are made orthogonal: the nearest rotation.
            u, _, vt = np.linalg.svd(rotation)
            rotation = u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt
            for axis, tilt in ((distal, 0), (distal, 1), (distal, -1), (radial, 1), (radial, -1)):
                turn = Rotation.from_rotvec(np.radians(tilt_degrees) * tilt * axis).as_matrix()
                result.append(turn @ rotation)
    return np.array(result)


def _nominal_depth(rig: Rig, settings: LocateSettings) -> float:
    """Distance of the hand's middle from the source, for films of one view."""
    told = _told_depth(rig)
    return rig.films[0].view.source_detector_mm - settings.palm_gap_mm - 15.0 if told is None else told


def _told_depth(rig: Rig) -> float | None:
    """Distance from the source by the film's magnification; None if the hand may well lie on the detector.

    Clinics enter the magnification of a plane near the detector by habit; the hand lying there is the better guide.
    """
    view = rig.films[0].view
    if not view.magnification:
        return None
    depth = view.source_detector_mm / view.magnification
    return None if view.source_detector_mm - depth < NEAR_DETECTOR_MM else depth


NEAR_DETECTOR_MM = 80.0
"""A hand this near to the detector lies on it."""


def _on_detector(
    bones: Skeleton, pose: np.ndarray, moves: dict[str, np.ndarray], rig: Rig, settings: LocateSettings
) -> np.ndarray:
    """The pose moved along its ray until the flat hand lies on the detector."""
    view = rig.films[0].view
    names = [n for n in bones.names if n not in ("radius", "ulna", "metacarpal-1", "proximal-1", "distal-1")]
    cloud = np.concatenate([transform_points(pose @ moves.get(n, np.eye(4)), bones.points[n]) for n in names])
    told = _told_depth(rig)
    if told is not None:
        change = told - float(cloud[:, 2].mean())
    else:
        change = view.source_detector_mm - settings.palm_gap_mm - float(np.percentile(cloud[:, 2], 99))
    middle = cloud.mean(axis=0)
    moved = pose.copy()
    moved[:3, 3] += middle * (change / middle[2])
    return moved


def _start_of_bodies(bones: Skeleton, rig: Rig, settings: LocateSettings, progress: Progress) -> _State:
    """One pose for all bones as they lie in the CT, from any orientation."""
    names = bones.names
    found = [Guess(rig.start, 0.0)] if rig.start is not None else _any_guesses(bones, rig, settings, progress)
    one = len(rig.films) == 1
    sigma = Prior(np.eye(4), np.array([40.0, 40.0, 60.0 if one else 40.0]), np.radians([40.0] * 3))
    for pixel_mm, coarse_mm, keep in ((2.0, 8.0, 6), (settings.coarse_mm, 6.0, 3), (settings.middle_mm, 4.0, 1)):
        fits = []
        for guess in found:
            levels = rig.levels(pixel_mm, coarse_mm, transform_points(guess.pose, bones.body(names, 3.0).centre_ras))
            body: Cloud = bones.body(names, levels[0].pixel_mm)
            targets = [Target(level, matrix) for level, matrix in zip(levels, rig.rig_to_view, strict=True)]
            prior = Prior(guess.pose, sigma.sigma_mm, sigma.sigma_rad)
            fits.append(fit_body(body, guess.pose, targets, prior, iterations=15))
        fits.sort(key=lambda fit: -fit.score)
        found = [Guess(fit.pose, fit.score) for fit in fits[:keep]]
    best = fits[0]
    return _State(dict.fromkeys(names, best.pose), dict.fromkeys(names, best.gain), best.score)


def _any_guesses(bones: Skeleton, rig: Rig, settings: LocateSettings, progress: Progress) -> list[Guess]:
    """All orientations at all plausible distances."""
    view = rig.films[0].view
    if len(rig.films) == 1:
        scales = (view.magnification,) if view.magnification else settings.magnifications
        depths = [view.source_detector_mm / m for m in scales]
    else:
        depths = list(_common_depths(rig))
    centre = np.array([0.0, 0.0, float(np.mean(depths)), 1.0])
    centre_rig = (np.linalg.inv(rig.rig_to_view[0]) @ centre)[:3]
    levels = rig.levels(settings.search_mm, 12.0, centre_rig)
    eyes = [Eye(level, matrix) for level, matrix in zip(levels, rig.rig_to_view, strict=True)]
    body = bones.body(bones.names, levels[0].pixel_mm)
    return guesses(body, even_rotations(settings.orientations), eyes, depths, 24, progress)


def _common_depths(rig: Rig) -> np.ndarray:
    """Distances from the first source, 4 mm apart, at which the films' axes come closest."""
    to_rig = [np.linalg.inv(m) for m in rig.rig_to_view]
    sources = np.array([m[:3, 3] for m in to_rig])
    axes = np.array([m[:3, 2] for m in to_rig])
    # Point nearest to all axes (least squares).
    projectors = np.eye(3) - axes[:, :, None] * axes[:, None, :]
    point = np.linalg.solve(projectors.sum(0), np.einsum("nij,nj->i", projectors, sources))
    middle = float((rig.rig_to_view[0][:3, :3] @ point + rig.rig_to_view[0][:3, 3])[2])
    return middle + np.arange(-120.0, 121.0, 4.0)


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
