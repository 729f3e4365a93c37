"""Small DICOM series for the tests, every tag of which a test can change; independent of the project's writer."""

from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian

CT_CLASS = "1.2.840.10008.5.1.4.1.1.2"
ENHANCED_CT_CLASS = "1.2.840.10008.5.1.4.1.1.2.1"
MR_CLASS = "1.2.840.10008.5.1.4.1.1.4"
ENHANCED_MR_CLASS = "1.2.840.10008.5.1.4.1.1.4.1"
CR_CLASS = "1.2.840.10008.5.1.4.1.1.1"
DX_CLASS = "1.2.840.10008.5.1.4.1.1.1.1"
DX_RAW_CLASS = "1.2.840.10008.5.1.4.1.1.1.1.1"
SEG_CLASS = "1.2.840.10008.5.1.4.1.1.66.4"

PERSON = "Musterfrau^Erika"
BIRTH_DATE = "19600229"
PATIENT_ID = "MRN-7654321"


def uid(*numbers):
    """A UID of the tests' own from numbers."""
    return UID("1.2.826.0.1.3680043.10.1." + ".".join(str(n) for n in numbers))


def dataset(sop_class, modality, pixels, series=1, number=1, **tags):
    """A data set with pixels (rows, columns) or (frames, rows, columns) of any integer type, and any further tags.

    A tag given as None is left out.
    """
    pixels = np.asarray(pixels)
    ds = Dataset()
    ds.SOPClassUID = sop_class
    ds.SOPInstanceUID = uid(series, number)
    ds.SeriesInstanceUID = uid(series)
    ds.StudyInstanceUID = uid(999)
    ds.PatientName, ds.PatientID, ds.PatientBirthDate = PERSON, PATIENT_ID, BIRTH_DATE
    ds.Modality = modality
    ds.SeriesNumber, ds.InstanceNumber = series, number
    ds.Rows, ds.Columns = pixels.shape[-2:]
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.BitsAllocated = ds.BitsStored = 8 * pixels.dtype.itemsize
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = int(pixels.dtype.kind == "i")
    if pixels.ndim == 3:
        ds.NumberOfFrames = len(pixels)
    ds.PixelData = pixels.tobytes() + b"\0" * (pixels.nbytes % 2)
    for keyword, value in tags.items():
        if value is None:
            if keyword in ds:
                delattr(ds, keyword)
        else:
            setattr(ds, keyword, value)
    return ds


def save(ds, path, transfer_syntax=ExplicitVRLittleEndian):
    """Write one file with preamble and file meta; returns its path."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = transfer_syntax
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    pydicom.dcmwrite(path, ds, enforce_file_format=True, little_endian=True, implicit_vr=False)
    return path


def slices(
    voxels,
    sop_class=CT_CLASS,
    modality="CT",
    origin_lps=(-10.0, 20.0, 30.0),
    row=(1.0, 0.0, 0.0),
    column=(0.0, 1.0, 0.0),
    spacing_mm=(0.5, 0.7, 1.25),
    step_lps=None,
    **tags,
):
    """Single-frame data sets of a volume (slices, rows, columns); ``spacing_mm`` is along i, j, k.

    ``step_lps`` is the way from one slice to the next where it is not along the normal (tilted gantry).
    """
    row, column = np.asarray(row, float), np.asarray(column, float)
    step = np.cross(row, column) * spacing_mm[2] if step_lps is None else np.asarray(step_lps, float)
    made = []
    for k, pixels in enumerate(voxels):
        position = np.asarray(origin_lps, float) + k * step
        geometry = {
            "ImageOrientationPatient": [f"{v:.10f}"[:16] for v in (*row, *column)],
            "ImagePositionPatient": [f"{v:.10f}"[:16] for v in position],
            "PixelSpacing": [spacing_mm[1], spacing_mm[0]],
            "SliceThickness": spacing_mm[2],
        }
        made.append(dataset(sop_class, modality, pixels, number=k + 1, **(geometry | tags)))
    return made


def save_series(folder, datasets, order=None):
    """Write data sets as ``0000.dcm`` ... in ``folder``; ``order`` shuffles the names. Returns the folder."""
    order = range(len(datasets)) if order is None else order
    for name, index in enumerate(order):
        save(datasets[index], Path(folder) / f"{name:04d}.dcm")
    return Path(folder)


def enhanced(voxels, sop_class=ENHANCED_CT_CLASS, modality="CT", slopes=None, intercepts=None, order=None, **geometry):
    """One enhanced multi-frame data set of a volume, with functional groups and a rescale for each frame."""
    single = slices(voxels, sop_class, modality, **geometry)
    order = list(range(len(single)) if order is None else order)
    ds = dataset(sop_class, modality, np.stack([voxels[k] for k in order]))
    shared = Dataset()
    shared.PlaneOrientationSequence = Sequence([_only(single[0], "ImageOrientationPatient")])
    shared.PixelMeasuresSequence = Sequence([_only(single[0], "PixelSpacing", "SliceThickness")])
    ds.SharedFunctionalGroupsSequence = Sequence([shared])
    frames = []
    for k in order:
        frame = Dataset()
        frame.PlanePositionSequence = Sequence([_only(single[k], "ImagePositionPatient")])
        if slopes is not None:
            transform = Dataset()
            transform.RescaleSlope, transform.RescaleIntercept = slopes[k], intercepts[k]
            frame.PixelValueTransformationSequence = Sequence([transform])
        frames.append(frame)
    ds.PerFrameFunctionalGroupsSequence = Sequence(frames)
    return ds


def _only(source, *keywords):
    """A data set with some elements of another."""
    ds = Dataset()
    for keyword in keywords:
        setattr(ds, keyword, source[keyword].value)
    return ds


def hand_film(rows=200, columns=160, bright="air", collimated=False, seed=0):
    """Pixels (rows, columns) uint16 of a hand-like shadow: directly exposed air around soft tissue around bones."""
    v, u = np.mgrid[:rows, :columns] / np.array([rows, columns])[:, None, None]

    def rod(centre, width, top):
        return np.sqrt(np.clip(1 - ((u - centre) / width) ** 2, 0, 1)) * np.clip((v - top) * 20, 0, 1)

    digits = ((0.32, 0.15), (0.44, 0.08), (0.56, 0.1), (0.68, 0.2))
    tissue = np.maximum(1.6 * rod(0.5, 0.27, 0.5), np.max([rod(u0, 0.055, top) for u0, top in digits], axis=0))
    bone = np.max([rod(u0, 0.022, top + 0.03) * (1 - 0.5 * np.cos(8 * v) ** 2) for u0, top in digits], axis=0)
    signal = 3000 * np.exp(-0.5 * tissue - 0.7 * bone)
    signal += np.random.default_rng(seed).normal(0, 10, signal.shape)
    if collimated:
        edge = np.minimum.reduce([u, 1 - u, v, 1 - v]) < 0.12
        signal = np.where(edge, 40.0, signal)
    pixels = np.clip(signal, 0, 4095).astype(np.uint16)
    return pixels if bright == "air" else (4095 - pixels).astype(np.uint16)


def film(pixels, modality="DX", **tags):
    """A radiograph's data set; tags as given, nothing about spacing unless told."""
    sop_class = tags.pop("sop_class", {"DX": DX_CLASS, "CR": CR_CLASS}[modality])
    return dataset(sop_class, modality, pixels, **tags)
