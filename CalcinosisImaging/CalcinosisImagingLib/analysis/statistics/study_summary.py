"""The study's own questions, answered from its tables: do the modalities agree, is it reproducible."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from .agreement import agreement
from .detection import area_against_volume, lesion_counts

Row = Mapping[str, Any]
Unit = tuple[str, str, str]
"""Participant, session, hand ('' where the hand is not told)."""

MODALITIES = ("xray", "ct", "mr")
VOLUMES = ("volume_ct_mm3", "volume_mr_mm3")
AREAS = ("area_ct_projected_mm2", "area_xray_mm2")


def agreement_of_study(deposits: Sequence[Row], matches: Sequence[Row], imaged: Sequence[Row]) -> dict[str, Any]:
    """Content of a study's agreement.json.

    Parameters
    ----------
    deposits: rows of deposits.csv; of several readers of one image the first counts.
    matches: rows of matches.csv; of several views of a visit the first counts, so that no deposit counts twice.
    imaged: which image exists: participant, session, hand, modality, view (film's view or MR series). Of several
        films or series of a visit the first counts.

    Returns
    -------
    Agreement of CT and MR volume, deposit by deposit, and under further keys, each with the same content:
    "hand_volume_ct_mr" (totals per hand), "xray_area" (film against the CT's shadow, by deposit), "hand_xray_area";
    besides "detection" (lesions per hand) and "xray_area_against_volume" (rank correlations).
    """
    once = list(first_view(matches))
    totals = _totals(once)
    volumes = _hand_volumes(deposits, imaged)
    return {
        "level": "deposit",
        **_agreement(once, VOLUMES),
        "hand_volume_ct_mr": {"level": "hand", **_agreement(volumes, VOLUMES)},
        "xray_area": {"level": "deposit", **_agreement(once, AREAS)},
        "hand_xray_area": {"level": "hand", **_agreement(totals, AREAS)},
        "xray_area_against_volume": _areas_against_volumes(once, totals),
        "detection": _detection(deposits, imaged),
    }


def repeatability_of_study(visit_matches: Sequence[Row]) -> dict[str, Any]:
    """Content of a study's repeatability.json, from the rows of visit-matches.csv.

    Returns
    -------
    Agreement of first and second visit, deposit by deposit, for the first kind of image (MR series before films), and
    under "images" for each kind of image: the same by deposit and "hand" (totals per hand), "seen_again" (deposits
    seen at both visits, at the first alone, at the second alone) and "change" (how many of each class).
    """
    kinds = sorted({(row["modality"], row.get("view") or "") for row in visit_matches})
    images = {" ".join(filter(None, kind)): _of_image(_of_kind(visit_matches, kind)) for kind in kinds}
    first = next(iter(images.values()), _of_image([]))
    return {**{key: first[key] for key in first if key not in ("hand", "seen_again", "change")}, "images": images}


def _of_image(rows: Sequence[Row]) -> dict[str, Any]:
    """Repeatability of one kind of image."""
    columns = ("measure_first", "measure_second")
    matched = [row for row in rows if row["status"] == "matched"]
    hands: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in rows:
        key = tuple(row.get(name) or "" for name in ("participant", "first_session", "second_session", "hand"))
        total = hands.setdefault(key, {"participant": key[0], **dict.fromkeys(columns, 0.0)})
        for column in columns:
            total[column] += _number(row.get(column), 0.0)
    classes = [row.get("change_class") for row in matched]
    return {
        "measure": rows[0].get("measure") if rows else None,
        "level": "deposit",
        **_agreement(matched, columns),
        "hand": {"level": "hand", **_agreement(list(hands.values()), columns)},
        "seen_again": {
            name: sum(row["status"] == name for row in rows) for name in ("matched", "first-only", "second-only")
        },
        "change": {name: classes.count(name) for name in ("progression", "stable", "improvement")},
    }


def _agreement(rows: Sequence[Row], columns: Iterable[str]) -> dict[str, Any]:
    """Agreement of two columns; rows of one participant belong together."""
    columns = tuple(columns)
    known = [row for row in rows if all(np.isfinite(_number(row.get(column))) for column in columns)]
    values = {column: np.array([_number(row[column]) for row in known]) for column in columns}
    return agreement(values, [row["participant"] for row in known])


def first_view(matches: Sequence[Row]) -> Iterable[Row]:
    """Rows of the first view of each visit and hand."""
    views: dict[Unit, str] = {}
    for row in matches:
        if views.setdefault(_unit(row), row.get("view") or "") == (row.get("view") or ""):
            yield row


def _totals(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """One row per visit and hand: sums of volumes and areas; a column is None where no row has it."""
    totals: dict[Unit, dict[str, Any]] = {}
    for row in rows:
        total = totals.setdefault(_unit(row), {"participant": row["participant"], **dict.fromkeys(VOLUMES + AREAS)})
        for column in VOLUMES + AREAS:
            if np.isfinite(_number(row.get(column))):
                total[column] = (total[column] or 0.0) + _number(row[column])
    return list(totals.values())


def _areas_against_volumes(once: Sequence[Row], totals: Sequence[Row]) -> dict[str, Any]:
    """Spearman's correlation of X-ray area with volume, as the published study reports it, by deposit and by hand."""
    found = {}
    for level, rows in (("deposit", once), ("hand", totals)):
        participants = np.array([row["participant"] for row in rows])
        areas = np.array([_number(row.get("area_xray_mm2")) for row in rows])
        for modality, column in zip(("ct", "mr"), VOLUMES, strict=True):
            volumes = np.array([_number(row.get(column)) for row in rows])
            found[f"{level}_{modality}"] = area_against_volume(areas, volumes, participants)
    return found


def _hand_volumes(deposits: Sequence[Row], imaged: Sequence[Row]) -> list[dict[str, Any]]:
    """Total volumes of the visits and hands that have both CT and MR; 0 where nothing was found."""
    chosen = _chosen_images(imaged)
    rows = []
    for unit, images in chosen.items():
        if "ct" in images and "mr" in images:
            total = {"participant": unit[0]}
            for modality, column in zip(("ct", "mr"), VOLUMES, strict=True):
                found = _deposits_of(deposits, unit, modality, images[modality])
                total[column] = float(sum(_number(row.get("volume_mm3"), 0.0) for row in found))
            rows.append(total)
    return rows


def _detection(deposits: Sequence[Row], imaged: Sequence[Row]) -> dict[str, Any]:
    """Lesions per hand of the visits and hands that have every modality that the study has."""
    chosen = _chosen_images(imaged)
    present = [name for name in MODALITIES if any(name in images for images in chosen.values())]
    complete = {unit: images for unit, images in chosen.items() if all(name in images for name in present)}
    counts = {
        name: [len(_deposits_of(deposits, unit, name, images[name])) for unit, images in complete.items()]
        for name in present
    }
    return lesion_counts(counts)


def _chosen_images(imaged: Sequence[Row]) -> dict[Unit, dict[str, str]]:
    """Visit and hand -> modality -> view or series, the first of each."""
    chosen: dict[Unit, dict[str, str]] = {}
    for image in imaged:
        chosen.setdefault(_unit(image), {}).setdefault(image["modality"], image.get("view") or "")
    return chosen


def _deposits_of(deposits: Sequence[Row], unit: Unit, modality: str, view: str) -> list[Row]:
    """Deposits of one image and hand, by its first reader; a row that tells no hand belongs to the hand imaged."""
    found = [
        row
        for row in deposits
        if (row["participant"], row["session"]) == unit[:2]
        and (row.get("hand") or unit[2]) == (unit[2] or row.get("hand") or "")
        and row["modality"] == modality
        and (row.get("view") or "") == view
    ]
    return [row for row in found if (row.get("reader") or "") == (found[0].get("reader") or "")]


def _of_kind(rows: Sequence[Row], kind: tuple[str, str]) -> list[Row]:
    """Rows of one modality and view or series."""
    return [row for row in rows if (row["modality"], row.get("view") or "") == kind]


def _unit(row: Row) -> Unit:
    """Participant, session and hand of a row."""
    return row["participant"], row["session"], row.get("hand") or ""


def _number(value: Any, missing: float = np.nan) -> float:
    """A cell as a number, ``missing`` where it is empty."""
    return missing if value is None or value == "" else float(value)
