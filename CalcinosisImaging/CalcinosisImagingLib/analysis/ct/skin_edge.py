"""The point spread from the edge between air and skin, which every scan has, of a step that is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares
from scipy.special import ndtr

from .edge_model import profile, step
from .grid import noise_hu
from .psf import PointSpread, gaussian

EDGE_HU = (-850.0, -150.0)
DEFAULT_FWHM_MM = 0.8
LEAST_PROFILES = 200
MOST_PROFILES = (6000, 1500, 1500)
"""Of a direction, by the classes of `LEANS`: those that face an axis tell of the kernel's overshoot as well."""
SAMPLED_VOXELS = 8e6
SAMPLED_AIR, LEAST_AIR, FAR_MM = 1e6, 300, 2.0
BESIDE_MM, FLAT = 0.8, 0.77
"""Skin is flat where its normals so far to both sides are within 40 degrees of each other, and its slopes those of
skin: corners look blurred."""
LEANS = (0.94, 0.8, 0.577)
"""Classes of directions by the normal's greatest component: facing an axis (within 20 degrees), leaning, oblique."""
BEFORE_MM, BEHIND_MM, BIN_MM = 1.5, 2.2, 0.05
AIR_HU, TISSUE_HU = -850.0, -250.0
ROUNDS = 4
SKIN_MM = 1.5
"""Where fat is expected to begin: holds the fit where noise hides it."""

NORMAL_ROUNDS = 4
SIGMA_MM = 0.3
"""Of the blur, for a start."""
UNEQUAL = 0.12
"""Standard deviation of the logarithm by which the blur across slices is usually wider or narrower than in them."""
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

    Profiles across the skin are laid over each other at their sub-voxel places. The mean of those of one direction is
    fitted by two steps (air to skin, skin to fat at a depth to be found), blurred by the point spread and the voxel
    along that direction, and cut off from below as scanners do. Leaning skin tells of the blur along an axis that
    hardly any faces. An axis along which none leans gets the mean width of the others.

    Parameters
    ----------
    hu: (K, J, I).
    spacing: mm along k, j, i.
    """
    edges = _edges(hu, spacing)
    if not edges:
        return None
    levels = _levels(hu, spacing, np.concatenate([e.values[:, :3] for e in edges]))
    sigmas = np.full(3, SIGMA_MM)
    places = [_crossings(e.along, e.values) for e in edges]
    shared = np.array(START)
    plain = False
    for number in range(ROUNDS + 1):
        curves = [_mean_curve(e, p) for e, p in zip(edges, places, strict=True)]
        sigmas, shared, shifts = _fit(edges, curves, levels, sigmas, shared, plain)
        if number + 1 == ROUNDS:
            plain = _is_plain(*shared[:2])
        for n, edge in enumerate(edges):
            places[n] = _moved(edge, places[n] + shifts[n], levels, edge.sigma_mm(sigmas), shared)
    gain, far = np.round(shared[:2], 3).tolist()
    return PointSpread(tuple(np.round(sigmas, 4).tolist()), gain, far)


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


@dataclass(frozen=True, eq=False)
class _Edge:
    """Profiles from air into tissue across skin of one direction.

    Attributes
    ----------
    along: (N, M) mm along the normal from the middle sample.
    values: (N, M) HU.
    square: (3,) mean squares of the normal's components.
    width_mm: of a voxel along the normal.
    stands_for: how many places in the scan each profile was chosen from.
    """

    along: np.ndarray
    values: np.ndarray
    square: np.ndarray
    width_mm: float
    stands_for: int

    def sigma_mm(self, sigmas: np.ndarray) -> float:
        """Of the blur along the normal, from those along k, j, i."""
        return float(np.sqrt(self.square @ np.square(sigmas)))


def _edges(hu: np.ndarray, spacing: np.ndarray) -> list[_Edge]:
    """Profiles from air into tissue for every class of directions that has enough of them."""
    reaches = np.maximum(np.ceil(BEFORE_MM / np.outer(LEANS, spacing)), 4).astype(int)
    margin = reaches.min(0)
    if (np.array(hu.shape) <= 2 * margin + 2).any():
        return []
    step = max(1, int(np.ceil((hu.size / SAMPLED_VOXELS) ** (1 / 3))))
    inner = hu[tuple(slice(int(r), -int(r), step) for r in margin)]
    points = np.argwhere((inner > EDGE_HU[0]) & (inner < EDGE_HU[1])) * step + margin
    gradient = _gradient(hu, points, spacing)
    square = _squares(gradient, noise_hu(hu), spacing)
    order = np.argsort(-square, axis=1)
    greatest = np.sqrt(np.take_along_axis(square, order[:, :1], 1)[:, 0])
    found = []
    for axis, second, lean in _classes():
        above = LEANS[lean - 1] if lean else np.inf
        chosen = (order[:, 0] == axis) & (greatest > LEANS[lean]) & (greatest <= above)
        if second is not None:
            chosen &= order[:, 1] == second
        inside = np.minimum(points, np.array(hu.shape) - 1 - points)[:, axis] >= reaches[lean, axis]
        where = np.flatnonzero(chosen & inside)
        every = max(1, -(-len(where) // MOST_PROFILES[lean]))
        where = where[::every]
        if second is not None:
            where = where[_flat(hu, points[where], gradient[where], order[where, :2], spacing)]
        edge = _edge(hu, points[where], gradient[where], square[where], axis, int(reaches[lean, axis]), spacing, every)
        if len(edge.values) >= LEAST_PROFILES:
            found.append(edge)
    return found


def _classes() -> list[tuple[int, int | None, int]]:
    """Axis of the normal's greatest component, of its second one (None: no matter), and the class in `LEANS`."""
    facing = [(axis, None, 0) for axis in range(3)]
    pairs = [(a, b) for a in range(3) for b in range(3) if a != b]
    return facing + [(a, b, lean) for lean in range(1, len(LEANS)) for a, b in pairs]


