"""The point spread from the edge between air and skin, which every scan has, of a step that is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares
from scipy.special import ndtr

from .grid import noise_hu
from .psf import WIDER, PointSpread, gaussian

EDGE_HU = (-760.0, -240.0)
DEFAULT_FWHM_MM = 0.8
LEAST_PROFILES = 200
MOST_PROFILES = 6000
SAMPLED_VOXELS = 8e6
STEEPEST = 0.94
"""A profile along an axis is used where the edge's normal is within 20 degrees of it."""
BEFORE_MM, BEHIND_MM, BIN_MM = 1.5, 2.2, 0.05
AIR_HU, TISSUE_HU = -850.0, -250.0
ROUNDS = 4
SKIN_MM = 1.5
"""Where fat is expected to begin: holds the fit where noise hides it."""

START = (0.1, 20.0, SKIN_MM, -50.0)
LOWEST = (-0.3, -150.0, 0.8, -300.0)
HIGHEST = (1.5, 200.0, 2.5, 300.0)


@dataclass(frozen=True)
class _Levels:
    """Value of air, noise, and the value below which the scanner cuts off (HU)."""

    air: float
    noise: float
    floor: float


def estimate_point_spread(hu: np.ndarray, spacing: np.ndarray) -> PointSpread:
    """Point spread of a scan that shows enough skin, else a Gaussian of `DEFAULT_FWHM_MM`; see `skin_point_spread`."""
    return skin_point_spread(hu, spacing) or gaussian(DEFAULT_FWHM_MM)


def skin_point_spread(hu: np.ndarray, spacing: np.ndarray) -> PointSpread | None:
    """Point spread of a scan that shows enough skin, else None.

    Profiles across the skin, along the axis nearly normal to it, are laid over each other at their sub-voxel places.
    Their mean is fitted by two steps (air to skin, skin to fat at a depth to be found), blurred by the point spread
    and the voxel, and cut off from below as scanners do. An axis that no skin faces gets the mean width of the others.

    Parameters
    ----------
    hu: (K, J, I).
    spacing: mm along k, j, i.
    """
    edges = _edges(hu, spacing)
    if not edges:
        return None
    air = float(np.median(np.concatenate([values[:, 0] for _, _, values, _ in edges])))
    levels = _Levels(air, noise_hu(hu), float(hu.min()))
    sigmas = np.full(len(edges), 0.3)
    places = [_crossings(x, values) for _, x, values, _ in edges]
    shared = np.array(START)
    for _ in range(ROUNDS):
        curves = [_mean_curve(e, p) for e, p in zip(edges, places, strict=True)]
        sigmas, shared, shifts = _fit([e[0] for e in edges], curves, levels, sigmas, shared)
        for n, edge in enumerate(edges):
            places[n] = _moved(edge, places[n] + shifts[n], levels, sigmas[n], shared)
    sigma = np.full(3, sigmas.mean())
    sigma[[e[3] for e in edges]] = sigmas
    return PointSpread(tuple(np.round(sigma, 4).tolist()), float(np.round(shared[0], 3)))


Edge = tuple[float, np.ndarray, np.ndarray, int]
"""Spacing, distances along the normal from the middle sample (N, M), values (N, M), axis."""


