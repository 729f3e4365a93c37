"""An image as it was read: voxels, what is known about them, and nothing about the person."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..analysis.view import View
from ..analysis.volume import Volume

CT, MR, XRAY = "ct", "mr", "xray"
MODALITIES = (CT, MR, XRAY)

ImageSource = Path | tuple[Path, ...]
"""Where an image is: a folder, a file, or the DICOM files of one series."""


@dataclass(frozen=True, eq=False)
class SourceImage:
    """One image of a study.

    Attributes
    ----------
    volume: voxels in HU (CT), signal (MR) or pixel values (radiograph, K = 1), with their place in RAS mm.
    modality: "ct", "mr" or "xray".
    view: geometry of a radiograph; None otherwise.
    series: short name of the series, safe for files and results.
    hand: "left", "right", "both", or None where the image does not say.
    contrast: facts of the acquisition that later steps use, see docs/reading.md; the unit is in the name.
    files: the files read, in order of name.
    sha256: hash of their content, independent of their names and places.
    notes: sentences on what was assumed, for the report.
    """

    volume: Volume
    modality: str
    view: View | None
    series: str
    hand: str | None
    contrast: Mapping[str, float | str]
    files: tuple[Path, ...]
    sha256: str
    notes: tuple[str, ...] = field(default=())


def content_hash(digests: Iterable[str]) -> str:
    """SHA-256 of a set of files from the SHA-256 of each: that of the file itself if it is one.

    For several it is the hash of the sorted hexadecimal digests, joined by line feeds, so that neither
    names nor order matter.
    """
    digests = sorted(digests)
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of one file, hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
