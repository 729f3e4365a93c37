"""Distances, Gaussian smoothing and changes of the voxel's size on the small crop around a body.

General filters take most of their time on such crops to get going. Each axis on its own is a few sums or one small
matrix product, which costs a tenth.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import ndimage

from .grid import Box

LONGEST_BODY = 24
"""Voxels along an axis: the distance from a larger body is found faster by a general method."""
LONGEST_CROP = 64
"""The same for the smoothing of a larger crop."""
UNDIVIDED = 2**18
"""Multiplications of one matrix product up to which OpenBLAS leaves it to one thread."""


def away_mm(body: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """Distance (mm) to the surface of a body (crop, K, J, I; not empty), negative inside; float32.

    As `morphology.cut.signed_distance_mm`: to the centres of the body's outermost voxels, less half a voxel.
    """
    box = ndimage.find_objects(body.view(np.uint8))[0]
    tight = body[box]
    inner = np.zeros([n + 2 for n in tight.shape], bool)
    inner[1:-1, 1:-1, 1:-1] = tight
    for axis in range(3):
        rows = np.moveaxis(inner, axis, 0)
        inner = np.moveaxis(rows[:-2] & rows[1:-1] & rows[2:], 0, axis)
    away = nearest_mm(body.shape, box, tight & ~inner, spacing)
    away[box] *= np.where(tight, np.float32(-1), np.float32(1))
    away -= np.float32(0.5 * float(np.cbrt(np.prod(spacing))))
    return away


def nearest_mm(shape: tuple[int, ...], box: Box, sources: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """Distance (mm, float32) of every voxel of an array to the next of the ``sources``, which lie in its ``box``.

    One axis after the other: the squared distance is the least, over the sources along the axis, of what was found so
    far plus the square of the way there (Felzenszwalb & Huttenlocher 2012, without their envelope).
    """
    if max(sources.shape) > LONGEST_BODY:
        whole = np.ones(shape, bool)
        whole[box] = ~sources
        return ndimage.distance_transform_edt(whole, sampling=spacing).astype(np.float32)
    square = np.where(sources, np.float32(0), np.float32(np.inf))
    for axis in (2, 1, 0):
        ways = np.arange(shape[axis]) - np.arange(box[axis].start, box[axis].stop)[:, None]
        ways = np.square(ways * spacing[axis]).astype(np.float32).reshape(len(ways), -1, 1, 1)
        rows = np.moveaxis(square, axis, 0)
        square = rows[0] + ways[0]
        for row, way in zip(rows[1:], ways[1:], strict=True):
            np.minimum(square, row + way, out=square)
        square = np.moveaxis(square, 0, axis)
    return np.sqrt(square)


def smoothed_crop(values: np.ndarray, sigma: np.ndarray, truncate: float = 3.0) -> np.ndarray:
    """`ndimage.gaussian_filter` of a crop (K, J, I), float32; ``sigma`` in voxels along k, j, i."""
    if max(values.shape) > LONGEST_CROP:
        return ndimage.gaussian_filter(values.astype(np.float32), sigma, truncate=truncate)
    k, j, i = (_smoothing(n, float(s), truncate) for n, s in zip(values.shape, sigma, strict=True))
    return along_axes(values.astype(np.float32), k, j, i)


def along_axes(values: np.ndarray, k: np.ndarray, j: np.ndarray, i: np.ndarray) -> np.ndarray:
    """Product with a matrix (float32) along each axis."""
    values = _products(j, _products(values, i.T))
    result = np.empty((len(k), *values.shape[1:]), np.float32)
    _products(k, values.transpose(1, 0, 2), result.transpose(1, 0, 2))
    return result


def _products(left: np.ndarray, right: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Matrix products of a stack, none so large that it is spread over threads.

    That would cost more than it gains here, and change the last digit with the number of cores.
    """
    most = max(UNDIVIDED // (left.shape[-1] * right.shape[-1]), 2)
    count = left.shape[-2]
    if count <= most:
        return np.matmul(left, right, out=out)
    parts = [np.matmul(left[..., n : n + most, :], right) for n in range(0, count, most)]
    return np.concatenate(parts, axis=-2, out=out)


def halved(values: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Means of pairs of voxels along each axis (0 beyond the end), smoothed; float32, ``sigma`` in pairs."""
    return along_axes(values, *(_halving(n, float(s)) for n, s in zip(values.shape, sigma, strict=True)))


@lru_cache(maxsize=256)
def _halving(count: int, sigma: float) -> np.ndarray:
    """(count / 2, count): `halved` of a row."""
    pairs = (count + 1) // 2
    return _smoothing(pairs, sigma, 3.0) @ np.eye(pairs, dtype=np.float32).repeat(2, 1)[:, :count] / 2


@lru_cache(maxsize=1024)
def _smoothing(count: int, sigma: float, truncate: float) -> np.ndarray:
    """The smoothing of a row of ``count`` voxels as a matrix."""
    return ndimage.gaussian_filter1d(np.eye(count), sigma, axis=0, truncate=truncate).astype(np.float32)


def closed(mask: np.ndarray) -> np.ndarray:
    """Face neighbours added and taken away again (`ndimage.binary_closing`); the mask keeps clear of the borders."""
    return ~_spread(~_spread(mask))


def _spread(mask: np.ndarray) -> np.ndarray:
    """The mask and its face neighbours."""
    wide = mask.copy()
    wide[1:] |= mask[:-1]
    wide[:-1] |= mask[1:]
    wide[:, 1:] |= mask[:, :-1]
    wide[:, :-1] |= mask[:, 1:]
    wide[:, :, 1:] |= mask[:, :, :-1]
    wide[:, :, :-1] |= mask[:, :, 1:]
    return wide


def highest_near(values: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """The greatest value within ``reach`` voxels along every axis (`ndimage.maximum_filter`); also of a mask."""
    for axis, most in enumerate(reach):
        rows, done = np.moveaxis(values, axis, 0), 0
        while done < most:
            step = int(min(2 * done + 1, most - done, len(rows)))
            wider = rows.copy()
            np.maximum(wider[step:], rows[:-step], out=wider[step:])
            np.maximum(wider[:-step], rows[step:], out=wider[:-step])
            # Beyond the ends lie the last ones.
            np.maximum(wider[:step], rows[:1], out=wider[:step])
            np.maximum(wider[-step:], rows[-1:], out=wider[-step:])
            rows, done = wider, done + step
        values = np.moveaxis(rows, 0, axis)
    return values


def finer(values: np.ndarray, times: int) -> np.ndarray:
    """Linear interpolation to ``times`` as many voxels along each axis, edges continued; float32."""
    values = values.astype(np.float32)
    return values if times == 1 else along_axes(values, *(_interpolation(n, times) for n in values.shape))


@lru_cache(maxsize=256)
def _interpolation(count: int, times: int) -> np.ndarray:
    """(count * times, count): `finer` of a row."""
    place = (np.arange(count * times) + 0.5) / times - 0.5
    return np.stack([np.interp(place, np.arange(count), row) for row in np.eye(count)], 1).astype(np.float32)


def averaged(fine: np.ndarray, times: int) -> np.ndarray:
    """Means over the finer voxels of each voxel."""
    for axis in (2, 1, 0):
        ends = [[slice(None)] * 3 for _ in range(times)]
        for first, end in enumerate(ends):
            end[axis] = slice(first, None, times)
        fine = sum(fine[tuple(end)] for end in ends)
    return fine * np.float32(times**-3)


def percentile(values: np.ndarray, percent: float) -> float:
    """`np.percentile` of a few thousand values (N,), without what that does before it begins."""
    place = (values.size - 1) * percent / 100
    low = int(place)
    high = min(low + 1, values.size - 1)
    ordered = np.partition(values, (low, high))
    below, above = float(ordered[low]), float(ordered[high])
    return below + (place - low) * (above - below)


def median(values: np.ndarray) -> np.floating:
    """`np.median` of a few thousand values (N,), without what that does before it begins."""
    low, high = (values.size - 1) // 2, values.size // 2
    ordered = np.partition(values, (low, high) if low < high else high)
    return (ordered[low] + ordered[high]) / 2
