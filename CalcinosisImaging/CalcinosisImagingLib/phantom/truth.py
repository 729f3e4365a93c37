"""The truth of each synthetic image, from the shapes: poses, label maps, corresponding points, deposits.

Nothing is measured in an image. Formats: docs/phantom-formats.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..analysis.anatomy import BONE_LABELS
from ..analysis.files import write_csv, write_json
from ..analysis.segmentation import Segment, Segmentation
from ..analysis.segmentation_file import write_segmentation
from ..analysis.view import View, view_to_json
from ..analysis.volume import Volume, transform_points
from .ct import LEFT_LABELS
from .film import Shadow
from .hand import PosedHand, relative_pose
from .lattice import Grid
from .paint import Painted
from .shapes import LongBone

DEPOSIT_COLUMNS = (
    "participant",
    "session",
    "hand",
    "modality",
    "view",
    "deposit_id",
    "in_view",
    "kind",
    "consistency",
    "fluid_level",
    "fragments",
    "volume_mm3",
    "thickness_mm",
    "area_mm2",
    "area_detector_mm2",
    "centroid_r_mm",
    "centroid_a_mm",
    "centroid_s_mm",
    "u_px",
    "v_px",
    "hu",
    "site",
    "digit",
    "aspect",
    "region",
    "distance_bone_mm",
    "touches_bone",
)


def bone_colour(label: int) -> tuple[float, float, float]:
    """A colour of its own for each bone."""
    angle = 2.399963 * label
    return tuple(float(0.65 + 0.3 * np.cos(angle + shift)) for shift in (0.0, 2.1, 4.2))


def write_labels(folder: Path, painted: Painted, ijk_to_ras: np.ndarray, count: int, both: bool = False) -> None:
    """``bones.seg.nrrd`` and ``deposits.seg.nrrd`` on the image's grid; ``both``: two hands are in it."""
    folder.mkdir(parents=True, exist_ok=True)
    bones = [Segment(label, name, name, bone_colour(label)) for name, label in BONE_LABELS.items()]
    if both:
        sides = (("right", 0), ("left", LEFT_LABELS))
        bones = [
            replace(s, label=s.label + shift, segment_id=f"{side}:{s.name}", name=f"{side}:{s.name}")
            for side, shift in sides
            for s in bones
        ]
    write_segmentation(folder / "bones.seg.nrrd", Segmentation(Volume(painted.bones, ijk_to_ras), tuple(bones)))
    deposits = Segmentation(Volume(painted.deposits, ijk_to_ras), deposit_segments(count))
    write_segmentation(folder / "deposits.seg.nrrd", deposits)


def deposit_segments(count: int) -> tuple[Segment, ...]:
    """Segments deposit-1 ... deposit-N."""
    return tuple(Segment(n, f"deposit-{n}", f"Deposit {n}") for n in range(1, count + 1))


def write_poses(path: Path, posed: PosedHand, ct: PosedHand | None, key: str) -> None:
    """Where each bone is: reference -> image, and from the CT of the first visit under ``key``."""
    bones: dict[str, Any] = {}
    for name in posed.hand.skeleton.bones:
        bones[name] = {"matrix_reference_to_image_ras": posed.reference_to_world(name)}
        if ct is not None:
            bones[name][key] = relative_pose(ct, posed, name)
    write_json(path, {"bones": bones})


def write_view(folder: Path, view: View, posed: PosedHand, ct: PosedHand) -> None:
    """``view.json`` with the pose of the third metacarpal, ``pose.json`` with every bone's."""
    folder.mkdir(parents=True, exist_ok=True)
    content = view_to_json(view.at(relative_pose(ct, posed, "metacarpal-3")))
    write_json(folder / "view.json", content)
    bones = {name: relative_pose(ct, posed, name) for name in posed.hand.skeleton.bones}
    write_json(folder / "pose.json", [content | {"bones": bones}])


def landmarks(posed: PosedHand) -> dict[str, np.ndarray]:
    """Points that belong to bones (five each) and the deposits' centres, in the image's world, by id."""
    points: dict[str, np.ndarray] = {}
    for name, bone in posed.hand.skeleton.bones.items():
        low, high = bone.shape.bounds
        half = (high - low) / 2.0
        if isinstance(bone.shape, LongBone):
            reach = bone.shape.length_mm if name not in ("radius", "ulna") else 20.0
            local = [
                (0, 0, 0),
                (0, reach, 0),
                (half[0] * 0.6, reach / 2, 0),
                (-half[0] * 0.6, reach / 2, 0),
                (0, reach / 2, half[2] * 0.6),
            ]
        else:
            local = [
                (0, 0, 0),
                (half[0] * 0.7, 0, 0),
                (-half[0] * 0.7, 0, 0),
                (0, half[1] * 0.7, 0),
                (0, 0, half[2] * 0.7),
            ]
        for index, point in enumerate(transform_points(posed.bone_to_world(name), np.array(local))):
            points[f"{name}/{index + 1}"] = point
    for index, deposit in enumerate(posed.hand.deposits):
        points[f"deposit-{index + 1}"] = transform_points(posed.deposit_to_world(index), np.asarray(deposit.centroid))
    return points


