"""Why a dense body is no deposit, and how sure it is one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import ndimage

from .grid import grow_box
from .settings import CtSettings

METAL = "metal"
STREAK = "streak beside metal"
SMALL = "too small"
FAINT = "not above the noise"
SOFT = "no denser than a tendon"
SOFT_HU = 150.0
SESAMOID = "shell around marrow, like a sesamoid"
JOINT_MM = 17.0
USUAL = CtSettings()
DOUBTFUL = "too doubtful: faint, small, ragged, or at the edge of a bone"
BORDER = "beside a bone at the border of the image"
NAIL = "thin plate in the skin, like a nail"
RIND = "edge of a bone"
RIND_MM3 = 8.0
VESSEL = "long thin cord, like a calcified vessel"
SHELL_MM3 = (12.0, 400.0)
AIR_HU = -400.0
SKIN_MM = 1.5
THICK_MM = 1.0
"""A body must be this deep for its inside to be told from its outside."""
CORE, LAYERS = 0.7, 5
"""The core is what is deeper than this share of the depth; what is around it is looked at in so many layers."""
HOLLOW, HOLLOW_AT_JOINT = 0.75, 0.9
"""A body with less core than this is a shell; where sesamoids lie, less of a dip will do. Solid ones have 0.97 or more,
nets down to 0.8."""
CORD, CORD_MM = 5.0, 4.5
"""A cord is so many times longer than wide, and not wider than this: an artery of the hand with its wall."""
METAL_SHARE = 0.6
"""Thin metal stays under the limit by its blur; it reaches this share of it, and more when the blur is undone."""


@dataclass(frozen=True)
class Facts:
    """What is known of a candidate.

    Attributes
    ----------
    volume_mm3, contrast_hu, plateau_hu: of the deposit as delineated.
    highest_hu: greatest voxel.
    signal_to_noise: contrast over noise times the root of the number of voxels.
    core_share: contrast of its inside over that of its brightest layer; 1 where it is too thin to tell.
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


@dataclass(frozen=True)
class Place:
    """Where a candidate lies.

    Attributes
    ----------
    streak_hu: contrast that streaks of metal may have there; 0 without metal.
    cut_bone: whether it is at the border of the image beside a bone.
    joint_mm: distance from the next joint that has sesamoids.
    bone_reach_mm: nine tenths of it are within this distance from bone; infinite where there is none.
    halo_mm: how far the blur of bone reaches.
    """

    streak_hu: float = 0.0
    cut_bone: bool = False
    joint_mm: float = np.inf
    bone_reach_mm: float = np.inf
    halo_mm: float = 0.0


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
    # Nothing farther from the body than the skin's layer matters.
    margin = np.ceil(SKIN_MM / spacing).astype(int) + 2
    near = grow_box(ndimage.find_objects(body.astype(np.uint8))[0], margin, body.shape)
    hu, body = hu[near], body[near]
    # A shell's outline may be the shell alone: what it encloses belongs to it here.
    whole = ndimage.binary_fill_holes(ndimage.binary_closing(np.pad(body, 2)))
    depth = ndimage.distance_transform_edt(whole, sampling=spacing)[2:-2, 2:-2, 2:-2]
    smooth = ndimage.gaussian_filter(hu.astype(np.float32), 0.3 / spacing)
    share = _core_share(smooth - background, depth)
    air = ndimage.distance_transform_edt(hu > AIR_HU, sampling=spacing) if (hu <= AIR_HU).any() else None
    skin = 0.0 if air is None else float((air[body] < SKIN_MM).mean())
    points = np.argwhere(body) * spacing
    axes = (0.0, 0.0, 0.0)
    if len(points) >= 4:
        values = np.sort(np.linalg.eigvalsh(np.cov(points.T)))[::-1]
        axes = tuple(float(4 * np.sqrt(max(v, 0.0))) for v in values)
    strength = contrast / max(noise, 1.0) * np.sqrt(max(int(body.sum()), 1))
    return Facts(volume, contrast, background + contrast, float(hu[body].max()), float(strength), share, skin, axes)


