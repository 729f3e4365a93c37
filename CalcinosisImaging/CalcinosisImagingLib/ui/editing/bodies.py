"""Bodies of voxels: the island at a click, the segment under a stroke, what grows from a click."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...analysis.editing.box import Box, bounding_box, box_around, moved
from ...analysis.editing.contrast import contrast_of
from ...analysis.editing.island import inside, island_at, nearest_true
from ...analysis.editing.regrow import REACH_MM, grow_from
from ...analysis.editing.stroke import Stroke
from ...analysis.errors import CalcinosisError
from . import kinds
from .context import Context, bones_node
from .segments import SegmentsInBox, read_segments

MISS_MM = 1.0
"""A click may miss the island by this much."""

Index = tuple[int, int, int]


@dataclass(frozen=True)
class Body:
    """A connected body: its voxels in a box of the image; ``segment_id`` is '' if it is in no segment."""

    mask: np.ndarray
    box: Box
    segment_id: str = ""


def body_at(context: Context, seed: Index) -> Body:
    """The island of the visible segment at a voxel (k, j, i).

    Raises
    ------
    CalcinosisError: no visible segment is there.
    """
    shape = context.volume.voxels.shape
    if not inside(shape, seed):
        raise CalcinosisError("The click is outside of the image.")
    visible = set(kinds.visible_ids(context.node))
    near = box_around(np.array(seed), MISS_MM, context.spacing_kji_mm, shape)
    local = read_segments(context.node, context.image, near)
    start = tuple(s - b.start for s, b in zip(seed, near, strict=True))
    found = nearest_true(local.occupied(only=visible), start, context.spacing_kji_mm, MISS_MM)
    if found is None:
        raise CalcinosisError("There is no visible segment at the click.")
    segment_id = next(i for i in local.at(found) if i in visible)
    seed = tuple(int(f + b.start) for f, b in zip(found, near, strict=True))
    return whole_island(context, segment_id, seed)


def whole_island(context: Context, segment_id: str, seed: Index) -> Body:
    """The island, however far it reaches: the box grows until the island no longer touches its faces."""
    shape = context.volume.voxels.shape
    radius = 6.0
    while True:
        box = box_around(np.array(seed), radius, context.spacing_kji_mm, shape)
        mask = read_segments(context.node, context.image, box).mask(segment_id)
        island = island_at(mask, tuple(s - b.start for s, b in zip(seed, box, strict=True)))
        if all(_ends_inside(island, axis, box[axis], shape[axis]) for axis in range(3)):
            tight = bounding_box(island)
            return Body(island[tight], moved(tight, box), segment_id)
        radius *= 2


def _ends_inside(island: np.ndarray, axis: int, side: slice, length: int) -> bool:
    """Whether the island keeps clear of the box's faces that are not the image's."""
    first, last = np.take(island, 0, axis=axis).any(), np.take(island, -1, axis=axis).any()
    return (side.start == 0 or not first) and (side.stop == length or not last)


def segment_under(context: Context, stroke: Stroke, box: Box) -> tuple[str, Index]:
    """The visible segment under most of a stroke, and a voxel of it there."""
    visible = set(kinds.visible_ids(context.node))
    segments = segments_in(context, box)
    steps = np.linspace(stroke.start, stroke.end, 129)
    index = np.round(context.volume.to_ijk(steps)).astype(int)[:, ::-1] - [s.start for s in box]
    counts: dict[str, list[Index]] = {}
    for at in index:
        if inside(segments.shape, tuple(at)):
            for segment_id in segments.at(tuple(at)):
                if segment_id in visible:
                    counts.setdefault(segment_id, []).append(
                        tuple(int(a + s.start) for a, s in zip(at, box, strict=True))
                    )
    if not counts:
        raise CalcinosisError("The line crosses no visible segment: draw it across the place to be cut.")
    chosen = max(counts, key=lambda segment_id: len(counts[segment_id]))
    return chosen, counts[chosen][len(counts[chosen]) // 2]


def grown_from(context: Context, seed: Index, forbid_all: bool, segment_id: str = "") -> Body:
    """What grows from the click; other segments and the named bones are not entered."""
    box = box_around(np.array(seed), REACH_MM, context.spacing_kji_mm, context.volume.voxels.shape)
    segments = segments_in(context, box)
    voxels = context.volume.voxels[box]
    without = "" if forbid_all else segment_id
    blocked = segments.occupied(without=(without,))
    bones = named_bones(context, segments, box, without)
    local = tuple(s - b.start for s, b in zip(seed, box, strict=True))
    contrast = contrast_of(voxels, context.modality, context.bright)
    mask = grow_from(voxels, local, context.spacing_kji_mm, contrast, blocked, bones)
    tight = bounding_box(mask)
    return Body(mask[tight], moved(tight, box), segment_id)


def forbidden(context: Context, segments: SegmentsInBox, box: Box, without: str) -> np.ndarray:
    """Where a body must not grow: into other segments and into the named bones."""
    taken = segments.occupied(without=(without,))
    bones = named_bones(context, segments, box, without)
    return taken if bones is None else taken | bones


def named_bones(context: Context, segments: SegmentsInBox, box: Box, without: str) -> np.ndarray | None:
    """Voxels of the CT's named bones in a box, apart from what the segment ``without`` holds; None if not known."""
    node = bones_node(context) if context.modality == "ct" else None
    if node is None:
        return None
    bones = read_segments(node, context.image, box).occupied()
    return bones & ~segments.mask(without) if without else bones


def segments_in(context: Context, box: Box) -> SegmentsInBox:
    """Every segment of the edited segmentation in a box."""
    return read_segments(context.node, context.image, box)


def visible_at(context: Context, seed: Index) -> str:
    """ID of the visible segment that holds this very voxel, '' if none does."""
    if not inside(context.volume.voxels.shape, seed):
        raise CalcinosisError("The click is outside of the image.")
    box = tuple(slice(s, s + 1) for s in seed)
    visible = set(kinds.visible_ids(context.node))
    return next((i for i in segments_in(context, box).at((0, 0, 0)) if i in visible), "")
