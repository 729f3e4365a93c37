"""Shapes of deposits, in a frame of their own centred on the deposit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .shapes import Array


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
        """Volume: product of the axes times the mean cube of the radius over the sphere, times 4 pi / 3."""
        radius = self._radius(*sphere_points(20000).T)
        return float(4.0 / 3.0 * np.pi * np.prod(self.half_axes_mm) * np.mean(radius**3))

    @property
    def centroid(self) -> tuple[float, float, float]:
        """Centre of mass: directions weighted with the fourth power of the radius."""
        directions = sphere_points(20000)
        radius = self._radius(*directions.T)
        mean = (directions * (radius**4)[:, None]).mean(axis=0) / np.mean(radius**3) * 0.75
        return tuple(float(v) for v in mean * np.array(self.half_axes_mm))

    def distance(self, x: Array, y: Array, z: Array) -> Array:
        """See `shapes.Shape`."""
        a, b, c = self.half_axes_mm
        u, v, w = x / a, y / b, z / c
        rho = np.sqrt(u * u + v * v + w * w) + 1e-6
        slope = np.sqrt((u / a) ** 2 + (v / b) ** 2 + (w / c) ** 2) / rho + 1e-6
        return (rho - self._radius(u / rho, v / rho, w / rho)) / slope

    def scaled(self, factor: float) -> Stone:
        """The same shape, larger or smaller."""
        return Stone(tuple(h * factor for h in self.half_axes_mm), self.waves)

    def _radius(self, nx: Array, ny: Array, nz: Array) -> Array:
        """Relative radius along directions."""
        radius = np.ones(np.shape(nx), np.float32)
        for kx, ky, kz, phase, amplitude in self.waves.astype(np.float32):
            radius = radius + amplitude * np.cos(kx * nx + ky * ny + kz * nz + phase)
        return radius


def draw_stone(rng: np.random.Generator, volume_mm3: float, lobulated: float) -> Stone:
    """A stone of a given volume, longest along y; ``lobulated`` 0 (smooth) .. 1."""
    long, flat = rng.uniform(1.0, 1.8), rng.uniform(0.7, 1.0)
    count = 4
    k = rng.normal(size=(count, 3))
    k *= rng.uniform(2.5, 4.5, (count, 1)) / np.linalg.norm(k, axis=1, keepdims=True)
    amplitude = lobulated * rng.uniform(0.03, 0.09, count)
    waves = np.column_stack([k, rng.uniform(0, 2 * np.pi, count), amplitude])
    stone = Stone((1.0, long, flat), waves)
    return stone.scaled((volume_mm3 / stone.volume_mm3) ** (1.0 / 3.0))
