"""The preview of candidates: a hidden, unsaved segmentation node over the slices, and the region it stands for.

A node, as Slicer's Grow from seeds has it, and not actors of our own: it follows slices, transforms and layouts by
itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
from scipy import ndimage

from ...analysis.editing.box import Box, box_around, within
from ...analysis.editing.candidates import Choice, choose, prepare
from ...analysis.editing.island import inside, nearest_true
from .bodies import MISS_MM, Body
from .context import Context, bones_node
from .images import labelmap
from .segments import read_segments

COLOUR = (1.0, 0.9, 0.1)
ROLE = "Preview"
"""Node reference of the effect to the preview node."""
SEGMENT_ID = "candidates"


@dataclass(frozen=True)
class Candidates:
    """Labels (K, J, I) of the candidates in a box of the image, 0 = none."""

    labels: np.ndarray
    box: Box

    @property
    def count(self) -> int:
        """How many there are."""
        return int(self.labels.max(initial=0))

    def bodies(self) -> list[Body]:
        """All of them, largest first."""
        found = []
        for label, inner in enumerate(ndimage.find_objects(self.labels), start=1):
            if inner is not None:
                box = tuple(slice(s.start + b.start, s.stop + b.start) for s, b in zip(inner, self.box, strict=True))
                found.append(Body(self.labels[inner] == label, box))
        return found

    def at(self, seed: tuple[int, int, int], spacing_kji_mm: np.ndarray) -> Body | None:
        """The candidate at a voxel (k, j, i) of the image, or just beside it."""
        local = tuple(s - b.start for s, b in zip(seed, self.box, strict=True))
        if not inside(self.labels.shape, local):
            return None
        found = nearest_true(self.labels > 0, local, spacing_kji_mm, MISS_MM)
        return None if found is None else self.bodies()[int(self.labels[found]) - 1]


class Preview:
    """A region, prepared once, and the candidates of the sliders in it."""

    def __init__(self, context: Context, center_kji: np.ndarray | None, radius_mm: float) -> None:
        """Prepare the region about a voxel; None is the whole image."""
        self._effect = context.effect
        shape = context.volume.voxels.shape
        whole = tuple(slice(0, n) for n in shape)
        box = whole if center_kji is None else box_around(center_kji, radius_mm, context.spacing_kji_mm, shape)
        bones = bones_node(context) if context.modality == "ct" else None
        mask = None if bones is None else read_segments(bones, context.image, box).occupied()
        voxels = context.volume.voxels[box]
        self._region = prepare(voxels, context.spacing_kji_mm, context.modality, mask, context.bright)
        self._box: Box = box
        self.candidates = Candidates(np.zeros(voxels.shape, np.uint16), box)

    def update(self, context: Context, choice: Choice) -> int:
        """Choose anew by the sliders and show it; what is in a segment already is left out. Returns the number."""
        labels = choose(self._region, choice)
        taken = read_segments(context.node, context.image, self._box).occupied()
        self.candidates = Candidates(_without(labels, taken), self._box)
        self.show(context)
        return self.candidates.count

    def take(self, body: Body) -> None:
        """A candidate was taken in: it is no candidate any more."""
        labels = self.candidates.labels.copy()
        labels[within(body.box, self._box)][body.mask] = 0
        self.candidates = Candidates(labels, self._box)

    def stop(self) -> None:
        """Remove the node."""
        if self._effect.parameterSetNode() is None:
            return
        node = self._effect.nodeReference(ROLE)
        if node is not None:
            self._effect.setNodeReference(ROLE, None)
            slicer.mrmlScene.RemoveNode(node)

    def show(self, context: Context) -> None:
        """Show the candidates as they are."""
        node = self._effect.nodeReference(ROLE) or self._make()
        node.SetAndObserveTransformNodeID(context.node.GetTransformNodeID())
        segmentation = node.GetSegmentation()
        mask = self.candidates.labels > 0
        with slicer.util.NodeModify(node):
            segmentation.RemoveAllSegments()
            if mask.any():
                segment = slicer.vtkSegment()
                segment.SetName("Candidates")
                segment.SetColor(*COLOUR)
                image = labelmap(mask, self._box, context.image)
                segment.AddRepresentation("Binary labelmap", image)
                segmentation.AddSegment(segment, SEGMENT_ID)

    def _make(self) -> Any:
        node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLSegmentationNode")
        node.UnRegister(None)
        node.SetName("Calcinosis candidates")
        node.SetHideFromEditors(True)
        node.SetSaveWithScene(False)
        slicer.mrmlScene.AddNode(node)
        node.CreateDefaultDisplayNodes()
        node.GetDisplayNode().SetSaveWithScene(False)
        node.GetSegmentation().SetSourceRepresentationName("Binary labelmap")
        self._effect.setNodeReference(ROLE, node)
        return node


def _without(labels: np.ndarray, taken: np.ndarray) -> np.ndarray:
    """Candidates less what is in a segment; those that lose more than half go altogether. Labels 1..N anew."""
    count = int(labels.max(initial=0))
    before = np.bincount(labels.ravel(), minlength=count + 1)
    free = np.where(taken, 0, labels)
    after = np.bincount(free.ravel(), minlength=count + 1)
    keep = 2 * after >= np.maximum(before, 1)
    keep[0] = False
    lookup = np.zeros(count + 1, np.uint16)
    lookup[keep] = np.arange(1, int(keep.sum()) + 1)
    return lookup[free]