def _edges(hu: np.ndarray, spacing: np.ndarray) -> list[Edge]:
    """Profiles from air into tissue for every axis that has enough of them."""
    reach = np.maximum(np.ceil(BEFORE_MM / spacing), 4).astype(int)
    if (np.array(hu.shape) <= 2 * reach + 2).any():
        return []
    step = max(1, int(np.ceil((hu.size / SAMPLED_VOXELS) ** (1 / 3))))
    inner = hu[tuple(slice(int(r), -int(r), step) for r in reach)]
    points = np.argwhere((inner > EDGE_HU[0]) & (inner < EDGE_HU[1])) * step + reach
    near = [_profile(hu, points, axis, 1) for axis in range(3)]
    gradient = np.stack([(p[:, 2] - p[:, 0]) / h for p, h in zip(near, spacing, strict=True)], axis=1)
    normal = gradient / np.maximum(np.linalg.norm(gradient, axis=1), 1e-6)[:, None]
    found = []
    for axis, h in enumerate(spacing.tolist()):
        chosen = np.flatnonzero(np.abs(normal[:, axis]) > STEEPEST)
        chosen = chosen[:: max(1, -(-len(chosen) // MOST_PROFILES))]
        values = _profile(hu, points[chosen], axis, int(reach[axis]))
        falling = normal[chosen, axis] < 0
        values[falling] = values[falling, ::-1]
        good = (values[:, :2].mean(1) < AIR_HU) & (values[:, reach[axis] + 2 :].min(1) > TISSUE_HU)
        if good.sum() >= LEAST_PROFILES:
            along = np.arange(-reach[axis], reach[axis] + 1) * h
            lean = np.abs(normal[chosen, axis])[good]
            found.append((h, along[None] * lean[:, None], values[good], axis))
    return found


def _profile(hu: np.ndarray, points: np.ndarray, axis: int, reach: int) -> np.ndarray:
    """Values along an axis from ``-reach`` to ``reach`` around each point, (N, 2 reach + 1), float."""
    unit = np.eye(3, dtype=int)[axis]
    return np.stack([hu[tuple((points + d * unit).T)].astype(float) for d in range(-reach, reach + 1)], axis=1)


def _crossings(x: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Where each profile passes half of the step, by linear interpolation."""
    half = 0.5 * sum(EDGE_HU)
    after = np.clip((values >= half).argmax(axis=1), 1, None)
    rows = np.arange(len(values))
    low, high = values[rows, after - 1], values[rows, after]
    share = np.clip((half - low) / np.maximum(high - low, 1.0), 0.0, 1.0)
    return x[rows, after - 1] + share * (x[rows, after] - x[rows, after - 1])


def _mean_curve(edge: Edge, places: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distance, mean value and number of samples in bins of `BIN_MM`."""
    x = edge[1] - places[:, None]
    index = np.floor((x + BEFORE_MM) / BIN_MM).astype(int)
    size = int((BEFORE_MM + BEHIND_MM) / BIN_MM)
    used = (index >= 0) & (index < size)
    count = np.bincount(index[used], minlength=size)
    some = count > 0
    sums = [np.bincount(index[used], weights=v[used], minlength=size)[some] / count[some] for v in (x, edge[2])]
    return sums[0], sums[1], count[some]


def _fit(
    spacings: list[float], curves: list[tuple[np.ndarray, ...]], levels: _Levels, sigmas: np.ndarray, shared: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sigma of each axis, what they share (gain, skin, depth and step of fat), and shifts of the curves."""
    count = len(curves)

    def residual(p: np.ndarray) -> np.ndarray:
        parts = []
        for n, (h, (x, mean, number)) in enumerate(zip(spacings, curves, strict=True)):
            model = _edge_model(x - p[4 + count + n], h, levels, p[4 + n], p[:4])
            parts.append(np.sqrt(number) * (model - mean) / 100.0)
        parts.append([(p[2] - SKIN_MM) * np.sqrt(sum(c[2].max() for c in curves)) / 20.0])
        return np.concatenate(parts)

    low = np.r_[LOWEST, np.full(count, 0.08), np.full(count, -0.3)]
    high = np.r_[HIGHEST, np.full(count, 1.0), np.full(count, 0.3)]
    best = least_squares(residual, np.r_[shared, sigmas, np.zeros(count)], bounds=(low, high)).x
    return best[4 : 4 + count], best[:4], best[4 + count :]


def _moved(edge: Edge, places: np.ndarray, levels: _Levels, sigma: float, shared: np.ndarray) -> np.ndarray:
    """Places of the profiles, each moved to where the curve fits it best (two Gauss-Newton steps)."""
    h, along, values, _ = edge
    for _ in range(2):
        x = along - places[:, None]
        model = _edge_model(x, h, levels, sigma, shared)
        slope = (_edge_model(x + 1e-3, h, levels, sigma, shared) - model) / 1e-3
        slope *= np.abs(x) < 1.5 * h
        step = ((values - model) * slope).sum(1) / ((slope**2).sum(1) + 1.0)
        places = places - np.clip(step, -0.2 * h, 0.2 * h)
    return places


def _edge_model(x: np.ndarray, h: float, levels: _Levels, sigma: float, shared: np.ndarray) -> np.ndarray:
    """Expected value at a distance from the skin's surface; noise below the scanner's lowest value is cut off."""
    gain, skin, depth, fat = shared
    mean = levels.air + (skin - levels.air) * _step(x, h, sigma, gain) + fat * _step(x - depth, h, sigma, gain)
    z = (mean - levels.floor) / levels.noise
    return levels.floor + (mean - levels.floor) * ndtr(z) + levels.noise * np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)


def _step(x: np.ndarray, h: float, sigma: float, gain: float) -> np.ndarray:
    """A unit step as point spread and voxel show it."""
    return (1 + gain) * _blurred_step(x, h, sigma) - gain * _blurred_step(x, h, WIDER * sigma)


def _blurred_step(x: np.ndarray, h: float, sigma: float) -> np.ndarray:
    """Mean of a Gaussian-blurred unit step over a voxel."""

    def integral(y: np.ndarray) -> np.ndarray:
        return y * ndtr(y / sigma) + sigma * np.exp(-0.5 * (y / sigma) ** 2) / np.sqrt(2 * np.pi)

    return (integral(x + h / 2) - integral(x - h / 2)) / h
