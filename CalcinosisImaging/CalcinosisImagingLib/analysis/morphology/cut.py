"""One deposit cut out of the image: everything later works on these small arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from ..segmentation import Segmentation
from ..volume import Volume, transform_points

Box = tuple[slice, slice, slice]


class Body(Protocol):
    """Knows where the air around the body is."""

    def outside(self, box: Box) -> np.ndarray:
        """Bool array of a box of the volume: True in the air."""


@dataclass(frozen=True, eq=False)
class Cut:
    """A deposit with its surroundings.

    Attributes
    ----------
    label: the deposit's label.
    tight: its bounding box in the whole volume (slices over K, J, I).
    box: the bounding box with margin, clipped to the volume.
    mask: bool, shape of ``box``; voxels of this deposit.
    foreign: bool, same shape; voxels of other deposits, of bone, and of the air around the body.
    bone: bool, same shape; voxels of bone.
    values: float32, same shape; the image.
    spacing_mm: voxel size along the array axes (k, j, i).
    ijk_to_ras: 4x4 of the cut's own indices.
    """

    label: int
    tight: Box
    box: Box
    mask: np.ndarray
    foreign: np.ndarray
    bone: np.ndarray
    values: np.ndarray
    spacing_mm: np.ndarray
    ijk_to_ras: np.ndarray

    @property
    def voxel_mm3(self) -> float:
        """Volume of one voxel, mm³."""
        return float(np.prod(self.spacing_mm))

    @property
    def inner(self) -> Box:
        """The tight bounding box within the cut."""
        return tuple(slice(t.start - b.start, t.stop - b.start) for t, b in zip(self.tight, self.box, strict=True))

    def tightened(self) -> Cut:
        """The same without margin; views, no copies."""
        return self.part(self.inner)

    def part(self, inner: Box) -> Cut:
        """The part of it inside ``inner`` (slices of its own indices); views, no copies."""
        shift = np.eye(4)
        shift[:3, 3] = [s.start for s in inner[::-1]]
        box = tuple(slice(b.start + s.start, b.start + s.stop) for b, s in zip(self.box, inner, strict=True))
        arrays = (self.mask[inner], self.foreign[inner], self.bone[inner], self.values[inner])
        return Cut(self.label, self.tight, box, *arrays, self.spacing_mm, self.ijk_to_ras @ shift)

    def to_ras(self, kji: np.ndarray) -> np.ndarray:
        """Indices of the cut (..., 3) in order k, j, i -> RAS mm."""
        return transform_points(self.ijk_to_ras, np.asarray(kji)[..., ::-1])


def grow(box: Box, margin: np.ndarray | int, shape: tuple[int, ...]) -> Box:
    """``box`` with ``margin`` voxels (one number or one per axis) on every side, clipped to ``shape``."""
    margins = np.broadcast_to(margin, 3)
    return tuple(
        slice(max(s.start - int(m), 0), min(s.stop + int(m), n)) for s, m, n in zip(box, margins, shape, strict=True)
    )


def labelled_boxes(labels: np.ndarray) -> list[tuple[int, Box]]:
    """Every label present with its bounding box, in order of label: one pass over the volume."""
    boxes = ndimage.find_objects(labels)
    return [(index + 1, box) for index, box in enumerate(boxes) if box is not None]


def cut_deposits(
    volume: Volume,
    deposits: Segmentation,
    bones: Segmentation | None,
    margin_mm: float,
    boxes: list[tuple[int, Box]],
    body: Body | None = None,
) -> Iterator[Cut]:
    """Cut the deposits out one after the other, in order of label; ``body`` tells the air of a box."""
    spacing = volume.spacing_mm[::-1]
    margin = np.ceil(margin_mm / spacing).astype(int)
    margin[np.array(volume.voxels.shape) == 1] = 0
    for label, tight in boxes:
        box = grow(tight, margin, volume.voxels.shape)
        part = deposits.labels[box]
        mask = part == label
        foreign = (part != 0) & ~mask
        bone = np.zeros_like(mask) if bones is None else (bones.labels[box] != 0) & ~mask
        foreign |= bone
        if body is not None:
            foreign |= body.outside(box) & ~mask
        matrix = volume.crop(box).ijk_to_ras
        values = np.nan_to_num(volume.voxels[box].astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
        yield Cut(label, tight, box, mask, foreign, bone, values, spacing, matrix)


def signed_distance_mm(mask: np.ndarray, spacing_mm: np.ndarray) -> np.ndarray:
    """Distance to the surface of ``mask``, negative inside; float32, mm.

    Maurer's exact transform (IEEE TPAMI 2003) measures to the centres of the outermost voxels of the mask; half a
    voxel is taken off so that zero lies on the voxel faces.
    """
    image = sitk.GetImageFromArray(mask.astype(np.uint8))
    image.SetSpacing([float(s) for s in spacing_mm[::-1]])
    transform = sitk.SignedMaurerDistanceMapImageFilter()
    transform.SetSquaredDistance(False)
    transform.SetUseImageSpacing(True)
    transform.SetNumberOfWorkUnits(1)
    distance = sitk.GetArrayFromImage(transform.Execute(image))
    return distance - np.float32(0.5 * float(np.cbrt(np.prod(spacing_mm))))
