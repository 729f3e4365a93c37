"""Where the hand ends: a mask of everything inside the skin."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..volume import Volume

AIR_HU = -400.0
COARSE_MM = 1.2
MIN_SHARE = 0.02


def skin_mask(volume: Volume) -> np.ndarray:
    """Boolean (K, J, I): the hand with its skin, without table, cushions and air.

    Found on a coarse copy (`COARSE_MM`): components above `AIR_HU` after a small opening that frees the hand from thin
    sheets, holes filled; then voxel by voxel near the boundary.
    """
    step = np.maximum(np.round(COARSE_MM / volume.spacing_mm[::-1]).astype(int), 1)
    coarse = volume.voxels[:: step[0], :: step[1], :: step[2]] > AIR_HU
    opened = ndimage.binary_opening(np.pad(coarse, 2, mode="edge"), iterations=1)[2:-2, 2:-2, 2:-2]
    labels, count = ndimage.label(opened)
    if count == 0:
        return volume.voxels > AIR_HU
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    body = np.isin(labels, np.flatnonzero(sizes >= max(MIN_SHARE * sizes.max(), 1)))
    body = ndimage.binary_fill_holes(body)
    core = ndimage.binary_erosion(body, iterations=2, border_value=1)
    body = ndimage.binary_dilation(body, iterations=2)
    index = np.ix_(
        *[np.minimum(np.arange(n) // s, m - 1) for n, s, m in zip(volume.voxels.shape, step, body.shape, strict=True)]
    )
    mask = volume.voxels > AIR_HU
    mask &= body[index]
    mask |= core[index]
    return mask
