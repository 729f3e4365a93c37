"""Paste that is too faint for one voxel but not for all of its voxels together: found at a coarser scale.

Smoothing over 0.75 mm takes most of the noise of a lightly smoothed scan away, and little of a body of 20 mm³ (1.7 mm
in radius). Bones and what the fine scale shows are left out of it, as if the image were not known there (normalized
convolution, Knutsson & Westin 1993). What stands out is a body, down to half of what is asked of its peak.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage

from .grid import grow_box
from .tissue import noise_between

SCALE_MM = 0.75
STEP_MM = 0.7
"""Voxels are averaged in blocks of about this: with the scale's smoothing nothing is lost."""
PEAK_SDS, FOOT_SDS = 5.0, 2.0
LAG_MM = 3.0
"""Farther apart than the noise is correlated at this scale."""
LOWEST_HU = -150.0
"""Fat; air counts as fat."""
LEAST_MM3 = 8.0
CLEAR_MM = 0.8
"""From bones and dense bodies: their blur."""
KNOWN = 0.5
"""Where less than this share of the surroundings is known, what is not counts as soft tissue."""
AROUND_MM = 3.0


def faint_bodies(
    smooth: np.ndarray, taken: np.ndarray, soft_hu: float, dense_hu: float, least_hu: float, spacing: np.ndarray
) -> np.ndarray:
    """Mask (bool, K, J, I) of bodies that only the coarse scale shows.

    Parameters
    ----------
    smooth: int16, lightly smoothed, what bones' blur adds taken away.
    taken: bool, bones and dense bodies; they and what lies close to them count as soft tissue.
    dense_hu: level of the densest ordinary tissue.
    least_hu: a body's peak is at least this high.
    """
    result = np.zeros(smooth.shape, bool)
    size = np.maximum(np.round(STEP_MM / spacing), 1).astype(int)
    step = size * spacing
    # An average over blocks is a smoothing too.
    sigma = np.sqrt(SCALE_MM**2 - step**2 / 12) / step
    coarse = _smoothed(_blocks(smooth, size, np.mean), _blocks(taken, size, np.max) > 0, soft_hu, sigma, step)
    noise = noise_between(coarse, soft_hu, step, LAG_MM)
    peak = max(dense_hu + PEAK_SDS * noise, least_hu)
    foot = max(0.5 * (peak + soft_hu), dense_hu + FOOT_SDS * noise)
    feet, _ = ndimage.label(coarse > foot)
    for number, box in enumerate(ndimage.find_objects(feet), start=1):
        if coarse[box][feet[box] == number].max() >= peak:
            whole = tuple(slice(s.start * n, s.stop * n) for s, n in zip(box, size, strict=True))
            wide = grow_box(whole, np.ceil(AROUND_MM / spacing), smooth.shape)
            result[wide] |= _body(smooth[wide], taken[wide], soft_hu, peak, foot, spacing)
    return result


def _body(
    smooth: np.ndarray, taken: np.ndarray, soft_hu: float, peak: float, foot: float, spacing: np.ndarray
) -> np.ndarray:
    """What exceeds ``foot`` in pieces that reach ``peak``: the coarse scale on the voxels of a crop around a body."""
    coarse = _smoothed(smooth.astype(np.float32), taken, soft_hu, SCALE_MM / spacing, spacing)
    labels, count = ndimage.label((coarse > foot) & ~taken)
    numbers = np.arange(1, count + 1)
    large = np.bincount(labels.ravel())[1:] * float(np.prod(spacing)) >= LEAST_MM3
    return np.isin(labels, numbers[large & (ndimage.maximum(coarse, labels, numbers) >= peak)])


def _smoothed(
    values: np.ndarray, taken: np.ndarray, soft_hu: float, sigma: np.ndarray, spacing: np.ndarray
) -> np.ndarray:
    """Values smoothed by ``sigma`` voxels, without those in and near what is taken; fat for air."""
    height = np.maximum(values, LOWEST_HU) - soft_hu
    width = 2 * np.round(CLEAR_MM / spacing).astype(int) + 1
    known = ndimage.maximum_filter(taken.view(np.uint8), size=tuple(width)) == 0
    height[~known] = 0.0
    share = ndimage.gaussian_filter(known.astype(np.float32), sigma, truncate=3.0)
    return soft_hu + ndimage.gaussian_filter(height, sigma, truncate=3.0) / np.maximum(share, KNOWN)


def _blocks(array: np.ndarray, size: np.ndarray, reduce: Callable) -> np.ndarray:
    """Mean or greatest of each block of ``size`` voxels, float32; what fills no block is left out."""
    count = np.array(array.shape) // size
    part = array[tuple(slice(0, c * s) for c, s in zip(count, size, strict=True))]
    shape = (count[0], size[0], count[1], size[1], count[2], size[2])
    return reduce(part.reshape(shape), axis=(1, 3, 5)).astype(np.float32)
