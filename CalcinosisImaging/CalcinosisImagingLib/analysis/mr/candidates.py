"""Connected bodies of a mask with the measures on which they are judged, all at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage


@dataclass(frozen=True)
class Candidate:
    """One body.

    Attributes
    ----------
    label: its value in the label array.
    voxels, volume_mm3: its size.
    length_mm, width_mm, height_mm: principal axes, 4 times the square root of the variance, longest first.
    thickness_mm: diameter of the largest ball in it.
    depth_mm: mean distance to the air.
    level: mean relative signal (`tissue.Tissue.level`).
    extreme: its darkest (or brightest) fiftieth, smoothed.
    bone_distance_mm: mean distance to the nearest bone, infinite without bones.
    bones_near: number of different bones within reach.
    cut: whether it touches the border of the image.
    prior: part of it that lies in the prior mask.
    """

    label: int
    voxels: int
    volume_mm3: float
    length_mm: float
    width_mm: float
    height_mm: float
    thickness_mm: float
    depth_mm: float
    level: float
    extreme: float
    bone_distance_mm: float
    bones_near: int
    cut: bool
    prior: float


def relabel(labels: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """Labels renumbered 1.. in the order of ``keep`` (old labels), all others 0."""
    table = np.zeros(int(labels.max(initial=0)) + 1, labels.dtype)
    table[keep] = np.arange(1, len(keep) + 1)
    return table[labels]


def large_parts(mask: np.ndarray, least_voxels: int) -> np.ndarray:
    """Connected parts (26 neighbours) of at least so many voxels, labelled 1..N, int32."""
    labels, _ = ndimage.label(mask, np.ones((3, 3, 3)))
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return relabel(labels, np.flatnonzero(sizes >= least_voxels))


def measure(
    labels: np.ndarray,
    spacing_kji: np.ndarray,
    level: np.ndarray,
    depth_mm: np.ndarray,
    border: np.ndarray,
    bone_distance: np.ndarray | None,
    bone_labels: np.ndarray | None,
    prior: np.ndarray | None,
    bright: bool,
) -> list[Candidate]:
    """Measures of all bodies in one pass over their voxels; arrays share the shape of ``labels``.

    ``border``: voxels at the edge of the image. ``bone_labels``: nearest bone of each voxel. ``bright``: whether the
    extreme is the brightest end.
    """
    where = np.flatnonzero(labels)
    count = int(labels.max(initial=0))
    if not count:
        return []
    owner = labels.ravel()[where]
    index = np.stack(np.unravel_index(where, labels.shape), axis=1) * spacing_kji
    size = np.bincount(owner, minlength=count + 1)[1:]
    axes = _principal_axes(index, owner, count, size, spacing_kji)
    numbers = np.arange(1, count + 1)
    inner = ndimage.distance_transform_edt(labels > 0, sampling=spacing_kji)
    radius = ndimage.maximum(inner, labels, numbers)

    def mean(values: np.ndarray) -> np.ndarray:
        return np.bincount(owner, values.ravel()[where].astype(float), count + 1)[1:] / size

    smooth = ndimage.uniform_filter(level, 3)
    extreme = _extremes(smooth.ravel()[where], owner, count, bright)
    cut = np.bincount(owner, border.ravel()[where], count + 1)[1:] > 0
    to_bone = mean(bone_distance) if bone_distance is not None else np.full(count, np.inf)
    near = _bones_near(where, owner, count, bone_distance, bone_labels)
    in_prior = mean(prior) if prior is not None else np.zeros(count)
    levels, depths = mean(level), mean(depth_mm)
    volume = size * float(np.prod(spacing_kji))
    # A ball of one voxel has the diameter of a voxel, which the distance to the next centre overstates by two.
    thickness = np.maximum(2.0 * radius - float(spacing_kji.min()), 0.5 * float(spacing_kji.min()))
    return [
        Candidate(
            n + 1, int(size[n]), float(volume[n]), *(float(a) for a in axes[n]), float(thickness[n]), float(depths[n]),
            float(levels[n]), float(extreme[n]), float(to_bone[n]), int(near[n]), bool(cut[n]), float(in_prior[n]),
        )
        for n in range(count)
    ]  # fmt: skip


def _principal_axes(index, owner, count, size, spacing) -> np.ndarray:
    """(N, 3) lengths, longest first; a voxel's own extent is added, so that one voxel has its size and not 0."""
    mean = np.stack([np.bincount(owner, index[:, a], count + 1)[1:] / size for a in range(3)], axis=1)
    centred = index - mean[owner - 1]
    matrix = np.empty((count, 3, 3))
    for a in range(3):
        for b in range(a, 3):
            product = np.bincount(owner, centred[:, a] * centred[:, b], count + 1)[1:] / size
            matrix[:, a, b] = matrix[:, b, a] = product + (spacing[a] ** 2 / 12.0 if a == b else 0.0)
    return 4.0 * np.sqrt(np.maximum(np.linalg.eigvalsh(matrix)[:, ::-1], 0.0))


def _extremes(values: np.ndarray, owner: np.ndarray, count: int, bright: bool) -> np.ndarray:
    """The 2nd (98th) percentile of each body."""
    order = np.lexsort((values, owner))
    starts = np.searchsorted(owner[order], np.arange(1, count + 2))
    share = 0.98 if bright else 0.02
    place = starts[:-1] + np.round(share * (np.diff(starts) - 1)).astype(int)
    return values[order][place]


def _bones_near(where, owner, count, bone_distance, bone_labels, reach_mm: float = 2.0) -> np.ndarray:
    """Number of different bones within reach of each body."""
    if bone_distance is None or bone_labels is None:
        return np.zeros(count, int)
    close = bone_distance.ravel()[where] < reach_mm
    pairs = np.unique(np.stack([owner[close], bone_labels.ravel()[where][close].astype(int)], axis=1), axis=0)
    return np.bincount(pairs[:, 0], minlength=count + 1)[1:] if len(pairs) else np.zeros(count, int)
