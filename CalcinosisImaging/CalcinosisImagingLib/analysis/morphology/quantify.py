"""All measures of all deposits of one image: one row each."""

from __future__ import annotations

from typing import Literal

import numpy as np

from ..errors import InputError
from ..progress import Progress, report, silent
from ..segmentation import Segmentation
from ..view import View
from ..volume import Volume
from .calibration import Calibration
from .cut import Cut, cut_deposits, labelled_boxes
from .density import ct_density, mr_signal
from .film import film_measures
from .fractions import PointSpread, closer, measure_fractions
from .kind import consistency_of, form_of
from .mesh import mesh_vertices
from .pieces import fragments
from .place import Skeleton, nearest, place_measures, skeleton
from .psf import SKIN_SD, point_spread
from .registry import COLUMNS, MEASURES
from .scanner import Scanner, scanner_of
from .shape import shape_measures
from .skin import Skin, find_skin
from .surface import LEAST_SLICES, surface_area_mm2, thickness_mm
from .surroundings import margin_mm

Modality = Literal["ct", "mr", "xray"]
FILM_MARGIN_PIXELS = 8
"""Surroundings of a shadow that are looked at."""


def quantify(
    volume: Volume,
    deposits: Segmentation,
    modality: Modality,
    *,
    bones: Segmentation | None = None,
    view: View | None = None,
    psf_fwhm_mm: float | None = None,
    calibration: Calibration | None = None,
    skin: np.ndarray | None = None,
    magnification: float | None = None,
    progress: Progress = silent,
) -> list[dict[str, object]]:
    """Measure every deposit.

    Parameters
    ----------
    volume: the image; a film has K = 1.
    deposits: labels on the image's grid, any positive label; ``deposit_id`` is the label.
    bones: segment IDs are bone names (`anatomy`), with ``left:`` or ``right:`` in front where both hands are there. On
        the grid of the image; for a film those of the CT, which ``view.ct_to_view`` projects.
    view: geometry of a film.
    psf_fwhm_mm: width of the scanner's point spread, the voxel's own width not included; estimated if None (film: two
        pixels).
    calibration: HU to mg; without it there is no mass.
    skin: bool (K, J, I), True inside the body; found by a threshold if None.
    magnification: of a film, where it is known; else from the pose and the bones, else from the palm's height.

    Returns
    -------
    one row per label, in order of label; keys are `registry.COLUMNS`, None where a measure does not apply.

    Raises
    ------
    InputError: the grids differ.
    OperationCancelled: the receiver of ``progress`` asked to stop.
    """
    flat = modality == "xray"
    _check_grid("segmentation", deposits, volume)
    if bones is not None and not flat:
        _check_grid("segmentation of the bones", bones, volume)
    report(progress, 0.0, "finding the deposits")
    boxes = labelled_boxes(deposits.labels)
    if not boxes:
        return []
    report(progress, 0.05, "reading the bones")
    frame = None if bones is None else skeleton(bones)
    if flat:
        margin, body, psf, scanner = FILM_MARGIN_PIXELS * float(volume.spacing_mm[:2].max()), None, None, None
    else:
        report(progress, 0.15, "finding the skin")
        body = find_skin(volume, modality == "ct", skin)
        report(progress, 0.25, "measuring the sharpness")
        scanner = scanner_of(volume, boxes) if modality == "ct" and psf_fwhm_mm is None else None
        if scanner is not None:
            psf = PointSpread(scanner.spread.fwhm_mm, SKIN_SD)
        else:
            psf = point_spread(volume, deposits, bones, boxes, modality == "ct", psf_fwhm_mm, body)
        margin = margin_mm(psf.fwhm_mm, volume.spacing_mm)
    rows = []
    for number, cut in enumerate(cut_deposits(volume, deposits, None if flat else bones, margin, boxes, body)):
        report(progress, 0.3 + 0.7 * number / len(boxes), "measuring the deposits")
        if psf is None:
            measured = fragments(cut) | film_measures(cut, view, frame, magnification, psf_fwhm_mm)
        else:
            measured = _solid(cut, modality, psf, scanner, frame, body, calibration)
        rows.append(_row(cut, modality, measured))
    report(progress, 1.0, "measured")
    return rows


def _check_grid(name: str, labels: Segmentation, volume: Volume) -> None:
    """Refuse labels that are not on the image's grid."""
    if not volume.same_grid(labels.volume):
        raise InputError(
            f"The {name} ({_size(labels.volume)}) is not on the grid of its image ({_size(volume)}); "
            "resample it onto the image."
        )


def _size(volume: Volume) -> str:
    """Dimensions as text."""
    return " x ".join(map(str, volume.size))


def _row(cut: Cut, modality: str, measured: dict[str, object]) -> dict[str, object]:
    """Every column in its order, None where there is nothing or nothing finite."""
    row = dict.fromkeys(COLUMNS)
    row |= {"deposit_id": cut.label} | measured
    for measure in MEASURES:
        value = row[measure.key]
        if isinstance(value, float | np.floating):
            value = float(value) if np.isfinite(value) else None
        row[measure.key] = value if modality in measure.modalities else None
    return row


def _solid(
    cut: Cut,
    modality: str,
    psf: PointSpread,
    scanner: Scanner | None,
    bones: Skeleton | None,
    skin: Skin | None,
    calibration: Calibration | None,
) -> dict[str, object]:
    """Columns of CT and MR."""
    whole, (cut, fractions) = cut, closer(cut, measure_fractions(cut, psf, modality == "ct", scanner))
    row = fragments(cut) | {
        "volume_mm3": fractions.volume_mm3,
        "volume_lower_mm3": fractions.lower_mm3,
        "volume_upper_mm3": fractions.upper_mm3,
        "surface_area_mm2": surface_area_mm2(cut, fractions, psf.fwhm_mm),
        **shape_measures(cut),
    }
    row["integrated_intensity"] = float(cut.values[cut.mask].mean(dtype=np.float64)) * row["mesh_volume_mm3"]
    through = thickness_mm(cut, fractions, psf.fwhm_mm)
    if through is not None:
        row["thickness_mm"], row["max_thickness_mm"] = through
    row |= ct_density(cut, fractions, calibration) if modality == "ct" else mr_signal(cut, fractions)
    centre = cut.to_ras(np.argwhere(cut.mask).mean(axis=0))
    row |= dict(zip(("centroid_r_mm", "centroid_a_mm", "centroid_s_mm"), centre.tolist(), strict=True))
    if bones is not None:
        row |= place_measures(whole, bones)
    if skin is not None:
        row["depth_skin_mm"], _ = nearest(skin.tree, cut.to_ras(mesh_vertices(cut.mask)))
    row["form"], row["form_probability"] = form_of(row)
    row["consistency"], row["consistency_probability"] = consistency_of(row, modality)
    row["note"] = "; ".join(text for text in (psf.note, fractions.reason, _small(whole), _edge(whole)) if text) or None
    return row


def _small(cut: Cut) -> str | None:
    """A note on what a deposit is too small for."""
    if int(cut.mask.sum()) == 1:
        return "one voxel: no axes"
    if min(cut.mask.shape) < LEAST_SLICES:
        return "one slice: no surface area, no thickness"
    return None


def _edge(cut: Cut) -> str | None:
    """A note on a deposit that the image cuts off."""
    touching = any(
        face.any() for axis in range(3) for face in (np.take(cut.mask, 0, axis), np.take(cut.mask, -1, axis))
    )
    return "cut off by the image's border" if touching else None
