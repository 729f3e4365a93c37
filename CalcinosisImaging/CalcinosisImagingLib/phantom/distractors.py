"""Dense things that are no deposits: sesamoids and nails always; a ring, a wire, a calcified artery, a sliver."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .deposit_shapes import Plate
from .frames import rigid
from .shapes import Array, Ellipsoid, Shape, Tube
from .skeleton import Skeleton


@dataclass(frozen=True)
class Ring:
    """A band about y.

    Attributes
    ----------
    radius_mm: of its middle; ``half_axes_mm`` of its section, across and along y.
    """

    radius_mm: float
    half_axes_mm: tuple[float, float] = (0.8, 1.8)

    @property
    def bounds(self) -> tuple[Array, Array]:
        """See `shapes.Shape`."""
        reach = self.radius_mm + self.half_axes_mm[0]
        return np.array([-reach, -self.half_axes_mm[1], -reach]), np.array([reach, self.half_axes_mm[1], reach])

    def distance(self, x: Array, y: Array, z: Array) -> Array:
        """See `shapes.Shape`."""
        out = np.sqrt(x * x + z * z) - self.radius_mm
        return Ellipsoid((self.half_axes_mm[0], self.half_axes_mm[1], 1.0)).distance(out, y, np.zeros_like(y))


@dataclass(frozen=True, eq=False)
class CalcifiedArtery:
    """The wall of a vessel, broken here and there: tram tracks."""

    cord: Tube
    wall_mm: float = 0.4

    @property
    def bounds(self) -> tuple[Array, Array]:
        """See `shapes.Shape`."""
        return self.cord.bounds

    def distance(self, x: Array, y: Array, z: Array) -> Array:
        """See `shapes.Shape`."""
        d = self.cord.distance(x, y, z)
        return np.maximum(np.maximum(d, -d - self.wall_mm), 0.7 * np.cos(1.1 * y) + 0.3 * np.cos(3.1 * y) - 0.35)


@dataclass(frozen=True, eq=False)
class Distractor:
    """A dense thing fixed to a bone.

    Attributes
    ----------
    name: sesamoid | nail | ring | wire | artery | sliver.
    to_bone: 4x4, own frame -> frame of ``bone``.
    tissue: what it is made of (a name of `tissues.HU_MEAN`), and ``over`` what it takes the place of: another such
        tissue, or the soft tissue about it ("soft").
    in_mr: whether it is in MR images too; rings are taken off.
    """

    name: str
    shape: Shape
    bone: str
    to_bone: np.ndarray
    tissue: str
    over: str = "soft"
    in_mr: bool = True


def fixtures(skeleton: Skeleton) -> tuple[Distractor, ...]:
    """What every hand has besides its 29 bones: two sesamoids under the thumb's joint, and five nails."""
    found = []
    head = skeleton.bones["metacarpal-1"].shape
    for side in (-1.0, 1.0):
        place = rigid(shift_mm=head.head_centre + np.array([side * 4.4, 0.0, -head.head_radius_mm - 3.4]))
        for tissue, over, shrink in (("cortex", "soft", 0.0), ("spongy", "cortex", 0.5)):
            shape = Ellipsoid((2.5 - shrink, 3.3 - shrink, 2.0 - shrink))
            found.append(Distractor("sesamoid", shape, "metacarpal-1", place, tissue, over))
    for digit in range(1, 6):
        bone = skeleton.bones[f"distal-{digit}"].shape
        width, depth = bone.sections[-2][1] + 1.2, bone.sections[-2][2]
        place = rigid((-6.0, 0.0, 0.0), (0.0, 0.8 * bone.length_mm, depth + 2.4))
        found.append(Distractor("nail", Plate(width, 6.0, 0.5, width * 1.4), f"distal-{digit}", place, "nail"))
    return tuple(found)


def draw_distractors(rng: np.random.Generator, skeleton: Skeleton, share: float) -> tuple[Distractor, ...]:
    """Each kind with probability ``share``."""
    found = []
    if rng.random() < share:
        length = skeleton.bones["proximal-4"].shape.length_mm
        place = rigid(shift_mm=(0.0, 0.5 * length, -1.5))
        found.append(Distractor("ring", Ring(10.8), "proximal-4", place, "metal", in_mr=False))
    if rng.random() < share:
        bone = f"middle-{rng.integers(2, 6)}"
        length = skeleton.bones[bone].shape.length_mm
        wire = Tube(np.array([[0.8, 2.0, -0.4], [-0.8, length - 2.0, 0.6]]), 0.45)
        found.append(Distractor("wire", wire, bone, np.eye(4), "metal", "cortex"))
    if rng.random() < share:
        bone = f"proximal-{rng.integers(2, 6)}"
        length, half = skeleton.bones[bone].shape.length_mm, skeleton.bones[bone].shape.sections[2][1]
        side = float(rng.choice([-1.0, 1.0])) * (half + 2.6)
        along = np.linspace(0.0, length, 9)
        points = np.column_stack([side + 0.5 * np.sin(along / 4.0), along, -3.0 + 0.4 * np.cos(along / 5.0)])
        found.append(Distractor("artery", CalcifiedArtery(Tube(points, 0.75)), bone, np.eye(4), "calcified"))
    if rng.random() < share:
        bone = f"distal-{rng.integers(1, 6)}"
        place = rigid(rng.uniform(-90, 90, 3), (rng.uniform(-3, 3), rng.uniform(0.4, 0.9) * 16.0, -5.0))
        found.append(Distractor("sliver", Ellipsoid((0.25, 0.9, 0.25)), bone, place, "metal", in_mr=False))
    return tuple(found)
