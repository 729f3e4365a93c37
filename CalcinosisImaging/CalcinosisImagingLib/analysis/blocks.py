"""Coarser images by averaging whole blocks of voxels: no interpolation, no aliasing, little memory."""

from __future__ import annotations

import numpy as np

from .volume import Volume


def block_factors(spacing_mm: np.ndarray, wanted_mm: float) -> np.ndarray:
    """Voxels per block along i, j, k so that a block is as near to ``wanted_mm`` as whole numbers allow."""
    return np.maximum(1, np.round(wanted_mm / np.asarray(spacing_mm))).astype(int)


def block_mean(volume: Volume, wanted_mm: float) -> Volume:
    """Means over blocks of about ``wanted_mm``, float32; voxels of an incomplete last block are left out."""
    factors = np.minimum(block_factors(volume.spacing_mm, wanted_mm), volume.size)
    matrix = volume.ijk_to_ras.copy()
    matrix[:3, :3] *= factors
    matrix[:3, 3] = volume.to_ras((factors - 1) / 2)
    return Volume(mean_of_blocks(volume.voxels, factors), matrix)


def mean_of_blocks(voxels: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Means of a (K, J, I) array over blocks of ``factors`` (i, j, k) voxels, float32; one slab in memory at a time."""
    fi, fj, fk = (int(f) for f in factors)
    k, j, i = (n // f for n, f in zip(voxels.shape, (fk, fj, fi), strict=True))
    result = np.empty((k, j, i), np.float32)
    for index in range(k):
        slab = voxels[index * fk : (index + 1) * fk, : j * fj, : i * fi]
        result[index] = slab.reshape(fk, j, fj, i, fi).mean(axis=(0, 2, 4), dtype=np.float32)
    return result
