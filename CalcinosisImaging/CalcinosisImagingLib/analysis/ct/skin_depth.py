"""How deep under the skin a place lies: tissue comes in layers along it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from .crops import along_axes
from .grid import Box, grow_box

STEP_MM = 1.0
"""Spacing of the map; the surface is found to a part of it, from how much of a voxel is air."""
AIR_HU = -300.0
LEAST_AIR = 0.1
"""Voxels with less air than this have none: noise in fat."""
AROUND_MM = 8.0
"""Air is looked for so far around."""
DEEPEST_MM = 5.0
"""Deeper than skin and the fat under it places differ no more."""


@dataclass(frozen=True, eq=False)
class SkinDepth:
    """A map of the depth under the skin.

    Attributes
    ----------
    depth_mm: (K, J, I) float32 on coarse voxels; 0 in air, at most `DEEPEST_MM`.
    times: voxels of the image in a coarse one, along k, j, i.
    start: first voxel of the image that the map covers.
    """

    depth_mm: np.ndarray
    times: np.ndarray
    start: np.ndarray

    def seen_from(self, box: Box) -> SkinDepth:
        """The same for the indices of a box of the image."""
        return replace(self, start=self.start - [s.start for s in box])

    def of(self, box: Box) -> np.ndarray:
        """Depth (mm, float32) of the image's voxels in a box, interpolated."""
        matrices, part = [], []
        for piece, times, start, count in zip(box, self.times, self.start, self.depth_mm.shape, strict=True):
            place = np.clip((np.arange(piece.start, piece.stop) - start + 0.5) / times - 0.5, 0, count - 1)
            first, last = int(place[0]), int(np.ceil(place[-1]))
            part.append(slice(first, last + 1))
            matrices.append(np.maximum(1 - np.abs(place[:, None] - np.arange(first, last + 1)), 0).astype(np.float32))
        return along_axes(self.depth_mm[tuple(part)], *matrices)


def skin_depth(hu: np.ndarray, spacing: np.ndarray, box: Box) -> SkinDepth:
    """The map around a box of an image.

    Distance to the next voxel that holds air, less what of that voxel is air (as of an edge pixel's coverage: Gustavson
    & Strand 2011).

    Parameters
    ----------
    hu: (K, J, I).
    spacing: mm along k, j, i.
    """
    box = grow_box(box, np.ceil(AROUND_MM / spacing), hu.shape)
    times = np.maximum(np.round(STEP_MM / spacing), 1).astype(int)
    air = _air(hu[box], times)
    start = np.array([s.start for s in box])
    if not (air >= LEAST_AIR).any():
        return SkinDepth(np.full(air.shape, DEEPEST_MM, np.float32), times, start)
    step = times * spacing
    away, nearest = ndimage.distance_transform_edt(air < LEAST_AIR, sampling=step, return_indices=True)
    covered = (air[tuple(nearest)] - np.float32(0.5)) * np.float32(step.mean())
    depth = np.clip(away.astype(np.float32) - covered, 0, DEEPEST_MM)
    return SkinDepth(depth, times, start)


def _air(hu: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Share of air in each coarse voxel, float32; plane after plane, so that little is held."""
    starts = [np.arange(0, n, t) for n, t in zip(hu.shape, times.tolist(), strict=True)]
    share = np.empty([len(s) for s in starts], np.float32)
    for number, first in enumerate(starts[0].tolist()):
        slab = hu[first : first + times[0]] < AIR_HU
        counts = np.add.reduceat(slab.sum(0, dtype=np.uint16), starts[1], axis=0, dtype=np.uint16)
        counts = np.add.reduceat(counts, starts[2], axis=1, dtype=np.uint16)
        share[number] = counts / np.float32(len(slab))
    for axis in (1, 2):
        sizes = np.diff(np.append(starts[axis], hu.shape[axis])).astype(np.float32)
        share /= sizes.reshape([-1 if a == axis else 1 for a in range(3)])
    return share
