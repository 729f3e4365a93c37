"""Which files of a folder are DICOM, and what their headers say."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom.config import IGNORE
from pydicom.uid import UID

from ..analysis.errors import InputError
from ..analysis.progress import Progress, report, silent
from .source_image import CT, MR, XRAY

IGNORED_NAMES = frozenset({"dicomdir", "thumbs.db", "desktop.ini", "lockfile", "version"})
"""Files that media and file managers leave behind, lower case."""
DICOM_SUFFIXES = frozenset({".dcm", ".dicom", ".ima"})
"""A file named so that is no DICOM is damaged, not foreign."""

FILM_MODALITIES = frozenset({"CR", "DX", "RG", "MG", "XA", "RF"})
ROLES = {"CT": CT, "MR": MR} | dict.fromkeys(FILM_MODALITIES, XRAY)
"""DICOM Modality -> modality of the study."""

HEADER_TAGS = [
    "SOPClassUID",
    "SOPInstanceUID",
    "SeriesInstanceUID",
    "SeriesDescription",
    "SeriesNumber",
    "AcquisitionNumber",
    "ProtocolName",
    "Modality",
    "ImageType",
    "InstanceNumber",
    "TransferSyntaxUID",
    "ComplexImageComponent",
    "Rows",
    "Columns",
    "NumberOfFrames",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelPaddingValue",
    "PixelPaddingRangeLimit",
    "RescaleSlope",
    "RescaleIntercept",
    "RescaleType",
    "ModalityLUTSequence",
    "PresentationLUTShape",
    "PixelIntensityRelationship",
    "PixelIntensityRelationshipSign",
    "PresentationIntentType",
    "PixelSpacing",
    "ImagerPixelSpacing",
    "PixelSpacingCalibrationType",
    "NominalScannedPixelSpacing",
    "EstimatedRadiographicMagnificationFactor",
    "DistanceSourceToDetector",
    "DistanceSourceToPatient",
    "ImageOrientationPatient",
    "ImagePositionPatient",
    "SliceThickness",
    "GantryDetectorTilt",
    "Laterality",
    "ImageLaterality",
    "FrameLaterality",
    "ViewPosition",
    "ViewCodeSequence",
    "EchoTime",
    "EchoNumbers",
    "RepetitionTime",
    "FlipAngle",
    "ScanningSequence",
    "SequenceVariant",
    "ScanOptions",
    "MagneticFieldStrength",
    "InversionTime",
    "DiffusionBValue",
    "TemporalPositionIdentifier",
    "TriggerTime",
    "ConvolutionKernel",
    "KVP",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
]
"""Every tag that is looked at. No name, birth date, address or comment is among them."""


@dataclass(frozen=True, eq=False)
class DicomFile:
    """One DICOM file: where it is and its header (the tags of `HEADER_TAGS`)."""

    path: Path
    header: pydicom.Dataset

    @property
    def modality(self) -> str:
        """DICOM Modality, upper case, '' if absent."""
        return str(self.header.get("Modality") or "").strip().upper()

    @property
    def kind(self) -> str:
        """What DICOM calls the object, e.g. "CT Image Storage"; "DICOM object" for classes that it does not know."""
        return class_name(self.header)

    @property
    def role(self) -> str | None:
        """ "ct", "mr" or "xray" if this is an image that can be read, else None (reports, segmentations, screens)."""
        if "Rows" not in self.header or "Segmentation" in self.kind or "Presentation State" in self.kind:
            return None
        role = ROLES.get(self.modality)
        if role in (CT, MR) and "Secondary Capture" in self.kind:
            return None
        return role


def class_name(header: pydicom.Dataset) -> str:
    """Name of the header's SOP class; never the UID itself."""
    uid = UID(str(header.get("SOPClassUID", "")), validation_mode=IGNORE)
    return "DICOM object" if uid.name == uid else uid.name


def is_dicom(path: Path) -> bool:
    """Whether a file starts like DICOM, or is named like it."""
    if path.suffix.lower() in DICOM_SUFFIXES:
        return True
    try:
        with path.open("rb") as stream:
            start = stream.read(132)
    except OSError as error:
        raise InputError(f"{path}: cannot be opened ({error.strerror}); allow reading it.") from error
    return start[128:132] == b"DICM" or (path.suffix in ("", ".bin") and _bare_dicom(path, start))


def _bare_dicom(path: Path, start: bytes) -> bool:
    """Whether a file without DICOM's preamble holds a data set: group 8 first, and a SOP class."""
    if start[:2] not in (b"\x08\x00", b"\x02\x00", b"\x00\x08"):
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            header = pydicom.dcmread(path, force=True, stop_before_pixels=True, specific_tags=["SOPClassUID"])
    except Exception:  # a file of another kind can fail in any way
        return False
    return "SOPClassUID" in header


def find_dicom(places: Iterable[Path], progress: Progress = silent) -> list[DicomFile]:
    """The DICOM files among files and folders (nested), in order of path; everything else is passed over.

    Raises
    ------
    InputError: a folder or file cannot be opened, or a file named .dcm is not DICOM or ends too early.
    """
    paths = [path for place in places for path in _files_in(place)]
    found = []
    for number, path in enumerate(paths):
        if number % 50 == 0:
            report(progress, number / len(paths), "Reading DICOM headers")
        if is_dicom(path):
            header = read_header(path)
            if "Media Storage Directory" not in class_name(header):
                found.append(DicomFile(path, header))
    return found


def _files_in(place: Path) -> Iterator[Path]:
    """``place`` itself, or all files below it, sorted; hidden ones and those of `IGNORED_NAMES` are left out."""
    if not place.is_dir():
        yield place
        return

    def refuse(error: OSError) -> None:
        raise InputError(f"{error.filename}: cannot be opened ({error.strerror}); allow reading it.") from error

    seen = set()
    for folder, folders, names in os.walk(place, onerror=refuse, followlinks=True):
        real = os.path.realpath(folder)
        folders[:] = [] if real in seen else sorted(f for f in folders if not f.startswith("."))
        if real in seen:
            continue
        seen.add(real)
        yield from (
            Path(folder, name)
            for name in sorted(names)
            if not name.startswith(".") and name.lower() not in IGNORED_NAMES
        )


_COUNTS = ("Rows", "Columns")


def read_header(path: Path) -> pydicom.Dataset:
    """The tags of `HEADER_TAGS` of one file, pixels left out; every value is decoded, so that damage shows here.

    Raises
    ------
    InputError: the file is empty, cannot be opened, or is no whole DICOM header.
    """
    try:
        if path.stat().st_size == 0:
            raise InputError(f"{path}: is empty (0 bytes); copy it again.")
        path.open("rb").close()
    except OSError as error:
        raise InputError(f"{path}: cannot be opened ({error.strerror}); allow reading it.") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            header = pydicom.dcmread(path, force=True, stop_before_pixels=True, specific_tags=HEADER_TAGS)
            known = [element for element in header.iterall() if element.value is not None]
            counts = [int(header[tag].value) for tag in _COUNTS if tag in header]
            counts.append(int(header.get("NumberOfFrames") or 1))
    except Exception as error:  # damaged values fail in any way
        raise _damaged(path) from error
    if not known or min(counts) < 1:
        raise _damaged(path)
    return header


def _damaged(path: Path) -> InputError:
    return InputError(f"{path}: is not a readable DICOM file (truncated, damaged or of another kind); copy it again.")
