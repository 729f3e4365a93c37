"""How wide the blur is along each axis, from the faces of dense bodies in soft tissue: good for comparing axes only.

A body's face is curved, rough, and of unknown height, so that its blur looks a little wider than it is. But it does so
along every axis.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .edge_model import profile, step
from .psf import PointSpread

DENSE_HU = (180.0, 1200.0)
"""Values of voxels in which a face may be: about half of a dense body's height."""
SOFT_HU = (-200.0, 200.0)
MOST_POINTS = 400_000
MOST_FACES = 4000
STEEPEST = 0.75
"""A profile along an axis is used where the face's normal is within 41 degrees of it: every face is near some axis."""
REACH_SIGMAS = 3.3
CLEAR = 8.0
"""Faces are at least so many standard deviations of the noise high."""
UNEVEN = 0.15
"""Both sides of a face are level within this part of its height, and twice the noise."""
NEAR_HALF = 0.25
ROUNDS = 8
LARGEST_STEP = 0.2
STEEPER = 0.5
"""Part of the faces that is used, the steepest: at corners and bumps a face looks wider than its blur."""
ALL_ROUNDS = 2
"""First rounds, in which all are used."""
SMALL = 1e-3
CELL_MM = 8.0
"""Faces in a cube of this size are those of one body: they err together."""
LEAST_CELLS = 4


@dataclass(frozen=True, eq=False)
class _Faces:
    """Profiles along one axis across N faces, M samples each.

    Attributes
    ----------
    along: (N, M) mm along the normal from the middle sample.
    values: (N, M) from 0 to 1.
    rise: (N,) height over the noise.
    normal: (N, 3) squares of the normal's components.
    width: (N, 1) of a voxel along the normal, mm.
    cell: (N, 3) where they are.
    """

    along: np.ndarray
    values: np.ndarray
    rise: np.ndarray
    normal: np.ndarray
    width: np.ndarray
    cell: np.ndarray


