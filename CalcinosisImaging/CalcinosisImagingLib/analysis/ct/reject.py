"""Why a dense body is no deposit, and how sure it is one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .settings import CtSettings

METAL = "metal"
STREAK = "streak beside metal"
SMALL = "too small"
FAINT = "not above the noise"
SOFT = "no denser than a tendon"
SOFT_HU = 150.0
SESAMOID = "shell around marrow, like a sesamoid"
AT_JOINT = "rounded body where a sesamoid lies"
JOINT_MM = 17.0
BORDER = "beside a bone at the border of the image"
NAIL = "thin plate in the skin, like a nail"
SESAMOID_MM3 = (12.0, 400.0)
AIR_HU = -400.0
THICK_MM = 1.0
"""A body must be this deep for its inside to be told from its outside."""
HOLLOW = 0.85
NOT_SOLID = 1.1
"""Blur alone makes a solid body 1.15 to 1.4 times as bright inside as outside."""


@dataclass(frozen=True)
class Facts:
    """What is known of a candidate.

    Attributes
    ----------
    volume_mm3, contrast_hu, plateau_hu: of the deposit as delineated.
    highest_hu: greatest voxel.
    signal_to_noise: contrast over noise times the root of the number of voxels.
    core_share: contrast of its inside over that of its outside; 1 where it is too thin to tell.
    skin_share: share of its voxels within 1.5 mm of air.
    axes_mm: principal axes (4 sqrt eigenvalue), longest first.
    """

    volume_mm3: float
    contrast_hu: float
    plateau_hu: float
    highest_hu: float
    signal_to_noise: float
    core_share: float
    skin_share: float
    axes_mm: tuple[float, float, float]


def facts(
    hu: np.ndarray,
    body: np.ndarray,
    background: float,
    contrast: float,
    volume: float,
    noise: float,
    spacing: np.ndarray,
) -> Facts:
    """Measure a candidate on its crop."""
    depth = ndimage.distance_transform_edt(np.pad(body, 1), sampling=spacing)[1:-1, 1:-1, 1:-1]
    smooth = ndimage.gaussian_filter(hu.astype(np.float32), 0.3 / spacing)
    share = 1.0
    deepest = float(depth.max())
    core, layer = depth >= 0.6 * deepest, (depth > 0.2 * deepest) & (depth < 0.6 * deepest)
    if deepest > THICK_MM and layer.any():
        share = float((smooth[core].mean() - background) / max(smooth[layer].mean() - background, 1.0))
    air = ndimage.distance_transform_edt(hu > AIR_HU, sampling=spacing) if (hu <= AIR_HU).any() else None
    skin = 0.0 if air is None else float((air[body] < 1.5).mean())
    points = np.argwhere(body) * spacing
    axes = (0.0, 0.0, 0.0)
    if len(points) >= 4:
        values = np.sort(np.linalg.eigvalsh(np.cov(points.T)))[::-1]
        axes = tuple(float(4 * np.sqrt(max(v, 0.0))) for v in values)
    strength = contrast / max(noise, 1.0) * np.sqrt(max(int(body.sum()), 1))
    return Facts(volume, contrast, background + contrast, float(hu[body].max()), float(strength), share, skin, axes)


def reason(f: Facts, settings: CtSettings, beside_metal: bool, cut_bone: bool, joint_mm: float) -> str:
    """Why it is rejected; empty for a deposit.

    ``joint_mm`` is the distance from the next joint that has sesamoids.
    """
    if f.highest_hu >= settings.metal_hu:
        return METAL
    if beside_metal and f.contrast_hu < 500:
        return STREAK
    if cut_bone:
        return BORDER
    if f.volume_mm3 < settings.minimum_volume_mm3:
        return SMALL
    if f.signal_to_noise < least_signal(settings):
        return FAINT
    if f.plateau_hu < SOFT_HU:
        return SOFT
    if (
        SESAMOID_MM3[0] <= f.volume_mm3 <= SESAMOID_MM3[1]
        and f.core_share < HOLLOW
        and f.axes_mm[0] < 2.2 * f.axes_mm[2]
    ):
        return SESAMOID
    if (
        joint_mm < JOINT_MM
        and SESAMOID_MM3[0] <= f.volume_mm3 <= 0.6 * SESAMOID_MM3[1]
        and f.core_share < NOT_SOLID
        and f.axes_mm[0] < 2.2 * f.axes_mm[2]
    ):
        return AT_JOINT
    if f.skin_share > 0.8 and f.contrast_hu < 350 and f.axes_mm[2] < 0.3 * f.axes_mm[1]:
        return NAIL
    return ""


def least_signal(settings: CtSettings) -> float:
    """Signal-to-noise ratio that a deposit must reach: 7 at the usual sensitivity, 10 to 4 at its ends."""
    return 10.0 - 6.0 * settings.sensitivity


def confidence(f: Facts, settings: CtSettings) -> float:
    """Probability-like 0..1: from the signal over what is asked, less for the look of a shell."""
    surplus = f.signal_to_noise / least_signal(settings) - 1.0
    sure = 1.0 / (1.0 + np.exp(-1.0 - 2.0 * surplus))
    shell = np.clip((f.core_share - 0.6) / 0.3, 0.3, 1.0)
    return float(np.round(sure * shell, 2))
