"""What the CT says about one bone and its neighbourhood, in terms that hold for any MR contrast.

An MR voxel holds a mix of tissues; whatever their signals are, its value is the sum over tissues of fraction times
signal. The CT gives the fractions (maps below), a linear fit gives the signals. So no contrast has to be known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..blocks import block_factors, mean_of_blocks
from ..segmentation import Segmentation
from ..volume import Volume

CROP_MARGIN_MM = 8.0
FINE_SPACING_MM = 0.35
COARSE_SPACING_MM = 0.9
MARROW, DENSE, FAT, AIR = range(4)
"""Order of the tissue maps; muscle is what remains and is the constant of every fit."""

SOFT_HU = 50.0
FAT_HU = -100.0
AIR_HU = (-800.0, -300.0)
LEAST_DENSE_HU = 600.0


@dataclass(frozen=True, eq=False)
class BoneModel:
    """One bone of the CT.

    Attributes
    ----------
    name: segment ID.
    grid: geometry of the maps; its voxels are the fraction of this bone.
    maps: float32 (4, K, J, I): fraction of marrow inside the bone, of dense (calcified) matter, of fat, of air.
    coarse: geometry of the distances; its voxels are the signed distance to this bone, mm, negative inside.
    other: distance to the nearest other bone on the coarse grid, mm (0 inside it).
    """

    name: str
    grid: Volume
    maps: np.ndarray
    coarse: Volume
    other: np.ndarray


@dataclass(frozen=True, eq=False)
class BoneShape:
    """Where one bone is in the CT.

    Attributes
    ----------
    name: segment ID.
    box: slices over (K, J, I) of the CT that hold the bone.
    surface: (N, 3) RAS points on its surface.
    centre: (3,) RAS.
    axes: 3x3, columns are unit vectors, longest direction first.
    radius_mm: root mean square distance of the surface from the centre.
    volume_mm3: by voxel count.
    """

    name: str
    box: tuple[slice, slice, slice]
    surface: np.ndarray
    centre: np.ndarray
    axes: np.ndarray
    radius_mm: float
    volume_mm3: float


def bone_shapes(bones: Segmentation, surface_points: int = 600) -> dict[str, BoneShape]:
    """Shape of every bone that has voxels, in the order of the segments."""
    boxes = ndimage.find_objects(bones.labels)
    shapes = {}
    for segment in bones.segments:
        box = boxes[segment.label - 1] if segment.label <= len(boxes) else None
        if box is not None:
            shapes[segment.segment_id] = _shape(bones, segment.segment_id, segment.label, box, surface_points)
    return shapes


def _shape(bones: Segmentation, name: str, label: int, box, surface_points: int) -> BoneShape:
    part = bones.volume.crop(box)
    mask = np.pad(part.voxels == label, 1)
    rim = (mask & ~ndimage.binary_erosion(mask))[1:-1, 1:-1, 1:-1]
    points = part.to_ras(np.argwhere(rim)[:, ::-1])
    centre = points.mean(0)
    _, _, vt = np.linalg.svd(points[:: max(1, len(points) // 20000)] - centre, full_matrices=False)
    axes = vt.T if vt.shape == (3, 3) else np.eye(3)
    radius = float(np.sqrt(((points - centre) ** 2).sum(1).mean()))
    chosen = np.random.default_rng(0).permutation(len(points))[:surface_points]
    volume_mm3 = float(np.count_nonzero(mask)) * bones.volume.voxel_volume_mm3
    return BoneShape(name, box, points[np.sort(chosen)], centre, axes, max(radius, 1.0), volume_mm3)


def bone_model(ct: Volume, bones: Segmentation, shape: BoneShape) -> BoneModel:
    """Tissue maps and distances around one bone."""
    label = bones.by_id(shape.name).label
    pad = np.ceil(CROP_MARGIN_MM / ct.spacing_mm).astype(int)[::-1]
    box = tuple(
        slice(max(0, s.start - p), min(n, s.stop + p)) for s, p, n in zip(shape.box, pad, ct.voxels.shape, strict=True)
    )
    hu, labels = ct.crop(box), bones.volume.crop(box)
    # Blocks no larger than the wanted voxel: detail is kept, only a needlessly fine CT is thinned out.
    factors = np.minimum(np.maximum(1, np.floor(FINE_SPACING_MM / ct.spacing_mm + 0.01)).astype(int), hu.size)
    own = _reduced(labels, labels.voxels == label, factors)
    density = _reduced(hu, hu.voxels, factors)
    other = (labels.voxels > 0) & (labels.voxels != label)
    coarse_factors = np.minimum(block_factors(ct.spacing_mm, COARSE_SPACING_MM), hu.size)
    coarse_own = _reduced(labels, labels.voxels == label, coarse_factors)
    coarse_other = mean_of_blocks(other, coarse_factors)
    return BoneModel(
        shape.name,
        own,
        tissue_maps(density.voxels, own.voxels),
        coarse_own.with_voxels(_signed_distance(coarse_own.voxels, coarse_own.spacing_mm)),
        np.maximum(_signed_distance(coarse_other, coarse_own.spacing_mm), 0.0),
    )


def _reduced(volume: Volume, voxels: np.ndarray, factors: np.ndarray) -> Volume:
    """Block means of ``voxels`` in their true place."""
    matrix = volume.ijk_to_ras.copy()
    matrix[:3, :3] *= factors
    matrix[:3, 3] = volume.to_ras((factors - 1) / 2)
    return Volume(mean_of_blocks(voxels, factors), matrix)


def tissue_maps(hu: np.ndarray, bone: np.ndarray) -> np.ndarray:
    """Fractions (4, K, J, I) of marrow, dense matter, fat and air from HU and the fraction of bone.

    Each is linear in HU between two tissues, so that a mixed voxel gets its mixed fraction. The density of full
    cortex is the bone's own (95th percentile), because it varies with osteoporosis and voxel size.
    """
    inside = hu[bone > 0.5]
    full = max(float(np.percentile(inside, 95)) if inside.size else LEAST_DENSE_HU, LEAST_DENSE_HU)
    dense = np.clip((hu - SOFT_HU) / (full - SOFT_HU), 0.0, 1.0)
    air = np.clip((AIR_HU[1] - hu) / (AIR_HU[1] - AIR_HU[0]), 0.0, 1.0)
    fat = np.clip((SOFT_HU - hu) / (SOFT_HU - FAT_HU), 0.0, 1.0) * (1.0 - air) * (1.0 - bone)
    return np.stack([bone * (1.0 - dense), dense, fat, air]).astype(np.float32)


def _signed_distance(fraction: np.ndarray, spacing_mm: np.ndarray) -> np.ndarray:
    """Distance to the half-level of a fraction, mm, negative inside; a large value everywhere if it is empty."""
    inside = fraction >= 0.5
    if not inside.any():
        return np.full(fraction.shape, 1e3, np.float32)
    sampling = spacing_mm[::-1]
    outer = ndimage.distance_transform_edt(~inside, sampling=sampling)
    inner = ndimage.distance_transform_edt(inside, sampling=sampling)
    # Half a voxel: the transforms measure to voxel centres, the surface lies between them.
    half = 0.5 * float(sampling.min())
    return (np.where(inside, half - inner, outer - half)).astype(np.float32)
