"""The muscles of hand and forearm: bulk that lies along one bone, and bellies that run from one bone to another."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .shapes import Limb, Spindle
from .skeleton import Skeleton
from .soft_tissue import Piece

BELLIES: tuple[tuple[str, tuple[float, float, float], str, tuple[float, float, float], float], ...] = (
    # origin: bone and place in its frame; insertion: the same; thickest radius. y: share of a long bone's length.
    ("metacarpal-3", (0.0, 0.35, -7.5), "proximal-1", (6.5, 0.02, -3.0), 4.2),
    ("metacarpal-3", (0.0, 0.60, -7.5), "proximal-1", (7.0, 0.06, -2.0), 4.2),
    ("capitate", (-1.0, -1.0, -11.5), "proximal-1", (6.0, 0.02, -4.0), 4.5),
    ("metacarpal-1", (4.0, 0.30, 1.0), "proximal-2", (-8.0, 0.04, -1.0), 5.5),
    ("metacarpal-1", (4.0, 0.55, 1.0), "metacarpal-2", (-7.5, 0.75, -2.0), 5.0),
    ("metacarpal-1", (3.0, 0.12, -1.0), "metacarpal-2", (-6.5, 0.5, -3.0), 5.0),
    ("metacarpal-2", (-6.5, 0.25, -1.0), "proximal-2", (-8.0, 0.04, -1.0), 4.5),
    ("trapezium", (0.0, -4.0, -10.0), "proximal-1", (-5.5, 0.04, -5.5), 5.5),
    ("capitate", (-9.0, -4.0, -17.0), "proximal-1", (-2.0, 0.02, -8.5), 5.5),
    ("trapezium", (3.0, 0.0, -9.0), "metacarpal-1", (-5.0, 0.7, -4.0), 5.0),
    ("pisiform", (2.0, 3.0, 0.0), "proximal-5", (7.0, 0.04, -2.0), 5.0),
    ("hamate", (4.0, 2.0, -12.0), "proximal-5", (3.5, 0.02, -7.0), 5.0),
    ("hamate", (4.0, 0.0, -11.0), "metacarpal-5", (3.0, 0.75, -6.5), 4.5),
)
"""Adductor of the thumb, first dorsal interosseous, thenar and hypothenar muscles."""
WEB = (0, 1, 3, 4, 5)
"""Those of `BELLIES` that fill the web of the thumb and carry its skin."""
WEB_MM, WEB_BLEND_MM = 2.5, 9.0
"""From these muscles to the skin over them, and the fillet by which that skin joins the rest."""


def muscle_pieces(skeleton: Skeleton) -> list[Piece]:
    """Bulk of the thenar and hypothenar muscles, the interossei and the forearm's muscles."""
    length = {d: skeleton.bones[f"metacarpal-{d}"].shape.length_mm for d in range(1, 6)}
    muscles = {
        "metacarpal-1": Limb(length[1] * 0.8, (13.0, 9.0), (8.0, 5.5), (7.0, 7.0), (-9.0, -6.0), 6.0),
        "metacarpal-5": Limb(length[5] * 0.75, (8.5, 9.0), (5.0, 6.0), (7.0, 7.0), (-8.0, -7.0), 3.0),
        "radius": Limb(60.0, (10.0, 4.0), (22.0, 10.0), (3.0, 3.0), (-11.0, -11.0), -9.0),
    }
    pieces = [Piece(bone, limb, np.eye(4), 2.0) for bone, limb in muscles.items()]
    for digit, shift in ((2, 8.5), (3, 8.5), (4, 8.0)):
        limb = Limb(length[digit] * 0.62, (5.6, 7.5), (4.0, 5.5), (5.0, 8.0), (-1.5, -1.5), shift)
        place = np.eye(4)
        place[1, 3] = 0.12 * length[digit]
        pieces.append(Piece(f"metacarpal-{digit}", limb, place, 2.0))
    return pieces


def bellies(skeleton: Skeleton, poses: Mapping[str, np.ndarray]) -> list[Spindle]:
    """`BELLIES` in a posture, hand frame."""
    found = []
    for origin, start, insertion, end, radius in BELLIES:
        ends = [_place(skeleton, poses, bone, at) for bone, at in ((origin, start), (insertion, end))]
        found.append(Spindle(*ends, radius))
    return found


def _place(
    skeleton: Skeleton, poses: Mapping[str, np.ndarray], bone: str, at: tuple[float, float, float]
) -> np.ndarray:
    """A place on a bone in the hand frame, (3,); y counts in lengths of a long bone, in mm on a carpal."""
    length = getattr(skeleton.bones[bone].shape, "length_mm", 1.0)
    return (poses[bone] @ np.array([at[0], at[1] * length, at[2], 1.0]))[:3]
