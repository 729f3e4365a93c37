"""A scalar image in the world: voxels and their place in RAS millimetres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

GRID_TOLERANCE_MM = 1e-3
"""Two grids are the same when no corner differs by more than this."""


@dataclass(frozen=True, eq=False)
class Volume:
    """Voxels with their geometry.

    Attributes
    ----------
    voxels: array of shape (K, J, I), the axis order of `slicer.util.arrayFromVolume`; a film has K = 1.
    ijk_to_ras: 4x4 float64; maps the (i, j, k) index of a voxel centre to RAS mm.
    """

    voxels: np.ndarray
    ijk_to_ras: np.ndarray

    def __post_init__(self) -> None:
        matrix = np.array(self.ijk_to_ras, dtype=np.float64)
        if self.voxels.ndim != 3:
            raise ValueError(f"voxels must be (K, J, I), not {self.voxels.ndim}-D")
        if matrix.shape != (4, 4):
            raise ValueError(f"ijk_to_ras must be 4x4, not {matrix.shape}")
        object.__setattr__(self, "ijk_to_ras", matrix)

    @property
    def spacing_mm(self) -> np.ndarray:
        """Distance between neighbouring voxel centres along i, j, k; shape (3,)."""
        return np.linalg.norm(self.ijk_to_ras[:3, :3], axis=0)

    @property
    def size(self) -> tuple[int, int, int]:
        """Number of voxels along i, j, k (the reverse of ``voxels.shape``)."""
        k, j, i = self.voxels.shape
        return i, j, k

    @property
    def voxel_volume_mm3(self) -> float:
        """Volume of one voxel."""
        return float(abs(np.linalg.det(self.ijk_to_ras[:3, :3])))

    def to_ras(self, ijk: np.ndarray) -> np.ndarray:
        """Continuous voxel indices (..., 3) in order i, j, k -> RAS mm (..., 3)."""
        return transform_points(self.ijk_to_ras, ijk)

    def to_ijk(self, ras: np.ndarray) -> np.ndarray:
        """RAS mm (..., 3) -> continuous voxel indices (..., 3) in order i, j, k."""
        return transform_points(np.linalg.inv(self.ijk_to_ras), ras)

    def with_voxels(self, voxels: np.ndarray) -> Volume:
        """Other values on the same grid; ``voxels`` must have the same shape."""
        if voxels.shape != self.voxels.shape:
            raise ValueError(f"voxels of shape {voxels.shape} do not fit the grid {self.voxels.shape}")
        return Volume(voxels, self.ijk_to_ras)

    def crop(self, box: tuple[slice, slice, slice]) -> Volume:
        """The part inside ``box`` (slices over K, J, I with explicit starts), in its true place; a view, no copy."""
        start_ijk = np.array([s.indices(n)[0] for s, n in zip(box, self.voxels.shape, strict=True)][::-1], float)
        matrix = self.ijk_to_ras.copy()
        matrix[:3, 3] = self.to_ras(start_ijk)
        return Volume(self.voxels[box], matrix)

    def same_grid(self, other: Volume) -> bool:
        """Whether both have the same shape and their corners coincide within `GRID_TOLERANCE_MM`."""
        if self.voxels.shape != other.voxels.shape:
            return False
        corners = np.array(np.meshgrid(*[(0, n - 1) for n in self.size])).reshape(3, -1).T
        return bool(np.abs(self.to_ras(corners) - other.to_ras(corners)).max() <= GRID_TOLERANCE_MM)


def transform_points(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Apply a 4x4 affine matrix to points of shape (..., 3)."""
    points = np.asarray(points, dtype=np.float64)
    return points @ matrix[:3, :3].T + matrix[:3, 3]
