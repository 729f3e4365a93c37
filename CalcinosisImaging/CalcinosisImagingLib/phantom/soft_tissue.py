"""Skin, tendons and vessels of a hand in any pose: pieces fixed to bones, joined by smooth unions.

Because the pieces of neighbouring bones are blended where they meet, the skin follows a bent joint smoothly.
Breadths and depths of fingers and palm are those of an average hand; the pulp reaches 4 to 5 mm beyond the bone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.interpolate import PchipInterpolator

from ..analysis.anatomy import ray
from .shapes import Limb, Tube
from .skeleton import Skeleton

SKIN_MM = 1.2
"""Thickness of epidermis and dermis."""


@dataclass(frozen=True, eq=False)
class Piece:
    """A piece of soft tissue that moves with a bone; ``to_bone`` (4x4) places its frame in the bone's frame."""

    bone: str
    shape: Limb
    to_bone: np.ndarray
    blend_mm: float


DIGIT_SCALE = {1: 1.12, 2: 1.0, 3: 1.02, 4: 0.96, 5: 0.84}
_BREADTH = {
    "proximal": ((10.6, 10.4), (9.2, 8.8)),
    "middle": ((9.2, 8.6), (8.3, 7.6)),
    "distal": ((8.4, 7.4), (7.2, 6.0)),
}


def skin_pieces(skeleton: Skeleton, plump: float = 1.0) -> list[Piece]:
    """Pieces whose union is the hand inside its skin; ``plump`` scales breadth."""
    pieces = [_forearm_piece(plump), _carpus_piece(plump)]
    for digit, (width, depth) in {
        1: (12.0, 12.0),
        2: (14.0, 13.0),
        3: (13.0, 13.0),
        4: (12.5, 13.0),
        5: (13.0, 12.5),
    }.items():
        length = skeleton.bones[f"metacarpal-{digit}"].shape.length_mm
        limb = Limb(
            length,
            (width * plump, depth * plump),
            (width * 0.95 * plump, depth * 0.92 * plump),
            (10.0, 8.0),
            (-3.5, -2.5),
        )
        pieces.append(Piece(f"metacarpal-{digit}", limb, np.eye(4), 7.0))
    length = skeleton.bones["metacarpal-1"].shape.length_mm
    pieces.append(
        Piece(
            "metacarpal-1", Limb(length * 0.9, (14.0, 11.0), (9.0, 8.0), (8.0, 8.0), (-5.0, -2.0), 7.0), np.eye(4), 9.0
        )
    )
    for digit in range(1, 6):
        for kind in ("proximal", "middle", "distal"):
            name = f"{kind}-{digit}"
            if name in skeleton.bones:
                pieces.append(_finger_piece(skeleton, name, kind, DIGIT_SCALE[digit] * plump))
    return pieces


def _finger_piece(skeleton: Skeleton, name: str, kind: str, scale: float) -> Piece:
    """The soft tissue about one phalanx; the pulp reaches beyond the tip."""
    start, end = (tuple(v * scale for v in pair) for pair in _BREADTH[kind])
    length = skeleton.bones[name].shape.length_mm
    if kind == "distal":
        limb = Limb(length - 1.5, start, end, (4.0, 6.0), (-1.4, -1.2))
    else:
        limb = Limb(length, start, end, (6.0, 6.0), (-1.8, -1.5))
    return Piece(name, limb, np.eye(4), 3.0)


def _forearm_piece(plump: float) -> Piece:
    """The forearm, fixed to the radius; its frame runs towards the elbow, x radial."""
    limb = Limb(62.0, (26.0 * plump, 17.5 * plump), (28.0 * plump, 20.0 * plump), (15.0, 10.0), (-2.0, -3.0), -9.0)
    return Piece("radius", limb, np.eye(4), 8.0)


def _carpus_piece(plump: float) -> Piece:
    """The wrist and the heel of the hand, fixed to the capitate."""
    place = np.eye(4)
    place[:3, 3] = -2.0, -14.0, -4.0
    return Piece(
        "capitate", Limb(20.0, (28.0 * plump, 18.0 * plump), (31.0 * plump, 16.0 * plump), (14.0, 12.0)), place, 9.0
    )


def cords(skeleton: Skeleton, poses: Mapping[str, np.ndarray]) -> list[tuple[str, Tube]]:
    """Tendons and vessels of a pose, hand frame: tissue and smooth cord through points fixed to the bones."""
    found = []
    for digit in range(1, 6):
        scale = DIGIT_SCALE[digit]
        for tissue, radius, angle, gap in _COURSES:
            points = [] if tissue == "vessel" else _through_wrist(poses, digit, angle < 0)
            points += _course(skeleton, poses, digit, angle, gap * scale)
            found.append((tissue, Tube(_smooth(np.array(points)), radius * scale)))
        if digit > 1:
            points = _through_wrist(poses, digit, volar=True, deeper_mm=-4.5)
            points += _course(skeleton, poses, digit, -90.0, 6.0)[:3]
            found.append(("tendon", Tube(_smooth(np.array(points)), 1.7 * scale)))
    for tissue, radius, far, near, bone, end in _WRIST_CORDS:
        places = (("radius", far), ("radius", near), (bone, end))
        points = [(poses[carrier] @ np.array([*at, 1.0]))[:3] for carrier, at in places]
        found.append((tissue, Tube(_smooth(np.array(points)), radius)))
    return found


