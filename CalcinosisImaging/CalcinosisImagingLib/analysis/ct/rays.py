"""Finding the rays: chains of long bones end to end, matched to the five digits by their lengths and places."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np

from ..anatomy import ray
from .shape import Body
from .template import CENTRES_MM, LENGTHS_MM, VOLUMES_MM3

LINK_MM = 12.0
"""Ends of two bones of one joint are nearer than this, also in a bent joint."""
LONG = 1.3
STOUT = 1.8
"""Carpal bones are stouter than this, phalanges other than the distal ones more slender."""
LENGTH_SIGMA = 0.13
VOLUME_SIGMA = 0.5
MISSING_COST = 6.0
PLACE_SIGMA_MM = 4.0
THUMB_SIGMA_MM = 10.0
SCALES = np.arange(0.70, 1.31, 0.025)


@dataclass(frozen=True)
class RayFit:
    """Bodies named along one digit: ``names`` maps the index of a body to the bone; ``cost`` of lengths and volumes."""

    names: tuple[tuple[int, str], ...]
    cost: float


def chains(all_bodies: list[Body]) -> list[list[int]]:
    """Chains of indices of long bodies whose ends meet, each bone's end being the other's nearest."""
    candidates = [
        (i, e)
        for i, body in enumerate(all_bodies)
        if body.slenderness >= LONG and body.volume_mm3 >= 50 and body.length_mm >= 8
        for e in (0, 1)
    ]
    best: dict[tuple[int, int], tuple[float, tuple[int, int]]] = {}
    for a in candidates:
        for b in candidates:
            if a[0] == b[0]:
                continue
            cost = _link_cost(all_bodies[a[0]], a[1], all_bodies[b[0]], b[1])
            if cost is not None and cost < best.get(a, (np.inf, a))[0]:
                best[a] = (cost, b)
    link = {a: b for a, (_, b) in best.items() if best.get(b, (0, None))[1] == a}
    paths = _paths([i for i, _ in candidates], link)
    return [piece for path in paths for piece in _without_carpals(path, all_bodies)]


def _without_carpals(path: list[int], all_bodies: list[Body]) -> list[list[int]]:
    """Cut a chain at stout bodies inside it: a carpal joins the chains of two rays."""
    pieces: list[list[int]] = [[]]
    for place, index in enumerate(path):
        inside = 0 < place < len(path) - 1
        if inside and all_bodies[index].slenderness < STOUT:
            pieces.append([])
        else:
            pieces[-1].append(index)
    return [piece for piece in pieces if piece]


def _link_cost(a: Body, end_a: int, b: Body, end_b: int) -> float | None:
    """How badly end meets end; None if they cannot form a joint."""
    gap = b.ends[end_b] - a.ends[end_a]
    distance = float(np.linalg.norm(gap))
    if distance > LINK_MM:
        return None
    out_a = a.axis * (1 if end_a else -1)
    out_b = b.axis * (1 if end_b else -1)
    opposed = float(out_a @ out_b)
    if opposed > 0.35:
        return None
    return distance / 4.0 + (1.0 + opposed)


def _paths(indices: list[int], link: dict[tuple[int, int], tuple[int, int]]) -> list[list[int]]:
    """Maximal chains along mutual links, in a fixed order."""
    seen: set[int] = set()
    result = []
    nodes = sorted(set(indices))
    terminal = [n for n in nodes if ((n, 0) in link) + ((n, 1) in link) < 2]
    for start in terminal + nodes:
        if start in seen:
            continue
        path, node = [start], start
        seen.add(start)
        enter = 0 if (start, 0) not in link else 1
        while True:
            leave = (node, 1 - enter)
            if leave not in link or link[leave][0] in seen:
                break
            node, enter = link[leave]
            path.append(node)
            seen.add(node)
        result.append(path)
    return result


def fit_ray(path: list[int], all_bodies: list[Body], digit: int, scale: float) -> RayFit | None:
    """The cheapest way to see a digit in a part of a chain."""
    segments = ray(digit)
    best: RayFit | None = None
    for order in (path, path[::-1]):
        for first in range(len(order)):
            for offset in range(len(segments)):
                count = min(len(order) - first, len(segments) - offset)
                for length in range(1, count + 1):
                    pairs = tuple(zip(order[first : first + length], segments[offset : offset + length], strict=True))
                    if not _usable(pairs, all_bodies):
                        continue
                    cost = sum(_bone_cost(all_bodies[i], name, scale) for i, name in pairs)
                    cost += MISSING_COST * (len(segments) - length)
                    if best is None or cost < best.cost:
                        best = RayFit(pairs, cost)
    return best


def _usable(pairs: tuple[tuple[int, str], ...], all_bodies: list[Body]) -> bool:
    """Whether the part has the metacarpal, or at least two bones."""
    return len(pairs) >= 2 or pairs[0][1].startswith("metacarpal")


def _bone_cost(body: Body, name: str, scale: float) -> float:
    """Squared deviations of length and volume, in standard deviations; a bone cut by the border may be short."""
    length = np.log(body.length_mm / (scale * LENGTHS_MM[name])) / LENGTH_SIGMA
    volume = np.log(body.volume_mm3 / (scale**3 * VOLUMES_MM3[name])) / VOLUME_SIGMA
    if body.at_border:
        length, volume = max(length, 0.0), max(volume, 0.0)
    return min(float(length**2 + volume**2), 4 * MISSING_COST)


def name_rays(all_bodies: list[Body]) -> tuple[dict[int, str], float, float]:
    """Names of the bodies in rays (index -> bone), the hand's scale, and the cost.

    Every way of giving chains to digits is weighed by lengths, volumes and the distances between the metacarpals
    (which are the same for a right and a left hand).
    """
    paths = [p for p in chains(all_bodies) if p]
    if not paths:
        return {}, 1.0, np.inf
    best: tuple[float, float, dict[int, str]] = (np.inf, 1.0, {})
    for scale in SCALES:
        fits = [[fit_ray(path, all_bodies, digit, float(scale)) for digit in range(1, 6)] for path in paths]
        keep = _promising(fits)
        prior = (np.log(scale) / 0.15) ** 2
        for cost, chosen in _assignments([fits[k] for k in keep], all_bodies, float(scale)):
            if cost + prior < best[0]:
                names = {i: name for fit in chosen for i, name in fit.names}
                best = (cost + prior, float(scale), names)
    return best[2], best[1], best[0]


def _promising(fits: list[list[RayFit | None]], count: int = 7) -> list[int]:
    """Indices of the chains that explain most bones."""
    gain = []
    for options in fits:
        values = [MISSING_COST * len(ray(d + 1)) - f.cost for d, f in enumerate(options) if f is not None]
        gain.append(max(values, default=-1.0))
    order = sorted(range(len(fits)), key=lambda k: (-gain[k], k))
    return [k for k in order[:count] if gain[k] > 0]


def _assignments(fits: list[list[RayFit | None]], all_bodies: list[Body], scale: float):
    """All ways to give chains to digits, with their cost."""
    slots = list(range(len(fits))) + [None] * 5
    tried = set()
    for choice in permutations(slots, 5):
        if choice in tried:
            continue
        tried.add(choice)
        chosen, cost = [], 0.0
        for digit, slot in enumerate(choice, start=1):
            fit = None if slot is None else fits[slot][digit - 1]
            if fit is None:
                cost += MISSING_COST * len(ray(digit))
            else:
                chosen.append(fit)
                cost += fit.cost
        yield cost + _place_cost(chosen, all_bodies, scale), chosen


def _place_cost(chosen: list[RayFit], all_bodies: list[Body], scale: float) -> float:
    """Squared deviations of the distances between metacarpals."""
    centres = {name: all_bodies[i].centre for fit in chosen for i, name in fit.names if name.startswith("metacarpal")}
    names = sorted(centres)
    cost = 0.0
    for x, first in enumerate(names):
        for second in names[x + 1 :]:
            expected = scale * float(np.linalg.norm(np.subtract(CENTRES_MM[first], CENTRES_MM[second])))
            sigma = THUMB_SIGMA_MM if first == "metacarpal-1" else PLACE_SIGMA_MM
            found = float(np.linalg.norm(centres[first] - centres[second]))
            cost += ((found - expected) / sigma) ** 2
    return cost
