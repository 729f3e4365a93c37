"""Fragments that lie close to each other are one deposit."""

from __future__ import annotations

import numpy as np

from .crops import nearest_mm
from .grid import Box, grow_box


def group(
    labels: np.ndarray, found: list[Box | None], spacing: np.ndarray, distance_mm: float, alone: np.ndarray
) -> np.ndarray:
    """New label for each old one: fragments closer than ``distance_mm`` (surface to surface) share it.

    ``alone``: labels that are grouped with no other.
    """
    parent = np.arange(len(found) + 1)

    def root(x: int) -> int:
        while parent[x] != x:
            x = int(parent[x])
        return x

    margin = np.ceil(distance_mm / spacing).astype(int) + 1
    limit_mm = distance_mm + float(spacing.mean())
    together = [n for n, box in enumerate(found, start=1) if box is not None and n not in alone]
    first = np.array([[s.start for s in found[n - 1]] for n in together]).reshape(-1, 3)
    last = np.array([[s.stop - 1 for s in found[n - 1]] for n in together]).reshape(-1, 3)
    names = np.array(together)
    for place, number in enumerate(together):
        # Only what is near by its box is looked at voxel by voxel.
        gaps = np.maximum(np.maximum(first - last[place], first[place] - last), 0) * spacing
        others = names[np.square(gaps).sum(1) < limit_mm**2]
        if len(others) < 2:
            continue
        box = found[number - 1]
        wide = grow_box(box, margin, labels.shape)
        own = tuple(slice(b.start - w.start, b.stop - w.start) for b, w in zip(box, wide, strict=True))
        part = labels[wide]
        away = nearest_mm(part.shape, own, part[own] == number, spacing)
        near = np.unique(part[(away < limit_mm) & np.isin(part, others)])
        for other in near:
            a, b = root(number), root(int(other))
            parent[max(a, b)] = min(a, b)
    return np.array([root(x) for x in range(len(parent))])
