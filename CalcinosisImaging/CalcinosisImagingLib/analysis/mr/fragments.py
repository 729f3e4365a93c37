"""Fragments that belong to one deposit."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree


def join(labels: np.ndarray, count: int, gap_mm: float, spacing_kji: np.ndarray) -> list[list[int]]:
    """Groups of bodies (indices 0..count-1 of labels 1..count) with gaps below ``gap_mm`` between their surfaces.

    The gap is that of the voxels' faces: centres of touching voxels are one voxel apart and have no gap.
    """
    if not count:
        return []
    boxes = ndimage.find_objects(labels, count)
    points = []
    for number, box in enumerate(boxes, start=1):
        mask = np.pad(labels[box] == number, 1)
        rim = (mask & ~ndimage.binary_erosion(mask))[1:-1, 1:-1, 1:-1]
        points.append((np.argwhere(rim) + [s.start for s in box]) * spacing_kji)
    group = list(range(count))
    reach = gap_mm + float(spacing_kji.min())
    trees = [cKDTree(p) for p in points]
    for a in range(count):
        for b in range(a + 1, count):
            if np.all(points[a].min(0) - reach <= points[b].max(0)) and np.all(
                points[b].min(0) - reach <= points[a].max(0)
            ):
                near, _ = trees[a].query(points[b], distance_upper_bound=reach)
                if np.isfinite(near).any() and group[a] != group[b]:
                    old, new = max(group[a], group[b]), min(group[a], group[b])
                    group = [new if g == old else g for g in group]
    return [[i for i, g in enumerate(group) if g == root] for root in sorted(set(group))]
