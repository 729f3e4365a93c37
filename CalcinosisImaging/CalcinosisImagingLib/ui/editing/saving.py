"""Saves the corrected deposits where the pipeline looks for a reader's edits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...analysis.errors import InputError
from ...analysis.segmentation import Segmentation
from ...analysis.segmentation_file import write_segmentation
from ...scene.segmentations import segmentation_from_node
from ...scene.volumes import get_view, volume_from_node
from .context import Context
from .kinds import is_deposit

EDITS = "edits"


def edit_name(modality: str, view_name: str = "") -> str:
    """File name of an edit, as the pipeline's own results are called."""
    return f"{modality}-{view_name}.seg.nrrd" if view_name else f"{modality}.seg.nrrd"


def save_edit(context: Context, folder: Path) -> Path:
    """Write the deposits (no bone) on the grid of the source volume; returns the file.

    folder: ``edits`` of a visit, or a reader's folder in it; made if its parent exists.

    Raises
    ------
    InputError: the folder is not an ``edits`` folder, or cannot be made.
    """
    if EDITS not in (folder.name, folder.parent.name):
        raise InputError(f"{folder}: choose the folder 'edits' of the visit, or a reader's folder in it.")
    try:
        folder.mkdir(parents=folder.parent.name == EDITS, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made ({error.strerror}); choose a folder of the study.") from error
    view = get_view(context.source)
    path = folder / edit_name(context.modality, "" if view is None else view.name)
    write_segmentation(path, deposits_of(context.node, context.source))
    return path


def deposits_of(node: Any, volume_node: Any) -> Segmentation:
    """The segments that are deposits, on the volume's grid."""
    found = segmentation_from_node(node, volume_from_node(volume_node))
    kept = tuple(segment for segment in found.segments if is_deposit(segment.segment_id))
    labels = found.labels.copy()
    for segment in found.segments:
        if not is_deposit(segment.segment_id):
            labels[labels == segment.label] = 0
    return Segmentation(found.volume.with_voxels(labels), kept)
