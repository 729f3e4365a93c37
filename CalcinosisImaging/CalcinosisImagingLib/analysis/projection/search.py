"""The first guess: many orientations of a rigid body, each matched to the films at every place at once.

For each orientation the body's shadow is correlated with the film by Fourier transforms (normalised by the film's
variance under the shadow), which gives the best place in each film; with several films of one rig the places
are joined along the first film's rays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import fft, ndimage
from scipy.spatial.transform import Rotation

from ..progress import Progress, report, silent
from ..volume import transform_points
from .cloud import Cloud, Window, project_to_level, shadow, window_of
from .levels import Level

PEAKS = 6
"""Places looked at per orientation."""
SEPARATE_DEGREES = 12.0
SEPARATE_MM = 8.0
"""Two guesses nearer than this are one, unless told otherwise."""


@dataclass(frozen=True, eq=False)
class Guess:
    """A pose (4x4, RAS -> rig) and its normalised correlation."""

    pose: np.ndarray
    score: float


@dataclass(frozen=True, eq=False)
class Eye:
    """One film for the search: a coarse level and the rigid map rig -> view frame."""

    level: Level
    rig_to_view: np.ndarray


def even_rotations(count: int) -> np.ndarray:
    """``count`` rotations (N, 3, 3) spread evenly over all orientations (super-Fibonacci spirals, Alexa, CVPR 2022)."""
    s = np.arange(count) + 0.5
    phi, psi = np.sqrt(2.0), 1.533751168755204288118041
    r, big_r = np.sqrt(s / count), np.sqrt(1 - s / count)
    alpha, beta = 2 * np.pi * s / phi, 2 * np.pi * s / psi
    quaternions = np.stack([r * np.sin(alpha), r * np.cos(alpha), big_r * np.sin(beta), big_r * np.cos(beta)], axis=1)
    return Rotation.from_quat(quaternions).as_matrix()


def guesses(
    cloud: Cloud,
    rotations: np.ndarray,
    eyes: Sequence[Eye],
    depths_mm: Sequence[float],
    keep: int,
    progress: Progress = silent,
    degrees: float = SEPARATE_DEGREES,
    distance_mm: float = SEPARATE_MM,
) -> list[Guess]:
    """The best places of a body over orientations and depths.

    Parameters
    ----------
    rotations: (N, 3, 3), RAS -> rig.
    eyes: the films; depth is counted along the first one's z.
    depths_mm: of the body's centre from the first source.
    keep: how many guesses to return, best first, of which no two are within ``degrees`` and ``distance_mm``.
    """
    films = [_Spectrum(eye.level) for eye in eyes]
    found: list[Guess] = []
    for index, rotation in enumerate(rotations):
        if index % 16 == 0:
            report(progress, index / len(rotations), "looking for the hand in the film")
        if len(eyes) == 1:
            for depth in depths_mm:
                found += _single(cloud, rotation, eyes[0], films[0], depth)
        else:
            found += _several(cloud, rotation, eyes, films, depths_mm)
    found.sort(key=lambda guess: -guess.score)
    return apart(found, cloud.centre_ras, keep, degrees, distance_mm)


def apart(
    found: list[Guess],
    centre_ras: np.ndarray,
    keep: int,
    degrees: float = SEPARATE_DEGREES,
    distance_mm: float = SEPARATE_MM,
) -> list[Guess]:
    """The best guesses, in the order given, of which no two are the same."""
    kept: list[Guess] = []
    for guess in found:
        same = False
        for other in kept:
            turn = Rotation.from_matrix(guess.pose[:3, :3] @ other.pose[:3, :3].T).magnitude()
            shift = transform_points(guess.pose, centre_ras) - transform_points(other.pose, centre_ras)
            same |= bool(np.degrees(turn) < degrees and np.linalg.norm(shift) < distance_mm)
        if not same:
            kept.append(guess)
        if len(kept) == keep:
            break
    return kept


def near(cloud: Cloud, around: Guess, turns: np.ndarray, eye: Eye, reach_mm: float, keep: int) -> list[Guess]:
    """The best places of a body near a guess, seen by one film: turned by each of ``turns`` (N, 3, 3; in the view
    frame, before the guess's place is looked up), shifted by at most ``reach_mm`` across the rays.
    """
    pose = eye.rig_to_view @ around.pose
    centre = transform_points(pose, cloud.centre_ras)
    spectrum = _Spectrum(eye.level)
    found = []
    for turn in turns:
        found += _single(
            cloud, eye.rig_to_view[:3, :3].T @ turn @ pose[:3, :3], eye, spectrum, centre[2], (centre, reach_mm)
        )
    found.sort(key=lambda guess: -guess.score)
    return apart(found, cloud.centre_ras, keep)


class _Spectrum:
    """A film level and its transforms."""

    def __init__(self, level: Level) -> None:
        self.level = level
        self.shape = tuple(fft.next_fast_len(int(1.5 * n) + 8, real=True) for n in level.band.shape)
        self.film = fft.rfft2(level.band, self.shape)
        self.square = fft.rfft2(level.band**2, self.shape)
        self.field = fft.rfft2(level.valid.astype(float), self.shape)

    def match(self, template: np.ndarray, support: np.ndarray) -> np.ndarray:
        """Normalised correlation with the template's first pixel at each pixel of the film (periodic shape)."""
        count = support.sum()
        template = np.where(support, template - template[support].mean(), 0)
        mask = np.conj(fft.rfft2(support.astype(float), self.shape))
        cross = fft.irfft2(self.film * np.conj(fft.rfft2(template, self.shape)), self.shape)
        mean = fft.irfft2(self.film * mask, self.shape) / count
        square = fft.irfft2(self.square * mask, self.shape) / count
        covered = np.clip(fft.irfft2(self.field * mask, self.shape) / count, 0, 1)
        spread = np.sqrt(np.maximum(square - mean**2, 1e-12) * count * (template**2).sum())
        floor = 0.05 * float(spread.max())
        return cross / np.maximum(spread, floor) * np.sqrt(covered)


def _template(cloud: Cloud, pose: np.ndarray, level: Level) -> tuple[np.ndarray, np.ndarray, Window]:
    """Filtered shadow, its support with a rim, and its window, for a pose RAS -> view frame."""
    window = window_of(cloud, pose, level.view, level.factor, 4)
    raw = shadow(cloud, pose, level.view, level.factor, window)
    support = ndimage.binary_dilation(raw > 0.02 * raw.max(), iterations=2)
    return level.filtered(raw), support, window


def _posed(rotation: np.ndarray, centre_ras: np.ndarray, place: np.ndarray) -> np.ndarray:
    """4x4 of a rotation that brings ``centre_ras`` to ``place``."""
    pose = np.eye(4)
    pose[:3, :3] = rotation
    pose[:3, 3] = place - rotation @ centre_ras
    return pose


def _axis_place(level: Level, depth: float) -> np.ndarray:
    """Point of the view frame at ``depth`` seen in the middle of the film."""
    view = level.view
    u, v = (view.columns - 1) / 2, (view.rows - 1) / 2
    return _place(level, u, v, depth)


def _place(level: Level, u: float | np.ndarray, v: float | np.ndarray, depth: float | np.ndarray) -> np.ndarray:
    """Point(s) of the view frame at ``depth`` that project to film pixel (u, v)."""
    view = level.view
    x = (u - view.principal_point_px[0]) * view.pixel_spacing_mm[0] * depth / view.source_detector_mm
    y = (v - view.principal_point_px[1]) * view.pixel_spacing_mm[1] * depth / view.source_detector_mm
    return np.stack(np.broadcast_arrays(x, y, depth), axis=-1)


def _match_at(cloud: Cloud, rotation: np.ndarray, spectrum: _Spectrum, depth: float) -> tuple[np.ndarray, np.ndarray]:
    """Score map indexed by the shift (rows, columns; periodic) of the shadow from the film's middle, and the middle."""
    level = spectrum.level
    middle = _axis_place(level, depth)
    template, support, window = _template(cloud, _posed(rotation, cloud.centre_ras, middle), level)
    scores = spectrum.match(template, support)
    return np.roll(scores, (-window.row, -window.column), axis=(0, 1)), middle


def _peaks(scores: np.ndarray, count: int) -> list[tuple[float, int, int]]:
    """Highest local maxima: score, row shift, column shift (signed)."""
    top = scores == ndimage.maximum_filter(scores, 5, mode="wrap")
    at = np.argwhere(top)
    values = scores[top]
    order = np.argsort(-values, kind="stable")[:count]
    signed = [(int(i) if i < n / 2 else int(i - n) for i, n in zip(at[o], scores.shape, strict=True)) for o in order]
    return [(float(values[o]), *shift) for o, shift in zip(order, signed, strict=True)]


def _pixel_of(level: Level, row: float, column: float) -> tuple[float, float]:
    """Film pixel (u, v) whose shift from the film's middle is (row, column) level pixels."""
    view = level.view
    return (view.columns - 1) / 2 + column * level.factor, (view.rows - 1) / 2 + row * level.factor


def _single(
    cloud: Cloud,
    rotation: np.ndarray,
    eye: Eye,
    spectrum: _Spectrum,
    depth: float,
    within: tuple[np.ndarray, float] | None = None,
) -> list[Guess]:
    """The two best places at one depth; ``within``: a point of the view frame and how far from it to look (mm)."""
    view_to_rig = np.linalg.inv(eye.rig_to_view)
    scores, middle = _match_at(cloud, eye.rig_to_view[:3, :3] @ rotation, spectrum, depth)
    if within is not None:
        scores = np.where(_reached(scores.shape, eye.level, middle, *within), scores, -1.0)
    result = []
    for score, row, column in _peaks(scores, 2):
        place = _place(eye.level, *_pixel_of(eye.level, row, column), depth)
        pose = _posed(eye.rig_to_view[:3, :3] @ rotation, cloud.centre_ras, place)
        result.append(Guess(view_to_rig @ pose, score))
    return result


def _reached(
    shape: tuple[int, ...], level: Level, middle: np.ndarray, centre: np.ndarray, reach_mm: float
) -> np.ndarray:
    """Which shifts (periodic map) of a body from the film's middle bring it within ``reach_mm`` of ``centre``."""
    view = level.view
    step_u, step_v = (s * level.factor * middle[2] / view.source_detector_mm for s in view.pixel_spacing_mm)
    rows, columns = (np.fft.fftfreq(n, 1 / n) for n in shape)
    x = columns * step_u + middle[0] - centre[0]
    y = rows * step_v + middle[1] - centre[1]
    return x[None, :] ** 2 + y[:, None] ** 2 <= reach_mm**2


def _several(
    cloud: Cloud, rotation: np.ndarray, eyes: Sequence[Eye], spectra: Sequence[_Spectrum], depths_mm: Sequence[float]
) -> list[Guess]:
    """Peaks of the first film, at the depth where the other films agree best."""
    middle_depth = float(np.mean(depths_mm))
    first = eyes[0]
    view_to_rig = np.linalg.inv(first.rig_to_view)
    middle = transform_points(view_to_rig, _axis_place(first.level, middle_depth))
    maps = []
    for eye, spectrum in zip(eyes, spectra, strict=True):
        depth = float(transform_points(eye.rig_to_view, middle)[2])
        maps.append(_match_at(cloud, eye.rig_to_view[:3, :3] @ rotation, spectrum, depth)[0])
    depths = np.asarray(depths_mm, float)
    result = []
    for score, row, column in _peaks(maps[0], PEAKS):
        places = transform_points(view_to_rig, _place(first.level, *_pixel_of(first.level, row, column), depths))
        total = np.full(len(depths), score)
        for eye, scores in zip(eyes[1:], maps[1:], strict=True):
            total += _looked_up(scores, eye, places)
        best = int(np.argmax(total))
        result.append(Guess(_posed(rotation, cloud.centre_ras, places[best]), float(total[best]) / len(eyes)))
    return result


def _looked_up(scores: np.ndarray, eye: Eye, places_rig: np.ndarray) -> np.ndarray:
    """Scores of a film where it sees the given places; -1 outside the film."""
    level = eye.level
    u, v, z = project_to_level(places_rig.T, eye.rig_to_view, level.view, level.factor)
    rows, columns = level.band.shape
    middle_u, middle_v, _ = project_to_level(_axis_place(level, 1.0)[:, None], np.eye(4), level.view, level.factor)
    inside = (z > 0) & (u > 0) & (v > 0) & (u < columns) & (v < rows)
    row = np.rint(np.where(inside, v - middle_v, 0)).astype(int) % scores.shape[0]
    column = np.rint(np.where(inside, u - middle_u, 0)).astype(int) % scores.shape[1]
    return np.where(inside, scores[row, column], -1.0)
