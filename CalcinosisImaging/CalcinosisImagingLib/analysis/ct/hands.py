"""One hand or two: bodies sorted by the piece of tissue that they lie in, or by the names that two hands get."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .naming import Naming, name_bodies
from .shape import Body

TISSUE_HU = -200
STEP = 3
LEAST_BODIES = 6
LEAST_SHARE = 0.15
"""Share of the largest piece of tissue from which another is a hand of its own."""
SECOND_HAND_BONES = 12
"""So many bones must get names for what is left to be a second hand: deposits are never such a chain of bones."""
SECOND_HAND_SCALE = 1.2
"""Two hands of a person differ in size by less."""


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


def part_touching_hands(all_bodies: list[Body], first: Naming) -> list[list[int]] | None:
    """Indices of the bodies of two hands in one piece of tissue; None where there is no second hand.

    The names of a hand are never spread over two, since they have to fit together in space; so what the first hand
    leaves over is named, and every body goes to the hand whose nearest named bone is nearer.
    """
    taken = {*first.names, *(m.body for m in first.merged)}
    rest = [i for i in range(len(all_bodies)) if i not in taken]
    if len(first.names) < SECOND_HAND_BONES or len(rest) < SECOND_HAND_BONES:
        return None
    second = name_bodies([all_bodies[i] for i in rest])
    ratio = second.scale / first.scale
    if len(second.names) < SECOND_HAND_BONES or max(ratio, 1 / ratio) > SECOND_HAND_SCALE:
        return None
    named = sorted(first.names), [rest[i] for i in sorted(second.names)]
    centres = np.array([body.centre for body in all_bodies])
    away = [np.linalg.norm(centres[:, None] - centres[None, own], axis=2).min(axis=1) for own in named]
    nearer = away[1] < away[0]
    return [np.flatnonzero(~nearer).tolist(), np.flatnonzero(nearer).tolist()]
