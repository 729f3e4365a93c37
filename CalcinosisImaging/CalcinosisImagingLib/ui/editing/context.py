"""What an operation needs to know: the segmentation, the image on its grid, the kind of image."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import slicer

from ...analysis.anatomy import BONE_NAMES
from ...analysis.editing.contrast import guess_modality
from ...analysis.errors import CalcinosisError
from ...analysis.volume import Volume
from ...scene.links import MODALITY_ATTRIBUTE
from ...scene.volumes import get_view
from .images import volume_of

AUTOMATIC = "auto"
MODULE = "CalcinosisImaging"


@dataclass(frozen=True)
class Context:
    """The editor's state at the moment of an operation.

    Attributes
    ----------
    effect: ``scriptedEffect`` of the effect.
    node: segmentation node; source: volume node; editor: parameter set node.
    image: the source volume on the segmentation's grid, in the segmentation's frame (vtkOrientedImageData).
    layout: one segment per deposit or per class.
    """

    effect: Any
    editor: Any
    node: Any
    source: Any
    image: Any
    modality: str
    layout: str

    @cached_property
    def volume(self) -> Volume:
        """The image as arrays."""
        return volume_of(self.image)

    @property
    def spacing_kji_mm(self) -> np.ndarray:
        """Voxel size in array order."""
        return self.volume.spacing_mm[::-1]

    @property
    def bright(self) -> str:
        """Radiographs: which end is high; bone where the view is not known."""
        view = get_view(self.source)
        return "bone" if view is None else view.bright


def context_of(effect: Any) -> Context:
    """Read the editor's state.

    Raises
    ------
    CalcinosisError: no segmentation or no source volume is chosen.
    """
    editor = effect.parameterSetNode()
    node = editor.GetSegmentationNode() if editor is not None else None
    source = editor.GetSourceVolumeNode() if editor is not None else None
    if node is None or source is None:
        raise CalcinosisError("Choose a segmentation and a source volume at the top of the Segment Editor first.")
    image = effect.sourceVolumeImageData()
    if image is None or image.GetNumberOfPoints() == 0:
        raise CalcinosisError(f"{source.GetName()}: the volume has no voxels on the grid of the segmentation.")
    modality = effect.parameter("Modality")
    if modality == AUTOMATIC:
        modality = node.GetAttribute(MODALITY_ATTRIBUTE) or source.GetAttribute(MODALITY_ATTRIBUTE)
        modality = modality or guess_modality(volume_of(image).voxels)
    return Context(effect, editor, node, source, image, modality, effect.parameter("Layout"))


def bones_node(context: Context) -> Any:
    """The named bones of this very volume: the module's, if its CT is the source volume; else those that lie in the
    scene with this volume as their reference, as in a scene that the study wrote; else None.
    """
    parameters = slicer.mrmlScene.GetSingletonNode(MODULE, "vtkMRMLScriptedModuleNode")
    if parameters is not None and parameters.GetNodeReference("ctVolume") is context.source:
        return parameters.GetNodeReference("bones")
    nodes = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    return next((node for node in nodes if node is not context.node and _bones_of(node, context.source)), None)


def _bones_of(node: Any, volume: Any) -> bool:
    """Whether a segmentation belongs to a volume and its first segment is called like a bone."""
    segmentation = node.GetSegmentation()
    if node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole()) is not volume:
        return False
    return segmentation.GetNumberOfSegments() > 0 and segmentation.GetNthSegmentID(0).split(":")[-1] in BONE_NAMES
