"""Candidates in a region with sliders: prepared once, then chosen anew at each move of a slider.

CT: what is denser than soft tissue, minus bone. MR: what is much darker or much brighter than tissue. Radiograph:
what is denser than its surroundings of some millimetres (a top-hat: bones are wider than that).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from .contrast import Contrast, contrast_of
from .island import NEIGHBOURS

FRAGMENT_GAP_MM = 2.0
"""Fragments closer than this are one deposit (DESIGN)."""
NOISE_FACTOR = 4.0
SMOOTHING_VOXELS = 0.5
EDGE_BOX_VOXELS = 5
"""Width of the neighbourhood in which a body's level is looked for: about two point spreads."""
CT_ABOVE_TISSUE_HU = (400.0, 60.0)
"""Level above soft tissue at sensitivity 0 and 1; 155 HU at 0.5, between paste and tendon."""
MR_DARK = (0.9, 0.4)
"""Part of the tissue's signal that must be missing, at sensitivity 0 and 1."""
MR_BRIGHT = (2.0, 0.6)
"""Signal above the tissue's, as a part of it."""
FILM_STEP = (0.30, 0.03)
"""Step above the surroundings, as a part of the range of the region's grey values."""
FILM_WIDTH_MM = 6.0
"""Radiographs: wider than this is not a candidate but bone."""
HOLLOW = 0.1
"""A body of which at least this part is marrow, enclosed in cross-sections, is a bone."""
BONE_LENGTH_MM = 12.0
"""A body that leaves the region and is at least so long is a bone."""


@dataclass(frozen=True)
class Region:
    """A crop made ready.

    Attributes
    ----------
    field: how far each voxel stands out, smoothed (K, J, I) float32; MR: the larger of dark and bright, as a part
        of the tissue's signal.
    edge: half of the highest level nearby: below it a voxel is the blurred rim of a body.
    contrast: see `Contrast`.
    bones: boolean (K, J, I) or None.
    spacing_kji_mm: (3,).
    span: radiographs, the range of the region's grey values, first to last percent; else 1.
    """

    field: np.ndarray
    edge: np.ndarray
    contrast: Contrast
    modality: str
    bones: np.ndarray | None
    spacing_kji_mm: np.ndarray
    span: float


@dataclass(frozen=True)
class Choice:
    """The sliders: sensitivity 0..1, smallest deposit (mm³, films mm²), bone separation (mm, 0 = none)."""

    sensitivity: float = 0.5
    minimum_size: float = 1.0
    bone_separation_mm: float = 1.0


def prepare(
    voxels: np.ndarray,
    spacing_kji_mm: np.ndarray,
    modality: str,
    bones: np.ndarray | None = None,
    bright: str = "bone",
) -> Region:
    """Everything that does not depend on the sliders. voxels: crop (K, J, I); bones: boolean, same shape."""
    spacing = np.asarray(spacing_kji_mm, float)
    image = np.asarray(voxels, np.float32)
    contrast = contrast_of(image, modality, bright)
    sigma = [SMOOTHING_VOXELS if n > 1 else 0.0 for n in image.shape]
    smooth = ndimage.gaussian_filter(image, sigma)
    span = 1.0
    if modality == "ct":
        field = smooth - contrast.tissue
    elif modality == "mr":
        field = _mr_field(smooth, contrast.tissue)
    else:
        field = _top_hat(smooth * contrast.sign, spacing)
        span = float(max(np.subtract(*np.percentile(smooth, [99, 1])), 6 * contrast.noise, 1e-6))
    peaks = field if bones is None else np.where(bones, 0, field)
    edge = 0.5 * ndimage.maximum_filter(peaks, [EDGE_BOX_VOXELS if n > 1 else 1 for n in image.shape])
    return Region(field, edge, contrast, modality, bones, spacing, span)


