"""What lies between bones: cartilage, a film of fluid, and the ligaments and capsule around the joint.

A point belongs to the joint of two bones by the sum of its distances to both: between their ends that sum is the joint
space, and around them it grows as fast as one goes away.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np

from ..analysis.anatomy import CARPALS, DISTALS, FOREARM, METACARPALS, MIDDLES, PROXIMALS, parent_of
from .hand import PosedHand
from .lattice import Box, Lattice, Share, box_of, distance_in, over, overlap

LIGAMENT_MM = 4.6
"""Ligaments and capsule reach to where the sum of both distances is so large: 1.5 mm beside a joint of 1.6 mm."""
REACH_MM = 4.0
"""Each bone's part of the lattice is widened by so much to look for its neighbours."""
CARTILAGE_MM = 2.9
"""Cartilage: a little more than the widest joint space."""
FLUID_MM = 0.3
"""Thickness of the film of synovial fluid between the two layers of cartilage."""
PAIRS = (
    *combinations((*FOREARM, *CARPALS), 2),
    *((carpal, metacarpal) for carpal in CARPALS for metacarpal in METACARPALS),
    *pairwise(METACARPALS[1:]),
    *((parent_of(name), name) for name in (*PROXIMALS, *MIDDLES, *DISTALS)),
)
"""Bones that may have a joint; whether they have shows in their distance."""


@dataclass(frozen=True, eq=False)
class JointSpace:
    """Where two bones come close on a lattice.

    Attributes
    ----------
    together: sum of the distances to both bones, mm.
    aside: half their difference: how far from the middle between them, mm.
    """

    box: Box
    together: np.ndarray
    aside: np.ndarray


def paint_joints(
    image: np.ndarray, posed: PosedHand, lattice: Lattice, values: Mapping[str, float], share: Share
) -> None:
    """Put ligaments, cartilage and fluid over what is there, in place; ``share``: of each point from its distance."""
    spaces = list(joint_spaces(posed, lattice))
    for space in spaces:
        over(image, space.box, share((space.together - LIGAMENT_MM) / 2.0), values["ligament"])
    for space in spaces:
        over(image, space.box, share((space.together - CARTILAGE_MM) / 2.0), values["cartilage"])
    for space in spaces:
        film = share(space.aside - FLUID_MM / 2.0) - share(space.aside + FLUID_MM / 2.0)
        film *= share((space.together - CARTILAGE_MM) / 2.0)
        over(image, space.box, film, values["synovia"])


def joint_spaces(posed: PosedHand, lattice: Lattice) -> Iterator[JointSpace]:
    """Each pair of bones that come close in this posture."""
    bones = posed.hand.skeleton.bones
    boxes = {n: box_of(lattice, b.shape, posed.bone_to_world(n), REACH_MM) for n, b in bones.items()}
    for pair in PAIRS:
        first, second = (boxes[name] for name in pair)
        common = None if first is None or second is None else overlap(first, second)
        if common is None:
            continue
        one, other = (distance_in(lattice, bones[n].shape, posed.bone_to_world(n), common) for n in pair)
        together = one + other
        if together.min() < LIGAMENT_MM:
            yield JointSpace(common, together, (one - other) / 2.0)
