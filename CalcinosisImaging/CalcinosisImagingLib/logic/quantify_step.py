"""Step 5: measures of each deposit of a segmentation node, as rows and as a table node."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..analysis.anatomy import digit_of
from ..analysis.carry import nearest_labels
from ..analysis.morphology.calibration import Calibration
from ..analysis.morphology.quantify import quantify
from ..analysis.progress import Progress, silent
from ..analysis.segmentation import CONFIDENCE_TAG, SOURCE_TAG, Segment, Segmentation
from ..analysis.volume import Volume
from ..scene.segmentations import segmentation_from_node
from ..scene.tables import table_node, table_rows
from ..scene.volumes import get_view, volume_from_node
from .columns import DEPOSIT_COLUMNS
from .segmentation_step import carried_bones, grid_of

COMPARED = ("volume_mm3", "area_mm2", "plateau_hu", "p90_hu", "dense_share", "heterogeneity", "signal_ratio")
"""Measures of a deposit that the comparison of images needs."""


def quantify_segmentation(
    volume_node: object,
    segmentation_node: object,
    modality: str,
    ct_bones_node: object | None = None,
    bones_on_image_node: object | None = None,
    psf_fwhm_mm: float | None = None,
    calibration: Calibration | None = None,
    progress: Progress = silent,
) -> list[dict[str, Any]]:
    """One row per deposit: measures, modality, view and source; see `columns.DEPOSIT_COLUMNS`.

    ct_bones_node: bones of the CT, carried to this image by its registration.
    bones_on_image_node: bones on this image's own grid instead.
    psf_fwhm_mm: width of the point spread; of a film that of detector and focal spot together, at the detector.
    """
    volume = volume_from_node(volume_node)
    deposits = segmentation_from_node(segmentation_node, volume)
    if modality == "xray":
        rows = _film_rows(volume_node, volume, deposits, ct_bones_node, psf_fwhm_mm, progress)
    else:
        if bones_on_image_node is not None:
            bones = segmentation_from_node(bones_on_image_node, volume)
        else:
            bones = carried_bones(volume_node, modality, ct_bones_node)
        rows = quantify(
            volume,
            deposits,
            modality,
            bones=bones,
            psf_fwhm_mm=psf_fwhm_mm,
            calibration=calibration,
            progress=progress,
        )
    found = {segment.label: _origin(segment) for segment in deposits.segments}
    about = {"modality": modality, "view": _view_name(volume_node) if modality == "xray" else None}
    return [{**about, **found[row["deposit_id"]], **row} for row in rows]


def _origin(segment: Segment) -> dict[str, Any]:
    """Who drew a deposit and, where that was the segmentation alone, how sure it is."""
    source = segment.tags.get(SOURCE_TAG, "manual")
    confidence = segment.tags.get(CONFIDENCE_TAG) if source == "auto" else None
    return {"source": source, "confidence": None if confidence is None else float(confidence)}


def _view_name(film_node: object) -> str | None:
    view = get_view(film_node)
    return None if view is None else view.name


def _film_rows(
    film_node: object,
    film: Volume,
    deposits: Segmentation,
    ct_bones_node: object | None,
    psf_fwhm_mm: float | None,
    progress: Progress,
) -> list[dict[str, Any]]:
    """Measures of shadows: the depth of each from the bone that it lies at, where the film was located."""
    view = get_view(film_node)
    shadows = carried_bones(film_node, "xray", ct_bones_node)
    if shadows is None:
        magnification = None if view is None else view.magnification
        return quantify(
            film,
            deposits,
            "xray",
            view=view,
            psf_fwhm_mm=psf_fwhm_mm,
            magnification=magnification,
            progress=progress,
        )
    bones = segmentation_from_node(ct_bones_node, grid_of(ct_bones_node))
    rows = quantify(film, deposits, "xray", bones=bones, view=view, psf_fwhm_mm=psf_fwhm_mm, progress=progress)
    sites = nearest_labels(deposits, shadows)
    for row in rows:
        row["site"] = sites.get(row["deposit_id"])
        row["digit"] = digit_of(row["site"]) if row["site"] else None
    return rows


def deposit_table(scene: object, name: str, rows: Iterable[Mapping[str, Any]], node: object = None) -> object:
    """A table node of deposit rows; ``node`` is refilled if given."""
    keyed = [{"key": deposit_key(row), **row} for row in rows]
    return table_node(scene, name, DEPOSIT_COLUMNS, keyed, node)


def deposit_key(row: Mapping[str, Any]) -> str:
    """Short text that names a deposit within a visit, such as ``xray-pa-3``."""
    parts = (row["modality"], row.get("view"), row.get("reader"), row["deposit_id"])
    return "-".join(str(part) for part in parts if part not in (None, ""))


def measured_rows(table: object | None) -> list[dict[str, Any]]:
    """Modality, view, label, size and density of the rows of a deposit table node, as numbers; [] without a table."""
    rows = []
    for row in [] if table is None else table_rows(table):
        values = {key: float(row[key]) for key in COMPARED if row[key]}
        rows.append({"modality": row["modality"], "view": row["view"], "deposit_id": int(row["deposit_id"]), **values})
    return rows
