"""Where metal is, and how far its streaks reach."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .grid import Box

NEAR_MM = 4.0
NEAR_HU = 500.0
SLICE_HU = 250.0
"""Contrast that a streak may have beside metal, and farther away in the same slice."""
REACH_PER_MM = 4.0
FARTHEST_MM = 40.0


@dataclass(frozen=True, eq=False)
class Metal:
    """Metal outside bones. (Dense cortex of fine scans can be as bright.)

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


def find_metal(hu: np.ndarray, bones: np.ndarray, metal_hu: float, spacing: np.ndarray) -> Metal:
    """Voxels of at least ``metal_hu`` outside the bones."""
    points = np.argwhere(hu >= metal_hu)
    return Metal(points[bones[tuple(points.T)] == 0], spacing)
