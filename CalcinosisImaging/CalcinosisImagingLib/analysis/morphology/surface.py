"""Real surface area and thickness, from the grey values rather than from the staircase of the mask."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .cut import Cut
from .fractions import Fractions

SMOOTH_VOXELS = 1.0
"""Smoothing before the surface is drawn: enough that noise does not roughen it."""
PAD = 2
"""Voxels put around a cut so that a deposit at the image's border is closed there."""
LEAST_SLICES = 3
"""Fewest voxels along every axis of the image for a surface to be drawn."""
RAYS = 200
"""Most surface points from which thickness is measured."""


def surface_area_mm2(cut: Cut, fractions: Fractions) -> float | None:
    """Area by the co-area formula on the level surface that encloses the sub-voxel volume.

    Area = integral of |grad u| * delta(u - level). Blur moves a level surface inwards where it is convex; choosing the
    level by the enclosed volume takes that back, exactly so for a sphere.
    """
    if min(cut.mask.shape) < LEAST_SLICES:
        return None
    excess = np.pad(fractions.filled, PAD)
    region = ndimage.binary_dilation(np.pad(fractions.region, PAD), iterations=1)
    smooth = ndimage.gaussian_filter(excess, SMOOTH_VOXELS)
    derivatives = [ndimage.gaussian_filter(excess, SMOOTH_VOXELS, order=order) for order in np.eye(3, dtype=int)]
    slope = np.sqrt(sum((d / s) ** 2 for d, s in zip(derivatives, cut.spacing_mm, strict=True)))
    step = np.maximum(sum(np.abs(d) for d in derivatives), 1e-9)
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
    area = float((slope * weight)[region].sum(dtype=np.float64)) * cut.voxel_mm3
    return area if area > 0 else None


def thickness_mm(cut: Cut, fractions: Fractions, fwhm_mm: float) -> tuple[float, float] | None:
    """Typical (median) and largest (95th percentile) way through the body along its surface's normals, mm.

    The way is the integral of the voxel fractions along the normal, from outside to outside: blur widens a profile but
    leaves its integral, so that a plate thinner than the point spread has its true thickness. A ray ends where it
    leaves the level surface, plus the reach of the blur.
    """
    if min(cut.mask.shape) < LEAST_SLICES:
        return None
    smooth, level = fractions.smooth, fractions.level
    start, inward = _rim(cut, fractions)
    if len(start) == 0:
        return None
    reach = max(fwhm_mm, float(cut.spacing_mm.max()))
    step = float(cut.spacing_mm.min()) / 2
    before = int(np.ceil(reach / step))
    extent = float(np.linalg.norm((np.ptp(np.argwhere(cut.mask), axis=0) + 1) * cut.spacing_mm))
    along = np.arange(-before, int(np.ceil(extent / step)) + before + 1) * step
    points = ((start[:, None, :] + along[None, :, None] * inward[:, None, :]) / cut.spacing_mm).reshape(-1, 3).T
    profile = ndimage.map_coordinates(fractions.filled, points, order=1, mode="constant").reshape(len(start), -1)
    surface = ndimage.map_coordinates(smooth, points, order=1, mode="nearest").reshape(len(start), -1)
    outside = surface < level
    outside[:, : before + 2] = False
    outside[:, -1] = True
    last = outside.argmax(axis=1) + before
    profile[np.arange(profile.shape[1]) > last[:, None]] = 0
    ways = profile.sum(axis=1) * step
    return float(np.median(ways)), float(np.percentile(ways, 95))


def _rim(cut: Cut, fractions: Fractions) -> tuple[np.ndarray, np.ndarray]:
    """Points on the level surface and the unit vectors into the body there: (N, 3) mm and (N, 3), along k, j, i."""
    smooth, level = fractions.smooth, fractions.level
    gradient = np.stack(np.gradient(smooth, *cut.spacing_mm), -1)
    slope = np.linalg.norm(gradient, axis=-1)
    body = (smooth >= level) & fractions.region
    found = np.argwhere(body & ~ndimage.binary_erosion(body) & (slope > 0))
    found = found[:: max(len(found) // RAYS, 1)]
    index = tuple(found.T)
    inward = gradient[index] / slope[index][:, None]
    depth = np.minimum((smooth[index] - level) / slope[index], float(cut.spacing_mm.max()))
    return found * cut.spacing_mm - inward * depth[:, None], inward
