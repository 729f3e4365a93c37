"""Where in a real image a deposit could lie: inside the body, clear of air and of bone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from ..analysis.errors import InputError
from ..analysis.segmentation import Segmentation
from ..analysis.volume import Volume

BODY_HU = -350.0
"""Half-way between air and soft tissue, a little towards air."""
UNDER_SKIN_MM = 7.0
"""Calcinosis lies in the skin and in the fat below it, seldom among the tendons of the carpal tunnel."""
BONE_HU = 250.0
"""Denser than any soft tissue without contrast agent."""


@dataclass(frozen=True, eq=False)
class Room:
    """Free room in an image.

    Attributes
    ----------
    clear_mm: float32 (K, J, I), distance of each voxel to the nearest air or bone; 0 where nothing may lie.
    body: bool, what is not air.
    soft: float32, soft tissue without its fine detail, and without bone and air: what a deposit replaces.
    """

    clear_mm: np.ndarray
    body: np.ndarray
    soft: np.ndarray


def find_room(volume: Volume, modality: str, bones: Segmentation | None = None) -> Room:
    """Soft tissue of a CT or MR.

    Parameters
    ----------
    bones: labels on the same grid; without them bone is what is dense in CT, and in MR what is dark or lies deep.

    Raises
    ------
    InputError: the image holds no soft tissue.
    """
    spacing = volume.spacing_mm[::-1]
    voxels = volume.voxels.astype(np.float32)
    soft = ndimage.gaussian_filter(voxels, 0.8 / spacing)
    body, solid = _ct_masks(soft, spacing) if modality == "ct" else _mr_masks(soft)
    if bones is not None:
        solid = (bones.labels > 0) | (solid if modality == "ct" else False)
    allowed = body & ~solid
    allowed[[0, -1]] = allowed[:, [0, -1]] = allowed[:, :, [0, -1]] = False
    if not allowed.any():
        raise InputError(f"No soft tissue was found in this {modality} image; check the modality and the units.")
    weight = ndimage.gaussian_filter(allowed.astype(np.float32), 0.8 / spacing)
    tissue = ndimage.gaussian_filter(voxels * allowed, 0.8 / spacing) / np.maximum(weight, 1e-3)
    clear = ndimage.distance_transform_edt(allowed, sampling=spacing).astype(np.float32)
    if modality == "mr":
        # Marrow is bright too: without bone labels nothing deeper is safe.
        depth = ndimage.distance_transform_edt(body, sampling=spacing)
        clear[depth > max(UNDER_SKIN_MM, 4.0 * spacing.max())] = 0.0
    return Room(clear, body, np.where(weight > 0.02, tissue, soft))


def _ct_masks(soft: np.ndarray, spacing: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Body and bone of a CT."""
    body = _largest(soft > BODY_HU)
    bone = soft > BONE_HU
    bone = ndimage.binary_closing(bone, ndimage.generate_binary_structure(3, 1), int(np.ceil(1.0 / spacing.min())))
    filled = np.stack([ndimage.binary_fill_holes(plane) for plane in bone])
    return body, filled


def _mr_masks(soft: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Body of an MR, and what in it is dark (cortex, tendon, air, and marrow in a gradient echo)."""
    threshold = _otsu(soft)
    body = _largest(soft > 0.35 * threshold)
    body = np.stack([ndimage.binary_fill_holes(plane) for plane in body])
    typical = float(np.median(soft[body & (soft > 0.35 * threshold)]))
    return body, soft < 0.45 * typical


def _otsu(values: np.ndarray) -> float:
    """Otsu's threshold."""
    flt = sitk.OtsuThresholdImageFilter()
    flt.Execute(sitk.GetImageFromArray(values))
    return float(flt.GetThreshold())


def _largest(mask: np.ndarray) -> np.ndarray:
    """The largest connected part."""
    labels, count = ndimage.label(mask)
    if count < 2:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return labels == sizes.argmax()
