"""The densest ordinary tissue of a scan, and the noise there: what deposits must stand out from."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.special import ndtri

from .noise import Noise

BLOCK_MM = 2.0
"""Blocks of this size average the noise away, and still fit into a tendon."""
EVERY = 3
"""Every third layer of blocks is enough."""
DENSEST_PERCENT = 99.5
DENSEST_SDS = float(ndtri(DENSEST_PERCENT / 100))
AIR_HU, DENSE_HU = -200.0, 100.0
"""Blocks that reach below the first, or above soft tissue by the second and the noise, are not of tissue alone."""
PEAK_SDS = 5.0
LAG_MM = 1.5
"""Farther apart than the noise is correlated, and than the smoothing reaches."""
LEAST_SAMPLES = 100
USUAL_NOISE_HU = 20.0


def densest_tissue(
    smooth: np.ndarray, bones: np.ndarray, soft_hu: float, noise: Noise, smooth_mm: float, spacing: np.ndarray
) -> tuple[float, float]:
    """Level of the densest half percent of tissue (tendons, where there are some), and the noise about it, HU.

    Noise alone would lift half a percent of the blocks' means by `DENSEST_SDS`: it is taken away, as squares.

    Parameters
    ----------
    smooth: (K, J, I) int16, lightly smoothed.
    bones: labels; blocks beside them do not count.
    noise: of the image before it was smoothed by ``smooth_mm`` (sigma).
    """
    rest = noise_between(smooth, soft_hu, spacing)
    size = np.maximum(np.round(BLOCK_MM / spacing), 1).astype(int)
    count = np.array(smooth.shape) // size
    levels = []
    for layer in range(0, count[0], EVERY):
        planes = slice(layer * size[0], (layer + 1) * size[0])
        hu, bone = (
            a[planes, : count[1] * size[1], : count[2] * size[2]].reshape(size[0], count[1], size[1], count[2], size[2])
            for a in (smooth, bones)
        )
        alone = hu.min(axis=(0, 2, 4)) > AIR_HU
        alone &= hu.max(axis=(0, 2, 4)) < soft_hu + DENSE_HU + PEAK_SDS * rest
        alone &= ~ndimage.binary_dilation(bone.max(axis=(0, 2, 4)) > 0)
        levels.append(hu.mean(axis=(0, 2, 4), dtype=np.float32)[alone])
    tissue = np.concatenate(levels) if levels else np.zeros(0)
    dense = float(np.percentile(tissue, DENSEST_PERCENT)) if len(tissue) >= LEAST_SAMPLES else soft_hu
    of_block = noise.smoothed_hu(np.sqrt(smooth_mm**2 + (size * spacing) ** 2 / 12) / spacing)
    above = np.square(max(dense - soft_hu, 0.0)) - np.square(DENSEST_SDS * of_block)
    return soft_hu + float(np.sqrt(max(above, 0.0))), rest


def noise_between(hu: np.ndarray, soft_hu: float, spacing: np.ndarray, lag_mm: float = LAG_MM) -> float:
    """Standard deviation of the noise of a smoothed image, from tissue ``lag_mm`` apart (robust)."""
    lag = max(round(lag_mm / float(spacing[2])), 1)
    left, right = hu[::2, :, :-lag:3], hu[::2, :, lag::3]
    low, high = soft_hu - 100.0, soft_hu + 100.0
    both = (left > low) & (left < high) & (right > low) & (right < high)
    difference = left[both].astype(np.float32) - right[both]
    if len(difference) < LEAST_SAMPLES:
        return USUAL_NOISE_HU
    # Whole numbers: the median would jump from one to the next.
    return float(1.4826 * np.percentile(np.abs(difference), [45, 50, 55]).mean() / np.sqrt(2.0))