def choose(region: Region, choice: Choice) -> np.ndarray:
    """Labels (K, J, I) uint16 of the candidates, 1..N by descending size."""
    level = _level(region, choice.sensitivity)
    # The level says what is a body, half of the body's own level where it ends.
    mask = region.field >= np.maximum(level / 2, region.edge)
    cores = region.field >= level
    if region.modality == "ct" and choice.bone_separation_mm > 0:
        mask = _without_bone(region, mask, choice.bone_separation_mm)
    elif region.modality == "mr":
        mask = _without_border_bodies(mask)
        if region.bones is not None:
            mask &= ~region.bones
    return _grouped(mask, cores, region.spacing_kji_mm, choice.minimum_size)


def _level(region: Region, sensitivity: float) -> float:
    """Geometric between the two ends of the slider, never within the noise."""
    low, high = {"ct": CT_ABOVE_TISSUE_HU, "mr": MR_DARK, "xray": FILM_STEP}[region.modality]
    level = low * (high / low) ** sensitivity * region.span
    # Smoothing by half a voxel halves the noise in three dimensions, and takes a third of it in two.
    left = 0.5 if region.field.shape[0] > 1 else 0.65
    noise = NOISE_FACTOR * region.contrast.noise * left
    if region.modality == "mr":
        noise /= max(region.contrast.tissue, 1e-6)
    return max(level, noise)


def _mr_field(smooth: np.ndarray, tissue: float) -> np.ndarray:
    """Missing signal as a part of the tissue's; excess signal on the same scale, so that one slider serves both."""
    relative = smooth / max(tissue, 1e-6)
    bright_to_dark = MR_DARK[1] / MR_BRIGHT[1]
    return np.maximum(1.0 - relative, (relative - 1.0) * bright_to_dark).astype(np.float32)


