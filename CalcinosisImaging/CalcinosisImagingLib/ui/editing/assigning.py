"""Putting bodies into segments: what is new is added first, what it replaces is taken away after."""

from __future__ import annotations

import numpy as np
from slicer.i18n import tr as _

from ...analysis.editing.box import Box, within
from ...analysis.errors import CalcinosisError
from . import kinds
from .bodies import Body, segments_in
from .context import Context
from .images import volume_of
from .modifying import modify


def replace_body(context: Context, old: Body, new: Body, verb: str) -> str:
    """Put ``new`` in the place of ``old`` in one segment: add first, then remove what is no longer part of it."""
    name = name_of(context, old.segment_id)
    before = np.zeros(new.mask.shape, bool)
    _paste(before, new.box, old)
    extra = np.zeros(old.mask.shape, bool)
    _paste(extra, old.box, new)
    gone = old.mask & ~extra
    fresh = new.mask & ~before
    if not fresh.any() and not gone.any():
        raise CalcinosisError(f"{name} is at its best already: nothing was changed.")
    context.effect.saveStateForUndo()
    if fresh.any():
        modify(context, old.segment_id, fresh, new.box)
    if gone.any():
        modify(context, old.segment_id, gone, old.box, remove=True)
    kinds.mark(context.node, old.segment_id, "edited")
    text = _("{name}: {verb}, {more} voxels more and {fewer} fewer.")
    return text.format(name=name, verb=verb, more=int(fresh.sum()), fewer=int(gone.sum()))


def _paste(target: np.ndarray, box: Box, body: Body) -> None:
    """Write a body into an array that stands for ``box``, as far as they overlap."""
    inner = tuple(slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(box, body.box, strict=True))
    if all(s.start < s.stop for s in inner):
        target[within(inner, box)] |= body.mask[within(inner, body.box)]


def hand_over(context: Context, body: Body, target: str) -> bool:
    """Add the body to another segment, then take from its old one what arrived there; False if nothing did."""
    modify(context, target, body.mask, body.box)
    segments = segments_in(context, body.box)
    arrived = segments.mask(target) & body.mask
    left = segments.mask(body.segment_id) & arrived
    if left.any():
        modify(context, body.segment_id, left, body.box, remove=True)
    if arrived.any():
        kinds.mark(context.node, body.segment_id, "edited")
        drop_if_empty(context, body.segment_id)
    return bool(arrived.any())


def add_to_new(context: Context, body: Body) -> str:
    """Add a body as a new deposit; '' if the masks let nothing through."""
    segment_id = kinds.deposit_segment(context.node, context.modality, context.layout)
    modify(context, segment_id, body.mask, body.box)
    if not (segments_in(context, body.box).mask(segment_id) & body.mask).any():
        drop_if_empty(context, segment_id)
        return ""
    kinds.mark(context.node, segment_id, "manual")
    return segment_id


def drop_if_empty(context: Context, segment_id: str) -> None:
    """Remove a segment without voxels, unless it is the last; the editor's selection moves on before."""
    segmentation = context.node.GetSegmentation()
    if segmentation.GetSegment(segment_id) is None or segmentation.GetNumberOfSegments() < 2:
        return
    if _has_voxels(segmentation, segment_id):
        return
    if context.editor.GetSelectedSegmentID() == segment_id:
        ids = [segmentation.GetNthSegmentID(n) for n in range(segmentation.GetNumberOfSegments())]
        context.editor.SetSelectedSegmentID(next(i for i in ids if i != segment_id))
    segmentation.RemoveSegment(segment_id)


def _has_voxels(segmentation: object, segment_id: str) -> bool:
    """Whether a segment has any voxel, on whatever grid."""
    image = segmentation.GetSegment(segment_id).GetRepresentation("Binary labelmap")
    if image is None or image.GetPointData().GetScalars() is None or image.GetNumberOfPoints() == 0:
        return False
    return bool((volume_of(image).voxels == segmentation.GetSegment(segment_id).GetLabelValue()).any())


def name_of(context: Context, segment_id: str) -> str:
    """What the user calls a segment."""
    return context.node.GetSegmentation().GetSegment(segment_id).GetName()


def held_back() -> str:
    """The message after an edit that changed nothing."""
    return _("The editor's masks let nothing through: look at Masking below.")
