"""One hand or two: bodies sorted by the piece of tissue that they lie in."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .shape import Body

TISSUE_HU = -200
STEP = 3
LEAST_BODIES = 6
LEAST_SHARE = 0.15
"""Share of the largest piece of tissue from which another is a hand of its own."""


def group_by_hand(hu: np.ndarray, labels: np.ndarray, all_bodies: list[Body]) -> list[list[int]]:
    """Indices of the bodies of each hand, the larger piece of tissue first; one group unless two are clearly apart.

    Parameters
    ----------
    hu, labels: (K, J, I) of the working grid.
    """
    tissue = ndimage.binary_opening(hu[::STEP, ::STEP, ::STEP] > TISSUE_HU)
    pieces, count = ndimage.label(tissue)
    everything = [list(range(len(all_bodies)))]
    if count < 2:
        return everything
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    order = np.argsort(-sizes, kind="stable")[:2]
    if sizes[order[1]] < LEAST_SHARE * sizes[order[0]]:
        return everything
    sampled = labels[::STEP, ::STEP, ::STEP]
    votes = np.zeros((int(labels.max()) + 1, 2), int)
    for column, piece in enumerate(order):
        votes[:, column] = np.bincount(sampled[pieces == piece], minlength=len(votes))
    groups: list[list[int]] = [[], []]
    for index, body in enumerate(all_bodies):
        groups[int(votes[body.label].argmax())].append(index)
    return groups if min(map(len, groups)) >= LEAST_BODIES else everything
