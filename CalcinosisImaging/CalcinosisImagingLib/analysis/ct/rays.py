"""Finding the rays: chains of long bones end to end, matched to the five digits by their lengths and places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise
from math import dist, log

import numpy as np

from ..anatomy import ray
from .shape import Body
from .template import CENTRES_MM, LENGTHS_MM, VOLUMES_MM3

LINK_MM = 12.0
"""Ends of two bones of one joint are nearer than this, also in a bent joint."""
LONG = 1.05
STOUT = 1.8
"""Carpal bones are stouter than this, phalanges other than the distal ones more slender."""
LENGTH_SIGMA = 0.13
VOLUME_SIGMA = 0.5
MISSING_COST = 6.0
MERGED_COST = 8.0
PLACE_SIGMA_MM = 4.0
THUMB_SIGMA_MM = 10.0
OPTIONS = 8
SCALES = np.arange(0.70, 1.31, 0.025)


@dataclass(frozen=True, order=True)
class Merged:
    """A body that is two bones of a ray in one.

    Attributes
    ----------
    body: its index; ``proximal`` and ``distal`` the bones.
    beside: index of its neighbour in the ray, which is nearer to the wrist if ``beside_is_proximal``.
    """

    body: int
    proximal: str
    distal: str
    beside: int
    beside_is_proximal: bool


@dataclass(frozen=True)
class RayFit:
    """Bodies named along one digit.

    Attributes
    ----------
    names: index of a body and its bone.
    cost: of lengths and volumes.
    merged: the body that looks like two bones of the digit in one, if one does.
    """

    names: tuple[tuple[int, str], ...]
    cost: float
    merged: Merged | None = None

    @cached_property
    def bodies(self) -> frozenset[int]:
        """Indices of all its bodies."""
        return frozenset(i for i, _ in self.names) | ({self.merged.body} if self.merged else set())

    @cached_property
    def metacarpal(self) -> tuple[int, str] | None:
        """Its metacarpal, if it has one by itself."""
        return next((pair for pair in self.names if pair[1].startswith("metacarpal")), None)


def chains(all_bodies: list[Body], outside: set[int] | frozenset[int] = frozenset()) -> list[list[int]]:
    """Chains of indices of long bodies whose ends meet, each bone's end being the other's nearest.

    Bodies that are known to be ``outside`` of rays are in no chain.
    """
    candidates = [
        (i, e)
        for i, body in enumerate(all_bodies)
        if i not in outside and body.slenderness >= LONG and body.volume_mm3 >= 50 and body.length_mm >= 8
        for e in (0, 1)
    ]
    best: dict[tuple[int, int], tuple[float, tuple[int, int]]] = {}
    for a in candidates:
        for b in candidates:
            if a[0] == b[0]:
                continue
            cost = link_cost(all_bodies[a[0]], a[1], all_bodies[b[0]], b[1])
            if cost is not None and cost < best.get(a, (np.inf, a))[0]:
                best[a] = (cost, b)
    link = {a: b for a, (_, b) in best.items() if best.get(b, (0, None))[1] == a}
    paths = _paths([i for i, _ in candidates], link)
    return [piece for path in paths for piece in _pieces(path, all_bodies)]


def _pieces(path: list[int], all_bodies: list[Body]) -> list[list[int]]:
    """A chain, and its parts on both sides of each stout body inside it: a carpal may join the chains of two rays."""
    pieces = [path]
    for place in range(2, len(path) - 2):
        if all_bodies[path[place]].slenderness < STOUT:
            pieces += [path[:place], path[place + 1 :]]
    return pieces


def link_cost(a: Body, end_a: int, b: Body, end_b: int, within_mm: float = LINK_MM) -> float | None:
    """How badly end meets end; None if they cannot form a joint."""
    gap = b.ends[end_b] - a.ends[end_a]
    distance = float(np.linalg.norm(gap))
    if distance > within_mm:
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
    """The cheapest way to see a digit in a part of a chain; one body may stand for two bones that were not parted."""
    segments = ray(digit)
    best: RayFit | None = None
    one = {i: [bone_cost(all_bodies[i], (name,), scale) for name in segments] for i in path}
    two = {i: [bone_cost(all_bodies[i], pair, scale) + MERGED_COST for pair in pairwise(segments)] for i in path}
    for order in (path, path[::-1]):
        single, double = [one[i] for i in order], [two[i] for i in order]
        for first, offset, length, merged in _layouts(len(order), len(segments)):
            steps = [(first + k, offset + k + (merged is not None and k > merged)) for k in range(length)]
            cost = sum((double if k == merged else single)[b][s] for k, (b, s) in enumerate(steps))
            cost += MISSING_COST * (len(segments) - length - (merged is not None))
            if best is None or cost < best.cost:
                names = tuple((order[b], segments[s]) for k, (b, s) in enumerate(steps) if k != merged)
                best = RayFit(names, cost, _merged(order, segments, first, offset, merged))
    return best


def _merged(order: list[int], segments: list[str], first: int, offset: int, merged: int | None) -> Merged | None:
    """What is known of the body at a place of a layout that covers two segments."""
    if merged is None:
        return None
    place = first + merged
    proximal, distal = segments[offset + merged : offset + merged + 2]
    return Merged(order[place], proximal, distal, order[place - 1] if merged else order[place + 1], merged > 0)


def _layouts(bodies: int, segments: int) -> Iterator[tuple[int, int, int, int | None]]:
    """First body, first segment, number of bodies (two or more), and which of them covers two segments, if one does."""
    for first in range(bodies):
        for offset in range(segments):
            for length in range(2, min(bodies - first, segments - offset) + 1):
                yield first, offset, length, None
                if offset + length < segments:
                    yield from ((first, offset, length, merged) for merged in range(length))


def bone_cost(body: Body, names: tuple[str, ...], scale: float) -> float:
    """Squared deviations of length and volume of one bone, or two in one, in standard deviations.

    A bone cut by the border may be short.
    """
    usual_mm, usual_mm3 = _usual(names)
    length = log(body.length_mm / (scale * usual_mm)) / LENGTH_SIGMA
    volume = log(body.volume_mm3 / (scale**3 * usual_mm3)) / VOLUME_SIGMA
    # A deposit that touches a bone adds to it; little takes from it.
    volume = 0.6 * volume if volume > 0 else volume
    if names[-1].startswith("distal") and length < 0:
        # Tips are resorbed in this disease.
        length = 0.6 * length
    if body.at_border:
        length, volume = max(length, 0.0), max(volume, 0.0)
    return min(length**2 + volume**2, 4 * MISSING_COST)


@cache
def _usual(names: tuple[str, ...]) -> tuple[float, float]:
    """Length (mm) and volume (mm³) of bones together in a typical hand."""
    return sum(LENGTHS_MM[name] for name in names), sum(VOLUMES_MM3[name] for name in names)


def name_rays(
    all_bodies: list[Body], known: dict[int, str] | None = None
) -> tuple[dict[int, str], float, tuple[Merged, ...]]:
    """Names of the bodies in rays (index -> bone), the hand's scale, and bodies that are two bones of a ray in one.

    Every way of giving chains to digits is weighed by lengths, volumes and the distances between the metacarpals
    (which are the same for a right and a left hand). Names that are ``known`` are kept; those of carpals and forearm
    are no part of a ray.
    """
    known = known or {}
    outside = {i for i, name in known.items() if name not in LENGTHS_MM}
    paths = chains(all_bodies, outside)
    if not paths:
        return {}, 1.0, ()
    best: tuple[float, float, list[RayFit]] = (np.inf, 1.0, [])
    for scale in SCALES:
        prior = float((np.log(scale) / 0.15) ** 2)
        options = []
        for digit in range(1, 6):
            fits = [fit_ray(path, all_bodies, digit, float(scale)) for path in paths]
            limit = MISSING_COST * len(ray(digit))
            useful = [f for f in fits if f is not None and f.cost < limit and _agrees(f, known)]
            options.append(sorted(set(useful), key=lambda f: (f.cost, f.names))[:OPTIONS])
        cost, chosen = _cheapest(options, all_bodies, float(scale), best[0] - prior)
        if chosen and cost + prior < best[0]:
            best = (cost + prior, float(scale), chosen)
    merged = tuple(fit.merged for fit in best[2] if fit.merged is not None)
    return {i: name for fit in best[2] for i, name in fit.names}, best[1], merged


def _agrees(fit: RayFit, known: dict[int, str]) -> bool:
    """Whether a digit contradicts no name that is known, and gives none of them again."""
    holder = {name: i for i, name in known.items()}
    if any(known.get(i, name) != name or holder.get(name, i) != i for i, name in fit.names):
        return False
    return fit.merged is None or not (fit.merged.body in known or {fit.merged.proximal, fit.merged.distal} & {*holder})


def _cheapest(
    options: list[list[RayFit]], all_bodies: list[Body], scale: float, limit: float
) -> tuple[float, list[RayFit]]:
    """One option or none per digit, without a body used twice, at the least cost (branch and bound)."""
    best: tuple[float, list[RayFit]] = (limit, [])
    least = [min([f.cost for f in fits] + [MISSING_COST * len(ray(d))]) for d, fits in enumerate(options, start=1)]

    def descend(digit: int, used: frozenset[int], chosen: list[RayFit], cost: float) -> None:
        nonlocal best
        if cost + sum(least[digit - 1 :]) >= best[0]:
            return
        if digit > 5:
            best = (cost, chosen)
            return
        for fit in options[digit - 1]:
            bodies = fit.bodies
            if used & bodies:
                continue
            place = sum(_place_cost(other, fit, all_bodies, scale) for other in chosen)
            descend(digit + 1, used | bodies, [*chosen, fit], cost + fit.cost + place)
        descend(digit + 1, used, chosen, cost + MISSING_COST * len(ray(digit)))

    descend(1, frozenset(), [], 0.0)
    return best


def _place_cost(a: RayFit, b: RayFit, all_bodies: list[Body], scale: float) -> float:
    """Squared deviation of the distance between the metacarpals of two digits; none where either has none."""
    if a.metacarpal is None or b.metacarpal is None:
        return 0.0
    (i, first), (j, second) = a.metacarpal, b.metacarpal
    sigma = THUMB_SIGMA_MM if "metacarpal-1" in (first, second) else PLACE_SIGMA_MM
    return ((dist(all_bodies[i].centre, all_bodies[j].centre) - scale * _apart_mm(first, second)) / sigma) ** 2


@cache
def _apart_mm(first: str, second: str) -> float:
    """Distance between the centres of two bones in a typical hand."""
    return dist(CENTRES_MM[first], CENTRES_MM[second])
