"""The scanner's point spread, estimated from the edge between skin and air."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

EDGE_HU = (-620.0, -380.0)
FWHM_PER_SIGMA = 2.3548
DEFAULT_FWHM_MM = 0.8
MIN_POINTS = 300
REACH = 3


def estimate_psf_fwhm_mm(hu: np.ndarray, spacing: np.ndarray) -> float:
    """Full width at half maximum (mm) of a Gaussian point spread.

    Across the skin the image steps from air to tissue. Along the axis that is nearly normal to the edge the distance
    from a quarter to three quarters of the step is taken, its median over many points compared with that of sampled
    Gaussian edges. Where voxels are much larger than the blur the answer is uncertain. Without enough air:
    `DEFAULT_FWHM_MM`.

    Parameters
    ----------
    hu: (K, J, I) of a box that holds some skin.
    spacing: mm along k, j, i.
    """
    step = max(1, int(np.ceil((hu.size / 4e6) ** (1 / 3))))
    inner = hu[REACH:-REACH:step, REACH:-REACH:step, REACH:-REACH:step]
    points = np.argwhere((inner > EDGE_HU[0]) & (inner < EDGE_HU[1])) * step + REACH
    if len(points) < MIN_POINTS:
        return DEFAULT_FWHM_MM
    slopes = [_profile(hu, points, axis, 1) for axis in range(3)]
    gradient = np.stack([(s[:, 2] - s[:, 0]) / h for s, h in zip(slopes, spacing, strict=True)], axis=1)
    size = np.linalg.norm(gradient, axis=1)
    direction = np.abs(gradient) / np.maximum(size, 1e-6)[:, None]
    ratios, weights = [], []
    for axis in range(3):
        chosen = direction[:, axis] > 0.95
        profile = _profile(hu, points[chosen], axis, REACH)
        falling = gradient[chosen, axis] < 0
        profile[falling] = profile[falling, ::-1]
        step = profile[:, REACH : REACH + 3].max(1) - profile[:, :2].mean(1)
        # Air and skin differ by about 1000 HU: other edges are left out.
        good = (step > 800) & (step < 1300)
        if good.sum() < MIN_POINTS // 3:
            continue
        ratios.append(_sigma(float(np.median(_width(profile[good]))), float(spacing[axis])))
        weights.append(int(good.sum()))
    if not ratios:
        return DEFAULT_FWHM_MM
    # The voxel's own width is no part of the point spread.
    sigma = np.sqrt(max(np.average(ratios, weights=weights) ** 2 - float(spacing.mean()) ** 2 / 12.0, 0.0))
    return float(np.clip(np.round(FWHM_PER_SIGMA * sigma, 3), 0.2, 1.5))


def _width(profile: np.ndarray) -> np.ndarray:
    """Distance, in samples, between a quarter and three quarters of each rising edge (N, 2 REACH + 1)."""
    foot = profile[:, :2].mean(1)
    share = (profile - foot[:, None]) / (profile[:, REACH : REACH + 3].max(1) - foot)[:, None]
    places = []
    for level in (0.25, 0.75):
        first = np.clip((share >= level).argmax(1), 1, None)
        rows = np.arange(len(share))
        low, high = share[rows, first - 1], share[rows, first]
        places.append(first - 1 + (level - low) / np.maximum(high - low, 1e-6))
    return places[1] - places[0]


def _sigma(width: float, h: float) -> float:
    """Sigma (mm) of the Gaussian whose sampled edges have this median width: linear interpolation widens them."""
    phases = np.linspace(-0.5, 0.5, 41)[:, None]
    samples = np.arange(-REACH, REACH + 1)[None] + phases
    sigmas = np.linspace(0.2, 2.5, 60)
    widths = []
    for sigma in sigmas:
        edge = 1000.0 * ndtr(samples / sigma)
        middle = (edge[:, REACH] > 1000 + EDGE_HU[0]) & (edge[:, REACH] < 1000 + EDGE_HU[1])
        widths.append(float(np.median(_width(edge[middle]))) if middle.any() else 0.5)
    return float(np.interp(width, np.maximum.accumulate(widths), sigmas)) * h


def _profile(hu: np.ndarray, points: np.ndarray, axis: int, reach: int) -> np.ndarray:
    """Values along an axis from ``-reach`` to ``reach`` around each point, (N, 2 reach + 1), float."""
    unit = np.eye(3, dtype=int)[axis]
    return np.stack([hu[tuple((points + d * unit).T)].astype(float) for d in range(-reach, reach + 1)], axis=1)
