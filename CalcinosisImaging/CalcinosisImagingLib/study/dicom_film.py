"""Radiographs in DICOM (CR, DX, MG and kin): geometry and polarity from the tags.

Spacing: DICOM PS3.3 10.7 (Basic Pixel Spacing Calibration), C.8.11.4 (DX detector), C.8.7.5 (XA acquisition).
Polarity: C.8.11.3 (DX image, PixelIntensityRelationshipSign, PresentationLUTShape).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pydicom
from pydicom.pixels import apply_modality_lut

from ..analysis.errors import InputError
from ..analysis.view import BRIGHT, View
from .dicom_files import DicomFile
from .dicom_pixels import read_pixels
from .dicom_stack import padding_mask
from .film_polarity import bright_of
from .names import safe_name
from .view_files import view_path_of

DEFAULT_SOURCE_DETECTOR_MM = 1000.0
"""Usual distance for a hand radiograph (100 cm), taken where DICOM is silent."""
PLAUSIBLE_MAGNIFICATION = (1.0, 5.0)
SAME_SPACING = 1e-3
"""Two spacings are the same within this fraction."""
AIR, BONE = BRIGHT

Pair = tuple[float, float]


@dataclass(frozen=True)
class DetectorSpacing:
    """Pixel spacing at the detector.

    Attributes
    ----------
    spacing_mm: (u, v), at the detector.
    trust: one of `analysis.view.SPACING_TRUST`.
    magnification: of the object's plane, or None.
    """

    spacing_mm: Pair
    trust: str
    magnification: float | None


def read_film_pixels(file: DicomFile) -> tuple[np.ndarray, np.ndarray | None, str]:
    """Pixels (rows, columns) after the modality transform, padding mask or None, and the file's SHA-256."""
    if int(file.header.get("NumberOfFrames") or 1) > 1:
        raise InputError(
            f"{file.path}: holds {int(file.header.NumberOfFrames)} frames, a radiograph has one; give a single film."
        )
    frames, digest, dataset = read_pixels(file.path)
    stored = frames[0]
    padding = padding_mask(stored, file.header)
    values = apply_modality_lut(stored, dataset)
    if values.dtype.kind == "f":
        values = stored if np.array_equal(values, stored) else values.astype(np.float32)
    return values, padding, digest


def film_view(file: DicomFile, pixels: np.ndarray, padding: np.ndarray | None) -> tuple[View, list[str]]:
    """The view that the tags describe, and sentences on what had to be assumed.

    Raises
    ------
    InputError: no pixel spacing at all.
    """
    header, notes = file.header, []
    spacing = detector_spacing(file)
    if spacing.trust == "unknown":
        notes.append(
            "It is unknown whether the pixel spacing holds at the detector or in the hand: sizes depend on it."
        )
    elif spacing.trust == "imager":
        notes.append("The magnification is not known: sizes hold at the detector.")
    distance = number(header, "DistanceSourceToDetector")
    if distance is None:
        distance = DEFAULT_SOURCE_DETECTOR_MM
        notes.append(f"The distance from source to detector is not given: {distance:.0f} mm assumed.")
    rows, columns = pixels.shape
    bright, polarity_notes = _bright(header, pixels, padding)
    intensity, intensity_notes = _intensity(header)
    view = View(
        name=safe_name(str(header.get("ViewPosition") or "")).lower() or "view",
        rows=rows,
        columns=columns,
        pixel_spacing_mm=spacing.spacing_mm,
        source_detector_mm=distance,
        principal_point_px=((columns - 1) / 2, (rows - 1) / 2),
        intensity=intensity,
        bright=bright,
        spacing_trust=spacing.trust,
        magnification=spacing.magnification,
    )
    return view, notes + polarity_notes + intensity_notes


def detector_spacing(file: DicomFile) -> DetectorSpacing:
    """Pixel spacing at the detector with its origin, by the order of trust (docs/reading.md).

    PixelSpacing calibrated by a fiducial or by geometry holds in the object's plane; it is brought to the detector by
    the magnification, which ImagerPixelSpacing, the estimated factor, or the distances give.
    """
    header = file.header
    imager, pixel = _pair(header, "ImagerPixelSpacing"), _pair(header, "PixelSpacing")
    factor = _magnification(header)
    calibration = str(header.get("PixelSpacingCalibrationType") or "").upper()
    trust = {"FIDUCIAL": "fiducial", "GEOMETRY": "geometric"}.get(calibration)
    if trust and pixel:
        factor = imager[0] / pixel[0] if imager else factor or 1.0
        detector = imager or (pixel[0] * factor, pixel[1] * factor)
        return DetectorSpacing(detector, trust, factor)
    if imager:
        return DetectorSpacing(imager, "imager-magnification" if factor else "imager", factor)
    nominal = _pair(header, "NominalScannedPixelSpacing")
    if nominal and (not pixel or _same(nominal, pixel)):
        return DetectorSpacing(nominal, "imager-magnification" if factor else "imager", factor)
    if pixel:
        return DetectorSpacing(pixel, "unknown", None)
    raise InputError(
        f"{file.path}: has no pixel spacing; write its geometry into a view file {view_path_of(file.path).name} "
        "beside it."
    )


