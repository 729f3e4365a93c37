"""DICOM files sorted into series, and the one chosen that a folder is meant to hold."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..analysis.errors import InputError
from .dicom_files import DicomFile
from .dicom_frames import frames_of
from .dicom_stack import overlap, separating_facet
from .names import natural_key, safe_name, series_name
from .source_image import CT, MR, XRAY

PLANNING = frozenset({"LOCALIZER", "SCOUT"})
PROJECTIONS = frozenset({"MIP", "MINIP", "MAXIMUM", "MINIMUM", "PROJECTION IMAGE"})
"""Values of ImageType: planning pictures, and projections through a slab, which look like slices but hold the
brightest (darkest) value of several, so that every size in them is wrong."""
_SCOUT = re.compile(r"\b(locali[sz]er|scout|topogram|survey|surview|loc)\b", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Series:
    """Files that share a SeriesInstanceUID.

    Attributes
    ----------
    role: "ct", "mr" or "xray".
    name: short safe name; unique only within what `unique_names` gave.
    files: in order of path.
    """

    role: str
    name: str
    files: tuple[DicomFile, ...]

    @property
    def header(self) -> object:
        """The first file's header, for what is common to the series."""
        return self.files[0].header

    @property
    def is_picture(self) -> bool:
        """Whether these are planning pictures or projections: said by ImageType, or by the series' description."""
        if _picture_by_type(self.files[0]):
            return True
        return self.role != XRAY and bool(_SCOUT.search(str(self.header.get("SeriesDescription") or "")))


def _picture_by_type(file: DicomFile) -> bool:
    """Whether ImageType says planning picture or, for CT and MR, projection."""
    image_type = {str(value).strip().upper() for value in _several(file.header.get("ImageType"))}
    return not image_type.isdisjoint(PLANNING if file.role == XRAY else PLANNING | PROJECTIONS)


def series_of(files: Sequence[DicomFile]) -> list[Series]:
    """Image series by SeriesInstanceUID, in order of series number, then of path; reports and the like are left out.

    A radiograph is a series of its own, even where several share a UID; so are the scouts and projections that some
    scanners and viewers file under the UID of the slices.
    """
    groups: dict[tuple[str, ...], list[DicomFile]] = {}
    for file in files:
        if file.role is None:
            continue
        key = (file.role, str(file.header.get("SeriesInstanceUID", "")), str(_picture_by_type(file)))
        if file.role == XRAY:
            key += (str(file.path),)
        groups.setdefault(key, []).append(file)
    found = [Series(role, _name(role, group[0]), tuple(group)) for (role, *_), group in groups.items()]
    return sorted(found, key=lambda series: (_number(series), str(series.files[0].path)))


def _number(series: Series) -> int:
    """SeriesNumber, 0 where absent."""
    try:
        return int(series.header.get("SeriesNumber") or 0)
    except (TypeError, ValueError):
        return 0


def _name(role: str, file: DicomFile) -> str:
    """Safe short name: harmless words of the description (or protocol), for films the view position."""
    header = file.header
    if role == XRAY:
        position = safe_name(str(header.get("ViewPosition") or "")).lower()
        return position or series_name(str(header.get("SeriesDescription") or ""), XRAY)
    for keyword in ("SeriesDescription", "ProtocolName"):
        name = series_name(str(header.get(keyword) or ""), "")
        if name:
            return name
    sequence = "-".join(map(str, _several(header.get("ScanningSequence")))).lower()
    return series_name(sequence, role) if role == MR else role


def _several(value: object) -> list[object]:
    """A multi-valued element as a list."""
    if value is None or value == "":
        return []
    return [value] if isinstance(value, str) else list(value)


def without_pictures(series: Sequence[Series]) -> list[Series]:
    """The series that are no planning pictures and no projections."""
    return [one for one in series if not one.is_picture]


def split_series(series: Series) -> list[Series]:
    """A series that holds several single-slice images of one place (echoes, b-values, time points), one by one.

    Parts are numbered in the order of what tells them apart: ``t2-1``, ``t2-2``. A series that is one image, or that
    nothing tells apart, comes back as it is.
    """
    if series.role == XRAY:
        return [series]
    frames = [frame for file in series.files for frame in frames_of(file)]
    frames = [frame for frame in frames if frame.component in ("", "magnitude", "mixed")]
    if len({id(frame.file) for frame in frames}) < len(frames) or not overlap(frames):
        return [series]
    facet = separating_facet(frames)
    if facet is None:
        return [series]
    parts: dict[str, list[DicomFile]] = {}
    for frame in frames:
        parts.setdefault(frame.facets.get(facet, ""), []).append(frame.file)
    ordered = [parts[value] for value in sorted(parts, key=natural_key)]
    return [Series(series.role, f"{series.name}-{n}", tuple(files)) for n, files in enumerate(ordered, start=1)]


def the_series(files: Sequence[DicomFile], source: Path, modality: str | None) -> Series:
    """The one series that a folder (or file) holds.

    Raises
    ------
    InputError: no image, only localisers or projections, another modality than expected, or several series.
    """
    found = series_of(files)
    if not found:
        raise InputError(f"{source}: {_no_image(files)}; give the image itself.")
    rest = without_pictures(found)
    if not rest:
        raise InputError(f"{source}: holds only localiser (scout) or projection (MIP) images; give the series itself.")
    if modality is not None and all(series.role != modality for series in rest):
        told = ", ".join(sorted({series.files[0].modality for series in rest}))
        raise InputError(
            f"{source}: DICOM says Modality {told}, {_expected(modality)} was expected; "
            "give the right image or modality."
        )
    if len(rest) > 1:
        raise InputError(f"{source}: mixes {len(rest)} series ({_listed(rest)}); keep one in the folder.")
    return rest[0]


def _no_image(files: Sequence[DicomFile]) -> str:
    """What DICOM objects are there instead of an image."""
    if not files:
        return "holds no DICOM file"
    kinds = sorted({f"{file.kind} (Modality {file.modality or 'missing'})" for file in files})
    more = ", ..." if len(kinds) > 3 else ""
    return f"is no CT, MR or radiograph but DICOM {', '.join(kinds[:3])}{more}"


def _expected(modality: str) -> str:
    """The expected modality in words."""
    return {CT: "CT", MR: "MR", XRAY: "a radiograph (CR, DX)"}[modality]


def _listed(series: Sequence[Series]) -> str:
    """Series with their number of files, the first few."""
    text = ", ".join(f"{one.files[0].modality} {one.name}: {len(one.files)} files" for one in series[:4])
    return text + (", ..." if len(series) > 4 else "")
