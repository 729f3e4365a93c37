"""Bodies that go on where a bone ends: the last bone of a finger, whole or resorbed to a stub.

A joint's gap is 1 to 2 mm wide, and the two bones that meet there are about as wide as each other and lie on one axis,
bent at most. Sesamoids and deposits lie beside the axis. So what lies there is bone, solid or not, long or short.
"""

from __future__ import annotations

import numpy as np

from .shape import Body

STUB_MM3 = 40.0
LONG = 1.5
"""From this slenderness on a body's axis says which way it points; a stub may be wider than long."""
LONG_MM = 12.0
GAP_MM = 3.5
"""From a bone's end to the next one's: the joint's gap, and the hollow and the bend of the two ends."""
OPPOSED = -0.35
"""Cosine between the outward directions of two ends that meet: a finger's last joint bends by 70 degrees."""
ASIDE = 0.3
"""A stub's centre lies so near the axis, in widths of the bone before it."""
WIDE = (0.55, 1.35)
"""Width of a stub, in widths of the bone before it."""


def goes_on(bone: Body, end: int, body: Body) -> bool:
    """Whether a body begins where a long bone ends (``end`` 0 or 1), on its axis and about as wide."""
    if body.volume_mm3 < STUB_MM3 or not WIDE[0] < body.width_mm / bone.width_mm < WIDE[1]:
        return False
    outward = bone.axis * (1 if end else -1)
    offset = body.centre - bone.ends[end]
    along = float(offset @ outward)
    if along <= 0.0:
        return False
    if body.slenderness >= LONG:
        near = int(np.linalg.norm(body.ends - bone.ends[end], axis=1).argmin())
        meets = np.linalg.norm(body.ends[near] - bone.ends[end]) < GAP_MM
        return bool(meets and outward @ body.axis * (1 if near else -1) < OPPOSED)
    aside = float(np.linalg.norm(offset - along * outward))
    return aside < ASIDE * bone.width_mm and along < GAP_MM + 0.5 * body.length_mm


def found_tips(all_bodies: list[Body], bones: set[int], named: set[int]) -> set[int]:
    """Indices of bodies that are no bones yet and go on where a long one of ``bones`` (indices) ends freely.

    From bones that are ``named`` nothing goes on: what follows them in their ray is known (`orphans`).
    """
    found = set()
    for i in sorted(bones - named):
        bone = all_bodies[i]
        if bone.slenderness < LONG or bone.length_mm < LONG_MM or bone.at_border:
            continue
        for end in (0, 1):
            if any(goes_on(bone, end, all_bodies[j]) for j in bones if j != i):
                continue
            found |= {j for j, body in enumerate(all_bodies) if j not in bones and goes_on(bone, end, body)}
    return found
