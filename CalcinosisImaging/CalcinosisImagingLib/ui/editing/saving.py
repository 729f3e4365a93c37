"""Saves the corrected deposits where the pipeline looks for a reader's edits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...analysis.errors import InputError
from ...analysis.segmentation import Segmentation
from ...analysis.segmentation_file import write_segmentation
from ...scene.links import SERIES_ATTRIBUTE
from ...scene.segmentations import segmentation_from_node
from ...scene.volumes import get_view, volume_from_node
from ...study.edit_names import edit_file_name
from .context import Context
from .kinds import is_deposit

EDITS = "edits"


def save_edit(context: Context, folder: Path) -> Path:
    """Write the deposits (no bone) on the grid of the source volume; returns the file.

    folder: ``edits`` of a visit, or a reader's folder in it; made if the visit exists.

    Raises
    ------
    InputError: the folder is not an ``edits`` folder, or cannot be made; or the image is none of the visit's.
    """
    if EDITS not in (folder.name, folder.parent.name):
        raise InputError(f"{folder}: choose the folder 'edits' of the visit, or a reader's folder in it.")
    visit = folder.parent if folder.name == EDITS else folder.parent.parent
    if not visit.is_dir():
        raise InputError(f"{visit}: there is no such visit; choose the folder 'edits' of one.")
    source = volume_from_node(context.source)
    name = edit_file_name(visit, context.modality, source, _name_of(context.source))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made ({error.strerror}); choose a folder of the study.") from error
    write_segmentation(folder / name, deposits_of(context.node, context.source))
    return folder / name


def _name_of(source: Any) -> str:
    """Series or view of a volume node, as far as the node knows."""
    view = get_view(source)
    return view.name if view is not None else source.GetAttribute(SERIES_ATTRIBUTE) or ""


def deposits_of(node: Any, volume_node: Any) -> Segmentation:
    """The segments that are deposits, on the volume's grid."""
    found = segmentation_from_node(node, volume_from_node(volume_node))
    kept = tuple(segment for segment in found.segments if is_deposit(segment.segment_id))
    labels = found.labels.copy()
    for segment in found.segments:
        if not is_deposit(segment.segment_id):
            labels[labels == segment.label] = 0
    return Segmentation(found.volume.with_voxels(labels), kept)
