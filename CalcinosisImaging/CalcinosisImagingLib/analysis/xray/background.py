"""Local background of a log image: what long things leave behind when compact ones are taken away.

The largest of the grey openings by straight line segments in all directions keeps everything that is long in some
direction: shafts, cortical lines, folds of the skin, slopes. What it lowers is shorter than the line in every
direction, over soft tissue and over bone alike. Openings by line segments as a filter that spares elongated
structure: Soille, Morphological Image Analysis, 2nd ed., section 8.6; the running minimum along a sheared image makes
the time independent of the length.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

DIRECTIONS = 16
"""Neighbouring lines are 11 degrees apart: a line 5 mm long stays within a structure 1 mm wide."""


def line_opening(image: np.ndarray, length_px: float) -> np.ndarray:
    """The largest grey opening by line segments of ``length_px`` over `DIRECTIONS`; never above ``image``."""
    image = np.ascontiguousarray(image, np.float32)
    result = np.full_like(image, -np.inf)
    steep = DIRECTIONS // 2
    for number in range(steep):
        angle = np.pi * (number + 0.5) / DIRECTIONS - np.pi / 4
        np.maximum(result, _opened_along(image, angle, length_px), out=result)
        np.maximum(result, _opened_along(image.T, angle, length_px).T, out=result)
    return np.minimum(result, image)


def _opened_along(image: np.ndarray, angle: float, length_px: float) -> np.ndarray:
    """Opening by one line segment, ``angle`` off the direction of the rows' axis, at most 45 degrees."""
    rows, columns = image.shape
    shift = np.rint(np.arange(rows) * np.tan(angle)).astype(np.intp)
    shift -= shift.min()
    width = columns + int(shift.max())
    source = np.clip(np.arange(width)[None] - shift[:, None], 0, columns - 1)
    sheared = np.take_along_axis(image, source, axis=1)
    size = max(3, 2 * round((length_px * np.cos(angle) - 1) / 2) + 1)
    sheared = ndimage.minimum_filter1d(sheared, size, axis=0, mode="nearest")
    sheared = ndimage.maximum_filter1d(sheared, size, axis=0, mode="nearest")
    return np.take_along_axis(sheared, np.arange(columns)[None] + shift[:, None], axis=1)


def shrunk(image: np.ndarray, factor: int) -> np.ndarray:
    """Means over blocks of ``factor`` x ``factor`` pixels; the border is continued to a whole block."""
    if factor == 1:
        return image.astype(np.float32)
    pad = [(0, -n % factor) for n in image.shape]
    padded = np.pad(image.astype(np.float32), pad, mode="edge")
    rows, columns = (n // factor for n in padded.shape)
    return padded.reshape(rows, factor, columns, factor).mean(axis=(1, 3), dtype=np.float32)


def grown(small: np.ndarray, factor: int, box: tuple[slice, slice]) -> np.ndarray:
    """The part ``box`` (of the fine image) of a shrunk image, linear between the blocks' centres."""
    if factor == 1:
        return small[box].astype(np.float32)
    rows, columns = ((np.arange(s.start, s.stop) - (factor - 1) / 2) / factor for s in box)
    grid = np.meshgrid(rows, columns, indexing="ij")
    return ndimage.map_coordinates(small, grid, order=1, mode="nearest", output=np.float32)


def window_mean(values: np.ndarray, weight: np.ndarray, sigma_px: float) -> np.ndarray:
    """Weighted mean in a Gaussian window, which is so wide that coarser pixels do; same shape."""
    step = max(1, int(sigma_px / 3))
    weight = weight.astype(np.float32)
    total = ndimage.gaussian_filter(shrunk(weight, step), sigma_px / step, truncate=2.5)
    mean = ndimage.gaussian_filter(shrunk(values * weight, step), sigma_px / step, truncate=2.5)
    return grown(mean / np.maximum(total, 1e-4), step, (slice(0, values.shape[0]), slice(0, values.shape[1])))
