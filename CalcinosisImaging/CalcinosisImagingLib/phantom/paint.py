"""From a posed hand to numbers on a lattice: each tissue over the one outside it, by its share of each voxel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..analysis.anatomy import BONE_LABELS
from .hand import PosedHand
from .lattice import Box, Grid, Lattice, fraction, sample
from .shapes import FAR_MM, smooth_max, smooth_min
from .soft_tissue import SKIN_MM, tendons

SUPERSAMPLE = 3
"""Deposits are sampled this often along each axis of a voxel."""


@dataclass(frozen=True, eq=False)
class DepositVoxels:
    """A deposit on a grid: the share of each voxel of ``box`` it fills, and whether the voxel's centre is inside."""

    index: int
    box: Box
    share: np.ndarray
    centre: np.ndarray


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


def skin_distance(posed: PosedHand, lattice: Lattice) -> np.ndarray:
    """Distance to the skin, float32 (K, J, I); a fixed large value far outside."""
    field = np.full(lattice.shape, FAR_MM, np.float32)
    for piece in posed.hand.skin:
        found = sample(lattice, piece.shape, posed.piece_to_world(piece), piece.blend_mm)
        if found is not None:
            box, d = found
            field[box] = smooth_min(field[box], d, piece.blend_mm)
    for index, deposit in enumerate(posed.hand.deposits):
        found = sample(lattice, deposit.shape, posed.deposit_to_world(index), 4.0)
        if found is not None:
            box, d = found
            field[box] = smooth_min(field[box], d - 0.9, 2.0)
    return field


def paint_soft(posed: PosedHand, lattice: Lattice, values: Mapping[str, float], width_mm: float) -> np.ndarray:
    """Air, skin, fat, muscle and tendon, float32 (K, J, I)."""
    skin = skin_distance(posed, lattice)
    image = np.full(lattice.shape, values["air"], np.float32)
    image += fraction(skin, width_mm) * np.float32(values["skin"] - values["air"])
    image += fraction(skin + SKIN_MM, width_mm) * np.float32(values["fat"] - values["skin"])
    for piece in posed.hand.muscles:
        found = sample(lattice, piece.shape, posed.piece_to_world(piece), 1.0)
        if found is not None:
            box, d = found
            _over(image, box, fraction(smooth_max(d, skin[box] + 3.0, 1.0), width_mm), values["muscle"])
    for cord in tendons(posed.hand.skeleton, posed.bones):
        found = sample_cord(lattice, cord, posed.placement)
        for box, d in found:
            _over(image, box, fraction(np.maximum(d, skin[box] + SKIN_MM), width_mm), values["tendon"])
    return image


def sample_cord(lattice: Lattice, cord, to_world: np.ndarray):
    """Distance to a cord, span by span so that boxes stay small."""
    for start in range(0, len(cord.points_mm) - 1, 3):
        span = type(cord)(cord.points_mm[start : start + 4], cord.radius_mm)
        found = sample(lattice, span, to_world, 1.0)
        if found is not None:
            yield found


def paint(posed: PosedHand, grid: Grid, values: Mapping[str, float], deposit_values: list[float]) -> Painted:
    """The whole hand on a grid of nearly cubic voxels.

    Parameters
    ----------
    values: brightness of each tissue (HU, or MR signal).
    deposit_values: brightness of each deposit.
    """
    width = float(grid.spacing_mm.mean())
    image = paint_soft(posed, grid, values, width)
    bones = np.zeros(grid.shape, np.uint16)
    for name, bone in posed.hand.skeleton.bones.items():
        found = sample(grid, bone.shape, posed.bone_to_world(name), width)
        if found is None:
            continue
        box, d = found
        local_y = grid.local(np.linalg.inv(posed.bone_to_world(name)), box)[1]
        paint_bone(image, box, d, local_y, bone.shape, values, width)
        bones[box][d < 0] = BONE_LABELS[name]
    deposits = np.zeros(grid.shape, np.uint16)
    for voxels in deposit_voxels(posed, grid):
        _over(image, voxels.box, voxels.share, deposit_values[voxels.index])
        deposits[voxels.box][voxels.centre] = voxels.index + 1
        bones[voxels.box][voxels.centre] = 0
    return Painted(image, bones, deposits)


def paint_bone(
    image: np.ndarray, box: Box, d: np.ndarray, y: np.ndarray, shape, values: Mapping[str, float], width: float
) -> None:
    """Cortex, then spongy bone at the ends and fatty marrow in the shaft."""
    _over(image, box, fraction(d, width), values["cortex"])
    shaft = shape.shaft(y)
    inside = values["spongy"] + (values["marrow"] - values["spongy"]) * shaft
    _over(image, box, fraction(d + shape.cortex(y), width), inside)


def deposit_voxels(posed: PosedHand, grid: Grid):
    """Each deposit that lies in the grid, by sampling its shape several times per voxel."""
    for index, deposit in enumerate(posed.hand.deposits):
        to_world = posed.deposit_to_world(index)
        low, high = deposit.shape.bounds
        corners = np.array(np.meshgrid(*zip(low, high, strict=True))).reshape(3, -1).T
        box = grid.box(corners @ to_world[:3, :3].T + to_world[:3, 3], float(grid.spacing_mm.max()))
        if box is None:
            continue
        fine = grid.finer(box, SUPERSAMPLE)
        whole = tuple(slice(0, n) for n in fine.shape)
        d = deposit.shape.distance(*fine.local(np.linalg.inv(to_world), whole))
        share = fraction(d, float(fine.spacing_mm.mean()))
        k, j, i = (n // SUPERSAMPLE for n in fine.shape)
        share = share.reshape(k, SUPERSAMPLE, j, SUPERSAMPLE, i, SUPERSAMPLE).mean(axis=(1, 3, 5))
        middle = slice(SUPERSAMPLE // 2, None, SUPERSAMPLE)
        yield DepositVoxels(index, box, share, d[middle, middle, middle] < 0)


def _over(image: np.ndarray, box: Box, share: np.ndarray, value: np.ndarray | float) -> None:
    """Put a tissue over what is there."""
    part = image[box]
    part += share * (np.asarray(value, np.float32) - part)
