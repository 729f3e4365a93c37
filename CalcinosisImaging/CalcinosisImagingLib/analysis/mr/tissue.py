"""An MR measured against its own soft tissue: how dark or bright each voxel is for where it lies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..blocks import block_mean
from ..volume import Volume
from .brightness import body_threshold, coil_gain, noise_floor, on_grid

SURROUND_MM = 3.0
"""Width of the neighbourhood that tells what tissue is like around a voxel."""
CLOSING_MM = 4.0
"""Gaps in the body's outline up to twice this are voids at the skin, not air."""


@dataclass(frozen=True, eq=False)
class Tissue:
    """Relative signal of one MR, cropped to the body.

    Attributes
    ----------
    box: slices over (K, J, I) of the image that the arrays stand for.
    level: float32; 0 = a void (noise of air), 1 = the soft tissue around this voxel.
    depth_mm: distance to the air, 0 outside the body.
    noise: standard deviation of `level` in a void.
    fat_is_bright: whether the layer under the skin is brighter than what is deeper (no fat suppression).
    """

    box: tuple[slice, slice, slice]
    level: np.ndarray
    depth_mm: np.ndarray
    noise: float
    fat_is_bright: bool


def measure_tissue(volume: Volume) -> Tissue:
    """Relative signal and depth. Raises `InputError` when the image shows nothing."""
    middle = block_mean(volume, 1.5)
    threshold = body_threshold(middle.voxels)
    body = _body(middle, threshold)
    gain = on_grid(coil_gain(middle, middle.voxels > threshold), volume)
    inside = on_grid(middle.with_voxels(body.astype(np.float32)), volume) > 0.5
    box = _box(inside, pad=2)
    floor = noise_floor(volume.voxels, inside)
    part, gain, inside = volume.crop(box), gain[box], inside[box]
    spacing = part.spacing_mm[::-1]
    # The floor of noise is the same everywhere in the raw image, so it is taken off before the coil's gain.
    signal = (np.maximum(part.voxels.astype(np.float32) - floor, 0.0)) / gain
    around = _surround(signal, inside, spacing)
    depth = ndimage.distance_transform_edt(inside, sampling=spacing).astype(np.float32)
    level = signal / around
    shallow, deep = (depth > 1.5) & (depth < 4.0) & (level > 0.4), (depth > 7.0) & (level > 0.4)
    fat_is_bright = bool(shallow.any() and deep.any() and np.median(signal[shallow]) > 1.25 * np.median(signal[deep]))
    noise = 0.53 * floor / max(float(np.median(gain[inside] * around[inside])), 1e-9)
    return Tissue(box, level, depth, float(noise), fat_is_bright)


def _body(middle: Volume, threshold: float) -> np.ndarray:
    """The limb: bright tissue, what it encloses, and dents up to a few millimetres."""
    mask = middle.voxels > threshold
    labels, count = ndimage.label(mask)
    if count > 1:
        sizes = np.bincount(labels.ravel())[1:]
        # Several parts count: fingers may be apart from the palm, two hands may be in the image.
        mask = np.isin(labels, 1 + np.flatnonzero(sizes >= 0.02 * sizes.max()))
    sampling = middle.spacing_mm[::-1]
    pad = [(int(np.ceil(2 * CLOSING_MM / s)),) * 2 for s in sampling]
    padded = np.pad(mask, pad)
    closed = ndimage.distance_transform_edt(~padded, sampling=sampling) <= CLOSING_MM
    closed = ndimage.distance_transform_edt(closed, sampling=sampling) > CLOSING_MM
    closed = closed[tuple(slice(a, n - b) for (a, b), n in zip(pad, closed.shape, strict=True))] | mask
    for axis in range(3):
        closed = np.stack([ndimage.binary_fill_holes(plane) for plane in np.moveaxis(closed, axis, 0)], axis=axis)
    return closed


def _surround(signal: np.ndarray, inside: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """Signal of the soft tissue near each voxel: a local mean that leaves dark voxels out, > 0 everywhere."""
    sigma = SURROUND_MM / spacing
    typical = float(np.median(signal[inside]))
    bright = signal[inside & (signal > 0.5 * typical)]
    typical = float(np.median(bright)) if bright.size else max(typical, 1e-6)
    around = np.full(signal.shape, typical, np.float32)
    for part in (0.4, 0.55):
        soft = (inside & (signal > part * around)).astype(np.float32)
        weight = ndimage.gaussian_filter(soft, sigma) + 1e-4
        around = (ndimage.gaussian_filter(signal * soft, sigma) + 1e-4 * typical) / weight
    return np.maximum(around, 1e-3 * typical)


def _box(mask: np.ndarray, pad: int) -> tuple[slice, slice, slice]:
    found = ndimage.find_objects(mask.astype(np.uint8))[0]
    return tuple(slice(max(0, s.start - pad), min(n, s.stop + pad)) for s, n in zip(found, mask.shape, strict=True))
