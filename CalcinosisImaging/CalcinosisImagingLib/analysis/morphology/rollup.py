"""Sums per digit and per hand, SCTC-style components, and classes of change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

PROGRESSION = 0.25
"""Relative growth above which a change is a progression, and below minus which an improvement (Valenzuela 2022)."""
REGIONS = ("digit-1", "digit-2", "digit-3", "digit-4", "digit-5", "wrist")
Row = Mapping[str, object]


@dataclass(frozen=True)
class RollUp:
    """Deposits of one part of the hand.

    Attributes
    ----------
    part: 'digit-1' .. 'digit-5', 'wrist' or 'hand'.
    metacarpals: whether deposits at metacarpals count.
    count: number of deposits.
    total: sum of the size (volume, mm³, or area, mm², as asked), None if no deposit has one.
    """

    part: str
    metacarpals: bool
    count: int
    total: float | None


@dataclass(frozen=True)
class ScoreWeights:
    """Weights of the SCTC-style components; all 1 until a reader says otherwise.

    Attributes
    ----------
    coverage, density, location: factors of the three components.
    region: factor per region, 1 where it is not named.
    """

    coverage: float = 1.0
    density: float = 1.0
    location: float = 1.0
    region: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class RegionScore:
    """SCTC-style components of one region of a film; not the SCTC score, whose formula is not public.

    Attributes
    ----------
    coverage: area of deposits in the region, mm² (or part of ``region_area_mm2`` where that is known).
    density: largest density grade, 0 without one.
    location: 1 if there is any deposit, 2 if one lies at a joint or touches bone.
    score: weighted product sum, see `region_scores`.
    """

    region: str
    coverage: float
    density: float
    location: int
    score: float


def region_of(row: Row) -> str | None:
    """'digit-1' .. 'digit-5' or 'wrist'; None where no site is known."""
    if row.get("site") is None:
        return None
    return "wrist" if row.get("digit") is None else f"digit-{row['digit']}"


def roll_up(rows: Sequence[Row], size: str = "volume_mm3", metacarpals: bool = True) -> list[RollUp]:
    """Count and total size per digit, wrist and whole hand; with or without deposits at metacarpals.

    The hand includes deposits whose site is not known.
    """
    kept = [row for row in rows if metacarpals or not str(row.get("site") or "").startswith("metacarpal")]
    parts = [(part, [row for row in kept if region_of(row) == part]) for part in REGIONS] + [("hand", kept)]
    return [RollUp(part, metacarpals, len(chosen), _total(chosen, size)) for part, chosen in parts]


def _total(rows: Sequence[Row], size: str) -> float | None:
    """Sum of a column over rows that have it."""
    values = [float(row[size]) for row in rows if row.get(size) is not None]
    return sum(values) if values else None


def region_scores(
    rows: Sequence[Row],
    weights: ScoreWeights | None = None,
    region_area_mm2: Mapping[str, float] | None = None,
    size: str = "area_mm2",
) -> list[RegionScore]:
    """SCTC-style components per region and their weighted sum times the region's weight."""
    weights = weights or ScoreWeights()
    scores = []
    for region in REGIONS:
        chosen = [row for row in rows if region_of(row) == region]
        coverage = _total(chosen, size) or 0.0
        if region_area_mm2 is not None and region in region_area_mm2:
            coverage /= region_area_mm2[region]
        density = max((float(row.get("density_grade") or 0) for row in chosen), default=0.0)
        near = any(row.get("part") == "joint" or row.get("touches_bone") for row in chosen)
        location = (2 if near else 1) if chosen else 0
        total = weights.coverage * coverage + weights.density * density + weights.location * location
        scores.append(RegionScore(region, coverage, density, location, total * weights.region.get(region, 1.0)))
    return scores


def change_class(before: float | None, after: float | None, threshold: float = PROGRESSION) -> str:
    """'progression', 'improvement', 'stable', 'new', 'resolved' or 'unknown'.

    >>> change_class(100.0, 126.0), change_class(100.0, 80.0), change_class(0.0, 3.0)
    ('progression', 'stable', 'new')
    """
    if before is None or after is None or before < 0 or after < 0:
        return "unknown"
    if before == 0:
        return "new" if after > 0 else "stable"
    if after == 0:
        return "resolved"
    relative = after / before - 1
    return "progression" if relative > threshold else "improvement" if relative < -threshold else "stable"
