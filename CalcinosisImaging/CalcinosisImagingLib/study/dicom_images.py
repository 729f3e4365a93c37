"""CT, MR and radiographs from DICOM files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pydicom

from ..analysis.errors import InputError
from ..analysis.progress import Progress, silent
from ..analysis.volume import Volume
from .dicom_files import DicomFile
from .dicom_film import detector_spacing, film_facts, film_view, number, read_film_pixels
from .dicom_frames import Frame, frames_of, lookup
from .dicom_series import Series, the_series
from .dicom_stack import fill, stack
from .image_checks import check_grid, check_size, check_values, check_view
from .image_files import film_grid
from .source_image import CT, XRAY, SourceImage, content_hash, file_digest
from .view_files import find_view, read_view

_HANDS = {"L": "left", "R": "right", "B": "both"}
KEPT_COMPONENT = "magnitude"
"""The part of the MR signal that is used where a series holds phase images too."""


def read_dicom(
    files: Sequence[DicomFile],
    source: Path,
    modality: str | None = None,
    view_path: Path | None = None,
    progress: Progress = silent,
) -> SourceImage:
    """Read the one series among ``files``; ``source`` (folder or file) names it in messages.

    Raises
    ------
    InputError: one sentence, whatever is wrong.
    """
    series = the_series(files, source, modality)
    if series.role == XRAY:
        return _read_film(series, view_path or find_view(source))
    return _read_volume(series, str(source), progress)


def check_dicom(files: Sequence[DicomFile], source: Path, modality: str) -> None:
    """Refuse what the headers tell, without reading pixels; see `read_dicom`."""
    series = the_series(files, source, modality)
    if series.role == XRAY:
        view_path = find_view(source)
        if view_path is None:
            detector_spacing(series.files[0])
        else:
            read_view(view_path)
    else:
        stack(magnitude_frames(series, str(source))[0], str(source))


def _read_volume(series: Series, source: str, progress: Progress) -> SourceImage:
    """A CT or MR volume."""
    frames, notes = magnitude_frames(series, source)
    sorted_stack = stack(frames, source)
    rows, columns = frames[0].matrix
    check_size((columns, rows, len(frames)), source)
    check_grid(sorted_stack.ijk_to_ras, (columns, rows, len(frames)), source)
    volume, digests = fill(sorted_stack, series.role, source, progress)
    check_values(volume, series.role, source)
    used = {frame.file.path for frame in frames}
    return SourceImage(
        volume=volume,
        modality=series.role,
        view=None,
        series=series.name,
        hand=hand_of(series.files),
        contrast=_contrast(frames[0], series.role),
        files=tuple(sorted(used)),
        sha256=content_hash(digests),
        notes=tuple(notes),
    )


def magnitude_frames(series: Series, source: str) -> tuple[list[Frame], list[str]]:
    """The slices of a series without phase, real and imaginary images, and a sentence on those left out."""
    frames = [frame for file in series.files for frame in frames_of(file)]
    kept = [frame for frame in frames if frame.component in ("", KEPT_COMPONENT, "mixed")]
    left = sorted({frame.component for frame in frames} - {frame.component for frame in kept})
    if not kept:
        raise InputError(
            f"{source}: holds only {' and '.join(left)} images of the MR signal; give the magnitude images."
        )
    if not left:
        return kept, []
    return kept, [f"{len(frames) - len(kept)} {' and '.join(left)} images of the series were left out."]


def hand_of(files: Iterable[DicomFile]) -> str | None:
    """Which hand the tags name: "left", "right", "both" (also where files differ), None where they are silent."""
    found = set()
    for file in files:
        levels = [file.header]
        for keyword in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
            levels = [*list(file.header.get(keyword) or [])[:1], *levels]
        for sequence, tag in (("FrameAnatomySequence", "FrameLaterality"), ("", "ImageLaterality"), ("", "Laterality")):
            value = _HANDS.get(str(lookup(levels, sequence, tag) or "").strip().upper())
            if value:
                found.add(value)
                break
    return found.pop() if len(found) == 1 else "both" if found else None


def _contrast(frame: Frame, role: str) -> dict[str, float | str]:
    """Facts of the acquisition with the unit in the name; absent ones are left out."""
    header = frame.file.header
    levels: list[pydicom.Dataset] = [header]
    for keyword, index in (("SharedFunctionalGroupsSequence", 0), ("PerFrameFunctionalGroupsSequence", frame.index)):
        groups = header.get(keyword)
        if groups:
            levels.insert(0, groups[index])
    wanted = _CT_FACTS if role == CT else _MR_FACTS
    facts: dict[str, float | str] = {}
    for name, sequence, keyword in wanted:
        if name in facts:
            continue
        value = lookup(levels, sequence, keyword)
        if value is None:
            continue
        if name.rsplit("_", 1)[-1] in ("ms", "mm", "deg", "t", "kv"):
            measured = number({keyword: value}, keyword)
            if measured is not None:
                facts[name] = measured
        else:
            several = not isinstance(value, str) and hasattr(value, "__iter__")
            facts[name] = "\\".join(map(str, value)) if several else str(value)
    return facts


_CT_FACTS = (
    ("kernel", "CTReconstructionSequence", "ConvolutionKernel"),
    ("slice_thickness_mm", "PixelMeasuresSequence", "SliceThickness"),
    ("tube_kv", "CTXRayDetailsSequence", "KVP"),
)
_MR_FACTS = (
    ("echo_time_ms", "MREchoSequence", "EffectiveEchoTime"),
    ("echo_time_ms", "", "EchoTime"),
    ("repetition_time_ms", "MRTimingAndRelatedParametersSequence", "RepetitionTime"),
    ("inversion_time_ms", "MRModifierSequence", "InversionTime"),
    ("flip_angle_deg", "MRTimingAndRelatedParametersSequence", "FlipAngle"),
    ("scanning_sequence", "", "ScanningSequence"),
    ("sequence_variant", "", "SequenceVariant"),
    ("scan_options", "", "ScanOptions"),
    ("field_strength_t", "", "MagneticFieldStrength"),
    ("slice_thickness_mm", "PixelMeasuresSequence", "SliceThickness"),
)


def _read_film(series: Series, view_path: Path | None) -> SourceImage:
    """A radiograph; a view file takes the place of the tags."""
    file = series.files[0]
    pixels, padding, digest = read_film_pixels(file)
    source = str(file.path)
    check_size(pixels.shape, source)
    if view_path is not None:
        view, notes = read_view(view_path), []
    else:
        view, notes = film_view(file, pixels, padding)
    volume = Volume(pixels[None], film_grid(view))
    check_view(volume, view, source)
    check_grid(volume.ijk_to_ras, volume.size, source)
    check_values(volume, XRAY, source)
    digests = [digest] if view_path is None else [digest, file_digest(view_path)]
    files = (file.path,) if view_path is None else tuple(sorted((file.path, view_path)))
    return SourceImage(
        volume=volume,
        modality=XRAY,
        view=view,
        series=series.name,
        hand=hand_of(series.files),
        contrast=film_facts(file.header, view),
        files=files,
        sha256=content_hash(digests),
        notes=tuple(notes),
    )
