"""Single slices of a DICOM series, from one-slice files and from enhanced multi-frame files alike.

Geometry: DICOM PS3.3 C.7.6.2 (image plane) and C.7.6.16 (functional groups).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pydicom

from ..analysis.errors import InputError
from .dicom_files import DicomFile
from .source_image import CT

ORIENTATION_TOLERANCE = 1e-3
"""Row and column of a slice may deviate by this from unit length and right angle; rounding in the tags."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One slice.

    Attributes
    ----------
    file, index: where it is stored; index counts the frames of the file from 0.
    row_lps, column_lps: unit vectors along increasing column index (i) and row index (j), shape (3,).
    position_lps: centre of the first pixel, mm, shape (3,).
    spacing_mm: distance of pixel centres along i and j.
    thickness_mm: nominal slice thickness, or None.
    slope, intercept: stored value -> HU or signal.
    component: "magnitude", "phase", "real", "imaginary"; "" for CT.
    facets: what can tell several images of one place apart (echo time, b-value, time, ...), name -> text.
    """

    file: DicomFile
    index: int
    row_lps: np.ndarray
    column_lps: np.ndarray
    position_lps: np.ndarray
    spacing_mm: tuple[float, float]
    thickness_mm: float | None
    slope: float
    intercept: float
    component: str
    facets: dict[str, str]

    @property
    def normal_lps(self) -> np.ndarray:
        """Unit vector across the slice, right-handed with row and column."""
        return np.cross(self.row_lps, self.column_lps)

    @property
    def matrix(self) -> tuple[int, int]:
        """Rows and columns."""
        return int(self.file.header.Rows), int(self.file.header.Columns)


def frames_of(file: DicomFile) -> list[Frame]:
    """The slices of one CT or MR file, in stored order.

    Raises
    ------
    InputError: orientation, position or spacing is missing or impossible, or CT values cannot be HU.
    """
    header = file.header
    if "PerFrameFunctionalGroupsSequence" in header:
        shared = (header.get("SharedFunctionalGroupsSequence") or [pydicom.Dataset()])[0]
        groups = header.PerFrameFunctionalGroupsSequence
        return [_frame(file, index, [group, shared, header]) for index, group in enumerate(groups)]
    if int(header.get("NumberOfFrames") or 1) > 1:
        raise InputError(f"{file.path}: is multi-frame without a place for each frame; export single-slice files.")
    return [_frame(file, 0, [header])]


def _frame(file: DicomFile, index: int, levels: list[pydicom.Dataset]) -> Frame:
    """One slice; ``levels`` are looked through from the frame's own functional groups to the header."""
    orientation = _numbers(levels, "PlaneOrientationSequence", "ImageOrientationPatient", 6)
    position = _numbers(levels, "PlanePositionSequence", "ImagePositionPatient", 3)
    spacing = _numbers(levels, "PixelMeasuresSequence", "PixelSpacing", 2)
    lacking = [
        name
        for name, value in (("orientation", orientation), ("position", position), ("pixel spacing", spacing))
        if value is None
    ]
    if lacking:
        raise InputError(f"{file.path}: has no geometry ({', '.join(lacking)} missing); export the original series.")
    if min(spacing) <= 0:
        raise InputError(f"{file.path}: has zero pixel spacing ({spacing[0]:g} x {spacing[1]:g} mm); export it again.")
    row, column = _axes(file, orientation)
    thickness = _numbers(levels, "PixelMeasuresSequence", "SliceThickness", 1)
    slope = _numbers(levels, "PixelValueTransformationSequence", "RescaleSlope", 1)
    intercept = _numbers(levels, "PixelValueTransformationSequence", "RescaleIntercept", 1)
    if file.role == CT and intercept is None and not int(file.header.get("PixelRepresentation") or 0):
        raise InputError(
            f"{file.path}: has unsigned pixels and no rescale intercept, so its values are no Hounsfield units; "
            "export the original series."
        )
    return Frame(
        file=file,
        index=index,
        row_lps=row,
        column_lps=column,
        position_lps=position,
        spacing_mm=(float(spacing[1]), float(spacing[0])),
        thickness_mm=None if thickness is None or thickness[0] <= 0 else float(thickness[0]),
        slope=1.0 if slope is None or slope[0] == 0 else float(slope[0]),
        intercept=0.0 if intercept is None else float(intercept[0]),
        component="" if file.role == CT else _component(levels),
        facets=_facets(levels),
    )


