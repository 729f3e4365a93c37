"""Compact extra density in a log image: what no straight line of a given length can pass along.

The supremum of openings by line segments in all directions keeps everything that is long in some direction: bones,
their edges, soft-tissue folds. What it takes away is compact: the image minus it shows bodies shorter than the line
in every direction, over soft tissue and over bone alike (Spencer et al., Comput Biomed Res 1996;29:284, found
microaneurysms beside vessels so).
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

DIRECTIONS = 12
"""Directions of the line segments: a bone's edge lies within 7.5 degrees of one of them."""
PIXELS_PER_LINE = 16
"""Pixels along a line segment: the image is shrunk to make it so."""


def compact_excess(image: np.ndarray, length_px: float) -> np.ndarray:
    """Image minus its largest opening by lines of ``length_px``; >= 0, same shape.

    Long lines are computed on a shrunk image, since compact bodies of that size need no finer one.
    """
    factor = max(1, int(length_px // PIXELS_PER_LINE))
    small = shrunk(image, factor)
    opened = line_opening(small, length_px / factor)
    if factor == 1:
        return np.maximum(image - opened, 0)
    back = grown(opened, factor, image.shape)
    return np.maximum(ndimage.gaussian_filter(image, factor / 3) - back, 0)


def line_opening(image: np.ndarray, length_px: float) -> np.ndarray:
    """The largest of the grey openings by line segments of ``length_px`` in `DIRECTIONS` directions."""
    result = np.full(image.shape, -np.inf, image.dtype)
    pad = int(np.ceil(length_px)) + 2
    padded = np.pad(image, pad, mode="edge")
    inner = (slice(pad, -pad), slice(pad, -pad))
    for direction in range(DIRECTIONS):
        steps = line_steps(length_px, np.pi * direction / DIRECTIONS)
        opened = padded
        for step in steps:
            opened = _with_shifted(np.minimum, opened, step)
        for row, column in steps:
            opened = _with_shifted(np.maximum, opened, (-row, -column))
        np.maximum(result, opened[inner], out=result)
    return result


def line_steps(length_px: float, angle: float) -> list[tuple[int, int]]:
    """Shifts (row, column) whose sums of subsets make a digital line segment: 1, 2, 4, ... pixels and the rest.

    A minimum over a line of n pixels so takes about log2(n) passes.
    """
    steps = []
    done, stride = 0.0, 1.0
    while done < length_px - 0.5:
        stride = min(stride, length_px - done)
        steps.append((round(stride * np.sin(angle)), round(stride * np.cos(angle))))
        done += stride
        stride *= 2
    return steps


def _with_shifted(better: np.ufunc, image: np.ndarray, step: tuple[int, int]) -> np.ndarray:
    """Minimum or maximum of an image and itself shifted; beyond the border the image alone."""
    result = image.copy()
    here, there = [], []
    for shift, count in zip(step, image.shape, strict=True):
        here.append(slice(max(-shift, 0), count - max(shift, 0)))
        there.append(slice(max(shift, 0), count - max(-shift, 0)))
    here, there = tuple(here), tuple(there)
    better(image[here], image[there], out=result[here])
    return result


def shrunk(image: np.ndarray, factor: int) -> np.ndarray:
    """Block means; the border is continued to a whole block."""
    if factor == 1:
        return image
    rows, columns = (-(-n // factor) for n in image.shape)
    pad = [(0, n * factor - m) for n, m in zip((rows, columns), image.shape, strict=True)]
    padded = np.pad(image, pad, mode="edge")
    return padded.reshape(rows, factor, columns, factor).mean(axis=(1, 3), dtype=np.float32)


def grown(small: np.ndarray, factor: int, shape: tuple[int, int]) -> np.ndarray:
    """Inverse of `shrunk`, linear between block centres."""
    offset = (factor - 1) / 2
    rows, columns = ((np.arange(n) - offset) / factor for n in shape)
    grid = np.meshgrid(rows, columns, indexing="ij")
    return ndimage.map_coordinates(small, grid, order=1, mode="nearest").astype(small.dtype)
