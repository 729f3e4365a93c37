"""Scalar volume nodes to and from `Volume`; a film is a volume of one slice with its view in an attribute."""

from __future__ import annotations

import json

import numpy as np
import slicer
import vtk

from ..analysis.errors import InputError
from ..analysis.files import json_text
from ..analysis.view import View, view_from_json, view_to_json
from ..analysis.volume import Volume

VIEW_ATTRIBUTE = "Calcinosis.View"
"""Attribute of a film's volume node: its view file's content as JSON text."""

_WINDOWS = {"ct": (2500.0, 650.0)}
"""Window width and level that show bone, paste and skin at once, HU."""


def volume_to_node(scene: object, volume: Volume, name: str, modality: str) -> object:
    """A new vtkMRMLScalarVolumeNode with display; float64 and 64-bit integers, which VTK lacks, become float32."""
    voxels = volume.voxels
    if voxels.dtype == bool:
        voxels = voxels.astype(np.uint8)
    elif voxels.dtype.kind == "f" or voxels.dtype.itemsize == 8:
        voxels = voxels.astype(np.float32)
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    node.SetIJKToRASMatrix(matrix_to_vtk(volume.ijk_to_ras))
    slicer.util.updateVolumeFromArray(node, np.ascontiguousarray(voxels))
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetAndObserveColorNodeID("vtkMRMLColorTableNodeGrey")
    window, level = _WINDOWS.get(modality) or _window(voxels)
    display.AutoWindowLevelOff()
    display.SetWindowLevel(window, level)
    return node


def _window(voxels: np.ndarray) -> tuple[float, float]:
    """Window and level from the 1st to the 99.5th percentile of a sparse sample."""
    step = max(1, voxels.size // 200_000)
    low, high = np.percentile(voxels.reshape(-1)[::step], [1.0, 99.5])
    return max(float(high - low), 1.0), float(high + low) / 2


def volume_from_node(node: object) -> Volume:
    """The node's voxels (a view, not a copy) in the node's own frame, below any parent transform.

    Raises
    ------
    InputError: the node is empty.
    """
    if node is None:
        raise InputError("No volume was given: choose one.")
    if node.GetImageData() is None or node.GetImageData().GetNumberOfPoints() == 0:
        raise InputError(f"{node.GetName()}: the volume has no voxels; load it again.")
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return Volume(slicer.util.arrayFromVolume(node), slicer.util.arrayFromVTKMatrix(matrix))


def set_view(node: object, view: View) -> None:
    """Keep the film's geometry with its node."""
    node.SetAttribute(VIEW_ATTRIBUTE, json_text(view_to_json(view), indent=None))


def get_view(node: object) -> View | None:
    """The film's geometry, None if it was never set."""
    text = node.GetAttribute(VIEW_ATTRIBUTE)
    return None if text is None else view_from_json(json.loads(text), node.GetName())


def matrix_to_vtk(matrix: np.ndarray) -> object:
    """4x4 array to vtkMatrix4x4."""
    return slicer.util.vtkMatrixFromArray(matrix)
