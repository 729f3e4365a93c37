"""Rigid frames: building, blending and undoing 4x4 matrices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial.transform import Rotation

MIRROR = np.diag([-1.0, 1.0, 1.0, 1.0])
"""Right hand <-> left hand, in the hand frame and in the frame of each bone."""


def rigid(
    degrees: Sequence[float] = (0.0, 0.0, 0.0), shift_mm: Sequence[float] = (0.0, 0.0, 0.0), order: str = "xyz"
) -> np.ndarray:
    """4x4: turned about fixed axes in ``order`` by ``degrees``, then shifted."""
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler(order, degrees, degrees=True).as_matrix()
    matrix[:3, 3] = shift_mm
    return matrix


def about(centre: Sequence[float], degrees: Sequence[float], order: str = "xyz") -> np.ndarray:
    """4x4: turn about a point."""
    matrix = rigid(degrees, order=order)
    matrix[:3, 3] = np.asarray(centre) - matrix[:3, :3] @ np.asarray(centre)
    return matrix


def blend(matrices: Sequence[np.ndarray], weights: Sequence[float], at: np.ndarray) -> np.ndarray:
    """A rigid motion between several: mean rotation, and the point ``at`` goes to the mean of where they take it."""
    weights = np.asarray(weights, float) / np.sum(weights)
    rotation = Rotation.from_matrix([m[:3, :3] for m in matrices]).mean(weights).as_matrix()
    goal = sum(w * (m[:3, :3] @ at + m[:3, 3]) for w, m in zip(weights, matrices, strict=True))
    result = np.eye(4)
    result[:3, :3] = rotation
    result[:3, 3] = goal - rotation @ at
    return result


def inverse(matrix: np.ndarray) -> np.ndarray:
    """Inverse of a 4x4."""
    return np.linalg.inv(matrix)
