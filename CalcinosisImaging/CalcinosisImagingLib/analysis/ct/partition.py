"""Dense matter cut into bodies, one per bone, where joints show as valleys between shells.

Holes that a shell encloses are lifted to the height of its lowest gap (grayscale hole filling, reconstruction by
erosion), so that a bone becomes one plateau and only joints remain as valleys. A component tree over thresholds gives
seeds, a marker-controlled watershed the bodies (Beucher & Meyer), and bodies between which there is no valley are
joined again.
"""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

LEVEL_STEP_HU = 60
SEED_MM3 = 12.0
JOIN_BELOW = 0.2
"""Relative depth of the valley between two bodies under which they are one; joints of a CT at 0.3-0.6 mm have > 0.25,
breaks of one shell < 0.17."""
SIDE_VOXELS = 3
FACE_STEPS = np.eye(3, dtype=int)


def bodies(filled: np.ndarray, low_hu: float, voxel_mm3: float) -> np.ndarray:
    """Labels (int32, 1..N) of the bodies above ``low_hu``; 0 elsewhere."""
    mask = filled > low_hu
    seeds = _seeds(filled, low_hu, voxel_mm3)
    if not seeds.any():
        return seeds
    labels = flood(-filled, seeds, mask)
    return join(labels, filled, low_hu)


