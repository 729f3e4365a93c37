"""From a CT of one or two hands to bones by name, deposits, and candidates that were rejected."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from ..anatomy import BONE_LABELS
from ..progress import Progress, report, silent
from ..segmentation import CONFIDENCE_TAG, REASON_TAG, Segment, Segmentation, empty_like
from ..volume import Volume
from .deposits import Candidate, find_candidates
from .divide import divide_by_template
from .grid import WORK_MM, WorkGrid, boxes, dense_box, noise_hu, soft_tissue_hu, work_grid
from .naming import Naming, name_bodies, oversized
from .outline import outline_bones
from .partition import bodies as cut_bodies
from .partition import fill_shells
from .settings import CtSettings
from .shape import Body, measure_bodies
from .walls import split_at_walls

BODY_CONTRAST_HU = 150.0
"""Bodies of the working grid begin this far above soft tissue: under trabecular bone, over tendons and skin."""
UNKNOWN_BONE_MM3 = 150.0
SHELL = 0.7
"""A body whose depth is below this share of its outer layer has marrow."""
FIRST_UNKNOWN_LABEL = 30
LEFT_OFFSET = 100
BONE_COLOUR = (0.89, 0.85, 0.72)
DEPOSIT_COLOUR = (0.9, 0.35, 0.2)


@dataclass(frozen=True)
class Hand:
    """One hand in the image.

    Attributes
    ----------
    side: "left", "right" or "unknown".
    side_log_odds: evidence for right over left.
    scale: size relative to a typical adult hand.
    prefix: of its bones' segment IDs ("", "left:" or "right:").
    bones: names found, without the prefix.
    """

    side: str
    side_log_odds: float
    scale: float
    prefix: str
    bones: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class CtSegmentation:
    """Result of `segment_ct`, all on the grid of the CT.

    Attributes
    ----------
    bones: labels `anatomy.BONE_LABELS` (of a left hand beside a right one: plus 100); bodies that look like bone but
        have no name are ``unknown-1``, ….
    deposits: labels 1..N by descending volume; tags carry the confidence.
    rejected: candidates that are no deposits, with the reason as tag.
    fractions: uint8, 255 = voxel full of deposit material.
    hands: one entry per hand.
    """

    bones: Segmentation
    deposits: Segmentation
    rejected: Segmentation
    fractions: Volume
    hands: tuple[Hand, ...]


def segment_ct(volume: Volume, settings: CtSettings = CtSettings(), progress: Progress = silent) -> CtSegmentation:
    """Find the bones by name, the deposits and the rejected candidates in a CT (HU).

    Parameters
    ----------
    volume: HU, any integer or float type.
    progress: see `progress.Progress`.

    Raises
    ------
    OperationCancelled: when ``progress`` asks to stop.
    """
    report(progress, 0.0, "looking for dense matter")
    box = dense_box(volume)
    if box is None:
        return _nothing(volume)
    work = work_grid(volume, box)
    soft_hu = soft_tissue_hu(work.hu)
    report(progress, 0.15, "separating bones")
    filled = fill_shells(work.hu)
    labels = cut_bodies(filled, soft_hu + BODY_CONTRAST_HU, work.voxel_mm3)
    border = border_voxels(labels.shape)
    found = measure_bodies(labels, work.ijk_to_ras, border)
    report(progress, 0.45, "naming bones")
    naming = name_bodies(found)
    large = oversized(found, naming)
    if large:
        labels = split_at_walls(labels, large, work.hu, filled, soft_hu, WORK_MM)
        found = measure_bodies(labels, work.ijk_to_ras, border)
        naming = name_bodies(found)
    divided = divide_by_template(labels, work.hu, found, naming, work.ijk_to_ras, WORK_MM)
    if divided is not None:
        labels = divided
        found = measure_bodies(labels, work.ijk_to_ras, border)
        naming = name_bodies(found)
    bone_labels, bone_segments = _bone_table(found, naming, labels, work.hu, soft_hu)
    report(progress, 0.5, "outlining bones")
    bones = outline_bones(volume, work, labels, bone_labels, soft_hu)
    report(progress, 0.6, "looking for deposits")
    cropped = volume.voxels[box]
    candidate_labels, fractions, candidates = find_candidates(
        cropped, bones, soft_hu, noise_hu(cropped), work.spacing_mm, settings
    )
    report(progress, 0.95, "writing results")
    present = np.bincount(bones.ravel(), minlength=256) > 0
    bone_segments = tuple(s for s in bone_segments if present[s.label])
    names = tuple(s.segment_id for s in bone_segments)
    hand = Hand(naming.side, naming.side_log_odds, naming.scale, "", names)
    deposits, rejected = _split_candidates(volume, work, candidate_labels, candidates)
    return CtSegmentation(
        Segmentation(volume.with_voxels(_whole(volume, work, bones)), bone_segments),
        deposits,
        rejected,
        volume.with_voxels(_whole(volume, work, fractions)),
        (hand,),
    )


def border_voxels(shape: tuple[int, ...], width: int = 3) -> np.ndarray:
    """Mask of the outermost voxels."""
    border = np.ones(shape, bool)
    border[tuple(slice(width, -width) for _ in shape)] = False
    return border


def _bone_table(
    found: list[Body], naming: Naming, labels: np.ndarray, hu: np.ndarray, soft_hu: float
) -> tuple[dict[int, int], tuple[Segment, ...]]:
    """Label of each body that is bone, and the segments; a body without a name but with marrow is ``unknown-N``."""
    table = {found[i].label: BONE_LABELS[name] for i, name in naming.names.items()}
    segments = [Segment(BONE_LABELS[name], name, name, BONE_COLOUR) for name in naming.names.values()]
    places = boxes(labels)
    unnamed = [
        body
        for i, body in enumerate(found)
        if i not in naming.names and body.volume_mm3 >= UNKNOWN_BONE_MM3 and places[body.label - 1] is not None
    ]
    unnamed = [
        b
        for b in unnamed
        if b.at_border or core_share(labels[places[b.label - 1]] == b.label, hu[places[b.label - 1]], soft_hu) < SHELL
    ]
    for number, body in enumerate(sorted(unnamed, key=lambda b: (-b.volume_mm3, b.label)), start=1):
        label = FIRST_UNKNOWN_LABEL - 1 + number
        if label >= LEFT_OFFSET:
            break
        table[body.label] = label
        segments.append(Segment(label, f"unknown-{number}", f"unknown-{number}", BONE_COLOUR))
    return table, tuple(sorted(segments, key=lambda s: s.label))


def core_share(mask: np.ndarray, hu: np.ndarray, soft_hu: float) -> float:
    """Height over soft tissue of a body's depth, over that of its outer layer's brightest half; 1 if it is too thin."""
    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1, 1:-1] * WORK_MM
    core = depth > 2.0
    if core.sum() < 20:
        return 1.0
    layer = hu[(depth > 0.3) & (depth <= 1.5)]
    shell = float(np.percentile(layer, 75)) - soft_hu
    return float((hu[core].mean() - soft_hu) / max(shell, 1.0))


def _whole(volume: Volume, work: WorkGrid, part: np.ndarray) -> np.ndarray:
    """An array of the box, in its place in an empty array of the volume's shape."""
    result = np.zeros(volume.voxels.shape, part.dtype)
    result[work.box] = part
    return result


