"""The skin's surface as points, and the depth of a deposit under it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from ..volume import Volume, transform_points
from .cut import Box

AIR_TISSUE_HU = -480.0
"""Half-way between air and soft tissue in CT."""
GRID_MM = 0.9
"""The skin is looked for on every voxel or, in fine images, on voxels at least this far apart."""
LEAST_PART = 0.02
"""Bodies smaller than this part of the largest one are not taken for a hand (a table, a hair)."""


@dataclass(frozen=True, eq=False)
class Skin:
    """The body's surface.

    Attributes
    ----------
    tree: points on the skin, RAS mm.
    body: bool, True inside; every ``step``-th voxel along k, j, i.
    """

    tree: cKDTree
    body: np.ndarray
    step: np.ndarray

    def outside(self, box: Box) -> np.ndarray:
        """Bool array of a box of the volume: True in the air around the body."""
        index = [
            np.minimum((np.arange(s.start, s.stop) + n // 2) // n, size - 1)
            for s, n, size in zip(box, self.step.tolist(), self.body.shape, strict=True)
        ]
        return ~self.body[np.ix_(*index)]


def find_skin(volume: Volume, is_ct: bool, skin: np.ndarray | None) -> Skin | None:
    """Find the body's surface; None where there is none.

    ``skin``: bool (K, J, I), True inside the body; else it is found by a threshold half-way between air and tissue
    (CT: -480 HU; MR: Otsu's), holes filled.
    """
    step = np.maximum((GRID_MM / volume.spacing_mm[::-1]).astype(int), 1)
    coarse = tuple(slice(None, None, int(s)) for s in step)
    values = volume.voxels[coarse].astype(np.float32)
    if skin is not None:
        values, level = skin[coarse].astype(np.float32), 0.5
    else:
        level = AIR_TISSUE_HU if is_ct else _otsu(values)
    body = _bodies(values > level)
    if body is None:
        return None
    points = _crossings(values, body, level) * step
    if len(points) == 0:
        return None
    return Skin(cKDTree(transform_points(volume.ijk_to_ras, points[:, ::-1])), body, step)


def _otsu(values: np.ndarray) -> float:
    """Otsu's threshold (IEEE SMC 1979) between air and tissue, on 256 bins up to the 99.5th percentile."""
    top = float(np.percentile(values, 99.5))
    counts, edges = np.histogram(np.clip(values, None, top), 256)
    middles = (edges[1:] + edges[:-1]) / 2
    below = np.cumsum(counts)
    mean_below = np.cumsum(counts * middles)
    above = below[-1] - below
    gap = mean_below / np.maximum(below, 1) - (mean_below[-1] - mean_below) / np.maximum(above, 1)
    return float(middles[np.argmax(below * above * gap**2)])


def _bodies(inside: np.ndarray) -> np.ndarray | None:
    """The large bodies with their holes filled."""
    labels, count = ndimage.label(inside)
    if count == 0:
        return None
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    body = (sizes >= LEAST_PART * sizes.max())[labels] & (labels > 0)
    outside, _ = ndimage.label(np.pad(~body, 1, constant_values=True))
    return (outside != outside[0, 0, 0])[1:-1, 1:-1, 1:-1]


def _crossings(values: np.ndarray, body: np.ndarray, level: float) -> np.ndarray:
    """Where the level is crossed between a body's voxel and its neighbour outside; (N, 3) indices k, j, i."""
    found = []
    for axis in range(3):
        if values.shape[axis] < 2:
            continue
        where = np.argwhere(np.diff(body, axis=axis))
        ahead = where.copy()
        ahead[:, axis] += 1
        first, second = values[tuple(where.T)], values[tuple(ahead.T)]
        part = np.clip((level - first) / np.where(first == second, 1, second - first), 0, 1)
        crossing = where.astype(float)
        crossing[:, axis] += part
        found.append(crossing)
    return np.concatenate(found) if found else np.zeros((0, 3))