def write_distractors(path: Path, ct: PosedHand) -> None:
    """``distractors.csv``: dense things that are no deposits, with their place in the CT."""
    rows = []
    for item in ct.hand.distractors:
        if item.over == "cortex" and item.name == "sesamoid":
            continue
        low, high = item.shape.bounds
        centre = transform_points(ct.distractor_to_world(item), (low + high) / 2.0)
        rows.append({"name": item.name, "bone": item.bone, "r": centre[0], "a": centre[1], "s": centre[2]})
    write_csv(path, ("name", "bone", "r", "a", "s"), rows)


def write_points(path: Path, points: dict[str, np.ndarray]) -> None:
    """``points.csv`` with columns id, r, a, s."""
    rows = [{"id": name, "r": float(p[0]), "a": float(p[1]), "s": float(p[2])} for name, p in points.items()]
    write_csv(path, ("id", "r", "a", "s"), rows)


def film_points(view: View, posed: PosedHand) -> dict[str, np.ndarray]:
    """Pixel positions (u, v) of the landmarks; the hand's world is the view frame."""
    return {name: view.project(point, np.eye(4)) for name, point in landmarks(posed).items()}


def write_film_points(path: Path, view: View, points: dict[str, np.ndarray]) -> None:
    """``points.csv`` with columns id, view, u_px, v_px."""
    rows = [{"id": name, "view": view.name, "u_px": float(uv[0]), "v_px": float(uv[1])} for name, uv in points.items()]
    write_csv(path, ("id", "view", "u_px", "v_px"), rows)


def write_shadows(path: Path, view: View, shadows: list[Shadow], count: int) -> None:
    """Label image of the deposits' shadows; where two overlap the smaller deposit is on top."""
    labels = np.zeros((1, view.rows, view.columns), np.uint16)
    for shadow in shadows:
        labels[0][shadow.box][shadow.mask] = shadow.index + 1
    su, sv = view.pixel_spacing_mm
    write_segmentation(path, Segmentation(Volume(labels, np.diag([-su, -sv, 1.0, 1.0])), deposit_segments(count)))


def deposit_rows(
    posed: PosedHand, common: dict[str, Any], where: Grid | View, shadows: Sequence[Shadow] = (), first: int = 1
) -> list[dict[str, Any]]:
    """Rows of ``deposits.csv`` of one image: of a scan on a grid, or of a radiograph with its shadows."""
    rows = []
    by_index = {shadow.index: shadow for shadow in shadows}
    for index, deposit in enumerate(posed.hand.deposits):
        centre = transform_points(posed.deposit_to_world(index), np.asarray(deposit.centroid))
        row = common | {
            "deposit_id": index + first,
            "kind": deposit.kind,
            "consistency": deposit.content.consistency,
            "fluid_level": deposit.content.level,
            "fragments": deposit.fragments,
            "volume_mm3": deposit.volume_mm3,
            "thickness_mm": deposit.thickness_mm,
            "hu": deposit.mean_hu,
            "site": deposit.site.bone,
            "digit": deposit.site.digit,
            "aspect": deposit.site.aspect,
            "region": deposit.site.region,
            "distance_bone_mm": max(deposit.site.clearance_mm, 0.0),
            "touches_bone": deposit.site.touches,
        }
        if isinstance(where, Grid):
            row |= {"centroid_r_mm": centre[0], "centroid_a_mm": centre[1], "centroid_s_mm": centre[2]}
            ijk = transform_points(np.linalg.inv(where.ijk_to_world), centre)
            row["in_view"] = bool(np.all((ijk > -0.5) & (ijk < np.array(where.size) - 0.5)))
        else:
            row |= _shadow_columns(centre, where, by_index.get(index))
        rows.append(row)
    return rows


def _shadow_columns(centre: np.ndarray, view: View, shadow: Shadow | None) -> dict[str, Any]:
    """Columns of a deposit on a radiograph; its area is that of its shadow, brought back to its own plane."""
    u, v = view.project(centre, np.eye(4))
    row = {"u_px": float(u), "v_px": float(v), "in_view": bool(0 <= u < view.columns and 0 <= v < view.rows)}
    if shadow is not None:
        area = float(shadow.mask.sum()) * view.pixel_spacing_mm[0] * view.pixel_spacing_mm[1]
        row |= {"area_detector_mm2": area, "area_mm2": area * float(centre[2] / view.source_detector_mm) ** 2}
    return row
