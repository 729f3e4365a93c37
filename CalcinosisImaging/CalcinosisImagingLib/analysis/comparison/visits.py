"""The same modality at two visits: which deposit is which, and how it changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ..progress import Progress, part, silent
from ..segmentation import Segmentation
from .match import TOLERANCE_MM, PointMap, joined, match
from .measures import summed

COLUMNS = (
    "modality",
    "view",
    "first_id",
    "second_id",
    "status",
    "dice",
    "centroid_distance_mm",
    "measure",
    "measure_first",
    "measure_second",
    "change_percent",
    "change_class",
)
"""Columns of visit-matches.csv, without participant, sessions and hand."""
CHANGE_PERCENT = 25.0
"""Progression is more than this, improvement less than minus this (Valenzuela 2022)."""


def match_visits(
    first: Segmentation,
    second: Segmentation,
    modality: str,
    map_first_to_second: PointMap | None = None,
    view: str = "",
    measure: str = "volume_mm3",
    measures_first: Mapping[int, float | None] | None = None,
    measures_second: Mapping[int, float | None] | None = None,
    tolerance_mm: float = TOLERANCE_MM,
    progress: Progress = silent,
) -> list[dict[str, object]]:
    """Match the deposits of a first and a second visit.

    Parameters
    ----------
    map_first_to_second: RAS points of the first image -> RAS points of the second; of films see `film_map`.
    measure: name of what is compared, with its unit, a column of deposits.csv.
    measures_first, measures_second: that measure by label; None counts voxels (of films: pixels, area in mm²).

    Returns
    -------
    list of rows with the keys `COLUMNS`; status is matched, first-only or second-only; change_class is progression,
    stable or improvement. Where the measure of a deposit is missing, so is its change.
    """
    found = match(first, second, map_first_to_second, part(progress, 0.0, 1.0), tolerance_mm)
    rows = []
    for one in found.matches:
        before = summed(one.a_ids, measures_first, one.volume_a_mm3)
        after = summed(one.b_ids, measures_second, one.volume_b_mm3)
        percent = None if before is None or after is None or before <= 0 else 100.0 * (after - before) / before
        rows.append(
            {
                "first_id": joined(one.a_ids),
                "second_id": joined(one.b_ids),
                "status": "matched",
                "dice": one.dice,
                "centroid_distance_mm": one.centroid_distance_mm,
                "measure_first": before,
                "measure_second": after,
                "change_percent": percent,
                "change_class": None if percent is None else change_class(percent),
            }
        )
    for label, size in found.missed:
        before = summed((label,), measures_first, size)
        rows.append({"first_id": joined((label,)), "status": "first-only", "measure_first": before})
    for label, size in found.extra:
        after = summed((label,), measures_second, size)
        rows.append({"second_id": joined((label,)), "status": "second-only", "measure_second": after})
    shared = {"modality": modality, "view": view, "measure": measure}
    return [{**dict.fromkeys(COLUMNS), **shared, **row} for row in rows]


def film_map(
    first: Segmentation, second: Segmentation, map_uv: Callable[[np.ndarray], np.ndarray]
) -> Callable[[np.ndarray], np.ndarray]:
    """A mapping of pixels (u, v) (N, 2) of one film to those of another, as a mapping of RAS points in their planes."""

    def mapped(points_ras: np.ndarray) -> np.ndarray:
        ijk = first.volume.to_ijk(points_ras)
        uv = np.asarray(map_uv(ijk[:, :2]), float)
        return second.volume.to_ras(np.column_stack([uv, ijk[:, 2]]))

    return mapped


def change_class(percent: float) -> str:
    """Class of a change in per cent.

    >>> change_class(25.0), change_class(26.0), change_class(-30.0)
    ('stable', 'progression', 'improvement')
    """
    if percent > CHANGE_PERCENT:
        return "progression"
    return "improvement" if percent < -CHANGE_PERCENT else "stable"