_COURSES = (
    ("tendon", 2.1, -90.0, 2.6),
    ("tendon", 1.1, 90.0, 1.4),
    ("vessel", 0.7, -35.0, 2.8),
    ("vessel", 0.7, -145.0, 2.8),
    ("vessel", 0.8, 60.0, 2.4),
)
"""Flexor and extensor tendon, the two palmar digital arteries, a dorsal vein: radius, side of the bone, distance."""
_WRIST_CORDS = (
    ("tendon", 2.0, (6.0, 45.0, -15.0), (6.0, 6.0, -14.5), "metacarpal-2", (0.0, 2.0, -10.0)),
    ("tendon", 2.0, (-23.0, 45.0, -11.0), (-22.0, 8.0, -12.5), "pisiform", (0.0, -5.0, 0.0)),
    ("tendon", 1.7, (8.0, 45.0, 11.0), (7.0, 4.0, 12.0), "metacarpal-2", (0.0, 3.0, 9.5)),
    ("tendon", 1.7, (3.0, 45.0, 11.5), (3.0, 4.0, 12.0), "metacarpal-3", (-2.0, 3.0, 9.5)),
    ("tendon", 1.7, (-26.0, 45.0, 8.0), (-27.0, 4.0, 6.0), "metacarpal-5", (6.5, 3.0, 2.0)),
    ("tendon", 1.6, (14.0, 40.0, 5.0), (15.5, 4.0, 1.0), "metacarpal-1", (-6.0, 3.0, 2.0)),
    ("vessel", 1.2, (11.0, 45.0, -13.5), (12.0, 4.0, -12.5), "scaphoid", (-8.0, 2.0, -10.0)),
    ("vessel", 1.2, (-18.0, 45.0, -13.0), (-17.0, 4.0, -14.5), "hamate", (3.0, 4.0, -17.0)),
    ("nerve", 1.9, (-3.0, 45.0, -12.0), (-1.0, 4.0, -16.0), "capitate", (-7.0, 8.0, -18.0)),
)
"""Flexors and extensors of the wrist, the long abductor of the thumb, radial and ulnar artery, median nerve.

Tissue, radius, two places in the frame of the radius (x radial, y towards the elbow), and where it ends.
"""


def _course(
    skeleton: Skeleton, poses: Mapping[str, np.ndarray], digit: int, angle_deg: float, gap_mm: float
) -> list[np.ndarray]:
    """Points (hand frame) along a digit, at an angle about each bone (90 = dorsal) and a distance from its surface."""
    side = np.array([np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))])
    points = []
    for name in ray(digit):
        bone = skeleton.bones[name].shape
        for t in (0.12,) if name.startswith("distal") else (0.15, 0.5, 0.85):
            half = [np.interp(t, [s[0] for s in bone.sections], [s[axis] for s in bone.sections]) for axis in (1, 2)]
            x, z = side * (1.0 / np.hypot(*(side / half)) + gap_mm)
            local = np.array([x, t * bone.length_mm, z + bone.bow_mm * 4 * t * (1 - t), 1.0])
            points.append((poses[name] @ local)[:3])
    return points


def _through_wrist(
    poses: Mapping[str, np.ndarray], digit: int, volar: bool, deeper_mm: float = 0.0
) -> list[np.ndarray]:
    """Where a tendon passes forearm and wrist: the carpal tunnel, or the back; ``deeper_mm`` shifts it dorsally."""
    x = {1: -8.0, 2: -4.0, 3: -1.0, 4: 2.0, 5: 5.0}[digit]
    z = -14.0 if volar else 11.0
    places = (("radius", (-6.0 - 1.7 * x, 45.0, z)), ("radius", (-6.0 - 1.3 * x, 6.0, z)), ("capitate", (x, -6.0, z)))
    return [(poses[bone] @ np.array([*at[:2], at[2] + deeper_mm, 1.0]))[:3] for bone, at in places]


def _smooth(points: np.ndarray, per_span: int = 3) -> np.ndarray:
    """Points of a smooth curve through ``points`` (N, 3)."""
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    dense = np.concatenate([np.linspace(a, b, per_span, endpoint=False) for a, b in pairwise(along)] + [along[-1:]])
    return PchipInterpolator(along, points)(dense)
