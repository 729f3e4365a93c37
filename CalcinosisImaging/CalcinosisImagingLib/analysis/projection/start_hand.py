"""The first poses of a whole hand in one film: hand, then palm, then fingers, thumb and forearm joint by joint."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from ..progress import Progress, part, report
from ..volume import transform_points
from .articulate import chains, find_chain, scene_of
from .fit import Prior, Target, correlate, fit_body
from .levels import Level
from .refine import Freedom, sweep, usual_gains
from .rig import Rig
from .search import Eye, Guess, apart, guesses, near
from .settings import LocateSettings, State
from .skeleton import PALM, Skeleton, flat_moves
from .start_bodies import around_start, belief


def start_of_hand(bones: Skeleton, rig: Rig, settings: LocateSettings, progress: Progress) -> State:
    """Poses of all bones of a hand in one film, palm (or back) on the detector."""
    moves = flat_moves(bones)
    palm = [n for n in PALM if n in bones.crops] or bones.names
    level = rig.levels(settings.coarse_mm, 8.0)[0]
    if rig.start is None:
        found = _hand_guesses(bones, rig, moves, settings, part(progress, 0.0, 0.3))
        starts = [_on_detector(bones, guess.pose, moves, rig, settings) for guess in found]
    else:
        starts = [guess.pose for guess in around_start(bones, palm, rig, settings)]
    body = bones.body(palm, level.pixel_mm)
    fits = []
    for start in starts:
        prior = Prior(start, np.array([30.0, 30.0, settings.palm_depth_sd_mm]), np.radians([8.0, 8.0, 30.0]))
        fits.append(fit_body(body, start, [Target(level, np.eye(4))], prior, iterations=12))
    fits.sort(key=lambda fit: -belief(fit, rig, body))
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


def _look_again(bones: Skeleton, state: State, moves: dict[str, np.ndarray], rig: Rig, level: Level) -> None:
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
) -> State:
    """All bones outwards from a pose of the palm, each fitted once coarsely."""
    state = State(dict.fromkeys(palm, pose), dict.fromkeys(palm, gain))
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


def _turn(axis: np.ndarray, degrees: float) -> np.ndarray:
    """3x3 rotation about an axis."""
    return Rotation.from_rotvec(np.radians(degrees) * axis / np.linalg.norm(axis)).as_matrix()
