"""The foreground of a segmentation, found in one pass over the volume, and points spread over each body."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..segmentation import Segmentation
from ..volume import Volume

POINTS_PER_BODY = 8000
"""Bodies with fewer voxels are sub-divided until they hold about this many points: overlap to some 0.3 %."""
FINEST_DIVISION = 4
"""A voxel is cut into at most this many parts along its longest side."""
_PLASTIC = 1.2207440846057596  # root of x^4 = x + 1: the most evenly spread additive sequence in 3-D (Roberts 2018)
_STEPS = np.array([_PLASTIC**-1, _PLASTIC**-2, _PLASTIC**-3])


@dataclass(frozen=True, eq=False)
class Bodies:
    """Foreground voxels, sorted by label.

    Attributes
    ----------
    volume: the grid.
    labels: (N,) labels that occur, ascending.
    flat: (M,) indices of the foreground voxels in the flattened (K, J, I) array, body after body.
    starts: (N + 1,) where each body begins in ``flat``.
    """

    volume: Volume
    labels: np.ndarray
    flat: np.ndarray
    starts: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def planar(self) -> bool:
        """Whether the image is one plane, a film."""
        return self.volume.voxels.shape[0] == 1

    @property
    def sizes_mm3(self) -> np.ndarray:
        """Volume of each body by counting voxels, shape (N,); of a film: area times 1 mm (its plane's spacing)."""
        return np.diff(self.starts) * self.volume.voxel_volume_mm3

    def ijk(self, body: int) -> np.ndarray:
        """Voxel indices (m, 3) in order i, j, k of the body at position ``body`` in ``labels``."""
        flat = self.flat[self.starts[body] : self.starts[body + 1]]
        return np.stack(np.unravel_index(flat, self.volume.voxels.shape)[::-1], axis=-1)

    def centroids_ras(self) -> np.ndarray:
        """Centre of each body, RAS mm, shape (N, 3)."""
        centres = [self.ijk(body).mean(axis=0) for body in range(len(self))]
        return self.volume.to_ras(np.reshape(centres, (-1, 3)))


def find_bodies(segmentation: Segmentation) -> Bodies:
    """Collect the foreground: one pass over the volume, then only the voxels of deposits are touched."""
    labels = np.ascontiguousarray(segmentation.labels).ravel()
    flat = np.flatnonzero(labels)
    values = labels[flat]
    order = np.argsort(values, kind="stable")
    flat, values = flat[order], values[order]
    present, starts = np.unique(values, return_index=True)
    return Bodies(segmentation.volume, present.astype(np.int64), flat, np.append(starts, len(flat)))


def spread_points(bodies: Bodies, body: int) -> np.ndarray:
    """Continuous voxel indices (P, 3) in order i, j, k that fill one body evenly, each standing for the same volume.

    Each voxel is cut into equal parts and each part holds one point, displaced by a low-discrepancy sequence: a
    regular lattice would beat with the lattice of the other image and bias the overlap.
    """
    ijk = bodies.ijk(body)
    divisions = _divisions(bodies, len(ijk))
    corners = np.stack(np.meshgrid(*[np.arange(d) for d in divisions], indexing="ij"), axis=-1).reshape(-1, 3)
    count = len(ijk) * len(corners)
    offsets = (0.5 + np.arange(1, count + 1)[:, None] * _STEPS) % 1.0
    if bodies.planar:
        offsets[:, 2] = 0.5
    parts = (corners + offsets.reshape(len(ijk), len(corners), 3)) / divisions - 0.5
    return (ijk[:, None, :] + parts).reshape(-1, 3)


def _divisions(bodies: Bodies, voxels: int) -> np.ndarray:
    """Into how many parts a voxel is cut along i, j, k, so that the parts are about cubes."""
    spacing = bodies.volume.spacing_mm.copy()
    axes = 2 if bodies.planar else 3
    wanted = POINTS_PER_BODY / voxels
    part_mm = max(
        (np.prod(spacing[:axes]) / max(wanted, 1.0)) ** (1.0 / axes), float(spacing[:axes].max()) / FINEST_DIVISION
    )
    divisions = np.ones(3, int)
    divisions[:axes] = [max(1, math.ceil(s / part_mm - 1e-6)) for s in spacing[:axes]]
    return divisions
