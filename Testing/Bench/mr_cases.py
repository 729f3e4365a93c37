"""MR images with known deposits: phantoms with the CT's bones carried to them, and a real wrist with implants."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
import SimpleITK as sitk
from calcinosis_testing import SHARED_DATA
from CalcinosisImagingLib.analysis.anatomy import BONE_LABELS
from CalcinosisImagingLib.analysis.carry import bones_on_grid
from CalcinosisImagingLib.analysis.itk_bridge import from_itk
from CalcinosisImagingLib.analysis.segmentation import Segment, Segmentation
from CalcinosisImagingLib.analysis.volume import Volume, transform_points
from CalcinosisImagingLib.phantom.frames import rigid
from CalcinosisImagingLib.phantom.hand import PosedHand
from CalcinosisImagingLib.phantom.implant import implant
from CalcinosisImagingLib.phantom.lattice import box_of
from CalcinosisImagingLib.phantom.mr import image_mr
from CalcinosisImagingLib.phantom.person import draw_hand, stream
from CalcinosisImagingLib.phantom.pose import draw_angles, draw_placement
from CalcinosisImagingLib.phantom.presets import MrProtocol, preset_named
from CalcinosisImagingLib.phantom.scanner import mr_grid
from CalcinosisImagingLib.phantom.visibility import Visibility, visibility

LAVA = SHARED_DATA / "wrist_mri_lava" / "Wrist_01_LAVA.nii.gz"
BONE_STEP_MM = 0.5


@dataclass(frozen=True, eq=False)
class Truth:
    """One deposit: its middle (RAS), volume, consistency, how it stands out."""

    label: int
    centre: np.ndarray
    volume_mm3: float
    consistency: str
    seen: Visibility


@dataclass(frozen=True, eq=False)
class Case:
    """An image with its truth.

    Attributes
    ----------
    labels: voxels whose centre lies in a deposit.
    bones: the CT's bones as a registration of that error (mm) carries them, by error; None without bones.
    """

    name: str
    volume: Volume
    labels: np.ndarray
    truths: tuple[Truth, ...]
    bones: Mapping[float | None, Segmentation | None]


def real_case(seed: int) -> Case:
    """The real gradient-echo wrist with implants, without bones."""
    made = implant(real_wrist(), "mr", seed)
    names = [field.name for field in fields(Visibility)]
    truths = tuple(
        Truth(
            row["deposit_id"],
            np.array([row[f"centroid_{axis}_mm"] for axis in "ras"]),
            row["volume_mm3"],
            row["consistency"],
            Visibility(*(row[name] for name in names)),
        )
        for row in made.rows
    )
    return Case(f"wrist {seed}", made.volume, made.truth.labels, truths, {None: None})


@functools.lru_cache(maxsize=1)
def real_wrist() -> Volume:
    """The real wrist as it is."""
    return from_itk(sitk.ReadImage(str(LAVA)))


def phantom_case(preset: str, weighting: str, seed: int, errors: tuple[float, ...], empty: bool = False) -> Case:
    """One phantom hand in one series of a preset; ``empty`` leaves its deposits out."""
    settings = preset_named(preset)
    hand = draw_hand(seed, "sub-01", settings)
    if empty:
        hand = replace(hand, deposits=())
    protocol = next(p for p in settings.mr if p.weighting == weighting)
    rng = stream(seed, weighting, "pose")
    slack = rng.standard_normal((len(hand.deposits), 3)).clip(-2, 2) * settings.slack_mm
    placement = draw_placement(rng, "mr", hand.side, settings.turn_deg)
    posed = hand.held(draw_angles(rng, "mr"), placement, slack, (0.0, 1.0, 0.0))
    return posed_case(f"{preset} {weighting} {seed}", posed, protocol, seed, errors)


def posed_case(name: str, posed: PosedHand, protocol: MrProtocol, seed: int, errors: tuple[float, ...]) -> Case:
    """The MR of a hand, with bones."""
    tilt = rigid(np.clip(stream(seed, "tilt").standard_normal(3), -2, 2) * 3.0)[:3, :3]
    grid = mr_grid(posed, protocol.pixel_mm, protocol.slice_mm, tilt, protocol.cut_mm)
    image, painted = image_mr(posed, grid, protocol, stream(seed, protocol.weighting, "noise"))
    volume = Volume(image, grid.ijk_to_world)
    rows = [
        {
            "deposit_id": index + 1,
            "volume_mm3": d.volume_mm3,
            "consistency": d.content.consistency,
            "centre": transform_points(posed.deposit_to_world(index), np.asarray(d.centroid)),
        }
        for index, d in enumerate(posed.hand.deposits)
    ]
    sharp = _bones(posed, painted.deposits, volume)
    bones = {error: _carried(sharp, volume, error, seed) for error in errors}
    return Case(name, volume, painted.deposits, measured_truths(volume, painted.deposits, rows), bones)


def _bones(posed: PosedHand, deposits: np.ndarray, volume: Volume) -> Segmentation:
    """The bones on a fine grid in the world of the MR, as a CT of the same pose would have them."""
    extent = np.ceil(np.array(volume.size) * volume.spacing_mm / BONE_STEP_MM).astype(int)
    matrix = volume.ijk_to_ras.copy()
    matrix[:3, :3] = matrix[:3, :3] / volume.spacing_mm * BONE_STEP_MM
    fine = replace(mr_grid(posed, 1.0, 1.0, np.eye(3)), size=tuple(int(n) for n in extent), ijk_to_world=matrix)
    labels = np.zeros(fine.shape, np.uint16)
    for name, bone in posed.hand.skeleton.bones.items():
        to_world = posed.bone_to_world(name)
        box = box_of(fine, bone.shape, to_world, 0.0)
        if box is not None:
            labels[box][bone.shape.distance(*fine.local(np.linalg.inv(to_world), box)) < 0] = BONE_LABELS[name]
    segments = tuple(Segment(label, name, name) for name, label in BONE_LABELS.items())
    return Segmentation(Volume(labels, matrix), segments)


def _carried(bones: Segmentation, volume: Volume, error_mm: float, seed: int) -> Segmentation:
    """The bones on the MR's grid, each out of place by ``error_mm`` and as many degrees about its middle."""
    rng = np.random.default_rng([seed, 77])
    moves = {}
    for segment in bones.segments:
        index = np.argwhere(bones.labels == segment.label)
        if not len(index):
            continue
        middle = bones.volume.to_ras(index.mean(0)[::-1])
        shift, axis = rng.normal(size=3), rng.normal(size=3)
        turn = rigid(error_mm * axis / np.linalg.norm(axis))
        move = np.eye(4)
        move[:3, :3] = turn[:3, :3]
        move[:3, 3] = middle - turn[:3, :3] @ middle + error_mm * shift / np.linalg.norm(shift)
        moves[segment.segment_id] = move
    return bones_on_grid(bones, volume, moves)


