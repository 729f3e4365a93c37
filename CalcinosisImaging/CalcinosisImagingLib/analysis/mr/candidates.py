"""Connected bodies of a mask with the measures on which they are judged."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

NEAR_BONE_MM = 2.0
RING_VOXELS = 3
CLEARLY = 0.2
"""Difference of levels that parts a body from what is beside it."""


@dataclass(frozen=True)
class Candidate:
    """One body.

    Attributes
    ----------
    label: its value in the label array.
    voxels, volume_mm3: its size.
    length_mm, width_mm, height_mm: principal axes, 4 times the square root of the variance, longest first.
    depth_mm: mean distance to the air.
    level: mean relative signal (`tissue.Tissue.level`).
    extreme: its darkest (or brightest) twentieth.
    bone_distance_mm: mean distance to the nearest bone, infinite without bones.
    bones_near: number of different bones within reach.
    cut: whether it touches the border of the image.
    prior: part of it that lies in the prior mask.
    thickness_mm: diameter of the largest ball in it; see `look_closely`.
    ring: median level one to two voxels away from it, air aside; see `look_closely`.
    enclosed: part of that layer, air included, whose level differs from the body's clearly; see `look_closely`.
    continued: part of its cross-section that is met again beyond both ends (`continued.continued`).
    """

    label: int
    voxels: int
    volume_mm3: float
    length_mm: float
    width_mm: float
    height_mm: float
    depth_mm: float
    level: float
    extreme: float
    bone_distance_mm: float
    bones_near: int
    cut: bool
    prior: float
    thickness_mm: float = 0.0
    ring: float = 0.0
    enclosed: float = 0.0
    continued: float = 0.0

    @property
    def solidity(self) -> float:
        """Volume over that of the ellipsoid with the same axes: 1 for balls and sticks, less for nets and branches."""
        return self.volume_mm3 / max(np.pi / 6.0 * self.length_mm * self.width_mm * self.height_mm, 1e-9)


@dataclass(frozen=True, eq=False)
class Surroundings:
    """Where bodies lie; arrays of one shape (K, J, I).

    Attributes
    ----------
    spacing_kji: mm along K, J, I.
    level, depth_mm: as in `tissue.Tissue`.
    border: voxels at the edge of the image.
    bone_distance, bone_labels: distance to the nearest bone, mm (large beyond some millimetres), and its label; None
        without bones.
    prior: where the CT shows deposits, or None.
    """

    spacing_kji: np.ndarray
    level: np.ndarray
    depth_mm: np.ndarray
    border: np.ndarray
    bone_distance: np.ndarray | None
    bone_labels: np.ndarray | None
    prior: np.ndarray | None

    def crop(self, box: tuple[slice, slice, slice]) -> Surroundings:
        """The part within ``box``; views, no copies."""

        def part(values: np.ndarray | None) -> np.ndarray | None:
            return None if values is None else values[box]

        return Surroundings(
            self.spacing_kji, self.level[box], self.depth_mm[box], self.border[box], part(self.bone_distance),
            part(self.bone_labels), part(self.prior),
        )  # fmt: skip


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


def measure(labels: np.ndarray, around: Surroundings, bright: bool) -> list[Candidate]:
    """What a pass over the voxels tells of all bodies at once; the rest comes from `look_closely`.

    ``labels``: 1..N without gaps, on the grid of ``around``. ``bright``: whether the extreme is the brightest end.
    """
    where = np.flatnonzero(labels)
    count = int(labels.max(initial=0))
    if not count:
        return []
    owner = labels.ravel()[where]
    size = np.bincount(owner, minlength=count + 1)[1:]
    index = np.stack(np.unravel_index(where, labels.shape), axis=1) * around.spacing_kji
    axes = _principal_axes(index, owner, count, size, around.spacing_kji)

    def mean(values: np.ndarray | None, otherwise: float = 0.0) -> np.ndarray:
        if values is None:
            return np.full(count, otherwise)
        return np.bincount(owner, values.ravel()[where].astype(float), count + 1)[1:] / size

    extreme = _extremes(around.level.ravel()[where], owner, count, bright)
    level, depth, prior = mean(around.level), mean(around.depth_mm), mean(around.prior)
    bone, near = mean(around.bone_distance, np.inf), _bones_near(where, owner, count, around)
    cut = mean(around.border) > 0
    volume = size * float(np.prod(around.spacing_kji))
    return [
        Candidate(
            n + 1, int(size[n]), float(volume[n]), *(float(a) for a in axes[n]), float(depth[n]), float(level[n]),
            float(extreme[n]), float(bone[n]), int(near[n]), bool(cut[n]), float(prior[n]),
        )
        for n in range(count)
    ]  # fmt: skip


def look_closely(
    candidate: Candidate, labels: np.ndarray, box: tuple[slice, slice, slice], around: Surroundings
) -> Candidate:
    """Add the thickness and the ring, which need the body's neighbourhood; ``box`` holds the body."""
    wide = tuple(
        slice(max(0, s.start - RING_VOXELS), min(n, s.stop + RING_VOXELS))
        for s, n in zip(box, labels.shape, strict=True)
    )
    mask = labels[wide] == candidate.label
    radius = float(ndimage.distance_transform_edt(np.pad(mask, 1), sampling=around.spacing_kji).max())
    # The radius counts to the centre of the first voxel outside, half a voxel too far at either side.
    voxel = float(around.spacing_kji.min())
    thickness = max(2.0 * radius - voxel, 0.5 * voxel)
    # The first layer around is left out: it holds the blurred edge.
    steps = ndimage.distance_transform_cdt(~mask, metric="chessboard")
    near = (steps > 1) & (steps <= RING_VOXELS)
    values = np.where(around.depth_mm[wide] > 0, around.level[wide], np.nan)[near]
    tissue = values[np.isfinite(values)]
    ring = float(np.median(tissue)) if tissue.size else 0.0
    differs = np.abs(np.nan_to_num(values) - candidate.level) > CLEARLY
    differs &= (np.nan_to_num(values) > candidate.level) == (ring > candidate.level)
    enclosed = float(differs.mean()) if values.size else 0.0
    return replace(candidate, thickness_mm=thickness, ring=ring, enclosed=enclosed)


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
    """The 5th (95th) percentile of each body."""
    order = np.lexsort((values, owner))
    starts = np.searchsorted(owner[order], np.arange(1, count + 2))
    place = starts[:-1] + np.round((0.95 if bright else 0.05) * (np.diff(starts) - 1)).astype(int)
    return values[order][place]


def _bones_near(where: np.ndarray, owner: np.ndarray, count: int, around: Surroundings) -> np.ndarray:
    """Number of different bones within `NEAR_BONE_MM` of each body."""
    if around.bone_distance is None or around.bone_labels is None:
        return np.zeros(count, int)
    close = around.bone_distance.ravel()[where] < NEAR_BONE_MM
    pairs = np.unique(np.stack([owner[close], around.bone_labels.ravel()[where][close].astype(int)], axis=1), axis=0)
    return np.bincount(pairs[:, 0], minlength=count + 1)[1:] if len(pairs) else np.zeros(count, int)
