"""What bones' blur adds to the tissue around them."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.special import ndtr, ndtri

from .crops import percentile, smoothed_crop
from .grid import grow_box
from .psf import FWHM_PER_SIGMA, PointSpread

SMOOTH_MM = 0.3
"""Smoothing before detection: about the blur of the finest deposit that the scanner shows."""

PEAK_MM = 1.3
"""Reach within which a bone's height is taken: about a shell's thickness."""
CERTAIN = 1.3
"""The blur is taken this much stronger than expected: an outline made of voxels is uncertain by a part of one."""
PEAK_PERCENT = 95


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


def edge_hu(
    smooth: np.ndarray, bones: np.ndarray, soft_hu: float, sigma_mm: np.ndarray, spacing: np.ndarray
) -> np.ndarray:
    """What bones' blur adds around them (float32, HU) were their surfaces half a voxel farther out.

    A mask of voxels tells a surface to half a voxel. A flat surface that passes just before the middles of a layer of
    voxels leaves up to half of the bone's height in that layer, which is no part of the mask. The share h that the blur
    of width s of a flat surface has at a point is Phi(-d / s) at the distance d, and Phi(-(d - t) / s) when the surface
    is moved by t: half a voxel along the surface's normal.

    Parameters
    ----------
    smooth: (K, J, I) crop, lightly smoothed.
    bones: bool.
    sigma_mm: (3,) of the blur of ``smooth`` along k, j, i.
    """
    size = tuple((2 * np.round(PEAK_MM / spacing) + 1).astype(int))
    height = np.where(bones, smooth - np.float32(soft_hu), 0.0).astype(np.float32)
    height = np.where(bones, ndimage.maximum_filter(height, size=size), 0.0)
    share, height = (
        ndimage.gaussian_filter(a, sigma_mm / spacing, truncate=4.0) for a in (bones.astype(np.float32), height)
    )
    share = np.clip(share, 1e-6, 1.0 - 1e-6)
    normal = np.stack(np.gradient(share, *spacing))
    normal = np.abs(normal) / np.maximum(np.linalg.norm(normal, axis=0), 1e-9)
    moved = np.tensordot(0.5 * spacing, normal, 1) / np.sqrt(np.tensordot(sigma_mm**2, normal**2, 1) + 1e-9)
    return (height / share * ndtr(ndtri(share) + moved)).astype(np.float32)


def unexplained_share(
    hu: np.ndarray, body: np.ndarray, bones: np.ndarray, soft_hu: float, sigma_mm: np.ndarray, spacing: np.ndarray
) -> float:
    """Share of a body's height that is left when bones' edges are taken away; about 0 in a rim of a bone.

    Parameters
    ----------
    hu, body, bones: (K, J, I) crops; the body is bool and not empty.
    """
    reach = np.ceil(4.0 * sigma_mm / spacing).astype(int) + 1
    near = grow_box(ndimage.find_objects(body.view(np.uint8))[0], reach, body.shape)
    body, bones = body[near], bones[near] > 0
    smooth = smoothed_crop(hu[near], SMOOTH_MM / spacing)
    height = (smooth - soft_hu)[body]
    rest = height - edge_hu(smooth, bones, soft_hu, sigma_mm, spacing)[body]
    return percentile(rest, PEAK_PERCENT) / max(percentile(height, PEAK_PERCENT), 1.0)


def blur_mm(psf: PointSpread, spacing: np.ndarray) -> np.ndarray:
    """Sigma along each axis of point spread, voxel and smoothing together."""
    return np.sqrt(np.square(psf.sigma_mm) + spacing**2 / 12 + SMOOTH_MM**2)


def bone_reach_mm(psf: PointSpread, spacing: np.ndarray) -> float:
    """How far from a bone's voxels (its surface is half of one farther) its blur reaches; a slice more is beside it."""
    blur = FWHM_PER_SIGMA * float(blur_mm(psf, spacing).mean())
    return max(blur + 0.5 * float(spacing.mean()), 1.05 * float(spacing.max()))


def is_beside(body: np.ndarray, bones: np.ndarray, steps: int = 3) -> bool:
    """Whether bone lies within so many steps of a body (from face to face)."""
    if not bones.any():
        return False
    near = grow_box(ndimage.find_objects(body.view(np.uint8))[0], steps, body.shape)
    bone = bones[near] > 0
    return bool(bone.any() and bone[ndimage.binary_dilation(body[near], iterations=steps)].any())


def reach_mm(body: np.ndarray, bones: np.ndarray, spacing: np.ndarray) -> float:
    """Distance from bone within which nine tenths of a body lie."""
    return float(np.percentile(ndimage.distance_transform_edt(bones == 0, sampling=spacing)[body], 90))