def widths_at_faces(
    hu: np.ndarray, spacing: np.ndarray, noise: float, start: PointSpread
) -> tuple[np.ndarray, np.ndarray] | None:
    """Logarithms of the sigma (mm) of the narrow Gaussian along k, j, i, and their covariance (3, 3).

    The blur across a face is that of all axes, by the squares of its normal. The covariance is by leaving out all faces
    of one place at a time. None where there are too few.

    Parameters
    ----------
    hu: (K, J, I).
    spacing: mm along k, j, i.
    noise: standard deviation, HU.
    start: a first guess; its gains are kept.
    """
    blur = np.sqrt(np.square(start.sigma_mm) + spacing**2 / 12)
    reach = np.maximum(np.ceil(REACH_SIGMAS * blur / spacing), 4).astype(int)
    if (np.array(hu.shape) <= 2 * reach + 2).any():
        return None
    inner = hu[tuple(slice(int(r), -int(r)) for r in reach)]
    found = np.flatnonzero((inner > DENSE_HU[0]) & (inner < DENSE_HU[1]))
    found = found[:: max(1, -(-len(found) // MOST_POINTS))]
    points = np.stack(np.unravel_index(found, inner.shape), axis=1) + reach
    near = [profile(hu, points, axis, 1) for axis in range(3)]
    gradient = np.stack([(p[:, 2] - p[:, 0]) / h for p, h in zip(near, spacing, strict=True)], axis=1)
    normal = gradient / np.maximum(np.linalg.norm(gradient, axis=1), 1e-6)[:, None]
    groups = [_faces(hu, points, normal, axis, int(reach[axis]), spacing, noise) for axis in range(3)]
    cells = np.concatenate([g.cell for g in groups])
    names, which = np.unique(cells, axis=0, return_inverse=True)
    if len(names) < LEAST_CELLS:
        return None
    parts = np.split(which.ravel(), np.cumsum([len(g.cell) for g in groups])[:-1])
    return _fit(groups, parts, len(names), start)


def _faces(
    hu: np.ndarray, points: np.ndarray, normal: np.ndarray, axis: int, reach: int, spacing: np.ndarray, noise: float
) -> _Faces:
    """Those points that lie in the middle of a face across an axis."""
    chosen = np.flatnonzero(np.abs(normal[:, axis]) > STEEPEST)
    points, normal = points[chosen], normal[chosen]
    values = profile(hu, points, axis, reach)
    falling = normal[:, axis] < 0
    values[falling] = values[falling, ::-1]
    low, high = values[:, :2].mean(1), values[:, -2:].mean(1)
    rise = high - low
    level = np.maximum(np.abs(values[:, 2] - low), np.abs(values[:, -3] - high)) < UNEVEN * rise + 2 * noise
    values = (values - low[:, None]) / np.maximum(rise, 1.0)[:, None]
    middle = np.abs(values[:, reach] - 0.5) < NEAR_HALF
    good = np.flatnonzero(level & middle & (rise > CLEAR * noise) & (low > SOFT_HU[0]) & (low < SOFT_HU[1]))
    good = good[:: max(1, -(-len(good) // MOST_FACES))]
    along = np.arange(-reach, reach + 1) * spacing[axis] * np.abs(normal[good, axis])[:, None]
    square = normal[good] ** 2
    width = np.sqrt(square @ spacing**2)[:, None]
    cell = (points[good] * spacing / CELL_MM).astype(int)
    return _Faces(along, values[good], rise[good] / noise, square, width, cell)


def _fit(
    groups: list[_Faces], cells: list[np.ndarray], count: int, start: PointSpread
) -> tuple[np.ndarray, np.ndarray] | None:
    """Gauss-Newton for the logarithms of the three widths, each profile at its best place."""
    logs = np.log(start.sigma_mm)
    places = [np.zeros((len(g.values), 1)) for g in groups]
    for number in range(ROUNDS):
        matrix, vector = np.zeros((count, 3, 3)), np.zeros((count, 3))
        for n, (faces, cell) in enumerate(zip(groups, cells, strict=True)):
            square = faces.normal * np.exp(2 * logs)
            sigma = np.sqrt(square.sum(1, keepdims=True))
            x = faces.along - places[n]
            model = step(x, faces.width, sigma, start.gain, start.far)
            slope = (step(x + SMALL, faces.width, sigma, start.gain, start.far) - model) / SMALL
            error = faces.values - model
            steep = (slope**2).sum(1, keepdims=True)
            moved = (error * slope).sum(1, keepdims=True) / steep
            places[n] -= np.clip(moved, -LARGEST_STEP, LARGEST_STEP)
            wider = (step(x, faces.width, (1 + SMALL) * sigma, start.gain, start.far) - model) / SMALL
            wider -= slope * (wider * slope).sum(1, keepdims=True) / steep
            share = square / sigma**2
            power, own = (wider**2).sum(1), (wider * error).sum(1)
            weight = faces.rise**2
            if number >= ALL_ROUNDS and weight.size:
                change = own / np.maximum(power, 1e-9)
                weight = weight * (change < np.quantile(change, STEEPER))
            np.add.at(matrix, cell, (weight * power)[:, None, None] * share[:, :, None] * share[:, None])
            np.add.at(vector, cell, (weight * own)[:, None] * share)
        whole = matrix.sum(0)
        if np.linalg.cond(whole) > 1e6:
            return None
        logs = logs + np.clip(np.linalg.solve(whole, vector.sum(0)), -LARGEST_STEP, LARGEST_STEP)
    left_out = np.stack(
        [np.linalg.solve(whole - m + 1e-9 * whole, vector.sum(0) - v) for m, v in zip(matrix, vector, strict=True)]
    )
    away = left_out - left_out.mean(0)
    return logs, away.T @ away * (count - 1) / count
