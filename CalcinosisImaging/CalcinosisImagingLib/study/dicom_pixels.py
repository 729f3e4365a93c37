"""Stored pixel values of a DICOM file, decompressed; a sentence where that cannot be done."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom.pixels import get_decoder
from pydicom.uid import UID

from ..analysis.errors import InputError


def read_pixels(path: Path) -> tuple[np.ndarray, str, pydicom.Dataset]:
    """All frames of one file as stored (before rescale), its SHA-256, and its full data set.

    Returns
    -------
    frames: integer array (frames, rows, columns), signed or not as the file says.
    digest: SHA-256 of the file, hexadecimal.
    dataset: what pydicom read, for the modality look-up table.

    Raises
    ------
    InputError: truncated, damaged, colour, or compressed in a way that nothing here can decode.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be opened ({error.strerror}); allow reading it.") from error
    digest = hashlib.sha256(content).hexdigest()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = pydicom.dcmread(BytesIO(content), force=True)
            frames = _decode(path, dataset)
        except InputError:
            raise
        except Exception as error:  # codecs and damaged values fail in any way
            raise InputError(
                f"{path}: its pixels cannot be read (truncated or damaged); copy it again from the archive."
            ) from error
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    frames = frames.reshape(-1, rows, columns)
    return frames, digest, dataset


def _decode(path: Path, dataset: pydicom.Dataset) -> np.ndarray:
    """The pixel array by pydicom, or by ITK's GDCM where pydicom lacks the codec."""
    if int(dataset.get("SamplesPerPixel", 1)) != 1:
        raise InputError(
            f"{path}: is a colour image ({dataset.get('PhotometricInterpretation')}), grey values were expected; "
            "give the original series."
        )
    if "PixelData" not in dataset:
        raise InputError(f"{path}: holds no pixel data (a header alone, or truncated); copy it again from the archive.")
    syntax = UID(dataset.file_meta.get("TransferSyntaxUID", "1.2.840.10008.1.2"))
    dataset.file_meta.TransferSyntaxUID = syntax
    if not syntax.is_compressed:
        return dataset.pixel_array
    if get_decoder(syntax).is_available:
        with contextlib.suppress(RuntimeError, NotImplementedError):  # pillow knows no 12-bit JPEG
            return dataset.pixel_array
    return _decode_by_itk(path, dataset, syntax)


_KEPT_FOR_ITK = (
    "SOPClassUID",
    "SOPInstanceUID",
    "Rows",
    "Columns",
    "SamplesPerPixel",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelData",
)


def _decode_by_itk(path: Path, dataset: pydicom.Dataset, syntax: UID) -> np.ndarray:
    """Stored values through ITK's GDCM, which knows lossless JPEG.

    ITK inverts MONOCHROME1 and applies the rescale, so it is given the pixels alone, in a file that goes away.
    """
    bare = pydicom.Dataset()
    for keyword in _KEPT_FOR_ITK:
        if keyword in dataset:
            bare.add(dataset[keyword])
    bare.PhotometricInterpretation = "MONOCHROME2"
    bare.file_meta = pydicom.dataset.FileMetaDataset()
    bare.file_meta.TransferSyntaxUID = syntax
    try:
        if int(dataset.get("NumberOfFrames") or 1) != 1:
            raise RuntimeError("several frames")
        with tempfile.TemporaryDirectory() as folder:
            part = Path(folder) / "pixels.dcm"
            bare.save_as(part, enforce_file_format=True)
            return sitk.GetArrayFromImage(sitk.ReadImage(str(part), imageIO="GDCMImageIO"))
    except RuntimeError as error:
        raise InputError(
            f"{path}: is compressed as {syntax.name}, which cannot be decoded here, or is damaged; "
            "export it uncompressed (Explicit VR Little Endian)."
        ) from error
