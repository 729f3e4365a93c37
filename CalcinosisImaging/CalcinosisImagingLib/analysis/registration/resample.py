"""Labels of the CT on the grid of the MR."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..segmentation import Segmentation
from ..volume import Volume, transform_points
from .result import Registration

REACH_MM = 3.0


def bones_on_mr(registration: Registration, mr: Volume, with_failed: bool = False) -> Segmentation:
    """The CT's bones on the grid of ``mr``, each moved rigidly; uint16.

    A voxel belongs to the bone that fills most of it, if that is at least half. Bones flagged 'failed' are left out
    unless asked for: their place is a guess.
    """
    source = registration.segmentation
    labels = np.zeros(mr.voxels.shape, np.uint16)
    share = np.full(mr.voxels.shape, 0.5, np.float32)
    boxes = ndimage.find_objects(source.labels)
    kept = []
    for segment in source.segments:
        bone = registration.bones.get(segment.segment_id)
        box = boxes[segment.label - 1] if segment.label <= len(boxes) else None
        if bone is None or box is None or (bone.flag == "failed" and not with_failed):
            continue
        kept.append(segment)
        part = _padded(source.volume, box)
        place = part.ijk_to_ras
        ijk, target = _voxels_within(mr, bone.matrix_ct_to_mr_ras @ place, part.size)
        if target is None:
            continue
        to_part = np.linalg.inv(bone.matrix_ct_to_mr_ras @ place) @ mr.ijk_to_ras
        index = transform_points(to_part, ijk)[:, ::-1].T
        mask = (part.voxels == segment.label).astype(np.float32)
        filled = ndimage.map_coordinates(mask, index, order=1, output=np.float32).reshape(labels[target].shape)
        better = filled > share[target]
        labels[target][better] = segment.label
        share[target][better] = filled[better]
    return Segmentation(mr.with_voxels(labels), tuple(kept))


def labels_on_mr(registration: Registration, labels: Segmentation, mr: Volume) -> Segmentation:
    """Labels of soft tissue in the CT (deposits) on the grid of ``mr`` by the blended motion, nearest voxel; uint16."""
    result = np.zeros(mr.voxels.shape, np.uint16)
    boxes = ndimage.find_objects(labels.labels)
    for segment in labels.segments:
        box = boxes[segment.label - 1] if segment.label <= len(boxes) else None
        if box is None:
            continue
        part = _padded(labels.volume, box)
        mask = part.voxels == segment.label
        moved = registration.map_points(part.to_ras(np.argwhere(mask)[:, ::-1]))
        index = mr.to_ijk(moved)
        margin = REACH_MM / mr.spacing_mm
        low = np.maximum(np.floor(index.min(0) - margin).astype(int), 0)
        high = np.minimum(np.ceil(index.max(0) + margin).astype(int) + 1, mr.size)
        if np.any(high <= low):
            continue
        ijk = _grid(low, high)
        source = np.round(part.to_ijk(registration.map_points_to_ct(mr.to_ras(ijk)))).astype(int)
        inside = np.all((source >= 0) & (source < part.size), axis=1)
        hit = np.zeros(len(ijk), bool)
        hit[inside] = mask[source[inside, 2], source[inside, 1], source[inside, 0]]
        i, j, k = ijk[hit].T
        result[k, j, i] = segment.label
    return Segmentation(mr.with_voxels(result), labels.segments)


def _padded(volume: Volume, box: tuple[slice, slice, slice]) -> Volume:
    """The part within ``box`` and a voxel around, as far as the image goes."""
    return volume.crop(
        tuple(slice(max(0, s.start - 1), min(n, s.stop + 1)) for s, n in zip(box, volume.voxels.shape, strict=True))
    )


def _grid(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """All voxel indices (N, 3) i, j, k from ``low`` up to ``high``, ordered k, j, i."""
    k, j, i = np.meshgrid(*[np.arange(a, b) for a, b in zip(low[::-1], high[::-1], strict=True)], indexing="ij")
    return np.stack([i.ravel(), j.ravel(), k.ravel()], axis=1)


def _voxels_within(mr: Volume, part_to_mr: np.ndarray, size: tuple[int, int, int]):
    """Indices (N, 3) of the MR's voxels around a moved box, and the slices (K, J, I) they fill; None if outside."""
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in size])).reshape(3, -1).T
    index = mr.to_ijk(transform_points(part_to_mr, corners))
    low = np.maximum(np.floor(index.min(0)).astype(int), 0)
    high = np.minimum(np.ceil(index.max(0)).astype(int) + 1, mr.size)
    if np.any(high <= low):
        return np.zeros((0, 3), int), None
    return _grid(low, high), tuple(slice(a, b) for a, b in zip(low[::-1], high[::-1], strict=True))
