"""From a posed hand to numbers on a lattice: each tissue over the one outside it, by its share of each voxel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from ..analysis.anatomy import BONE_LABELS
from .distractors import Distractor
from .hand import PosedHand
from .lattice import Box, Grid, Lattice, box_of, distance_in, fraction, over, sample, voxels_of
from .paint_soft import mottle, paint_soft
from .shapes import LongBone, ShortBone


@dataclass(frozen=True, eq=False)
class DepositVoxels:
    """A deposit on a grid.

    Attributes
    ----------
    box: the part of the grid that holds it; the arrays cover it.
    share: how much of each voxel it fills.
    centre: whether the voxel's centre is inside.
    dense: how much of it, there, is its dense part (`deposits.Content`).
    """

    index: int
    box: Box
    share: np.ndarray
    centre: np.ndarray
    dense: np.ndarray | float


@dataclass(frozen=True, eq=False)
class Painted:
    """An ideal image (no blur, no noise) and the truth on its grid.

    Attributes
    ----------
    values: float32 (K, J, I).
    bones, deposits: uint16 label arrays of the same shape: the label of what holds the voxel's centre.
    """

    values: np.ndarray
    bones: np.ndarray
    deposits: np.ndarray


def paint(
    posed: PosedHand,
    grid: Grid,
    values: Mapping[str, float],
    contents: Sequence[tuple[float, float]],
    distractors: Sequence[Distractor] = (),
    texture: np.random.Generator | None = None,
) -> Painted:
    """The whole hand on a grid of nearly cubic voxels.

    Parameters
    ----------
    values: brightness of each tissue (HU, or MR signal).
    contents: brightness of the dense and of the light part of each deposit.
    distractors: those that are in the image.
    texture: stream for the unevenness of soft tissue; none without it.
    """
    width = float(grid.spacing_mm.mean())
    image = paint_soft(posed, grid, values, partial(fraction, width_mm=width))
    if texture is not None:
        mottle(image, texture, values, width)
    bones = np.zeros(grid.shape, np.uint16)
    for name, bone in posed.hand.skeleton.bones.items():
        to_world = posed.bone_to_world(name)
        box = box_of(grid, bone.shape, to_world, width)
        if box is None:
            continue
        local = grid.local(np.linalg.inv(to_world), box)
        d = bone.shape.distance(*local)
        paint_bone(image, box, d, local, bone.shape, values, width)
        bones[box][d < 0] = BONE_LABELS[name]
    for distractor in distractors:
        found = sample(grid, distractor.shape, posed.distractor_to_world(distractor), width)
        if found is not None:
            over(image, found[0], fraction(found[1], width), values[distractor.tissue])
    deposits = np.zeros(grid.shape, np.uint16)
    for voxels in deposit_voxels(posed, grid):
        dense, light = contents[voxels.index]
        over(image, voxels.box, voxels.share, light + (dense - light) * voxels.dense)
        deposits[voxels.box][voxels.centre] = voxels.index + 1
        bones[voxels.box][voxels.centre] = 0
    return Painted(image, bones, deposits)


def paint_bone(
    image: np.ndarray,
    box: Box,
    d: np.ndarray,
    local: tuple[np.ndarray, np.ndarray, np.ndarray],
    shape: LongBone | ShortBone,
    values: Mapping[str, float],
    width: float,
) -> None:
    """Cortex, then spongy bone with its trabeculae at the ends and fatty marrow in the shaft."""
    over(image, box, fraction(d, width), values["cortex"])
    inner = d + shape.cortex(local[1])
    over(image, box, fraction(inner, width), marrow_values(inner < width, local, shape, values))


def marrow_values(
    where: np.ndarray,
    local: tuple[np.ndarray, np.ndarray, np.ndarray],
    shape: LongBone | ShortBone,
    values: Mapping[str, float],
) -> np.ndarray:
    """What fills a bone: spongy bone at the ends, fatty marrow in the shaft; worked out only ``where`` it is needed."""
    x, y, z = (c[where] for c in local)
    spongy = values["spongy"] + 0.35 * (values["spongy"] - values["marrow"]) * trabeculae(x, y, z)
    result = np.zeros(where.shape, np.float32)
    result[where] = spongy + (values["marrow"] - spongy) * shape.shaft(y)
    return result


def trabeculae(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """A labyrinth of struts about 1.2 mm apart, mean 0, fixed to the bone, so that it is the same at every visit.

    A gyroid (Schoen, NASA TN D-5541, 1970), bent so that no direction shows its period.
    """
    u = 2.7 * x + np.sin(0.61 * y + 0.37 * z) + 0.7 * np.sin(1.13 * z)
    v = 2.4 * y + np.sin(0.53 * z + 0.43 * x) + 0.7 * np.sin(1.27 * x)
    w = 2.9 * z + np.sin(0.67 * x + 0.31 * y) + 0.7 * np.sin(1.07 * y)
    return 0.75 * (np.sin(u) * np.cos(v) + np.sin(v) * np.cos(w) + np.sin(w) * np.cos(u))


def deposit_voxels(posed: PosedHand, grid: Grid) -> Iterator[DepositVoxels]:
    """Each deposit that lies in the grid, by sampling its shape several times per voxel."""
    for index, deposit in enumerate(posed.hand.deposits):
        to_world = posed.deposit_to_world(index)
        box = box_of(grid, deposit.shape, to_world, float(grid.spacing_mm.max()))
        if box is None:
            continue
        share, inside = voxels_of(grid, deposit.shape, to_world, box, deposit.thickness_mm)
        yield DepositVoxels(index, box, share, inside, dense_share(posed, grid, index, box, to_world))


def dense_share(posed: PosedHand, lattice: Lattice, index: int, box: Box, to_world: np.ndarray) -> np.ndarray | float:
    """How much of a deposit, at each point, is its dense part: its core, or what has settled under a level."""
    deposit = posed.hand.deposits[index]
    if deposit.core is not None:
        return fraction(distance_in(lattice, deposit.core, to_world, box), 0.4)
    if deposit.content.level and posed.down is not None:
        x, y, z = lattice.local(np.eye(4), box)
        centre = to_world[:3, :3] @ np.array(deposit.centroid) + to_world[:3, 3]
        depth = sum(float(g) * (c - float(m)) for g, c, m in zip(posed.down, (x, y, z), centre, strict=True))
        return np.clip(0.5 + depth, 0.0, 1.0)
    return 0.5 if deposit.content.level else 1.0
