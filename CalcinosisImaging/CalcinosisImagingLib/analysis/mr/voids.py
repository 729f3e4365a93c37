"""Chalk: bodies without signal that stand alone, and lumps on what goes on (tendons, cortex)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from .candidates import Candidate, Surroundings, large_parts, look_closely, measure
from .compact import find_compact_chalk
from .continued import continued, reach
from .rules import chalk_confidence, why_not_chalk, why_not_dark, why_not_free
from .settings import MrSettings
from .tubes import goes_on, local_thickness
from .verdict import Body, flat_indices, widened

TOUCHING = np.ones((3, 3, 3), bool)


def find_chalk(around: Surroundings, settings: MrSettings, noise: float, free: np.ndarray) -> list[Body]:
    """Voids and what they are.

    ``free``: where chalk may lie; what is accepted is taken out of it, in place. ``noise``: SD of the level in a void.
    """
    void = (around.level < settings.void_level) & free
    thickness = local_thickness(void, around.spacing_kji)
    tube = goes_on(thickness, around.spacing_kji)
    compact = find_compact_chalk(around, settings, free, tube, noise) if around.bone_distance is None else []
    void &= free
    alone = _alone(void, tube, settings)
    lump = _opened(void & ~tube & ~alone, settings.lump_opening_mm, around.spacing_kji)
    found = _bodies(alone, False, around, settings, noise, free, tube)
    found += _bodies(lump, True, around, settings, noise, free, tube)
    for level in settings.faint_levels:
        faint = _alone((around.level < level) & free, tube, settings)
        found += _bodies(faint, False, around, settings, noise, free, tube)
    return compact + found + _courses(tube & free, around, settings)


def _courses(tube: np.ndarray, around: Surroundings, settings: MrSettings) -> list[Body]:
    """What goes on, as rejected bodies."""
    labels = large_parts(tube, settings.least_voxels)
    boxes = ndimage.find_objects(labels)
    reason = "goes on with the same thickness like a tendon or cortex"
    return [
        Body(flat_indices(labels[box] == found.label, box, labels.shape), found, reason, 0.0, False)
        for found, box in zip(measure(labels, around, False), boxes, strict=True)
    ]


def _bodies(
    mask: np.ndarray, lump: bool, around: Surroundings, settings: MrSettings, noise: float, free: np.ndarray,
    tube: np.ndarray,
) -> list[Body]:  # fmt: skip
    """The connected bodies of a mask, judged; those accepted are taken out of ``free``, in place."""
    labels = large_parts(mask, settings.least_voxels)
    boxes = ndimage.find_objects(labels)
    found = []
    for measures in measure(labels, around, False):
        if measures.volume_mm3 < settings.least_core_mm3:
            continue
        box = boxes[measures.label - 1]
        body = _judged(measures, labels, box, around, settings, noise, lump)
        if not body.reason:
            where = _outlined(labels[box] == measures.label, box, around, free, tube, body.measures.ring)
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
    reason, confidence = why_not_dark(measures, settings), 0.0
    if not reason:
        measures = look_closely(measures, labels, box, around)
        reason = why_not_chalk(measures, settings, around.bone_distance is not None, lump)
    if not reason:
        wide = widened(box, reach(around.spacing_kji), labels.shape)
        both_ends = continued(labels[wide] == measures.label, wide, around, measures, lump)
        measures = replace(measures, continued=both_ends)
        confidence = chalk_confidence(measures, noise, lump)
        reason = why_not_free(measures, settings, lump)
        if not reason and confidence < settings.least_confidence:
            reason = "a void, but too small, too long or too little enclosed, or it goes on at both ends"
    where = flat_indices(labels[box] == measures.label, box, labels.shape)
    return Body(where, measures, reason, confidence, False)


def _outlined(
    core: np.ndarray, box: tuple[slice, slice, slice], around: Surroundings, free: np.ndarray, tube: np.ndarray,
    ring: float,
) -> np.ndarray:  # fmt: skip
    """Flat indices of a void out to half the signal of the tissue around it, one voxel further at most."""
    wide = widened(box, np.ones(3, int), free.shape)
    mask = np.zeros([s.stop - s.start for s in wide], bool)
    mask[tuple(slice(s.start - w.start, s.stop - w.start) for s, w in zip(box, wide, strict=True))] = core
    edge = ndimage.binary_dilation(mask, ndimage.generate_binary_structure(3, 2))
    mask |= edge & (around.level[wide] < 0.5 * ring) & free[wide] & ~tube[wide]
    return flat_indices(mask, wide, free.shape)
