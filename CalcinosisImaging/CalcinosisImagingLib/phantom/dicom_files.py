"""CT, MR and radiographs as DICOM files: complete tags, fixed dates, identifiers that follow from the seed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from ..analysis.files import whole_file
from ..analysis.itk_bridge import LPS_RAS
from ..analysis.view import View

CT_CLASS = "1.2.840.10008.5.1.4.1.1.2"
MR_CLASS = "1.2.840.10008.5.1.4.1.1.4"
DX_CLASS = "1.2.840.10008.5.1.4.1.1.1.1"
CR_CLASS = "1.2.840.10008.5.1.4.1.1.1"


def uid(*parts: object) -> str:
    """A DICOM UID that follows from the parts alone."""
    return str(generate_uid(entropy_srcs=["calcinosis-phantom", *map(str, parts)]))


def common_tags(
    key: str, participant: str, session: int, side: str, modality: str, number: int, description: str
) -> dict[str, Any]:
    """Tags that all images of a series share; ``key`` names the study's seed."""
    return {
        "SpecificCharacterSet": "ISO_IR 100",
        "PatientName": participant,
        "PatientID": participant,
        "PatientBirthDate": "",
        "PatientSex": "O",
        "StudyInstanceUID": uid(key, participant, session, modality),
        "SeriesInstanceUID": uid(key, participant, session, modality, number),
        "FrameOfReferenceUID": uid(key, participant, session, modality, "frame"),
        "PositionReferenceIndicator": "",
        "StudyID": str(session),
        "StudyDate": f"202401{14 + session:02d}",
        "SeriesDate": f"202401{14 + session:02d}",
        "AcquisitionDate": f"202401{14 + session:02d}",
        "ContentDate": f"202401{14 + session:02d}",
        "StudyTime": "090000",
        "SeriesTime": f"09{number:02d}00",
        "AcquisitionTime": f"09{number:02d}00",
        "ContentTime": f"09{number:02d}00",
        "AccessionNumber": "",
        "ReferringPhysicianName": "",
        "Manufacturer": "CalcinosisImaging",
        "ManufacturerModelName": "digital hand",
        "Modality": modality,
        "SeriesNumber": number,
        "SeriesDescription": description,
        "StudyDescription": "Synthetic hand",
        "BodyPartExamined": "HAND",
        "Laterality": side[0].upper(),
        "BurnedInAnnotation": "NO",
    }


def write_slices(
    folder: Path, voxels: np.ndarray, ijk_to_ras: np.ndarray, sop_class: str, tags: Mapping[str, Any]
) -> None:
    """One file per slice; ``voxels`` int16 (K, J, I), geometry RAS."""
    folder.mkdir(parents=True, exist_ok=True)
    lps = LPS_RAS @ ijk_to_ras
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    directions = lps[:3, :3] / spacing
    normal = np.cross(directions[:, 0], directions[:, 1])
    for index, plane in enumerate(voxels):
        position = lps[:3, 3] + index * lps[:3, 2]
        own = {
            "InstanceNumber": index + 1,
            "AcquisitionNumber": 1,
            "ImagePositionPatient": [_ds(v) for v in position],
            "ImageOrientationPatient": [_ds(v) for v in directions[:, :2].T.ravel()],
            "SliceLocation": _ds(float(normal @ position)),
            "PixelSpacing": [_ds(spacing[1]), _ds(spacing[0])],
            "SliceThickness": _ds(spacing[2]),
            "SpacingBetweenSlices": _ds(spacing[2]),
            "PhotometricInterpretation": "MONOCHROME2",
        }
        if sop_class == CT_CLASS:
            own.pop("SpacingBetweenSlices")
        _write(folder / f"{index + 1:04d}.dcm", np.ascontiguousarray(plane), sop_class, {**tags, **own}, signed=True)


def film_tags(view: View, source_object_mm: float, complete: str) -> tuple[str, dict[str, Any]]:
    """SOP class and geometry of a radiograph as clinics have it.

    Parameters
    ----------
    complete: "full"; "imager": detector spacing and distance, no magnification; "plain": a CR with PixelSpacing alone.
    """
    spacing_u, spacing_v = view.pixel_spacing_mm
    spacing = [_ds(spacing_v), _ds(spacing_u)]
    if complete == "plain":
        return CR_CLASS, {"Modality": "CR", "PixelSpacing": spacing, "ViewPosition": "PA"}
    geometry = {"ImagerPixelSpacing": spacing, "DistanceSourceToDetector": _ds(view.source_detector_mm)}
    if complete == "full":
        geometry["DistanceSourceToPatient"] = _ds(source_object_mm)
        geometry["EstimatedRadiographicMagnificationFactor"] = _ds(view.source_detector_mm / source_object_mm)
    inverse = view.bright == "air"
    return DX_CLASS, geometry | {
        "PresentationIntentType": "FOR PRESENTATION",
        "PresentationLUTShape": "INVERSE" if inverse else "IDENTITY",
        "PixelIntensityRelationship": "LIN" if view.intensity == "linear" else "LOG",
        "PixelIntensityRelationshipSign": 1 if inverse else -1,
        "DetectorType": "DIRECT",
    }


def write_film(path: Path, pixels: np.ndarray, view: View, sop_class: str, tags: Mapping[str, Any]) -> None:
    """One radiograph; ``pixels`` uint16 (rows, columns), 12 bits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    own = {"InstanceNumber": 1, "PhotometricInterpretation": "MONOCHROME1" if view.bright == "air" else "MONOCHROME2"}
    _write(path, pixels, sop_class, {**tags, **own}, signed=False)


def _write(path: Path, plane: np.ndarray, sop_class: str, tags: Mapping[str, Any], signed: bool) -> None:
    """One DICOM file with 16-bit pixels."""
    dataset = Dataset()
    for keyword, value in tags.items():
        setattr(dataset, keyword, value)
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID = uid(tags["SeriesInstanceUID"], tags["InstanceNumber"])
    dataset.Rows, dataset.Columns = plane.shape
    dataset.SamplesPerPixel = 1
    dataset.BitsAllocated = 16
    dataset.BitsStored = 16 if signed else 12
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(signed)
    dataset.PixelData = plane.astype("<i2" if signed else "<u2").tobytes()
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = sop_class
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta = meta
    with whole_file(path) as part:
        dataset.save_as(part, enforce_file_format=True)


def _ds(value: float) -> str:
    """A decimal string of at most 16 characters."""
    text = f"{float(value):.9g}"
    return text if len(text) <= 16 else f"{float(value):.6g}"
