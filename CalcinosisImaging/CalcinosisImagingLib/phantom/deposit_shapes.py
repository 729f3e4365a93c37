"""Shapes of deposits, in a frame of their own: stones, curved plates, nets, stippling (Bartoli et al. 2016)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .lattice import true_share
from .shapes import FAR_MM, Array, Shape, segment_distance, smooth_max

BLOCK = 16
"""Shapes of many parts are evaluated in blocks of so many points a side, each with the parts near it."""
NEAR_MM = 3.0
"""Beyond this distance a shape of many parts only says far."""


def sphere_points(count: int) -> Array:
    """Evenly spread directions (count, 3): Fibonacci lattice."""
    index = np.arange(count) + 0.5
    z = 1.0 - 2.0 * index / count
    angle = np.pi * (1.0 + np.sqrt(5.0)) * index
    r = np.sqrt(1.0 - z * z)
    return np.stack([r * np.cos(angle), r * np.sin(angle), z], axis=1)


@dataclass(frozen=True, eq=False)
class Stone:
    """A smooth or lobulated lump: an ellipsoid whose radius waves with direction.

    Attributes
    ----------
    half_axes_mm: of the ellipsoid.
    waves: rows (kx, ky, kz, phase, amplitude): the radius is 1 + sum amplitude cos(k·n + phase) along direction n.
    """

    half_axes_mm: tuple[float, float, float]
    waves: Array

    @property
    def bounds(self) -> tuple[Array, Array]:
        """See `shapes.Shape`."""
        half = np.array(self.half_axes_mm) * (1.0 + np.abs(self.waves[:, 4]).sum())
        return -half, half

    @property
    def volume_mm3(self) -> float:
        """Product of the axes times the mean cube of the relative radius over the sphere, times 4 pi / 3."""
        radius = self.relative_radius(*sphere_points(20000).T)
        return float(4.0 / 3.0 * np.pi * np.prod(self.half_axes_mm) * np.mean(radius**3))

    def distance(self, x: Array, y: Array, z: Array) -> Array:
        """See `shapes.Shape`."""
        a, b, c = self.half_axes_mm
        u, v, w = x / a, y / b, z / c
        rho = np.sqrt(u * u + v * v + w * w) + 1e-6
        slope = np.sqrt((u / a) ** 2 + (v / b) ** 2 + (w / c) ** 2) / rho + 1e-6
        return (rho - self.relative_radius(u / rho, v / rho, w / rho)) / slope

    def scaled(self, factor: float) -> Stone:
        """The same shape, larger or smaller."""
        return Stone(tuple(h * factor for h in self.half_axes_mm), self.waves)

    def relative_radius(self, nx: Array, ny: Array, nz: Array) -> Array:
        """Radius along directions, 1 for the plain ellipsoid."""
        radius = np.ones(np.shape(nx), np.float32)
        for kx, ky, kz, phase, amplitude in self.waves.astype(np.float32):
            radius = radius + amplitude * np.cos(kx * nx + ky * ny + kz * nz + phase)
        return radius


@dataclass(frozen=True, eq=False)
class Plate:
    """A sheet bent about y, as along a tendon or under the skin: round outline, even thickness.

    Attributes
    ----------
    half_width_mm, half_length_mm: half-axes of its outline across and along y, measured on the sheet.
    thickness_mm: of the sheet.
    bend_mm: radius of the bend; the hollow side looks to -z.
    wave: amplitude and phase of three lobes of the outline.
    """

    half_width_mm: float
    half_length_mm: float
    thickness_mm: float
    bend_mm: float
    wave: tuple[float, float] = (0.0, 0.0)

    @property
    def bounds(self) -> tuple[Array, Array]:
        """See `shapes.Shape`."""
        grow = 1.0 + abs(self.wave[0])
        angle = min(self.half_width_mm * grow / self.bend_mm, np.pi)
        outer = self.bend_mm + self.thickness_mm / 2
        half_x = outer * (np.sin(angle) if angle < np.pi / 2 else 1.0)
        low_z = (self.bend_mm - self.thickness_mm / 2) * np.cos(angle) - self.bend_mm
        low_z = min(low_z, outer * np.cos(angle) - self.bend_mm)
        half_y = self.half_length_mm * grow
        return np.array([-half_x, -half_y, low_z]), np.array([half_x, half_y, self.thickness_mm / 2])

    def distance(self, x: Array, y: Array, z: Array) -> Array:
        """See `shapes.Shape`."""
        radius = np.sqrt(x * x + (z + self.bend_mm) ** 2)
        u = np.arctan2(x, z + self.bend_mm) * self.bend_mm / self.half_width_mm
        v = y / self.half_length_mm
        rho = np.sqrt(u * u + v * v) + 1e-6
        slope = np.sqrt((u / self.half_width_mm) ** 2 + (v / self.half_length_mm) ** 2) / rho + 1e-6
        edge = (rho - 1.0 - self.wave[0] * np.cos(3.0 * np.arctan2(v, u) + self.wave[1])) / slope
        return smooth_max(np.abs(radius - self.bend_mm) - self.thickness_mm / 2, edge, self.thickness_mm / 3)

    def scaled(self, factor: float) -> Plate:
        """The same sheet with a larger or smaller outline; its thickness stays."""
        return Plate(
            self.half_width_mm * factor, self.half_length_mm * factor, self.thickness_mm, self.bend_mm, self.wave
        )


@dataclass(frozen=True, eq=False)
class Threads:
    """A net: threads of one radius between knots.

    Attributes
    ----------
    starts_mm, ends_mm: (N, 3) ends of each thread.
    radius_mm: of a thread.
    """

    starts_mm: Array
    ends_mm: Array
    radius_mm: float

    @property
    def bounds(self) -> tuple[Array, Array]:
        """See `shapes.Shape`."""
        points = np.concatenate([self.starts_mm, self.ends_mm])
        return points.min(axis=0) - self.radius_mm, points.max(axis=0) + self.radius_mm

    def distance(self, x: Array, y: Array, z: Array) -> Array:
        """See `shapes.Shape`."""
        middles = (self.starts_mm + self.ends_mm) / 2.0
        reach = np.linalg.norm(self.ends_mm - self.starts_mm, axis=1) / 2.0 + self.radius_mm

        def part(index: int, px: Array, py: Array, pz: Array) -> Array:
            return segment_distance(px, py, pz, self.starts_mm[index], self.ends_mm[index]) - self.radius_mm

        return _union(x, y, z, middles, reach, part)

    def scaled(self, factor: float) -> Threads:
        """The same net with wider meshes; its threads stay as thick."""
        return Threads(self.starts_mm * factor, self.ends_mm * factor, self.radius_mm)


@dataclass(frozen=True, eq=False)
class Grains:
    """Stippling: separate balls near each other.

    Attributes
    ----------
    centres_mm: (N, 3).
    radii_mm: (N,).
    """

    centres_mm: Array
    radii_mm: Array

    @property
    def bounds(self) -> tuple[Array, Array]:
        """See `shapes.Shape`."""
        radii = self.radii_mm[:, None]
        return (self.centres_mm - radii).min(axis=0), (self.centres_mm + radii).max(axis=0)

    @property
    def volume_mm3(self) -> float:
        """Sum of the balls' volumes; they do not touch."""
        return float(4.0 / 3.0 * np.pi * (self.radii_mm**3).sum())

    def distance(self, x: Array, y: Array, z: Array) -> Array:
        """See `shapes.Shape`."""
        centres = self.centres_mm.astype(np.float32)

        def part(index: int, px: Array, py: Array, pz: Array) -> Array:
            cx, cy, cz = centres[index]
            return np.sqrt((px - cx) ** 2 + (py - cy) ** 2 + (pz - cz) ** 2) - np.float32(self.radii_mm[index])

        return _union(x, y, z, self.centres_mm, self.radii_mm, part)


