"""Which segments are deposits and which are bone, and how new ones are named, coloured and coded."""

from __future__ import annotations

import slicer
import vtk

from ...analysis.segmentation import SOURCE_TAG
from ...scene.appearance import BONE_COLOUR, BONE_TERMINOLOGY, DEPOSIT_TERMINOLOGY, deposit_colour
from ...scene.segmentations import TERMINOLOGY_TAG

BONE_ID = "bone"
"""Segment that collects what the reader called bone; it is no deposit and is not saved as one."""
CLASS_ID = "deposits"
"""The one segment of all deposits, where the user chose one segment per class."""
PER_DEPOSIT, PER_CLASS = "deposit", "class"


def is_deposit(segment_id: str) -> bool:
    """Whether a segment of this ID is a deposit."""
    return segment_id != BONE_ID


def bone_segment(node: object) -> str:
    """ID of the bone segment, made if there is none."""
    return _ensure(node, BONE_ID, "Bone", BONE_COLOUR, BONE_TERMINOLOGY)


def deposit_segment(node: object, modality: str, layout: str) -> str:
    """ID of the segment that a new deposit goes to: a new one, or the one of its class."""
    if layout == PER_CLASS:
        return _ensure(node, CLASS_ID, "Deposits", deposit_colour(modality, 1), DEPOSIT_TERMINOLOGY)
    number = _next_number(node.GetSegmentation())
    colour = deposit_colour(modality, number)
    segment_id = _ensure(node, f"deposit-{number}", f"Deposit {number}", colour, DEPOSIT_TERMINOLOGY)
    # Label, name and ID agree: the label is the deposit's number in every table.
    node.GetSegmentation().GetSegment(segment_id).SetLabelValue(number)
    return segment_id


def mark(node: object, segment_id: str, source: str) -> None:
    """Note where a deposit comes from: edited (a reader changed it) or manual (a reader added it)."""
    segment = node.GetSegmentation().GetSegment(segment_id)
    if segment is not None and is_deposit(segment_id) and source_of(segment) != "manual":
        segment.SetTag(SOURCE_TAG, source)


def source_of(segment: object) -> str:
    """The segment's source tag, '' if it has none."""
    value = vtk.reference("")
    return str(value) if segment.GetTag(SOURCE_TAG, value) else ""


def visible_ids(node: object) -> list[str]:
    """Segments that the reader sees; all if the segmentation has no display."""
    segmentation, display = node.GetSegmentation(), node.GetDisplayNode()
    ids = [segmentation.GetNthSegmentID(n) for n in range(segmentation.GetNumberOfSegments())]
    return [i for i in ids if display is None or display.GetSegmentVisibility(i)]


def _next_number(segmentation: object) -> int:
    """Number of a new deposit: one more than any so far, so that a number thrown out is not given again at once."""
    segments = [segmentation.GetNthSegment(n) for n in range(segmentation.GetNumberOfSegments())]
    number = 1 + max((segment.GetLabelValue() for segment in segments), default=0)
    while segmentation.GetSegment(f"deposit-{number}") is not None:
        number += 1
    return number


def _ensure(node: object, segment_id: str, name: str, colour: tuple[float, float, float], terminology: str) -> str:
    segmentation = node.GetSegmentation()
    if segmentation.GetSegment(segment_id) is None:
        with slicer.util.NodeModify(node):
            segmentation.AddEmptySegment(segment_id, name, colour)
            segmentation.GetSegment(segment_id).SetTag(TERMINOLOGY_TAG, terminology)
    return segment_id
