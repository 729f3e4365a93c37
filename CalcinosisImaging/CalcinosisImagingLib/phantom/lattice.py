"""Where shapes are sampled: the voxels of an image, or points along the rays of a radiograph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..analysis.view import View
from .shapes import Shape

Box = tuple[slice, slice, slice]
Share = Callable[[np.ndarray], np.ndarray]
"""From the distances of points to the share of each that is inside."""
SAMPLES_MOST = 10_000_000
"""A deposit is not sampled at more points than this."""
SAMPLES_ACROSS = 24
"""Samples across the thinnest part of a deposit, as far as their number allows."""


class Lattice(Protocol):
    """A regular (K, J, I) arrangement of points in the world."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of points (K, J, I)."""

    def box(self, corners: np.ndarray, margin_mm: float) -> Box | None:
        """The part that holds the world points (N, 3) with a margin; None if there is none."""

    def local(self, world_to_local: np.ndarray, box: Box) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """x, y, z of the points of ``box`` in another frame, float32 arrays of the box's shape."""


@dataclass(frozen=True, eq=False)
class Grid:
    """Voxels.

    Attributes
    ----------
    size: number of voxels along i, j, k.
    ijk_to_world: 4x4.
    """

    size: tuple[int, int, int]
    ijk_to_world: np.ndarray

    @property
    def shape(self) -> tuple[int, int, int]:
        """See `Lattice`."""
        return self.size[2], self.size[1], self.size[0]

    @property
    def spacing_mm(self) -> np.ndarray:
        """Spacing along i, j, k."""
        return np.linalg.norm(self.ijk_to_world[:3, :3], axis=0)

    def box(self, corners: np.ndarray, margin_mm: float) -> Box | None:
        """See `Lattice`."""
        inverse = np.linalg.inv(self.ijk_to_world)
        ijk = corners @ inverse[:3, :3].T + inverse[:3, 3]
        margin = margin_mm / self.spacing_mm
        low = np.maximum(np.floor(ijk.min(axis=0) - margin).astype(int), 0)
        high = np.minimum(np.ceil(ijk.max(axis=0) + margin).astype(int) + 1, self.size)
        return (
            None if (low >= high).any() else tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))[::-1]
        )

    def local(self, world_to_local: np.ndarray, box: Box) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """See `Lattice`."""
        matrix = (world_to_local @ self.ijk_to_world).astype(np.float32)
        k, j, i = np.ogrid[box]
        i, j, k = i.astype(np.float32), j.astype(np.float32), k.astype(np.float32)
        return tuple(row[0] * i + (row[1] * j + (row[2] * k + row[3])) for row in matrix[:3])

    def finer(self, box: Box, factor: int) -> Grid:
        """The voxels of ``box``, each cut into ``factor`` along every axis."""
        start = np.array([s.start for s in box[::-1]], float)
        matrix = self.ijk_to_world @ _subdivision(start, np.full(3, float(factor)))
        return Grid(tuple((s.stop - s.start) * factor for s in box[::-1]), matrix)

    def thinner(self, factor: int) -> Grid:
        """The same grid with slices cut into ``factor`` along k."""
        matrix = self.ijk_to_world @ _subdivision(np.zeros(3), np.array([1.0, 1.0, float(factor)]))
        return Grid((self.size[0], self.size[1], self.size[2] * factor), matrix)


