"""The palm's frame, the side of the hand, and the names of carpal and forearm bones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from ..anatomy import CARPALS, ray
from .shape import Body
from .template import CENTRES_MM, FOREARM_END_MM, VOLUMES_MM3

PLACE_SIGMA_MM = 5.0
VOLUME_SIGMA = 0.45
UNNAMED_COST = 14.0
FOREARM_REACH_MM = 22.0
SIDE_MARGIN = 2.0
"""Difference of evidence (log odds) from which the side counts as known."""


@dataclass(frozen=True, eq=False)
class PalmFrame:
    """Origin (mean of the bases of metacarpals 2-5, RAS mm) and unit axes as rows: radial, volar, distal."""

    origin: np.ndarray
    axes: np.ndarray
    scale: float

    def to_palm(self, points: np.ndarray) -> np.ndarray:
        """RAS mm -> palm frame, in units of the template (scaled)."""
        return (points - self.origin) @ self.axes.T / self.scale

    def to_ras(self, points: np.ndarray) -> np.ndarray:
        """Palm frame (template mm) -> RAS mm."""
        return np.asarray(points) * self.scale @ self.axes + self.origin


@dataclass(frozen=True, eq=False)
class WristFit:
    """Names of carpal and forearm bodies (index -> bone), its cost, and the frame used."""

    names: dict[int, str]
    cost: float
    frame: PalmFrame
    expected: dict[str, np.ndarray]


def directed(body: Body, distal_point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Base (end away from a distal point) and head of a long bone."""
    distance = np.linalg.norm(body.ends - distal_point, axis=1)
    head = int(distance.argmin())
    return body.ends[1 - head], body.ends[head]


