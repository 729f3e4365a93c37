"""Candidates that the pipeline rejected: kept in a segmentation of their own, to be taken in by a click."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
import vtk

from ...analysis.editing.box import Box, bounding_box, box_around, moved
from ...analysis.editing.island import nearest_true
from ...analysis.segmentation import REASON_TAG
from .context import Context
from .segments import read_segments

MISS_MM = 1.0
REACH_MM = 15.0


def rejected_nodes(context: Context) -> list[Any]:
    """Segmentations of rejected candidates of the source volume, in the order of the scene."""
    nodes = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    return [node for node in nodes if node is not context.node and _rejected_of(node, context.source)]


def rejected_body(context: Context, seed: tuple[int, int, int]) -> tuple[np.ndarray, Box] | None:
    """Mask and box of the rejected candidate at a voxel (k, j, i), None if there is none."""
    spacing = context.spacing_kji_mm
    box = box_around(np.array(seed), REACH_MM, spacing, context.volume.voxels.shape)
    local = tuple(s - b.start for s, b in zip(seed, box, strict=True))
    for node in rejected_nodes(context):
        if node.GetParentTransformNode() is not context.node.GetParentTransformNode():
            continue
        segments = read_segments(node, context.image, box)
        occupied = segments.occupied()
        found = nearest_true(occupied, local, spacing, MISS_MM)
        if found is not None:
            # All of it: a net or stippling is one candidate of several pieces.
            body = segments.mask(segments.at(found)[0])
            tight = bounding_box(body)
            return body[tight], moved(tight, box)
    return None


def _rejected_of(node: Any, volume: Any) -> bool:
    """Whether a segmentation holds rejected candidates of a volume: its segments say why they were rejected."""
    if node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole()) is not volume:
        return False
    segmentation = node.GetSegmentation()
    if segmentation.GetNumberOfSegments() == 0:
        return False
    return segmentation.GetNthSegment(0).GetTag(REASON_TAG, vtk.reference(""))