def _subdivision(start: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """4x4 fine index -> coarse index."""
    matrix = np.diag([*(1.0 / factor), 1.0])
    matrix[:3, 3] = start + (1.0 / factor - 1.0) / 2.0
    return matrix


@dataclass(frozen=True, eq=False)
class Rays:
    """Points along the rays through the pixels of a film: k is depth, j = v, i = u.

    Attributes
    ----------
    view: geometry; the world is the view frame.
    first_mm, step_mm, count: depths z of the planes of points.
    stride: every so many pixels a ray.
    """

    view: View
    first_mm: float
    step_mm: float
    count: int
    stride: int = 1

    @property
    def shape(self) -> tuple[int, int, int]:
        """See `Lattice`."""
        return self.count, -(-self.view.rows // self.stride), -(-self.view.columns // self.stride)

    def slopes(self, box: Box) -> tuple[np.ndarray, np.ndarray]:
        """dx/dz (I,) and dy/dz (J,) of the rays of ``box``."""
        centre = (self.stride - 1) / 2.0
        u = np.arange(box[2].start, box[2].stop) * self.stride + centre
        v = np.arange(box[1].start, box[1].stop) * self.stride + centre
        (su, sv), (cu, cv) = self.view.pixel_spacing_mm, self.view.principal_point_px
        distance = self.view.source_detector_mm
        return (u - cu) * su / distance, (v - cv) * sv / distance

    def path_mm(self, box: Box) -> np.ndarray:
        """Length of ray between two planes of points, (J, I)."""
        slope_u, slope_v = self.slopes(box)
        return self.step_mm * np.sqrt(1.0 + slope_u[None, :] ** 2 + slope_v[:, None] ** 2)

    def box(self, corners: np.ndarray, margin_mm: float) -> Box | None:
        """See `Lattice`."""
        z = np.array([corners[:, 2].min() - margin_mm, corners[:, 2].max() + margin_mm])
        k = (z - self.first_mm) / self.step_mm
        limits = [(np.floor(k[0]), np.ceil(k[1]) + 1, self.count)]
        (su, sv), (cu, cv) = self.view.pixel_spacing_mm, self.view.principal_point_px
        for axis, spacing, centre, count in ((1, sv, cv, self.shape[1]), (0, su, cu, self.shape[2])):
            spread = (
                np.array([corners[:, axis] - margin_mm, corners[:, axis] + margin_mm]) * self.view.source_detector_mm
            )
            pixels = np.stack([spread / z[0], spread / z[1]]) / spacing + centre
            limits.append((np.floor(pixels.min() / self.stride), np.ceil(pixels.max() / self.stride) + 1, count))
        box = tuple(slice(int(max(a, 0)), int(min(b, n))) for a, b, n in limits)
        return None if any(s.start >= s.stop for s in box) else box

    def local(self, world_to_local: np.ndarray, box: Box) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """See `Lattice`."""
        z = (self.first_mm + self.step_mm * np.arange(box[0].start, box[0].stop))[:, None, None].astype(np.float32)
        slope_u, slope_v = self.slopes(box)
        m = world_to_local
        result = []
        for row in m[:3]:
            in_plane = (row[0] * slope_u[None, :] + row[1] * slope_v[:, None] + row[2]).astype(np.float32)
            result.append(in_plane[None] * z + np.float32(row[3]))
        return tuple(result)


def box_of(lattice: Lattice, shape: Shape, to_world: np.ndarray, margin_mm: float) -> Box | None:
    """The part of the lattice that holds a placed shape with a margin."""
    low, high = shape.bounds
    corners = np.array(np.meshgrid(*zip(low, high, strict=True))).reshape(3, -1).T
    return lattice.box(corners @ to_world[:3, :3].T + to_world[:3, 3], margin_mm)


def sample(lattice: Lattice, shape: Shape, to_world: np.ndarray, margin_mm: float) -> tuple[Box, np.ndarray] | None:
    """Distance (mm, float32) to a placed shape where it matters: the box of points, and the values; None if outside."""
    box = box_of(lattice, shape, to_world, margin_mm)
    return None if box is None else (box, distance_in(lattice, shape, to_world, box))


def distance_in(lattice: Lattice, shape: Shape, to_world: np.ndarray, box: Box) -> np.ndarray:
    """Distance (mm, float32) to a placed shape at the points of a box."""
    return shape.distance(*lattice.local(np.linalg.inv(to_world), box))


def overlap(a: Box, b: Box) -> Box | None:
    """The common part of two boxes; None if there is none."""
    common = tuple(slice(max(s.start, t.start), min(s.stop, t.stop)) for s, t in zip(a, b, strict=True))
    return None if any(s.start >= s.stop for s in common) else common


def within(box: Box, outer: Box) -> Box:
    """Indices of ``box`` counted from the corner of ``outer``."""
    return tuple(slice(s.start - t.start, s.stop - t.start) for s, t in zip(box, outer, strict=True))


def fraction(distance: np.ndarray, width_mm: np.ndarray | float) -> np.ndarray:
    """Share of a voxel that is inside, from the distance of its centre and its width along the surface normal."""
    return np.clip(0.5 - distance / width_mm, 0.0, 1.0)


def over(image: np.ndarray, box: Box, share: np.ndarray, value: np.ndarray | float) -> None:
    """Put a tissue over what is there, in place: ``share`` of each point of the box gets ``value``."""
    part = image[box]
    part += share * (np.asarray(value, np.float32) - part)


def true_share(distance: np.ndarray, step_mm: float) -> np.ndarray:
    """Share of each sample that is inside, without the bias of `fraction` towards larger curved bodies.

    A soft edge of width w is exact for a plane and adds to a curved body in proportion to w^2: the difference of two
    widths takes that away. Single samples may leave 0..1 by a twelfth; their sums are right.
    """
    return (4.0 * fraction(distance, step_mm) - fraction(distance, 2.0 * step_mm)) / 3.0


def voxel_share(distance: np.ndarray, step_mm: float, times: int) -> np.ndarray:
    """Share of each voxel that is inside, from the distances at ``times`` samples along each of its axes."""
    k, j, i = (n // times for n in distance.shape)
    share = true_share(distance, step_mm).reshape(k, times, j, times, i, times).mean(axis=(1, 3, 5))
    return np.clip(share, 0.0, 1.0)


def supersampling(grid: Grid, box: Box, thickness_mm: float) -> int:
    """How many (odd) samples to take along each axis of a voxel for a body of that thickness."""
    wanted = SAMPLES_ACROSS * float(grid.spacing_mm.mean()) / thickness_mm
    count = np.prod([s.stop - s.start for s in box])
    most = (SAMPLES_MOST / count) ** (1.0 / 3.0)
    asked, allowed = np.ceil((wanted - 1.0) / 2.0), np.floor((most - 1.0) / 2.0)
    return 2 * max(1, int(min(asked, allowed))) + 1


def voxels_of(
    grid: Grid, shape: Shape, to_world: np.ndarray, box: Box, thickness_mm: float
) -> tuple[np.ndarray, np.ndarray]:
    """Share of each voxel of a box that a placed shape fills, and whether the voxel's centre is inside (bool)."""
    times = supersampling(grid, box, thickness_mm)
    fine = grid.finer(box, times)
    whole = tuple(slice(0, n) for n in fine.shape)
    distance = distance_in(fine, shape, to_world, whole)
    middle = slice(times // 2, None, times)
    return voxel_share(distance, float(fine.spacing_mm.mean()), times), distance[middle, middle, middle] < 0
