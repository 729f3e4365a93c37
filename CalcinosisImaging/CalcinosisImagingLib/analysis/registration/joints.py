"""Which bone turns about which, where, and how far; and the order in which bones are looked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from ..anatomy import BONE_LABELS, CARPALS, FOREARM, METACARPALS, digit_of, ray
from .bone_model import BoneShape
from .rigid import swings

JOINTS_OF: dict[str, tuple[str, ...]] = {
    "scaphoid": ("lunate", "capitate", "trapezium", "trapezoid", "radius"),
    "lunate": ("scaphoid", "triquetrum", "capitate", "radius"),
    "triquetrum": ("lunate", "hamate", "pisiform"),
    "pisiform": ("triquetrum",),
    "trapezium": ("trapezoid", "scaphoid", "metacarpal-1"),
    "trapezoid": ("trapezium", "capitate", "metacarpal-2", "scaphoid"),
    "capitate": ("trapezoid", "hamate", "metacarpal-3", "lunate", "scaphoid"),
    "hamate": ("capitate", "metacarpal-4", "metacarpal-5", "triquetrum"),
    "metacarpal-1": ("trapezium",),
    "metacarpal-2": ("trapezoid", "metacarpal-3"),
    "metacarpal-3": ("capitate", "metacarpal-2", "metacarpal-4"),
    "metacarpal-4": ("hamate", "metacarpal-3", "metacarpal-5"),
    "metacarpal-5": ("hamate", "metacarpal-4"),
    "radius": ("scaphoid", "lunate"),
    "ulna": ("radius",),
}
"""Bones of wrist and palm that move little against each other at their joint; fingers have their chain."""
HEAD_DEPTH_MM = 3.0
"""A joint's centre lies inside the rounder of its two ends: about this far below the surface."""


@dataclass(frozen=True)
class Range:
    """Largest change of a joint's position between two scans: tilt to any side and turn about the long axis."""

    swing_degrees: float
    twist_degrees: float
    step_degrees: float


PHALANX = Range(100.0, 12.0, 8.0)
THUMB_BASE = Range(45.0, 30.0, 8.0)
PALM = Range(12.0, 8.0, 5.0)
CARPUS = Range(36.0, 24.0, 7.0)
WRIST = Range(80.0, 30.0, 9.0)
FOREARM_TURN = Range(16.0, 150.0, 10.0)
UNKNOWN = Range(60.0, 30.0, 8.0)


@dataclass(frozen=True, eq=False)
class Joint:
    """How a bone may stand to a neighbour.

    Attributes
    ----------
    parent, child: segment IDs.
    centre: (3,) RAS of the CT.
    gap_mm: distance of the two bones in the CT.
    contact_parent, contact_child: (3,) RAS, the closest places of the two.
    """

    parent: str
    child: str
    centre: np.ndarray
    gap_mm: float
    contact_parent: np.ndarray
    contact_child: np.ndarray


def plain(name: str) -> str:
    """Name of the bone without the prefix of its hand.

    >>> plain("left:distal-2")
    'distal-2'
    """
    return name.rpartition(":")[2]


def joint(parent: BoneShape, child: BoneShape) -> Joint:
    """The joint between two bones from their closest places in the CT."""
    distance, index = cKDTree(parent.surface).query(child.surface)
    nearest = np.argsort(distance, kind="stable")[:12]
    on_child, on_parent = child.surface[nearest].mean(0), parent.surface[index[nearest]].mean(0)
    touch = 0.5 * (on_child + on_parent)
    # Finger joints turn about the head of the bone nearer to the wrist.
    inwards = parent.centre - touch
    centre = touch + HEAD_DEPTH_MM * inwards / max(float(np.linalg.norm(inwards)), 1e-6)
    return Joint(parent.name, child.name, centre, float(distance[nearest[0]]), on_parent, on_child)


def neighbours(name: str) -> tuple[str, ...]:
    """Bones that this one may be found from, the best first (plain names).

    >>> neighbours("distal-1")
    ('proximal-1',)
    """
    digit = digit_of(name)
    if name in CARPALS[:4]:
        others = {"scaphoid": "lunate", "lunate": "scaphoid", "triquetrum": "lunate", "pisiform": "triquetrum"}
        across = {"scaphoid": "trapezoid", "lunate": "capitate", "triquetrum": "hamate", "pisiform": "hamate"}
        return (across[name], others[name], "radius") if name != "pisiform" else (others[name], across[name], "ulna")
    if name in CARPALS:
        return ("capitate", "hamate", "trapezoid", "trapezium", "metacarpal-3", "metacarpal-2", "metacarpal-4")
    if name == "radius":
        return ("scaphoid", "lunate", "capitate", "ulna")
    if name == "ulna":
        return ("radius", "triquetrum", "lunate")
    chain = ray(digit)
    index = chain.index(name)
    if index == 0:
        palm = tuple(m for m in METACARPALS if m != name)
        base = {1: ("trapezium",), 2: ("trapezoid",), 3: ("capitate",), 4: ("hamate",), 5: ("hamate",)}[digit]
        return base + tuple(sorted(palm, key=lambda m: abs(digit_of(m) - digit)))
    return (chain[index - 1], *chain[index + 1 : index + 2])


def motion_range(parent: str, child: str) -> Range:
    """How far the joint between two bones may have moved (plain names)."""
    if child == "metacarpal-1":
        return THUMB_BASE
    if child in METACARPALS and (parent in METACARPALS or parent in CARPALS):
        return PALM
    if child == "ulna" and parent == "radius":
        return FOREARM_TURN
    if child in FOREARM:
        return WRIST
    if child in CARPALS:
        return CARPUS
    return PHALANX if digit_of(child) is not None else UNKNOWN


def rotations(limits: Range, shape: BoneShape) -> np.ndarray:
    """Trial turns (n, 3, 3) of a bone about its joint, the identity first."""
    return swings(shape.axes[:, 0], limits.swing_degrees, limits.twist_degrees, limits.step_degrees)


def search_order(core: list[str], shapes: dict[str, BoneShape]) -> list[str]:
    """The core, largest bone first, then each bone after the one from which it is found."""
    rank = [
        "metacarpal-1", "scaphoid", "lunate", "triquetrum", "pisiform", "radius", "ulna",
        *(f"{segment}-{digit}" for segment in ("proximal", "middle", "distal") for digit in range(1, 6)),
    ]  # fmt: skip
    rest = [name for name in shapes if name not in core]
    rest.sort(key=lambda name: rank.index(plain(name)) if plain(name) in rank else len(rank))
    return sorted(core, key=lambda name: -shapes[name].volume_mm3) + rest


def choose_parent(name: str, done: list[str], shapes: dict[str, BoneShape]) -> str | None:
    """The bone, among those whose place is known, from which ``name`` is looked for: by anatomy, else the nearest."""
    if not done:
        return None
    prefix = name[: len(name) - len(plain(name))]
    wanted = neighbours(plain(name)) if plain(name) in BONE_LABELS else ()
    for candidate in wanted:
        if prefix + candidate in done:
            return prefix + candidate
    tree = cKDTree(shapes[name].surface)
    return min(done, key=lambda other: float(tree.query(shapes[other].surface)[0].min()))


def held_by(name: str, parent: str | None, done: list[str]) -> list[str]:
    """Bones among ``done`` that hold ``name`` in its place by a joint, the parent first."""
    if parent is None:
        return []
    prefix = name[: len(name) - len(plain(name))]
    close = JOINTS_OF.get(plain(name), ())
    return [parent] + [prefix + other for other in close if prefix + other in done and prefix + other != parent]
