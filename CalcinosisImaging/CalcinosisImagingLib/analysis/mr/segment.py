"""Calcinosis in MR: chalk as signal voids, paste as bright bodies; the entry of this package."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..progress import Progress, report, silent
from ..segmentation import CONFIDENCE_TAG, REASON_TAG, Segment, Segmentation
from ..volume import Volume
from .bodies import find_bodies, surroundings
from .fragments import join
from .settings import MrSettings
from .tissue import Tissue, measure_tissue
from .verdict import Body

__all__ = ["MrSegmentation", "segment_mr"]

CONSISTENCY_TAG = "Calcinosis.Consistency"


@dataclass(frozen=True, eq=False)
class MrSegmentation:
    """Deposits and what was looked at and not taken, on the grid of the image.

    Attributes
    ----------
    deposits: labels 1..N by descending volume; each with `CONFIDENCE_TAG` and its consistency.
    rejected: candidates with `REASON_TAG`, by descending volume.
    """

    deposits: Segmentation
    rejected: Segmentation


def segment_mr(
    volume: Volume,
    settings: MrSettings | None = None,
    bones: Segmentation | None = None,
    prior: np.ndarray | None = None,
    progress: Progress = silent,
) -> MrSegmentation:
    """Find calcinosis in an MR of any contrast.

    Parameters
    ----------
    bones: named bones on the grid of ``volume`` (`registration.resample.bones_on_mr`); without them dark bodies as
        thick as a bone are rejected, because in a gradient echo bone is as dark as chalk.
    prior: bool (K, J, I), where the CT shows deposits, already on this grid; a candidate there is believed.

    Raises `InputError` when bones or prior are on another grid, or the image is flat.
    """
    settings = settings or MrSettings()
    if bones is not None and not volume.same_grid(bones.volume):
        raise InputError("The bones are not on the grid of the MR: resample them with the registration first.")
    if prior is not None and prior.shape != volume.voxels.shape:
        raise InputError(f"The prior has shape {prior.shape}, the MR {volume.voxels.shape}: resample it to the MR.")
    report(progress, 0.0, "Measuring tissue")
    tissue = measure_tissue(volume)
    around = surroundings(volume, tissue, bones, prior, settings.prior_reach_mm)
    bodies: list[Body] = []
    for bright, message in ((False, "Looking for chalk"), (True, "Looking for paste")):
        report(progress, 0.3 + 0.35 * bright, message)
        bodies += find_bodies(around, settings, bright, tissue.fat_is_bright, tissue.noise)
    report(progress, 0.95, "Joining fragments")
    deposits = _deposits(volume, tissue, [b for b in bodies if not b.reason], settings.join_mm)
    return MrSegmentation(deposits, _rejected(volume, tissue, [b for b in bodies if b.reason]))


def _deposits(volume: Volume, tissue: Tissue, bodies: list[Body], join_mm: float) -> Segmentation:
    """Accepted bodies as segments: fragments joined, ordered by volume, then by place."""
    part = np.zeros(tissue.level.shape, np.uint16)
    for number, body in enumerate(bodies, start=1):
        part.ravel()[body.where] = number
    groups = [[bodies[i] for i in members] for members in join(part, len(bodies), join_mm, volume.spacing_mm[::-1])]
    groups.sort(key=lambda group: (-sum(len(b.where) for b in group), min(int(b.where[0]) for b in group)))
    part[:] = 0
    segments = []
    for number, group in enumerate(groups, start=1):
        part.ravel()[np.concatenate([body.where for body in group])] = number
        kinds = {"paste" if body.bright else "chalk" for body in group}
        tags = {
            CONFIDENCE_TAG: f"{max(body.confidence for body in group):.2f}",
            CONSISTENCY_TAG: kinds.pop() if len(kinds) == 1 else "mixed",
        }
        segments.append(Segment(number, f"deposit-{number}", f"Deposit {number}", tags=tags))
    return Segmentation(_whole(volume, tissue, part), tuple(segments))


def _rejected(volume: Volume, tissue: Tissue, bodies: list[Body]) -> Segmentation:
    """Rejected bodies as segments with their reasons, largest first."""
    part = np.zeros(tissue.level.shape, np.uint16)
    segments = []
    for number, body in enumerate(sorted(bodies, key=lambda b: (-len(b.where), int(b.where[0]))), start=1):
        part.ravel()[body.where] = number
        tags = {REASON_TAG: body.reason}
        segments.append(Segment(number, f"rejected-{number}", f"Rejected {number}", (0.5, 0.5, 0.5), tags))
    return Segmentation(_whole(volume, tissue, part), tuple(segments))


def _whole(volume: Volume, tissue: Tissue, part: np.ndarray) -> Volume:
    """Labels of the cropped image on the grid of the whole one."""
    labels = np.zeros(volume.voxels.shape, np.uint16)
    labels[tissue.box] = part
    return volume.with_voxels(labels)
