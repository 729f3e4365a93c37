"""Dense bodies outside the bones: found, grouped into deposits, outlined, and given voxel fractions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from .grid import Box, grow_box
from .settings import CtSettings

FRACTION_FULL = 255
"""Value of the fraction map for a voxel full of deposit."""


@dataclass(frozen=True)
class Candidate:
    """A dense body outside the bones.

    Attributes
    ----------
    label: its value in the label array.
    volume_mm3: sum of its fractions times the voxel volume.
    plateau_hu, background_hu: levels inside and around it.
    confidence: probability 0..1 that it is a deposit.
    reason: why it is rejected; empty for a deposit.
    """

    label: int
    volume_mm3: float
    plateau_hu: float
    background_hu: float
    confidence: float
    reason: str = ""


def smoothed(hu: np.ndarray, sigma_mm: float, spacing: np.ndarray, slab: int = 64) -> np.ndarray:
    """Gaussian smoothing slab by slab (int16 in and out), so that no float copy of the whole is ever held."""
    sigma = sigma_mm / spacing
    reach = int(np.ceil(4 * sigma[0])) + 1
    result = np.empty(hu.shape, np.int16)
    for start in range(0, hu.shape[0], slab):
        low, high = max(start - reach, 0), min(start + slab + reach, hu.shape[0])
        part = ndimage.gaussian_filter(hu[low:high].astype(np.float32), sigma, truncate=3.0)
        stop = min(start + slab, hu.shape[0])
        result[start:stop] = np.round(part[start - low : stop - low])
    return result


def label_bodies(mask: np.ndarray) -> tuple[np.ndarray, int]:
    """26-connected components (uint32) and their number."""
    components = sitk.ConnectedComponent(sitk.GetImageFromArray(mask.astype(np.uint8)), True)
    labels = sitk.GetArrayFromImage(components)
    return labels, int(labels.max())


def group(labels: np.ndarray, found: list[Box | None], spacing: np.ndarray, distance_mm: float) -> np.ndarray:
    """New label for each old one: fragments closer than ``distance_mm`` (surface to surface) share it."""
    parent = np.arange(len(found) + 1)

    def root(x: int) -> int:
        while parent[x] != x:
            x = int(parent[x])
        return x

    margin = np.ceil(distance_mm / spacing).astype(int) + 1
    for number, box in enumerate(found, start=1):
        if box is None:
            continue
        wide = grow_box(box, margin, labels.shape)
        part = labels[wide]
        others = np.unique(part)
        others = others[(others > 0) & (others != number)]
        if len(others) == 0:
            continue
        away = ndimage.distance_transform_edt(part != number, sampling=spacing)
        near = np.unique(part[(away < distance_mm + float(spacing.mean())) & (part > 0) & (part != number)])
        for other in near:
            a, b = root(number), root(int(other))
            parent[max(a, b)] = min(a, b)
    return np.array([root(x) for x in range(len(parent))])


def find_candidates(
    hu: np.ndarray, bones: np.ndarray, soft_hu: float, noise: float, spacing: np.ndarray, settings: CtSettings
) -> tuple[np.ndarray, np.ndarray, list[Candidate]]:
    """Labels (uint16), fractions (uint8, `FRACTION_FULL` = 1) and descriptions of the dense bodies.

    Parameters
    ----------
    hu, bones: (K, J, I) of one box.
    """
    smooth = smoothed(hu, 0.35, spacing)
    threshold = soft_hu + max(settings.minimum_contrast_hu, 3.0 * noise * 0.4)
    halo = max(round(0.8 / float(spacing.mean())), 1)
    near_bone = sitk.GetArrayFromImage(
        sitk.BinaryDilate(sitk.GetImageFromArray((bones > 0).astype(np.uint8)), [halo] * 3, sitk.sitkBall)
    )
    mask = (smooth > threshold) & (near_bone == 0)
    pieces, count = label_bodies(mask)
    voxel = float(np.prod(spacing))
    sizes = np.bincount(pieces.ravel(), minlength=count + 1) * voxel
    table = np.zeros(count + 1, np.uint16)
    kept = np.flatnonzero(sizes >= settings.minimum_volume_mm3)
    kept = kept[kept > 0]
    table[kept] = np.arange(1, len(kept) + 1)
    labels = table[pieces]
    groups = group(labels, ndimage.find_objects(labels), spacing, settings.group_distance_mm)
    labels = groups.astype(np.uint16)[labels]
    fractions = np.zeros(hu.shape, np.uint8)
    candidates = []
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is None:
            continue
        candidates.append(_outline(hu, bones, labels, fractions, label, box, soft_hu, spacing, settings))
    return labels, fractions, candidates


def _outline(
    hu: np.ndarray,
    bones: np.ndarray,
    labels: np.ndarray,
    fractions: np.ndarray,
    label: int,
    box: Box,
    soft_hu: float,
    spacing: np.ndarray,
    settings: CtSettings,
) -> Candidate:
    """Outline one body at half of its own plateau; writes labels and fractions in place."""
    wide = grow_box(box, np.ceil(2.0 / spacing).astype(int), hu.shape)
    own = labels[wide] == label
    values = hu[wide]
    plateau = float(np.percentile(values[own], 80))
    reach = ndimage.binary_dilation(own, iterations=2) & (bones[wide] == 0)
    reach &= (labels[wide] == 0) | own
    fraction = np.clip((values - soft_hu) / max(plateau - soft_hu, 1.0), 0, 1) * reach
    inside = fraction >= 0.5
    labels[wide][own] = 0
    labels[wide][inside] = label
    fraction[~ndimage.binary_dilation(inside, iterations=1)] = 0
    fractions[wide] = np.maximum(fractions[wide], np.round(fraction * FRACTION_FULL).astype(np.uint8))
    volume = float(fraction.sum() * np.prod(spacing))
    reason = ""
    if float(values[own].max()) >= settings.metal_hu:
        reason = "metal"
    elif volume < settings.minimum_volume_mm3:
        reason = "too small"
    return Candidate(label, volume, plateau, soft_hu, 0.9, reason)
