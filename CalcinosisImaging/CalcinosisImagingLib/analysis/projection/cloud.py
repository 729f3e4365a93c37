"""A bone as a cloud of weighted points, and its shadow: the fast projector of the registration.

The shadow of a point of attenuation x volume m at depth z is m / (area of a pixel at that depth), shared bilinearly
between four pixels (splatting; Birkfellner et al., Phys Med Biol 2005;50:N73). The points' pitch follows the
film level's pixel, and both are smoothed afterwards, so that the grid of points does not show.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..segmentation import Segmentation
from ..view import View
from ..volume import Volume
from .drr import attenuation

SOFT_TISSUE_HU = 40.0
"""What surrounds bone on the film: only the excess over it makes the bone's shadow."""
FAT_HU = -200.0
"""Nothing in a bone is lower than its fat; what reads lower is the edge of a masked image."""
NEGLIGIBLE = 0.02
"""Points of less than this part of the 99th percentile carry no visible shadow."""


@dataclass(frozen=True, eq=False)
class Cloud:
    """Points in RAS mm (3, N) with their excess attenuation times volume in mm² (N,)."""

    points: np.ndarray
    weights_mm2: np.ndarray

    @property
    def centre_ras(self) -> np.ndarray:
        """Middle of the points' box (3,)."""
        return (self.points.min(axis=1) + self.points.max(axis=1)) / 2

    @property
    def extent_mm(self) -> float:
        """Longest side of the points' box."""
        return float(np.ptp(self.points, axis=1).max())

    def moved(self, matrix: np.ndarray) -> Cloud:
        """The same cloud after a 4x4 transform."""
        return Cloud(matrix[:3, :3] @ self.points + matrix[:3, 3:], self.weights_mm2)


def join(clouds: list[Cloud]) -> Cloud:
    """Several clouds as one rigid body."""
    return Cloud(np.concatenate([c.points for c in clouds], axis=1), np.concatenate([c.weights_mm2 for c in clouds]))


@dataclass(frozen=True, eq=False)
class BoneCrop:
    """Excess attenuation (1/mm, float32) of one bone in its box, to draw clouds of any pitch from."""

    excess: Volume

    def cloud(self, pitch_mm: float) -> Cloud:
        """Points about ``pitch_mm`` apart along the CT's axes, each with the attenuation of its cell."""
        spacing = self.excess.spacing_mm[::-1]
        sigma = np.sqrt(np.maximum((pitch_mm / spacing) ** 2 - 1, 0) / 12)
        smooth = ndimage.gaussian_filter(self.excess.voxels, sigma, mode="constant", truncate=3)
        axes = []
        for count, step in zip(smooth.shape, pitch_mm / spacing, strict=True):
            cells = max(1, int(np.ceil(count / step)))
            axes.append((count - 1) / 2 + step * (np.arange(cells) - (cells - 1) / 2))
        grid = np.stack(np.meshgrid(*axes, indexing="ij"))
        values = ndimage.map_coordinates(smooth, grid, order=1, mode="constant")
        keep = np.abs(values) > NEGLIGIBLE * np.percentile(np.abs(values), 99)
        points = np.ascontiguousarray(self.excess.to_ras(grid[::-1, keep].T).T)
        return Cloud(points, values[keep].astype(np.float64) * pitch_mm**3)


def bone_crops(ct: Volume, bones: Segmentation) -> dict[str, BoneCrop]:
    """A crop per bone that has voxels, by segment ID; the mask grows by a voxel to take the partial volume in."""
    crops = {}
    boxes = ndimage.find_objects(bones.labels)
    mu_soft = float(attenuation(np.array(SOFT_TISSUE_HU)))
    mu_fat = float(attenuation(np.array(FAT_HU)))
    for segment in bones.segments:
        box = boxes[segment.label - 1] if segment.label <= len(boxes) else None
        if box is None:
            continue
        grown = tuple(slice(max(s.start - 1, 0), s.stop + 1) for s in box)
        labels = bones.labels[grown]
        inside = labels == segment.label
        rim = ndimage.binary_dilation(inside) & (labels == 0)
        part = ct.crop(grown)
        mu = attenuation(part.voxels)
        excess = np.where(inside, np.maximum(mu, mu_fat) - mu_soft, 0)
        excess[rim] = np.maximum(mu[rim] - mu_soft, 0)
        crops[segment.segment_id] = BoneCrop(part.with_voxels(excess.astype(np.float32)))
    return crops