def _top_hat(image: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """What stands above the opening by a square of `FILM_WIDTH_MM`, in the plane."""
    reach = [max(1, round(FILM_WIDTH_MM / 2 / s)) for s in spacing[1:]]
    plane = sitk.GetImageFromArray(np.ascontiguousarray(image[0]))
    opened = sitk.GrayscaleMorphologicalOpening(plane, [reach[1], reach[0]], sitk.sitkBox)
    return (image[0] - sitk.GetArrayFromImage(opened))[None]


def _without_bone(region: Region, mask: np.ndarray, separation_mm: float) -> np.ndarray:
    """Take out the bones: those given, or bodies that look like one; necks up to the separation are cut through."""
    if region.bones is not None:
        # A given bone ends at its half level: the voxel around it is its partial volume.
        rim = _near(region.bones, separation_mm, region.spacing_kji_mm)
        rest = mask & ~region.bones
        labels, count = ndimage.label(rest, NEIGHBOURS)
        beyond = np.bincount(labels[rest & ~rim], minlength=count + 1)
        keep = beyond > 0
        keep[0] = False
        return keep[labels]
    marrow = _enclosed(mask)
    solid = mask | marrow
    cores, count = ndimage.label(_eroded(solid, separation_mm / 2, region.spacing_kji_mm), NEIGHBOURS)
    bones = _bones_among(cores, count, marrow, region.spacing_kji_mm)
    bone_cores = np.isin(cores, bones)
    if not bone_cores.any():
        return mask
    to_bone = _distance_mm(bone_cores, region.spacing_kji_mm)
    bone = to_bone <= separation_mm / 2 + float(region.spacing_kji_mm.max())
    others = (cores > 0) & ~bone_cores
    if others.any():
        bone &= to_bone <= _distance_mm(others, region.spacing_kji_mm)
    return mask & ~bone


def _enclosed(mask: np.ndarray) -> np.ndarray:
    """Background that is enclosed in a cross-section of some direction: marrow, seen as a ring's inside."""
    enclosed = np.zeros(mask.shape, bool)
    for axis in range(3):
        plane = np.zeros((3, 3, 3), bool)
        cross = ndimage.generate_binary_structure(2, 1)
        plane[tuple(1 if a == axis else slice(None) for a in range(3))] = cross
        labels, count = ndimage.label(~mask, plane)
        outside = np.zeros(count + 1, bool)
        for edge in (a for a in range(3) if a != axis):
            outside[np.unique(np.take(labels, [0, -1], axis=edge))] = True
        outside[0] = True
        enclosed |= ~outside[labels]
    return enclosed


def _bones_among(cores: np.ndarray, count: int, marrow: np.ndarray, spacing: np.ndarray) -> list[int]:
    """Labels of the bodies that hold marrow, or are long and run out of the region."""
    sizes = np.bincount(cores.ravel(), minlength=count + 1)
    hollow = np.bincount(cores[marrow], minlength=count + 1)
    bones = []
    for label, box in enumerate(ndimage.find_objects(cores), start=1):
        length = max((s.stop - s.start) * step for s, step in zip(box, spacing, strict=True))
        leaves = any(s.start == 0 or s.stop == n for s, n in zip(box, cores.shape, strict=True))
        if length < BONE_LENGTH_MM / 3:
            continue
        if hollow[label] >= HOLLOW * sizes[label] or (leaves and length >= BONE_LENGTH_MM):
            bones.append(label)
    return bones


def _without_border_bodies(mask: np.ndarray) -> np.ndarray:
    """MR: air, fat layers and tendons run out of the region, deposits do not."""
    labels, count = ndimage.label(mask, NEIGHBOURS)
    keep = np.ones(count + 1, bool)
    keep[0] = False
    for axis in range(mask.ndim):
        if mask.shape[axis] > 1:
            keep[np.unique(np.take(labels, [0, -1], axis=axis))] = False
    return keep[labels]


def _grouped(mask: np.ndarray, cores: np.ndarray, spacing: np.ndarray, minimum_size: float) -> np.ndarray:
    """Bodies with a core, fragments joined across gaps below `FRAGMENT_GAP_MM`, labels by descending size."""
    mask = _with_core(mask, cores)
    near = _near(mask, FRAGMENT_GAP_MM / 2, spacing)
    labels, count = ndimage.label(near, NEIGHBOURS)
    labels[~mask] = 0
    voxel = float(np.prod(spacing if mask.shape[0] > 1 else spacing[1:]))
    sizes = np.bincount(labels.ravel(), minlength=count + 1) * voxel
    sizes[0] = 0
    order = np.argsort(-sizes, kind="stable")
    order = order[sizes[order] >= max(minimum_size, 1e-9)]
    lookup = np.zeros(count + 1, np.uint16)
    lookup[order] = np.arange(1, order.size + 1)
    return lookup[labels]


def _with_core(mask: np.ndarray, cores: np.ndarray) -> np.ndarray:
    """Bodies of ``mask`` that hold a voxel of ``cores``."""
    labels, count = ndimage.label(mask, NEIGHBOURS)
    keep = np.bincount(labels[mask & cores], minlength=count + 1) > 0
    keep[0] = False
    return keep[labels]


def _distance_mm(mask: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """Distance of each voxel to the nearest True, mm (0 inside)."""
    image = sitk.GetImageFromArray(mask.astype(np.uint8))
    image.SetSpacing([float(s) for s in spacing[::-1]])
    # Maurer measures from the edge voxels' centres.
    distance = sitk.SignedMaurerDistanceMap(image, False, False, True)
    return np.maximum(sitk.GetArrayFromImage(distance), 0)


def _near(mask: np.ndarray, reach_mm: float, spacing: np.ndarray) -> np.ndarray:
    """Voxels within ``reach_mm`` of a True one."""
    return _distance_mm(mask, spacing) <= reach_mm if mask.any() else mask


def _eroded(mask: np.ndarray, depth_mm: float, spacing: np.ndarray) -> np.ndarray:
    """Voxels more than ``depth_mm`` from the nearest False one."""
    return mask & (_distance_mm(~mask, spacing) > depth_mm) if mask.any() else mask
