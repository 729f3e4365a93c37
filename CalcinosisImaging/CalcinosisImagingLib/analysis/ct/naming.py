"""Which body is which bone, and which hand it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..anatomy import FOREARM
from .carpus import SIDE_MARGIN, WristFit, fit_wrist, flexion_evidence, palm_frames
from .rays import Merged, name_rays
from .shape import Body
from .template import LENGTHS_MM, VOLUMES_MM3

LARGE_MM3 = 1800.0
"""Larger bodies without a name are looked at for walls between bones."""
MIN_BONES = 4
"""With fewer bones in rays nothing can be named with confidence."""


@dataclass(frozen=True, eq=False)
class Naming:
    """Result of `name_bodies`.

    Attributes
    ----------
    names: index of the body -> name of the bone.
    side: "left", "right" or "unknown".
    side_log_odds: evidence for right over left.
    scale: size of the hand relative to the template.
    wrist: the fit of carpus and forearm, None if there was no palm to start from.
    merged: bodies that are two bones of a ray in one; they have no name.
    """

    names: dict[int, str]
    side: str
    side_log_odds: float
    scale: float
    wrist: WristFit | None
    merged: tuple[Merged, ...] = ()


def oversized(all_bodies: list[Body], naming: Naming) -> set[int]:
    """Labels of bodies that may be several bones: too long or too large for their name, or large without a name."""
    chosen = set()
    for i, body in enumerate(all_bodies):
        name = naming.names.get(i)
        if name is None or name in FOREARM:
            if body.volume_mm3 > LARGE_MM3 * naming.scale**3:
                chosen.add(body.label)
            continue
        volume = body.volume_mm3 / (VOLUMES_MM3[name] * naming.scale**3)
        length = body.length_mm / (LENGTHS_MM[name] * naming.scale) if name in LENGTHS_MM else 1.0
        if volume > 2.0 or length > 1.28:
            chosen.add(body.label)
    return chosen


def name_bodies(all_bodies: list[Body]) -> Naming:
    """Name the bodies of one hand.

    Rays come first (`rays.name_rays`), then both mirror images of the palm are tried for carpus and forearm; the side
    follows from how well each fits, from the way the fingers bend and from the thumb's place.
    """
    names, scale, merged = name_rays(all_bodies)
    if len(names) < MIN_BONES:
        return Naming({}, "unknown", 0.0, scale, None, merged)
    frames = palm_frames(all_bodies, names, scale)
    if not frames:
        return Naming(names, "unknown", 0.0, scale, None, merged)
    fits = {side: fit_wrist(all_bodies, {*names, *(m.body for m in merged)}, frame) for side, frame in frames.items()}
    evidence = {
        side: flexion_evidence(all_bodies, names, frames[side].axes[1]) - 0.5 * 0.25 * fits[side].cost for side in fits
    }
    odds = evidence["right"] - evidence["left"]
    best = "right" if odds >= 0 else "left"
    side = best if abs(odds) >= SIDE_MARGIN else "unknown"
    fit = fits[best]
    return Naming(names | fit.names, side, float(np.round(odds, 6)), scale, fit, merged)
