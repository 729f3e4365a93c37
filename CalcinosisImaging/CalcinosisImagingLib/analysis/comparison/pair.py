"""Two sets of bodies brought together in the space of the second: overlap, nearness, distances."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from ..progress import Progress, part, report, silent
from ..segmentation import Segmentation
from .assign import by_overlap
from .bodies import Bodies, find_bodies, spread_points
from .surface import moved, surface_distances, surface_of

CHUNK = 1_000_000
"""Points mapped at a time, so that a mapping with many intermediate arrays stays within bounds."""
_STENCIL_MM = 0.5  # step of the finite differences for a mapping's derivative: finer than a deposit, coarser than noise
_NEARNESS_POINTS = 1500


@dataclass(frozen=True, eq=False)
class PairGeometry:
    """Bodies of A and B with what they share, in B's space (RAS mm).

    Attributes
    ----------
    a, b: the bodies, each on its own grid.
    map_a_to_b: RAS of A -> RAS of B, or None for the identity.
    sizes_a, sizes_b: (A,), (B,) volumes in mm³, each in its own space.
    jacobians: (A, 3, 3) derivative of the mapping at the centre of each body of A.
    centroids_a: (A, 3) centres of A's bodies, mapped; centroids_b: (B, 3).
    overlap: (A, B) shared volume in mm³.
    points_a: for each body of A some of its points, mapped, for questions of nearness.
    """

    a: Bodies
    b: Bodies
    map_a_to_b: Callable[[np.ndarray], np.ndarray] | None
    sizes_a: np.ndarray
    sizes_b: np.ndarray
    jacobians: np.ndarray
    centroids_a: np.ndarray
    centroids_b: np.ndarray
    overlap: np.ndarray
    points_a: tuple[np.ndarray, ...]

    @classmethod
    def of(
        cls,
        a: Segmentation,
        b: Segmentation,
        map_a_to_b: Callable[[np.ndarray], np.ndarray] | None = None,
        progress: Progress = silent,
    ) -> PairGeometry:
        """Find the bodies and what they share."""
        report(progress, 0.0, "Looking for the deposits of both images")
        bodies_a, bodies_b = find_bodies(a), find_bodies(b)
        centres = bodies_a.centroids_ras()
        jacobians = _jacobians(centres, map_a_to_b)
        sizes_a = bodies_a.sizes_mm3
        grown = sizes_a * np.abs(np.linalg.det(jacobians))
        overlap = np.zeros((len(bodies_a), len(bodies_b)))
        centroids, some_points = np.zeros((len(bodies_a), 3)), []
        for index, native, points in _mapped_bodies(bodies_a, map_a_to_b, part(progress, 0.1, 1.0)):
            hits = _hits(points, b, bodies_b)
            overlap[index] = np.bincount(hits[hits >= 0], minlength=len(bodies_b)) * grown[index] / len(points)
            # the points' mean is a hair off the voxels' mean; the derivative carries that difference over
            centroids[index] = points.mean(axis=0) + jacobians[index] @ (centres[index] - native.mean(axis=0))
            some_points.append(thinned(points))
        return cls(
            bodies_a,
            bodies_b,
            map_a_to_b,
            sizes_a,
            bodies_b.sizes_mm3,
            jacobians,
            centroids,
            bodies_b.centroids_ras(),
            overlap,
            tuple(some_points),
        )

    @property
    def planar(self) -> bool:
        """Whether both are films."""
        return self.a.planar and self.b.planar

    @property
    def sizes_a_in_b(self) -> np.ndarray:
        """(A,) volumes of A's bodies as the mapping makes them, mm³; equal to ``sizes_a`` for rigid mappings."""
        return self.sizes_a * np.abs(np.linalg.det(self.jacobians))

    def coverage(self, tolerance_mm: float) -> np.ndarray:
        """(A, B): the smaller of the two shares that lie within ``tolerance_mm`` of the other body.

        0 where the two overlap enough to be a pair without this question.
        """
        asked = ~by_overlap(self.sizes_a_in_b, self.sizes_b, self.overlap)
        points_b = [thinned(self.b.volume.to_ras(self.b.ijk(j))) for j in range(len(self.b))]
        return mutual_coverage(
            self.points_a, points_b, tolerance_mm, asked, self.a.volume.spacing_mm.max(), self.b.volume.spacing_mm.max()
        )

    def centroid_distance(self, a: Sequence[int], b: Sequence[int]) -> float:
        """Distance in mm between the centres of the unions of some bodies (positions)."""
        centre_a = np.average(self.centroids_a[a], axis=0, weights=self.sizes_a_in_b[a])
        centre_b = np.average(self.centroids_b[b], axis=0, weights=self.sizes_b[b])
        return float(np.linalg.norm(centre_a - centre_b))

    def surface_distances(self, a: Sequence[int], b: Sequence[int]) -> tuple[float, float]:
        """(ASSD, HD95) in mm between the surfaces of two unions; see `surface.surface_distances`."""
        surface_a = surface_of(np.concatenate([self.a.ijk(i) for i in a]), self.a.volume, self.planar)
        surface_b = surface_of(np.concatenate([self.b.ijk(j) for j in b]), self.b.volume, self.planar)
        jacobian = np.average(self.jacobians[a], axis=0, weights=self.sizes_a[a])
        placed = moved(surface_a, apply_map(self.map_a_to_b, surface_a.points_ras), jacobian)
        return surface_distances(placed, surface_b)


