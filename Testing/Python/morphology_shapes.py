"""Shapes with known volume, area and thickness, imaged: voxel fractions by supersampling, blur, noise, random pose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from CalcinosisImagingLib.analysis.segmentation import Segment, Segmentation
from CalcinosisImagingLib.analysis.volume import Volume
from scipy import ndimage, special

FWHM_TO_SIGMA = 1 / (2 * np.sqrt(2 * np.log(2)))


@dataclass(frozen=True)
class Shape:
    """A body about the origin: ``outside(points (..., 3) mm)`` is a lower bound of the distance, negative inside."""

    outside: Callable[[np.ndarray], np.ndarray]
    reach_mm: float
    volume_mm3: float
    area_mm2: float | None = None


def sphere(r):
    return Shape(lambda p: np.linalg.norm(p, axis=-1) - r, r, 4 / 3 * np.pi * r**3, 4 * np.pi * r**2)


def ellipsoid(a, b, c):
    axes = np.array([a, b, c])
    least = axes.min()
    area = ellipsoid_area(*sorted((a, b, c), reverse=True))
    return Shape(
        lambda p: (np.linalg.norm(p / axes, axis=-1) - 1) * least, axes.max(), 4 / 3 * np.pi * axes.prod(), area
    )


def ellipsoid_area(a, b, c):
    """Exact area of an ellipsoid, semi-axes a >= b >= c, by Carlson's symmetric integral."""
    return 4 * np.pi * a * b * c * special.elliprg(1 / a**2, 1 / b**2, 1 / c**2)


def box(x, y, z):
    half = np.array([x, y, z]) / 2

    def outside(p):
        q = np.abs(p) - half
        return np.linalg.norm(np.maximum(q, 0), axis=-1) + np.minimum(q.max(axis=-1), 0)

    return Shape(outside, float(np.linalg.norm(half)), x * y * z, 2 * (x * y + y * z + z * x))


def tube(r, length):
    """A cylinder with rounded ends: all points within r of a line of that length."""

    def outside(p):
        along = np.clip(p[..., 2], -length / 2, length / 2)
        return np.linalg.norm(p - along[..., None] * np.array([0, 0, 1.0]), axis=-1) - r

    return Shape(
        outside, r + length / 2, np.pi * r**2 * (length + 4 / 3 * r), 2 * np.pi * r * length + 4 * np.pi * r**2
    )


def bent_plate(radius, angle, width, thickness):
    """Part of a cylinder's wall: ``angle`` radians of mid-radius ``radius``, ``width`` long."""

    def outside(p):
        shifted = p + np.array([radius, 0, 0])
        rho = np.hypot(shifted[..., 0], shifted[..., 1])
        around = np.abs(np.arctan2(shifted[..., 1], shifted[..., 0])) - angle / 2
        q = np.stack([np.abs(rho - radius) - thickness / 2, np.abs(p[..., 2]) - width / 2, around * radius * 0.5], -1)
        return q.max(axis=-1)

    side = radius * angle
    return Shape(outside, np.hypot(side, width), side * width * thickness, None)


def union(parts):
    """Several shapes at offsets (mm): list of (shape, offset). Volume is that of disjoint parts."""
    reach = max(shape.reach_mm + np.linalg.norm(offset) for shape, offset in parts)
    return Shape(
        lambda p: np.min([shape.outside(p - np.asarray(offset)) for shape, offset in parts], axis=0),
        reach,
        sum(shape.volume_mm3 for shape, _ in parts),
    )


def random_rotation(rng):
    """A rotation drawn evenly from all rotations."""
    q, r = np.linalg.qr(rng.normal(size=(3, 3)))
    q *= np.sign(np.diag(r))
    if np.linalg.det(q) < 0:
        q[:, 0] *= -1
    return q


def voxel_fractions(shape, size, spacing, rotation, centre_kji, supersample=6):
    """Part of every voxel that the shape fills; ``size`` and ``spacing`` along k, j, i."""
    spacing = np.broadcast_to(np.asarray(spacing, float), 3)
    grid = np.stack(np.meshgrid(*[np.arange(n, dtype=float) for n in size], indexing="ij"), -1)
    points = (grid - centre_kji) * spacing @ rotation
    distance = shape.outside(points)
    fractions = (distance < 0).astype(np.float32)
    near = np.abs(distance) < np.linalg.norm(spacing) / 2 + 1e-6
    offsets = (np.arange(supersample) + 0.5) / supersample - 0.5
    subs = np.stack(np.meshgrid(offsets, offsets, offsets, indexing="ij"), -1).reshape(-1, 3) * spacing @ rotation
    chosen = points[near]
    filled = np.zeros(len(chosen), np.float32)
    for start in range(0, len(chosen), 4000):
        part = chosen[start : start + 4000, None, :] + subs
        filled[start : start + 4000] = (shape.outside(part) < 0).mean(axis=1)
    fractions[near] = filled
    return fractions


@dataclass(frozen=True)
class Image:
    volume: Volume
    deposits: Segmentation
    fractions: np.ndarray


def as_segmentation(labels, volume):
    present = [int(v) for v in np.unique(labels) if v]
    segments = tuple(Segment(v, f"deposit-{v}", f"Deposit {v}") for v in present)
    return Segmentation(volume.with_voxels(labels.astype(np.uint16)), segments)


def imaged(
    shape,
    rng,
    spacing=0.3,
    fwhm_mm=0.6,
    background=40.0,
    plateau=700.0,
    noise_sd=20.0,
    noise_fwhm_mm=0.0,
    margin_mm=4.0,
    rotation=None,
):
    """One shape at random pose in a uniform background, its mask at half the true fraction."""
    spacing = np.broadcast_to(np.asarray(spacing, float), 3)
    size = np.ceil(2 * (shape.reach_mm + margin_mm) / spacing).astype(int)
    centre = (size - 1) / 2 + rng.uniform(-0.5, 0.5, 3)
    rotation = random_rotation(rng) if rotation is None else rotation
    fractions = voxel_fractions(shape, size, spacing, rotation, centre)
    blurred = ndimage.gaussian_filter(fractions, fwhm_mm * FWHM_TO_SIGMA / spacing, truncate=6)
    noise = rng.normal(size=size)
    if noise_fwhm_mm:
        noise = ndimage.gaussian_filter(noise, noise_fwhm_mm * FWHM_TO_SIGMA / spacing)
        noise /= noise.std()
    values = background + (plateau - background) * blurred + noise_sd * noise
    volume = Volume(np.round(values).astype(np.int16), np.diag([*spacing[::-1], 1.0]))
    return Image(volume, as_segmentation(fractions > 0.5, volume), fractions)
