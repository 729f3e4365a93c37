"""The point spread from the edge between air and skin, which every scan has, of a step that is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares
from scipy.special import ndtr

from .dense_edge import widths_at_faces
from .edge_model import profile, step
from .grid import noise_hu
from .psf import PointSpread, gaussian

EDGE_HU = (-850.0, -150.0)
DEFAULT_FWHM_MM = 0.8
LEAST_PROFILES = 200
MOST_PROFILES = 6000
SAMPLED_VOXELS = 8e6
SAMPLED_AIR, LEAST_AIR, FAR_MM = 1e6, 300, 2.0
STEEPEST = 0.94
"""A profile along an axis is used where the edge's normal is within 20 degrees of it."""
BEFORE_MM, BEHIND_MM, BIN_MM = 1.5, 2.2, 0.05
AIR_HU, TISSUE_HU = -850.0, -250.0
ROUNDS = 4
SKIN_MM = 1.5
"""Where fat is expected to begin: holds the fit where noise hides it."""

UNEQUAL = 0.12
"""Standard deviation of the logarithm by which the blur across slices is usually wider or narrower than in them."""
FACES_SD = 0.03
"""And of the relative widths at many faces."""
FAR_SD = 0.5
"""Of the third Gaussian no more is expected than this: far from the edge it looks like layers of the skin."""

PLAIN, MOST_FAR = 0.1, 0.6
"""Gains below this are as well the skin's layers: a plain Gaussian describes such edges within 2 % of the step. So are
edges less steep than a Gaussian's, and sums that are the third Gaussian in the main: no kernel looks like that."""
NOTHING = 1e-6
START = (0.1, 0.0, 20.0, SKIN_MM, -50.0)
LOWEST = (-0.3, -NOTHING, -150.0, 0.8, -300.0)
HIGHEST = (2.5, 1.0, 200.0, 2.5, 300.0)
"""Of gain, far, the skin's value, the depth of fat, its step; see `_fit`."""
SHARED = len(START)


