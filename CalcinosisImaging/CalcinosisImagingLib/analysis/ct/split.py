"""Touching deposits cut at the neck between them."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .grid import grow_box
from .partition import face_pairs, flood

FINE_MM = 0.25
LEVEL = 0.55
"""Share of the local height at which the neck is judged: blur fills necks below that."""
PEAK_MM = 2.0
NECK = 0.72
"""A neck is narrower than this share of the thinner part."""
LEAST_MM3 = 5.0
COMPACT = 0.55
"""Both parts are round: half as thick as a ball of their volume is, or more. Plates, nets and grains are never cut."""


MOST_PARTS = 3
"""More parts are grains of one stippled deposit."""


def split_all(
    hu: np.ndarray, labels: np.ndarray, soft_hu: float, metal_hu: float, spacing: np.ndarray, smooth_mm: float
) -> None:
    """Cut every connected body of ``labels`` (uint16, in place) at its necks; new parts get labels above the others.

    Parameters
    ----------
    hu: (K, J, I), the image.
    metal_hu: bodies that reach this are left whole.
    smooth_mm: sigma of the smoothing before.
    """
    following = int(labels.max())
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is None:
            continue
        wide = grow_box(box, 2, labels.shape)
        own = labels[wide] == label
        if own.sum() * float(np.prod(spacing)) < 2.5 * LEAST_MM3 or ndimage.label(own, np.ones((3, 3, 3)))[1] > 1:
            continue
        if int(hu[wide][own].max()) >= metal_hu:
            continue
        smooth = ndimage.gaussian_filter(hu[wide].astype(np.float32), smooth_mm / spacing)
        parts = split_touching(smooth, own, soft_hu, spacing)
        if parts is not None:
            for part in range(2, int(parts.max()) + 1):
                following += 1
                labels[wide][parts == part] = following


def split_touching(smooth: np.ndarray, own: np.ndarray, soft_hu: float, spacing: np.ndarray) -> np.ndarray | None:
    """Labels 1..M of the parts of one body (crops, K, J, I); None if it is one.

    Depths of a finer copy are flooded from their peaks; parts between which there is no neck are joined.

    Parameters
    ----------
    smooth: the image, lightly smoothed.
    own: the body.
    """
    box = grow_box(ndimage.find_objects(own.astype(np.uint8))[0], 1, own.shape)
    height = np.where(own, smooth, soft_hu)[box].astype(np.float32) - soft_hu
    peak = ndimage.maximum_filter(height, size=tuple((2 * np.round(PEAK_MM / spacing) + 1).astype(int)))
    share = height / np.maximum(ndimage.gaussian_filter(peak, 0.5 * PEAK_MM / spacing), 30.0)
    times = np.maximum(np.round(spacing / FINE_MM), 1).astype(int)
    fine = ndimage.zoom(share, tuple(times), order=1, grid_mode=True, mode="nearest")
    step = spacing / times
    mask = ndimage.binary_fill_holes(fine > LEVEL)
    depth = ndimage.distance_transform_edt(np.pad(mask, 1), sampling=step)[1:-1, 1:-1, 1:-1]
    parts = _parts(ndimage.gaussian_filter(depth, 0.2 / step), mask, step)
    if parts is None:
        return None
    coarse = parts[tuple(slice(t // 2, None, t) for t in times)]
    nearest = ndimage.distance_transform_edt(coarse == 0, sampling=spacing, return_indices=True)[1]
    result = np.zeros(own.shape, np.int32)
    result[box] = np.where(own[box], coarse[tuple(nearest)], 0)
    return result


def _parts(depth: np.ndarray, mask: np.ndarray, step: np.ndarray) -> np.ndarray | None:
    """Parts 1..M of a fine mask with their necks as borders; None if it is one."""
    size = tuple((2 * np.round(0.5 / step) + 1).astype(int))
    peaks, count = ndimage.label((depth == ndimage.maximum_filter(depth, size=size)) & (depth > 0.6))
    if count < 2 or count > 60:
        return None
    parts = flood((-100.0 * depth).astype(np.int16), peaks, mask)
    top = ndimage.maximum(depth, parts, np.arange(count + 1))
    volume = np.bincount(parts.ravel(), minlength=count + 1) * float(np.prod(step))
    passes = _passes(parts, depth)
    while (pair := _widest(passes, top, volume)) is not None:
        kept, joined = pair
        parts[parts == joined] = kept
        top[kept] = max(top[kept], top[joined])
        volume[kept] += volume[joined]
        passes = _renamed(passes, joined, kept)
    kept = np.unique(parts[parts > 0])
    return None if not 2 <= len(kept) <= MOST_PARTS else np.searchsorted(np.r_[0, kept], parts).astype(np.int32)


Passes = dict[tuple[int, int], float]


def _passes(parts: np.ndarray, depth: np.ndarray) -> Passes:
    """Depth of the deepest pass between each two parts that touch."""
    found: Passes = {}
    for axis in range(3):
        first, second = face_pairs(parts, axis)
        floor = np.minimum(depth[tuple(first.T)], depth[tuple(second.T)])
        pairs = np.sort(np.stack([parts[tuple(first.T)], parts[tuple(second.T)]], 1), axis=1)
        unique, inverse = np.unique(pairs, axis=0, return_inverse=True)
        deepest = np.zeros(len(unique))
        np.maximum.at(deepest, inverse.ravel(), floor)
        for (a, b), d in zip(unique.tolist(), deepest.tolist(), strict=True):
            found[a, b] = max(found.get((a, b), 0.0), d)
    return found


def _renamed(passes: Passes, old: int, new: int) -> Passes:
    """The passes after a part has become another."""
    result: Passes = {}
    for pair, depth in passes.items():
        a, b = sorted(new if n == old else n for n in pair)
        if a != b:
            result[a, b] = max(result.get((a, b), 0.0), depth)
    return result


def _widest(passes: Passes, top: np.ndarray, volume: np.ndarray) -> tuple[int, int] | None:
    """The two parts whose pass is widest relative to the thinner one, if that is no neck between two round parts."""
    worst = (0.0, None)
    for pair, depth in sorted(passes.items()):
        both = list(pair)
        ratio = depth / max(float(top[both].min()), 1e-6)
        radius = (0.2387 * volume[both]) ** (1 / 3)
        if volume[both].min() < LEAST_MM3 or (top[both] < COMPACT * radius).any():
            ratio += 1.0
        if ratio >= NECK and ratio > worst[0]:
            worst = (ratio, pair)
    return worst[1]
