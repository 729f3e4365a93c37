"""CT, MR and films of one hand: which deposit is which, one row per match and view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..progress import Progress, part, report, silent
from ..segmentation import Segmentation, empty_like
from ..view import View
from .assign import group
from .film_side import FilmSide, Projection, magnification_in
from .match import TOLERANCE_MM, Match, PointMap, describe, joined
from .measures import summed
from .pair import PairGeometry

COLUMNS = (
    "view",
    "ct_id",
    "mr_id",
    "xray_id",
    "status",
    "dice_ct_mr",
    "hd95_ct_mr_mm",
    "assd_ct_mr_mm",
    "centroid_distance_ct_mr_mm",
    "dice_ct_xray",
    "volume_ct_mm3",
    "volume_mr_mm3",
    "area_xray_mm2",
    "area_ct_projected_mm2",
)
"""Columns of matches.csv, without participant, session and hand."""

_STATUS = {
    (True, True, True): "all",
    (True, True, False): "ct-mr",
    (True, False, True): "ct-xray",
    (False, True, True): "mr-xray",
    (True, False, False): "ct-only",
    (False, True, False): "mr-only",
    (False, False, True): "xray-only",
}


def match_modalities(
    ct: Segmentation | None,
    mr: Segmentation | None = None,
    films: Mapping[str, Segmentation] | None = None,
    ct_to_mr: PointMap | None = None,
    mr_to_ct: PointMap | None = None,
    project: Mapping[str, Projection] | None = None,
    views: Mapping[str, View] | None = None,
    volumes_ct_mm3: Mapping[int, float | None] | None = None,
    volumes_mr_mm3: Mapping[int, float | None] | None = None,
    areas_xray_mm2: Mapping[str, Mapping[int, float | None]] | None = None,
    tolerance_mm: float = TOLERANCE_MM,
    progress: Progress = silent,
) -> list[dict[str, object]]:
    """Match the deposits of up to three modalities.

    Parameters
    ----------
    ct, mr: deposits; None where there is no such image. Without ct the MR is projected through ``mr_to_ct``.
    films: view name -> deposits on the film's grid (one plane; column i = u, row j = v).
    ct_to_mr, mr_to_ct: point mappings; None is the identity, but deposits that MR alone shows are compared with films
        only if ``mr_to_ct`` is given or ``ct_to_mr`` is None.
    project: view name -> projection. A film without one could not be located and is left out.
    views: view name -> geometry, for areas in the plane of the deposit; see `film_side.magnification_in`. Without a
        view they are those at the detector.
    volumes_ct_mm3, volumes_mr_mm3, areas_xray_mm2: the best estimates by label, to be reported instead of counts of
        voxels and pixels; where that of a deposit is missing, so is the cell.

    Returns
    -------
    list of rows with the keys `COLUMNS`; what does not apply is None. With several views each view has its own rows;
    deposits whose shadows meet in one deposit of the film share a row, with joined IDs and measures of their union.
    """
    films, project = films or {}, project or {}
    located = [name for name in films if name in project]
    if ct is None and mr is None and not located:
        return []
    if ct is None:
        ct = empty_like(mr.volume if mr is not None else films[located[0]].volume)
    if mr is None:
        mr = empty_like(ct.volume)
    geometry = PairGeometry.of(ct, mr, ct_to_mr, part(progress, 0.0, 0.4))
    coverage = geometry.coverage(tolerance_mm)
    solids = group(geometry.sizes_a_in_b, geometry.sizes_b, geometry.overlap, coverage)
    table = _Table(geometry, volumes_ct_mm3, volumes_mr_mm3)
    if not located:
        return [table.row("", one.a, one.b) for one in solids]
    if mr_to_ct is None and ct_to_mr is None:
        mr_to_ct = _same
    rows = []
    for number, name in enumerate(located):
        report(progress, 0.4 + 0.6 * number / len(located), f"Comparing with film {name}")
        side = FilmSide.of(
            films[name], geometry, solids, project[name], mr_to_ct, magnification_in((views or {}).get(name))
        )
        for found in side.matches(tolerance_mm, (areas_xray_mm2 or {}).get(name)):
            row = table.row(name, found.ct, found.mr, found.film_ids)
            row["dice_ct_xray"] = found.dice_ct_xray
            row["area_xray_mm2"] = found.area_xray_mm2
            row["area_ct_projected_mm2"] = found.area_ct_projected_mm2
            rows.append(row)
    return rows


class _Table:
    """Makes rows, and measures each combination of CT and MR deposits once."""

    def __init__(
        self,
        geometry: PairGeometry,
        volumes_ct: Mapping[int, float | None] | None,
        volumes_mr: Mapping[int, float | None] | None,
    ) -> None:
        self._geometry = geometry
        self._volumes_ct, self._volumes_mr = volumes_ct, volumes_mr
        self._measured: dict[tuple[tuple[int, ...], tuple[int, ...]], Match] = {}

    def row(
        self, view: str, ct: tuple[int, ...], mr: tuple[int, ...], film_ids: Sequence[int] = ()
    ) -> dict[str, object]:
        """A row without the film's measures; ``ct`` and ``mr`` are positions, ``film_ids`` labels."""
        row: dict[str, object] = dict.fromkeys(COLUMNS)
        row["view"] = view
        ct_ids, mr_ids = self._geometry.a.labels[list(ct)].tolist(), self._geometry.b.labels[list(mr)].tolist()
        row["ct_id"], row["mr_id"], row["xray_id"] = joined(ct_ids), joined(mr_ids), joined(film_ids)
        row["status"] = _STATUS[bool(ct), bool(mr), bool(film_ids)]
        if ct:
            counted = float(self._geometry.sizes_a[list(ct)].sum())
            row["volume_ct_mm3"] = summed(ct_ids, self._volumes_ct, counted)
        if mr:
            counted = float(self._geometry.sizes_b[list(mr)].sum())
            row["volume_mr_mm3"] = summed(mr_ids, self._volumes_mr, counted)
        if ct and mr:
            found = self._measure(ct, mr)
            row["dice_ct_mr"] = found.dice
            row["hd95_ct_mr_mm"] = found.hd95_mm
            row["assd_ct_mr_mm"] = found.assd_mm
            row["centroid_distance_ct_mr_mm"] = found.centroid_distance_mm
        return row

    def _measure(self, ct: tuple[int, ...], mr: tuple[int, ...]) -> Match:
        """Overlap and distances, from memory if another view had the same deposits."""
        if (ct, mr) not in self._measured:
            self._measured[ct, mr] = describe(self._geometry, ct, mr)
        return self._measured[ct, mr]


def _same(points: np.ndarray) -> np.ndarray:
    """CT and MR share one space."""
    return points