def apply_map(mapping: Callable[[np.ndarray], np.ndarray] | None, points: np.ndarray) -> np.ndarray:
    """Map points (N, 3), `CHUNK` at a time; None is the identity.

    Raises
    ------
    ValueError: the mapping gave an array of another shape, or not finite numbers.
    """
    if mapping is None:
        return points
    mapped = [np.asarray(mapping(points[i : i + CHUNK]), float) for i in range(0, len(points), CHUNK)]
    result = np.concatenate(mapped) if mapped else points
    if len(result) != len(points) or not np.isfinite(result).all():
        raise ValueError("the mapping of points must give one finite point for each")
    return result


def _mapped_bodies(
    bodies: Bodies, mapping: Callable[[np.ndarray], np.ndarray] | None, progress: Progress
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Each body's position, its points, and the same mapped; several bodies go through the mapping at a time."""
    waiting: list[tuple[int, np.ndarray]] = []
    for index in range(len(bodies)):
        report(progress, index / len(bodies), "Overlaying the deposits")
        waiting.append((index, bodies.volume.to_ras(spread_points(bodies, index))))
        if index + 1 == len(bodies) or sum(len(points) for _, points in waiting) >= CHUNK:
            mapped = apply_map(mapping, np.concatenate([points for _, points in waiting]))
            ends = np.cumsum([len(points) for _, points in waiting])[:-1]
            for (number, points), there in zip(waiting, np.split(mapped, ends), strict=True):
                yield number, points, there
            waiting = []


def mutual_coverage(
    points_a: Sequence[np.ndarray],
    points_b: Sequence[np.ndarray],
    tolerance_mm: float,
    asked: np.ndarray,
    spacing_a_mm: float = 0.0,
    spacing_b_mm: float = 0.0,
) -> np.ndarray:
    """(A, B): for each pair of point clouds the smaller share within the tolerance of the other.

    0 for those far from each other, and where ``asked`` (A, B) is False. The spacings say how far a cloud's points
    stand apart: half of it belongs to the body and is added.
    """
    coverage = np.zeros((len(points_a), len(points_b)))
    if not len(points_a) or not len(points_b):
        return coverage
    reach_a, reach_b = tolerance_mm + spacing_a_mm / 2, tolerance_mm + spacing_b_mm / 2
    low_a, high_a = _boxes(points_a)
    low_b, high_b = _boxes(points_b)
    gap = np.maximum(low_a[:, None] - high_b[None], low_b[None] - high_a[:, None])
    near = (gap <= max(reach_a, reach_b)).all(axis=-1) & asked
    trees_a = {i: cKDTree(points_a[i]) for i in np.flatnonzero(near.any(axis=1))}
    trees_b = {j: cKDTree(points_b[j]) for j in np.flatnonzero(near.any(axis=0))}
    for i, j in np.argwhere(near):
        covered_a = trees_b[j].query(points_a[i], distance_upper_bound=reach_b)[0] <= reach_b
        covered_b = trees_a[i].query(points_b[j], distance_upper_bound=reach_a)[0] <= reach_a
        coverage[i, j] = min(covered_a.mean(), covered_b.mean())
    return coverage


def _boxes(clouds: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest corner of each cloud, (N, dimensions) each."""
    return np.array([cloud.min(axis=0) for cloud in clouds]), np.array([cloud.max(axis=0) for cloud in clouds])


def _hits(points_ras: np.ndarray, b: Segmentation, bodies_b: Bodies) -> np.ndarray:
    """Position of the body of B in which each point lies, -1 for none."""
    ijk = np.floor(b.volume.to_ijk(points_ras) + 0.5).astype(np.int64)
    inside = ((ijk >= 0) & (ijk < np.array(b.volume.size))).all(axis=1)
    hits = np.full(len(points_ras), -1)
    i, j, k = ijk[inside].T
    labels = b.labels[k, j, i].astype(np.int64)
    if len(bodies_b):
        positions = np.minimum(np.searchsorted(bodies_b.labels, labels), len(bodies_b) - 1)
        hits[inside] = np.where(bodies_b.labels[positions] == labels, positions, -1)
    return hits


def _jacobians(centres: np.ndarray, mapping: Callable[[np.ndarray], np.ndarray] | None) -> np.ndarray:
    """(N, 3, 3) derivative of the mapping at each centre, by central differences."""
    if mapping is None or not len(centres):
        return np.broadcast_to(np.eye(3), (len(centres), 3, 3)).copy()
    steps = np.concatenate([np.eye(3), -np.eye(3)]) * _STENCIL_MM
    mapped = apply_map(mapping, (centres[:, None, :] + steps).reshape(-1, 3)).reshape(-1, 6, 3)
    return np.swapaxes((mapped[:, :3] - mapped[:, 3:]) / (2 * _STENCIL_MM), 1, 2)


def thinned(points: np.ndarray) -> np.ndarray:
    """At most about `_NEARNESS_POINTS` of the points, taken at equal steps."""
    return points[:: max(1, len(points) // _NEARNESS_POINTS)]
