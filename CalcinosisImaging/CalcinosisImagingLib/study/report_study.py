"""The report of a whole study: counts, agreement of the modalities, repeatability, links to the visits."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..analysis.files import write_text
from ..analysis.statistics.agreement import PAIR_KEYS
from ..analysis.statistics.study_summary import first_view
from .report_figures import bland_altman_figure, figures_possible
from .report_html import bullets, escape, page, shown, table

COUNT_HEADINGS = {
    "participant": "participant",
    "session": "visit",
    "modality": "modality",
    "view": "view / series",
    "deposits": "deposits",
    "volume_mm3": "volume, mm³",
    "area_mm2": "area, mm²",
}
STATISTIC_HEADINGS = {"statistic": "statistic", "value": "value", "interval": "95 % interval", "reason": "remark"}
AGREEMENT_KEYS = (*PAIR_KEYS, "icc", "repeatability")
NO_FIGURES = "The figures need matplotlib, which is not installed; everything else is complete."


def write_study_report(
    path: Path,
    name: str,
    counts: list[dict[str, Any]],
    visits: Mapping[str, list[str]],
    agreement: dict[str, Any],
    repeatability: dict[str, Any],
    matches: list[dict[str, Any]],
) -> None:
    """Write a self-contained HTML page.

    counts: one row per image, see `cohort.deposits_by_modality`; visits: participant -> names of visits.
    agreement, repeatability: contents of the JSON files; matches: rows of matches.csv, for the figure.
    """
    sections = [
        ("Deposits by modality", table(COUNT_HEADINGS, counts, "No image was analysed.")),
        ("CT and MR volumes of the same deposits", _agreement(agreement, matches)),
        ("CT and MR volumes of whole hands", _nested(agreement, "hand_volume")),
        ("X-ray and CT", _nested(agreement, "xray")),
        ("How many deposits each modality shows", _detection(agreement)),
        ("Repeatability", _nested({"all": repeatability}, "")),
        ("Visits", _links(visits)),
    ]
    text = page(f"Calcinosis: {name}", "All participants", [(title, body) for title, body in sections if body])
    write_text(path, text)


def _agreement(agreement: dict[str, Any], matches: list[dict[str, Any]]) -> str:
    figure = ""
    pairs = [(row["volume_ct_mm3"], row["volume_mr_mm3"]) for row in _once(matches)]
    if len(pairs) >= 3:
        figure = bland_altman_figure(pairs, agreement) if figures_possible() else f"<p>{NO_FIGURES}</p>"
    return statistics_table(agreement) + figure


def _once(matches: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Matches with both volumes, counted as the statistics count them."""
    return [row for row in first_view(matches) if row.get("volume_ct_mm3") and row.get("volume_mr_mm3")]


def statistics_table(statistics: dict[str, Any]) -> str:
    """Value, interval and remark of every statistic in the content of agreement.json."""
    rows = []
    for key, value in statistics.items():
        # What lies nested under further keys has a table of its own.
        if isinstance(value, dict) and ("bland_altman" not in statistics or key in AGREEMENT_KEYS):
            rows += _rows(key, value)
    columns = " and ".join(statistics.get("columns", []))
    head = f"<p>{escape(columns)}: n = {statistics.get('n', 0)}</p>"
    reasons = {row["reason"] for row in rows}
    if len(reasons) == 1 and None not in reasons and all(row["value"] == shown(None) for row in rows):
        # Twenty rows of dashes would say no more.
        return head + f"<p>No statistic can be computed: {escape(reasons.pop())}.</p>"
    return head + table(STATISTIC_HEADINGS, rows, "There is nothing to compute.")


def _rows(name: str, value: dict[str, Any]) -> list[dict[str, Any]]:
    """One row for an estimate, one per estimate for a group of them."""
    if "value" in value:
        return [_row(name, value["value"], value.get("lower95"), value.get("upper95"), value.get("reason"))]
    rows = []
    for key, inner in value.items():
        if isinstance(inner, dict):
            rows += _rows(f"{name} {key}", inner)
        elif f"{key}_lower95" in value:
            bounds = value[f"{key}_lower95"], value[f"{key}_upper95"]
            rows.append(_row(f"{name} {key}", inner, *bounds, value.get("reason")))
    return rows or [_row(name, None, None, None, value.get("reason"))]


def _row(name: str, value: Any, lower: Any, upper: Any, reason: Any) -> dict[str, Any]:
    interval = "" if lower is None or upper is None else f"{shown(lower)} to {shown(upper)}"
    return {"statistic": name.replace("_", " "), "value": shown(value), "interval": interval, "reason": reason}


def _nested(content: dict[str, Any], word: str) -> str:
    """Tables of the parts of a summary whose name contains ``word``."""
    parts = [(key, value) for key, value in content.items() if word in key and isinstance(value, dict)]
    return "".join(f"<h3>{escape(key.replace('_', ' '))}</h3>{statistics_table(value)}" for key, value in parts)


def _detection(agreement: dict[str, Any]) -> str:
    return statistics_table(agreement["detection"]) if isinstance(agreement.get("detection"), dict) else ""


def _links(visits: Mapping[str, list[str]]) -> str:
    items = []
    for participant, sessions in visits.items():
        for session in sessions:
            place = f"{participant}/{session}"
            items.append(
                f'<li><a href="{place}/report.html">{escape(place)}</a>, '
                f'<a href="{place}/scene.mrb">scene for 3D Slicer</a></li>'
            )
    return f"<ul>{''.join(items)}</ul>" if items else bullets(["No visit was analysed."])
