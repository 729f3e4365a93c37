"""What an operation needs to know: the segmentation, the image on its grid, the kind of image."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import slicer

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
    """The named bones of this very volume: the module's, if its CT is the source volume; else None."""
    parameters = slicer.mrmlScene.GetSingletonNode(MODULE, "vtkMRMLScriptedModuleNode")
    if parameters is None or parameters.GetNodeReference("ctVolume") is not context.source:
        return None
    return parameters.GetNodeReference("bones")
