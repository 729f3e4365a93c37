"""Real surface area and thickness, from the grey values rather than from the staircase of the mask."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .cut import Cut
from .fractions import FWHM_TO_SIGMA, Fractions
from .subvoxel import level_of

SMOOTH_VOXELS = 1.2
"""Least smoothing before a surface is drawn: enough that the sum over voxels stands for an integral."""
BLURS = (1.0, 1.3, 1.8)
"""Widths of blur at which the area is measured, in parts of the least one; what it would be at 0 is wanted."""
SLOPE = np.array([3, -32, 168, -672, 0, 672, -168, 32, -3]) / 840
"""Central difference of the eighth order: as good as exact behind the blur."""
BAND = 0.7
"""Half width of the band of levels about the surface, as a part of the way to the lowest or highest level."""
LEAST_SLICES = 3
"""Fewest voxels along every axis of the image for a surface to be drawn."""
RAYS = 100
"""Most surface points from which thickness is measured."""


def surface_area_mm2(cut: Cut, fractions: Fractions, fwhm_mm: float) -> float | None:
    """Area without blur, extrapolated from the areas of level surfaces under three widths of blur.

    Each area is that of the level surface which encloses the sub-voxel volume (`_level_area_mm2`). Blur of width t
    leaves of a smooth body A (1 - c t^2), nearly nothing lost, but cuts edges and rims off: A (1 - k t + ...).
    The image's own blur is known (``fwhm_mm`` and the voxel), so a parabola through three wider blurs leads back to
    t = 0; through 1 / A^2, in which a box's course is the straightest. Blur only ever shortens a surface at its edges:
    where k would be negative it is 0.
    """
    if min(cut.mask.shape) < LEAST_SLICES:
        return None
    counted = fractions.reason is not None
    own = (0.0 if counted else fwhm_mm * FWHM_TO_SIGMA / cut.spacing_mm) ** 2 + 1 / 12
    widths = np.array(BLURS)
    areas = [_level_area_mm2(cut, fractions, np.sqrt(w**2 * (own + SMOOTH_VOXELS**2) - own)) for w in BLURS]
    if not all(areas):
        return None
    course = np.array(areas) ** -2.0
    start, slope, _ = np.linalg.solve(np.stack([widths**0, widths, widths**2], 1), course)
    if slope < 0:
        (start, _), *_ = np.linalg.lstsq(np.stack([widths**0, widths**2], 1), course)
    return float(start**-0.5) if start > 0 else areas[0]


def _level_area_mm2(cut: Cut, fractions: Fractions, smoothing: np.ndarray) -> float | None:
    """Area by the co-area formula of the level surface that encloses the sub-voxel volume; smoothing along k, j, i.

    Area = integral of |grad u| * delta(u - level). Blur moves a level surface inwards where it is convex; choosing the
    level by the enclosed volume takes that back, exactly so for a sphere. Noise makes gradients longer on average:
    by its variance along the surface, which is taken off their squares.
    """
    pad = int(np.ceil(1.5 * smoothing.max()))
    excess = np.pad(fractions.filled, pad)
    smooth, *derivatives = _smoothed(excess, smoothing)
    near = smooth > 0.1 * smooth.max()
    value = smooth[near]
    slopes = np.stack([derivative[near] for derivative in derivatives])
    step = np.maximum(np.abs(slopes).sum(axis=0), 1e-9)
    level = level_of(value, step, fractions.volume_mm3 / cut.voxel_mm3)
    half = BAND * min(level, float(value.max()) - level)
    if half <= 0:
        return None
    weight = np.maximum(1 - np.abs(value - level) / half, 0) / half
    squares = ((slopes / cut.spacing_mm[:, None]) ** 2).sum(axis=0)
    slope = np.sqrt(np.maximum(squares - _noise_of_slopes(cut, fractions, smoothing), 0))
    return float((slope * weight).sum(dtype=np.float64)) * cut.voxel_mm3


def _noise_of_slopes(cut: Cut, fractions: Fractions, smoothing: np.ndarray) -> float:
    """Variance that noise adds to the two components of the smoothed gradient along the surface, per mm².

    The noise is taken as white noise blurred by a Gaussian of as many voxels as its grain tells.
    """
    if fractions.reason is not None:
        return 0.0
    grain = np.cbrt(fractions.clump) / (2 * np.sqrt(np.pi))
    wide = grain**2 + smoothing**2
    variance = (fractions.noise_sd / fractions.contrast) ** 2 * np.prod(grain / np.sqrt(wide))
    return float(2 * (variance / (2 * wide * cut.spacing_mm**2)).mean())


def _smoothed(values: np.ndarray, smoothing: np.ndarray) -> list[np.ndarray]:
    """Values blurred by a Gaussian (standard deviation in voxels along k, j, i), and the result's three derivatives.

    Derivatives are central differences (`SLOPE`).
    """
    smooth = ndimage.gaussian_filter(values, smoothing, mode="constant", truncate=3.0)
    return [smooth] + [ndimage.correlate1d(smooth, SLOPE, axis, mode="constant") for axis in range(3)]


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
    step = float(cut.spacing_mm.min())
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
