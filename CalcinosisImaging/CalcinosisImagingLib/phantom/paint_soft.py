"""Soft tissue of a posed hand on a lattice: skin, fat, muscles, joints, tendons and vessels, and their unevenness."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from .hand import PosedHand
from .joints import paint_joints
from .lattice import Box, Lattice, Share, over, sample
from .muscles import WEB, WEB_BLEND_MM, WEB_MM, bellies
from .shapes import FAR_MM, Tube, smooth_max, smooth_min
from .soft_tissue import SKIN_MM, cords

FIBRES, SEPTA = np.float32(0.12), np.float32(0.35)
"""How strong the unevenness of soft tissue and the septa of fat are, relative to the contrast of fat and muscle."""
SEPTA_WIDTH = np.float32(0.25)
"""A septum is where the noise (SD 1 at its knots, 2.5 mm apart) is nearer to zero than this: about half a mm thick."""


def skin_distance(posed: PosedHand, lattice: Lattice) -> np.ndarray:
    """Distance to the skin, float32 (K, J, I); a fixed large value far outside."""
    field = np.full(lattice.shape, FAR_MM, np.float32)
    for piece in posed.hand.skin:
        found = sample(lattice, piece.shape, posed.piece_to_world(piece), piece.blend_mm)
        if found is not None:
            box, d = found
            field[box] = smooth_min(field[box], d, piece.blend_mm)
    muscles = bellies(posed.hand.skeleton, posed.bones)
    for number in WEB:
        found = sample(lattice, muscles[number], posed.placement, WEB_MM + WEB_BLEND_MM)
        if found is not None:
            box, d = found
            field[box] = smooth_min(field[box], d - WEB_MM, WEB_BLEND_MM)
    for index, deposit in enumerate(posed.hand.deposits):
        found = sample(lattice, deposit.shape, posed.deposit_to_world(index), 4.0)
        if found is not None:
            box, d = found
            field[box] = smooth_min(field[box], d - 0.9, 2.0)
    return field


def paint_soft(posed: PosedHand, lattice: Lattice, values: Mapping[str, float], share: Share) -> np.ndarray:
    """Air, skin, fat, muscles, joints, tendons and vessels, float32 (K, J, I)."""
    skin = skin_distance(posed, lattice)
    image = np.full(lattice.shape, values["air"], np.float32)
    image += share(skin) * np.float32(values["skin"] - values["air"])
    image += share(skin + SKIN_MM) * np.float32(values["fat"] - values["skin"])
    muscles = [(piece.shape, posed.piece_to_world(piece)) for piece in posed.hand.muscles]
    muscles += [(belly, posed.placement) for belly in bellies(posed.hand.skeleton, posed.bones)]
    for shape, to_world in muscles:
        found = sample(lattice, shape, to_world, 1.0)
        if found is not None:
            box, d = found
            over(image, box, share(smooth_max(d, skin[box] + 3.0, 1.0)), values["muscle"])
    paint_joints(image, posed, lattice, values, share)
    for tissue, cord in cords(posed.hand.skeleton, posed.bones):
        for box, d in sample_cord(lattice, cord, posed.placement):
            over(image, box, share(np.maximum(d, skin[box] + SKIN_MM)), values[tissue])
    return image


def sample_cord(lattice: Lattice, cord: Tube, to_world: np.ndarray) -> Iterator[tuple[Box, np.ndarray]]:
    """Distance to a cord, span by span so that boxes stay small."""
    for start in range(0, len(cord.points_mm) - 1, 3):
        span = Tube(cord.points_mm[start : start + 4], cord.radius_mm)
        found = sample(lattice, span, to_world, 1.0)
        if found is not None:
            yield found


def mottle(image: np.ndarray, rng: np.random.Generator, values: Mapping[str, float], width: float) -> None:
    """Unevenness of soft tissue over some millimetres, in place: fibres everywhere, and septa between lobules of fat.

    The septa are where a smooth noise passes zero, so that they are thin sheets that hang together.
    """
    steps = max(2, round(2.5 / width))
    coarse = rng.standard_normal([-(-n // steps) + 1 for n in image.shape]).astype(np.float32)
    planes = [np.arange(n, dtype=np.float32) / steps for n in image.shape]
    contrast = np.float32(values["muscle"] - values["fat"])
    body = image != np.float32(values["air"])
    rows, columns = (np.minimum(p.astype(int), n - 2) for p, n in zip(planes[1:], coarse.shape[1:], strict=True))
    part_j, part_i = (p - f for p, f in zip(planes[1:], (rows, columns), strict=True))
    wide = coarse[:, rows] * (1 - part_j)[None, :, None] + coarse[:, rows + 1] * part_j[None, :, None]
    wide = wide[:, :, columns] * (1 - part_i) + wide[:, :, columns + 1] * part_i
    for index, plane in enumerate(image):
        low = min(int(planes[0][index]), coarse.shape[0] - 2)
        rest = planes[0][index] - low
        noise = wide[low] * (1 - rest) + wide[low + 1] * rest
        fat = np.abs(plane - np.float32(values["fat"])) < 0.1 * abs(contrast)
        plane += FIBRES * abs(contrast) * body[index] * noise
        plane += SEPTA * contrast * fat * np.maximum(1.0 - np.abs(noise) / SEPTA_WIDTH, 0.0)
