"""View files: the geometry of a radiograph as ``NAME.json`` beside the image ``NAME.png``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from ..analysis.errors import InputError
from ..analysis.files import write_json
from ..analysis.view import View, view_from_json, view_to_json

IMAGE_SUFFIXES = (".nrrd", ".nii", ".nii.gz", ".mha", ".png", ".tif", ".tiff")
"""Image files that are read besides DICOM, lower case."""


def image_suffix(path: Path) -> str | None:
    """The image suffix of a file name (``.nii.gz`` counts as one), lower case; None for other files."""
    name = path.name.lower()
    return next((s for s in sorted(IMAGE_SUFFIXES, key=len, reverse=True) if name.endswith(s)), None)


def image_stem(path: Path) -> str:
    """The file name without its image suffix (or without its last suffix)."""
    suffix = image_suffix(path)
    return path.name[: -len(suffix)] if suffix else path.stem


def view_path_of(image: Path) -> Path:
    """Where the view file of an image (or of a folder of one radiograph) belongs; it need not exist.

    >>> view_path_of(Path("films/pa.nii.gz")).as_posix()
    'films/pa.json'
    """
    if image.is_dir():
        return image / "view.json"
    return image.with_name(f"{image_stem(image)}.json")


def find_view(image: Path) -> Path | None:
    """The view file beside an image, or the only ``*.json`` in a folder; None if there is none."""
    if not image.is_dir():
        path = view_path_of(image)
        return path if path.is_file() else None
    found = sorted(p for p in image.glob("*.json") if not p.name.startswith("."))
    if len(found) > 1:
        names = ", ".join(p.name for p in found)
        raise InputError(f"{image}: holds {len(found)} view files ({names}) for one radiograph; keep one.")
    return found[0] if found else None


def is_view(path: Path) -> bool:
    """Whether a JSON file has keys of a view (other programs write a ``NAME.json`` of their own beside an image)."""
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return False
    return isinstance(content, Mapping) and bool({"pixel_spacing_mm", "source_detector_mm"} & set(content))


def read_view(path: Path) -> View:
    """Read one view file; a view without a name takes that of the file.

    Raises
    ------
    InputError: absent, not JSON, or keys missing or wrong (all of them in one message).
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: there is no such view file; check the name.")
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path}: cannot be opened ({error.strerror}); allow reading it.") from error
    except ValueError as error:
        raise InputError(f"{path}: is not JSON text ({_place(error)}); correct the view file.") from error
    if isinstance(content, Mapping):
        content = {"name": path.stem} | dict(content)
    return view_from_json(content, str(path))


def _place(error: ValueError) -> str:
    """Where JSON text goes wrong, in a few words."""
    if isinstance(error, json.JSONDecodeError):
        return f"line {error.lineno}, column {error.colno}"
    return "not UTF-8"


def write_view(path: Path, view: View) -> None:
    """Write one view file, the whole file or none."""
    write_json(Path(path), view_to_json(view))
