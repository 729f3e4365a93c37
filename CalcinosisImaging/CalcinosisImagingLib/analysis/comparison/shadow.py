"""The shadow that a voxel body casts on a film: its skin projected and filled, so that it has neither holes nor rims.

The shadow of a closed body is the union of the shadows of its faces; their corners are projected once (the projection
may bend from bone to bone). Every triangle is filled by the rule "a point belongs to it if it lies inside", on a
lattice several times finer than the pixels: unlike marking each pixel that is touched, this neither leaves holes nor
widens small shadows. The skin is that of `skin.skin_of`: the cubes themselves would cast the shadow of their corners,
which is too large as soon as the rays are not along the grid.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..volume import Volume
from .skin import skin_of

FINER = 3
"""Lattice points per pixel and axis."""
_CHUNK = 2_000_000


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
    corners, triangles = skin_of(ijk, volume)
    uv = np.asarray(project(corners), float)
    # lattice coordinates: point (0, 0) is the first of the FINER x FINER points inside pixel (0, 0)
    lattice = (uv + 0.5) * FINER - 0.5
    return Shadow(_fill(lattice[triangles]))


def _fill(triangles: np.ndarray) -> np.ndarray:
    """Whole points (P, 2), unique and sorted, inside any of the triangles (F, 3, 2), borders included."""
    low = np.ceil(triangles.min(axis=1)).astype(np.int64)
    extent = np.maximum(np.floor(triangles.max(axis=1)).astype(np.int64) - low + 1, 0)
    counts = extent.prod(axis=1)
    busy = counts > 0
    triangles, low, extent, counts = triangles[busy], low[busy], extent[busy], counts[busy]
    if not len(triangles):
        return np.zeros((0, 2), np.int64)
    chunk = np.cumsum(counts) // _CHUNK
    parts = []
    for number in np.unique(chunk):
        chosen = chunk == number
        parts.append(_unique(_inside(triangles[chosen], low[chosen], extent[chosen], counts[chosen])))
    return _unique(np.concatenate(parts))


def _inside(triangles: np.ndarray, low: np.ndarray, extent: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Points of each triangle's box that lie within it; boxes differ in size, so they are laid end to end."""
    face = np.repeat(np.arange(len(triangles)), counts)
    running = np.arange(len(face)) - np.repeat(np.cumsum(counts) - counts, counts)
    points = low[face] + np.stack([running % extent[face, 0], running // extent[face, 0]], axis=-1)
    edges = np.roll(triangles, -1, axis=1) - triangles
    turning = np.sign(edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0])
    within = turning[face] != 0
    for corner in range(3):
        start, edge = triangles[face, corner], edges[face, corner]
        side = edge[:, 0] * (points[:, 1] - start[:, 1]) - edge[:, 1] * (points[:, 0] - start[:, 0])
        within &= side * turning[face] >= -1e-9
    return points[within]


def _unique(points: np.ndarray) -> np.ndarray:
    """Unique rows (P, 2), sorted; one number per row is much faster than `numpy.unique` of rows."""
    if not len(points):
        return points
    low = points.min(axis=0)
    width = int(points[:, 1].max() - low[1]) + 1
    keys = np.unique((points[:, 0] - low[0]) * width + (points[:, 1] - low[1]))
    return np.stack([keys // width, keys % width], axis=-1) + low
