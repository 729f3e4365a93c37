"""Solid matter on a bone that is no part of its shell: deposits that touch it.

A bone is a shell around marrow. Around a long or short bone the shell is about equally thick in one cross-section; what
lies much farther from the marrow than the rest of its cross-section is not shell.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError

from .grid import grow_box

INSIDE_SHARE = 0.2
"""Share of a bone that must be marrow or trabeculae, for the rule to apply."""
MARGIN_MM = 0.9
SLICE_MM = 3.0
LEAST_EXCESS_MM3 = 3.0
LEAST_SHARE = 0.001
"""A large bone has ridges of its own: what stands on it must be at least this share of it."""
THICKEST_MM = 5.0
BESIDE_MM = 6.0
OUTSIDE_SHARE = 0.5


def without_excess(mask: np.ndarray, hu: np.ndarray, threshold: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """The mask of one bone without solid matter that stands on its shell.

    Parameters
    ----------
    mask, hu, threshold: (K, J, I) of the bone's crop: outline, image, and the level that parts shell from inside.
    """
    voxel = float(np.prod(spacing))
    inside = mask & (hu < threshold) & (ndimage.distance_transform_edt(mask, sampling=spacing) > 0.6)
    inside = ndimage.binary_opening(inside)
    labels, count = ndimage.label(inside)
    if count == 0:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    inside = np.isin(labels, np.flatnonzero(sizes * voxel >= 4.0))
    if inside.sum() < INSIDE_SHARE * mask.sum():
        return mask
    depth = ndimage.distance_transform_edt(~inside, sampling=spacing)
    limit = _usual_thickness(mask, depth, spacing)
    excess = mask & (depth > limit + MARGIN_MM)
    excess = ndimage.binary_opening(excess)
    labels, count = ndimage.label(excess)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    sizes[0] = 0
    rest = mask & ~(depth > limit + 0.3)
    least = max(LEAST_EXCESS_MM3, LEAST_SHARE * float(mask.sum()) * voxel)
    kept = [n for n in np.flatnonzero(sizes * voxel >= least) if _stands_out(labels == n, rest, spacing)]
    excess = np.isin(labels, kept)
    if not excess.any():
        return mask
    # Back to the shell's usual surface, but not along it.
    near = ndimage.distance_transform_edt(~excess, sampling=spacing) <= MARGIN_MM + float(spacing.mean())
    return mask & ~(near & (depth > limit + 0.3))


def _stands_out(piece: np.ndarray, rest: np.ndarray, spacing: np.ndarray) -> bool:
    """Whether most of a piece lies outside the convex hull of the bone's part beside it: else it fills a dent."""
    box = grow_box(ndimage.find_objects(piece.astype(np.uint8))[0], np.ceil(BESIDE_MM / spacing), piece.shape)
    beside = rest[box]
    surface = np.argwhere(beside & ~ndimage.binary_erosion(beside)) * spacing
    if len(surface) < 20:
        return True
    try:
        planes = ConvexHull(surface[:: max(len(surface) // 3000, 1)]).equations
    except QhullError:
        return True
    points = np.argwhere(piece[box]) * spacing
    points = points[:: max(len(points) // 2000, 1)]
    outside = (points @ planes[:, :3].T + planes[:, 3]).max(axis=1) > 0
    return float(outside.mean()) > OUTSIDE_SHARE


def _usual_thickness(mask: np.ndarray, depth: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """For each voxel the median distance from marrow to surface in its cross-section, mm."""
    points = np.argwhere(mask)
    offsets = points * spacing - (points * spacing).mean(0)
    axis = np.linalg.eigh(offsets.T @ offsets)[1][:, -1]
    along = offsets @ axis
    section = np.floor((along - along.min()) / SLICE_MM).astype(int)
    surface = mask & ~ndimage.binary_erosion(mask)
    on_surface = surface[tuple(points.T)]
    values = depth[tuple(points.T)]
    usual = np.zeros(section.max() + 1)
    typical = float(np.median(values[on_surface]))
    for index in range(len(usual)):
        some = values[on_surface & (np.abs(section - index) <= 1)]
        usual[index] = np.median(some) if len(some) >= 10 else typical
    usual = np.minimum(usual, max(THICKEST_MM, 2.5 * typical))
    limit = np.zeros(mask.shape)
    limit[tuple(points.T)] = usual[section]
    return limit