def _core_share(contrast: np.ndarray, depth: np.ndarray) -> float:
    """Contrast of the core over that of the brightest layer around it: 1 or more in a solid body, less in a shell.

    A shell is bright all around: of each layer the lower quartile counts, which in a net is a gap's.
    """
    deepest = float(depth.max())
    if deepest <= THICK_MM:
        return 1.0
    bounds = np.linspace(0.1, CORE, LAYERS + 1) * deepest
    layers = [contrast[(depth > a) & (depth <= b)] for a, b in pairwise(bounds)]
    brightest = max((float(np.percentile(layer, 25)) for layer in layers if len(layer)), default=1.0)
    return float(contrast[depth > bounds[-1]].mean()) / max(brightest, 1.0)


def reason(f: Facts, place: Place, settings: CtSettings) -> str:
    """Why it is rejected; empty for a deposit."""
    if f.highest_hu >= settings.metal_hu:
        return METAL
    if f.highest_hu >= METAL_SHARE * settings.metal_hu and f.plateau_hu >= settings.metal_hu:
        return METAL
    if f.contrast_hu < place.streak_hu:
        return STREAK
    if place.cut_bone:
        return BORDER
    if place.bone_reach_mm <= place.halo_mm and f.volume_mm3 < RIND_MM3:
        return RIND
    if f.volume_mm3 < settings.minimum_volume_mm3:
        return SMALL
    if f.signal_to_noise < least_signal(settings):
        return FAINT
    if f.plateau_hu < SOFT_HU:
        return SOFT
    if _rounded(f) and f.core_share < (HOLLOW_AT_JOINT if place.joint_mm < JOINT_MM else HOLLOW):
        return SESAMOID
    if f.axes_mm[0] > CORD * f.axes_mm[1] and f.axes_mm[1] < CORD_MM:
        return VESSEL
    if f.skin_share > 0.8 and f.contrast_hu < 350 and f.axes_mm[2] < 0.3 * f.axes_mm[1]:
        return NAIL
    return ""


def _rounded(f: Facts) -> bool:
    """Whether it has the size and roundness of a sesamoid or another small bone."""
    return SHELL_MM3[0] <= f.volume_mm3 <= SHELL_MM3[1] and f.axes_mm[0] < 2.2 * f.axes_mm[2]


def least_signal(settings: CtSettings) -> float:
    """Signal-to-noise ratio that a deposit must reach: 7 at the usual sensitivity, 10 to 4 at its ends."""
    return 10.0 - 6.0 * settings.sensitivity


def least_confidence(settings: CtSettings) -> float:
    """The confidence that a deposit needs: 0.4 at the usual sensitivity, 0.5 below 0.375, none at 1."""
    return min(0.8 * (1.0 - settings.sensitivity), 0.5)


def confidence(f: Facts, place: Place) -> float:
    """How sure it is a deposit, 0..1: a product of what speaks for it, each factor rising to 1.

    Signal over what is asked, size, contrast over soft tissue and solidity; it is halved in reach of streaks, and less
    where all of it lies near the edge of a bone. Not a probability, but in the order of one (docs/ct.md). What the user
    asks for at least does not change how sure a deposit is.
    """
    signal = 1.0 - np.exp(-1.5 * max(f.signal_to_noise / least_signal(USUAL) - 0.5, 0.0))
    size = f.volume_mm3 / (f.volume_mm3 + 2.0 * USUAL.minimum_volume_mm3)
    contrast = f.contrast_hu / (f.contrast_hu + 0.5 * USUAL.minimum_contrast_hu)
    solid = np.clip((f.core_share - 0.7) / 0.25, 0.2, 1.0)
    streaks = 0.5 if place.streak_hu > 0 else 1.0
    edge = 0.6 if place.bone_reach_mm <= 2.0 * place.halo_mm else 1.0
    return float(np.round(signal * size * max(contrast, 0.0) * solid * streaks * edge, 2))
