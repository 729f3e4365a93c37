"""Motion of everything: bones rigidly, soft tissue smoothly after the bones nearest to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy import ndimage
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import lsqr
from scipy.spatial import cKDTree

from ..itk_bridge import LPS_RAS
from ..segmentation import Segmentation
from ..volume import Volume, transform_points

NEAREST_MM = 0.3
"""Distances below this count as this: the weight of a bone at its own surface is finite but dominant."""
POWER = 3.0
FIT_POINTS = 120_000
"""Bone voxels on which the displacement field is fitted."""
FIT_DAMPING = 0.02
FAR_MM = 12.0
"""A bone this much farther away than the nearest has no say."""


@dataclass(frozen=True, eq=False)
class BlendedMotion:
    """Motion of points by inverse-distance weights of the bones' motions.

    Attributes
    ----------
    segmentation: bones on the CT's grid.
    names: bones that move, in the order of their motions.
    matrices: (B, 4, 4) CT -> MR RAS.
    trees: surface points of each bone, CT RAS.
    """

    segmentation: Segmentation
    names: tuple[str, ...]
    matrices: np.ndarray
    trees: tuple[cKDTree, ...]

    @classmethod
    def of(cls, segmentation: Segmentation, matrices: dict[str, np.ndarray]) -> BlendedMotion:
        """From bones on the CT's grid and the motion of each."""
        boxes = ndimage.find_objects(segmentation.labels)
        names, trees = [], []
        for name in matrices:
            label = segmentation.by_id(name).label
            box = boxes[label - 1] if label <= len(boxes) else None
            if box is None:
                continue
            part = segmentation.volume.crop(box)
            mask = np.pad(part.voxels == label, 1)
            rim = (mask & ~ndimage.binary_erosion(mask))[1:-1, 1:-1, 1:-1]
            points = part.to_ras(np.argwhere(rim)[:, ::-1])
            names.append(name)
            trees.append(cKDTree(points[:: max(1, len(points) // 4000)]))
        return cls(segmentation, tuple(names), np.array([matrices[n] for n in names]).reshape(-1, 4, 4), tuple(trees))

    def forward(self, ct_ras: np.ndarray) -> np.ndarray:
        """CT points (N, 3) -> MR points (N, 3), RAS mm."""
        points = np.asarray(ct_ras, float).reshape(-1, 3)
        if not self.names:
            return points.copy()
        inside = self._owner(points)
        weights = _weights(self._distances(points), inside)
        result = np.zeros_like(points)
        for index, matrix in enumerate(self.matrices):
            share = weights[:, index]
            used = share > 0
            result[used] += share[used, None] * transform_points(matrix, points[used])
        return result

    def backward(self, mr_ras: np.ndarray, iterations: int = 20) -> np.ndarray:
        """MR points (N, 3) -> CT points (N, 3), RAS mm: the inverse of `forward`, by fixed-point iteration.

        Starts from the bone that is nearest in the MR; where neighbours part strongly the map folds and the nearest
        solution found is returned.
        """
        target = np.asarray(mr_ras, float).reshape(-1, 3)
        if not self.names:
            return target.copy()
        inverses = np.linalg.inv(self.matrices)
        trials = np.stack([transform_points(inverse, target) for inverse in inverses], axis=1)
        distance = np.stack([tree.query(trials[:, i])[0] for i, tree in enumerate(self.trees)], axis=1)
        nearest = distance.argmin(1)
        rows = np.arange(len(target))
        points = trials[rows, nearest]
        turn = inverses[nearest, :3, :3]
        best, least = points.copy(), np.full(len(target), np.inf)
        for _ in range(iterations):
            error = target - self.forward(points)
            length = np.linalg.norm(error, axis=1)
            better = length < least
            best[better], least[better] = points[better], length[better]
            if least.max(initial=0.0) < 1e-3:
                break
            points = points + 0.8 * np.einsum("nab,nb->na", turn, error)
        return best

    def _owner(self, points: np.ndarray) -> np.ndarray:
        """Index of the bone that each point is inside of, -1 outside all."""
        volume = self.segmentation.volume
        index = np.round(volume.to_ijk(points)).astype(int)
        within = np.all((index >= 0) & (index < volume.size), axis=1)
        label = np.zeros(len(points), int)
        i, j, k = index[within].T
        label[within] = volume.voxels[k, j, i]
        of_label = np.full(int(max(label.max(initial=0), 0)) + 1, -1)
        for number, name in enumerate(self.names):
            value = self.segmentation.by_id(name).label
            if value < len(of_label):
                of_label[value] = number
        return of_label[label]

    def _distances(self, points: np.ndarray) -> np.ndarray:
        """Distance (N, B) of each point to each bone, mm; infinite for bones much farther than the nearest."""
        centres = np.array([tree.data.mean(0) for tree in self.trees])
        reach = [np.linalg.norm(tree.data - c, axis=1).max() for tree, c in zip(self.trees, centres, strict=True)]
        to_centre = np.linalg.norm(points[:, None] - centres, axis=2)
        upper = to_centre.min(1) + 1e-6
        result = np.full((len(points), len(self.trees)), np.inf)
        order = np.argsort(to_centre.min(0), kind="stable")
        for index in order:
            near = np.flatnonzero(to_centre[:, index] - reach[index] <= upper + FAR_MM)
            if not len(near):
                continue
            distance, _ = self.trees[index].query(points[near])
            result[near, index] = distance
            upper[near] = np.minimum(upper[near], distance)
        return result


def _weights(distance: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Weights (N, B) that sum to one; a point inside a bone belongs to it alone."""
    nearest = distance.min(1)
    fade = np.clip((nearest[:, None] + FAR_MM - distance) / FAR_MM, 0.0, 1.0)
    weights = np.where(np.isfinite(distance), fade / np.maximum(distance, NEAREST_MM) ** POWER, 0.0)
    weights /= weights.sum(1, keepdims=True)
    rows = np.flatnonzero(inside >= 0)
    weights[rows] = 0.0
    weights[rows, inside[rows]] = 1.0
    return weights


def displacement_transform(motion: BlendedMotion, segmentation: Segmentation, spacing_mm: float) -> sitk.Transform:
    """The blended motion over the CT's field as an ITK displacement field (LPS, double precision).

    Between its voxels a displacement field is interpolated linearly, which is exact within a bone but not in a voxel
    that two bones share. The field's values are therefore fitted, by least squares, so that points inside bones come
    out where their bones carry them; where two bones part by much within one voxel, a remainder stays
    (see docs/registration.md).
    """
    ct = segmentation.volume
    extent = (np.array(ct.size) - 1) * ct.spacing_mm
    count = np.maximum(np.ceil(extent / spacing_mm).astype(int) + 1, 2)
    matrix = ct.ijk_to_ras.copy()
    matrix[:3, :3] = ct.ijk_to_ras[:3, :3] / ct.spacing_mm * (extent / (count - 1))
    grid = Volume(np.zeros(count[::-1], np.uint8), matrix)
    nodes = grid.to_ras(np.argwhere(np.ones(grid.voxels.shape, bool))[:, ::-1])
    shift = motion.forward(nodes) - nodes
    shift += _correction(motion, segmentation, grid, shift)
    image = sitk.GetImageFromArray((shift @ LPS_RAS[:3, :3]).reshape(*grid.voxels.shape, 3), isVector=True)
    lps = LPS_RAS @ matrix
    image.SetOrigin(lps[:3, 3].tolist())
    image.SetSpacing(grid.spacing_mm.tolist())
    image.SetDirection((lps[:3, :3] / grid.spacing_mm).ravel().tolist())
    return sitk.DisplacementFieldTransform(sitk.Cast(image, sitk.sitkVectorFloat64))


def _correction(motion: BlendedMotion, segmentation: Segmentation, grid: Volume, shift: np.ndarray) -> np.ndarray:
    """Change (N, 3) of the field's values that makes interpolated displacements inside bones rigid."""
    labels = segmentation.labels
    wanted = [segmentation.by_id(name).label for name in motion.names]
    voxels = np.argwhere(np.isin(labels, wanted))
    if not len(voxels):
        return np.zeros_like(shift)
    voxels = voxels[np.sort(np.random.default_rng(0).permutation(len(voxels))[:FIT_POINTS])]
    points = segmentation.volume.to_ras(voxels[:, ::-1])
    weights = _interpolation(grid, points)
    remainder = motion.forward(points) - points - weights @ shift
    near = np.linalg.norm(remainder, axis=1) > 1e-3
    if not near.any():
        return np.zeros_like(shift)
    # Only nodes of voxels that are off take part; their other points keep them from running away.
    involved = np.flatnonzero(np.asarray(weights[near].sum(0)).ravel() > 0)
    rows = np.flatnonzero(np.asarray(weights[:, involved].sum(1)).ravel() > 0)
    system = weights[rows][:, involved].tocsr()
    result = np.zeros_like(shift)
    for axis in range(3):
        result[involved, axis] = lsqr(system, remainder[rows, axis], damp=FIT_DAMPING, iter_lim=200)[0]
    return result


def _interpolation(grid: Volume, points: np.ndarray) -> csr_matrix:
    """Matrix (points, nodes) of trilinear interpolation; nodes in the order of the array (K, J, I)."""
    place = np.clip(grid.to_ijk(points), 0, np.array(grid.size) - 1.000001)
    base = np.floor(place).astype(int)
    part = place - base
    i_count, j_count, _ = grid.size
    columns, values = [], []
    for corner in np.ndindex(2, 2, 2):
        index = base + corner
        columns.append((index[:, 2] * j_count + index[:, 1]) * i_count + index[:, 0])
        values.append(np.prod(np.where(corner, part, 1.0 - part), axis=1))
    rows = np.tile(np.arange(len(points)), 8)
    shape = (len(points), int(np.prod(grid.size)))
    return csr_matrix((np.concatenate(values), (rows, np.concatenate(columns))), shape=shape)
