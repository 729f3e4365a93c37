"""Finding a wrist without its fingers: the template of the carpus, turned and moved until bodies lie at its places.

Where the image ends in the palm no rays of bones are left to start from (`rays`), but the eight carpals, the bases of
the metacarpals and the ends of the forearm's bones are a constellation of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.transform import Rotation

from ..anatomy import CARPALS
from .carpus import PalmFrame, rigid
from .shape import Body
from .template import CENTRES_MM, FOREARM_END_MM, LENGTHS_MM, VOLUMES_MM3

THUMB_AXIS = np.array([0.55, 0.45, 0.7]) / np.linalg.norm([0.55, 0.45, 0.7])
DISTAL_AXIS = np.array([0.0, 0.0, 1.0])
METACARPALS = tuple(f"metacarpal-{digit}" for digit in range(1, 6))
NAMES = (*CARPALS, *METACARPALS, *FOREARM_END_MM)
LONG = slice(len(CARPALS), len(NAMES))
"""Places of the long bones in `NAMES`."""
SCALES = (0.85, 1.0, 1.15)
ANCHORS = ("capitate", "lunate", "scaphoid")
COMPACT = 2.2
"""Carpals are less slender."""
COMPACT_MM3 = (120.0, 4000.0)
LEAST_LONG_MM, LEAST_LONG_MM3 = 8.0, 400.0
"""What the image holds of a metacarpal or of the forearm is at least this."""
START_SIGMA_MM = 6.0
SIGMA_MM, LONG_SIGMA_MM, AXIS_SIGMA = 4.5, 6.0, 0.5
VOLUME_SIGMA = 0.45
UNNAMED_COST = 9.0
STARTS = 24
TURNS, WIDE_TURNS, WIDER = 10, 4, 1.8
LEAST_NAMES, LEAST_CARPALS, LARGEST_MEAN_COST, LEAST_LOG_ODDS = 9, 4, 1.5, 0.8
"""What a wrist must have to be believed. Fingers and halves of hands that were tried have less of one of these."""


@dataclass(frozen=True, eq=False)
class FoundWrist:
    """Names (index of the body -> bone), the palm's frame, the sum of costs, and log odds for right over left."""

    names: dict[int, str]
    frame: PalmFrame
    cost: float
    side_log_odds: float

    @property
    def mean_cost(self) -> float:
        """Squared deviations per bone that has a name."""
        return (self.cost - UNNAMED_COST * (len(NAMES) - len(self.names))) / max(len(self.names), 1)

    @property
    def is_sure(self) -> bool:
        """Whether enough bones fit well enough, and clearly better than on the other side."""
        carpals = sum(name in CARPALS for name in self.names.values())
        enough = len(self.names) >= LEAST_NAMES and carpals >= LEAST_CARPALS
        return enough and self.mean_cost <= LARGEST_MEAN_COST and abs(self.side_log_odds) >= LEAST_LOG_ODDS


class _Bodies:
    """What is compared of all bodies, as arrays over them."""

    def __init__(self, all_bodies: list[Body]) -> None:
        self.centres = np.array([b.centre for b in all_bodies])
        self.ends = np.array([b.ends for b in all_bodies])
        self.volumes = np.array([b.volume_mm3 for b in all_bodies])
        self.cut = np.array([b.at_border for b in all_bodies])
        slender = np.array([b.slenderness for b in all_bodies])
        low, high = COMPACT_MM3
        self.compact = (slender < COMPACT) & (self.volumes > low) & (self.volumes < high)
        self.long = np.array([b.length_mm for b in all_bodies]) >= LEAST_LONG_MM


def template_points() -> np.ndarray:
    """Places (15, 3) of `NAMES` in the palm frame: centres of carpals, bases of metacarpals, ends of the forearm."""
    points = [np.array(CENTRES_MM[name]) for name in CARPALS]
    for name, axis in zip(METACARPALS, template_axes(), strict=False):
        points.append(np.array(CENTRES_MM[name]) - 0.5 * LENGTHS_MM[name] * axis)
    return np.array(points + [np.array(end) for end in FOREARM_END_MM.values()])


def template_axes() -> np.ndarray:
    """Directions (7, 3) in which the long bones of `NAMES` leave the wrist."""
    return np.array([THUMB_AXIS, *[DISTAL_AXIS] * 4, *[-DISTAL_AXIS] * len(FOREARM_END_MM)])


