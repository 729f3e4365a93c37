"""The border of a deposit's shadow on a radiograph, and the area within it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import ndimage

SMOOTH_PIXELS = 0.8
LEVELS = np.linspace(0.08, 0.7, 32)
"""Heights of the edge that are tried, as parts of the deposit's own contrast."""
REACH_PIXELS = 4
"""How far from the given outline the edge is looked for."""
DEPTH_PIXELS = (-4.0, 8.0)
"""Part of the profile across the edge that is compared with model profiles, pixels outside and inside."""
POWERS = np.arange(0.0, 0.81, 0.1)
"""Growth of the shadow's depth inwards from the border, as a power of the distance: 0 a plate, 0.5 a sphere."""
SHIFTS = np.arange(-1.0, 3.01, 0.1)
"""Distances, in pixels, from the steepest outline to the true border that are tried."""


@dataclass(frozen=True, eq=False)
class _Edge:
    """The steepest outline: the fraction of every pixel within it, and its length in pixels."""

    part: np.ndarray
    length: float


def shadow_area_pixels(values: np.ndarray, mask: np.ndarray, blur_pixels: float) -> float:
    """Area of a shadow in pixels, with fractions.

    A fixed threshold does not find a shadow's border: a plate seen face-on ends in a step, a ball fades to nothing.
    First the outline is taken along which the image is steepest, then the mean profile across it is compared with
    blurred powers of the distance to the border, c * max(s, 0)^q, which tells how far outside the steepest outline the
    border is (nothing for a step, three quarters of the blur's standard deviation for a ball).

    ``values``: attenuation, any scale; ``blur_pixels``: standard deviation of detector and focal spot together.
    """
    if not mask.any() or min(mask.shape) < 3:
        return float(mask.sum())
    smooth = ndimage.gaussian_filter(values, SMOOTH_PIXELS)
    edge = _steepest(smooth, mask)
    if edge is None:
        return float(mask.sum())
    shift = _border_shift(smooth, edge.part, float(np.hypot(blur_pixels, SMOOTH_PIXELS)))
    area = float(edge.part.sum()) + shift * edge.length + np.pi * shift * abs(shift)
    least, most = ndimage.binary_erosion(mask).sum(), ndimage.binary_dilation(mask, iterations=3).sum()
    return float(np.clip(area, least, most))


def _steepest(smooth: np.ndarray, mask: np.ndarray) -> _Edge | None:
    """The level line near the mask along which the image is steepest; None if the shadow does not stand out."""
    reach = ndimage.binary_dilation(mask, iterations=REACH_PIXELS)
    rim = reach & ~ndimage.binary_dilation(mask, iterations=2)
    if not rim.any():
        return None
    base = float(np.median(smooth[rim]))
    contrast = float(np.percentile(smooth[mask], 90)) - base
    if contrast <= 0:
        return None
    height = (smooth - base) / contrast
    across = np.gradient(height)
    slope = np.hypot(*across)
    near = reach & ~ndimage.binary_erosion(mask, iterations=REACH_PIXELS)
    found, length = [], []
    for level in LEVELS:
        weight = np.maximum(1 - np.abs(height - level) / 0.06, 0)[near] * slope[near]
        length.append(float(weight.sum()) / 0.06)
        found.append(float((weight * slope[near]).sum() / max(weight.sum(), 1e-9)))
    best = int(np.argmax(found))
    part = np.clip(0.5 + (height - LEVELS[best]) / np.maximum(slope, 1e-9), 0, 1)
    part[~reach] = 0
    pieces, _ = ndimage.label(part > 0, np.ones((3, 3)))
    own = np.unique(pieces[mask & (pieces > 0)])
    part[~np.isin(pieces, own)] = 0
    return _Edge(part, length[best]) if part.any() else None


def _border_shift(smooth: np.ndarray, part: np.ndarray, sigma: float) -> float:
    """How many pixels the border lies outside the outline."""
    inside = part >= 0.5
    if not inside.any() or inside.all():
        return 0.0
    # Distance to the outline from pixel centres; half a pixel lies between the outermost centre and the border.
    depth = np.where(
        inside, ndimage.distance_transform_edt(inside) - 0.5, 0.5 - ndimage.distance_transform_edt(~inside)
    )
    # Half of the way to the middle at most: further in a ball's shadow no longer follows the power law.
    deepest = min(DEPTH_PIXELS[1], 0.5 * float(depth.max()))
    used = (depth >= DEPTH_PIXELS[0]) & (depth <= deepest)
    distance, value = depth[used], smooth[used].astype(np.float64)
    best, shift = np.inf, 0.0
    bins = np.round(distance * 2).astype(int)
    bins -= bins.min()
    count = np.maximum(np.bincount(bins), 1)
    filled = np.bincount(bins) > 0
    weight = np.sqrt(count[filled])
    x = (np.bincount(bins, distance) / count)[filled]
    y = (np.bincount(bins, value) / count)[filled]
    if len(x) < 6:
        return 0.0
    for number in range(len(POWERS)):
        for offset in SHIFTS:
            model = _blurred_power(number, (x + offset) / sigma)
            design = np.stack([np.ones_like(x), model], 1) * weight[:, None]
            solution, *_ = np.linalg.lstsq(design, y * weight, rcond=None)
            misfit = float(np.square(design @ solution - y * weight).sum())
            if misfit < best and solution[1] > 0:
                best, shift = misfit, float(offset)
    return shift


@lru_cache(maxsize=1)
def _tables() -> tuple[np.ndarray, np.ndarray]:
    """Positions in standard deviations, and each power of the positive part blurred by a standard Gaussian there."""
    at = np.linspace(-8, 40, 961)
    nodes = np.linspace(-5, 5, 401)
    gauss = np.exp(-(nodes**2) / 2)
    gauss /= gauss.sum()
    ahead = at[:, None] + nodes[None, :]
    return at, np.stack([np.where(ahead > 0, np.maximum(ahead, 1e-12) ** q, 0) @ gauss for q in POWERS])


def _blurred_power(number: int, position: np.ndarray) -> np.ndarray:
    """The blurred power ``POWERS[number]`` at positions in standard deviations."""
    at, tables = _tables()
    return np.interp(position, at, tables[number])