@dataclass(frozen=True)
class _Levels:
    """Value and noise of air, and the value below which the scanner cuts off (HU)."""

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
    and the voxel, and cut off from below as scanners do. An axis that no skin faces gets the mean width of the others,
    times how much wider the faces of dense bodies are along it (`dense_edge`).

    Parameters
    ----------
    hu: (K, J, I).
    spacing: mm along k, j, i.
    """
    edges = _edges(hu, spacing)
    if not edges:
        return None
    levels = _levels(hu, spacing, np.concatenate([values[:, :3] for _, _, values, _ in edges]))
    sigmas = np.full(len(edges), 0.3)
    places = [_crossings(x, values) for _, x, values, _ in edges]
    shared = np.array(START)
    plain = False
    for number in range(ROUNDS + 1):
        curves = [_mean_curve(e, p) for e, p in zip(edges, places, strict=True)]
        sigmas, shared, shifts = _fit([e[0] for e in edges], curves, levels, sigmas, shared, plain)
        if number + 1 == ROUNDS:
            plain = _is_plain(*shared[:2])
        for n, edge in enumerate(edges):
            places[n] = _moved(edge, places[n] + shifts[n], levels, sigmas[n], shared)
    gain, far = np.round(shared[:2], 3).tolist()
    sigma = np.full(3, sigmas.mean())
    seen = [e[3] for e in edges]
    sigma[seen] = sigmas
    others = [axis for axis in range(3) if axis not in seen]
    if others:
        faces = widths_at_faces(hu, spacing, levels.noise, PointSpread(tuple(sigma.tolist()), gain, far))
        sigma[others] *= _relative(faces, others, seen)
    return PointSpread(tuple(np.round(sigma, 4).tolist()), gain, far)


def _relative(faces: tuple[np.ndarray, np.ndarray] | None, others: list[int], seen: list[int]) -> np.ndarray:
    """Widths along other axes relative to the mean of the seen ones, drawn to 1 as far as faces leave them uncertain.

    ``faces``: see `dense_edge.widths_at_faces`.
    """
    if faces is None:
        return np.ones(len(others))
    logs, covariance = faces
    contrast = np.eye(3)[others] - np.isin(np.arange(3), seen) / len(seen)
    # The seen axes ought to be equal, as skin shows them: how little they are tells what faces are worth.
    variance = np.einsum("na,ab,nb->n", contrast, covariance, contrast) + FACES_SD**2 + np.var(logs[seen])
    return np.exp(contrast @ logs * UNEQUAL**2 / (UNEQUAL**2 + variance))


def _levels(hu: np.ndarray, spacing: np.ndarray, profiles: np.ndarray) -> _Levels:
    """Levels of the image; ``profiles``: samples that lie farthest from the skin, (N, M).

    Air is that of the whole image, as overshoot reaches beyond the profiles; theirs where there is none, or the image
    is padded with the lowest value. The noise is that of air, above its median: what lies below may be cut off.
    """
    floor = float(profiles.min())
    air = _far_air(hu, np.maximum(np.round(FAR_MM / spacing), 1).astype(int))
    if air.size < LEAST_AIR or np.median(air) <= floor:
        return _Levels(float(np.median(profiles[:, 0])), noise_hu(hu), floor)
    middle, above = np.percentile(air, (50, 84.13))
    return _Levels(float(middle), max(float(above - middle), 1.0), floor)


def _far_air(hu: np.ndarray, away: np.ndarray) -> np.ndarray:
    """A sample of the air that has air so many voxels away on all sides: the blur of tissue hardly reaches it."""
    step = max(1, round((hu.size / SAMPLED_AIR) ** (1 / 3)))
    starts = [slice(int(a), n - int(a), step) for a, n in zip(away, hu.shape, strict=True)]
    sample = hu[tuple(starts)]
    far = sample < AIR_HU
    for axis, a in enumerate(away.tolist()):
        for shift in (-a, a):
            moved = [slice(s.start + shift, s.stop + shift, step) if n == axis else s for n, s in enumerate(starts)]
            far &= hu[tuple(moved)] < AIR_HU
    return sample[far]


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
    near = [profile(hu, points, axis, 1) for axis in range(3)]
    gradient = np.stack([(p[:, 2] - p[:, 0]) / h for p, h in zip(near, spacing, strict=True)], axis=1)
    # Noise makes gradients longer and would let edges look more oblique than they are.
    square = gradient**2 - noise_hu(hu) ** 2 / (2 * spacing**2)
    lean = np.sqrt(np.maximum(square, 0) / np.maximum(square.sum(1), 1e-6)[:, None])
    found = []
    for axis, h in enumerate(spacing.tolist()):
        chosen = np.flatnonzero(lean[:, axis] > STEEPEST)
        chosen = chosen[:: max(1, -(-len(chosen) // MOST_PROFILES))]
        values = profile(hu, points[chosen], axis, int(reach[axis]))
        falling = gradient[chosen, axis] < 0
        values[falling] = values[falling, ::-1]
        good = (values[:, :2].mean(1) < AIR_HU) & (values[:, reach[axis] + 2 :].min(1) > TISSUE_HU)
        if good.sum() >= LEAST_PROFILES:
            along = np.arange(-reach[axis], reach[axis] + 1) * h
            found.append((h, along * lean[chosen[good], axis, None], values[good], axis))
    return found


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
    spacings: list[float],
    curves: list[tuple[np.ndarray, ...]],
    levels: _Levels,
    sigmas: np.ndarray,
    shared: np.ndarray,
    plain: bool,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sigma of each axis, what they share (gain, far, skin, depth and step of fat), and shifts of the curves.

    ``plain``: one Gaussian, without gains.
    """
    count = len(curves)
    held = np.sqrt(sum(c[2].max() for c in curves)) / 20.0

    def residual(p: np.ndarray) -> np.ndarray:
        parts = []
        for n, (h, (x, mean, number)) in enumerate(zip(spacings, curves, strict=True)):
            model = _edge_model(x - p[SHARED + count + n], h, levels, p[SHARED + n], p[:SHARED])
            parts.append(np.sqrt(number) * (model - mean) / 100.0)
        parts.append([held * (p[3] - SKIN_MM), held * p[1] / FAR_SD])
        return np.concatenate(parts)

    low = np.r_[LOWEST, np.full(count, 0.08), np.full(count, -0.3)]
    high = np.r_[HIGHEST, np.full(count, 1.0), np.full(count, 0.3)]
    if plain:
        low[:2], high[:2] = -NOTHING, NOTHING
    start = np.clip(np.r_[shared, sigmas, np.zeros(count)], low + NOTHING / 2, high - NOTHING / 2)
    best = least_squares(residual, start, bounds=(low, high)).x
    return best[SHARED : SHARED + count], best[:SHARED], best[SHARED + count :]


def _is_plain(gain: float, far: float) -> bool:
    """Whether the gains tell of the skin's layers and of noise, not of a sharp kernel."""
    return max(abs(gain), abs(far)) < PLAIN or gain < 0 or far > MOST_FAR


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
    gain, far, skin, depth, fat = shared
    steps = (step(y, h, sigma, gain, far) for y in (x, x - depth))
    mean = levels.air + sum(rise * shown for rise, shown in zip((skin - levels.air, fat), steps, strict=True))
    z = (mean - levels.floor) / levels.noise
    return levels.floor + (mean - levels.floor) * ndtr(z) + levels.noise * np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
