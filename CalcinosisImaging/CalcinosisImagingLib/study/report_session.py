"""The report of one visit: did it work, what was found, how do the modalities compare."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..analysis.files import write_text
from .report_html import bullets, escape, page, table
from .report_overlays import ct_pictures, film_pictures, mr_pictures
from .session_files import session_provenance
from .session_run import SessionResult

DEPOSIT_HEADINGS = {
    "modality": "modality",
    "view": "view / series",
    "deposit_id": "deposit",
    "source": "drawn",
    "reader": "reader",
    "volume_mm3": "volume, mm³",
    "volume_lower_mm3": "from",
    "volume_upper_mm3": "to (95 %)",
    "voxel_volume_mm3": "voxels, mm³",
    "area_mm2": "area, mm²",
    "max_diameter_mm": "longest, mm",
    "mean_hu": "mean HU",
    "site": "site",
    "aspect": "aspect",
    "form": "form",
    "form_probability": "p",
    "consistency": "consistency",
    "consistency_probability": "p ",
}
MATCH_HEADINGS = {
    "view": "film",
    "ct_id": "CT",
    "mr_id": "MR",
    "xray_id": "X-ray",
    "status": "seen in",
    "volume_ct_mm3": "CT, mm³",
    "volume_mr_mm3": "MR, mm³",
    "area_ct_projected_mm2": "CT shadow, mm²",
    "area_xray_mm2": "X-ray, mm²",
    "consistency_ct_mr": "consistency CT + MR",
    "dice_ct_mr": "Dice CT–MR",
    "hd95_ct_mr_mm": "HD95 CT–MR, mm",
    "dice_ct_xray": "Dice CT–X-ray",
}
BONE_HEADINGS = {
    "bone": "bone",
    "flag": "flag",
    "expected_error_mm": "expected error, mm",
    "upper95_mm": "below (95 %), mm",
    "reason": "reason",
}


def write_session_report(path: Path, result: SessionResult) -> None:
    """Write a self-contained HTML page; the visit's nodes must still be in the scene."""
    hand = f"{result.hand} hand" if result.hand else "hand not known"
    sections = [
        ("What was imaged", _images(result)),
        ("Deposits", table(DEPOSIT_HEADINGS, result.deposits, "No deposit was found in any image of this visit.")),
        ("Deposits between the modalities", table(MATCH_HEADINGS, result.matches, _no_matches(result))),
        ("CT", ct_pictures(result)),
        ("MR on CT", mr_pictures(result)),
        ("Radiographs", film_pictures(result)),
        ("Did the registration work?", _quality(result)),
    ]
    title = f"Calcinosis: {result.participant}, {result.session}"
    write_text(path, page(title, hand, [(heading, content) for heading, content in sections if content]))


def _images(result: SessionResult) -> str:
    rows = []
    for image in result.images:
        size = image.source.volume
        rows.append(
            {
                "image": image.volume.GetName(),
                "size": " x ".join(map(str, size.size)),
                "spacing": " x ".join(f"{v:.3g}" for v in size.spacing_mm[: 2 if image.modality == "xray" else 3]),
                "deposits": len(image.used_segmentation().segments),
                "drawn": ", ".join(sorted(f"edited {r}".strip() for r in image.readers)) or "automatically",
            }
        )
    headings = {"image": "image", "size": "voxels", "spacing": "spacing, mm", "deposits": "deposits", "drawn": "drawn"}
    return table(headings, rows, "This visit has no image.") + bullets(result.notes)


def _no_matches(result: SessionResult) -> str:
    if len(result.images) < 2:
        return "Only one image was taken at this visit: there is nothing to compare."
    return "No deposit was found in any of the images."


def _quality(result: SessionResult) -> str:
    """A table of bones per registration, the doubtful first."""
    parts = []
    for series, registration in result.registrations.items():
        parts.append(f"<h3>CT to MR {escape(series)}</h3>" + _bones(registration.to_json()["bones"]))
    for view in result.located_views:
        parts.append(f"<h3>CT to radiograph {escape(view['name'])}: errors in the plane of the hand, not in depth</h3>")
        parts.append(_bones(view["bones"]))
    counts = session_provenance(result)
    summary = {**counts["registration"], **counts["film_registration"]}
    lines = [f"{name}: {c['ok']} bones ok, {c['check']} to check, {c['failed']} failed" for name, c in summary.items()]
    return bullets(lines) + "".join(parts)


def _bones(bones: dict[str, dict[str, Any]]) -> str:
    order = {"failed": 0, "check": 1, "ok": 2}
    rows = sorted(({"bone": name, **bone} for name, bone in bones.items()), key=lambda row: order[row["flag"]])
    return table(BONE_HEADINGS, rows, "No bone was registered.")
