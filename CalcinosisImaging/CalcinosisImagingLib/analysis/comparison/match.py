"""Deposits of one segmentation against those of another, on other grids and through any mapping of points."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..progress import Progress, part, report, silent
from ..segmentation import Segmentation
from .assign import group
from .pair import PairGeometry

PointMap = Callable[[np.ndarray], np.ndarray]
"""Points (N, 3) RAS mm of A -> points (N, 3) RAS mm of B."""

TOLERANCE_MM = 2.0
"""How far the registration may be out: deposits that do not overlap are the same when most of each lies within this
distance of the other. It is also the distance below which fragments count as one deposit."""

COLUMNS = (
    "a_id",
    "b_id",
    "status",
    "dice",
    "jaccard",
    "hd95_mm",
    "assd_mm",
    "centroid_distance_mm",
    "volume_a_mm3",
    "volume_b_mm3",
    "volume_overlap_mm3",
)
"""Columns of the table that `calcinosis compare` writes."""


@dataclass(frozen=True)
class Match:
    """One deposit seen in both: labels of A, labels of B (more than one where one side sees fragments).

    Volumes are counted in voxels; ``volume_a_mm3`` in A's own space, the overlap in B's. Distances are in B's space.
    """

    a_ids: tuple[int, ...]
    b_ids: tuple[int, ...]
    dice: float
    jaccard: float
    hd95_mm: float
    assd_mm: float
    centroid_distance_mm: float
    volume_a_mm3: float
    volume_b_mm3: float
    volume_overlap_mm3: float


@dataclass(frozen=True)
class Comparison:
    """Outcome of a comparison.

    Attributes
    ----------
    matches: deposits that both have, by ascending label of A.
    missed: (label, mm³) of A's deposits that B has not.
    extra: (label, mm³) of B's deposits that A has not.
    """

    matches: tuple[Match, ...]
    missed: tuple[tuple[int, float], ...]
    extra: tuple[tuple[int, float], ...]


def match(
    a: Segmentation,
    b: Segmentation,
    map_a_to_b: PointMap | None = None,
    progress: Progress = silent,
    tolerance_mm: float = TOLERANCE_MM,
) -> Comparison:
    """Match the deposits (labels) of A with those of B.

    Parameters
    ----------
    a, b: on any grids; two films (one plane each) are compared in their plane.
    map_a_to_b: RAS points of A -> RAS points of B, linear or not; None where both share one space.
    tolerance_mm: see `TOLERANCE_MM`.

    The volumes are read once; all that follows touches foreground voxels only.
    """
    geometry = PairGeometry.of(a, b, map_a_to_b, part(progress, 0.0, 0.5))
    coverage = geometry.coverage(tolerance_mm)
    groups = group(geometry.sizes_a_in_b, geometry.sizes_b, geometry.overlap, coverage)
    matches = []
    paired = [one for one in groups if one.a and one.b]
    for done, one in enumerate(paired):
        report(progress, 0.6 + 0.4 * done / len(paired), "Measuring distances between matched deposits")
        matches.append(describe(geometry, one.a, one.b))
    missed = [(int(geometry.a.labels[i]), float(geometry.sizes_a[i])) for g in groups if not g.b for i in g.a]
    extra = [(int(geometry.b.labels[j]), float(geometry.sizes_b[j])) for g in groups if not g.a for j in g.b]
    return Comparison(tuple(matches), tuple(missed), tuple(extra))


def describe(geometry: PairGeometry, a: Sequence[int], b: Sequence[int]) -> Match:
    """Overlap and distances of the union of some bodies of A with the union of some bodies of B (positions)."""
    a, b = list(a), list(b)
    size_a, size_b = float(geometry.sizes_a_in_b[a].sum()), float(geometry.sizes_b[b].sum())
    # sampling and a mapping that changes volume can carry the sum of overlaps a hair beyond either body
    shared = min(float(geometry.overlap[np.ix_(a, b)].sum()), size_a, size_b)
    assd, hd95 = geometry.surface_distances(a, b)
    return Match(
        a_ids=tuple(int(label) for label in geometry.a.labels[a]),
        b_ids=tuple(int(label) for label in geometry.b.labels[b]),
        dice=2 * shared / (size_a + size_b),
        jaccard=shared / (size_a + size_b - shared),
        hd95_mm=hd95,
        assd_mm=assd,
        centroid_distance_mm=geometry.centroid_distance(a, b),
        volume_a_mm3=float(geometry.sizes_a[a].sum()),
        volume_b_mm3=size_b,
        volume_overlap_mm3=shared,
    )


def comparison_rows(comparison: Comparison) -> list[dict[str, object]]:
    """Rows of the table `COLUMNS`: matched, then missed, then extra; cells that do not apply are absent."""
    rows: list[dict[str, object]] = [
        {
            "a_id": joined(one.a_ids),
            "b_id": joined(one.b_ids),
            "status": "matched",
            **{name: getattr(one, name) for name in COLUMNS[3:]},
        }
        for one in comparison.matches
    ]
    rows += [{"a_id": joined([a]), "status": "missed", "volume_a_mm3": size} for a, size in comparison.missed]
    rows += [{"b_id": joined([b]), "status": "extra", "volume_b_mm3": size} for b, size in comparison.extra]
    return rows


def joined(ids: Sequence[int]) -> str:
    """IDs as one cell.

    >>> joined((3, 7))
    '3;7'
    """
    return ";".join(str(one) for one in ids)
