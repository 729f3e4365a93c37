"""Opens deposits in the Segment Editor, with our effect in hand."""

from __future__ import annotations

from typing import Any

import slicer

EFFECT_NAME = "Calcinosis"


def open_in_segment_editor(segmentation: Any, volume: Any) -> None:
    """Show the Segment Editor on this segmentation and volume, the effect chosen, the volume in the slice views.

    The views turn into the volume's planes: an MR is often tilted, and a radiograph is one slice that they would miss.
    """
    slicer.util.selectModule("SegmentEditor")
    editor = slicer.modules.segmenteditor.widgetRepresentation().self().editor
    editor.setSegmentationNode(segmentation)
    editor.setSourceVolumeNode(volume)
    editor.setActiveEffectByName(EFFECT_NAME)
    slicer.util.setSliceViewerLayers(background=volume, fit=True, rotateToVolumePlane=True)