def measured_truths(volume: Volume, labels: np.ndarray, rows: list[dict]) -> tuple[Truth, ...]:
    """Truth rows with their visibility; what lies outside the image is left out."""
    found = []
    spacing = volume.spacing_mm[::-1]
    for row in rows:
        centre = row["centre"]
        ijk = volume.to_ijk(centre)
        if (ijk < -0.5).any() or (ijk > np.array(volume.size) - 0.5).any():
            continue
        box = _box(labels == row["deposit_id"], ijk, spacing)
        mine = labels[box] == row["deposit_id"]
        seen = visibility(volume.voxels[box], mine, (labels[box] > 0) & ~mine, spacing, row["volume_mm3"])
        found.append(Truth(row["deposit_id"], centre, row["volume_mm3"], row["consistency"], seen))
    return tuple(found)


def _box(mask: np.ndarray, ijk: np.ndarray, spacing: np.ndarray) -> tuple[slice, ...]:
    """The mask (or its middle where it has no voxel) with 4 mm around."""
    where = np.argwhere(mask) if mask.any() else np.rint(ijk[::-1])[None].astype(int)
    pad = np.ceil(4.0 / spacing).astype(int)
    low, high = np.maximum(where.min(0) - pad, 0), np.minimum(where.max(0) + pad + 1, mask.shape)
    return tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
