"""Continuous shapes: each answers how far a point is from its surface (negative inside), in its own frame, mm.

Distances are first-order exact near the surface (value divided by the length of its gradient), which is what
partial volume needs; far away only the sign counts. Coordinates come as three arrays that broadcast together.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
from scipy.interpolate import PchipInterpolator

Array = np.ndarray
TABLE = 4096
"""Steps of the table of a bone's outline: 0.01 mm or less apart."""
FAR_MM = 50.0
"""Distance given to points that are outside a shape's box: "far"."""


class Shape(Protocol):
    """A solid in its own frame."""

    @property
    def bounds(self) -> tuple[Array, Array]:
        """Lower and upper corner (3,) of a box that holds the solid."""

    def distance(self, x: Array, y: Array, z: Array) -> Array:
        """Signed distance in mm at the points; negative inside."""


def smooth_max(a: Array, b: Array, radius_mm: float) -> Array:
    """Maximum whose edge is rounded over ``radius_mm``: the intersection of two solids with a soft rim."""
    h = np.maximum(radius_mm - np.abs(a - b), 0.0)
    return np.maximum(a, b) + h * h / (4.0 * radius_mm)


def smooth_min(a: Array, b: Array, radius_mm: float) -> Array:
    """Minimum whose crease is filled over ``radius_mm``: the union of two solids with a fillet."""
    h = np.maximum(radius_mm - np.abs(a - b), 0.0)
    return np.minimum(a, b) - h * h / (4.0 * radius_mm)


def elliptic_distance(x: Array, z: Array, a: Array | float, b: Array | float) -> Array:
    """Distance to an ellipse with half-axes ``a`` (x) and ``b`` (z), to first order."""
    u, w = x / a, z / b
    rho = np.sqrt(u * u + w * w) + 1e-6
    slope = np.sqrt((u / a) ** 2 + (w / b) ** 2) / rho + 1e-6 / np.minimum(a, b)
    return np.maximum((rho - 1.0) / slope, -np.minimum(a, b))


@dataclass(frozen=True)
class Ellipsoid:
    """An ellipsoid about the origin."""

    half_axes_mm: tuple[float, float, float]

    @property
    def bounds(self) -> tuple[Array, Array]:
        """See `Shape`."""
        half = np.array(self.half_axes_mm)
        return -half, half

    def distance(self, x: Array, y: Array, z: Array) -> Array:
        """See `Shape`."""
        a, b, c = self.half_axes_mm
        u, v, w = x / a, y / b, z / c
        rho = np.sqrt(u * u + v * v + w * w) + 1e-6
        slope = np.sqrt((u / a) ** 2 + (v / b) ** 2 + (w / c) ** 2) / rho + 1e-6
        return (rho - 1.0) / slope


@dataclass(frozen=True)
class Limb:
    """A tapered tube of soft tissue along y from 0 to ``length_mm`` with elliptic sections and rounded ends.

    Attributes
    ----------
    start_mm, end_mm: half-widths (x, z) at both ends.
    cap_mm: how far the rounded ends reach beyond the length.
    offset_mm: shift of the section along z at start and end.
    shift_mm: shift of the section along x.
    """

    length_mm: float
    start_mm: tuple[float, float]
    end_mm: tuple[float, float]
    cap_mm: tuple[float, float] = (5.0, 5.0)
    offset_mm: tuple[float, float] = (0.0, 0.0)
    shift_mm: float = 0.0

    @property
    def bounds(self) -> tuple[Array, Array]:
        """See `Shape`."""
        half_x = max(self.start_mm[0], self.end_mm[0])
        half_z = max(self.start_mm[1], self.end_mm[1])
        low_z, high_z = min(self.offset_mm) - half_z, max(self.offset_mm) + half_z
        low = np.array([self.shift_mm - half_x, -self.cap_mm[0], low_z])
        return low, np.array([self.shift_mm + half_x, self.length_mm + self.cap_mm[1], high_z])

    def distance(self, x: Array, y: Array, z: Array) -> Array:
        """See `Shape`."""
        t = np.clip(y / self.length_mm, 0.0, 1.0)
        a = self.start_mm[0] + (self.end_mm[0] - self.start_mm[0]) * t
        b = self.start_mm[1] + (self.end_mm[1] - self.start_mm[1]) * t
        w = (z - self.offset_mm[0] - (self.offset_mm[1] - self.offset_mm[0]) * t) / b
        u = (x - self.shift_mm) / a
        beyond = y - t * self.length_mm
        cap = np.where(beyond < 0, np.float32(self.cap_mm[0]), np.float32(self.cap_mm[1]))
        v = beyond / cap
        rho = np.sqrt(u * u + v * v + w * w) + 1e-6
        slope = np.sqrt((u / a) ** 2 + (v / cap) ** 2 + (w / b) ** 2) / rho + 1e-6
        return np.maximum((rho - 1.0) / slope, -np.minimum(a, b))


