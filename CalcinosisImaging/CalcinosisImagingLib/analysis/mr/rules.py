"""What is a deposit and what is not: a handful of rules that a reader can follow.

Each rule is one line: what is measured, the bound, and the reason that the user reads.
"""

from __future__ import annotations

import numpy as np

from .candidates import Candidate
from .settings import MrSettings

PLATE_WIDTH, PLATE_FILLED, PLATE_ENCLOSED, PLATE_DARK = 1.8, 0.9, 0.75, 0.25
"""A plate is so many times as wide as thick, fills the ellipsoid of its axes (a flat disc 1.3 times, a ragged piece of
a septum less than once), ends in brighter tissue all around, and is a void but for the point spread."""
PLATE_CONTINUED, PASTE_CONTINUED = 0.1, 0.3
"""A septum goes on to the skin or a fascia; of a plate no more than this is met again beyond its ends. Bright tissue is
rarer than dark: sheets of fluid and veins go on with most of their section, what is met of less is another vessel."""
PASTE_THICK_MM, PASTE_HIGH_MM = 1.5, 2.4
"""A vessel or fluid in a cleft is thinner (largest ball) and flatter (least axis) than paste that is no plate. The ball
alone does not tell: one voxel of noise in a small body makes it less."""
SMALL_PASTE = "too small to tell from a vessel or fluid"
THIN = "thin like a septum, a vessel or the edge of a tendon"
HALF_CONTINUED = 1.0
"""A body of whose cross-section so much is met again beyond both ends is half as likely a deposit."""


def why_not_dark(candidate: Candidate, settings: MrSettings) -> str:
    """Reason to reject a dark body by what is measured for all, or ''."""
    c = candidate
    if c.volume_mm3 > settings.most_volume_mm3:
        return "larger than any deposit"
    if c.extreme > settings.core_level:
        return "not as dark as a void"
    if c.cut:
        return "cut by the border of the image"
    if c.depth_mm < 1.0:
        return "lies at the skin like air"
    if c.length_mm > settings.tube_mm and c.length_mm > settings.tube_elongation * c.width_mm:
        return "long and narrow like a tendon or a vessel"
    if c.solidity < settings.least_solidity:
        return "branched like septa or fascia"
    return ""


def is_plate(c: Candidate) -> bool:
    """Whether a dark body is a filled plate that may end freely: a septum is as thin, but no piece of one is such."""
    return _is_filled_plate(c) and c.extreme <= PLATE_DARK


def _is_filled_plate(c: Candidate) -> bool:
    flat = c.width_mm >= PLATE_WIDTH * c.height_mm and c.solidity >= PLATE_FILLED
    return flat and c.enclosed >= PLATE_ENCLOSED


def _is_thin(c: Candidate, settings: MrSettings) -> bool:
    return c.thickness_mm < settings.least_thickness_mm and c.height_mm < settings.least_height_mm


def why_not_free(candidate: Candidate, settings: MrSettings, lump: bool) -> str:
    """Reason to reject a thin plate that does not end freely, once `Candidate.continued` is known, or ''."""
    goes_on = candidate.continued > PLATE_CONTINUED
    return THIN if not lump and goes_on and _is_thin(candidate, settings) else ""


def why_not_chalk(candidate: Candidate, settings: MrSettings, with_bones: bool, lump: bool) -> str:
    """Reason to reject a dark body at second look; ``lump``: it was taken off something that goes on."""
    c = candidate
    if c.thickness_mm < settings.least_lump_mm if lump else _is_thin(c, settings) and not is_plate(c):
        return THIN
    if c.length_mm > 25.0 and c.thickness_mm < 0.15 * c.length_mm:
        return "a wide thin layer like cortex or fascia"
    if c.level > settings.void_level and (c.enclosed < settings.least_enclosed or c.ring < settings.least_ring):
        return "no void, and not enclosed by bright tissue"
    if c.extreme > settings.void_level and c.thickness_mm > settings.most_faint_mm:
        return "large enough for a void, but not without signal"
    return _near_bone(c) if with_bones else _without_bones(c, settings, lump)


