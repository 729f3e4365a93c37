"""The scanner's point spread, estimated from the edge between skin and air."""

from __future__ import annotations

import numpy as np

EDGE_HU = (-620.0, -380.0)
FWHM_PER_SIGMA = 2.3548
DEFAULT_FWHM_MM = 0.8
MIN_POINTS = 300
REACH = 3


def estimate_psf_fwhm_mm(hu: np.ndarray, spacing: np.ndarray) -> float:
    """Full width at half maximum (mm) of a Gaussian point spread.

    Across the skin the image steps from air to tissue. Along the axis that is most nearly normal to the edge the
    differences of neighbours are the line spread; its second moment, less that of the differencing (h²/12) and
    corrected for slant, is sigma². The median over many points is taken. Without enough air: `DEFAULT_FWHM_MM`.

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
    variances = []
    for axis in range(3):
        chosen = (direction[:, axis] > 0.9) & (size > 100.0)
        profile = _profile(hu, points[chosen], axis, REACH)
        rising = np.where(gradient[chosen, axis] > 0, 1.0, -1.0)[:, None] * np.diff(profile, axis=1)
        # Air and skin differ by about 1000 HU: other edges are left out.
        total = rising.sum(1)
        place = (np.arange(2 * REACH) - REACH + 0.5) * spacing[axis]
        good = (total > 800) & (total < 1300) & (rising.min(1) > -0.12 * total)
        line = rising[good] / total[good, None]
        mean = line @ place
        variance = line @ place**2 - mean**2 - spacing[axis] ** 2 / 12.0
        variances.append(variance * direction[chosen][good, axis] ** 2)
    variance = np.concatenate(variances)
    if len(variance) < MIN_POINTS:
        return DEFAULT_FWHM_MM
    return float(np.clip(np.round(FWHM_PER_SIGMA * np.sqrt(max(np.median(variance), 0.0)), 3), 0.2, 1.5))


def _profile(hu: np.ndarray, points: np.ndarray, axis: int, reach: int) -> np.ndarray:
    """Values along an axis from ``-reach`` to ``reach`` around each point, (N, 2 reach + 1), float."""
    unit = np.eye(3, dtype=int)[axis]
    return np.stack([hu[tuple((points + d * unit).T)].astype(float) for d in range(-reach, reach + 1)], axis=1)
