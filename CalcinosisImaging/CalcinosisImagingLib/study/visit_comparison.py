"""The same hand at two visits: deposits followed from one MR to the next, and from one film to the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from ..analysis.comparison.visits import film_map, match_visits
from ..analysis.progress import Progress, silent
from ..analysis.projection.locate import Pose
from ..analysis.registration.register import Registration
from ..analysis.segmentation import Segmentation
from ..scene.segmentations import segmentation_from_node
from ..scene.volumes import volume_from_node
from .session_run import SessionResult

NEIGHBOURS = 8
SAMPLES = 20_000


@dataclass(frozen=True)
class VisitRecord:
    """What of a visit is needed to compare it with another, after its scene is gone.

    ``measures``: (modality, name) -> deposit label -> volume in mm³, of films area in mm².
    """

    participant: str
    session: str
    hand: str | None
    deposits: Mapping[tuple[str, str], Segmentation]
    measures: Mapping[tuple[str, str], Mapping[int, float | None]]
    registrations: Mapping[str, Registration] = field(default_factory=dict)
    poses: Mapping[str, Pose] = field(default_factory=dict)
    bone_points_ras: np.ndarray = field(default_factory=lambda: np.zeros((0, 3)))


def record_visit(result: SessionResult) -> VisitRecord:
    """Keep what later visits are compared with."""
    deposits = {(image.modality, image.name): image.used_segmentation() for image in result.own_images}
    measures: dict[tuple[str, str], dict[int, float | None]] = {key: {} for key in deposits}
    first_reader = {(i.modality, i.name): i.sets[0][1] for i in result.own_images}
    for row in result.deposits:
        key = (row["modality"], row.get("view") or "")
        if (row.get("reader") or "") == first_reader[key]:
            measures[key][row["deposit_id"]] = row.get(measure_of(key[0]))
    points = np.zeros((0, 3))
    if result.bones is not None:
        bones = segmentation_from_node(result.bones, volume_from_node(result.ct.volume))
        index = np.argwhere(bones.labels > 0)
        points = bones.volume.to_ras(index[:: max(1, len(index) // SAMPLES), ::-1])
    return VisitRecord(
        result.participant, result.session, result.hand, deposits, measures,
        result.registrations, result.poses, points,
    )  # fmt: skip


def measure_of(modality: str) -> str:
    """What is compared between visits."""
    return "area_mm2" if modality == "xray" else "volume_mm3"


def compare_visits(first: VisitRecord, second: VisitRecord, progress: Progress = silent) -> list[dict[str, Any]]:
    """Rows of visit-matches.csv for every image that both visits have and that can be laid on each other."""
    rows = []
    for key in sorted(set(first.deposits) & set(second.deposits)):
        modality, name = key
        a, b = first.deposits[key], second.deposits[key]
        mapping = _film_mapping(first, second, name, a, b) if modality == "xray" else _mr_mapping(first, second, name)
        if mapping is None:
            continue
        rows += match_visits(
            a, b, modality, mapping, view=name, measure=measure_of(modality),
            measures_first=first.measures[key], measures_second=second.measures[key], progress=progress,
        )  # fmt: skip
    about = {
        "participant": first.participant,
        "first_session": first.session,
        "second_session": second.session,
        "hand": second.hand or first.hand,
    }
    return [{**about, **row} for row in rows]


def _mr_mapping(first: VisitRecord, second: VisitRecord, series: str) -> Callable[[np.ndarray], np.ndarray] | None:
    """First MR -> CT -> second MR; None unless both were registered to the CT."""
    if series not in first.registrations or series not in second.registrations:
        return None
    to_ct, to_second = first.registrations[series].map_points_to_ct, second.registrations[series].map_points
    return lambda points: to_second(to_ct(points))


def _film_mapping(
    first: VisitRecord, second: VisitRecord, view: str, a: Segmentation, b: Segmentation
) -> Callable[[np.ndarray], np.ndarray] | None:
    """First film -> second film: pixels move as the shadows of the bones around them do."""
    if view not in first.poses or view not in second.poses or not len(first.bone_points_ras):
        return None
    before = first.poses[view].project_points(first.bone_points_ras)[view]
    after = second.poses[view].project_points(first.bone_points_ras)[view]
    tree = cKDTree(before)

    def moved(uv: np.ndarray) -> np.ndarray:
        distance, index = tree.query(uv, k=NEIGHBOURS)
        weight = 1.0 / (distance + 1.0)
        shift = (after - before)[index]
        return uv + (weight[..., None] * shift).sum(axis=1) / weight.sum(axis=1)[:, None]

    return film_map(a, b, moved)
