"""The reader's corrections, each one step of undo: the new content first, then what it replaces."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import slicer
from scipy import ndimage
from slicer.i18n import tr as _

from ...analysis.editing.box import box_around, grow, within
from ...analysis.editing.contrast import contrast_of
from ...analysis.editing.cutting import cut
from ...analysis.editing.regrow import refine
from ...analysis.editing.stroke import Stroke
from ...analysis.errors import CalcinosisError
from . import kinds
from .assigning import add_to_new, drop_if_empty, hand_over, held_back, name_of, replace_body
from .bodies import Body, Index, body_at, forbidden, grown_from, segment_under, segments_in, visible_at, whole_island
from .context import Context
from .images import kji_to_mm
from .modifying import modify
from .rejected import rejected_body
from .tools import BONE, GROW, OUT, PART_BONE, PART_NEW, PART_OUT, REFINE

REFINE_REACH_MM = 1.0


def throw_out(context: Context, seed: Index) -> str:
    """Remove the island at the click from its segment; a deposit of which nothing is left goes altogether."""
    body = body_at(context, seed)
    name = name_of(context, body.segment_id)
    context.effect.saveStateForUndo()
    modify(context, body.segment_id, body.mask, body.box, remove=True)
    left = segments_in(context, body.box).mask(body.segment_id) & body.mask
    if left.any():
        return held_back()
    kinds.mark(context.node, body.segment_id, "edited")
    drop_if_empty(context, body.segment_id)
    return _("{name}: thrown out.").format(name=name)


def call_bone(context: Context, seed: Index) -> str:
    """Give the island at the click to the segment Bone."""
    body = body_at(context, seed)
    if body.segment_id == kinds.BONE_ID:
        raise CalcinosisError("This is bone already.")
    name = name_of(context, body.segment_id)
    context.effect.saveStateForUndo()
    if not hand_over(context, body, kinds.bone_segment(context.node)):
        drop_if_empty(context, kinds.BONE_ID)
        return held_back()
    return _("{name}: now bone.").format(name=name)


def take_in(context: Context, seed: Index, candidate: Body | None = None) -> str:
    """Make a deposit of the candidate at the click: of the preview, a rejected one, or one grown from the click."""
    if candidate is None:
        here = visible_at(context, seed)
        if here and here != kinds.BONE_ID:
            raise CalcinosisError(f"{name_of(context, here)} is in already: throw it out, regrow or refine it.")
        rejected = rejected_body(context, seed)
        if rejected is not None:
            candidate = Body(*rejected)
        elif here == kinds.BONE_ID:
            return _bone_back(context, seed)
        else:
            candidate = grown_from(context, seed, forbid_all=True)
    free = candidate.mask & ~segments_in(context, candidate.box).occupied()
    if not free.any():
        raise CalcinosisError("Every voxel of this candidate is in a segment already.")
    context.effect.saveStateForUndo()
    return _add(context, Body(free, candidate.box))


def take_in_all(context: Context, bodies: list[Body]) -> str:
    """Make a deposit of each candidate, in one step of undo; voxels that are in a segment stay there."""
    fresh = []
    for body in bodies:
        mask = body.mask & ~segments_in(context, body.box).occupied()
        if 2 * mask.sum() > body.mask.sum():
            fresh.append(Body(mask, body.box))
    if not fresh:
        raise CalcinosisError("Every candidate is in a segment already.")
    context.effect.saveStateForUndo()
    with slicer.util.NodeModify(context.node):
        added = sum(1 for body in fresh if add_to_new(context, body))
    return _("{n} of {m} candidates taken in.").format(n=added, m=len(bodies)) if added else held_back()


def regrow(context: Context, seed: Index) -> str:
    """Replace the deposit at the click by what grows from the click; without one, the same as taking in."""
    here = visible_at(context, seed)
    if not here:
        return take_in(context, seed)
    old = body_at(context, seed)
    new = grown_from(context, seed, forbid_all=False, segment_id=old.segment_id)
    return replace_body(context, old, new, "regrown")


def refine_at(context: Context, seed: Index) -> str:
    """Move the boundary of the deposit at the click to where the image has its edge."""
    old = body_at(context, seed)
    margin = int(np.ceil(4.0 / context.spacing_kji_mm.min()))
    box = grow(old.box, margin, context.volume.voxels.shape)
    segments = segments_in(context, box)
    mask = np.zeros(segments.shape, bool)
    mask[within(old.box, box)] = old.mask
    voxels = context.volume.voxels[box]
    contrast = contrast_of(voxels, context.modality, context.bright)
    blocked = forbidden(context, segments, box, without=old.segment_id)
    new = refine(voxels, mask, context.spacing_kji_mm, contrast, REFINE_REACH_MM, blocked)
    return replace_body(context, old, Body(new, box, old.segment_id), "refined")


def cut_along(context: Context, stroke: Stroke, becomes: str) -> str:
    """Cut the visible body under a stroke; the smaller part becomes a new deposit, bone, or is thrown out."""
    middle = (stroke.start + stroke.end) / 2
    radius = float(np.linalg.norm(stroke.end - stroke.start)) / 2 + 2.0
    seed = np.round(context.volume.to_ijk(middle)).astype(int)[::-1]
    shape = context.volume.voxels.shape
    near = box_around(seed, radius, context.spacing_kji_mm, shape)
    under = segment_under(context, stroke, near)
    body = whole_island(context, *under)
    matrix = kji_to_mm(context.volume.crop(body.box))
    parts = cut(body.mask, matrix, stroke)
    context.effect.saveStateForUndo()
    return _assign(context, body, parts == 2, becomes)


def _assign(context: Context, body: Body, smaller: np.ndarray, becomes: str) -> str:
    """Give the smaller part of a cut body away."""
    part = Body(smaller, body.box, body.segment_id)
    name = name_of(context, body.segment_id)
    if becomes == PART_OUT:
        modify(context, body.segment_id, smaller, body.box, remove=True)
        kinds.mark(context.node, body.segment_id, "edited")
        return _("{name}: cut, the smaller part thrown out.").format(name=name)
    if becomes == PART_NEW and context.layout == kinds.PER_CLASS:
        # In one segment, parts are apart only if a gap of a voxel lies between them.
        gap = _rim(smaller, body.mask & ~smaller)
        modify(context, body.segment_id, gap, body.box, remove=True)
        return _("{name}: cut.").format(name=name)
    if becomes == PART_BONE:
        target = kinds.bone_segment(context.node)
    else:
        target = kinds.deposit_segment(context.node, context.modality, context.layout)
    if not hand_over(context, part, target):
        drop_if_empty(context, target)
        return held_back()
    kinds.mark(context.node, target, "edited")
    return _("{name}: cut, the smaller part is {part}.").format(name=name, part=name_of(context, target))


def _rim(part: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Voxels of ``part`` that touch ``rest``."""
    return part & ndimage.binary_dilation(rest, np.ones((3, 3, 3), bool))


def _bone_back(context: Context, seed: Index) -> str:
    """An island of the segment Bone becomes a deposit."""
    body = body_at(context, seed)
    context.effect.saveStateForUndo()
    target = kinds.deposit_segment(context.node, context.modality, context.layout)
    if not hand_over(context, body, target):
        drop_if_empty(context, target)
        return held_back()
    kinds.mark(context.node, target, "manual")
    return _("{name}: taken in from bone.").format(name=name_of(context, target))


def _add(context: Context, body: Body) -> str:
    segment_id = add_to_new(context, body)
    return _("{name}: taken in.").format(name=name_of(context, segment_id)) if segment_id else held_back()


CLICKS: dict[str, Callable[[Context, Index], str]] = {
    OUT: throw_out,
    BONE: call_bone,
    GROW: regrow,
    REFINE: refine_at,
}
"""What a click does with each tool but "take in", which looks at the preview first."""
