"""Bodies cut where a wall of cortex runs through them: two bones that touch have two insides, one bone has one."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .grid import boxes, grow_box
from .partition import FACE_STEPS, face_pairs, flood, merge_pairs

INSIDE_SHARE = 0.72
"""The inside of a bone is below this share of its shell's height."""
INSIDE_MM3 = 12.0
RIM_VOXELS = 2
WALL_STEPS = 4
WALL_RISE = 0.2
"""A wall rises over both insides by at least this share of its height, averaged over the cut."""
WALL_AREA_MM2 = 8.0


def split_at_walls(
    labels: np.ndarray, chosen: set[int], hu: np.ndarray, filled: np.ndarray, soft_hu: float, step_mm: float
) -> np.ndarray:
    """Cut bodies (labels 1..N) at inner walls; new pieces get labels above N.

    Parameters
    ----------
    chosen: labels of the bodies to look at: those that are too large for one bone.
    hu: (K, J, I) int16, the image.
    filled: the image with shells filled (`shells.fill_shells`).
    """
    result = labels.copy()
    following = int(labels.max())
    for label, box in enumerate(boxes(labels), start=1):
        if box is None or label not in chosen:
            continue
        wide = grow_box(box, 1, labels.shape)
        mask = labels[wide] == label
        pieces = _pieces(mask, hu[wide], filled[wide], soft_hu, step_mm)
        if pieces is None:
            continue
        for piece in range(2, int(pieces.max()) + 1):
            following += 1
            result[wide][mask & (pieces == piece)] = following
    return result


def without_idle_cuts(labels: np.ndarray, cut: np.ndarray, named: set[int]) -> np.ndarray:
    """``cut`` with the pieces of a body together again where fewer than two of them have a name.

    Parameters
    ----------
    labels: before `split_at_walls`; ``cut``: after it.
    named: labels of ``cut`` that have a name.
    """
    fresh = cut > labels.max()
    pairs = np.unique(np.stack([labels[fresh], cut[fresh]], 1), axis=0)
    table = np.arange(int(cut.max()) + 1, dtype=cut.dtype)
    for body in np.unique(pairs[:, 0]):
        pieces = [int(body), *pairs[pairs[:, 0] == body, 1].tolist()]
        if len(named.intersection(pieces)) < 2:
            table[pieces] = body
    return table[cut]


def _pieces(mask: np.ndarray, hu: np.ndarray, filled: np.ndarray, soft_hu: float, step_mm: float) -> np.ndarray | None:
    """Pieces of one body (1..M), None if it is one."""
    smooth = ndimage.gaussian_filter(hu.astype(np.float32), 0.7)
    height = ndimage.maximum_filter(np.where(mask, smooth, soft_hu), 7)
    inside = mask & (smooth - soft_hu < INSIDE_SHARE * (height - soft_hu)) & (filled > hu + 30)
    # A groove between two bones is enclosed as well, but by a low rim.
    inside &= filled - soft_hu > 0.5 * (height - soft_hu)
    inside &= ndimage.binary_erosion(mask, iterations=RIM_VOXELS, border_value=1)
    inside = ndimage.binary_opening(inside, iterations=1)
    seeds, count = ndimage.label(inside)
    volumes = np.bincount(seeds.ravel()) * step_mm**3
    kept = np.flatnonzero(volumes >= INSIDE_MM3)
    kept = kept[kept > 0]
    if len(kept) < 2:
        return None
    table = np.zeros(count + 1, np.int32)
    table[kept] = np.arange(1, len(kept) + 1)
    markers = table[seeds]
    pieces = flood(smooth.astype(np.int16), markers, mask)
    return _join_without_wall(pieces, smooth, soft_hu, step_mm)


def _join_without_wall(pieces: np.ndarray, smooth: np.ndarray, soft_hu: float, step_mm: float) -> np.ndarray | None:
    """Join pieces unless a wall stands between them; None if one remains."""
    pairs, rises = [], []
    for axis in range(3):
        a, b = face_pairs(pieces, axis)
        if len(a) == 0:
            continue
        step = FACE_STEPS[axis]
        low = np.maximum(_lowest(a, -step, pieces, smooth), _lowest(b, step, pieces, smooth)) - soft_hu
        top = np.maximum(smooth[tuple(a.T)], smooth[tuple(b.T)]) - soft_hu
        rises.append(1.0 - np.maximum(low, 0.0) / np.maximum(top, 50.0))
        pairs.append(np.sort(np.stack([pieces[tuple(a.T)], pieces[tuple(b.T)]], 1), axis=1))
    if not pairs:
        return None
    unique, inverse = np.unique(np.concatenate(pairs), axis=0, return_inverse=True)
    faces = np.bincount(inverse.ravel())
    rise = np.bincount(inverse.ravel(), np.concatenate(rises))
    # A small cut cannot be a joint, whatever its wall: it counts as none.
    rise = np.where(faces * step_mm**2 < WALL_AREA_MM2, 0.0, rise)
    joined = merge_pairs(pieces, unique, faces, rise, WALL_RISE)
    return joined if joined.max() > 1 else None


def _lowest(points: np.ndarray, step: np.ndarray, pieces: np.ndarray, smooth: np.ndarray) -> np.ndarray:
    """Lowest value along a step from each point while the piece stays the same."""
    own = pieces[tuple(points.T)]
    lowest = smooth[tuple(points.T)]
    for distance in range(1, WALL_STEPS + 1):
        other = np.clip(points + distance * step, 0, np.array(pieces.shape) - 1)
        inside = pieces[tuple(other.T)] == own
        lowest = np.where(inside, np.minimum(lowest, smooth[tuple(other.T)]), lowest)
    return lowest
