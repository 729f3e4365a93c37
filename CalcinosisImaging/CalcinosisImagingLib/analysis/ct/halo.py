"""What bones' blur adds to the tissue around them."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .grid import grow_box
from .psf import FWHM_PER_SIGMA, PointSpread

SMOOTH_MM = 0.3
"""Smoothing before detection: about the blur of the finest deposit that the scanner shows."""

PEAK_MM = 1.3
"""Reach within which a bone's height is taken: about a shell's thickness."""
CERTAIN = 1.3
"""The blur is taken this much stronger than expected: an outline made of voxels is uncertain by a part of one."""


def subtract_halo(
    smooth: np.ndarray, bones: np.ndarray, soft_hu: float, sigma_mm: np.ndarray, spacing: np.ndarray
) -> None:
    """Take from ``smooth`` (K, J, I; int16, in place) what the bones' blur explains outside them.

    Each bone is taken as a body of its own local height over soft tissue, blurred; between two bones both add up.

    Parameters
    ----------
    sigma_mm: of the blur of ``smooth``: point spread and smoothing together.
    """
    reach = np.ceil(3.0 * sigma_mm / spacing).astype(int) + 1
    size = tuple((2 * np.round(PEAK_MM / spacing) + 1).astype(int))
    halos = []
    for label, box in enumerate(ndimage.find_objects(bones), start=1):
        if box is None:
            continue
        wide = grow_box(box, reach, bones.shape)
        own = bones[wide] == label
        height = np.where(own, smooth[wide], soft_hu).astype(np.float32) - soft_hu
        height = np.where(own, ndimage.maximum_filter(height, size=size), 0.0)
        halo = CERTAIN * ndimage.gaussian_filter(height, sigma_mm / spacing, truncate=3.0)
        halos.append((wide, np.where(own, 0.0, halo).astype(np.int16)))
    # Only when all heights are read may the image change.
    for wide, halo in halos:
        smooth[wide] -= halo


def blur_mm(psf: PointSpread, spacing: np.ndarray) -> np.ndarray:
    """Sigma along each axis of point spread, voxel and smoothing together."""
    return np.sqrt(np.square(psf.sigma_mm) + spacing**2 / 12 + SMOOTH_MM**2)


def bone_reach_mm(psf: PointSpread, spacing: np.ndarray) -> float:
    """How far from a bone's voxels (its surface is half of one farther) its blur reaches; a slice more is beside it."""
    blur = FWHM_PER_SIGMA * float(blur_mm(psf, spacing).mean())
    return max(blur + 0.5 * float(spacing.mean()), 1.05 * float(spacing.max()))
