"""Which body is which bone, and which hand it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..anatomy import CARPALS, FOREARM
from .carpus import SIDE_MARGIN, UNNAMED_COST, WristFit, fit_wrist, flexion_evidence, palm_frames
from .orphans import name_orphans
from .rays import Merged, name_rays
from .shape import Body
from .template import CENTRES_MM, FOREARM_END_MM, LENGTHS_MM, VOLUMES_MM3
from .wrist_search import FoundWrist, find_wrist

LARGE_MM3 = 1800.0
"""Larger bodies without a name are looked at for walls between bones."""
DOUBTFUL_CARPAL_COST = 3.5
"""Mean squared deviation of the carpals from which they speak against the rays."""
LEAST_WHOLE = 7
"""With fewer whole bones in rays, and no carpus, any digit could be another."""


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
    """Name the bodies of one hand, or of what the image holds of it.

    Rays come first, and the carpus where they lead to. Where they do not lead to one, the carpus is looked for by
    itself and the rays go on from it. Without a carpus the names need many whole bones.
    """
    by_rays = _by_rays(all_bodies)
    if _has_carpus(by_rays):
        return by_rays
    wrist = find_wrist(all_bodies)
    if wrist is not None and wrist.is_sure:
        return _by_wrist(all_bodies, wrist)
    whole = sum(not all_bodies[i].at_border for i in by_rays.names)
    contradicted = by_rays.wrist is not None and _mean_cost(by_rays.wrist) > DOUBTFUL_CARPAL_COST
    if whole < LEAST_WHOLE or contradicted:
        return Naming({}, "unknown", 0.0, by_rays.scale, None)
    return by_rays


def _by_rays(all_bodies: list[Body]) -> Naming:
    """Rays (`rays.name_rays`), then both mirror images of the palm tried for carpus and forearm.

    The side follows from how well each fits, from the way the fingers bend and from the thumb's place.
    """
    names, scale, merged = name_rays(all_bodies)
    names |= name_orphans(all_bodies, names, scale, frozenset(m.body for m in merged))
    frames = palm_frames(all_bodies, names, scale)
    if not frames:
        return Naming(names, "unknown", 0.0, scale, None, merged)
    fits = {side: fit_wrist(all_bodies, {*names, *(m.body for m in merged)}, frame) for side, frame in frames.items()}
    evidence = {
        side: flexion_evidence(all_bodies, names, frames[side].axes[1]) - 0.5 * 0.25 * fits[side].cost for side in fits
    }
    odds = evidence["right"] - evidence["left"]
    fit = fits["right" if odds >= 0 else "left"]
    return Naming(names | fit.names, _side(odds), float(np.round(odds, 6)), scale, fit, merged)


def _by_wrist(all_bodies: list[Body], wrist: FoundWrist) -> Naming:
    """The rays that go on from a wrist that was found by itself."""
    rays, scale, merged = name_rays(all_bodies, wrist.names)
    names = rays | wrist.names
    volar = wrist.frame.axes[1] * np.sign(wrist.side_log_odds)
    odds = wrist.side_log_odds + 2.0 * flexion_evidence(all_bodies, names, volar)
    places = {name: wrist.frame.to_ras(np.array(place)) for name, place in (CENTRES_MM | FOREARM_END_MM).items()}
    fit = WristFit(wrist.names, wrist.cost, wrist.frame, places)
    return Naming(names, _side(odds), float(np.round(odds, 6)), scale, fit, merged)


def _side(odds: float) -> str:
    """Side by the log odds for right over left."""
    if abs(odds) < SIDE_MARGIN:
        return "unknown"
    return "right" if odds > 0 else "left"


def _has_carpus(naming: Naming) -> bool:
    """Whether most of the carpals were found where the rays lead to."""
    if naming.wrist is None:
        return False
    found = sum(name in CARPALS for name in naming.wrist.names.values())
    return found > len(CARPALS) / 2 and _mean_cost(naming.wrist) <= DOUBTFUL_CARPAL_COST


def _mean_cost(fit: WristFit) -> float:
    """Squared deviations per carpal that has a name; 0 without any."""
    found = sum(name in CARPALS for name in fit.names.values())
    return (fit.cost - UNNAMED_COST * (len(CARPALS) - found)) / found if found else 0.0
