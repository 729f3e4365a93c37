"""The connected pieces of a deposit: how many, how large, how round."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .cut import Cut

EVERYWHERE = np.ones((3, 3, 3), bool)
"""Voxels that share a face, an edge or a corner are connected."""
LEAST_VOXELS = 5
"""Smaller pieces have no shape."""


def fragments(cut: Cut) -> dict[str, object]:
    """Number of connected pieces, the largest one's part, and their mean roundness by voxels.

    The roundness of a piece is its minor over its major axis (`elongation`, about 1 for a grain, small for a piece of
    thread); None without a piece that has a shape.
    """
    labels, count = ndimage.label(cut.mask[cut.inner], EVERYWHERE)
    sizes = np.bincount(labels.ravel())[1:]
    row = {"fragments": int(count), "largest_fragment": float(sizes.max() / sizes.sum())}
    kept = sizes >= LEAST_VOXELS
    if kept.any():
        row["fragment_roundness"] = float(
            np.average(_roundness(labels, sizes, cut.spacing_mm)[kept], weights=sizes[kept])
        )
    return row


def _roundness(labels: np.ndarray, sizes: np.ndarray, spacing_mm: np.ndarray) -> np.ndarray:
    """Minor over major axis of every piece, in one go; the voxel's own extent counts, so that a rod is no line."""
    places = np.argwhere(labels)
    owner = labels[tuple(places.T)] - 1
    points = places * spacing_mm
    means = np.stack([np.bincount(owner, points[:, a]) for a in range(3)], 1) / sizes[:, None]
    centred = points - means[owner]
    moments = np.empty((len(sizes), 3, 3))
    for a in range(3):
        for b in range(3):
            moments[:, a, b] = np.bincount(owner, centred[:, a] * centred[:, b]) / sizes
    moments += np.diag(spacing_mm**2 / 12)
    values = np.linalg.eigvalsh(moments)
    return np.sqrt(values[:, 1] / values[:, 2])
