"""The cohort's tables, statistics, provenance and report, made from the participants' rows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import __version__
from ..analysis.files import write_csv, write_json
from ..analysis.statistics.study_summary import agreement_of_study, repeatability_of_study
from ..logic.columns import DEPOSIT_COLUMNS, MATCH_COLUMNS, VISIT_MATCH_COLUMNS
from .layout import Study
from .report_study import write_study_report

Rows = list[dict[str, Any]]


def write_cohort(study: Study, results: Mapping[str, dict[str, Any]], out: Path) -> tuple[str, dict[str, Any]]:
    """Write the files of the whole study; returns a table for people and its facts for machines.

    results: participant -> content of its `participant_run.ROWS_FILE`.
    """
    deposits = _joined(results, "deposits")
    matches = _joined(results, "matches")
    visit_matches = _joined(results, "visit_matches")
    write_csv(out / "deposits.csv", DEPOSIT_COLUMNS, deposits)
    write_csv(out / "matches.csv", MATCH_COLUMNS, matches)
    write_csv(out / "visit-matches.csv", VISIT_MATCH_COLUMNS, visit_matches)
    imaged = _imaged(results)
    agreement = agreement_of_study(deposits, matches, imaged)
    repeatability = repeatability_of_study(visit_matches)
    write_json(out / "agreement.json", agreement)
    write_json(out / "repeatability.json", repeatability)
    provenance = {
        "software": f"CalcinosisImaging {__version__}",
        "study": study.name,
        "participants": {name: result["provenance"] for name, result in results.items()},
    }
    write_json(out / "provenance.json", provenance)
    counts = deposits_by_modality(deposits, imaged)
    visits = {name: list(result["provenance"]) for name, result in results.items()}
    write_study_report(out / "report.html", study.name, counts, visits, agreement, repeatability, matches)
    return table_text(counts), {"deposits": len(deposits), "matches": len(matches), "by_modality": counts}


def _joined(results: Mapping[str, dict[str, Any]], key: str) -> Rows:
    return [row for name in results for row in results[name][key]]


def _imaged(results: Mapping[str, dict[str, Any]]) -> Rows:
    """Which hand was imaged how at which visit, also where no deposit was found."""
    rows = []
    for name, result in results.items():
        for session, provenance in result["provenance"].items():
            for stem in provenance["images"]:
                modality, _, view = stem.partition("-")
                rows.append(
                    {
                        "participant": name,
                        "session": session,
                        "hand": provenance["hand"],
                        "modality": modality,
                        "view": view,
                    }
                )
    return rows


def deposits_by_modality(deposits: Rows, imaged: Rows) -> Rows:
    """One row per participant, visit and image: how many deposits, how large together."""
    rows = []
    for image in imaged:
        found = [
            row
            for row in deposits
            if all((row.get(key) or "") == (image[key] or "") for key in ("participant", "session", "modality", "view"))
        ]
        size = "area_mm2" if image["modality"] == "xray" else "volume_mm3"
        sizes = [row[size] for row in found if row.get(size) is not None]
        rows.append({**image, "deposits": len(found), size: float(sum(sizes))})
    return rows


def table_text(counts: Rows) -> str:
    """The deposits by modality as aligned text."""
    header = ("participant", "session", "modality", "view", "deposits", "volume mm³", "area mm²")
    lines = [header]
    for row in counts:
        volume, area = row.get("volume_mm3"), row.get("area_mm2")
        lines.append(
            (
                row["participant"],
                row["session"],
                row["modality"],
                row["view"] or "",
                str(row["deposits"]),
                "" if volume is None else f"{volume:.1f}",
                "" if area is None else f"{area:.1f}",
            )
        )
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
