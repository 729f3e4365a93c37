"""Paste: compact bright bodies, where brightness says anything at all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from .candidates import Surroundings, large_parts, look_closely, measure
from .continued import continued, reach
from .rules import SMALL_PASTE, paste_confidence, why_not_bright, why_not_free_paste, why_not_paste
from .settings import MrSettings
from .verdict import Body, flat_indices, widened


def find_paste(around: Surroundings, settings: MrSettings, fat_is_bright: bool, free: np.ndarray) -> list[Body]:
    """Bright bodies, judged, over all thresholds.

    At each threshold the connected bodies are judged: an accepted one is settled (and taken out of ``free``, in place),
    a rejected one is looked into again at the next threshold, where it may fall into parts.
    """
    found: dict[int, Body] = {}
    owner = np.zeros(free.shape, np.int32)
    for threshold in settings.bright_levels:
        labels = large_parts((around.level > threshold) & free, settings.least_voxels)
        boxes = ndimage.find_objects(labels)
        for measures in measure(labels, around, True):
            if measures.volume_mm3 < settings.least_volume_mm3:
                continue
            box = boxes[measures.label - 1]
            reason = why_not_bright(measures, settings, fat_is_bright)
            if not reason:
                measures = look_closely(measures, labels, box, around)
                reason = why_not_paste(measures, settings)
            mask = labels[box] == measures.label
            if not reason:
                wide = widened(box, reach(around.spacing_kji), labels.shape)
                both_ends = continued(labels[wide] == measures.label, wide, around, measures, False)
                measures = replace(measures, continued=both_ends)
                reason = why_not_free_paste(measures)
            if not reason:
                # The boundary lies at half contrast, wherever the body was found.
                mask &= around.level[box] > 0.5 * (measures.ring + measures.extreme)
                if mask.sum() * np.prod(around.spacing_kji) < settings.least_paste_mm3:
                    reason = SMALL_PASTE
            where = flat_indices(mask, box, labels.shape)
            if not reason:
                free.ravel()[where] = False
            # The parts of a rejected body stand for it, each with its own verdict.
            found.pop(int(owner.ravel()[where[0]]), None)
            number = max(found, default=0) + 1
            owner.ravel()[where] = number
            found[number] = Body(where, measures, reason, 0.0 if reason else paste_confidence(measures), True)
    return list(found.values())
