"""The segments of a segmentation inside a box, read without touching the rest of the volume."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import slicer

from ...analysis.editing.box import Box
from .images import labelmap, matrix_of, start_ijk, volume_of

LABELMAP = "Binary labelmap"


@dataclass(frozen=True)
class Layer:
    """One shared labelmap: values (K, J, I) of the box and the segment of each value."""

    values: np.ndarray
    segment_ids: dict[int, str]


@dataclass(frozen=True)
class SegmentsInBox:
    """All layers of a segmentation in a box."""

    layers: tuple[Layer, ...]
    shape: tuple[int, ...]

    def mask(self, segment_id: str) -> np.ndarray:
        """Boolean array of one segment, all False if it is not there."""
        for layer in self.layers:
            for value, found in layer.segment_ids.items():
                if found == segment_id:
                    return layer.values == value
        return np.zeros(self.shape, bool)

    def occupied(self, without: Collection[str] = (), only: Collection[str] | None = None) -> np.ndarray:
        """Voxels of any segment, some left out, or of some only."""
        taken = np.zeros(self.shape, bool)
        for layer in self.layers:
            values = [
                value
                for value, found in layer.segment_ids.items()
                if found not in without and (only is None or found in only)
            ]
            if values:
                taken |= np.isin(layer.values, values)
        return taken

    def at(self, index: tuple[int, int, int]) -> list[str]:
        """IDs of the segments that hold a voxel, top layer first."""
        held = [layer.segment_ids.get(int(layer.values[index])) for layer in reversed(self.layers)]
        return [segment_id for segment_id in held if segment_id is not None]

    def present(self) -> list[str]:
        """IDs of the segments that have voxels in the box."""
        return [
            layer.segment_ids[value]
            for layer in self.layers
            for value in np.unique(layer.values).tolist()
            if value in layer.segment_ids
        ]


def read_segments(node: object, like: object, box: Box) -> SegmentsInBox:
    """Read every segment in ``box`` of the image ``like``; layers on another grid are resampled, in the box only."""
    segmentation = node.GetSegmentation()
    shape = tuple(s.stop - s.start for s in box)
    layers = []
    for number in range(segmentation.GetNumberOfLayers(LABELMAP)):
        image = segmentation.GetLayerDataObject(number, LABELMAP)
        ids = segmentation.GetSegmentIDsForLayer(number, LABELMAP)
        by_value = {segmentation.GetSegment(segment_id).GetLabelValue(): segment_id for segment_id in ids}
        layers.append(Layer(_values(image, like, box, shape), by_value))
    return SegmentsInBox(tuple(layers), shape)


def _values(image: object, like: object, box: Box, shape: tuple[int, ...]) -> np.ndarray:
    """Label values of one layer in the box."""
    if image is None or image.GetPointData().GetScalars() is None or image.GetNumberOfPoints() == 0:
        return np.zeros(shape, np.uint8)
    if not np.allclose(matrix_of(image), matrix_of(like), atol=1e-5):
        reference = labelmap(np.zeros(shape, np.uint8), box, like)
        resampled = slicer.vtkOrientedImageData()
        slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage(
            image, reference, resampled, False, False
        )
        return volume_of(resampled).voxels.copy()
    voxels = volume_of(image).voxels
    values = np.zeros(shape, voxels.dtype)
    shift = (start_ijk(image) - start_ijk(like))[::-1]
    source, target = [], []
    for s, first, length in zip(box, shift, voxels.shape, strict=True):
        low, high = max(s.start, int(first)), min(s.stop, int(first) + length)
        if low >= high:
            return values
        source.append(slice(low - int(first), high - int(first)))
        target.append(slice(low - s.start, high - s.start))
    values[tuple(target)] = voxels[tuple(source)]
    return values
