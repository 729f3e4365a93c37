"""Segmentation nodes to and from `Segmentation`: all segments share one labelmap layer.

Slicer's import copies the volume once per segment; here the segments are made on one shared image.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import slicer
import vtk
from vtk.util import numpy_support

from ..analysis.errors import InputError
from ..analysis.segmentation import CONFIDENCE_TAG, REASON_TAG, SOURCE_TAG, Segment, Segmentation
from ..analysis.volume import Volume
from .appearance import BONE_COLOUR, BONE_TERMINOLOGY, DEPOSIT_TERMINOLOGY, REJECTED_COLOUR, deposit_colour
from .volumes import matrix_to_vtk

TERMINOLOGY_TAG = "TerminologyEntry"
KEPT_TAGS = (TERMINOLOGY_TAG, CONFIDENCE_TAG, REASON_TAG, SOURCE_TAG)
_LABELMAP = "Binary labelmap"


def deposits_appearance(modality: str) -> Callable[[Segment], Segment]:
    """Colour and terminology of found deposits."""
    return lambda s: _dressed(s, deposit_colour(modality, s.label), DEPOSIT_TERMINOLOGY)


def bones_appearance(segment: Segment) -> Segment:
    """Colour and terminology of bones."""
    return _dressed(segment, BONE_COLOUR, BONE_TERMINOLOGY)


def rejected_appearance(segment: Segment) -> Segment:
    """Colour of rejected candidates; no terminology: they are nothing in particular."""
    return _dressed(segment, REJECTED_COLOUR, None)


def _dressed(segment: Segment, colour: tuple[float, float, float], terminology: str | None) -> Segment:
    tags = dict(segment.tags)
    if terminology is not None:
        tags.setdefault(TERMINOLOGY_TAG, terminology)
    return replace(segment, colour=colour, tags=tags)


def dressed(segmentation: Segmentation, appearance: Callable[[Segment], Segment]) -> Segmentation:
    """The same labels with colours and terminology."""
    return replace(segmentation, segments=tuple(appearance(s) for s in segmentation.segments))


def segmentation_to_node(scene: object, segmentation: Segmentation, name: str, volume_node: object) -> object:
    """A new vtkMRMLSegmentationNode on the grid of ``volume_node``, under the same parent transform."""
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    modified = node.StartModify()
    node.CreateDefaultDisplayNodes()
    update_node(node, segmentation)
    if volume_node is not None:
        _set_reference_geometry(node, segmentation.volume)
        node.SetNodeReferenceID(node.GetReferenceImageGeometryReferenceRole(), volume_node.GetID())
        node.SetAndObserveTransformNodeID(volume_node.GetTransformNodeID())
    node.EndModify(modified)
    return node


def _set_reference_geometry(node: object, volume: Volume) -> None:
    """The image's own grid as reference.

    ``SetReferenceImageGeometryParameterFromVolumeNode`` would store the grid in the world: under a transform the
    segmentation would be resampled, for minutes, whenever it is saved.
    """
    converter = slicer.vtkSegmentationConverter
    geometry = slicer.vtkOrientedImageData()
    geometry.SetDimensions(volume.size)
    geometry.SetImageToWorldMatrix(matrix_to_vtk(volume.ijk_to_ras))
    node.GetSegmentation().SetConversionParameter(
        converter.GetReferenceImageGeometryParameterName(), converter.SerializeImageGeometry(geometry)
    )


def update_node(node: object, segmentation: Segmentation) -> None:
    """Replace all segments of the node."""
    image = _labelmap(segmentation.volume)
    target = node.GetSegmentation()
    release(node)
    target.SetSourceRepresentationName(_LABELMAP)
    for segment in segmentation.segments:
        target.AddSegment(_vtk_segment(segment, image), segment.segment_id)


def release(node: object) -> None:
    """Remove all segments at no cost.

    Slicer takes each segment out of the shared labelmap before it removes it, a copy of the volume for every segment;
    it does so too when a node is deleted. Without a labelmap there is nothing to take out.
    """
    segmentation = node.GetSegmentation()
    for index in range(segmentation.GetNumberOfSegments()):
        segmentation.GetNthSegment(index).RemoveAllRepresentations()
    segmentation.RemoveAllSegments()


def remove_node(scene: object, node: object) -> None:
    """Remove a node of any kind from the scene; see `release`."""
    if node.IsA("vtkMRMLSegmentationNode"):
        release(node)
    scene.RemoveNode(node)


def clear_scene(scene: object) -> None:
    """Remove everything from the scene, singletons too; see `release`."""
    for index in range(scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode")):
        release(scene.GetNthNodeByClass(index, "vtkMRMLSegmentationNode"))
    scene.Clear(1)


def _labelmap(volume: Volume) -> object:
    """vtkOrientedImageData of the labels; copies."""
    image = slicer.vtkOrientedImageData()
    image.SetDimensions(volume.size)
    labels = np.ascontiguousarray(volume.voxels)
    kind = vtk.VTK_UNSIGNED_CHAR if labels.dtype == np.uint8 else vtk.VTK_UNSIGNED_SHORT
    if labels.dtype not in (np.uint8, np.uint16):
        labels = labels.astype(np.uint16)
    scalars = numpy_support.numpy_to_vtk(labels.reshape(-1), deep=True, array_type=kind)
    image.GetPointData().SetScalars(scalars)
    image.SetImageToWorldMatrix(matrix_to_vtk(volume.ijk_to_ras))
    return image


def _vtk_segment(segment: Segment, image: object) -> object:
    made = slicer.vtkSegment()
    made.SetName(segment.name)
    made.SetNameAutoGenerated(False)
    made.SetColor(*segment.colour)
    made.SetColorAutoGenerated(False)
    made.SetLabelValue(segment.label)
    for key, value in segment.tags.items():
        made.SetTag(key, value)
    made.AddRepresentation(_LABELMAP, image)
    return made


def segmentation_from_node(node: object, grid: Volume) -> Segmentation:
    """All segments as labels on ``grid`` (the volume in the node's own frame).

    Where segments overlap the later one wins. Labels are those of the node where they are unique, else 1, 2, ...

    Raises
    ------
    InputError: no node, or no segments lie on the grid because it is another image's.
    """
    if node is None:
        raise InputError("No segmentation was given: choose one.")
    source = node.GetSegmentation()
    found = [(source.GetNthSegmentID(n), source.GetNthSegment(n)) for n in range(source.GetNumberOfSegments())]
    values = [segment.GetLabelValue() for _, segment in found]
    if len(set(values)) != len(values) or 0 in values:
        values = list(range(1, len(found) + 1))
    labels = np.zeros(grid.voxels.shape, np.uint16)
    segments = []
    for value, (segment_id, segment) in zip(values, found, strict=True):
        segments.append(_plain_segment(segment, segment_id, value))
    for layer in range(source.GetNumberOfLayers(_LABELMAP)):
        _paint_layer(source, layer, dict(zip([i for i, _ in found], values, strict=True)), grid, labels)
    order = np.argsort(values, kind="stable")
    return Segmentation(grid.with_voxels(labels), tuple(segments[i] for i in order))


def _plain_segment(segment: object, segment_id: str, label: int) -> Segment:
    # Python cannot list a vtkSegment's tags, so those that we write are asked for.
    tags = {}
    for key in KEPT_TAGS:
        value = vtk.reference("")
        if segment.GetTag(key, value):
            tags[key] = str(value)
    return Segment(label, segment_id, segment.GetName(), tuple(segment.GetColor()), tags)


def _paint_layer(source: object, layer: int, values: dict[str, int], grid: Volume, labels: np.ndarray) -> None:
    """Write the voxels of one shared labelmap into ``labels``, resampling only if the grids differ."""
    image = source.GetLayerDataObject(layer, _LABELMAP)
    if image is None or image.GetNumberOfPoints() == 0:
        return
    ids = source.GetSegmentIDsForLayer(layer, _LABELMAP)
    lookup = np.zeros(65536, np.uint16)
    for segment_id in ids:
        lookup[source.GetSegment(segment_id).GetLabelValue()] = values[segment_id]
    volume = _volume_of(image)
    box, offset = _aligned_box(volume, grid)
    if box is None:
        resampled = slicer.vtkOrientedImageData()
        slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage(
            image, _labelmap(grid.with_voxels(labels)), resampled, False, False
        )
        volume, box, offset = _volume_of(resampled), tuple(slice(0, n) for n in labels.shape), (0, 0, 0)
    part = tuple(slice(s.start - o, s.stop - o) for s, o in zip(box, offset, strict=True))
    painted = lookup[volume.voxels[part].astype(np.uint16)]
    np.copyto(labels[box], painted, where=painted > 0)


def _volume_of(image: object) -> Volume:
    """A `Volume` of an oriented image, its first voxel at index 0."""
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    extent = image.GetExtent()
    shape = (extent[5] - extent[4] + 1, extent[3] - extent[2] + 1, extent[1] - extent[0] + 1)
    voxels = numpy_support.vtk_to_numpy(image.GetPointData().GetScalars()).reshape(shape)
    ijk_to_ras = slicer.util.arrayFromVTKMatrix(matrix)
    ijk_to_ras[:3, 3] += ijk_to_ras[:3, :3] @ np.array(extent[::2], float)
    return Volume(voxels, ijk_to_ras)


def _aligned_box(volume: Volume, grid: Volume) -> tuple[tuple[slice, slice, slice] | None, tuple[int, int, int] | None]:
    """Where ``volume`` lies in ``grid`` (slices over K, J, I, cropped to it) and its first voxel there.

    (None, None) if their voxels do not coincide.
    """
    if np.abs(volume.ijk_to_ras[:3, :3] - grid.ijk_to_ras[:3, :3]).max() > 1e-4 * grid.spacing_mm.min():
        return None, None
    start = grid.to_ijk(volume.ijk_to_ras[:3, 3])
    whole = np.round(start)
    if np.abs(start - whole).max() > 0.01:
        return None, None
    offset = tuple(int(v) for v in whole[::-1])
    box = tuple(
        slice(max(o, 0), max(min(o + n, m), max(o, 0)))
        for o, n, m in zip(offset, volume.voxels.shape, grid.voxels.shape, strict=True)
    )
    return box, offset
