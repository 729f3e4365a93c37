"""The noise of a CT: its size and how coarse it is, and fresh noise like it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

TISSUE_HU = (0.0, 110.0)
"""Means of the pairs that are looked at; the mean of two voxels tells nothing of their difference."""
SAMPLED = 2e6
LEAST_PAIRS = 200
CORRELATIONS = np.linspace(0.9, 0.0, 181)
WHITE = 0.05
"""Correlations of neighbours below this are none."""
WHITE_SIGMA = 0.5 / np.sqrt(np.pi)
"""A Gaussian of this width (voxels) shares as much between voxels as white noise does."""
DEFAULT_HU, DEFAULT_SIGMA = 20.0, 0.5


@dataclass(frozen=True)
class Noise:
    """Gaussian noise, taken as white noise that was smoothed by a Gaussian.

    Attributes
    ----------
    hu: standard deviation of a voxel.
    sigma_voxels: of the smoothing, along k, j, i; 0 is white.
    """

    hu: float
    sigma_voxels: tuple[float, float, float]

    @property
    def clump(self) -> float:
        """Number of voxels that share one draw of it."""
        return float(np.prod([max(1.0, 2 * np.sqrt(np.pi) * s) for s in self.sigma_voxels]))

    def smoothed_hu(self, sigma_voxels: np.ndarray) -> float:
        """Standard deviation that is left after smoothing by a Gaussian (along k, j, i)."""
        own = np.maximum(self.sigma_voxels, WHITE_SIGMA)
        return self.hu * float(np.sqrt(np.prod(own / np.hypot(own, sigma_voxels))))

    def draw(self, shape: tuple[int, int, int], seed: int) -> np.ndarray:
        """An example, float32; the same for the same seed."""
        white = np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)
        noise = ndimage.gaussian_filter(white, self.sigma_voxels, mode="wrap")
        return noise * np.float32(self.hu / max(float(noise.std()), 1e-6))


def measure_noise(hu: np.ndarray) -> Noise:
    """Noise of the soft tissue in an image (K, J, I).

    From medians of the differences between neighbours, and between voxels two apart, which edges hardly change. With a
    correlation r of neighbours, and so r^4 at twice the distance, their variances are as 1 to 1 + r + r^2 + r^3; the
    smoothing is 1 / (2 sqrt(-ln r)) voxels.
    """
    step = max(1, round((hu.size / SAMPLED) ** (1 / 3)))
    sizes, sigmas = [], []
    for axis in range(3):
        near, far = (_spread(hu, axis, lag, step) for lag in (1, 2))
        if not near or not far:
            continue
        r = CORRELATIONS
        r = float(np.interp((near / far) ** 2, 1 / (1 + r + r**2 + r**3), r))
        sizes.append(far / np.sqrt(1 - r**4))
        sigmas.append(0.5 / np.sqrt(-np.log(r)) if r > WHITE else 0.0)
    if len(sizes) < 3:
        return Noise(DEFAULT_HU, (DEFAULT_SIGMA,) * 3)
    return Noise(float(np.mean(sizes)), tuple(np.round(sigmas, 3).tolist()))


def _spread(hu: np.ndarray, axis: int, lag: int, step: int) -> float | None:
    """Standard deviation of one voxel, from (robust) differences of voxels ``lag`` apart; None for too few."""
    if hu.shape[axis] <= lag:
        return None
    ends = [[slice(None, None, step)] * 3 for _ in range(2)]
    ends[0][axis], ends[1][axis] = slice(0, -lag, step), slice(lag, None, step)
    first, second = (hu[tuple(end)].astype(np.float32) for end in ends)
    mean = (first + second) / 2
    tissue = (mean > TISSUE_HU[0]) & (mean < TISSUE_HU[1])
    if int(tissue.sum()) < LEAST_PAIRS:
        return None
    return float(1.4826 * np.median(np.abs(first[tissue] - second[tissue])) / np.sqrt(2.0))