@dataclass(frozen=True)
class LongBone:
    """A tubular bone along y: from the apex of its base (y = 0) to the top of its head (y = length).

    Attributes
    ----------
    sections: rows (y / length, half-width x, half-depth z), increasing; the outline between them is a smooth spline.
    bow_mm: how far the middle of the shaft stands dorsal (+z) of its ends.
    head_radius_mm: curvature of the head in the plane of flexion; its centre is the joint's axis.
    head_round: 0 = the head is a cylinder about x (hinge), 1 = a sphere.
    groove_mm: depth of the furrow between the condyles.
    socket_mm: curvature of the hollow of the base; 0 = a flat base.
    socket_round: 0 = cylinder, 1 = sphere, as `head_round`.
    socket_shift_mm: the hollow's centre along x.
    rim_mm: how far the rim of the hollow reaches beyond y = 0.
    cortex_mm: thickness of the cortex at the ends and in the middle.
    edge_mm: rounding between the sides and the ends.
    facets: rows (normal x, y, z, offset) of planes towards neighbours: the bone is where normal·p < offset.
    resorbed_mm: how much of the tip acro-osteolysis has taken.
    """

    length_mm: float
    sections: tuple[tuple[float, float, float], ...]
    bow_mm: float = 0.0
    head_radius_mm: float = 6.0
    head_round: float = 0.3
    groove_mm: float = 0.0
    socket_mm: float = 0.0
    socket_round: float = 0.3
    socket_shift_mm: float = 0.0
    rim_mm: float = 1.2
    cortex_mm: tuple[float, float] = (0.5, 1.5)
    edge_mm: float = 1.6
    facets: tuple[tuple[float, float, float, float], ...] = ()
    resorbed_mm: float = 0.0

    @property
    def bounds(self) -> tuple[Array, Array]:
        """See `Shape`."""
        half_x = max(s[1] for s in self.sections) + 0.3
        half_z = max(s[2] for s in self.sections) + 0.3
        bow = abs(self.bow_mm)
        return np.array([-half_x, -self.rim_mm - 0.3, -half_z - bow]), np.array([half_x, self.length_mm, half_z + bow])

    @property
    def head_centre(self) -> Array:
        """Centre of curvature of the head, own frame, mm (3,)."""
        return np.array([0.0, self.length_mm - self.head_radius_mm, 0.0])

    def distance(self, x: Array, y: Array, z: Array) -> Array:
        """See `Shape`."""
        t = np.clip(y / self.length_mm, 0.0, 1.0)
        a, b = self._section(t)
        side = elliptic_distance(x, z - self.bow_mm * 4.0 * t * (1.0 - t), a, b)
        d = smooth_max(side, self._head(x, y, z), self.edge_mm)
        d = smooth_max(d, self._base(x, y, z), self.edge_mm)
        for nx, ny, nz, offset in np.asarray(self.facets, np.float32).reshape(-1, 4):
            d = smooth_max(d, nx * x + ny * y + nz * z - offset, self.edge_mm)
        if self.resorbed_mm:
            tip = y - (self.length_mm - self.resorbed_mm) + 0.15 * x + 0.4 * np.cos(2.2 * x + 1.3 * z)
            d = smooth_max(d, tip, 0.6)
        return d

    def cortex(self, y: Array) -> Array:
        """Thickness of the cortex at height ``y``, mm: thin at the ends, thick in the middle."""
        t = np.clip(y / self.length_mm, 0.0, 1.0)
        thin, thick = self.cortex_mm
        return thin + (thick - thin) * np.sin(np.pi * t) ** 2

    def shaft(self, y: Array) -> Array:
        """0 in the spongy ends, 1 in the hollow shaft."""
        t = np.clip(y / self.length_mm, 0.0, 1.0)
        return np.clip((0.5 - np.abs(t - 0.5) - 0.18) / 0.1, 0.0, 1.0)

    def _section(self, t: Array) -> tuple[Array, Array]:
        """Half-width and half-depth at the relative height ``t``, from a fine table of a monotone spline."""
        knots = np.array(self.sections)
        table = PchipInterpolator(knots[:, 0], knots[:, 1:])(np.linspace(0.0, 1.0, TABLE + 1)).astype(np.float32)
        index = (t * np.float32(TABLE) + np.float32(0.5)).astype(np.int32)
        return np.take(np.ascontiguousarray(table[:, 0]), index), np.take(np.ascontiguousarray(table[:, 1]), index)

    def _head(self, x: Array, y: Array, z: Array) -> Array:
        """Distance beyond the head's articular surface."""
        over = y - (self.length_mm - self.head_radius_mm)
        flat = self.head_round * x
        radius = np.sqrt(np.maximum(over, 0.0) ** 2 + z * z + flat * flat)
        d = radius - self.head_radius_mm + 0.7 * np.minimum(over, 0.0)
        if self.groove_mm:
            d = d + self.groove_mm * np.exp(-((x / 1.8) ** 2))
        return d

    def _base(self, x: Array, y: Array, z: Array) -> Array:
        """Distance beyond the articular surface of the base."""
        rim = -y - self.rim_mm
        if not self.socket_mm:
            return -y + 0.0 * x + 0.0 * z
        radius = np.sqrt((y + self.socket_mm) ** 2 + z * z + (self.socket_round * (x - self.socket_shift_mm)) ** 2)
        return np.maximum(self.socket_mm - radius, rim)


