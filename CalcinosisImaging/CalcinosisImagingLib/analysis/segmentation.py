"""A labelled image: one label per segment, one layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from .volume import Volume

REASON_TAG = "Calcinosis.Reason"
"""Tag of a rejected candidate: why it was not taken for a deposit (no ``|`` in the text: Slicer cuts there)."""
CONFIDENCE_TAG = "Calcinosis.Confidence"
"""Tag of a deposit: probability 0..1, as text, that it is one."""

SOURCE_TAG = "Calcinosis.Source"
"""Tag of a deposit: "auto" when an algorithm drew it, "edited" when a person changed it; absent: "manual"."""


@dataclass(frozen=True)
class Segment:
    """One label of a segmentation.

    Attributes
    ----------
    label: value of its voxels, > 0; for a deposit its ``deposit_id``.
    segment_id: unique text; for a bone its name (`anatomy.BONE_NAMES`).
    name: what the user sees.
    colour: red, green, blue in 0..1.
    tags: further facts, text to text.
    """

    label: int
    segment_id: str
    name: str
    colour: tuple[float, float, float] = (0.9, 0.8, 0.3)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Segmentation:
    """Labels on a grid with a description of each.

    Attributes
    ----------
    volume: voxels are the labels, an unsigned integer type, 0 = background.
    segments: in order of label; labels are unique. A segment may be empty, an undescribed label may not occur.
    """

    volume: Volume
    segments: tuple[Segment, ...]

    @property
    def labels(self) -> np.ndarray:
        """Label array, shape (K, J, I)."""
        return self.volume.voxels

    def by_id(self, segment_id: str) -> Segment | None:
        """The segment of that ID, or None."""
        return next((s for s in self.segments if s.segment_id == segment_id), None)

    def mask(self, segment_id: str) -> np.ndarray:
        """Boolean array (K, J, I) of one segment; all False if there is no such segment."""
        segment = self.by_id(segment_id)
        if segment is None:
            return np.zeros(self.labels.shape, bool)
        return self.labels == segment.label


def empty_like(volume: Volume) -> Segmentation:
    """A segmentation without segments on the grid of ``volume``."""
    return Segmentation(volume.with_voxels(np.zeros(volume.voxels.shape, np.uint16)), ())
