"""Deposits and look-alikes among the dark (or bright) bodies of an MR."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..segmentation import Segmentation
from ..volume import Volume
from .candidates import Surroundings, large_parts, look_closely, measure
from .compact import find_compact_paste
from .paste import find_paste
from .rules import expected_confidence
from .settings import MrSettings
from .tissue import Tissue
from .verdict import Body, flat_indices
from .voids import find_chalk

AT_SKIN_MM = 0.8
AIR_REACH_MM, AIR_STEPS = 2.0, 3
"""Air blurs into the skin: voids that open to the outside are air so deep, and so many voxels in."""
BONE_REACH_MM = 3.0
FAR_MM = 100.0


def surroundings(
    volume: Volume, tissue: Tissue, bones: Segmentation | None, prior: np.ndarray | None, reach_mm: float
) -> Surroundings:
    """Bones, prior (widened by ``reach_mm``) and border of the image, cropped like ``tissue``."""
    box = tissue.box
    border = np.zeros(volume.voxels.shape, bool)
    border[[0, -1]] = border[:, [0, -1]] = border[:, :, [0, -1]] = True
    distance, nearest = _bone_distance(bones, box) if bones is not None else (None, None)
    spacing = volume.spacing_mm[::-1]
    return Surroundings(
        spacing, tissue.level, tissue.depth_mm, border[box], distance, nearest,
        None if prior is None else _widened(np.asarray(prior[box], bool), spacing, reach_mm),
    )  # fmt: skip


def _widened(mask: np.ndarray, spacing: np.ndarray, reach_mm: float) -> np.ndarray:
    """The mask and all within reach of it, box by box."""
    result = mask.copy()
    pad = np.ceil(reach_mm / spacing).astype(int)
    for found in ndimage.find_objects(ndimage.label(mask)[0]):
        wide = tuple(
            slice(max(0, s.start - p), min(n, s.stop + p)) for s, p, n in zip(found, pad, mask.shape, strict=True)
        )
        result[wide] |= ndimage.distance_transform_edt(~mask[wide], sampling=spacing) <= reach_mm
    return result


def _bone_distance(bones: Segmentation, box) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Distance to the nearest bone and its label, out to `BONE_REACH_MM`; bone after bone in its own box."""
    labels = bones.labels[box]
    spacing = bones.volume.spacing_mm[::-1]
    distance = np.full(labels.shape, FAR_MM, np.float32)
    nearest = np.zeros(labels.shape, labels.dtype)
    pad = np.ceil(BONE_REACH_MM / spacing).astype(int)
    for label, found in enumerate(ndimage.find_objects(labels), start=1):
        if found is None:
            continue
        wide = tuple(
            slice(max(0, s.start - p), min(n, s.stop + p)) for s, p, n in zip(found, pad, labels.shape, strict=True)
        )
        own = ndimage.distance_transform_edt(labels[wide] != label, sampling=spacing).astype(np.float32)
        closer = (own < distance[wide]) & (own <= BONE_REACH_MM)
        distance[wide][closer] = own[closer]
        nearest[wide][closer] = label
    return (distance, nearest) if nearest.any() else (None, None)


def free_room(around: Surroundings, settings: MrSettings) -> np.ndarray:
    """Where a deposit may lie: inside the body, off the bones, not in air that reaches in from outside."""
    air = around.depth_mm <= AT_SKIN_MM
    dark = (around.level < settings.void_level) & (around.depth_mm < AIR_REACH_MM)
    free = ~ndimage.binary_dilation(air, iterations=AIR_STEPS, mask=dark | air)
    if around.bone_distance is not None:
        free &= around.bone_distance > settings.bone_margin_mm
    return free


def find_bodies(
    around: Surroundings, settings: MrSettings, bright: bool, fat_is_bright: bool, noise: float
) -> list[Body]:
    """Chalk (voids) or paste (``bright``), judged, rejected ones with their reason."""
    free = free_room(around, settings)
    found = [] if around.prior is None else _where_expected(around, settings, bright, free)
    if bright and around.bone_distance is None and not fat_is_bright:
        found += find_compact_paste(around, settings, free)
    if bright:
        found += find_paste(around, settings, fat_is_bright, free)
    else:
        found += find_chalk(around, settings, noise, free)
    return [body for body in found if not body.reason or _worth_listing(body, settings)]


def _where_expected(around: Surroundings, settings: MrSettings, bright: bool, free: np.ndarray) -> list[Body]:
    """Bodies where the CT has deposits, taken as they are and out of ``free``.

    The CT bounds them: a deposit on a tendon, as dark as itself, cannot be told from it in the MR.
    """
    sign = -1.0 if bright else 1.0
    threshold = settings.bright_levels[0] if bright else settings.expected_level
    labels = large_parts((sign * around.level < sign * threshold) & free & around.prior, settings.least_voxels)
    boxes = ndimage.find_objects(labels)
    found = []
    for measures in measure(labels, around, bright):
        box = boxes[measures.label - 1]
        convincing = (
            measures.extreme >= settings.bright_levels[1] if bright else measures.extreme <= settings.core_level
        )
        if convincing and measures.volume_mm3 >= settings.least_volume_mm3:
            measures = look_closely(measures, labels, box, around)
            where = flat_indices(labels[box] == measures.label, box, labels.shape)
            found.append(Body(where, measures, "", expected_confidence(measures), bright))
            free.ravel()[where] = False
    return found


def _worth_listing(body: Body, settings: MrSettings) -> bool:
    """Whether a rejected body may interest a reader: tissue has a thousand spots that are small or a bit dark."""
    if body.measures.volume_mm3 < settings.least_listed_mm3:
        return False
    limit = settings.paste_level if body.bright else settings.core_level
    return body.measures.extreme >= limit if body.bright else body.measures.extreme <= limit
