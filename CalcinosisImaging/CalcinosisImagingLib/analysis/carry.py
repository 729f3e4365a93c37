"""Bones of the CT carried to another image, each by its own rigid motion: onto an MR grid or as shadows on a film."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from scipy import ndimage

from .segmentation import Segment, Segmentation
from .view import View
from .volume import Volume, transform_points


def bones_on_grid(bones: Segmentation, grid: Volume, bone_to_grid_ras: Mapping[str, np.ndarray]) -> Segmentation:
    """The bones' labels on another grid, nearest neighbour.

    bone_to_grid_ras: segment ID -> 4x4, RAS of ``bones`` -> RAS of ``grid``; bones without a matrix are left out.
    """
    labels = np.zeros(grid.voxels.shape, np.uint16)
    kept = []
    for segment, box in _boxes(bones):
        if segment.segment_id not in bone_to_grid_ras:
            continue
        kept.append(segment)
        grid_to_bone = np.linalg.inv(bones.volume.ijk_to_ras) @ np.linalg.inv(bone_to_grid_ras[segment.segment_id])
        _paint(labels, grid, bones.labels, box, segment.label, grid_to_bone @ grid.ijk_to_ras)
    return Segmentation(grid.with_voxels(labels), tuple(kept))


def _boxes(bones: Segmentation) -> Iterator[tuple[Segment, tuple[slice, slice, slice]]]:
    """Each bone that has voxels, with its bounding box over K, J, I."""
    boxes = ndimage.find_objects(bones.labels)
    for segment in bones.segments:
        if segment.label <= len(boxes) and boxes[segment.label - 1] is not None:
            yield segment, boxes[segment.label - 1]


def _paint(
    labels: np.ndarray,
    grid: Volume,
    source: np.ndarray,
    box: tuple[slice, slice, slice],
    label: int,
    to_source: np.ndarray,
) -> None:
    """Set ``label`` where the source has it; ``to_source``: ijk of ``grid`` -> ijk of the source, 4x4."""
    low = np.array([s.start - 0.5 for s in box[::-1]])
    high = np.array([s.stop - 0.5 for s in box[::-1]])
    corners = np.array(np.meshgrid(*zip(low, high, strict=True))).reshape(3, -1).T
    reached = transform_points(np.linalg.inv(to_source), corners)
    first = np.clip(np.floor(reached.min(0)).astype(int), 0, grid.size)
    last = np.clip(np.ceil(reached.max(0)).astype(int) + 1, 0, grid.size)
    if np.any(first >= last):
        return
    axes = [np.arange(a, b) for a, b in zip(first, last, strict=True)]
    k, j, i = np.meshgrid(*axes[::-1], indexing="ij")
    index = np.rint(transform_points(to_source, np.stack([i, j, k], -1))).astype(int)
    inside = np.all((index >= low) & (index < high), axis=-1)
    hit = np.zeros(inside.shape, bool)
    at = index[inside]
    hit[inside] = source[at[:, 2], at[:, 1], at[:, 0]] == label
    target = labels[tuple(slice(a, b) for a, b in zip(first[::-1], last[::-1], strict=True))]
    target[hit] = label


def bones_on_film(
    bones: Segmentation, film: Volume, view: View, bone_to_view: Mapping[str, np.ndarray]
) -> Segmentation:
    """The bones' shadows as labels on a film (K = 1); where shadows overlap, the bone nearer to the detector.

    bone_to_view: segment ID -> 4x4, RAS of ``bones`` -> view frame; bones without a matrix cast no shadow.
    """
    labels = np.zeros(film.voxels.shape, np.uint16)
    poses = [(s, box, bone_to_view[s.segment_id]) for s, box in _boxes(bones) if s.segment_id in bone_to_view]
    by_depth = []
    for segment, box, pose in poses:
        index = np.argwhere(bones.labels[box] == segment.label) + [s.start for s in box]
        ras = bones.volume.to_ras(index[:, ::-1])
        by_depth.append((float(transform_points(pose, ras)[:, 2].mean()), segment, view.project(ras, pose)))
    pixel_mm = min(view.pixel_spacing_mm)
    reach = int(np.ceil(bones.volume.spacing_mm.max() * 1.2 / pixel_mm / 2))
    for _, segment, uv in sorted(by_depth, key=lambda item: (item[0], item[1].label)):
        labels[0][_shadow(uv, labels.shape[1:], reach)] = segment.label
    return Segmentation(film.with_voxels(labels), tuple(segment for segment, _, _ in poses))


def _shadow(uv: np.ndarray, shape: tuple[int, int], reach: int) -> np.ndarray:
    """Boolean film (rows, columns) covered by projected voxel centres (N, 2), each ``reach`` pixels wide."""
    mask = np.zeros(shape, bool)
    pixel = np.rint(uv).astype(int)
    seen = (pixel >= 0).all(1) & (pixel[:, 0] < shape[1]) & (pixel[:, 1] < shape[0])
    mask[pixel[seen, 1], pixel[seen, 0]] = True
    # Closing joins the footprints of neighbouring voxels; its size is that of one voxel on the film.
    size = 2 * reach + 1
    return ndimage.binary_closing(np.pad(mask, size), np.ones((size, size)))[size:-size, size:-size]


def nearest_labels(bodies: Segmentation, targets: Segmentation) -> dict[int, str]:
    """For each label of ``bodies`` the segment ID in ``targets`` (same grid) that is nearest to its middle.

    A target under the middle wins over all others; {} where there are no targets.
    """
    if not (targets.labels > 0).any():
        return {}
    spacing = targets.volume.spacing_mm[::-1]
    _, index = ndimage.distance_transform_edt(targets.labels == 0, sampling=spacing, return_indices=True)
    names = {segment.label: segment.segment_id for segment in targets.segments}
    found = {}
    for label, box in enumerate(ndimage.find_objects(bodies.labels), start=1):
        if box is None:
            continue
        middle = np.argwhere(bodies.labels[box] == label).mean(axis=0) + [s.start for s in box]
        at = index[(slice(None), *np.rint(middle).astype(int))]
        found[label] = names[int(targets.labels[tuple(at)])]
    return found
