"""Rigid motions as 4x4 matrices, one or many at a time."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation


def about(rotations: np.ndarray, centre: np.ndarray, shifts: np.ndarray | float = 0.0) -> np.ndarray:
    """Rotate about ``centre``, then shift: rotations (..., 3, 3), shifts (..., 3) in mm -> matrices (..., 4, 4)."""
    rotations = np.asarray(rotations, float)
    matrices = np.zeros((*rotations.shape[:-2], 4, 4))
    matrices[..., :3, :3] = rotations
    matrices[..., :3, 3] = centre - rotations @ centre + shifts
    matrices[..., 3, 3] = 1.0
    return matrices


def step(parameters: np.ndarray, centre: np.ndarray, radius_mm: float) -> np.ndarray:
    """Small motions (..., 6): three rotations in mm of arc at ``radius_mm``, three shifts in mm -> (..., 4, 4)."""
    parameters = np.asarray(parameters, float)
    flat = parameters.reshape(-1, 6)
    turns = Rotation.from_rotvec(flat[:, :3] / radius_mm).as_matrix()
    return about(turns, centre, flat[:, 3:]).reshape(*parameters.shape[:-1], 4, 4)


def orthonormal(matrix: np.ndarray) -> np.ndarray:
    """The nearest proper rigid motion to a 4x4 that lost its exactness in products."""
    u, _, vt = np.linalg.svd(matrix[:3, :3])
    result = matrix.copy()
    result[:3, :3] = u @ np.diag([1.0, 1.0, np.linalg.det(u @ vt)]) @ vt
    result[3] = (0.0, 0.0, 0.0, 1.0)
    return result


def all_rotations(count: int) -> np.ndarray:
    """``count`` rotations spread evenly over all of them, shape (count, 3, 3).

    Super-Fibonacci spirals: M. Alexa, "Super-Fibonacci Spirals: Fast, Low-Discrepancy Sampling of SO(3)", CVPR 2022.
    """
    s = np.arange(count) + 0.5
    inner, outer = np.sqrt(s / count), np.sqrt(1.0 - s / count)
    alpha, beta = 2 * np.pi * s / np.sqrt(2.0), 2 * np.pi * s / 1.533751168755204288
    quaternions = np.stack(
        [inner * np.sin(alpha), inner * np.cos(alpha), outer * np.sin(beta), outer * np.cos(beta)], axis=1
    )
    return Rotation.from_quat(quaternions).as_matrix()


def swings(axis: np.ndarray, swing_degrees: float, twist_degrees: float, step_degrees: float) -> np.ndarray:
    """Rotations that tilt ``axis`` by up to ``swing_degrees`` to any side, each with twists about it; (n, 3, 3).

    Directions of tilt lie on a spiral over the cap of the sphere, so that neighbours are ``step_degrees`` apart.
    The first rotation is the identity.
    """
    axis = axis / np.linalg.norm(axis)
    side = np.cross(axis, np.eye(3)[np.argmin(np.abs(axis))])
    side /= np.linalg.norm(side)
    third = np.cross(axis, side)
    top, pitch = np.radians(swing_degrees), np.radians(step_degrees)
    count = max(1, int(np.ceil(2 * np.pi * (1 - np.cos(top)) / pitch**2)))
    cosines = 1 - (1 - np.cos(top)) * np.arange(count) / max(count - 1, 1)
    tilt = np.arccos(np.clip(cosines, -1, 1))
    turn = np.arange(count) * np.pi * (3 - np.sqrt(5.0))
    vectors = tilt[:, None] * (np.cos(turn)[:, None] * side + np.sin(turn)[:, None] * third)
    twist_count = 2 * int(np.floor(twist_degrees / (1.5 * step_degrees) + 0.5)) + 1
    angles = np.radians(np.linspace(-twist_degrees, twist_degrees, twist_count) if twist_count > 1 else np.zeros(1))
    angles = angles[np.argsort(np.abs(angles), kind="stable")]
    twists = Rotation.from_rotvec(angles[:, None] * axis)
    tilts = Rotation.from_rotvec(vectors)
    return np.concatenate([(tilts * twist).as_matrix() for twist in twists])


def angle_degrees(matrix: np.ndarray) -> float:
    """Angle of the rotation in a 4x4 or 3x3."""
    return float(np.degrees(Rotation.from_matrix(matrix[:3, :3]).magnitude()))
