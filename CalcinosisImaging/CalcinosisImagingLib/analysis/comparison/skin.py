"""A closed skin around voxels that does not show their cubes and holds their volume.

Between each voxel inside and its neighbour outside lies a face. Its corners are moved to the middle of the faces that
meet there and the net is relaxed (surface nets, Gibson 1998), which takes the steps away but shrinks what is small;
then all are moved outwards by one distance so that the skin holds the volume of the voxels, which is the unbiased one.
"""

from __future__ import annotations

import numpy as np

from ..volume import Volume

RELAXATIONS = 2
"""Rounds of relaxing; each takes away more of the steps, and of thin rims."""
VOLUME_TOLERANCE = 1e-3
_ROUNDS = 30
_CORNERS = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])


def skin_of(ijk: np.ndarray, volume: Volume) -> tuple[np.ndarray, np.ndarray]:
    """Skin of the voxels ``ijk`` (M, 3): corners (C, 3) in RAS mm, triangles (F, 3) of them, all turned alike."""
    middles, corners, quads = _faces(ijk)
    sums = np.zeros((len(corners), 3))
    np.add.at(sums, quads.ravel(), np.repeat(middles, 4, axis=0))
    points = volume.to_ras(sums / np.bincount(quads.ravel(), minlength=len(corners))[:, None])
    for _ in range(RELAXATIONS):
        points = _relaxed(points, quads)
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    if np.linalg.det(volume.ijk_to_ras[:3, :3]) < 0:
        triangles = triangles[:, ::-1]
    wanted = len(ijk) * volume.voxel_volume_mm3
    longest = volume.spacing_mm.min() / 4
    for _ in range(_ROUNDS):
        areas = _area_vectors(points, triangles)
        lacking = wanted - (points[triangles[:, 0]] * areas).sum() / 3
        step = np.clip(lacking / np.linalg.norm(areas, axis=1).sum(), -longest, longest)
        points = points + step * _normals(areas, triangles, len(points))
        if abs(lacking) < VOLUME_TOLERANCE * wanted:
            break
    return points, triangles


def _faces(ijk: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outer faces: middles (F, 3) and corners (C, 3), each once, in continuous indices; quads (F, 4) of corners.

    Corners go round so that the normal by the right-hand rule points outwards in the index frame. Corners where two
    bodies touch only along an edge or in a point are shared.
    """
    low = ijk.min(axis=0) - 1
    mask = np.zeros(ijk.max(axis=0) + 2 - low, np.int8)
    mask[tuple((ijk - low).T)] = 1
    middles, quads = [], []
    for axis in range(3):
        step = np.diff(mask, axis=axis)
        lower = np.argwhere(step)
        # twice the continuous index, so that corners are whole numbers
        middle = 2 * lower
        middle[:, axis] += 1
        offsets = np.zeros((4, 3), int)
        offsets[:, [(axis + 1) % 3, (axis + 2) % 3]] = _CORNERS
        around = middle[:, None, :] + offsets
        inwards = step[tuple(lower.T)] > 0
        around[inwards] = around[inwards, ::-1]
        middles.append(middle)
        quads.append(around)
    corners, index = np.unique(np.concatenate(quads).reshape(-1, 3), axis=0, return_inverse=True)
    return np.concatenate(middles) / 2 + low, corners / 2 + low, index.reshape(-1, 4)


def _relaxed(points: np.ndarray, quads: np.ndarray) -> np.ndarray:
    """Each corner half-way to the middle of its neighbours along the quads' sides."""
    sums = np.zeros_like(points)
    for side in (1, -1):
        np.add.at(sums, quads, points[np.roll(quads, side, axis=1)])
    counts = 2 * np.bincount(quads.ravel(), minlength=len(points))
    return (points + sums / counts[:, None]) / 2


def _area_vectors(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(F, 3) outward normals as long as the triangles' areas."""
    first, second, third = (points[triangles[:, n]] for n in range(3))
    return np.cross(second - first, third - first) / 2


def _normals(areas: np.ndarray, triangles: np.ndarray, count: int) -> np.ndarray:
    """(C, 3) unit normals at the corners; 0 where the faces around a corner cancel out."""
    sums = np.zeros((count, 3))
    for corner in range(3):
        np.add.at(sums, triangles[:, corner], areas)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    return np.divide(sums, lengths, out=np.zeros_like(sums), where=lengths > 1e-12)
