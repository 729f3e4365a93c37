"""The door between our RAS arrays and SimpleITK's LPS images and transforms: the only place that converts."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from .volume import Volume

LPS_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""4x4; flips the first two axes: LPS <-> RAS, its own inverse."""


def to_itk(volume: Volume) -> sitk.Image:
    """A SimpleITK image (LPS) of the same voxels; bool becomes uint8. Copies."""
    voxels = volume.voxels.astype(np.uint8) if volume.voxels.dtype == bool else volume.voxels
    image = sitk.GetImageFromArray(voxels)
    lps = LPS_RAS @ volume.ijk_to_ras
    spacing = volume.spacing_mm
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
    return image


def geometry_from_itk(image: sitk.Image) -> np.ndarray:
    """4x4 ijk_to_ras of a 3-D SimpleITK image."""
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    matrix[:3, 3] = image.GetOrigin()
    return LPS_RAS @ matrix


def from_itk(image: sitk.Image) -> Volume:
    """A 3-D scalar SimpleITK image as a `Volume`. Copies."""
    return Volume(sitk.GetArrayFromImage(image), geometry_from_itk(image))


def to_itk_affine(matrix_ras: np.ndarray) -> sitk.AffineTransform:
    """A 4x4 that maps RAS points to RAS points, as an ITK transform that maps LPS points to LPS points."""
    lps = LPS_RAS @ matrix_ras @ LPS_RAS
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(lps[:3, :3].ravel().tolist())
    transform.SetTranslation(lps[:3, 3].tolist())
    return transform


def from_itk_affine(transform: sitk.Transform) -> np.ndarray:
    """4x4 RAS -> RAS of a linear ITK transform (LPS -> LPS)."""
    lps = np.eye(4)
    origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    for axis in range(3):
        lps[:3, axis] = np.array(transform.TransformPoint(tuple(np.eye(3)[axis]))) - origin
    lps[:3, 3] = origin
    return LPS_RAS @ lps @ LPS_RAS
