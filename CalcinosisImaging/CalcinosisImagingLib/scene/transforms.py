"""Transform nodes: rigid placements, the CT-MR deformation, and points taken from one node's frame to another's.

MRML's convention: a node under a transform is moved by it *to the parent*; resampling needs *from the parent*.
"""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
import slicer
import vtk
from vtk.util import numpy_support

from .volumes import matrix_to_vtk


def linear_transform_node(scene: object, name: str, to_parent: np.ndarray) -> object:
    """A vtkMRMLLinearTransformNode; ``to_parent`` is 4x4, RAS of what hangs under it -> RAS of its parent."""
    node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", name)
    node.SetMatrixTransformToParent(matrix_to_vtk(to_parent))
    return node


def displacement_transform_node(scene: object, name: str, field: sitk.Image) -> object:
    """A vtkMRMLGridTransformNode whose *from parent* direction is a displacement field.

    field: vector image in LPS mm that maps a point p (of the CT) to p + d (of the MR); what hangs under the node
    (the MR) is so carried to the CT. Interpolation is cubic, as Slicer has it after loading the scene.
    """
    grid = slicer.vtkOrientedGridTransform()
    grid.SetDisplacementGridData(_grid_image(field))
    grid.SetGridDirectionMatrix(_direction(field))
    grid.SetInterpolationModeToCubic()
    node = scene.AddNewNodeByClass("vtkMRMLGridTransformNode", name)
    node.SetAndObserveTransformFromParent(grid)
    return node


def _grid_image(field: sitk.Image) -> object:
    """Displacements in RAS on a vtkImageData with RAS origin and spacing."""
    displacements = sitk.GetArrayFromImage(field).astype(np.float64) * (-1.0, -1.0, 1.0)
    image = vtk.vtkImageData()
    image.SetDimensions(field.GetSize())
    image.SetSpacing(field.GetSpacing())
    x, y, z = field.GetOrigin()
    image.SetOrigin(-x, -y, z)
    vectors = numpy_support.numpy_to_vtk(displacements.reshape(-1, 3), deep=True, array_type=vtk.VTK_DOUBLE)
    image.GetPointData().SetScalars(vectors)
    return image


def _direction(field: sitk.Image) -> object:
    """RAS direction of the grid's axes as vtkMatrix4x4."""
    matrix = np.eye(4)
    matrix[:3, :3] = np.diag([-1.0, -1.0, 1.0]) @ np.array(field.GetDirection()).reshape(3, 3)
    return matrix_to_vtk(matrix)


def points_between(points: np.ndarray, source: object | None, target: object | None) -> np.ndarray:
    """Points (N, 3) in the frame under transform node ``source`` -> the frame under ``target``; None is the world."""
    transform = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(source, target, transform)
    given = vtk.vtkPoints()
    given.SetData(numpy_support.numpy_to_vtk(np.ascontiguousarray(points, np.float64), deep=True))
    moved = vtk.vtkPoints()
    moved.SetDataTypeToDouble()
    transform.TransformPoints(given, moved)
    return numpy_support.vtk_to_numpy(moved.GetData()).reshape(-1, 3).copy()
