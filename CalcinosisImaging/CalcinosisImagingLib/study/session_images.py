"""The images of one visit as nodes in the scene, each with its deposits, drawn by us or corrected by readers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ..analysis.errors import InputError
from ..analysis.segmentation import SOURCE_TAG, Segmentation
from ..analysis.segmentation_file import read_segmentation
from ..scene.links import SERIES_ATTRIBUTE
from ..scene.segmentations import deposits_appearance, dressed, segmentation_from_node, segmentation_to_node
from ..scene.volumes import set_view, volume_from_node, volume_to_node
from .layout import Edit
from .source_image import SourceImage

BONE_ID = "bone"
"""Segment that the Segment Editor effect makes of what a reader called bone."""

TITLES = {"ct": "CT", "mr": "MR", "xray": "X-ray"}


@dataclass
class ImageNodes:
    """One image of a visit in the scene.

    Attributes
    ----------
    modality, name: which image; name is the MR series or the film's view, "" for the CT.
    source: what was read.
    volume: the volume node.
    deposits: deposits found by us, or None before; rejected: all candidates that were not taken, likewise.
    readers: deposits as corrected, by reader ("" for corrections without a reader's name).
    """

    modality: str
    name: str
    source: SourceImage
    volume: object
    deposits: object | None = None
    rejected: Segmentation | None = None
    readers: dict[str, object] = field(default_factory=dict)

    @property
    def used(self) -> object:
        """The deposits that count: the first reader's correction, else ours."""
        return self.readers[min(self.readers)] if self.readers else self.deposits

    @property
    def file_stem(self) -> str:
        """How the result files of this image begin."""
        return "-".join(part for part in (self.modality, self.name) if part)

    @property
    def sets(self) -> list[tuple[str, str, object]]:
        """(source, reader, segmentation node) of every set of deposits that is reported."""
        if self.readers:
            return [("edited", reader, node) for reader, node in sorted(self.readers.items())]
        return [("auto", "", self.deposits)]

    def used_segmentation(self) -> Segmentation:
        """The deposits that count, on the image's grid."""
        return segmentation_from_node(self.used, volume_from_node(self.volume))


def add_image(scene: object, source: SourceImage, modality: str, name: str) -> ImageNodes:
    """Put an image into the scene."""
    title = " ".join(part for part in (TITLES[modality], name) if part)
    node = volume_to_node(scene, source.volume, title, modality)
    if source.view is not None:
        # The folder names the view: the same name in tables, files and nodes.
        set_view(node, replace(source.view, name=name))
    elif name:
        node.SetAttribute(SERIES_ATTRIBUTE, name)
    return ImageNodes(modality, name, source, node)


def add_edits(scene: object, image: ImageNodes, edits: Iterable[Edit]) -> None:
    """Read the corrections of this image; the files themselves are never touched.

    Raises
    ------
    InputError: a correction is on another grid than its image.
    """
    volume = volume_from_node(image.volume)
    for edit in edits:
        read = read_segmentation(edit.path)
        if image.modality == "xray" and read.labels.shape == volume.voxels.shape:
            read = Segmentation(volume.with_voxels(read.labels), read.segments)
        if not read.volume.same_grid(volume):
            raise InputError(f"{edit.path}: is not on the grid of its image; correct a copy of our result file.")
        segments = tuple(
            replace(s, tags={**s.tags, SOURCE_TAG: "edited"})
            for s in read.segments
            if s.segment_id != BONE_ID and (read.labels == s.label).any()
        )
        shown = dressed(Segmentation(read.volume, segments), deposits_appearance(image.modality))
        title = f"{image.volume.GetName()} deposits, edited {edit.reader or ''}".rstrip()
        image.readers[edit.reader or ""] = segmentation_to_node(scene, shown, title, image.volume)
