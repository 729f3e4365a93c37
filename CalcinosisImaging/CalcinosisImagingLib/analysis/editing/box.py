"""Boxes of voxels: slices over K, J, I with explicit ends, inside the image."""

from __future__ import annotations

import numpy as np

Box = tuple[slice, slice, slice]


def box_around(center_kji: np.ndarray, radius_mm: float, spacing_kji_mm: np.ndarray, shape: tuple[int, ...]) -> Box:
    """The box of half-width ``radius_mm`` about a voxel, cut at the image; at least that voxel.

    center_kji: (3,), may lie outside; then the box is the nearest voxel's.
    """
    center = np.clip(np.round(center_kji).astype(int), 0, np.array(shape) - 1)
    reach = np.ceil(radius_mm / np.asarray(spacing_kji_mm, float)).astype(int)
    return clip(tuple(slice(int(c - r), int(c + r) + 1) for c, r in zip(center, reach, strict=True)), shape)


def clip(box: Box, shape: tuple[int, ...]) -> Box:
    """The part of a box inside an image of this shape."""
    return tuple(slice(max(s.start, 0), max(min(s.stop, n), max(s.start, 0))) for s, n in zip(box, shape, strict=True))


def grow(box: Box, voxels: int, shape: tuple[int, ...]) -> Box:
    """A box wider by so many voxels on each side, inside the image."""
    return clip(tuple(slice(s.start - voxels, s.stop + voxels) for s in box), shape)


def bounding_box(mask: np.ndarray) -> Box | None:
    """The smallest box that holds a boolean array's True, None if there is none."""
    if not mask.any():
        return None
    sides = []
    for axis in range(mask.ndim):
        held = np.flatnonzero(mask.any(axis=tuple(a for a in range(mask.ndim) if a != axis)))
        sides.append(slice(int(held[0]), int(held[-1]) + 1))
    return tuple(sides)


def within(inner: Box, outer: Box) -> Box:
    """``inner``, given in the whole image, as slices into an array that was cut out by ``outer``."""
    return tuple(slice(s.start - o.start, s.stop - o.start) for s, o in zip(inner, outer, strict=True))


def moved(box: Box, outer: Box) -> Box:
    """``box``, given inside ``outer``, as slices into the whole image."""
    return tuple(slice(s.start + o.start, s.stop + o.start) for s, o in zip(box, outer, strict=True))


def union(a: Box, b: Box) -> Box:
    """The smallest box that holds both."""
    return tuple(slice(min(s.start, t.start), max(s.stop, t.stop)) for s, t in zip(a, b, strict=True))


def touches_border(mask: np.ndarray) -> bool:
    """Whether True reaches a face of the array, faces of axes of length 1 aside (a film has one slice)."""
    return any(bool(np.take(mask, [0, -1], axis=axis).any()) for axis in range(mask.ndim) if mask.shape[axis] > 1)
