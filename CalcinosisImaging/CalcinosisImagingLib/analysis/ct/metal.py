"""Where metal is, and how far its streaks reach."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from .grid import Box

NEAR_MM = 4.0
NEAR_HU = 500.0
SLICE_HU = 250.0
"""Contrast that a streak may have beside metal, and farther away in the same slice."""
REACH_PER_MM = 4.0
FARTHEST_MM = 40.0
IN_BONE_MM3 = 1.0
"""Cortex is nowhere so dense over so much in one piece (2,000 HU, a sharp kernel's overshoot and noise on it)."""


@dataclass(frozen=True, eq=False)
class Metal:
    """Metal outside bones and in them.

    Attributes
    ----------
    points: (N, 3) voxels k, j, i, in order of k.
    spacing: mm along k, j, i.
    """

    points: np.ndarray
    spacing: np.ndarray

    def streak_hu(self, box: Box) -> float:
        """The contrast that streaks may have in a box: within `NEAR_MM`, or in a slice (k) that holds metal.

        Streaks of a slice reach as far as its amount of metal goes: `REACH_PER_MM` times the root of its area.
        """
        if not len(self.points):
            return 0.0
        low = np.array([s.start for s in box])
        high = np.array([s.stop - 1 for s in box])
        gaps = np.maximum(np.maximum(low - self.points, self.points - high), 0) * self.spacing
        if (np.linalg.norm(gaps, axis=1) <= NEAR_MM).any():
            return NEAR_HU
        same = gaps[:, 0] == 0
        slices = max(len(np.unique(self.points[same, 0])), 1)
        area = same.sum() / slices * float(self.spacing[1] * self.spacing[2])
        reach = min(NEAR_MM + REACH_PER_MM * np.sqrt(area), FARTHEST_MM)
        return SLICE_HU if (np.linalg.norm(gaps[same], axis=1) <= reach).any() else 0.0

    def share_near(self, body: np.ndarray, box: Box) -> float:
        """Share of a body (bool, in its ``box``) that lies within `NEAR_MM` of metal."""
        margin = NEAR_MM / self.spacing
        low = np.array([s.start for s in box])
        high = np.array([s.stop for s in box])
        near = self.points[((self.points >= low - margin) & (self.points < high + margin)).all(axis=1)]
        if not len(near):
            return 0.0
        away, _ = cKDTree(near * self.spacing).query((np.argwhere(body) + low) * self.spacing)
        return float((away <= NEAR_MM).mean())


def find_metal(hu: np.ndarray, bones: np.ndarray, metal_hu: float, spacing: np.ndarray) -> Metal:
    """Voxels of at least ``metal_hu``: all outside the bones, and wires and screws in them (`IN_BONE_MM3`)."""
    bright = hu >= metal_hu
    points = np.argwhere(bright)
    if not len(points):
        return Metal(points, spacing)
    box = tuple(slice(int(a), int(b) + 1) for a, b in zip(points.min(0), points.max(0), strict=True))
    pieces, _ = ndimage.label(bright[box], np.ones((3, 3, 3)))
    pieces = pieces[tuple((points - points.min(0)).T)]
    large = np.bincount(pieces) * float(np.prod(spacing)) >= IN_BONE_MM3
    return Metal(points[large[pieces] | (bones[tuple(points.T)] == 0)], spacing)
