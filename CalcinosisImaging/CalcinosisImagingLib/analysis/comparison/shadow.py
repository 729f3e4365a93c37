"""The shadow that a voxel body casts on a film: its faces projected and filled, so that it has neither holes nor rims.

The shadow of a closed body is the union of the shadows of its faces. Corners of faces are projected once (the
projection may bend from bone to bone), and every quadrilateral is filled by the rule "a point belongs to it if it lies
inside", on a lattice several times finer than the pixels: unlike marking each pixel that is touched, this neither
leaves holes nor widens small shadows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..volume import Volume

FINER = 3
"""Lattice points per pixel and axis."""
_CHUNK = 2_000_000
_CORNERS = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])


@dataclass(frozen=True, eq=False)
class Shadow:
    """A set of points of the lattice with `FINER` points per pixel and axis.

    Attributes
    ----------
    points: (P, 2) whole lattice coordinates (u, v), unique, sorted; may lie outside the film.
    """

    points: np.ndarray

    def pixels(self) -> np.ndarray:
        """(P, 2) the pixel (u, v) in which each point lies."""
        return np.floor_divide(self.points, FINER)

    def positions_px(self) -> np.ndarray:
        """(P, 2) continuous (u, v) of each point; pixel centres are whole numbers."""
        return (self.points + 0.5) / FINER - 0.5

    def area_px(self) -> float:
        """Area in pixels."""
        return len(self.points) / FINER**2


def cast_shadow(ijk: np.ndarray, volume: Volume, project: Callable[[np.ndarray], np.ndarray]) -> Shadow:
    """Shadow of the voxels ``ijk`` (M, 3) of a grid.

    Parameters
    ----------
    project: RAS mm (N, 3) in the space of ``volume`` -> (N, 2) continuous pixel positions u, v.
    """
    corners, quads = _faces(ijk)
    uv = np.asarray(project(volume.to_ras(corners)), float)
    # lattice coordinates: point (0, 0) is the first of the FINER x FINER points inside pixel (0, 0)
    lattice = (uv + 0.5) * FINER - 0.5
    return Shadow(_fill(lattice[quads]))


def _faces(ijk: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Outer faces of a voxel body: corners (C, 3) in continuous indices, each once, and quads (F, 4) of them."""
    low = ijk.min(axis=0) - 1
    mask = np.zeros(ijk.max(axis=0) + 2 - low, bool)
    mask[tuple((ijk - low).T)] = True
    quads = []
    for axis in range(3):
        # twice the continuous index, so that corners are whole numbers
        middle = np.argwhere(np.diff(mask, axis=axis)) * 2
        middle[:, axis] += 1
        offsets = np.zeros((4, 3), int)
        offsets[:, [other for other in range(3) if other != axis]] = (_CORNERS * 2).astype(int)
        quads.append(middle[:, None, :] + offsets)
    doubled = np.concatenate(quads)
    corners, index = np.unique(doubled.reshape(-1, 3), axis=0, return_inverse=True)
    return corners / 2 + low, index.reshape(-1, 4)


def _fill(quads: np.ndarray) -> np.ndarray:
    """Whole points (P, 2), unique and sorted, inside any of the convex quadrilaterals (F, 4, 2), borders included."""
    low = np.ceil(quads.min(axis=1)).astype(np.int64)
    extent = np.maximum(np.floor(quads.max(axis=1)).astype(np.int64) - low + 1, 0)
    counts = extent.prod(axis=1)
    busy = counts > 0
    quads, low, extent, counts = quads[busy], low[busy], extent[busy], counts[busy]
    if not len(quads):
        return np.zeros((0, 2), np.int64)
    chunk = np.cumsum(counts) // _CHUNK
    parts = []
    for number in range(int(chunk[-1]) + 1):
        chosen = np.flatnonzero(chunk == number)
        if len(chosen):
            parts.append(np.unique(_inside(quads[chosen], low[chosen], extent[chosen], counts[chosen]), axis=0))
    return np.unique(np.concatenate(parts), axis=0)


def _inside(quads: np.ndarray, low: np.ndarray, extent: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Points of each quadrilateral's box that lie within it; boxes differ in size, so they are laid end to end."""
    face = np.repeat(np.arange(len(quads)), counts)
    running = np.arange(len(face)) - np.repeat(np.cumsum(counts) - counts, counts)
    points = low[face] + np.stack([running % extent[face, 0], running // extent[face, 0]], axis=-1)
    edges = np.roll(quads, -1, axis=1) - quads
    turning = np.sign((edges[:, 0, 0] * edges[:, 1, 1]) - (edges[:, 0, 1] * edges[:, 1, 0]))
    within = turning[face] != 0
    for corner in range(4):
        start, edge = quads[face, corner], edges[face, corner]
        side = edge[:, 0] * (points[:, 1] - start[:, 1]) - edge[:, 1] * (points[:, 0] - start[:, 0])
        within &= side * turning[face] >= -1e-9
    return points[within]
