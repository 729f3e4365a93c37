"""The hand's own frame from its named bones: distal, radial and volar directions, and its joints."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from .. import anatomy

FINGERS = (2, 3, 4, 5)
JOINT_POINTS = 40
"""Surface points on each side that make a joint."""
JOINT_GAP_MM = 6.0
"""Bones further apart than this do not articulate."""


@dataclass(frozen=True, eq=False)
class HandFrame:
    """Unit vectors in RAS (3,) and the centre of the metacarpals; ``certainty`` 0..1 that volar is not dorsal."""

    distal: np.ndarray
    radial: np.ndarray
    volar: np.ndarray
    origin: np.ndarray
    certainty: float

    @property
    def matrix(self) -> np.ndarray:
        """3x3 whose rows are distal, radial, volar (right- or left-handed, as the hand is)."""
        return np.stack([self.distal, self.radial, self.volar])


def hand_frame(points: dict[str, np.ndarray]) -> HandFrame | None:
    """The frame from bone points (RAS, (N, 3) per bone); None where too few bones are there.

    The palm's plane is that of the metacarpals 2 to 5. Which side is volar follows from what lies on that side:
    thumb, trapezium, pisiform, the hamate's hook, flexed fingers; each votes with its distance from the plane.
    """
    centre = {name: p.mean(axis=0) for name, p in points.items()}
    palm = [f"metacarpal-{d}" for d in FINGERS if f"metacarpal-{d}" in centre]
    if len(palm) < 2:
        return None
    distal = _distal(points, centre, palm)
    if distal is None:
        return None
    across = centre[palm[0]] - centre[palm[-1]]
    radial = across - distal * (across @ distal)
    radial /= np.linalg.norm(radial)
    normal = np.cross(distal, radial)
    origin = np.mean([centre[n] for n in palm], axis=0)
    votes = [float((centre[n] - origin) @ normal) for n in _VOLAR if n in centre]
    if votes:
        certainty = abs(sum(votes)) / (sum(abs(v) for v in votes) + 1e-9)
        volar = normal if sum(votes) >= 0 else -normal
    else:
        certainty, volar = 0.0, normal
    return HandFrame(distal, radial, volar, origin, certainty)


_VOLAR = (
    "metacarpal-1", "proximal-1", "distal-1", "trapezium", "pisiform",
    "distal-2", "distal-3", "distal-4", "distal-5", "middle-2", "middle-3", "middle-4", "middle-5",
)  # fmt: skip


def _distal(points: dict[str, np.ndarray], centre: dict[str, np.ndarray], palm: list[str]) -> np.ndarray | None:
    """Mean long axis of the metacarpals, turned away from the wrist."""
    axes = []
    for name in palm:
        axis = long_axis(points[name])
        axes.append(axis if not axes or axis @ axes[0] >= 0 else -axis)
    distal = np.mean(axes, axis=0)
    distal /= np.linalg.norm(distal)
    origin = np.mean([centre[n] for n in palm], axis=0)
    proximal = [centre[n] for n in anatomy.CARPALS + anatomy.FOREARM if n in centre]
    further = [centre[n] for n in anatomy.PROXIMALS[1:] + anatomy.MIDDLES + anatomy.DISTALS[1:] if n in centre]
    sign = sum(float((origin - c) @ distal) for c in proximal) + sum(float((c - origin) @ distal) for c in further)
    if not proximal and not further:
        return None
    return distal if sign >= 0 else -distal


def long_axis(points: np.ndarray) -> np.ndarray:
    """Direction of greatest extent (unit vector) of points (N, 3)."""
    centred = points - points.mean(axis=0)
    return np.linalg.eigh(centred.T @ centred)[1][:, -1]


@dataclass(frozen=True, eq=False)
class Joint:
    """Where two bones meet in the CT: one point on each side (RAS mm), named by segment ID."""

    first: str
    second: str
    point_ras: np.ndarray
    gap_mm: float


def joints(points: dict[str, np.ndarray]) -> list[Joint]:
    """Every pair of bones whose surfaces come within `JOINT_GAP_MM`: the middle between the closest points."""
    trees = {name: cKDTree(p) for name, p in points.items()}
    boxes = {name: (p.min(axis=0), p.max(axis=0)) for name, p in points.items()}
    names = list(points)
    found = []
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            apart = np.maximum(boxes[first][0] - boxes[second][1], boxes[second][0] - boxes[first][1])
            if apart.max() > JOINT_GAP_MM or not articulate(first, second):
                continue
            distance, nearest = trees[first].query(points[second], distance_upper_bound=JOINT_GAP_MM + 2)
            close = np.argsort(distance, kind="stable")[:JOINT_POINTS]
            close = close[np.isfinite(distance[close])]
            if len(close) == 0 or distance[close[0]] > JOINT_GAP_MM:
                continue
            middle = (points[first][nearest[close]].mean(axis=0) + points[second][close].mean(axis=0)) / 2
            found.append(Joint(first, second, middle, float(distance[close[0]])))
    return found


def articulate(first: str, second: str) -> bool:
    """Whether two bones touch in a hand: parent and child, neighbours of the wrist, bases of metacarpals."""
    if anatomy.parent_of(first) == second or anatomy.parent_of(second) == first:
        return True
    wrist = {*anatomy.CARPALS, *anatomy.FOREARM}
    if first in wrist and second in wrist:
        return True
    metacarpals = set(anatomy.METACARPALS[1:])
    return first in wrist | metacarpals and second in wrist | metacarpals
