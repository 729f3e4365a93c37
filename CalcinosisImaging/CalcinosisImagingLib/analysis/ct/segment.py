"""From a CT of one or two hands to bones by name, deposits, and candidates that were rejected."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..progress import Progress, report, silent
from ..segmentation import CONFIDENCE_TAG, REASON_TAG, Segment, Segmentation, empty_like
from ..volume import Volume
from .bones import Hand, find_bones
from .deposits import Candidate, find_candidates
from .grid import Box, dense_box, grow_box, soft_tissue_hu, work_grid
from .noise import measure_noise
from .outline import outline_bones
from .psf import PointSpread, gaussian
from .settings import CtSettings
from .skin_depth import skin_depth
from .skin_edge import estimate_point_spread

DEPOSIT_COLOUR = (0.9, 0.35, 0.2)
SKIN_WITHIN_MM = 25.0
"""Skin is looked for so far around dense matter: the soft tissue of a hand is no thicker."""


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
    table = find_bones(work, soft_hu)
    report(progress, 0.5, "outlining bones")
    shape = volume.voxels.shape
    bones = np.zeros(shape, np.uint8)
    outline_bones(volume, work, table.labels, table.bone_of, soft_hu, bones[box])
    joints = volume.crop(box).to_ijk(table.sesamoid_joints)[:, ::-1] * work.spacing_mm
    spacing, segments, hands = work.spacing_mm, table.segments, table.hands
    del work, table
    report(progress, 0.6, "looking for deposits")
    cropped = volume.voxels[box]
    psf = point_spread(volume, box, settings)
    labels, fractions = np.zeros(shape, np.uint16), np.zeros(shape, np.uint8)
    candidates = find_candidates(
        cropped,
        bones[box],
        soft_hu,
        measure_noise(cropped),
        spacing,
        settings,
        psf,
        labels[box],
        fractions[box],
        joints,
        skin_depth(volume.voxels, spacing, box).seen_from(box),
    )
    report(progress, 0.95, "writing results")
    present = np.bincount(bones[bones > 0], minlength=256) > 0
    deposits, rejected = _split_candidates(volume, labels, candidates)
    return CtSegmentation(
        Segmentation(volume.with_voxels(bones), tuple(s for s in segments if present[s.label])),
        deposits,
        rejected,
        volume.with_voxels(fractions),
        hands,
    )


def point_spread(volume: Volume, box: Box, settings: CtSettings) -> PointSpread:
    """The point spread that is given, else that of the skin around the box of dense matter."""
    if settings.psf_fwhm_mm is not None:
        return gaussian(settings.psf_fwhm_mm)
    spacing = volume.spacing_mm[::-1]
    around = grow_box(box, np.ceil(SKIN_WITHIN_MM / spacing), volume.voxels.shape)
    return estimate_point_spread(volume.voxels[around], spacing)


def _split_candidates(
    volume: Volume, labels: np.ndarray, candidates: list[Candidate]
) -> tuple[Segmentation, Segmentation]:
    """Deposits (in the array given) and rejected candidates, each numbered by descending volume, then position."""
    where = np.flatnonzero(labels)
    values = labels.ravel()[where]
    results = []
    for wanted, target in ((True, labels), (False, np.zeros(labels.shape, np.uint16))):
        chosen = [c for c in candidates if (c.reason == "") == wanted]
        chosen.sort(key=lambda c: (-c.volume_mm3, c.label))
        table = np.zeros(int(values.max(initial=0)) + 1, np.uint16)
        segments = []
        for number, candidate in enumerate(chosen, start=1):
            table[candidate.label] = number
            tags = {CONFIDENCE_TAG: f"{candidate.confidence:.2f}"} if wanted else {REASON_TAG: candidate.reason}
            kind = "deposit" if wanted else "rejected"
            segments.append(Segment(number, f"{kind}-{number}", f"{kind.capitalize()} {number}", DEPOSIT_COLOUR, tags))
        target.ravel()[where] = table[values]
        results.append(Segmentation(volume.with_voxels(target), tuple(segments)))
    return results[0], results[1]


def _nothing(volume: Volume) -> CtSegmentation:
    """The result where there is nothing dense."""
    empty = empty_like(volume)
    bones = replace(empty, volume=volume.with_voxels(np.zeros(volume.voxels.shape, np.uint8)))
    return CtSegmentation(bones, empty, empty, bones.volume, ())