def flood(height: np.ndarray, seeds: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Watershed of int16 ``height`` from ``seeds`` (1..N) inside ``mask``; labels int32, 0 outside.

    The outside is a marker too, because an unmarked one would cost most of the time; what it takes of the mask's rim
    is given back to the neighbouring labels.
    """
    outside = int(seeds.max()) + 1
    markers = np.where(mask, seeds, outside).astype(np.int32)
    flooded = sitk.MorphologicalWatershedFromMarkers(
        sitk.GetImageFromArray(height), sitk.GetImageFromArray(markers), markWatershedLine=False
    )
    labels = sitk.GetArrayFromImage(flooded).astype(np.int32)
    labels[labels == outside] = 0
    _claim(labels, mask)
    return labels


def _claim(labels: np.ndarray, mask: np.ndarray) -> None:
    """Give unlabelled voxels of the mask the label of a face neighbour, ring by ring, in place."""
    points = np.argwhere(mask & (labels == 0))
    steps = np.concatenate([FACE_STEPS, -FACE_STEPS])
    limit = np.array(labels.shape) - 1
    while len(points):
        new = np.zeros(len(points), labels.dtype)
        for step in steps:
            near = labels[tuple(np.clip(points + step, 0, limit).T)]
            new = np.where(new == 0, near, new)
        done = new > 0
        if not done.any():
            return
        labels[tuple(points[done].T)] = new[done]
        points = points[~done]


def _seeds(filled: np.ndarray, low_hu: float, voxel_mm3: float) -> np.ndarray:
    """One seed for each component that appears, from high to low thresholds, with at least `SEED_MM3`."""
    top = float(np.percentile(filled[filled > low_hu], 99.5)) if (filled > low_hu).any() else low_hu
    levels = np.arange(low_hu, max(top, low_hu + 1), LEVEL_STEP_HU)[::-1]
    # Everything but the components themselves is done on the few voxels above the lowest level.
    dense = np.flatnonzero(filled > low_hu)
    marks = np.zeros(len(dense), np.int32)
    count = 0
    for level in levels:
        components = sitk.ConnectedComponent(sitk.GetImageFromArray((filled > level).view(np.uint8)))
        names = sitk.GetArrayViewFromImage(components).ravel()[dense]
        volumes = np.bincount(names, minlength=1) * voxel_mm3
        fresh = volumes >= SEED_MM3
        fresh[0] = False
        fresh[names[marks > 0]] = False
        new = np.flatnonzero(fresh)
        if len(new) == 0:
            continue
        table = np.zeros(len(volumes), np.int32)
        table[new] = np.arange(count + 1, count + 1 + len(new))
        count += len(new)
        marks = np.maximum(marks, table[names])
    seeds = np.zeros(filled.size, np.int32)
    seeds[dense] = marks
    return seeds.reshape(filled.shape)


def valleys(labels: np.ndarray, filled: np.ndarray, low_hu: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of touching labels (P, 2), number of their common faces (P,), summed relative valley depth (P,).

    Depth at a face: (lower of the two sides' heights within `SIDE_VOXELS`) minus the face's, over that height.
    """
    pairs, depths = [], []
    for axis in range(3):
        a, b = face_pairs(labels, axis)
        if len(a) == 0:
            continue
        step = FACE_STEPS[axis]
        side = np.minimum(_side(a, -step, labels, filled), _side(b, step, labels, filled))
        floor = np.minimum(filled[tuple(a.T)], filled[tuple(b.T)]).astype(float)
        depths.append((side - floor) / np.maximum(side - 0.25 * low_hu, 50.0))
        pairs.append(np.sort(np.stack([labels[tuple(a.T)], labels[tuple(b.T)]], 1), axis=1))
    if not pairs:
        return np.zeros((0, 2), int), np.zeros(0, int), np.zeros(0)
    unique, inverse = np.unique(np.concatenate(pairs), axis=0, return_inverse=True)
    inverse = inverse.ravel()
    return unique, np.bincount(inverse), np.bincount(inverse, np.concatenate(depths))


def face_pairs(labels: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Voxel positions (F, 3) on both sides of the faces between two different labels along an axis."""
    left, right = _shifted(labels, axis, 0, 1), _shifted(labels, axis, 1, 0)
    first = np.argwhere((left != right) & (left > 0) & (right > 0))
    return first, first + FACE_STEPS[axis]


def _shifted(array: np.ndarray, axis: int, start: int, end: int) -> np.ndarray:
    """The array without its first ``start`` and last ``end`` planes along an axis."""
    cut = [slice(None)] * 3
    cut[axis] = slice(start, array.shape[axis] - end)
    return array[tuple(cut)]


def _side(points: np.ndarray, step: np.ndarray, labels: np.ndarray, filled: np.ndarray) -> np.ndarray:
    """Greatest height along a step from each point while the label stays the same."""
    own = labels[tuple(points.T)]
    height = filled[tuple(points.T)].astype(float)
    for distance in range(1, SIDE_VOXELS + 1):
        other = np.clip(points + distance * step, 0, np.array(labels.shape) - 1)
        inside = labels[tuple(other.T)] == own
        height = np.where(inside, np.maximum(height, filled[tuple(other.T)]), height)
    return height


def join(labels: np.ndarray, filled: np.ndarray, low_hu: float, below: float = JOIN_BELOW) -> np.ndarray:
    """Join bodies without a valley between them, the shallowest first; labels become 1..N again."""
    return merge_pairs(labels, *valleys(labels, filled, low_hu), below)


def merge_pairs(
    labels: np.ndarray, pairs: np.ndarray, faces: np.ndarray, totals: np.ndarray, below: float
) -> np.ndarray:
    """Join touching labels, the pair of least mean first, until every mean (totals / faces) is at least ``below``."""
    parent = np.arange(int(labels.max()) + 1)
    edges = {(int(a), int(b)): (int(n), float(d)) for (a, b), n, d in zip(pairs, faces, totals, strict=True)}
    while edges:
        (a, b), (n, d) = min(edges.items(), key=lambda item: (item[1][1] / item[1][0], item[0]))
        if d / n >= below:
            break
        parent[parent == b] = a
        merged: dict[tuple[int, int], tuple[int, float]] = {}
        for (x, y), (m, e) in edges.items():
            x, y = (a if x == b else x), (a if y == b else y)
            if x == y:
                continue
            key = (min(x, y), max(x, y))
            old = merged.get(key, (0, 0.0))
            merged[key] = (old[0] + m, old[1] + e)
        edges = merged
    kept = np.unique(parent[1:])
    table = np.zeros(len(parent), np.int32)
    table[kept] = np.arange(1, len(kept) + 1)
    table = table[parent]
    table[0] = 0
    return table[labels]
