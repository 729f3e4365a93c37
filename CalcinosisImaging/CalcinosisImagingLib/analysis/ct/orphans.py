"""Bones of a ray that its chain missed: a deposit that sticks to a bone makes it too long, too large, or its end wrong.

The chain of a digit is found by ends that meet and by sizes (`rays`). What is left without a name but begins where a
named bone ends, points away from it, and is at least as large as the bone that is missing there, is that bone.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..anatomy import ray
from .rays import MISSING_COST, bone_cost, link_cost
from .shape import Body
from .template import LENGTHS_MM
from .tips import goes_on

NEAR_MM = 15.0
"""A deposit shifts the end of the bone that it sticks to."""
MOST_COST = 2.0 * MISSING_COST
LEAST_LENGTH = 0.87
"""A deposit adds to a bone, so that it is not shorter than the bone usually is; a stone at a lost fingertip is."""


def name_orphans(all_bodies: list[Body], names: dict[int, str], scale: float, taken: frozenset[int]) -> dict[int, str]:
    """Names (index -> bone) of bodies without one that go on where the named bones of a ray end.

    Parameters
    ----------
    scale: size of the hand.
    taken: indices that are two bones in one, and get no name.
    """
    found: dict[int, str] = {}
    for digit in range(1, 6):
        for missing, next_to, beyond in _gaps(digit, {*names.values(), *found.values()}):
            holder = {name: i for i, name in (names | found).items()}
            neighbour, farther = all_bodies[holder[next_to]], all_bodies[holder[beyond]]
            free = int(np.argmax(np.linalg.norm(neighbour.ends - farther.centre, axis=1)))
            costs = {
                i: _cost(body, neighbour, free, missing, scale)
                for i, body in enumerate(all_bodies)
                if i not in names and i not in found and i not in taken
            }
            best = min(costs, key=lambda i: (costs[i], i), default=None)
            if best is not None and costs[best] < MOST_COST:
                found[best] = missing
            elif missing.startswith("distal"):
                # A last phalanx may be resorbed to a stub, of any length.
                stubs = [i for i in costs if goes_on(neighbour, free, all_bodies[i])]
                if stubs:
                    found[max(stubs, key=lambda i: (all_bodies[i].volume_mm3, -i))] = missing
    return found


def _gaps(digit: int, named: set[str]) -> Iterator[tuple[str, str, str]]:
    """Missing bones of a digit that two named ones in a row lead to: the bone, its neighbour, the one beyond."""
    segments = ray(digit)
    for order in (segments, segments[::-1]):
        for beyond, next_to, missing in zip(order, order[1:], order[2:], strict=False):
            if missing not in named and next_to in named and beyond in named:
                yield missing, next_to, beyond


def _cost(body: Body, neighbour: Body, free: int, name: str, scale: float) -> float:
    """How badly a body fits as the bone at a neighbour's free end; infinite if it cannot be it."""
    if body.length_mm < LEAST_LENGTH * scale * LENGTHS_MM[name]:
        return np.inf
    links = [link_cost(neighbour, free, body, end, NEAR_MM) for end in (0, 1)]
    links = [cost for cost in links if cost is not None]
    return bone_cost(body, (name,), scale) + min(links) if links else np.inf
