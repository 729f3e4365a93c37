"""How well many trial poses of a set of CT points explain the MR: all poses in one sweep."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..volume import Volume
from .rigid import step

CHUNK = 1_500_000
"""Most MR samples in memory at a time."""


@dataclass(frozen=True, eq=False)
class Samples:
    """CT points with what is at each of them.

    Attributes
    ----------
    points: (N, 3) RAS of the CT.
    tissues: (N, R) fractions as in `bone_model.tissue_maps`.
    """

    points: np.ndarray
    tissues: np.ndarray


def signals(mr: Volume, poses: np.ndarray, points: np.ndarray) -> np.ndarray:
    """MR values (P, N) float32 of CT points (N, 3) under poses (P, 4, 4) CT -> MR; NaN outside the MR."""
    to_index = np.linalg.inv(mr.ijk_to_ras) @ poses
    result = np.empty((len(poses), len(points)), np.float32)
    per_chunk = max(1, CHUNK // max(len(points), 1))
    for start in range(0, len(poses), per_chunk):
        matrix = to_index[start : start + per_chunk]
        index = np.einsum("pab,nb->apn", matrix[:, :3, :3], points) + matrix[:, :3, 3].T[:, :, None]
        shape = index.shape[1:]
        values = ndimage.map_coordinates(
            mr.voxels, index[::-1].reshape(3, -1), order=1, mode="constant", cval=np.nan, output=np.float32
        )
        result[start : start + per_chunk] = values.reshape(shape)
    return result


@dataclass(frozen=True, eq=False)
class TemplateScore:
    """Correlation of the MR with the signal that is expected at each point (signals of tissues known).

    Attributes
    ----------
    expected: (N,) signal expected at each point.
    floor: variance added to that of the MR, so that noise in a uniform place does not count as a pattern.
    """

    points: np.ndarray
    expected: np.ndarray
    floor: float

    def __call__(self, mr: Volume, poses: np.ndarray) -> np.ndarray:
        """Score of each pose, shape (P,), in -1..1; lowered where points fall outside the MR."""
        values = signals(mr, poses, self.points)
        seen = np.isfinite(values).astype(np.float32)
        values = np.nan_to_num(values, copy=False)
        expected = self.expected.astype(np.float32)
        count = np.maximum(seen.sum(1), 1.0)
        mean_y, mean_t = values.sum(1) / count, seen @ expected / count
        var_y = np.einsum("pn,pn->p", values, values) / count - mean_y**2
        var_t = seen @ expected**2 / count - mean_t**2
        covariance = values @ expected / count - mean_y * mean_t
        score = covariance / np.sqrt(np.maximum(var_t, 1e-9) * (np.maximum(var_y, 0) + self.floor))
        return score * np.sqrt(count / len(self.points))


@dataclass(frozen=True, eq=False)
class ExplainedScore:
    """Part of the MR's variance that tissue fractions explain, signals unknown (fitted for each pose).

    A correlation ratio with fractions for classes: A. Roche et al., "The correlation ratio as a new similarity
    measure for multimodal image registration", MICCAI 1998.
    """

    points: np.ndarray
    basis: np.ndarray
    floor: float

    @classmethod
    def of(cls, samples: Samples, floor: float) -> ExplainedScore:
        """Score for ``samples``; ``floor`` is a variance, as in `TemplateScore`."""
        return cls(samples.points, orthonormal_basis(samples.tissues), floor)

    def __call__(self, mr: Volume, poses: np.ndarray) -> np.ndarray:
        """Score of each pose, shape (P,), in 0..1; lowered where points fall outside the MR."""
        values = signals(mr, poses, self.points)
        seen = np.isfinite(values).astype(np.float32)
        values = np.nan_to_num(values, copy=False)
        count = seen.sum(1)
        # Normal equations of each pose over the points that it sees: the basis is orthonormal only over all of them.
        width = self.basis.shape[1]
        products = (self.basis[:, :, None] * self.basis[:, None, :]).reshape(len(self.basis), -1)
        normal = (seen @ products).reshape(-1, width, width).astype(float) + 1e-6 * np.eye(width)
        right = (values @ self.basis).astype(float)
        explained = np.einsum("pa,pa->p", right, np.linalg.solve(normal, right[:, :, None])[:, :, 0])
        mean_part = values.sum(1, dtype=float) ** 2 / np.maximum(count, 1.0)
        total = np.einsum("pn,pn->p", values, values).astype(float) - mean_part
        part = (explained - mean_part) / np.maximum(total + self.floor * count, 1e-12)
        return np.where(count > 20, part, 0.0) * np.sqrt(count / len(self.points))


def orthonormal_basis(tissues: np.ndarray) -> np.ndarray:
    """Orthonormal columns (N, r) that span a constant and the tissues; absent tissues are left out."""
    u, s, _ = np.linalg.svd(np.column_stack([np.ones(len(tissues)), tissues]), full_matrices=False)
    return u[:, s > 1e-3 * np.sqrt(len(tissues))].astype(np.float32)


def climb(score, mr: Volume, poses: np.ndarray, centre: np.ndarray, radius_mm: float, steps_mm) -> tuple:
    """Improve each pose by trying the twelve neighbours at each step length until none is better.

    Parameters
    ----------
    score: `TemplateScore` or `ExplainedScore`.
    poses: (P, 4, 4) starts, CT -> MR.
    centre: (3,) RAS of the CT, about which turns are made.
    steps_mm: lengths, long to short.

    Returns poses (P, 4, 4) and their scores (P,).
    """
    poses, best = poses.copy(), score(mr, poses)
    unit = np.concatenate([np.eye(6), -np.eye(6)])
    for length in steps_mm:
        moves = step(unit * length, centre, radius_mm)
        for _ in range(8):
            trials = poses[:, None] @ moves[None]
            values = score(mr, trials.reshape(-1, 4, 4)).reshape(len(poses), -1)
            choice = values.argmax(1)
            gain = values[np.arange(len(poses)), choice]
            better = gain > best + 1e-6
            if not better.any():
                break
            poses[better] = trials[better, choice[better]]
            best = np.where(better, gain, best)
    return poses, best
