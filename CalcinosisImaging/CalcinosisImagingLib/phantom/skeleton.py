"""The bones of one hand: shapes in their own frames, and how they are joined.

Everything here is a right hand; a left one is its mirror image (`frames.MIRROR`), applied last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ..analysis.anatomy import BONE_NAMES, CARPALS, FOREARM, digit_of, parent_of, ray
from .dimensions import (
    CARPALS_MM,
    JOINT_GAP_MM,
    LENGTH_MM,
    METACARPAL_REST,
    WIDTHS_MM,
    WRIST_CENTRE_MM,
    WRIST_RADIUS_MM,
)
from .frames import about, rigid
from .shapes import LongBone, Shape, ShortBone

FOREARM_MM = 62.0
"""Length of forearm that is modelled."""

Angles = Mapping[str, tuple[float, float, float]]
"""Degrees about each joint that carries the named bone: extension (> 0 dorsal), spread (> 0 radial), roll."""


@dataclass(frozen=True, eq=False)
class Bone:
    """One bone.

    Attributes
    ----------
    shape: in the bone's own frame (x ulnar, y distal, z dorsal).
    rest: 4x4, own frame -> frame of ``parent`` with all joint angles zero (hand frame if there is no parent).
    pivot: (3,) centre of the joint in the frame of ``parent``.
    parent: the bone that carries it; None for those fixed in the hand frame.
    """

    name: str
    shape: Shape
    rest: np.ndarray
    pivot: np.ndarray
    parent: str | None


@dataclass(frozen=True, eq=False)
class Skeleton:
    """The bones of a right hand of a certain size."""

    bones: dict[str, Bone]

    def poses(self, angles: Angles) -> dict[str, np.ndarray]:
        """4x4 of each bone, own frame -> hand frame; the carpus stays, fingers and forearm move."""
        poses: dict[str, np.ndarray] = {}
        for name in (*CARPALS, *FOREARM, *(b for digit in range(1, 6) for b in ray(digit))):
            bone = self.bones[name]
            extension, spread, roll = angles.get("radius" if name == "ulna" else name, (0.0, 0.0, 0.0))
            local = about(bone.pivot, (roll, spread, extension), order="yzx") @ bone.rest
            poses[name] = local if bone.parent is None else poses[bone.parent] @ local
        return poses


def build_skeleton(rng: np.random.Generator, spread: float = 1.0) -> Skeleton:
    """A skeleton drawn from the published distribution; ``spread`` scales the variation (0 = the mean hand)."""
    size = 1.0 + 0.06 * spread * float(np.clip(rng.standard_normal(), -2, 2))
    stout = 1.0 + 0.05 * spread * float(np.clip(rng.standard_normal(), -2, 2))
    bones: dict[str, Bone] = {}
    lengths = {
        name: size * mean * (1.0 + 0.55 * spread * sd / mean * float(np.clip(rng.standard_normal(), -2, 2)))
        for name, (mean, sd) in LENGTH_MM.items()
    }
    for name, shape in _carpal_shapes(size).items():
        centre = np.array(CARPALS_MM[name][0]) * size
        bones[name] = Bone(name, shape, rigid(shift_mm=centre), centre, None)
    bones |= _forearm(size)
    for digit in range(1, 6):
        for name in ray(digit):
            bones[name] = _long(name, lengths[name], size * stout, size, bones)
            if name.startswith("distal") and spread and rng.random() < OSTEOLYSIS_SHARE:
                taken = rng.uniform(0.08, 0.4) * lengths[name]
                bones[name] = replace(bones[name], shape=replace(bones[name].shape, resorbed_mm=float(taken)))
    _cut_apart(bones)
    return Skeleton({name: bones[name] for name in BONE_NAMES})


NEIGHBOURS = (("metacarpal-2", "metacarpal-3"), ("metacarpal-3", "metacarpal-4"), ("metacarpal-4", "metacarpal-5"))
OSTEOLYSIS_SHARE = 0.12
"""Share of distal phalanges with acro-osteolysis; 22 % of patients have some (Avouac et al., ARD 65:1088, 2006)."""


def _cut_apart(bones: dict[str, Bone]) -> None:
    """Give neighbours that lie side by side facets towards each other, in place."""
    for first, second in (*NEIGHBOURS, ("radius", "ulna")):
        height = 6.0
        to_hand = {n: _rest_in_hand(bones, n) for n in (first, second)}
        at = {n: (m @ np.array([0.0, height, 0.0, 1.0]))[:3] for n, m in to_hand.items()}
        normal = at[second] - at[first]
        normal /= np.linalg.norm(normal)
        widths = {n: bones[n].shape.sections[1][1] for n in (first, second)}
        middle = at[first] + (at[second] - at[first]) * widths[first] / (widths[first] + widths[second])
        for name, sign in ((first, 1.0), (second, -1.0)):
            turned = to_hand[name][:3, :3].T @ (sign * normal)
            offset = sign * float(normal @ (middle - to_hand[name][:3, 3])) - JOINT_GAP_MM["carpometacarpal"] / 2.0
            shape = replace(bones[name].shape, facets=(*bones[name].shape.facets, (*turned, offset)))
            bones[name] = replace(bones[name], shape=shape)


def _rest_in_hand(bones: Mapping[str, Bone], name: str) -> np.ndarray:
    """4x4 own frame -> hand frame with all joints at zero."""
    bone = bones[name]
    return bone.rest if bone.parent is None else _rest_in_hand(bones, bone.parent) @ bone.rest


def _long(name: str, length: float, width: float, size: float, bones: Mapping[str, Bone]) -> Bone:
    """A metacarpal or phalanx on the bone before it."""
    kind, digit = name.split("-")[0], digit_of(name)
    ax, az, sx, sz, hx, hz = (width * v for v in WIDTHS_MM[name])
    parent = parent_of(name)
    assert parent is not None
    assert digit is not None
    before = bones[parent].shape
    gap = 0.0 if kind == "metacarpal" else JOINT_GAP_MM[parent.split("-")[0]]
    socket = 0.0 if kind == "metacarpal" else before.head_radius_mm + gap
    if kind == "metacarpal" and digit == 1:
        socket = 9.0 * size
    shape = LongBone(
        length_mm=length,
        sections=(
            (0.0, ax * 0.93, az * 0.93),
            (0.1, ax, az),
            (0.5, sx, sz),
            (0.62, sx, sz),
            (0.88, hx, hz),
            (1.0, hx * 0.9, hz),
        )
        if kind != "distal"
        else (
            (0.0, ax * 0.93, az * 0.93),
            (0.13, ax, az),
            (0.55, sx, sz),
            (0.7, sx, sz * 0.95),
            (0.88, hx, hz),
            (1.0, hx * 0.8, hz * 0.8),
        ),
        bow_mm={"metacarpal": 0.03, "proximal": 0.025, "middle": 0.02, "distal": 0.0}[kind] * length,
        head_radius_mm=hz * 1.04 if kind != "distal" else hx * 1.0,
        head_round={"metacarpal": 0.85, "proximal": 0.3, "middle": 0.3, "distal": 0.9}[kind],
        groove_mm={"metacarpal": 0.0, "proximal": 0.8, "middle": 0.6, "distal": 0.0}[kind] * size,
        socket_mm=socket,
        socket_round={"metacarpal": 0.85, "proximal": 0.8, "middle": 0.25, "distal": 0.25}[kind],
        rim_mm=1.3 * size,
        cortex_mm={
            "metacarpal": (0.5, 1.9),
            "proximal": (0.45, 1.5),
            "middle": (0.4, 1.2),
            "distal": (0.35, 0.8),
        }[kind],
        edge_mm={"metacarpal": 2.2, "proximal": 1.8, "middle": 1.5, "distal": 1.2}[kind],
    )
    if kind == "metacarpal":
        place, _ = METACARPAL_REST[digit]
        in_hand = np.array(place) * size
        carrier = bones[parent].rest
        rest = np.linalg.inv(carrier) @ _metacarpal_rest(digit, size)
        pivot = in_hand - carrier[:3, 3]
        if digit == 1:
            pivot = (rest @ np.array([0.0, -socket, 0.0, 1.0]))[:3]
        return Bone(name, shape, rest, pivot, parent)
    rest = rigid(shift_mm=before.head_centre + np.array([0.0, socket, 0.0]))
    return Bone(name, shape, rest, before.head_centre, parent)


def _metacarpal_rest(digit: int, size: float) -> np.ndarray:
    """4x4 own frame -> hand frame of a metacarpal at rest."""
    place, (flex, roll, spread) = METACARPAL_REST[digit]
    return rigid((roll, flex, spread), np.array(place) * size, order="yxz")


def _forearm(size: float) -> dict[str, Bone]:
    """Radius and ulna: cut shafts with their wrist ends, turning about the wrist's centre."""
    centre = np.array(WRIST_CENTRE_MM) * size
    reach = WRIST_RADIUS_MM * size + JOINT_GAP_MM["wrist"]
    radius = LongBone(
        length_mm=FOREARM_MM,
        sections=tuple(
            (t, a * size, b * size)
            for t, a, b in ((0, 15.5, 9.5), (0.12, 15.6, 9.8), (0.28, 12.0, 8.2), (0.55, 7.6, 6.2), (1, 7.0, 6.0))
        ),
        head_radius_mm=60.0,
        head_round=0.0,
        socket_mm=reach,
        socket_round=1.0,
        socket_shift_mm=-6.0 * size,
        rim_mm=5.5,
        cortex_mm=(0.7, 2.2),
        edge_mm=2.0,
    )
    ulna = LongBone(
        length_mm=FOREARM_MM,
        sections=tuple(
            (t, a * size, b * size)
            for t, a, b in ((0, 7.2, 7.6), (0.08, 8.6, 8.4), (0.25, 6.2, 6.4), (0.5, 5.4, 5.6), (1, 6.0, 6.2))
        ),
        head_radius_mm=60.0,
        head_round=0.0,
        cortex_mm=(0.6, 2.0),
        edge_mm=2.5,
    )
    # The shapes run from the joint to the elbow: turned by 180 degrees about z, their x then points radially.
    radius_rest = rigid((0.0, 0.0, 180.0), centre + np.array([-6.0 * size, -reach, 0.0]))
    ulna_rest = rigid((0.0, 0.0, 180.0), centre + np.array([17.0 * size, -reach - 1.0, 0.5]))
    return {
        "radius": Bone("radius", radius, radius_rest, centre, None),
        "ulna": Bone("ulna", ulna, ulna_rest, centre, None),
    }


