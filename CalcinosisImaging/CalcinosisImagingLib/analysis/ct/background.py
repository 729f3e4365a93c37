"""What the tissue would be where a deposit lies: the tissue around it, layer by layer, carried inwards."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .crops import finer, halved
from .skin_depth import DEEPEST_MM

CARRIED_MM = 1.5
BIN_MM = 0.25
LAYER_MM = 0.2
"""Layers are told apart as finely as the depth is known."""
FEW = 1.0
"""Where fewer voxels than this are so deep, those that are nearly so deep count as well."""


def background(
    hu: np.ndarray, around: np.ndarray, soft_hu: float, spacing: np.ndarray, depth_mm: np.ndarray | None
) -> np.ndarray:
    """Image without the deposit, (K, J, I) float32.

    Skin, the fat under it and what is deeper are layers along the skin: a body that lies in two of them hides their
    border. The mean of the tissue around it at every depth is what is expected; where the tissue around is other than
    that, this is carried inwards (normalised convolution, Knutsson & Westin 1993).

    Parameters
    ----------
    hu: crop of the image.
    around: bool, tissue around the body.
    soft_hu: where no tissue is near.
    depth_mm: under the skin, see `skin_depth`; None: no layers.
    """
    expected = np.float32(soft_hu) if depth_mm is None else _by_depth(hu, around, soft_hu, depth_mm)
    # Means of pairs of voxels along each axis are enough for what is so smooth.
    sigma = CARRIED_MM / (2 * spacing)
    weight = halved(around.astype(np.float32), sigma)
    values = halved(np.where(around, hu - expected, 0).astype(np.float32), sigma)
    # A little of nothing, so that the expected takes over where no tissue is near.
    return expected + finer(values / (weight + np.float32(1e-3)), 2)[tuple(slice(n) for n in hu.shape)]


def _by_depth(hu: np.ndarray, around: np.ndarray, soft_hu: float, depth_mm: np.ndarray) -> np.ndarray:
    """Mean of the tissue around at each voxel's depth, float32."""
    place = np.minimum(depth_mm, DEEPEST_MM) / BIN_MM
    count = int(DEEPEST_MM / BIN_MM) + 2
    lower = place[around].astype(int)
    upper_share = place[around] - lower
    sums = np.zeros((2, count))
    for weight, index in ((1 - upper_share, lower), (upper_share, lower + 1)):
        sums[0] += np.bincount(index, weight * hu[around], count)
        sums[1] += np.bincount(index, weight, count)
    # Every depth borrows a little from those near it, and from all, in case it has no voxels.
    total, size = sums.sum(1)
    means = np.full(count, (total + 1e-3 * soft_hu) / (size + 1e-3))
    for width in (4 * LAYER_MM, LAYER_MM):
        near = ndimage.gaussian_filter1d(sums, width / BIN_MM, axis=1, mode="constant")
        means = (near[0] + FEW * means) / (near[1] + FEW)
    return np.interp(place.ravel(), np.arange(count), means).reshape(hu.shape).astype(np.float32)
