"""The edge, the plateau and the voxel fractions of one deposit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

TRIALS = 18
FINE_VOXELS = 600_000
NOT_TISSUE_HU = -250.0
BACKGROUND_MM = 1.5
MAX_RESTORED = 4.0
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

    The image there is background plus contrast times the blurred body. For each contrast tried the body is the
    brightest part that holds the integral of the image over the contrast (which no blur changes); the contrast whose
    blurred body is most like the image is taken.

    Parameters
    ----------
    hu, own, blocked: (K, J, I) crops: image, first guess of the body, voxels of bones and of other bodies.
    sigma_mm: of the point spread.
    """
    voxel = float(np.prod(spacing))
    step = float(spacing.mean())
    away = ndimage.distance_transform_edt(~own, sampling=spacing)
    reach = (away <= 2.6 * sigma_mm + 0.5 * step) & ~blocked & (hu > NOT_TISSUE_HU)
    around = (away > 2.6 * sigma_mm + 0.5 * step) & (away <= 2.6 * sigma_mm + 4.0)
    around &= (hu > NOT_TISSUE_HU) & (hu < soft_hu + 150) & ~_widened(blocked, spacing, 2.5 * sigma_mm)
    background = _background(hu, around, soft_hu, spacing)
    contrast_image = np.where(reach, hu - background, 0.0).astype(np.float32)
    smooth = ndimage.gaussian_filter(contrast_image, 0.25 / spacing)
    highest = max(float(np.percentile(smooth[own], 95)), 30.0) + soft_hu
    box = ndimage.find_objects(reach.astype(np.uint8))[0]
    body = np.zeros(hu.shape, bool)
    plateau, body[box] = _plateau(
        contrast_image[box], background[box], smooth[box], reach[box], highest, soft_hu, sigma_mm / spacing
    )
    fraction = contrast_image / np.maximum(plateau - background, 30.0)
    total = max(float(fraction.sum()), 0.0)
    if not body.any():
        body = fraction >= 0.5 if (fraction >= 0.5).any() else own
    level = float(background[body].mean())
    return Delineated(body, _balanced(fraction, total), level, plateau - level, total * voxel)


def _plateau(
    contrast: np.ndarray,
    background: np.ndarray,
    smooth: np.ndarray,
    reach: np.ndarray,
    highest: float,
    soft_hu: float,
    sigma: np.ndarray,
) -> tuple[float, np.ndarray]:
    """The plateau (HU) whose body, blurred, explains the image best, and that body.

    For each plateau tried the body is what holds the integral: the brightest part of a finer copy, so that a plate
    thinner than a voxel is one.
    """
    times = next((t for t in (3, 2) if contrast.size * t**3 <= FINE_VOXELS), 1)
    fine = smooth
    if times > 1:
        fine = ndimage.zoom(smooth, times, order=3, grid_mode=True, mode="nearest")
    near = reach.repeat(times, 0).repeat(times, 1).repeat(times, 2)
    order = np.argsort(-np.where(near, fine, -1e4), axis=None)
    factors = np.geomspace(0.85, MAX_RESTORED, TRIALS)
    errors = np.zeros(TRIALS)
    shapes = []
    for trial, factor in enumerate(factors):
        plateau = soft_hu + factor * (highest - soft_hu)
        rise = np.maximum(plateau - background, 30.0)
        count = int(np.clip(round(float((contrast / rise)[reach].sum()) * times**3), 1, fine.size))
        body = np.zeros(fine.size, np.float32)
        body[order[:count]] = 1.0
        k, j, i = contrast.shape
        body = body.reshape(k, times, j, times, i, times).mean(axis=(1, 3, 5))
        blurred = ndimage.gaussian_filter(body, sigma, mode="constant")
        error = float(((contrast - blurred * rise)[reach] ** 2).sum())
        errors[trial] = error
        shapes.append(body >= 0.5)
    least = int(errors.argmin())
    return soft_hu + _refined(np.log(factors), errors, least) * (highest - soft_hu), shapes[least]


def _refined(logs: np.ndarray, errors: np.ndarray, least: int) -> float:
    """The factor at the vertex of the parabola through the least error and its neighbours."""
    if least in (0, len(logs) - 1):
        return float(np.exp(logs[least]))
    before, middle, after = errors[least - 1 : least + 2]
    bend = before - 2 * middle + after
    shift = 0.5 * (before - after) / bend if bend > 0 else 0.0
    return float(np.exp(logs[least] + shift * (logs[1] - logs[0])))


def _balanced(fraction: np.ndarray, total: float) -> np.ndarray:
    """Fractions within 0..1 whose sum is ``total``: what clipping adds in the faint rim is taken from there again."""
    fraction = np.clip(fraction, 0.0, 1.0)
    rim = fraction < 0.5
    faint = float(fraction[rim].sum())
    if faint > 0:
        fraction[rim] *= float(np.clip((total - float(fraction[~rim].sum())) / faint, 0.0, 1.2))
    return fraction


def _background(hu: np.ndarray, around: np.ndarray, soft_hu: float, spacing: np.ndarray) -> np.ndarray:
    """What the tissue would be without the deposit: the tissue around it, carried inwards (normalised convolution)."""
    sigma = BACKGROUND_MM / spacing
    weight = ndimage.gaussian_filter(around.astype(np.float32), sigma)
    values = ndimage.gaussian_filter(np.where(around, hu, 0).astype(np.float32), sigma)
    # A little of the usual level, so that it takes over where no tissue is near.
    return (values + 1e-3 * soft_hu) / (weight + 1e-3)


def _widened(mask: np.ndarray, spacing: np.ndarray, distance_mm: float) -> np.ndarray:
    """The mask and what lies within a distance of it."""
    if not mask.any():
        return mask
    return ndimage.distance_transform_edt(~mask, sampling=spacing) <= distance_mm
