"""Calcinosis in MR: chalk as signal voids, paste as bright bodies; the entry of this package."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..errors import InputError
from ..progress import Progress, report, silent
from ..segmentation import CONFIDENCE_TAG, REASON_TAG, Segment, Segmentation
from ..volume import Volume
from .candidates import Candidate, large_parts, measure, relabel
from .fragments import join
from .rules import confidence, why_not_chalk, why_not_paste
from .settings import MrSettings
from .tissue import Tissue, measure_tissue

__all__ = ["MrSegmentation", "segment_mr"]

HALF = 0.5
"""The boundary runs where the signal is half-way between the void and the tissue around it."""
CONSISTENCY_TAG = "Calcinosis.Consistency"


@dataclass(frozen=True, eq=False)
class MrSegmentation:
    """Deposits and what was looked at and not taken, on the grid of the image.

    Attributes
    ----------
    deposits: labels 1..N by descending volume; each with `CONFIDENCE_TAG` and its consistency.
    rejected: candidates with `REASON_TAG`.
    """

    deposits: Segmentation
    rejected: Segmentation


@dataclass(frozen=True, eq=False)
class _Surroundings:
    """Bones, prior and border, cropped like the tissue."""

    bone_distance: np.ndarray | None
    bone_labels: np.ndarray | None
    prior: np.ndarray | None
    border: np.ndarray


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
    bones: named bones on the grid of ``volume`` (from the CT by registration); without them dark bodies as thick as
        a bone are rejected, because in a gradient echo bone is as dark as chalk.
    prior: bool (K, J, I), where the CT shows deposits, already on this grid; a candidate there is believed.

    Raises `InputError` when bones or prior are on another grid, or the image is flat.
    """
    settings = settings or MrSettings()
    _check_grids(volume, bones, prior)
    report(progress, 0.0, "Measuring tissue")
    tissue = measure_tissue(volume)
    spacing = volume.spacing_mm[::-1]
    around = _surroundings(volume, tissue, bones, prior)
    taken: list[tuple[np.ndarray, Candidate, float, str]] = []
    refused: list[tuple[np.ndarray, Candidate, str]] = []
    for bright, kind in ((False, "chalk"), (True, "paste")):
        report(progress, 0.35 + 0.3 * bright, f"Looking for {kind}")
        labels = _bright_bodies(tissue, around, settings) if bright else _dark_bodies(tissue, around, settings)
        args = (around.border, around.bone_distance, around.bone_labels, around.prior, bright)
        for body in measure(labels, spacing, tissue.level, tissue.depth_mm, *args):
            if body.volume_mm3 < settings.least_volume_mm3:
                continue
            reason = (
                why_not_paste(body, settings, tissue.fat_is_bright)
                if bright
                else why_not_chalk(body, settings, bones is not None)
            )
            where = np.flatnonzero(labels == body.label)
            if reason:
                refused.append((where, body, reason))
            else:
                taken.append((where, body, confidence(body, settings, bright, tissue.noise), kind))
    report(progress, 0.9, "Joining fragments")
    return MrSegmentation(
        _deposits(volume, tissue, taken, settings.join_mm, spacing), _rejected(volume, tissue, refused, spacing)
    )


def _check_grids(volume: Volume, bones: Segmentation | None, prior: np.ndarray | None) -> None:
    if bones is not None and not volume.same_grid(bones.volume):
        raise InputError("The bones are not on the grid of the MR: resample them with the registration first.")
    if prior is not None and prior.shape != volume.voxels.shape:
        raise InputError(f"The prior has shape {prior.shape}, the MR {volume.voxels.shape}: resample it to the MR.")


def _surroundings(
    volume: Volume, tissue: Tissue, bones: Segmentation | None, prior: np.ndarray | None
) -> _Surroundings:
    box = tissue.box
    border = np.zeros(volume.voxels.shape, bool)
    border[[0, -1]] = border[:, [0, -1]] = border[:, :, [0, -1]] = True
    distance = nearest = None
    if bones is not None:
        labels = bones.labels[box]
        if labels.any():
            sampling = volume.spacing_mm[::-1]
            distance, index = ndimage.distance_transform_edt(labels == 0, sampling=sampling, return_indices=True)
            distance, nearest = distance.astype(np.float32), labels[tuple(index)]
    return _Surroundings(distance, nearest, None if prior is None else np.asarray(prior[box], bool), border[box])


