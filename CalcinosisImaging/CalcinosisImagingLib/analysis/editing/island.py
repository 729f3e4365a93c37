"""The connected body at a click, inside a segment or among candidates."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

NEIGHBOURS = ndimage.generate_binary_structure(3, 3)
"""26 neighbours: voxels that share a corner are one body, as in the pipeline's components."""


def island_at(mask: np.ndarray, seed_kji: tuple[int, int, int]) -> np.ndarray:
    """The connected part of a boolean array (K, J, I) that holds the seed; all False if the seed is not in it."""
    if not inside(mask.shape, seed_kji) or not mask[seed_kji]:
        return np.zeros_like(mask)
    labels, _ = ndimage.label(mask, NEIGHBOURS)
    return labels == labels[seed_kji]


def nearest_true(
    mask: np.ndarray, seed_kji: tuple[int, int, int], spacing_kji_mm: np.ndarray, reach_mm: float
) -> tuple[int, int, int] | None:
    """The True voxel nearest to the seed within ``reach_mm``, None if there is none: a click may miss by a little."""
    if inside(mask.shape, seed_kji) and mask[seed_kji]:
        return seed_kji
    found = np.argwhere(mask)
    if found.size == 0:
        return None
    distance = np.linalg.norm((found - np.array(seed_kji)) * spacing_kji_mm, axis=1)
    best = int(distance.argmin())
    return tuple(int(v) for v in found[best]) if distance[best] <= reach_mm else None


def inside(shape: tuple[int, ...], index: tuple[int, ...]) -> bool:
    """Whether an index lies in an array."""
    return all(0 <= i < n for i, n in zip(index, shape, strict=True))
