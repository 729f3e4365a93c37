"""Files to nodes and back, for the commands that work on single files."""

from __future__ import annotations

import sys
from pathlib import Path

import slicer

from ..analysis.errors import InputError
from ..analysis.segmentation import Segmentation
from ..analysis.segmentation_file import read_segmentation
from ..scene.segmentations import segmentation_from_node, segmentation_to_node
from ..scene.volumes import set_view, volume_from_node, volume_to_node
from ..study.images import SourceImage, read_image


def image_node(
    path: Path, modality: str, view_path: Path | None = None, plausible: bool = True
) -> tuple[object, SourceImage]:
    """Read an image into a new volume node named after its file; see `study.images.read_image`.

    What had to be assumed is said on standard error, a line each.
    """
    image = read_image(Path(path), modality, view_path, plausible=plausible)
    for note in image.notes:
        print(f"note: {path}: {note}", file=sys.stderr)
    node = volume_to_node(slicer.mrmlScene, image.volume, Path(path).name.split(".")[0] or modality, modality)
    if image.view is not None:
        set_view(node, image.view)
    return node, image


def segmentation_node(path: Path, volume_node: object) -> object:
    """Read a segmentation that belongs to a volume.

    Raises
    ------
    InputError: it is on another grid than the image; for a film only the number of pixels is compared.
    """
    read = read_segmentation(Path(path))
    volume = volume_from_node(volume_node)
    if volume.voxels.shape[0] == 1 and read.labels.shape == volume.voxels.shape:
        read = Segmentation(volume.with_voxels(read.labels), read.segments)
    if not read.volume.same_grid(volume):
        raise InputError(
            f"{path}: its grid ({' x '.join(map(str, read.volume.size))} voxels) is not that of the image "
            f"({' x '.join(map(str, volume.size))}) or lies elsewhere; give the segmentation of this image."
        )
    return segmentation_to_node(slicer.mrmlScene, read, Path(path).name.split(".")[0], volume_node)


def segmentation_of(node: object, volume_node: object) -> Segmentation:
    """The labels of a node on the grid of its volume."""
    return segmentation_from_node(node, volume_from_node(volume_node))
