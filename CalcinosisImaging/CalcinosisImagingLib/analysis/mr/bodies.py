"""Deposits and look-alikes among the dark (or bright) bodies of an MR."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..segmentation import Segmentation
from ..volume import Volume
from .candidates import Candidate, Surroundings, large_parts, look_closely, measure
from .lumps import lumps
from .rules import confidence, first_look, why_not_chalk, why_not_paste
from .settings import MrSettings
from .tissue import Tissue

AT_SKIN_MM = 0.8
BONE_REACH_MM = 3.0
FAR_MM = 100.0


@dataclass(frozen=True, eq=False)
class Body:
    """One candidate with the verdict.

    Attributes
    ----------
    where: flat indices of its voxels in the cropped image.
    measures: what it was judged by.
    reason: why it is rejected, '' if it is a deposit.
    confidence: 0..1 for a deposit.
    bright: paste rather than chalk.
    """

    where: np.ndarray
    measures: Candidate
    reason: str
    confidence: float
    bright: bool


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


def find_bodies(
    around: Surroundings, settings: MrSettings, bright: bool, fat_is_bright: bool, noise: float
) -> list[Body]:
    """Dark or bright bodies, judged, over all thresholds.

    At each threshold the connected bodies are judged: an accepted one is settled, a rejected one is looked into again
    at the next threshold, where it may fall into parts. So a deposit comes free from darker tissue that touches it,
    and keeps the boundary at half contrast where nothing touches it.
    """
    sign = -1.0 if bright else 1.0
    free = around.depth_mm > AT_SKIN_MM
    if around.bone_distance is not None:
        free &= around.bone_distance > settings.bone_margin_mm
    found: dict[int, Body] = {}
    owner = np.zeros(free.shape, np.int32)
    if around.prior is not None:
        found = _where_expected(around, settings, bright, free, noise)
    for threshold in settings.bright_levels if bright else settings.dark_levels:
        labels = large_parts((sign * around.level < sign * threshold) & free, settings.least_voxels)
        boxes = ndimage.find_objects(labels)
        for measures in measure(labels, around, bright):
            if measures.volume_mm3 < settings.least_volume_mm3:
                continue
            body = _judge(measures, labels, boxes[measures.label - 1], around, settings, bright, fat_is_bright, noise)
            if not body.reason:
                free.ravel()[body.where] = False
            # The parts of a rejected body stand for it, each with its own verdict.
            found.pop(int(owner.ravel()[body.where[0]]), None)
            number = max(found, default=0) + 1
            owner.ravel()[body.where] = number
            found[number] = body
    listed = [body for body in found.values() if not body.reason or _worth_listing(body, settings)]
    return listed if bright else _parted(listed, around, settings, noise)


def _judge(
    measures: Candidate, labels: np.ndarray, box, around: Surroundings, settings: MrSettings, bright: bool,
    fat_is_bright: bool, noise: float,
) -> Body:  # fmt: skip
    """One body of ``labels`` with the verdict."""
    reason = first_look(measures, settings, bright, fat_is_bright)
    if not reason:
        measures = look_closely(measures, labels, box, around)
        with_bones = around.bone_distance is not None
        reason = why_not_paste(measures, settings) if bright else why_not_chalk(measures, settings, with_bones)
    where = _flat(labels[box] == measures.label, box, labels.shape)
    return Body(where, measures, reason, 0.0 if reason else confidence(measures, bright, noise), bright)


def _parted(bodies: list[Body], around: Surroundings, settings: MrSettings, noise: float) -> list[Body]:
    """The same bodies, with compact lumps taken out of rejected ones that have a neck."""
    result: list[Body] = []
    for body in bodies:
        if not body.reason or body.measures.volume_mm3 < 2.0 * settings.least_volume_alone_mm3:
            result.append(body)
            continue
        index = np.stack(np.unravel_index(body.where, around.level.shape), axis=1)
        low, high = np.maximum(index.min(0) - 4, 0), np.minimum(index.max(0) + 5, around.level.shape)
        box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
        near = around.crop(box)
        mask = np.zeros(near.level.shape, bool)
        mask[tuple((index - low).T)] = True
        labels = lumps(mask, around.spacing_kji)
        taken = np.zeros(mask.shape, bool)
        parts = ndimage.find_objects(labels)
        for measures in measure(labels, near, False):
            if measures.volume_mm3 < settings.least_volume_alone_mm3 or len(parts) == 1:
                continue
            part = _judge(measures, labels, parts[measures.label - 1], near, settings, False, False, noise)
            if not part.reason and _is_lump(part.measures, settings):
                taken.ravel()[part.where] = True
                place = np.stack(np.unravel_index(part.where, mask.shape), axis=1) + low
                where = np.ravel_multi_index(tuple(place.T), around.level.shape)
                result.append(Body(where, part.measures, "", 0.8 * part.confidence, False))
        rest = body.where[~taken[tuple((index - low).T)]]
        if len(rest):
            result.append(Body(rest, body.measures, body.reason, 0.0, False))
    return result


def _is_lump(measures: Candidate, settings: MrSettings) -> bool:
    """Whether a part of a larger dark body is compact enough to be something of its own."""
    compact = measures.solidity >= settings.least_solidity_alone and measures.length_mm < 2.0 * measures.height_mm
    return compact and measures.thickness_mm >= settings.least_lump_mm


def _where_expected(
    around: Surroundings, settings: MrSettings, bright: bool, free: np.ndarray, noise: float
) -> dict[int, Body]:
    """Bodies where the CT has deposits, taken as they are and out of ``free``.

    The CT bounds them: a deposit on a tendon, as dark as itself, cannot be told from it in the MR.
    """
    sign = -1.0 if bright else 1.0
    threshold = settings.bright_levels[0] if bright else settings.dark_levels[0]
    labels = large_parts((sign * around.level < sign * threshold) & free & around.prior, settings.least_voxels)
    boxes = ndimage.find_objects(labels)
    found: dict[int, Body] = {}
    for measures in measure(labels, around, bright):
        box = boxes[measures.label - 1]
        convincing = (
            measures.extreme >= settings.bright_levels[1] if bright else measures.extreme <= settings.core_level
        )
        if convincing and measures.volume_mm3 >= settings.least_volume_mm3:
            measures = look_closely(measures, labels, box, around)
            where = _flat(labels[box] == measures.label, box, labels.shape)
            found[len(found) + 1] = Body(where, measures, "", confidence(measures, bright, noise), bright)
            free.ravel()[where] = False
    return found


def _worth_listing(body: Body, settings: MrSettings) -> bool:
    """Whether a rejected body may interest a reader: tissue has a thousand spots that are small or a bit dark."""
    if body.measures.volume_mm3 < settings.least_listed_mm3:
        return False
    limit = settings.paste_level if body.bright else settings.core_level
    return body.measures.extreme >= limit if body.bright else body.measures.extreme <= limit


def _flat(mask: np.ndarray, box: tuple[slice, slice, slice], shape: tuple[int, ...]) -> np.ndarray:
    """Flat indices in an array of ``shape`` of the voxels of ``mask``, which stands for ``box`` of it."""
    index = np.argwhere(mask) + [s.start for s in box]
    return np.ravel_multi_index(tuple(index.T), shape)