def _split_candidates(
    volume: Volume, work: WorkGrid, labels: np.ndarray, candidates: list[Candidate]
) -> tuple[Segmentation, Segmentation]:
    """Deposits and rejected candidates, each numbered by descending volume, then position."""
    results = []
    for wanted in (True, False):
        chosen = [c for c in candidates if (c.reason == "") == wanted]
        chosen.sort(key=lambda c: (-c.volume_mm3, c.label))
        table = np.zeros(int(labels.max()) + 1, np.uint16)
        segments = []
        for number, candidate in enumerate(chosen, start=1):
            table[candidate.label] = number
            tags = {CONFIDENCE_TAG: f"{candidate.confidence:.2f}"} if wanted else {REASON_TAG: candidate.reason}
            kind = "deposit" if wanted else "rejected"
            segments.append(Segment(number, f"{kind}-{number}", f"{kind.capitalize()} {number}", DEPOSIT_COLOUR, tags))
        results.append(Segmentation(volume.with_voxels(_whole(volume, work, table[labels])), tuple(segments)))
    return results[0], results[1]


def _nothing(volume: Volume) -> CtSegmentation:
    """The result where there is nothing dense."""
    empty = empty_like(volume)
    bones = replace(empty, volume=volume.with_voxels(np.zeros(volume.voxels.shape, np.uint8)))
    return CtSegmentation(bones, empty, empty, bones.volume, ())
