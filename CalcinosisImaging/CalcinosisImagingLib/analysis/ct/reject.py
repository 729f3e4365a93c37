"""Why a dense body is no deposit, and how sure it is one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .bone_edge import NO_EDGE, Edge
from .form import Form, form_of, shell_form
from .grid import grow_box
from .settings import CtSettings
from .vessels import CORD, CORD_LENGTH_MM, CORD_MM

METAL = "metal"
METAL_ON_BONE = "bone beside metal"
STREAK = "streak beside metal"
STREAK_BLUR_HU = 50.0
"""What a body's peak may lack of its contrast by blur, in reach of streaks."""
CORE_TIMES = 2.0
"""What peaks so many times higher than streaks may has a core, however faint the paste around it is."""
SMALL = "too small"
FAINT = "not above the noise"
SOFT = "no denser than a tendon"
SOFT_HU = 120.0
SESAMOID = "shell around marrow, like a sesamoid"
JOINT_MM = 17.0
USUAL = CtSettings()
DOUBTFUL = "too doubtful: faint, small, ragged, or at the edge of a bone"
BORDER = "beside a bone at the border of the image"
NAIL = "thin plate in the skin, like a nail"
RIND = "edge of a bone"
PLATE_FLAT = 0.45
"""Third axis to second: plates on bones are flatter than lips and crests of bones."""
NAIL_HU, NAIL_MM, NAIL_FLAT = 250.0, 0.9, 0.5
"""Half a millimetre of keratin, blurred, stays below this; it is nowhere deeper, and flatter (third axis to second)."""
VESSEL = "long thin cord, like a calcified vessel"
AIR_HU = -400.0
SKIN_MM = 1.5
HOLLOW, HOLLOW_AT_JOINT = 0.75, 0.9
"""A body with less core than this is a shell; where sesamoids lie, less of a dip will do. Solid ones have 0.97 or more,
nets down to 0.8."""
FIRST_HOLLOW, FIRST_HOLLOW_AT_JOINT = 0.74, 0.8
"""The same for bodies as they are first found, wider than they are: sesamoids have 0.2 to 0.73, nets down to 0.75."""
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
    skin_share: share of its voxels within 1.5 mm of air.
    form: of the body as delineated.
    first_mm3, first: volume and form of the body as it was first found; no form without the size of a small bone.
    """

    volume_mm3: float
    contrast_hu: float
    plateau_hu: float
    highest_hu: float
    signal_to_noise: float
    skin_share: float
    form: Form
    first_mm3: float
    first: Form | None

    @property
    def peak_contrast_hu(self) -> float:
        """Height of its peak in the smoothed image; thin bodies have more contrast than their blur lets show."""
        return self.form.peak_hu - self.plateau_hu + self.contrast_hu


@dataclass(frozen=True)
class Place:
    """Where a candidate lies.

    Attributes
    ----------
    streak_hu: contrast that streaks of metal may have there; 0 without metal.
    cut_bone: whether it is at the border of the image beside a bone.
    joint_mm: distance from the next joint that has sesamoids.
    edge: how it lies to the bones beside it.
    vessel: whether it is a cord, or lies in line with others (`vessels`).
    near_metal: share of it that is near metal (`metal.Metal.share_near`).
    """

    streak_hu: float = 0.0
    cut_bone: bool = False
    joint_mm: float = np.inf
    edge: Edge = NO_EDGE
    vessel: bool = False
    near_metal: float = 0.0


def facts(
    hu: np.ndarray,
    first: np.ndarray,
    body: np.ndarray,
    background: float,
    contrast: float,
    volume: float,
    noise: float,
    spacing: np.ndarray,
) -> Facts:
    """Measure a candidate on its crop: ``first`` as it was found, ``body`` as delineated."""
    return Facts(
        volume,
        contrast,
        background + contrast,
        float(hu[body].max()),
        float(contrast / max(noise, 1.0) * np.sqrt(max(int(body.sum()), 1))),
        _skin_share(hu, body, spacing),
        form_of(hu, body, background, spacing),
        float(first.sum() * np.prod(spacing)),
        shell_form(hu, first, background, spacing),
    )


def _skin_share(hu: np.ndarray, body: np.ndarray, spacing: np.ndarray) -> float:
    """Share of a body's voxels (crops, K, J, I) within `SKIN_MM` of air."""
    if (hu > AIR_HU).all():
        return 0.0
    near = grow_box(ndimage.find_objects(body.view(np.uint8))[0], np.ceil(SKIN_MM / spacing), body.shape)
    hu, body = hu[near], body[near]
    inside = hu > AIR_HU
    if inside.all():
        return 0.0
    return float((ndimage.distance_transform_edt(inside, sampling=spacing)[body] < SKIN_MM).mean())


def reason(f: Facts, place: Place, settings: CtSettings) -> str:
    """Why it is rejected; empty for a deposit."""
    if f.highest_hu >= settings.metal_hu:
        return METAL
    if f.highest_hu >= METAL_SHARE * settings.metal_hu and f.plateau_hu >= settings.metal_hu:
        return METAL
    core = f.peak_contrast_hu > CORE_TIMES * place.streak_hu
    if min(f.contrast_hu, f.peak_contrast_hu + STREAK_BLUR_HU) < place.streak_hu and not core:
        return STREAK
    if place.cut_bone:
        return BORDER
    long, wide, thin = f.form.axes_mm
    if place.edge.is_rim(f.first_mm3) or place.edge.is_cap or (place.edge.is_crest and thin > PLATE_FLAT * wide):
        return RIND
    if place.near_metal > 0.5 and place.edge.touches:
        return METAL_ON_BONE
    if f.volume_mm3 < settings.minimum_volume_mm3:
        return SMALL
    if f.signal_to_noise < least_signal(settings):
        return FAINT
    if f.plateau_hu < SOFT_HU:
        return SOFT
    at_joint = place.joint_mm < JOINT_MM
    if f.form.is_shell(HOLLOW_AT_JOINT if at_joint else HOLLOW):
        return SESAMOID
    if f.first is not None and f.first.is_shell(FIRST_HOLLOW_AT_JOINT if at_joint else FIRST_HOLLOW):
        return SESAMOID
    if place.vessel or (long > max(CORD * wide, CORD_LENGTH_MM) and wide < CORD_MM):
        return VESSEL
    if f.skin_share > 0.8 and f.form.peak_hu < NAIL_HU and f.form.depth_mm < NAIL_MM and thin < NAIL_FLAT * wide:
        return NAIL
    return ""


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
    solid = np.clip((f.form.core_share - 0.7) / 0.25, 0.2, 1.0)
    streaks = 0.5 if place.streak_hu > 0 else 1.0
    edge = 0.85 if place.edge.is_near else 1.0
    return float(np.round(signal * size * max(contrast, 0.0) * solid * streaks * edge, 2))
