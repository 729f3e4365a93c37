"""What is a deposit and what is not: a handful of rules that a reader can follow."""

from __future__ import annotations

import numpy as np

from .candidates import Candidate
from .settings import MrSettings

PRIOR_SHARE = 0.3
"""A body of which so much lies where the CT has a deposit is one, whatever its shape."""


def why_not_chalk(candidate: Candidate, settings: MrSettings, with_bones: bool) -> str:
    """Reason to reject a dark body, '' if it is taken for a deposit."""
    c = candidate
    if c.prior >= PRIOR_SHARE:
        return ""
    if c.extreme > settings.core_darkness:
        return "not as dark as a void"
    if c.depth_mm < 1.0:
        return "lies at the skin like air"
    if c.length_mm > settings.longest_tube_mm and c.length_mm > settings.tube_elongation * c.width_mm:
        return "long and narrow like a tendon or a vessel"
    if with_bones:
        if c.bone_distance_mm < 1.0 and c.thickness_mm < 1.3:
            return "a thin layer on bone like cortex"
        if c.bones_near >= 2 and c.thickness_mm < 2.0:
            return "between two bones like a ligament or cartilage"
    elif c.thickness_mm >= settings.bone_thickness_mm:
        return "as thick as a bone, and no bones are given to tell"
    if c.length_mm > 25.0 and c.thickness_mm < 2.5:
        return "a wide thin layer like cortex or fascia"
    if c.cut:
        return "cut by the border of the image"
    return ""


def why_not_paste(candidate: Candidate, settings: MrSettings, fat_is_bright: bool) -> str:
    """Reason to reject a bright body, '' if it is taken for soft, paste-like calcinosis."""
    c = candidate
    if c.prior >= PRIOR_SHARE:
        return ""
    if fat_is_bright:
        return "bright, but so is fat in this image, and no CT shows a deposit there"
    if c.depth_mm < 1.5:
        return "bright skin"
    if c.length_mm > 3.0 * c.height_mm and c.length_mm > 8.0 and c.width_mm < 0.5 * c.length_mm:
        return "long and narrow like a vessel"
    if c.bones_near >= 2:
        return "between two bones like joint fluid"
    if c.cut:
        return "cut by the border of the image"
    if c.thickness_mm < 1.5:
        return "too thin to tell from a vessel or fluid"
    return ""


def confidence(candidate: Candidate, settings: MrSettings, bright: bool, noise: float) -> float:
    """Probability-like score 0..1: contrast against noise, size, compactness and the CT's word."""
    c = candidate
    contrast = (c.extreme - 1.0) / max(settings.bright_ratio, 1.1) if bright else 1.0 - c.extreme
    certainty = contrast * np.sqrt(c.voxels) / max(noise, 0.05)
    compact = min(1.0, 3.0 * c.thickness_mm / max(c.length_mm, 1e-6))
    score = (1.0 - np.exp(-certainty / 20.0)) * (0.4 + 0.6 * compact) * (0.6 if bright else 0.9)
    return float(np.clip(score + (1.0 - score) * 0.8 * min(1.0, c.prior / 0.5), 0.0, 0.99))