def _carpal_shapes(size: float) -> dict[str, ShortBone]:
    """Carpals cut against each other, the metacarpals and the radius, so that they neither overlap nor gape."""
    centres = {n: np.array(c) * size for n, (c, _, _) in CARPALS_MM.items()}
    axes = {n: rigid(turn)[:3, :3] for n, (_, _, turn) in CARPALS_MM.items()}
    halves = {n: np.array(h) * size for n, (_, h, _) in CARPALS_MM.items()}
    shapes = {}
    for name in CARPALS:
        facets = [_bisector(name, other, centres, axes, halves) for other in CARPALS if other != name]
        facets += [_stop(name, digit, centres, size) for digit in (2, 3, 4, 5)]
        balls = []
        if name != "pisiform":
            balls.append((*(np.array(WRIST_CENTRE_MM) * size - centres[name]), WRIST_RADIUS_MM * size * 1.0))
        keep_row = name in ("scaphoid", "lunate", "triquetrum")
        shapes[name] = ShortBone(
            half_axes_mm=tuple(float(h) for h in halves[name]),
            axes=axes[name],
            facets=np.array([f for f in facets if f is not None]),
            balls=np.array(balls if keep_row else _thumb_ball(name, centres, size)),
        )
    return shapes


def _bisector(name: str, other: str, centres: Mapping, axes: Mapping, halves: Mapping) -> tuple | None:
    """Plane between two carpals, half a joint gap on this side; None where they are far apart."""
    between = centres[other] - centres[name]
    distance = np.linalg.norm(between)
    normal = between / distance
    mine = np.linalg.norm(halves[name] * (axes[name].T @ normal))
    its = np.linalg.norm(halves[other] * (axes[other].T @ normal))
    if mine + its + 2.0 < distance:
        return None
    return (*normal, distance * mine / (mine + its) - JOINT_GAP_MM["carpal"] / 2)


def _stop(name: str, digit: int, centres: Mapping, size: float) -> tuple | None:
    """Plane below the base of a metacarpal, where that metacarpal stands on or near this carpal."""
    rest = _metacarpal_rest(digit, size)
    normal = rest[:3, 1]
    lateral = rest[:3, :3].T @ (centres[name] - rest[:3, 3])
    if name not in ("trapezium", "trapezoid", "capitate", "hamate") or abs(lateral[0]) > 11 * size:
        return None
    return (*normal, float(normal @ (rest[:3, 3] - centres[name])) - JOINT_GAP_MM["carpometacarpal"])


def _thumb_ball(name: str, centres: Mapping, size: float) -> list:
    """The trapezium's saddle, as a ball about the thumb's joint that keeps clear of its metacarpal."""
    if name != "trapezium":
        return []
    rest = _metacarpal_rest(1, size)
    centre = (rest @ np.array([0.0, -9.0 * size, 0.0, 1.0]))[:3]
    return [(*(centre - centres[name]), 9.0 * size - JOINT_GAP_MM["carpometacarpal"])]
