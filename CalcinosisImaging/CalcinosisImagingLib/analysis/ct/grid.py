"""The working grid: an isotropic, lightly smoothed copy of the part of a CT that holds dense matter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from ..volume import Volume

WORK_MM = 0.45
"""Spacing of the working grid: half the width of the narrowest joint, so that a joint stays visible as a valley."""
DENSE_HU = 150.0
MARGIN_MM = 4.0

Box = tuple[slice, slice, slice]


@dataclass(frozen=True, eq=False)
class WorkGrid:
    """An isotropic copy of one box of a volume.

    Attributes
    ----------
    hu: (K, J, I) int16, clipped to -300..3000 HU.
    box: the part of the volume that it covers.
    shape: shape of that part.
    spacing_mm: of that part, in order k, j, i.
    ijk_to_ras: 4x4 of the working grid.
    """

    hu: np.ndarray
    box: Box
    shape: tuple[int, int, int]
    spacing_mm: np.ndarray
    ijk_to_ras: np.ndarray

    @property
    def voxel_mm3(self) -> float:
        """Volume of one working voxel."""
        return WORK_MM**3

    def from_volume(self, cropped: np.ndarray, linear: bool = False) -> np.ndarray:
        """An array on the box of the volume, sampled on the working grid (nearest voxel unless ``linear``)."""
        index = [
            np.clip(((np.arange(n) + 0.5) * WORK_MM / h - 0.5).round().astype(int), 0, m - 1)
            for n, h, m in zip(self.hu.shape, self.spacing_mm, self.shape, strict=True)
        ]
        return cropped[np.ix_(*index)]

    def to_volume(self, work: np.ndarray) -> np.ndarray:
        """An array of the working grid, sampled on the box of the volume (nearest voxel)."""
        return work[np.ix_(*self.volume_index())]

    def volume_index(self, axis_slices: Box | None = None) -> list[np.ndarray]:
        """For each voxel of the box (or of ``axis_slices`` of it), the index of the working voxel along each axis."""
        result = []
        for axis, (n, h, m) in enumerate(zip(self.shape, self.spacing_mm, self.hu.shape, strict=True)):
            where = np.arange(n) if axis_slices is None else np.arange(n)[axis_slices[axis]]
            result.append(np.clip(((where + 0.5) * h / WORK_MM - 0.5).round().astype(int), 0, m - 1))
        return result


def dense_box(volume: Volume, above_hu: float = DENSE_HU) -> Box | None:
    """Box around everything denser than soft tissue, with a margin; None if there is nothing."""
    counts_limit = 4
    box = []
    spacing = volume.spacing_mm[::-1]
    # Noise alone passes the threshold now and then: a plane counts when several voxels do on a smoothed sample.
    sample = volume.voxels[::2, ::2, ::2]
    dense = sample > above_hu
    for axis in range(3):
        other = tuple(a for a in range(3) if a != axis)
        planes = np.flatnonzero(dense.sum(axis=other) >= counts_limit)
        if len(planes) == 0:
            return None
        margin = int(np.ceil(MARGIN_MM / spacing[axis])) + 2
        size = volume.voxels.shape[axis]
        box.append(slice(max(int(2 * planes[0]) - margin, 0), min(int(2 * planes[-1]) + margin + 1, size)))
    return tuple(box)


def work_grid(volume: Volume, box: Box) -> WorkGrid:
    """Resample the box of the volume (smoothed where the voxels are finer than the working grid)."""
    cropped = volume.voxels[box]
    spacing = volume.spacing_mm[::-1]
    image = sitk.GetImageFromArray(cropped if cropped.dtype == np.int16 else cropped.astype(np.float32))
    image.SetSpacing(spacing[::-1].tolist())
    size = np.maximum((np.array(cropped.shape) * spacing / WORK_MM).astype(int), 1)
    finer = spacing < WORK_MM
    if finer.any() and min(cropped.shape) >= 4:
        sigma = np.where(finer, 0.4 * WORK_MM, 0.04 * WORK_MM)
        image = sitk.SmoothingRecursiveGaussian(image, sigma[::-1].tolist())
    interpolator = sitk.sitkLinear if finer.all() else sitk.sitkBSpline
    origin = (WORK_MM - spacing) / 2
    work = sitk.Resample(
        image,
        size[::-1].tolist(),
        sitk.Transform(),
        interpolator,
        origin[::-1].tolist(),
        [WORK_MM] * 3,
        np.eye(3).ravel().tolist(),
        -300.0,
        sitk.sitkFloat32,
    )
    hu = sitk.GetArrayFromImage(sitk.Cast(sitk.Clamp(work, sitk.sitkFloat32, -300.0, 3000.0), sitk.sitkInt16))
    matrix = volume.crop(box).ijk_to_ras.copy()
    directions = matrix[:3, :3] / volume.spacing_mm
    matrix[:3, 3] += directions @ origin[::-1]
    matrix[:3, :3] = directions * WORK_MM
    return WorkGrid(hu, box, cropped.shape, spacing, matrix)


def soft_tissue_hu(hu: np.ndarray) -> float:
    """Median of what is neither fat, air nor mineral: the level deposits and bones stand out from."""
    sample = hu[::3, ::3, ::3]
    tissue = sample[(sample > -20) & (sample < 130)]
    return float(np.median(tissue)) if len(tissue) else 50.0


def noise_hu(hu: np.ndarray) -> float:
    """Standard deviation of the noise, from differences of neighbours in soft tissue (robust)."""
    left, right = hu[..., :-2:2], hu[..., 2::2]
    tissue = (left > -150) & (left < 200) & (right > -150) & (right < 200)
    difference = (left[tissue].astype(np.float32) - right[tissue])[::7]
    if len(difference) < 100:
        return 20.0
    return float(1.4826 * np.median(np.abs(difference)) / np.sqrt(2.0))


def grow_box(box: Box, margin: np.ndarray | int, shape: tuple[int, ...]) -> Box:
    """A box with a margin (voxels along k, j, i), inside ``shape``."""
    margins = np.broadcast_to(np.asarray(margin), (3,)).astype(int)
    return tuple(
        slice(max(s.start - int(m), 0), min(s.stop + int(m), n)) for s, m, n in zip(box, margins, shape, strict=True)
    )


def boxes(labels: np.ndarray) -> list[Box | None]:
    """Bounding box of each label 1..N; ``boxes(labels)[label - 1]``."""
    return ndimage.find_objects(labels)
