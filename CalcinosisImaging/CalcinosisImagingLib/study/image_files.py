"""Single image files: NRRD, NIfTI and MHA volumes, and radiographs also as PNG and TIFF with a view file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..analysis.errors import InputError
from ..analysis.itk_bridge import geometry_from_itk
from ..analysis.view import View
from ..analysis.volume import Volume
from .file_headers import check_header, is_segmentation
from .image_checks import check_dimensions, check_finite, check_grid, check_size, check_values, check_view
from .names import series_name
from .source_image import CT, XRAY, SourceImage, content_hash, file_digest
from .view_files import IMAGE_SUFFIXES, find_view, image_stem, image_suffix, is_view, read_view, view_path_of

FILM_SUFFIXES = (".png", ".tif", ".tiff")
"""Formats without a place in the world: radiographs only."""
NO_AIR = (
    "No voxel is below 0 HU, though air is at -1000: the CT was masked, or its export left out the offset "
    "(often -1024), and then every HU is too high by it."
)
SPACING_TOLERANCE = 0.01
"""A film's own geometry is kept when its spacing is the view's within this fraction."""


def read_image_file(
    path: Path, modality: str | None = None, view_path: Path | None = None, plausible: bool = True
) -> SourceImage:
    """Read one image file that is not DICOM.

    Parameters
    ----------
    path: a file with a suffix of `IMAGE_SUFFIXES`.
    modality: "ct", "mr" or "xray"; if None, a radiograph is known by its view file, all else is refused.
    view_path: the radiograph's view file; if None, ``NAME.json`` beside ``NAME.*``.
    plausible: refuse values that the modality cannot have.

    Raises
    ------
    InputError: one sentence, whatever is wrong.
    """
    suffix = _suffix(path)
    found_view = view_path or find_view(path)
    modality = modality or _guess(path, suffix, found_view)
    _check_suffix(path, suffix, modality)
    check_header(path, suffix)
    volume = _read_volume(path, suffix, modality)
    source = str(path)
    check_dimensions(volume.size, modality, source)
    view: View | None = None
    notes: tuple[str, ...] = ()
    if modality == XRAY:
        view = _read_view(path, found_view)
        check_view(volume, view, source)
        volume, notes = _on_detector(volume, view)
    check_grid(volume.ijk_to_ras, volume.size, source)
    if plausible:
        check_values(volume, modality, source)
    else:
        check_finite(volume, source)
    if modality == CT and volume.voxels.min() >= 0:
        notes = (*notes, NO_AIR)
    files = (path,) if view is None else tuple(sorted((path, found_view)))
    return SourceImage(
        volume=volume,
        modality=modality,
        view=view,
        series=series_name(image_stem(path), modality),
        hand=None,
        contrast={} if view is None or view.magnification is None else {"magnification": view.magnification},
        files=files,
        sha256=content_hash(file_digest(file) for file in files),
        notes=notes,
    )


def check_image_file(path: Path, modality: str) -> None:
    """Refuse what the name and the header tell, without reading voxels; see `read_image_file`."""
    suffix = _suffix(path)
    _check_suffix(path, suffix, modality)
    check_header(path, suffix)
    if modality == XRAY:
        _read_view(path, find_view(path))


def _check_suffix(path: Path, suffix: str, modality: str) -> None:
    """Pictures without a place in space are for radiographs only."""
    if suffix in FILM_SUFFIXES and modality != XRAY:
        raise InputError(
            f"{path}: a {suffix} picture has no geometry in space, {modality.upper()} was expected; "
            "give the DICOM series, NRRD, NIfTI or MHA."
        )


def _suffix(path: Path) -> str:
    """The suffix of a known image format; refuses other files, empty ones and segmentations."""
    suffix = image_suffix(path)
    if suffix is None:
        raise InputError(
            f"{path}: is neither DICOM nor one of the image files that are read "
            f"({', '.join(s[1:] for s in IMAGE_SUFFIXES)}); give an image."
        )
    try:
        if path.stat().st_size == 0:
            raise InputError(f"{path}: is empty (0 bytes); copy it again.")
        if suffix == ".nrrd" and is_segmentation(path):
            raise InputError(f"{path}: is a segmentation, an image was expected; give the image that it was made on.")
        path.open("rb").close()
    except OSError as error:
        raise InputError(f"{path}: cannot be opened ({error.strerror}); allow reading it.") from error
    return suffix


def _guess(path: Path, suffix: str, view_path: Path | None) -> str:
    """The modality where the caller does not say: only radiographs can be known from files."""
    if suffix in FILM_SUFFIXES or (view_path is not None and is_view(view_path)):
        return XRAY
    raise InputError(f"{path}: does not say whether it is CT or MR; give the modality (ct, mr or xray).")


def _read_volume(path: Path, suffix: str, modality: str) -> Volume:
    """Voxels and geometry; a 2-D image becomes K = 1, further axes of length 1 are dropped."""
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
        size, components = reader.GetSize(), reader.GetNumberOfComponents()
    except RuntimeError as error:
        raise _unreadable(path, error) from error
    check_size(size, str(path))
    if components != 1 or "complex" in sitk.GetPixelIDValueAsString(reader.GetPixelID()):
        raise InputError(
            f"{path}: has {components} values per voxel (colour, vectors or complex numbers); export it as grey values."
        )
    if any(n > 1 for n in size[3:]):
        raise InputError(f"{path}: is {len(size)}-D ({' x '.join(map(str, size))}); give one volume, one time point.")
    if modality != XRAY and len(size) < 3:
        raise InputError(
            f"{path}: is 2-D ({' x '.join(map(str, size))}), {modality.upper()} must be 3-D; give the whole series."
        )
    if len(size) > 3:
        reader.SetExtractSize([*size[:3], *[0] * (len(size) - 3)])
    try:
        image = reader.Execute()
    except RuntimeError as error:
        raise _unreadable(path, error) from error
    if image.GetDimension() == 2:
        image = sitk.JoinSeries(image)
    return Volume(sitk.GetArrayFromImage(image), geometry_from_itk(image))


def _unreadable(path: Path, error: RuntimeError) -> InputError:
    """One sentence from an ITK exception: shear has its own, all else is a damaged file."""
    text = str(error)
    if "orthonormal" in text or "determinant" in text:
        return InputError(f"{path}: its axes are not at right angles (shear); resample it to a rectangular grid.")
    if "pacing" in text and "ero" in text:
        return InputError(f"{path}: has zero voxel spacing; export it with its true spacing.")
    return InputError(f"{path}: cannot be read (truncated, damaged or not an image); copy or export it again.")


def _read_view(path: Path, view_path: Path | None) -> View:
    """The radiograph's view."""
    if view_path is None:
        raise InputError(
            f"{path}: a radiograph needs a view file with its geometry, and there is no {view_path_of(path).name} "
            "beside it; write one."
        )
    return read_view(view_path)


def _on_detector(volume: Volume, view: View) -> tuple[Volume, tuple[str, ...]]:
    """The film where the view puts it: its own geometry if the spacing agrees, else LPS identity with the view's."""
    su, sv = view.pixel_spacing_mm
    own = volume.spacing_mm[:2]
    if np.allclose(own, (su, sv), rtol=SPACING_TOLERANCE, atol=0.0):
        return volume, ()
    placed = Volume(volume.voxels, film_grid(view))
    if np.array_equal(own, (1.0, 1.0)):
        return placed, ()
    note = (
        f"The film's own spacing of {own[0]:.4g} x {own[1]:.4g} mm differs from its view's {su:.4g} x {sv:.4g} mm, "
        "which was used."
    )
    return placed, (note,)


def film_grid(view: View) -> np.ndarray:
    """4x4 ijk_to_ras of a film without a place of its own: LPS identity with the view's spacing; i = u, j = v."""
    su, sv = view.pixel_spacing_mm
    return np.diag([-su, -sv, 1.0, 1.0])
