"""Chalk: bodies without signal that stand alone, and lumps on what goes on (tendons, cortex)."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .candidates import Candidate, Surroundings, large_parts, look_closely, measure
from .rules import chalk_confidence, why_not_chalk
from .settings import MrSettings
from .tubes import goes_on, local_thickness
from .verdict import Body, flat_indices

TOUCHING = np.ones((3, 3, 3), bool)


def find_chalk(around: Surroundings, settings: MrSettings, noise: float, free: np.ndarray) -> list[Body]:
    """Voids and what they are.

    ``free``: where chalk may lie; what is accepted is taken out of it, in place. ``noise``: SD of the level in a void.
    """
    void = (around.level < settings.void_level) & free
    thickness = local_thickness(void, around.spacing_kji)
    tube = goes_on(thickness, around.spacing_kji)
    alone = _alone(void, tube, settings)
    lump = _opened(void & ~tube & ~alone, settings.lump_opening_mm, around.spacing_kji)
    found = []
    for part, is_lump in ((alone, False), (lump, True)):
        labels = large_parts(part, settings.least_voxels)
        boxes = ndimage.find_objects(labels)
        for measures in measure(labels, around, False):
            if measures.volume_mm3 < settings.least_core_mm3:
                continue
            box = boxes[measures.label - 1]
            body = _judged(measures, labels, box, around, settings, noise, is_lump)
            if not body.reason:
                where = _outlined(labels[box] == measures.label, box, around, free & ~tube, body.measures.ring)
                body = Body(where, body.measures, "", body.confidence, False)
                free.ravel()[where] = False
            found.append(body)
    return found


def _alone(void: np.ndarray, tube: np.ndarray, settings: MrSettings) -> np.ndarray:
    """The voids that do not go on: less than some part of them does."""
    bodies, count = ndimage.label(void, TOUCHING)
    size = np.bincount(bodies.ravel(), minlength=count + 1)
    going = np.bincount(bodies[tube], minlength=count + 1)
    return void & (going < settings.most_tube * size)[bodies]


def _opened(mask: np.ndarray, radius_mm: float, spacing_kji: np.ndarray) -> np.ndarray:
    """The mask without what is thinner than a ball: leavings on the surface of a tendon."""
    if not mask.any():
        return mask
    core = ndimage.distance_transform_edt(np.pad(mask, 1), sampling=spacing_kji)[1:-1, 1:-1, 1:-1] > radius_mm
    if not core.any():
        return core
    return mask & (ndimage.distance_transform_edt(~core, sampling=spacing_kji) <= radius_mm)


def _judged(
    measures: Candidate, labels: np.ndarray, box, around: Surroundings, settings: MrSettings, noise: float, lump: bool
) -> Body:  # fmt: skip
    """One void with the verdict."""
    measures = look_closely(measures, labels, box, around)
    reason = why_not_chalk(measures, settings, around.bone_distance is not None, lump)
    confidence = 0.0
    if not reason:
        confidence = chalk_confidence(measures, noise, lump)
        if confidence < settings.least_confidence:
            reason = "a void, but too small, too long or too little enclosed to be sure"
    where = flat_indices(labels[box] == measures.label, box, labels.shape)
    return Body(where, measures, reason, 0.0 if reason else confidence, False)


def _outlined(
    core: np.ndarray, box: tuple[slice, slice, slice], around: Surroundings, free: np.ndarray, ring: float
) -> np.ndarray:
    """Flat indices of a void out to half the signal of the tissue around it, one voxel further at most."""
    wide = tuple(slice(max(0, s.start - 1), min(n, s.stop + 1)) for s, n in zip(box, free.shape, strict=True))
    mask = np.zeros([s.stop - s.start for s in wide], bool)
    mask[tuple(slice(s.start - w.start, s.stop - w.start) for s, w in zip(box, wide, strict=True))] = core
    edge = ndimage.binary_dilation(mask, ndimage.generate_binary_structure(3, 2))
    mask |= edge & (around.level[wide] < 0.5 * ring) & free[wide]
    return flat_indices(mask, wide, free.shape)
