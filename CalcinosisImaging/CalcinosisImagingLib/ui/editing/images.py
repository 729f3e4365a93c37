"""Oriented images of the editor as arrays, and boxes of voxels as small labelmaps for it.

Everything is in the segmentation's own frame, below its parent transform, as the editor's own images are.
"""

from __future__ import annotations

import numpy as np
import slicer
import vtk
from vtk.util import numpy_support

from ...analysis.editing.box import Box
from ...analysis.volume import Volume


def volume_of(image: object) -> Volume:
    """A vtkOrientedImageData as a `Volume`: a view of its voxels; array index 0 is the first voxel of the extent."""
    start = start_ijk(image)
    size = np.array(image.GetExtent()[1::2]) - start + 1
    voxels = numpy_support.vtk_to_numpy(image.GetPointData().GetScalars()).reshape(size[::-1])
    matrix = matrix_of(image)
    matrix[:3, 3] += matrix[:3, :3] @ start
    return Volume(voxels, matrix)


def matrix_of(image: object) -> np.ndarray:
    """4x4: index (i, j, k) in the extent's counting -> mm."""
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def start_ijk(image: object) -> np.ndarray:
    """Index (i, j, k) of the first voxel of the extent."""
    return np.array(image.GetExtent()[::2], int)


def kji_to_mm(volume: Volume) -> np.ndarray:
    """4x4: array index (k, j, i) -> mm."""
    matrix = volume.ijk_to_ras.copy()
    matrix[:, :3] = matrix[:, 2::-1]
    return matrix


def labelmap(mask: np.ndarray, box: Box, like: object) -> object:
    """A small labelmap (vtkOrientedImageData, 0 and 1) that holds ``mask`` in ``box`` of the image ``like``."""
    image = slicer.vtkOrientedImageData()
    start = start_ijk(like)
    low = [int(start[axis]) + box[2 - axis].start for axis in range(3)]
    high = [int(start[axis]) + box[2 - axis].stop - 1 for axis in range(3)]
    image.SetExtent(low[0], high[0], low[1], high[1], low[2], high[2])
    scalars = numpy_support.numpy_to_vtk(
        np.ascontiguousarray(mask, np.uint8).reshape(-1), deep=True, array_type=vtk.VTK_UNSIGNED_CHAR
    )
    image.GetPointData().SetScalars(scalars)
    matrix = vtk.vtkMatrix4x4()
    like.GetImageToWorldMatrix(matrix)
    image.SetImageToWorldMatrix(matrix)
    return image
