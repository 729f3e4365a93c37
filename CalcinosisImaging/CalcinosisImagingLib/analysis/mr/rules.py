"""What is a deposit and what is not: a handful of rules that a reader can follow.

Each rule is one line: what is measured, the bound, and the reason that the user reads. `first_look` needs only what
is known of all bodies at once; the second look is for the few that pass.
"""

from __future__ import annotations

import numpy as np

from .candidates import Candidate
from .settings import MrSettings

PRIOR_SHARE = 0.3
"""A body of which so much lies where the CT has a deposit is one, whatever its shape."""


def first_look(candidate: Candidate, settings: MrSettings, bright: bool, fat_is_bright: bool) -> str:
    """Reason to reject a body by what is measured for all, or ''."""
    c = candidate
    if c.volume_mm3 > settings.most_volume_mm3:
        return "larger than any deposit"
    if c.prior >= PRIOR_SHARE:
        return ""
    if bright and fat_is_bright:
        return "bright, but so is fat in this image, and no CT shows a deposit there"
    if not bright and c.extreme > settings.core_level:
        return "not as dark as a void"
    if c.cut:
        return "cut by the border of the image"
    if c.depth_mm < 1.0:
        return "bright skin" if bright else "lies at the skin like air"
    if c.length_mm > settings.tube_mm and c.length_mm > settings.tube_elongation * c.width_mm:
        return "long and narrow like a vessel" if bright else "long and narrow like a tendon or a vessel"
    return ""


def why_not_chalk(candidate: Candidate, settings: MrSettings, with_bones: bool) -> str:
    """Reason to reject a dark body at second look, '' if it is taken for a deposit."""
    c = candidate
    if c.prior >= PRIOR_SHARE:
        return ""
    reason = _near_bone(c) if with_bones else _without_bones(c, settings)
    if reason:
        return reason
    if c.length_mm > 25.0 and c.thickness_mm < 0.15 * c.length_mm:
        return "a wide thin layer like cortex or fascia"
    if c.ring - c.level < settings.least_contrast or c.enclosed < settings.least_enclosed:
        return "not enclosed by brighter tissue"
    return ""


def _near_bone(c: Candidate) -> str:
    """What lies on or between known bones and is dark by nature."""
    if c.bone_distance_mm < 1.2 and c.height_mm < 2.0:
        return "a thin layer on bone like cortex"
    if c.bones_near >= 2 and c.thickness_mm < 2.5:
        return "between two bones like a ligament or cartilage"
    return ""


def _without_bones(c: Candidate, settings: MrSettings) -> str:
    """Stricter: bone, and fat lobules in fat-suppressed images, are as dark as chalk."""
    if c.height_mm >= settings.bone_thickness_mm and c.volume_mm3 >= settings.bone_volume_mm3:
        return "as thick as a bone, and no bones are given to tell"
    if c.volume_mm3 < settings.least_volume_alone_mm3:
        return "too small to tell from fat or a vessel without bones or CT"
    if c.solidity < settings.least_solidity_alone:
        return "branched like fat or septa, and no bones or CT are given to tell"
    return ""


def why_not_paste(candidate: Candidate, settings: MrSettings) -> str:
    """Reason to reject a bright body at second look, '' if it is taken for soft, paste-like calcinosis."""
    c = candidate
    if c.prior >= PRIOR_SHARE:
        return ""
    if c.extreme < settings.paste_level:
        return "not bright enough to tell from fluid or skin"
    if c.length_mm > 2.5 * c.width_mm and c.length_mm > 6.0:
        return "long and narrow like a vessel"
    if c.bones_near >= 2:
        return "between two bones like joint fluid"
    if c.thickness_mm < 1.5 or c.volume_mm3 < settings.least_volume_alone_mm3:
        return "too small to tell from a vessel or fluid"
    if c.solidity < settings.least_solidity_alone:
        return "branched like vessels or fluid"
    if c.level - c.ring < settings.least_contrast or c.enclosed < settings.least_enclosed:
        return "not enclosed by darker tissue"
    return ""


def confidence(candidate: Candidate, bright: bool, noise: float) -> float:
    """Score 0..1: contrast against noise, size, compactness and the CT's word."""
    c = candidate
    certainty = abs(c.ring - c.level) * np.sqrt(c.voxels) / max(noise, 0.05)
    compact = min(1.0, 3.0 * c.thickness_mm / max(c.length_mm, 1e-6))
    score = (1.0 - np.exp(-certainty / 20.0)) * (0.4 + 0.6 * compact) * (0.6 if bright else 0.9)
    return float(np.clip(score + (1.0 - score) * 0.8 * min(1.0, c.prior / 0.5), 0.0, 0.99))
