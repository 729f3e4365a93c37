"""Real surface area and thickness, from the grey values rather than from the staircase of the mask."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .cut import Cut
from .fractions import Fractions

SMOOTH_VOXELS = 0.8
"""Smoothing before the surface is drawn: enough that noise does not roughen it."""
PAD = 2
"""Voxels put around a cut so that a deposit at the image's border is closed there."""
RAYS = 300
"""Most surface points from which thickness is measured."""


def surface_area_mm2(cut: Cut, fractions: Fractions) -> float | None:
    """Area by the co-area formula on the level surface that encloses the sub-voxel volume.

    Area = integral of |grad u| * delta(u - level). Blur moves a level surface inwards where it is convex; choosing the
    level by the enclosed volume takes that back, exactly so for a sphere.
    """
    if min(cut.mask.shape) < 3:
        return None
    excess = np.pad(fractions.excess, PAD)
    region = ndimage.binary_dilation(np.pad(fractions.region, PAD), iterations=1)
    smooth = ndimage.gaussian_filter(excess, SMOOTH_VOXELS)
    derivatives = [ndimage.gaussian_filter(excess, SMOOTH_VOXELS, order=order) for order in np.eye(3, dtype=int)]
    slope = np.sqrt(sum((d / s) ** 2 for d, s in zip(derivatives, cut.spacing_mm, strict=True)))
    step = np.maximum(sum(np.abs(d) for d in derivatives), 1e-6)
    wanted = fractions.volume_mm3 / cut.voxel_mm3
    low, high = 0.0, float(smooth.max())
    for _ in range(30):
        level = (low + high) / 2
        inside = np.clip(0.5 + (smooth - level) / step, 0, 1)[region].sum()
        low, high = (level, high) if inside > wanted else (low, level)
    # A band of levels about the surface, weighted by a triangle: the sum over voxels stands for the surface.
    half = 0.5 * min(level, float(smooth.max()) - level)
    if half <= 0:
        return None
    weight = np.maximum(1 - np.abs(smooth - level) / half, 0) / half
    return float((slope * weight)[region].sum(dtype=np.float64)) * cut.voxel_mm3


def thickness_mm(cut: Cut, fractions: Fractions) -> tuple[float, float] | None:
    """Typical (median) and largest distance through the body along its surface's normals.

    Measured between the two crossings of the level surface that encloses the sub-voxel volume, so that a plate
    thinner than the point spread has its true thickness and not that of its blurred picture.
    """
    if min(cut.mask.shape) < 3:
        return None
    smooth, level = fractions.smooth, fractions.level
    gradient = np.stack(np.gradient(smooth, *cut.spacing_mm), -1)
    slope = np.linalg.norm(gradient, axis=-1)
    rim = (smooth >= level) & fractions.region & ~ndimage.binary_erosion(smooth >= level)
    found = np.argwhere(rim & (slope > 0))
    if len(found) == 0:
        return None
    found = found[:: max(len(found) // RAYS, 1)]
    index = tuple(found.T)
    inward = gradient[index] / slope[index][:, None]
    start = found * cut.spacing_mm - inward * ((smooth[index] - level) / slope[index])[:, None]
    step = float(cut.spacing_mm.min()) / 3
    extent = float(np.linalg.norm((np.ptp(np.argwhere(cut.mask), axis=0) + 2) * cut.spacing_mm))
    along = np.arange(1, int(np.ceil(extent / step)) + 1) * step
    points = (start[:, None, :] + along[None, :, None] * inward[:, None, :]) / cut.spacing_mm
    values = ndimage.map_coordinates(smooth, points.reshape(-1, 3).T, order=1, mode="nearest").reshape(len(found), -1)
    outside = values < level
    outside[:, -1] = True
    # The ray starts on the surface itself, where it may still read slightly below the level.
    outside[:, 0] = False
    leave = np.maximum(outside.argmax(axis=1), 1)
    rows = np.arange(len(found))
    before, after = values[rows, leave - 1], values[rows, leave]
    part = np.clip((before - level) / np.maximum(before - after, 1e-9), 0, 1)
    chords = along[leave - 1] + part * step
    return float(np.median(chords)), float(np.percentile(chords, 95))
