"""Surfaces of voxel bodies as small discs, and distances between them in millimetres.

Along every grid line the surface crosses between a voxel inside and one outside. The crossing is placed where the
slightly smoothed mask falls to one half, which takes the staircase out, but never far from the face between the two
voxels, so that thin plates keep their thickness. Each crossing is a disc with a normal: the distance to a disc, unlike
that to a point, does not grow with the voxel size. Its weight is the area that it stands for, face times |normal|
(the sum over the three families of grid lines is the area, because the squares of a normal's parts add up to one).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from ..volume import Volume

SMOOTHING_VOXELS = 0.8
"""Width (standard deviation) of the smoothing of the mask, in voxels of the shortest side."""
LARGEST_SHIFT = 0.35
"""How far, in voxels, a crossing may leave the face between two voxels."""
NEIGHBOURS = 4
"""Discs looked at for the distance of one point."""
_MARGIN = 3


@dataclass(frozen=True, eq=False)
class Surface:
    """Discs that cover a surface.

    Attributes
    ----------
    points_ras: (N, 3) centres, mm.
    normals: (N, 3) unit vectors in RAS, towards the outside.
    areas_mm2: (N,) area that each stands for.
    radii_mm: (N,) radius of each disc.
    """

    points_ras: np.ndarray
    normals: np.ndarray
    areas_mm2: np.ndarray
    radii_mm: np.ndarray


def surface_of(ijk: np.ndarray, volume: Volume, planar: bool = False) -> Surface:
    """Surface of the voxels ``ijk`` (M, 3) of a grid; of a film (``planar``) its outline in the plane."""
    axes = (0, 1) if planar else (0, 1, 2)
    spacing = volume.spacing_mm
    fine = np.ones(3, int)
    fine[list(axes)] = np.maximum(1, np.round(spacing[list(axes)] / spacing[list(axes)].min())).astype(int)
    margin = np.where(np.isin(range(3), axes), _MARGIN, 0)
    low = ijk.min(axis=0) - margin
    mask = np.zeros(ijk.max(axis=0) + margin - low + 1, np.float32)
    mask[tuple((ijk - low).T)] = 1
    for axis in axes:
        mask = np.repeat(mask, fine[axis], axis=axis)
    sigma = [SMOOTHING_VOXELS if axis in axes else 0.0 for axis in range(3)]
    field = ndimage.gaussian_filter(mask, sigma, truncate=3.0)
    step = volume.ijk_to_ras[:3, :3] / fine
    gradients = [np.gradient(field, axis=axis) if axis in axes else None for axis in range(3)]
    found = [_crossings(mask, field, gradients, step, axis, axes) for axis in axes]
    positions, normals, areas, radii = (np.concatenate(part) for part in zip(*found, strict=True))
    points = volume.to_ras((positions + 0.5) / fine - 0.5 + low)
    return Surface(points, normals, areas, radii)


def _crossings(
    mask: np.ndarray,
    field: np.ndarray,
    gradients: list[np.ndarray | None],
    step: np.ndarray,
    axis: int,
    axes: tuple[int, ...],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Where grid lines along one axis cross the surface: positions (fine indices), normals, areas, radii."""
    lower = np.argwhere(np.diff(mask, axis=axis) != 0)
    upper = lower.copy()
    upper[:, axis] += 1
    first, second = field[tuple(lower.T)].astype(float), field[tuple(upper.T)].astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (0.5 - first) / (second - first)
    # where smoothing leaves no passage through one half (thin parts), the face between the voxels stays
    straddles = (first - 0.5) * (second - 0.5) < 0
    share = np.where(straddles, np.clip(share, 0.5 - LARGEST_SHIFT, 0.5 + LARGEST_SHIFT), 0.5)
    positions = lower.astype(float)
    positions[:, axis] += share
    slope = np.zeros((len(lower), 3))
    for other in axes:
        gradient = gradients[other]
        slope[:, other] = -(gradient[tuple(lower.T)] + gradient[tuple(upper.T)]) / 2
    slope[np.abs(slope).sum(axis=1) < 1e-6, axis] = 1.0
    normals = slope @ np.linalg.inv(step)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    sides = np.linalg.norm(step, axis=0)[[other for other in axes if other != axis]]
    face_normal = np.linalg.inv(step)[axis]
    cosine = np.abs(normals @ face_normal) / np.linalg.norm(face_normal)
    radius = float(np.sqrt((sides**2).sum()) / 2)
    return positions, normals, float(np.prod(sides)) * cosine, np.full(len(lower), radius)


def moved(surface: Surface, points_ras: np.ndarray, jacobian: np.ndarray) -> Surface:
    """The same discs at other places; ``jacobian`` (3, 3) is the mapping's derivative, which turns the normals."""
    normals = surface.normals @ np.linalg.inv(jacobian)
    normals = normals / np.linalg.norm(normals, axis=1, keepdims=True)
    return Surface(points_ras, normals, surface.areas_mm2, surface.radii_mm)


def distances_mm(points_ras: np.ndarray, surface: Surface) -> np.ndarray:
    """Distance of each point (P, 3) to the nearest disc of a surface."""
    count = min(NEIGHBOURS, len(surface.points_ras))
    _, nearest = cKDTree(surface.points_ras).query(points_ras, k=range(1, count + 1))
    offset = points_ras[:, None, :] - surface.points_ras[nearest]
    along = np.abs((offset * surface.normals[nearest]).sum(axis=-1))
    across = np.sqrt(np.maximum((offset**2).sum(axis=-1) - along**2, 0.0))
    beyond = np.maximum(across - surface.radii_mm[nearest], 0.0)
    return np.sqrt(along**2 + beyond**2).min(axis=1)


def surface_distances(a: Surface, b: Surface) -> tuple[float, float]:
    """(ASSD, HD95) in mm.

    ASSD: mean over both surfaces, weighted by area. HD95: the larger of the two directed 95th percentiles by area.
    """
    from_a, from_b = distances_mm(a.points_ras, b), distances_mm(b.points_ras, a)
    total = a.areas_mm2.sum() + b.areas_mm2.sum()
    assd = (from_a @ a.areas_mm2 + from_b @ b.areas_mm2) / total
    hd95 = max(_percentile(from_a, a.areas_mm2, 0.95), _percentile(from_b, b.areas_mm2, 0.95))
    return float(assd), float(hd95)


def _percentile(values: np.ndarray, weights: np.ndarray, share: float) -> float:
    """The smallest value below which at least ``share`` of the weight lies."""
    order = np.argsort(values, kind="stable")
    summed = np.cumsum(weights[order])
    return float(values[order][min(np.searchsorted(summed, share * summed[-1]), len(values) - 1)])