def _axes(file: DicomFile, orientation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unit row and column direction, exactly at right angles."""
    row, column = orientation[:3], orientation[3:]
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if max(abs(lengths[0] - 1), abs(lengths[1] - 1), abs(row @ column)) > ORIENTATION_TOLERANCE:
        raise InputError(f"{file.path}: its row and column are not at right angles (shear); export it again.")
    row = row / lengths[0]
    column = column - (column @ row) * row
    return row, column / np.linalg.norm(column)


def lookup(levels: list[pydicom.Dataset], sequence: str, keyword: str) -> Any:
    """The first value of ``keyword``, directly in a level or in its functional group ``sequence``; None if absent."""
    for level in levels:
        group = level.get(sequence)
        for dataset in (group[0], level) if group else (level,):
            value = dataset.get(keyword)
            if value is not None and value != "":
                return value
    return None


def _numbers(levels: list[pydicom.Dataset], sequence: str, keyword: str, count: int) -> np.ndarray | None:
    """``count`` finite numbers, or None."""
    value = lookup(levels, sequence, keyword)
    if value is None:
        return None
    try:
        numbers = np.atleast_1d(np.asarray(value, dtype=float))
    except (TypeError, ValueError):
        return None
    return numbers if numbers.shape == (count,) and np.isfinite(numbers).all() else None


_PARTS = {"P": "phase", "PHASE": "phase", "PHASE MAP": "phase", "R": "real", "REAL": "real", "I": "imaginary"}
_PARTS |= {"IMAGINARY": "imaginary"}


def _component(levels: list[pydicom.Dataset]) -> str:
    """Which part of the complex MR signal the frame holds: ComplexImageComponent, else ImageType from value 3 on."""
    named = lookup(levels, "MRImageFrameTypeSequence", "ComplexImageComponent")
    if named:
        return str(named).lower()
    image_type = [str(value).upper() for value in levels[-1].get("ImageType") or []]
    return next((_PARTS[value] for value in image_type[2:] if value in _PARTS), "magnitude")


_FACETS = (
    ("echo time (ms)", "MREchoSequence", "EffectiveEchoTime"),
    ("echo time (ms)", "MREchoSequence", "EchoTime"),
    ("inversion time (ms)", "MRModifierSequence", "InversionTime"),
    ("b-value (s/mm²)", "MRDiffusionSequence", "DiffusionBValue"),
    ("time point", "FrameContentSequence", "TemporalPositionIndex"),
    ("time point", "TemporalPositionSequence", "TemporalPositionIdentifier"),
    ("kernel", "CTReconstructionSequence", "ConvolutionKernel"),
    ("image type", "MRImageFrameTypeSequence", "FrameType"),
    ("image type", "CTImageFrameTypeSequence", "FrameType"),
    ("image type", "", "ImageType"),
    ("acquisition", "FrameContentSequence", "FrameAcquisitionNumber"),
    ("acquisition", "", "AcquisitionNumber"),
    ("trigger time (ms)", "", "TriggerTime"),
)


def _facets(levels: list[pydicom.Dataset]) -> dict[str, str]:
    """What can separate several images at one place, the most telling first."""
    facets: dict[str, str] = {}
    for name, sequence, keyword in _FACETS:
        value = lookup(levels, sequence, keyword)
        if value is not None and name not in facets:
            several = isinstance(value, list | tuple | pydicom.multival.MultiValue)
            facets[name] = "/".join(map(str, value)) if several else str(value)
    return facets