def _allowed(tissue: Tissue, around: _Surroundings, settings: MrSettings) -> np.ndarray:
    """Inside the body, off the skin, off bone."""
    allowed = tissue.depth_mm > 0.8
    if around.bone_distance is not None:
        allowed &= around.bone_distance > settings.bone_margin_mm
    return allowed


def _dark_bodies(tissue: Tissue, around: _Surroundings, settings: MrSettings) -> np.ndarray:
    """Labels of bodies below half the level of the tissue around them that hold a void."""
    allowed = _allowed(tissue, around, settings)
    dark = (tissue.level < HALF) & allowed
    labels = large_parts(dark, settings.least_voxels)
    smooth = ndimage.uniform_filter(tissue.level, 3)
    core = (smooth < settings.core_darkness + 0.15) & dark
    if around.prior is not None:
        core |= around.prior & dark
    numbers = np.unique(labels[core])
    return relabel(labels, numbers[numbers > 0])


def _bright_bodies(tissue: Tissue, around: _Surroundings, settings: MrSettings) -> np.ndarray:
    """Labels of bodies brighter than the tissue around them by the ratio asked for."""
    allowed = _allowed(tissue, around, settings)
    if tissue.fat_is_bright and around.prior is None:
        return np.zeros(tissue.level.shape, np.int32)
    smooth = ndimage.uniform_filter(tissue.level, 3)
    core = (smooth > settings.bright_ratio) & allowed
    half = (tissue.level > 0.5 * (1.0 + settings.bright_ratio)) & allowed
    labels = large_parts(half, settings.least_voxels)
    numbers = np.unique(labels[core])
    return relabel(labels, numbers[numbers > 0])


def _deposits(volume: Volume, tissue: Tissue, taken, join_mm: float, spacing: np.ndarray) -> Segmentation:
    """Accepted bodies as segments: fragments joined, ordered by volume, then by place."""
    part = np.zeros(tissue.level.shape, np.uint16)
    for number, (where, *_) in enumerate(taken, start=1):
        part.ravel()[where] = number
    group = join(part, len(taken), join_mm, spacing)
    sizes = {g: sum(len(taken[i][0]) for i in members) for g, members in enumerate(group)}
    order = sorted(range(len(group)), key=lambda g: (-sizes[g], int(min(taken[i][0][0] for i in group[g]))))
    labels = np.zeros(volume.voxels.shape, np.uint16)
    view = labels[tissue.box]
    segments = []
    for number, g in enumerate(order, start=1):
        members = group[g]
        view[np.isin(part, [i + 1 for i in members])] = number
        kinds = {taken[i][3] for i in members}
        tags = {
            CONFIDENCE_TAG: f"{max(taken[i][2] for i in members):.2f}",
            CONSISTENCY_TAG: kinds.pop() if len(kinds) == 1 else "mixed",
        }
        segments.append(Segment(number, f"deposit-{number}", f"Deposit {number}", tags=tags))
    return Segmentation(volume.with_voxels(labels), tuple(segments))


def _rejected(volume: Volume, tissue: Tissue, refused, spacing: np.ndarray) -> Segmentation:
    """Rejected bodies as segments with their reasons, largest first."""
    labels = np.zeros(volume.voxels.shape, np.uint16)
    part = np.zeros(tissue.level.shape, np.uint16)
    refused = sorted(refused, key=lambda item: (-len(item[0]), int(item[0][0])))
    segments = []
    for number, (where, _, reason) in enumerate(refused, start=1):
        part.ravel()[where] = number
        name = f"Rejected {number}"
        segments.append(Segment(number, f"rejected-{number}", name, (0.5, 0.5, 0.5), {REASON_TAG: reason}))
    labels[tissue.box] = part
    return Segmentation(volume.with_voxels(labels), tuple(segments))