def _gradient(hu: np.ndarray, points: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """Differences of the neighbours of voxels, (N, 3) HU per mm."""
    near = [profile(hu, points, axis, 1) for axis in range(3)]
    return np.stack([(p[:, 2] - p[:, 0]) / (2 * h) for p, h in zip(near, spacing, strict=True)], axis=1)


def _squares(gradient: np.ndarray, noise: float, spacing: np.ndarray) -> np.ndarray:
    """Squares of the normal's components, (N, 3), from the differences of neighbours.

    Noise makes differences longer and would let edges look more oblique than they are. And the difference is less than
    the slope where the edge is hardly wider than the neighbours are apart along its normal: most for the greatest
    component, which would look too small.
    """
    difference = np.maximum(gradient**2 - noise**2 / (2 * spacing**2), 0)
    square = difference
    for _ in range(NORMAL_ROUNDS):
        square = square / np.maximum(square.sum(1), 1e-9)[:, None]
        blur = np.sqrt(SIGMA_MM**2 + square @ spacing**2 / 12)
        wide = np.maximum(np.sqrt(square) * spacing / blur[:, None], 1e-3)
        square = difference / np.square((ndtr(wide) - 0.5) * np.sqrt(2 * np.pi) / wide)
    return square / np.maximum(square.sum(1), 1e-9)[:, None]


def _flat(
    hu: np.ndarray, points: np.ndarray, gradient: np.ndarray, axes: np.ndarray, spacing: np.ndarray
) -> np.ndarray:
    """Which points lie on flat skin, in the plane of the two axes (N, 2) of the normal's greatest components."""
    rows = np.arange(len(points))
    first, second = axes.T
    tangent = np.zeros(points.shape)
    tangent[rows, first], tangent[rows, second] = gradient[rows, second], -gradient[rows, first]
    tangent *= BESIDE_MM / np.maximum(np.linalg.norm(tangent, axis=1), 1e-6)[:, None]
    away = np.round(tangent / spacing).astype(int)
    limit = np.array(hu.shape) - 2
    before, after = (_gradient(hu, np.clip(points + a, 1, limit), spacing) for a in (-away, away))
    steep = [np.linalg.norm(g, axis=1) for g in (gradient, before, after)]
    alike = (before * after).sum(1) > FLAT * steep[1] * steep[2]
    return alike & (np.minimum(steep[1], steep[2]) > 0.5 * steep[0])


def _edge(
    hu: np.ndarray,
    points: np.ndarray,
    gradient: np.ndarray,
    square: np.ndarray,
    axis: int,
    reach: int,
    spacing: np.ndarray,
    every: int,
) -> _Edge:
    """Profiles along an axis through those points on whose sides are air and tissue."""
    values = profile(hu, points, axis, reach)
    falling = gradient[:, axis] < 0
    values[falling] = values[falling, ::-1]
    good = (values[:, :2].mean(1) < AIR_HU) & (values[:, reach + 2 :].min(1) > TISSUE_HU)
    along = np.arange(-reach, reach + 1) * spacing[axis] * np.sqrt(square[good, axis, None])
    mean = square[good].mean(0) if good.any() else np.zeros(3)
    return _Edge(along, values[good], mean, float(np.sqrt(mean @ spacing**2)), every)


def _crossings(x: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Where each profile passes half of the step, by linear interpolation."""
    half = 0.5 * sum(EDGE_HU)
    after = np.clip((values >= half).argmax(axis=1), 1, None)
    rows = np.arange(len(values))
    low, high = values[rows, after - 1], values[rows, after]
    share = np.clip((half - low) / np.maximum(high - low, 1.0), 0.0, 1.0)
    return x[rows, after - 1] + share * (x[rows, after] - x[rows, after - 1])


def _mean_curve(edge: _Edge, places: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distance, mean value and number of samples (those not chosen, too) in bins of `BIN_MM`."""
    x = edge.along - places[:, None]
    index = np.floor((x + BEFORE_MM) / BIN_MM).astype(int)
    size = int((BEFORE_MM + BEHIND_MM) / BIN_MM)
    used = (index >= 0) & (index < size)
    count = np.bincount(index[used], minlength=size)
    some = count > 0
    sums = [np.bincount(index[used], weights=v[used], minlength=size)[some] / count[some] for v in (x, edge.values)]
    return sums[0], sums[1], edge.stands_for * count[some]


def _fit(
    edges: list[_Edge],
    curves: list[tuple[np.ndarray, ...]],
    levels: _Levels,
    sigmas: np.ndarray,
    shared: np.ndarray,
    plain: bool,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sigma along k, j, i, what all share (gain, far, skin, depth and step of fat), and shifts of the curves.

    ``plain``: one Gaussian, without gains.
    """
    count = len(curves)
    held = np.sqrt(sum(c[2].max() for c in curves)) / 20.0

    # All curves at once: each call costs more than its numbers.
    which = np.repeat(np.arange(count), [len(c[0]) for c in curves])
    x, mean, number = (np.concatenate(parts) for parts in zip(*curves, strict=True))
    width = np.array([e.width_mm for e in edges])[which]

    def residual(p: np.ndarray) -> np.ndarray:
        logs, shift = p[SHARED : SHARED + 3], p[SHARED + 3 :]
        sigma = np.array([e.sigma_mm(np.exp(logs)) for e in edges])[which]
        model = _edge_model(x - shift[which], width, levels, sigma, p[:SHARED])
        expected = held * np.r_[p[3] - SKIN_MM, p[1] / FAR_SD, (logs - logs.mean()) / UNEQUAL]
        return np.r_[expected, np.sqrt(number) * (model - mean) / 100.0]

    low = np.r_[LOWEST, np.full(3, np.log(0.08)), np.full(count, -0.3)]
    high = np.r_[HIGHEST, np.full(3, np.log(1.0)), np.full(count, 0.3)]
    if plain:
        low[:2], high[:2] = -NOTHING, NOTHING
    start = np.clip(np.r_[shared, np.log(sigmas), np.zeros(count)], low + NOTHING / 2, high - NOTHING / 2)
    best = least_squares(residual, start, bounds=(low, high)).x
    return np.exp(best[SHARED : SHARED + 3]), best[:SHARED], best[SHARED + 3 :]


def _is_plain(gain: float, far: float) -> bool:
    """Whether the gains tell of the skin's layers and of noise, not of a sharp kernel."""
    return max(abs(gain), abs(far)) < PLAIN or gain < 0 or far > MOST_FAR


def _moved(edge: _Edge, places: np.ndarray, levels: _Levels, sigma: float, shared: np.ndarray) -> np.ndarray:
    """Places of the profiles, each moved to where the curve fits it best (two Gauss-Newton steps)."""
    h, along, values = edge.width_mm, edge.along, edge.values
    for _ in range(2):
        x = along - places[:, None]
        model = _edge_model(x, h, levels, sigma, shared)
        slope = (_edge_model(x + 1e-3, h, levels, sigma, shared) - model) / 1e-3
        slope *= np.abs(x) < 1.5 * h
        step = ((values - model) * slope).sum(1) / ((slope**2).sum(1) + 1.0)
        places = places - np.clip(step, -0.2 * h, 0.2 * h)
    return places


def _edge_model(
    x: np.ndarray, h: np.ndarray | float, levels: _Levels, sigma: np.ndarray | float, shared: np.ndarray
) -> np.ndarray:
    """Expected value at a distance from the skin's surface; noise below the scanner's lowest value is cut off."""
    gain, far, skin, depth, fat = shared
    steps = (step(y, h, sigma, gain, far) for y in (x, x - depth))
    mean = levels.air + sum(rise * shown for rise, shown in zip((skin - levels.air, fat), steps, strict=True))
    z = (mean - levels.floor) / levels.noise
    return levels.floor + (mean - levels.floor) * ndtr(z) + levels.noise * np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
