"""A body of an MR with what was found about it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .candidates import Candidate


@dataclass(frozen=True, eq=False)
class Body:
    """One candidate with the verdict.

    Attributes
    ----------
    where: flat indices of its voxels in the cropped image.
    measures: what it was judged by.
    reason: why it is rejected, '' if it is a deposit.
    confidence: 0..1 for a deposit.
    bright: paste rather than chalk.
    """

    where: np.ndarray
    measures: Candidate
    reason: str
    confidence: float
    bright: bool


def flat_indices(mask: np.ndarray, box: tuple[slice, slice, slice], shape: tuple[int, ...]) -> np.ndarray:
    """Flat indices in an array of ``shape`` of the voxels of ``mask``, which stands for ``box`` of it."""
    index = np.argwhere(mask) + [s.start for s in box]
    return np.ravel_multi_index(tuple(index.T), shape)


def widened(box: tuple[slice, slice, slice], voxels: np.ndarray, shape: tuple[int, ...]) -> tuple[slice, slice, slice]:
    """The box and so many voxels around it along K, J, I, within an array of ``shape``."""
    return tuple(
        slice(max(0, s.start - int(p)), min(n, s.stop + int(p))) for s, p, n in zip(box, voxels, shape, strict=True)
    )
