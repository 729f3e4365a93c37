"""The door between our RAS arrays and SimpleITK's LPS images and transforms: the only place that converts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from .errors import InputError
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


def read_transform(path: Path) -> sitk.Transform:
    """An ITK transform file.

    Raises
    ------
    InputError: missing or unreadable.
    """
    if not Path(path).is_file():
        raise InputError(f"{path}: there is no such transform file; check the name.")
    try:
        return sitk.ReadTransform(str(path))
    except RuntimeError as error:
        raise InputError(f"{path}: cannot be read as an ITK transform; give a .h5 or .tfm file.") from error


def point_mapping(transform: sitk.Transform) -> Callable[[np.ndarray], np.ndarray]:
    """RAS points (N, 3) -> RAS points (N, 3) by an ITK transform."""
    flip = np.array([-1.0, -1.0, 1.0])

    def apply(points: np.ndarray) -> np.ndarray:
        lps = np.asarray(points, float) * flip
        return np.array([transform.TransformPoint(point) for point in lps.tolist()]).reshape(-1, 3) * flip

    return apply