@dataclass(frozen=True)
class Window:
    """A part of a film level: first row and column (may be negative) and size."""

    row: int
    column: int
    rows: int
    columns: int

    def inside(self, shape: tuple[int, int]) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
        """Slices of the film level, and of the window, where both overlap."""
        film, own = [], []
        for first, count, limit in zip((self.row, self.column), (self.rows, self.columns), shape, strict=True):
            low = min(max(first, 0), limit)
            high = max(min(first + count, limit), low)
            film.append(slice(low, high))
            own.append(slice(low - first, high - first))
        return tuple(film), tuple(own)


def to_level(pose: np.ndarray, view: View, factor: int) -> np.ndarray:
    """3x4 matrix: a point (RAS, 1) -> (u z, v z, z) with (u, v) in pixels of a level of ``factor`` film pixels."""
    (su, sv), (cu, cv), distance = view.pixel_spacing_mm, view.principal_point_px, view.source_detector_mm
    offset = (factor - 1) / 2
    camera = np.array(
        [
            [distance / (su * factor), 0.0, (cu - offset) / factor],
            [0.0, distance / (sv * factor), (cv - offset) / factor],
            [0.0, 0.0, 1.0],
        ]
    )
    return camera @ pose[:3]


def project_to_level(points: np.ndarray, pose: np.ndarray, view: View, factor: int) -> tuple[np.ndarray, ...]:
    """Points (3, N) at ``pose`` (4x4, to the view frame) -> (u, v) in level pixels and depth z in mm, (N,) each."""
    matrix = to_level(pose, view, factor)
    u, v, z = np.ascontiguousarray(matrix[:, :3]) @ points + matrix[:, 3:]
    u /= z
    v /= z
    return u, v, z


def window_of(cloud: Cloud, pose: np.ndarray, view: View, factor: int, margin: int) -> Window:
    """The pixels that the cloud's shadow covers, and ``margin`` more on each side."""
    u, v, _ = project_to_level(cloud.points, pose, view, factor)
    row, column = int(np.floor(v.min())) - margin, int(np.floor(u.min())) - margin
    return Window(row, column, int(np.ceil(v.max())) + margin + 1 - row, int(np.ceil(u.max())) + margin + 1 - column)


def shadow(cloud: Cloud, pose: np.ndarray, view: View, factor: int, window: Window) -> np.ndarray:
    """Line integrals of the cloud at ``pose`` (4x4, RAS -> view frame) in a window of a level (rows, columns)."""
    u, v, z = project_to_level(cloud.points, pose, view, factor)
    u -= window.column
    v -= window.row
    pixel_mm2 = factor**2 * view.pixel_spacing_mm[0] * view.pixel_spacing_mm[1]
    weight = cloud.weights_mm2 * (view.source_detector_mm**2 / pixel_mm2)
    weight /= z * z
    row, column = np.floor(v), np.floor(u)
    keep = (row >= 0) & (column >= 0) & (row < window.rows - 1) & (column < window.columns - 1)
    if not keep.all():
        u, v, row, column, weight = u[keep], v[keep], row[keep], column[keep], weight[keep]
    right, down = u - column, v - row
    at = (row * window.columns + column).astype(np.intp)
    count = window.rows * window.columns
    lower = weight * down
    upper = weight - lower
    image = np.bincount(at, upper - upper * right, count)
    image[1:] += np.bincount(at, upper * right, count)[:-1]
    image[window.columns :] += np.bincount(at, lower - lower * right, count)[: -window.columns]
    image[window.columns + 1 :] += np.bincount(at, lower * right, count)[: -window.columns - 1]
    return image.reshape(window.rows, window.columns)