@dataclass(frozen=True)
class ShortBone:
    """A carpal: an ellipsoid with facets.

    Attributes
    ----------
    half_axes_mm, axes: half-axes and their directions (columns of a 3x3 rotation, own frame).
    facets: rows (normal x, y, z, offset): the bone is where normal·p < offset.
    balls: rows (centre x, y, z, radius): the bone stays inside the ball (positive) or outside (negative radius).
    cortex_mm: thickness of its shell.
    edge_mm: rounding of the edges between facets.
    """

    half_axes_mm: tuple[float, float, float]
    axes: Array
    facets: Array
    balls: Array
    cortex_mm: float = 0.6
    edge_mm: float = 1.8

    @property
    def bounds(self) -> tuple[Array, Array]:
        """See `Shape`."""
        half = np.sqrt(((np.asarray(self.axes) * np.array(self.half_axes_mm)) ** 2).sum(axis=1))
        return -half, half

    def distance(self, x: Array, y: Array, z: Array) -> Array:
        """See `Shape`."""
        local = [x * c[0] + y * c[1] + z * c[2] for c in np.asarray(self.axes, np.float32).T]
        d = Ellipsoid(self.half_axes_mm).distance(*local)
        for nx, ny, nz, offset in np.asarray(self.facets, np.float32).reshape(-1, 4):
            d = smooth_max(d, nx * x + ny * y + nz * z - offset, self.edge_mm)
        for cx, cy, cz, radius in np.asarray(self.balls, np.float32).reshape(-1, 4):
            reach = np.sqrt((x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2)
            d = smooth_max(d, (reach - abs(radius)) * np.sign(radius), self.edge_mm)
        return d

    def cortex(self, y: Array) -> Array:
        """Thickness of the shell, mm."""
        return np.full_like(y, self.cortex_mm)

    def shaft(self, y: Array) -> Array:
        """No hollow shaft: 0."""
        return np.zeros_like(y)


@dataclass(frozen=True, eq=False)
class Tube:
    """A cord with a round section along a polyline: tendon, vessel.

    Attributes
    ----------
    points_mm: (N, 3) along the cord.
    radius_mm: of the section.
    """

    points_mm: Array
    radius_mm: float

    @property
    def bounds(self) -> tuple[Array, Array]:
        """See `Shape`."""
        return self.points_mm.min(axis=0) - self.radius_mm, self.points_mm.max(axis=0) + self.radius_mm

    def distance(self, x: Array, y: Array, z: Array) -> Array:
        """See `Shape`."""
        best: Array | None = None
        for start, end in pairwise(self.points_mm):
            d = segment_distance(x, y, z, start, end)
            best = d if best is None else np.minimum(best, d)
        return best - self.radius_mm


@dataclass(frozen=True, eq=False)
class Spindle:
    """The belly of a muscle: round, thickest in its middle, a third as thick at its ends.

    Attributes
    ----------
    start_mm, end_mm: (3,) ends of its axis.
    radius_mm: in the middle.
    """

    start_mm: Array
    end_mm: Array
    radius_mm: float

    @property
    def bounds(self) -> tuple[Array, Array]:
        """See `Shape`."""
        low, high = np.minimum(self.start_mm, self.end_mm), np.maximum(self.start_mm, self.end_mm)
        return low - self.radius_mm, high + self.radius_mm

    def distance(self, x: Array, y: Array, z: Array) -> Array:
        """See `Shape`."""
        away, t = from_segment(x, y, z, self.start_mm, self.end_mm)
        return away - np.float32(self.radius_mm) * (np.float32(0.35) + np.float32(2.6) * t * (1 - t))


def segment_distance(x: Array, y: Array, z: Array, start: Array, end: Array) -> Array:
    """Distance of points from the straight piece between two points."""
    return from_segment(x, y, z, start, end)[0]


def from_segment(x: Array, y: Array, z: Array, start: Array, end: Array) -> tuple[Array, Array]:
    """Distance of points from the straight piece between two points, and how far along it (0 to 1) its foot lies."""
    ax, ay, az = (float(v) for v in end - start)
    square = max(ax * ax + ay * ay + az * az, 1e-9)
    px, py, pz = x - start[0], y - start[1], z - start[2]
    t = np.clip((px * ax + py * ay + pz * az) / square, 0.0, 1.0)
    return np.sqrt((px - t * ax) ** 2 + (py - t * ay) ** 2 + (pz - t * az) ** 2), t
