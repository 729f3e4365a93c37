"""Parting a body into lumps where it has a neck: a deposit that touches a tendon or a bone as dark as itself."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

NECK_MM = 0.5
"""A neck is narrower than the thinner of the two lumps by twice this; tendons and bones vary less along their way."""


def lumps(mask: np.ndarray, spacing_kji: np.ndarray) -> np.ndarray:
    """Labels 1..N of the lumps of a mask, 0 outside; int32.

    Watershed of the distance to the outside (S. Beucher and F. Meyer, 1993), ridges lower than `NECK_MM` ignored.
    """
    inner = ndimage.distance_transform_edt(np.pad(mask, 1), sampling=spacing_kji)[1:-1, 1:-1, 1:-1]
    heights = sitk.GetImageFromArray(-ndimage.gaussian_filter(inner, 0.5).astype(np.float32))
    basins = sitk.MorphologicalWatershed(heights, NECK_MM, markWatershedLine=False, fullyConnected=True)
    labels = np.where(mask, sitk.GetArrayFromImage(basins).astype(np.int32), 0)
    _, labels = np.unique(labels, return_inverse=True)
    labels = labels.reshape(mask.shape).astype(np.int32)
    return labels if not mask.all() else labels + 1
