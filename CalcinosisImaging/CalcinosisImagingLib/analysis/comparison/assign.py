"""Who belongs to whom: the best one-to-one assignment, then fragments join the pair that they lie in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

LEAST_OVERLAP = 0.1
"""Share of the smaller body that must lie in the other for the two to belong together: equal balls that are out of
place by 1.4 times their radius share that much."""
LEAST_COVERAGE = 0.5
"""Two bodies that hardly overlap are a pair when at least this share of each lies within the tolerance of the other."""
_NEAR_WEIGHT = 1e-3  # a near miss counts less than any overlap, and more than nothing


@dataclass(frozen=True)
class Group:
    """Bodies of A and B that are one and the same, as ascending positions; a side without a partner is empty."""

    a: tuple[int, ...]
    b: tuple[int, ...]


def group(sizes_a: np.ndarray, sizes_b: np.ndarray, overlap: np.ndarray, coverage: np.ndarray) -> list[Group]:
    """Group the bodies of two sets.

    Parameters
    ----------
    sizes_a, sizes_b: (A,) and (B,) sizes, > 0, in the same space and unit.
    overlap: (A, B) size of what they share.
    coverage: (A, B) the smaller of the two shares that lie within the tolerance of the other body; 0 for far ones.

    Returns
    -------
    list[Group]: in order of A's bodies, then the bodies of B without a partner.

    Pairs come from the assignment with the largest sum of Dice coefficients (Kuhn 1955, by scipy). A body left over
    joins the pair in whose partner the largest share of it lies, if that share is at least `LEAST_OVERLAP`.
    """
    dice = 2 * overlap / (sizes_a[:, None] + sizes_b[None, :])
    score = np.where(by_overlap(sizes_a, sizes_b, overlap), dice + _NEAR_WEIGHT, 0.0)
    score = np.maximum(score, np.where(coverage >= LEAST_COVERAGE, dice + _NEAR_WEIGHT * coverage, 0.0))
    rows, columns = linear_sum_assignment(score, maximize=True)
    pairs = [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if score[i, j] > 0]
    join_a = _joining(overlap / sizes_a[:, None], {i for i, _ in pairs}, {j: j for _, j in pairs})
    join_b = _joining((overlap / sizes_b[None, :]).T, {j for _, j in pairs}, dict(pairs))
    groups = []
    for i, j in pairs:
        a = sorted([i, *(k for k, anchor in join_a.items() if anchor == j)])
        b = sorted([j, *(k for k, anchor in join_b.items() if anchor == j)])
        groups.append(Group(tuple(a), tuple(b)))
    taken_a = {i for one in groups for i in one.a}
    taken_b = {j for one in groups for j in one.b}
    groups += [Group((i,), ()) for i in range(len(sizes_a)) if i not in taken_a]
    groups += [Group((), (j,)) for j in range(len(sizes_b)) if j not in taken_b]
    return sorted(groups, key=lambda one: (not one.a, one.a, one.b))


def by_overlap(sizes_a: np.ndarray, sizes_b: np.ndarray, overlap: np.ndarray) -> np.ndarray:
    """(A, B) bool: whether two bodies share enough to be a pair; see `LEAST_OVERLAP`."""
    return (overlap > 0) & (overlap >= LEAST_OVERLAP * np.minimum(sizes_a[:, None], sizes_b[None, :]))


def _joining(shares: np.ndarray, paired: set[int], anchors: dict[int, int]) -> dict[int, int]:
    """For each unpaired row: the pair (named by its B) whose member in the columns holds most of it.

    ``anchors``: column -> B of its pair; columns without a pair are no place to join.
    """
    joining = {}
    hosts = sorted(anchors)
    for row in range(len(shares)):
        if row in paired or not hosts:
            continue
        best = hosts[int(np.argmax(shares[row, hosts]))]
        if shares[row, best] >= LEAST_OVERLAP:
            joining[row] = anchors[best]
    return joining