def find_wrist(all_bodies: list[Body]) -> FoundWrist | None:
    """Name the bones of a wrist by their places and volumes alone; None where too few bodies could be carpals.

    Both mirror images are tried, in all orientations; a side is as sure as the other one fits worse.
    """
    bodies = _Bodies(all_bodies)
    if bodies.compact.sum() < LEAST_CARPALS:
        return None
    best = {}
    for volar in (-1.0, 1.0):
        settled = (_settled(bodies, frame) for frame in _starts(bodies, volar))
        best[volar] = min(settled, key=lambda found: found[0])
    cost, names, frame = min(best.values(), key=lambda found: found[0])
    # Right hands are left-handed in the palm frame. A quarter counts, as in `naming`: the deviations hang together.
    odds = 0.5 * 0.25 * (best[1.0][0] - best[-1.0][0])
    return FoundWrist(names, frame, cost, float(np.round(odds, 6)))


def _starts(bodies: _Bodies, volar: float) -> list[PalmFrame]:
    """The orientations and places that bring most of the carpals near some compact body, at every scale."""
    places = template_points()[: len(CARPALS)]
    turns = Rotation.from_euler("zyz", _orientations()).as_matrix() * np.array([1.0, volar, 1.0])[:, None]
    near = bodies.centres[bodies.compact]
    found = []
    for name in ANCHORS:
        middle = places[CARPALS.index(name)]
        relative = (places - middle) @ turns
        for anchor in near:
            away = ((anchor + relative)[:, :, None] - near) ** 2
            score = np.exp(-away.sum(-1).min(-1) / (2 * START_SIGMA_MM**2)).sum(1)
            for index in np.argsort(-score, kind="stable")[:2]:
                found.append((-float(score[index]), len(found), anchor, middle, turns[index]))
    chosen = sorted(found, key=lambda f: f[:2])[:STARTS]
    return [PalmFrame(anchor - s * middle @ axes, axes, s) for _, _, anchor, middle, axes in chosen for s in SCALES]


def _orientations() -> np.ndarray:
    """Euler angles (N, 3), about 30 degrees apart."""
    around = np.deg2rad(np.arange(0, 360, 30.0))
    tilt = np.arccos(np.linspace(0.95, -0.95, 7))
    return np.stack(np.meshgrid(around, tilt, around, indexing="ij"), -1).reshape(-1, 3)


def _settled(bodies: _Bodies, frame: PalmFrame) -> tuple[float, dict[int, str], PalmFrame]:
    """Cost, names and frame after assignment and rigid fit in turns."""
    template, count = template_points(), len(bodies.centres)
    for turn in range(TURNS):
        cost, points = _costs(bodies, frame, WIDER if turn < WIDE_TURNS else 1.0)
        rows, columns = linear_sum_assignment(np.hstack([cost, np.full((count, count), UNNAMED_COST)]))
        named = columns < len(NAMES)
        rows, columns = rows[named], columns[named]
        if len(rows) < 4 or turn == TURNS - 1:
            break
        rotation, shift = rigid(frame.to_ras(template[columns]), points[rows, columns])
        frame = PalmFrame(rotation @ frame.origin + shift, frame.axes @ rotation.T, frame.scale)
    total = float(cost[rows, columns].sum()) + UNNAMED_COST * (len(NAMES) - len(rows))
    return total, {int(r): NAMES[c] for r, c in zip(rows, columns, strict=True)}, frame


def _costs(bodies: _Bodies, frame: PalmFrame, wider: float) -> tuple[np.ndarray, np.ndarray]:
    """Squared deviations (bodies, names), and the points (bodies, names, 3) in RAS mm that are compared."""
    places = frame.to_ras(template_points())
    away = np.linalg.norm(bodies.ends[:, None] - places[None, LONG, None], axis=-1)
    ends = np.take_along_axis(bodies.ends[:, None], away.argmin(-1)[..., None, None], axis=2)[:, :, 0]
    carpals = np.broadcast_to(bodies.centres[:, None], (len(away), len(CARPALS), 3))
    points = np.concatenate([carpals, ends], axis=1)
    sigma = wider * frame.scale * np.where(np.arange(len(NAMES)) < len(CARPALS), SIGMA_MM, LONG_SIGMA_MM)
    cost = (np.linalg.norm(points - places, axis=-1) / sigma) ** 2
    typical = frame.scale**3 * np.array([VOLUMES_MM3[name] for name in CARPALS])
    volume = np.log(bodies.volumes[:, None] / typical) / VOLUME_SIGMA
    # What the border cuts may be small.
    cost[:, : len(CARPALS)] += np.where(bodies.cut[:, None], np.maximum(volume, 0.0), volume) ** 2
    leaving = bodies.centres[:, None] - ends
    leaving /= np.maximum(np.linalg.norm(leaving, axis=-1, keepdims=True), 1e-6)
    cost[:, LONG] += ((leaving - template_axes() @ frame.axes) ** 2).sum(-1) / AXIS_SIGMA**2
    cost[~bodies.compact, : len(CARPALS)] = 4 * UNNAMED_COST
    cost[~(bodies.long & (bodies.volumes >= LEAST_LONG_MM3 * frame.scale**3)), LONG] = 4 * UNNAMED_COST
    return cost, points