def _magnification(header: pydicom.Dataset) -> float | None:
    """The estimated factor, else distance to detector over distance to patient; None where absent or impossible."""
    factor = number(header, "EstimatedRadiographicMagnificationFactor")
    if factor is None:
        detector, patient = number(header, "DistanceSourceToDetector"), number(header, "DistanceSourceToPatient")
        factor = detector / patient if detector and patient else None
    low, high = PLAUSIBLE_MAGNIFICATION
    return factor if factor is not None and low <= factor <= high else None


def number(header: pydicom.Dataset, keyword: str) -> float | None:
    """A positive number of a tag, or None."""
    try:
        value = float(header.get(keyword))
    except (TypeError, ValueError):
        return None
    return value if np.isfinite(value) and value > 0 else None


def _pair(header: pydicom.Dataset, keyword: str) -> Pair | None:
    """Two positive numbers of a tag in the order (u, v), the reverse of DICOM's; None if absent or zero."""
    try:
        rows, columns = (float(value) for value in header.get(keyword))
    except (TypeError, ValueError):
        return None
    return (columns, rows) if min(rows, columns) > 0 and np.isfinite(rows + columns) else None


def _same(a: Pair, b: Pair) -> bool:
    return bool(np.allclose(a, b, rtol=SAME_SPACING, atol=0))


def _bright(header: pydicom.Dataset, pixels: np.ndarray, padding: np.ndarray | None) -> tuple[str, list[str]]:
    """Which end is bright: the intensity sign, else the display; the pixels decide where these contradict each other.

    Sign +1: lower values mean less X-ray intensity, so air is high. MONOCHROME1 (or PresentationLUTShape INVERSE)
    shows low values white, and films are shown with white bone, so air is high there too. Raw images ("for
    processing") are not meant to be shown: without a sign and a clear background their values are taken as signal.
    """
    sign = str(header.get("PixelIntensityRelationshipSign") or "").strip()
    by_sign = {"1": AIR, "-1": BONE}.get(sign) if header.get("PixelIntensityRelationship") else None
    if by_sign and float(header.get("RescaleSlope") or 1) < 0:
        by_sign = BONE if by_sign == AIR else AIR
    by_display = AIR if header.get("PhotometricInterpretation") == "MONOCHROME1" else BONE
    raw = str(header.get("PresentationIntentType") or "").upper() == "FOR PROCESSING"
    by_pixels = bright_of(pixels, padding)
    if by_sign and (raw or by_sign == by_display):
        told = by_sign
    elif by_sign is None and not raw:
        told = by_display
    else:
        decided = by_pixels or by_sign or (AIR if raw else by_display)
        return decided, [f"The tags do not tell clearly whether air or bone is bright: {decided} taken."]
    if by_pixels and by_pixels != told:
        return told, [
            f"The tags say that {told} is bright, the background looks as if {by_pixels} were: check the film."
        ]
    return told, []


def _intensity(header: pydicom.Dataset) -> tuple[str, list[str]]:
    """Whether values follow the detected signal or its logarithm; silent and processed films are taken as log."""
    relation = str(header.get("PixelIntensityRelationship") or "").upper()
    if relation in ("LIN", "LOG"):
        return {"LIN": "linear", "LOG": "log"}[relation], []
    if str(header.get("PresentationIntentType") or "").upper() == "FOR PROCESSING":
        return "linear", ["The relation of pixel value and exposure is not given: linear assumed."]
    return "log", ["The relation of pixel value and exposure is not given: logarithmic assumed."]


def film_facts(header: pydicom.Dataset, view: View) -> dict[str, float | str]:
    """What later steps may use, see docs/reading.md."""
    facts: dict[str, float | str] = {}
    if view.magnification is not None:
        facts["magnification"] = view.magnification
    for name, keyword in (("source_patient_mm", "DistanceSourceToPatient"), ("tube_kv", "KVP")):
        value = number(header, keyword)
        if value is not None:
            facts[name] = value
    return facts
