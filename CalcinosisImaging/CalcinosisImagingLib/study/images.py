"""The door for images: DICOM, NRRD, NIfTI, MHA, and radiographs also as PNG and TIFF with a view file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ..analysis.errors import InputError
from ..analysis.progress import Progress, part, report, silent
from .dicom_files import DicomFile, find_dicom, is_dicom
from .dicom_images import read_dicom
from .image_files import read_image_file
from .source_image import MODALITIES, ImageSource, SourceImage
from .view_files import image_suffix

__all__ = ["ImageSource", "SourceImage", "read_image"]


def read_image(
    path: Path | str | Sequence[Path],
    modality: str | None = None,
    view_path: Path | None = None,
    progress: Progress = silent,
    plausible: bool = True,
) -> SourceImage:
    """Read one image of any kind that the project takes, checked, in RAS millimetres.

    Parameters
    ----------
    path: a DICOM folder (nested, other files in it are passed over), one DICOM file, the DICOM files of one series,
        an image file, or a folder that holds one image file.
    modality: what is expected: "ct", "mr" or "xray"; None takes what DICOM says.
    view_path: view file of a radiograph; None looks for one beside the image. For DICOM it replaces the tags.
    plausible: refuse values in image files that the modality cannot have; False where the user says what to measure,
        so that test objects with other values can be measured too.

    Returns
    -------
    `SourceImage`. Radiographs have K = 1 and a view; i is u (along columns), j is v.

    Raises
    ------
    InputError: one sentence that names the file, what was found, and what to do.
    OperationCancelled: as ``progress`` wishes.
    """
    if modality is not None and modality not in MODALITIES:
        raise InputError(f"modality {modality!r} is not known; give one of {', '.join(MODALITIES)}.")
    if not isinstance(path, str | os.PathLike):
        files = [Path(p) for p in path]
        if not files:
            raise InputError("the list of DICOM files is empty; give at least one.")
        source = files[0] if len(files) == 1 else files[0].parent
        return read_dicom(find_dicom(files), source, modality, view_path, progress)
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: there is no such file or folder; check the name.")
    report(progress, 0.0, f"Reading {path.name}")
    if path.is_dir():
        return _read_folder(path, modality, view_path, progress, plausible)
    if is_dicom(path):
        return read_dicom(find_dicom([path]), path, modality, view_path, progress)
    image = read_image_file(path, modality, view_path, plausible)
    report(progress, 1.0, f"Read {path.name}")
    return image


def _read_folder(
    path: Path, modality: str | None, view_path: Path | None, progress: Progress, plausible: bool
) -> SourceImage:
    """A folder of DICOM files, or one with a single image file."""
    dicom: list[DicomFile] = find_dicom([path], part(progress, 0.0, 0.2))
    images = image_files_in(path)
    if dicom and images:
        raise InputError(f"{path}: holds DICOM files and {images[0].name}; keep one image in the folder.")
    if dicom:
        return read_dicom(dicom, path, modality, view_path, part(progress, 0.2, 1.0))
    if len(images) > 1:
        names = ", ".join(p.name for p in images[:4]) + (", ..." if len(images) > 4 else "")
        raise InputError(f"{path}: holds {len(images)} image files ({names}); give one of them.")
    if not images:
        raise InputError(f"{path}: holds no image (neither DICOM nor an image file); check the folder.")
    return read_image_file(images[0], modality, view_path, plausible)


def image_files_in(folder: Path) -> list[Path]:
    """Image files (not DICOM) directly in a folder, by name; hidden files and segmentations are passed over."""
    try:
        files = sorted(folder.iterdir())
    except OSError as error:
        raise InputError(f"{folder}: cannot be opened ({error.strerror}); allow reading it.") from error
    return [p for p in files if p.is_file() and not p.name.startswith(".") and _is_image_name(p)]


def _is_image_name(path: Path) -> bool:
    """Whether the name is that of an image file and not of a segmentation."""
    return image_suffix(path) is not None and not path.name.lower().endswith(".seg.nrrd")
