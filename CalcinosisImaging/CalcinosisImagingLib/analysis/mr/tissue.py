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

FLUID = 2.5
"""Brighter than this is fluid, a vessel or paste, which the tissue around is not measured by."""
BRIGHT_LEVEL = 1.3
MUCH_BRIGHT = 0.06
"""Fluid and vessels are a few per cent of a hand; what is more is fat."""


@dataclass(frozen=True, eq=False)
class Tissue:
    """Relative signal of one MR, cropped to the body.

    Attributes
    ----------
    box: slices over (K, J, I) of the image that the arrays stand for.
    level: float32; 0 = a void (noise of air), 1 = the soft tissue around this voxel.
    depth_mm: distance to the air, 0 outside the body.
    noise: standard deviation of `level` in a void.
    floor, unit: the signal of a void, and what the signal rises from level 0 to 1 (> 0, float32, per voxel).
    fat_is_bright: whether bright tissue is so common that it says nothing (no fat suppression).
    """

    box: tuple[slice, slice, slice]
    level: np.ndarray
    depth_mm: np.ndarray
    noise: float
    fat_is_bright: bool
    floor: float
    unit: np.ndarray


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
    # The floor of noise is the same everywhere in the raw image, so it is taken off before the coil's gain.
    signal = np.maximum(part.voxels.astype(np.float32) - floor, 0.0) / gain
    around = _surround(part.with_voxels(signal), inside)
    deep_in = ndimage.distance_transform_edt(body, sampling=middle.spacing_mm[::-1]).astype(np.float32)
    # The transform counts to voxel centres: the outline itself is half a voxel nearer.
    deep_in = np.maximum(deep_in - 0.5 * float(middle.spacing_mm.min()), 0.0)
    depth = np.where(inside, on_grid(middle.with_voxels(deep_in), part), 0.0).astype(np.float32)
    level = signal / around
    bright = float(np.mean(level[inside] > BRIGHT_LEVEL)) if inside.any() else 0.0
    fat_is_bright = bright > MUCH_BRIGHT
    noise = 0.53 * floor / max(float(np.median(gain[inside] * around[inside])), 1e-9)
    return Tissue(box, level, depth, float(noise), fat_is_bright, floor, gain * around)


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


def _surround(signal: Volume, inside: np.ndarray) -> np.ndarray:
    """Signal of the soft tissue near each voxel: a local mean that leaves dark voxels and fluid out, > 0 everywhere.

    Which voxels are dark is decided voxel by voxel, the mean is taken on a coarser grid: it is smooth.
    """
    values = signal.voxels
    typical = float(np.median(values[inside]))
    bright = values[inside & (values > 0.5 * typical)]
    typical = float(np.median(bright)) if bright.size else max(typical, 1e-6)
    around = np.full(values.shape, typical, np.float32)
    for part in (0.4, 0.55):
        soft = (inside & (values > part * around) & (values < FLUID * around)).astype(np.float32)
        weight = block_mean(signal.with_voxels(soft), SURROUND_MM / 2)
        total = block_mean(signal.with_voxels(values * soft), SURROUND_MM / 2)
        sigma = SURROUND_MM / weight.spacing_mm[::-1]
        smooth = ndimage.gaussian_filter(weight.voxels, sigma) + 1e-4
        mean = (ndimage.gaussian_filter(total.voxels, sigma) + 1e-4 * typical) / smooth
        around = on_grid(weight.with_voxels(mean), signal)
    return np.maximum(around, 1e-3 * typical)


def _box(mask: np.ndarray, pad: int) -> tuple[slice, slice, slice]:
    found = ndimage.find_objects(mask.astype(np.uint8))[0]
    return tuple(slice(max(0, s.start - pad), min(n, s.stop + pad)) for s, n in zip(found, mask.shape, strict=True))
