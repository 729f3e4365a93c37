"""Directions of a hand, from its named bones: distal, radial and volar, also for a bent finger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..anatomy import CARPALS, METACARPALS, PROXIMALS, digit_of

THUMB_TURN = np.pi / 4
"""The thumb's pad faces between volar and ulnar: a clinician's 45 degrees."""


@dataclass(frozen=True, eq=False)
class BoneShape:
    """Centre and long axis of one bone (RAS mm; the axis is a unit vector without a sense)."""

    centre: np.ndarray
    axis: np.ndarray
    half_length_mm: float


@dataclass(frozen=True, eq=False)
class HandFrame:
    """Unit vectors in RAS, perpendicular to one another; ``certainty`` 0..1 of volar against dorsal."""

    distal: np.ndarray
    radial: np.ndarray
    volar: np.ndarray
    certainty: float

    @property
    def side(self) -> str:
        """'right' where volar = radial x distal, else 'left'."""
        return "right" if np.cross(self.radial, self.distal) @ self.volar > 0 else "left"

    def at_bone(self, bone: str, shape: BoneShape) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Axis (pointing distally), radial and volar direction of one bone.

        Fingers bend about the radial direction, so that it is kept and volar turns with the bone.
        """
        axis = shape.axis if digit_of(bone) is not None or bone in ("radius", "ulna") else self.distal
        axis = axis * (1.0 if axis @ self.distal >= 0 else -1.0)
        radial, handed = self.radial, 1.0 if self.side == "right" else -1.0
        if digit_of(bone) == 1:
            radial = np.cos(THUMB_TURN) * self.radial + np.sin(THUMB_TURN) * self.volar
        radial = _unit(radial - (radial @ axis) * axis)
        return axis, radial, handed * np.cross(radial, axis)


def _unit(vector: np.ndarray) -> np.ndarray:
    """Vector of length one (zero stays zero)."""
    return vector / max(float(np.linalg.norm(vector)), 1e-12)


def hand_frame(bones: Mapping[str, BoneShape]) -> HandFrame | None:
    """The frame of a hand, None where too few bones are there to tell (two rays and a bone proximal of them).

    Distal: from the carpals to the metacarpals, or along the metacarpals towards the phalanges. Radial: from the
    little finger's side to the index finger's. Which of the two remaining directions is volar follows from what lies
    volar in every hand: pisiform before triquetrum, trapezium and thumb before the other metacarpals, hamate's hook and
    bent fingers. Each votes with a weight, so the hand need not be known to be left or right.
    """
    distal = _distal(bones)
    radial = _radial(bones)
    if distal is None or radial is None:
        return None
    radial = _unit(radial - (radial @ distal) * distal)
    normal = np.cross(radial, distal)
    vote = _volar_vote(bones, normal)
    weight = sum(abs(v) for v in vote)
    if weight == 0:
        return None
    total = sum(vote)
    return HandFrame(distal, radial, normal * (1.0 if total >= 0 else -1.0), float(abs(total) / weight))


def _mean(bones: Mapping[str, BoneShape], names: tuple[str, ...]) -> np.ndarray | None:
    """Mean centre of those bones that are there."""
    present = [bones[name].centre for name in names if name in bones]
    return np.mean(present, axis=0) if present else None


def _distal(bones: Mapping[str, BoneShape]) -> np.ndarray | None:
    """Direction from wrist to fingers."""
    levels = [_mean(bones, names) for names in (("radius",), CARPALS, METACARPALS[1:], PROXIMALS[1:])]
    levels += [_mean(bones, tuple(f"{part}-{d}" for d in range(2, 6))) for part in ("middle", "distal")]
    present = [level for level in levels if level is not None]
    if len(present) < 2:
        return None
    # Beyond the proximal phalanges fingers may be bent: the most proximal pair of levels tells best.
    start, end = present[0], present[min(len(present) - 1, 2)]
    return _unit(end - start)


def _radial(bones: Mapping[str, BoneShape]) -> np.ndarray | None:
    """Direction from the little finger's ray to the index finger's."""
    pairs = []
    for part in ("metacarpal", "proximal", "middle", "distal"):
        digits = [d for d in range(2, 6) if f"{part}-{d}" in bones]
        if len(digits) >= 2:
            pairs.append(_unit(bones[f"{part}-{digits[0]}"].centre - bones[f"{part}-{digits[-1]}"].centre))
            break
    if not pairs and {"trapezoid", "hamate"} <= set(bones):
        pairs.append(_unit(bones["trapezoid"].centre - bones["hamate"].centre))
    if not pairs and {"radius", "ulna"} <= set(bones):
        pairs.append(_unit(bones["radius"].centre - bones["ulna"].centre))
    return pairs[0] if pairs else None


def _volar_vote(bones: Mapping[str, BoneShape], normal: np.ndarray) -> list[float]:
    """Signed evidence that ``normal`` points to the palm; mm, cut at what anatomy allows, times a weight."""
    votes = []

    def lies_before(name: str, behind: tuple[str, ...], weight: float) -> None:
        base = _mean(bones, behind)
        if name in bones and base is not None:
            votes.append(weight * float(np.clip((bones[name].centre - base) @ normal, -10, 10)))

    lies_before("pisiform", ("triquetrum",), 3.0)
    lies_before("trapezium", ("trapezoid", "capitate"), 1.0)
    lies_before("metacarpal-1", ("metacarpal-2", "metacarpal-3"), 1.0)
    lies_before("proximal-1", ("metacarpal-2", "metacarpal-3"), 0.5)
    for digit in range(2, 6):
        chain = tuple(f"{part}-{digit}" for part in ("metacarpal", "proximal", "middle", "distal"))
        present = [bones[name].centre for name in chain if name in bones]
        if len(present) >= 3:
            # A bent finger's chain of bones bulges dorsally.
            middle = np.mean(present[1:-1], axis=0)
            votes.append(0.5 * float(np.clip((np.mean([present[0], present[-1]], axis=0) - middle) @ normal, -10, 10)))
    return votes
