"""The edge, the plateau and the voxel fractions of one deposit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

TURNS = 4
MAX_RESTORED = 3.0
"""The plateau is restored to at most this multiple of the highest (smoothed) contrast."""


@dataclass(frozen=True, eq=False)
class Delineated:
    """Result of `delineate`, on the crop: ``mask`` and ``fraction`` (0..1, float32), and the levels found (HU)."""

    mask: np.ndarray
    fraction: np.ndarray
    background_hu: float
    contrast_hu: float
    volume_mm3: float


def delineate(
    hu: np.ndarray, own: np.ndarray, blocked: np.ndarray, soft_hu: float, sigma_mm: float, spacing: np.ndarray
) -> Delineated:
    """Outline one deposit.

    The image there is background plus contrast times the blurred body. Body and contrast are found in turns: the
    contrast by least squares against the blurred body, the body as the brightest voxels that hold the integral of the
    image over the contrast. The integral does not depend on the blur, so that the volume is not biased by it.

    Parameters
    ----------
    hu, own, blocked: (K, J, I) crops: image, first guess of the body, voxels of bones and of other bodies.
    sigma_mm: of the point spread.
    """
    voxel = float(np.prod(spacing))
    away = ndimage.distance_transform_edt(~own, sampling=spacing)
    reach = (away <= 2.6 * sigma_mm + 0.5 * float(spacing.mean())) & ~blocked
    ring = (away > 3.2 * sigma_mm + 0.5) & (away <= 3.2 * sigma_mm + 2.5) & ~_widened(blocked, spacing, 2.5 * sigma_mm)
    background = soft_hu
    around = hu[ring]
    around = around[(around > -200) & (around < soft_hu + 120)]
    if len(around) >= 30:
        background = float(np.median(around))
    contrast_image = np.where(reach, hu - background, 0.0).astype(np.float32)
    values = contrast_image[own]
    contrast = float(np.percentile(values, 85))
    highest = max(contrast, 30.0)
    total = float(contrast_image.sum())
    order = np.argsort(-np.where(reach, ndimage.gaussian_filter(contrast_image, 0.25 / spacing), -1e9), axis=None)
    sigma = sigma_mm / spacing
    body = own
    for _ in range(TURNS):
        count = int(np.clip(round(total / contrast), 1, int(reach.sum())))
        body = np.zeros(hu.size, bool)
        body[order[:count]] = True
        body = body.reshape(hu.shape)
        blurred = ndimage.gaussian_filter(body.astype(np.float32), sigma)
        blurred[~reach] = 0
        new = float((contrast_image * blurred).sum() / max(float((blurred**2).sum()), 1e-6))
        contrast = float(np.clip(0.5 * (contrast + new), 0.7 * highest, MAX_RESTORED * highest))
    fraction = np.clip(contrast_image / contrast, 0.0, 1.0)
    fraction = np.where(reach, fraction, 0).astype(np.float32)
    scale = total / contrast / max(float(fraction.sum()), 1e-6)
    fraction *= float(np.clip(scale, 0.5, 1.0))
    return Delineated(body, fraction, background, contrast, max(total / contrast, 0.0) * voxel)


def _widened(mask: np.ndarray, spacing: np.ndarray, distance_mm: float) -> np.ndarray:
    """The mask and what lies within a distance of it."""
    if not mask.any():
        return mask
    return ndimage.distance_transform_edt(~mask, sampling=spacing) <= distance_mm