def ray_points(all_bodies: list[Body], names: dict[int, str]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Base and head (RAS mm) of each named bone of the rays; direction from the neighbours in its ray."""
    index = {name: i for i, name in names.items()}
    result = {}
    for digit in range(1, 6):
        chain = [name for name in ray(digit) if name in index]
        for place, name in enumerate(chain):
            body = all_bodies[index[name]]
            if place + 1 < len(chain):
                towards = all_bodies[index[chain[place + 1]]].centre
            elif place > 0:
                towards = 2 * body.centre - all_bodies[index[chain[place - 1]]].centre
            else:
                continue
            result[name] = directed(body, towards)
    return result


def palm_frames(all_bodies: list[Body], names: dict[int, str], scale: float) -> dict[str, PalmFrame]:
    """The two possible frames, ``{"right": …, "left": …}``; empty if fewer than two metacarpals of 2-5 are known."""
    points = ray_points(all_bodies, names)
    known = [d for d in range(2, 6) if f"metacarpal-{d}" in points]
    if len(known) < 2:
        return {}
    bases = np.array([points[f"metacarpal-{d}"][0] for d in known])
    heads = np.array([points[f"metacarpal-{d}"][1] for d in known])
    distal = (heads - bases).sum(0)
    distal /= np.linalg.norm(distal)
    across = (bases - bases.mean(0)) * 0.5 + (heads - heads.mean(0)) * 0.5
    radial = -(np.array(known, float) - np.mean(known)) @ across
    radial -= distal * (radial @ distal)
    radial /= np.linalg.norm(radial)
    expected = {d: np.array(CENTRES_MM[f"metacarpal-{d}"]) for d in known}
    centres = np.array([0.5 * (b + h) for b, h in zip(bases, heads, strict=True)])
    frames = {}
    for side, sign in (("right", -1.0), ("left", 1.0)):
        axes = np.stack([radial, sign * np.cross(distal, radial), distal])
        offset = np.mean([expected[d] for d in known], axis=0) * scale
        frames[side] = PalmFrame(centres.mean(0) - offset @ axes, axes, scale)
    return frames


def flexion_evidence(all_bodies: list[Body], names: dict[int, str], volar: np.ndarray) -> float:
    """Log odds that ``volar`` points to the palm, from the way the fingers bend and the place of the thumb."""
    points = ray_points(all_bodies, names)
    evidence = 0.0
    for digit in range(2, 6):
        chain = [points[name] for name in ray(digit) if name in points]
        directions = [(head - base) / max(np.linalg.norm(head - base), 1e-6) for base, head in chain]
        for place in range(1, len(directions)):
            bend = float((directions[place] - directions[place - 1]) @ volar)
            # A joint of a finger bends back by a few degrees at most, except at the knuckle.
            evidence += float(np.clip(bend / 0.15, -2.0, 2.0)) * (0.5 if place == 1 else 1.0)
    index = {name: i for i, name in names.items()}
    fingers = [all_bodies[index[f"metacarpal-{d}"]].centre for d in (2, 3) if f"metacarpal-{d}" in index]
    if "metacarpal-1" in index and fingers:
        height = float((all_bodies[index["metacarpal-1"]].centre - np.mean(fingers, axis=0)) @ volar)
        evidence += float(np.clip(height / 4.0, -4.0, 4.0))
    return evidence


def fit_wrist(all_bodies: list[Body], taken: set[int], frame: PalmFrame) -> WristFit:
    """Name the carpal and forearm bones in one frame: assignment by place and volume, the place refined in turns."""
    free = [i for i, body in enumerate(all_bodies) if i not in taken and body.volume_mm3 > 60]
    expected = {name: frame.to_ras(np.array(CENTRES_MM[name])) for name in CARPALS}
    forearm = {name: frame.to_ras(np.array(FOREARM_END_MM[name])) for name in FOREARM_END_MM}
    distal = frame.axes[2]
    cost = np.zeros((len(free), len(CARPALS)))
    pairs: list[tuple[int, str]] = []
    total = 0.0
    for turn in range(6):
        sigma = PLACE_SIGMA_MM * frame.scale * (1.6 if turn < 2 else 1.0)
        for row, i in enumerate(free):
            for column, name in enumerate(CARPALS):
                cost[row, column] = _carpal_cost(all_bodies[i], name, expected[name], sigma, frame.scale)
        padded = np.hstack([cost, np.full((len(free), len(free)), UNNAMED_COST)])
        rows, columns = linear_sum_assignment(padded)
        pairs = [(free[r], CARPALS[c]) for r, c in zip(rows, columns, strict=True) if c < len(CARPALS)]
        missing = len(CARPALS) - len(pairs)
        total = float(sum(padded[r, c] for r, c in zip(rows, columns, strict=True) if c < len(CARPALS)))
        total += UNNAMED_COST * missing
        expected, forearm = _refined(all_bodies, pairs, frame, forearm)
    names = dict(pairs)
    names.update(_forearm_names(all_bodies, taken | set(names), forearm, distal, frame.scale))
    return WristFit(names, total, frame, expected | forearm)


def _carpal_cost(body: Body, name: str, place: np.ndarray, sigma: float, scale: float) -> float:
    """Squared deviations of place and volume."""
    distance = float(np.linalg.norm(body.centre - place)) / sigma
    volume = np.log(body.volume_mm3 / (scale**3 * VOLUMES_MM3[name])) / VOLUME_SIGMA
    return float(distance**2 + volume**2)


def _refined(
    all_bodies: list[Body], pairs: list[tuple[int, str]], frame: PalmFrame, forearm: dict[str, np.ndarray]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Places of the carpals after moving the template rigidly (a bent wrist) onto those that were found."""
    template = {name: frame.to_ras(np.array(CENTRES_MM[name])) for name in CARPALS}
    if len(pairs) < 4:
        return template, forearm
    source = np.array([template[name] for _, name in pairs] + [frame.origin])
    target = np.array([all_bodies[i].centre for i, _ in pairs] + [frame.origin])
    rotation, shift = rigid(source, target)
    moved = {name: rotation @ place + shift for name, place in template.items()}
    ends = {n: rotation @ frame.to_ras(np.array(FOREARM_END_MM[n])) + shift for n in FOREARM_END_MM}
    return moved, ends


def rigid(source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotation and shift that carry ``source`` (N, 3) onto ``target`` in the least-squares sense (Kabsch)."""
    a, b = source.mean(0), target.mean(0)
    u, _, vt = np.linalg.svd((source - a).T @ (target - b))
    flip = np.diag([1.0, 1.0, np.sign(np.linalg.det(vt.T @ u.T))])
    rotation = vt.T @ flip @ u.T
    return rotation, b - rotation @ a


def _forearm_names(
    all_bodies: list[Body], taken: set[int], places: dict[str, np.ndarray], distal: np.ndarray, scale: float
) -> dict[int, str]:
    """Radius and ulna: large bodies whose distal end lies where it should."""
    free = [i for i, body in enumerate(all_bodies) if i not in taken and body.volume_mm3 > 500 * scale**3]
    if not free:
        return {}
    names = list(places)
    cost = np.zeros((len(free), len(names)))
    for row, i in enumerate(free):
        body = all_bodies[i]
        end = body.ends[int((body.ends @ distal).argmax())]
        tip = 0.5 * (end + body.centre + distal * 0.5 * body.length_mm)
        for column, name in enumerate(names):
            cost[row, column] = np.linalg.norm(tip - places[name])
    rows, columns = linear_sum_assignment(cost)
    reach = FOREARM_REACH_MM * scale
    return {free[r]: names[c] for r, c in zip(rows, columns, strict=True) if cost[r, c] < reach}