def _union(
    x: Array, y: Array, z: Array, middles: Array, reach: Array, part: Callable[[int, Array, Array, Array], Array]
) -> Array:
    """Distance to a union of parts, each within ``reach`` (N,) of its middle (N, 3); far away just `FAR_MM`."""
    if x.ndim != 3:
        return np.min([part(index, x, y, z) for index in range(len(middles))], axis=0)
    result = np.full(x.shape, FAR_MM, np.float32)
    for start in np.ndindex(*(-(-n // BLOCK) for n in x.shape)):
        block = tuple(slice(s * BLOCK, (s + 1) * BLOCK) for s in start)
        points = [c[block] for c in (x, y, z)]
        low, high = (np.array([f(c) for c in points]) for f in (np.min, np.max))
        away = np.linalg.norm(np.maximum(np.maximum(low - middles, middles - high), 0.0), axis=1)
        near = np.flatnonzero(away < reach + NEAR_MM)
        for index in near:
            np.minimum(result[block], part(int(index), *points), out=result[block])
    return result


@dataclass(frozen=True, eq=False)
class Solid:
    """What is known of a shape by fine integration: volume, centre of mass, and points on its surface (N, 3)."""

    volume_mm3: float
    centroid: tuple[float, float, float]
    surface: Array


def measure(shape: Shape, samples: int = 800_000, surface_points: int = 240) -> Solid:
    """Integrate a shape on a grid of about ``samples`` points over its box."""
    low, high = (np.asarray(v, float) for v in shape.bounds)
    step = float((np.prod(high - low) / samples) ** (1.0 / 3.0))
    axes = [np.arange(a - step, b + step, step, dtype=np.float32) for a, b in zip(low, high, strict=True)]
    x, y, z = axes[0][:, None, None], axes[1][None, :, None], axes[2][None, None, :]
    d = shape.distance(x + 0 * y + 0 * z, y + 0 * x + 0 * z, z + 0 * x + 0 * y)
    share = true_share(d, step).astype(np.float64)
    total = share.sum()
    centroid = tuple(
        float((share.sum(axis=tuple(a for a in range(3) if a != axis)) * axes[axis]).sum() / total) for axis in range(3)
    )
    index = np.argwhere((d <= 0) & (d > -step))
    chosen = index[np.linspace(0, len(index) - 1, min(surface_points, len(index))).astype(int)]
    surface = np.stack([axes[a][chosen[:, a]] for a in range(3)], axis=1).astype(float)
    return Solid(float(total) * step**3, centroid, surface)