def _near_bone(c: Candidate) -> str:
    """What lies on or between known bones and is dark by nature."""
    if c.bone_distance_mm < 1.4 and c.height_mm < 2.0:
        return "a thin layer on bone like cortex"
    if c.bones_near >= 2 and c.thickness_mm < 2.0:
        return "between two bones like a ligament or cartilage"
    return ""


def _without_bones(c: Candidate, settings: MrSettings, lump: bool) -> str:
    """Stricter: bone, and fat lobules in fat-suppressed images, are as dark as chalk."""
    if lump and c.enclosed < settings.least_lump_enclosed:
        return "part of a larger void, and no bones are given to tell"
    if c.volume_mm3 < settings.least_alone_mm3:
        return "too small to tell from fat or a vessel without bones"
    if c.height_mm >= settings.bone_thickness_mm and c.volume_mm3 >= settings.bone_core_mm3:
        return "as thick as a bone, and no bones are given to tell"
    return ""


def chalk_confidence(candidate: Candidate, noise: float, lump: bool) -> float:
    """Score 0..1: contrast against noise, compact, enclosed by brighter tissue, not met again beyond its ends."""
    c = candidate
    certainty = max(c.ring - c.level, 0.0) * np.sqrt(c.voxels) / max(noise, 0.05)
    compact = min(1.0, (1.1 * c.width_mm if is_plate(c) else 2.2 * c.thickness_mm) / max(c.length_mm, 1e-6))
    score = (1.0 - np.exp(-certainty / 20.0)) * (0.3 + 0.7 * compact) * (0.3 + 0.7 * c.enclosed)
    score *= (1.0 - 0.5 * c.level) * (0.8 if lump else 1.0) / (1.0 + (c.continued / HALF_CONTINUED) ** 2)
    return float(np.clip(score, 0.0, 0.99))


def why_not_bright(candidate: Candidate, settings: MrSettings, fat_is_bright: bool) -> str:
    """Reason to reject a bright body by what is measured for all, or ''."""
    c = candidate
    if c.volume_mm3 > settings.most_volume_mm3:
        return "larger than any deposit"
    if fat_is_bright:
        return "bright, but so is fat in this image, and no CT shows a deposit there"
    if c.cut:
        return "cut by the border of the image"
    if c.depth_mm < 1.0:
        return "bright skin"
    if c.length_mm > settings.tube_mm and c.length_mm > settings.tube_elongation * c.width_mm:
        return "long and narrow like a vessel"
    return ""


def why_not_paste(candidate: Candidate, settings: MrSettings) -> str:
    """Reason to reject a bright body at second look, '' if it is taken for soft, paste-like calcinosis."""
    c = candidate
    if c.extreme < settings.paste_level:
        return "not bright enough to tell from fluid or skin"
    if c.length_mm > 2.5 * c.width_mm and c.length_mm > 6.0:
        return "long and narrow like a vessel"
    if c.bones_near >= 2:
        return "between two bones like joint fluid"
    if c.volume_mm3 < settings.least_paste_mm3 or (_is_thin_paste(c) and not _is_filled_plate(c)):
        return SMALL_PASTE
    if c.solidity < settings.least_solidity:
        return "branched like vessels or fluid"
    if c.level - c.ring < settings.least_contrast or c.enclosed < settings.least_enclosed:
        return "not enclosed by darker tissue"
    return ""


def _is_thin_paste(c: Candidate) -> bool:
    return c.thickness_mm < PASTE_THICK_MM and c.height_mm < PASTE_HIGH_MM


def why_not_free_paste(candidate: Candidate) -> str:
    """Reason to reject a thin bright plate that does not end freely, once `Candidate.continued` is known, or ''."""
    return SMALL_PASTE if _is_thin_paste(candidate) and candidate.continued > PASTE_CONTINUED else ""


def paste_confidence(candidate: Candidate) -> float:
    """Score 0..0.6: compactness and brightness; fluid and vessels are bright too."""
    c = candidate
    compact = min(1.0, 2.2 * c.thickness_mm / max(c.length_mm, 1e-6))
    return float(np.clip(0.6 * (0.4 + 0.6 * compact) * min(1.0, (c.extreme - 1.0)), 0.0, 0.6))


def expected_confidence(candidate: Candidate) -> float:
    """Score 0..1 of a body where the CT has a deposit."""
    return float(np.clip(0.6 + 0.4 * candidate.prior, 0.0, 0.99))
