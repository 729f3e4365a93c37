"""Cutting a body in two by a line that the reader draws across it in a slice."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from ..errors import CalcinosisError
from .island import NEIGHBOURS, island_at, nearest_true
from .stroke import Stroke

MISS_MM = 1.5
"""How far the middle of the line may miss the body."""


def cut(mask: np.ndarray, kji_to_mm: np.ndarray, stroke: Stroke) -> np.ndarray:
    """Split the body under the stroke; returns labels (K, J, I) uint8: 1 the larger part, 2 the smaller one.

    The cut is the plane through the stroke and across the slice. First only its part between the stroke's ends is
    tried; where the body hangs together around them, a watershed decides the rest: each voxel goes to the side of
    the plane whose inside it belongs to.

    mask: boolean crop. kji_to_mm: 4x4, voxel (k, j, i) of the crop -> mm.

    Raises
    ------
    CalcinosisError: the stroke is too short, misses the segment, or all of the body lies on one side.
    """
    along = stroke.end - stroke.start
    length = float(np.linalg.norm(along))
    if length < 0.1:
        raise CalcinosisError("The line is too short: press, drag across the deposit, release.")
    plane = np.cross(along / length, stroke.normal)
    plane /= np.linalg.norm(plane)
    body = _body_under(mask, kji_to_mm, stroke)
    voxels = np.argwhere(body)
    points = voxels @ kji_to_mm[:3, :3].T + kji_to_mm[:3, 3]
    side = np.zeros(mask.shape, np.float32)
    side[tuple(voxels.T)] = (points - stroke.start) @ plane
    along_mm = np.zeros(mask.shape, np.float32)
    along_mm[tuple(voxels.T)] = (points - stroke.start) @ (along / length)
    # Neighbours, corners included, differ by at most this much across the plane: a slab of it parts them.
    step = float(np.abs(kji_to_mm[:3, :3].T @ plane).sum())
    between = (along_mm >= -step / 2) & (along_mm <= length + step / 2)
    slab = body & between & (np.abs(side) <= 0.501 * step)
    parts = _apart(body, slab, side)
    if parts is None:
        parts = _watershed(body, side, kji_to_mm)
    return _by_size(parts)


def _body_under(mask: np.ndarray, kji_to_mm: np.ndarray, stroke: Stroke) -> np.ndarray:
    """The island that most of the stroke runs through."""
    to_kji = np.linalg.inv(kji_to_mm)
    spacing = np.linalg.norm(kji_to_mm[:3, :3], axis=0)
    middle = (stroke.start + stroke.end) / 2
    labels, _ = ndimage.label(mask, NEIGHBOURS)
    steps = np.linspace(stroke.start, stroke.end, 65) @ to_kji[:3, :3].T + to_kji[:3, 3]
    index = np.round(steps).astype(int)
    index = index[((index >= 0) & (index < np.array(mask.shape))).all(axis=1)]
    under = labels[tuple(index.T)]
    under = under[under > 0]
    if under.size:
        return labels == np.bincount(under).argmax()
    seed = tuple(int(v) for v in np.round(to_kji[:3, :3] @ middle + to_kji[:3, 3]))
    found = nearest_true(mask, seed, spacing, MISS_MM)
    if found is None:
        raise CalcinosisError("The line crosses no deposit: draw it across the place to be cut.")
    return island_at(mask, found)


def _apart(body: np.ndarray, slab: np.ndarray, side: np.ndarray) -> np.ndarray | None:
    """Parts left when the slab is taken out, the slab given to the side it lies on; None if they hang together."""
    labels, count = ndimage.label(body & ~slab, NEIGHBOURS)
    near = ndimage.binary_dilation(slab, NEIGHBOURS) & (labels > 0)
    above, below = np.unique(labels[near & (side > 0)]), np.unique(labels[near & (side < 0)])
    if above.size == 0 or below.size == 0 or np.intersect1d(above, below).size:
        return None
    lookup = np.zeros(count + 1, np.uint8)
    for label in range(1, count + 1):
        lookup[label] = 1 if side[labels == label].mean() > 0 else 2
    lookup[above], lookup[below] = 1, 2
    parts = lookup[labels]
    parts[slab] = np.where(side[slab] > 0, 1, 2)
    return parts


def _watershed(body: np.ndarray, side: np.ndarray, kji_to_mm: np.ndarray) -> np.ndarray:
    """Split by flooding from the deepest inside of either side of the plane."""
    if not (body & (side > 0)).any() or not (body & (side < 0)).any():
        raise CalcinosisError("The whole deposit lies on one side of the line: draw it across.")
    spacing = np.linalg.norm(kji_to_mm[:3, :3], axis=0)
    depth = ndimage.distance_transform_edt(body, sampling=spacing)
    markers = np.zeros(body.shape, np.uint8)
    for label, half in ((1, body & (side > 0)), (2, body & (side < 0))):
        inner = depth * half
        markers[inner >= 0.8 * inner.max()] = label
    flooded = sitk.MorphologicalWatershedFromMarkers(
        sitk.GetImageFromArray(-depth.astype(np.float32)), sitk.GetImageFromArray(markers), False, True
    )
    return np.where(body, sitk.GetArrayFromImage(flooded), 0).astype(np.uint8)


def _by_size(parts: np.ndarray) -> np.ndarray:
    """Labels exchanged where 2 is the larger part."""
    first, second = int((parts == 1).sum()), int((parts == 2).sum())
    return parts if first >= second else np.where(parts > 0, 3 - parts, 0).astype(np.uint8)
