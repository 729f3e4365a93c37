"""Readers' corrections below ``edits/``: which image each belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .names import safe_name
from .source_image import CT, MR, XRAY, ImageSource
from .study_types import Edit

SUFFIX = ".seg.nrrd"
NAMES = "ct.seg.nrrd, mr.seg.nrrd, mr-<series>.seg.nrrd or xray-<view>.seg.nrrd"


def read_edits(
    folder: Path,
    ct: ImageSource | None,
    mr: Mapping[str, ImageSource],
    xray: Mapping[str, ImageSource],
    problems: list[str],
) -> tuple[Edit, ...]:
    """The corrections of one visit, in order of reader and name.

    Parameters
    ----------
    folder: the visit's ``edits``; it may be absent.
    ct, mr, xray: the visit's own images, to which corrections must belong.
    problems: receives a sentence for each file that belongs to nothing, or to an image that has one already.
    """
    if not folder.is_dir():
        return ()
    edits: dict[tuple[str, str, str | None], Edit] = {}
    for path, reader in _files(folder):
        edit = _edit(path, reader, ct, mr, xray)
        if isinstance(edit, str):
            problems.append(edit)
            continue
        key = (reader, edit.modality, edit.series or edit.view)
        if key in edits:
            problems.append(f"{path}: corrects the same image as {edits[key].path.name}; keep one of them.")
        else:
            edits[key] = edit
    return tuple(edits.values())


def _files(folder: Path) -> list[tuple[Path, str]]:
    """Segmentation files with their reader; other files and hidden ones are passed over."""
    found = []
    for place in [folder, *sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))]:
        reader = "" if place == folder else safe_name(place.name)
        found += [
            (path, reader)
            for path in sorted(place.iterdir())
            if path.is_file() and path.name.lower().endswith(".nrrd") and not path.name.startswith(".")
        ]
    return found


def _edit(
    path: Path, reader: str, ct: ImageSource | None, mr: Mapping[str, ImageSource], xray: Mapping[str, ImageSource]
) -> Edit | str:
    """The correction that a file name stands for, or the sentence that says why it is none."""
    name = path.name.lower()
    if not name.endswith(SUFFIX):
        return f"{path}: is not named like a correction; call it {NAMES}."
    modality, _, which = path.name[: -len(SUFFIX)].partition("-")
    modality, which = modality.lower(), safe_name(which).lower()
    if modality == CT and not which:
        if ct is None:
            return f"{path}: corrects a CT, and this visit has none of its own; put it beside the visit with the CT."
        return Edit(path, reader, CT)
    if modality == MR and not which and mr:
        return Edit(path, reader, MR, series=next(iter(mr)) if len(mr) == 1 else None)
    if modality == MR and which in mr:
        return Edit(path, reader, MR, series=which)
    if modality == XRAY and not which and len(xray) == 1:
        return Edit(path, reader, XRAY, view=next(iter(xray)))
    if modality == XRAY and which in xray:
        return Edit(path, reader, XRAY, view=which)
    if modality in (MR, XRAY):
        there = ", ".join({MR: mr, XRAY: xray}[modality]) or "none"
        return f"{path}: belongs to no {modality} image of this visit (there: {there}); rename it."
    return f"{path}: is not named like a correction; call it {NAMES}."
