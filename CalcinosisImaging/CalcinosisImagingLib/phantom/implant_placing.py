"""Shapes drawn and put into free places of a scan."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

import numpy as np
from scipy import ndimage

from ..analysis.progress import Progress, report
from ..analysis.volume import Volume, transform_points
from .deposit_kinds import Drawn, draw_shape
from .frames import rigid
from .implant_places import Room
from .implanted import FWHM_VOXELS, SIGMA_PER_FWHM
from .lattice import Box, Grid, box_of, voxels_of

SHAPES = 12
"""So many shapes are tried for one deposit."""
PLACES = 60
"""So many places are tried for one shape."""
LOOKS = 6
"""At so many free places of these it is asked whether the shape suits there,"""
SHAPES_LOOKED_AT = 5
"""and with so many shapes."""


@dataclass(frozen=True, eq=False)
class Placed:
    """A shape in an image.

    Attributes
    ----------
    number: the how-manieth deposit it was when it was drawn, from 0.
    to_ras: 4x4, the shape's own frame -> RAS.
    box: the part of the image that it touches; the arrays below stand for it.
    share: float32, part of each voxel that it fills, blurred as the image is.
    inside: bool, voxels whose centre lies in it.
    """

    number: int
    drawn: Drawn
    to_ras: np.ndarray
    box: Box
    share: np.ndarray
    inside: np.ndarray


def place_all(
    rng: np.random.Generator,
    volume: Volume,
    room: Room,
    count: int,
    kinds: Mapping[str, float],
    suits: Callable[[Placed], bool],
    progress: Progress,
) -> list[Placed]:
    """Shapes in free places, apart from each other by more than 3 mm or three voxels; fewer where room is scarce.

    ``suits`` tells whether a deposit tests anything where it lies. Where none of the shapes suits at any of the places
    that were tried, the first free place is taken nevertheless.
    """
    placed: list[Placed] = []
    clear = room.clear_mm.copy()
    apart = max(3.0, 3.0 * float(volume.spacing_mm.max()))
    for number in range(count):
        report(progress, 0.1 + 0.8 * number / count, f"deposit {number + 1} of {count}")
        found = _place_one(rng, volume, clear, number, kinds, suits)
        if found is not None:
            placed.append(found)
            _keep_clear(clear, volume, found, apart)
    return placed


def _place_one(
    rng: np.random.Generator,
    volume: Volume,
    clear: np.ndarray,
    number: int,
    kinds: Mapping[str, float],
    suits: Callable[[Placed], bool],
) -> Placed | None:
    """A shape in a free place that suits, else in a free place; None if no place is free."""
    voxel = float(volume.spacing_mm.max())
    names, shares = list(kinds), np.array(list(kinds.values()))
    spare, crowded, looked = None, 0, 0
    for _ in range(SHAPES):
        widest = float(clear.max())
        if widest <= voxel:
            break
        kind = str(rng.choice(names, p=shares / shares.sum()))
        limit = 4.0 / 3.0 * np.pi * (0.75 * widest) ** 3 * 0.85**crowded
        size = _volume_mm3(rng, (2.2 * voxel) ** 3, limit)
        tried = None
        for tried in islice(_free_places(rng, volume, clear, number, draw_shape(rng, kind, size)), LOOKS):
            if suits(tried):
                return tried
            spare = spare or tried
        # Where it was too large to find room, the next is smaller.
        crowded += tried is None
        looked += tried is not None
        if looked == SHAPES_LOOKED_AT:
            break
    return spare


def _volume_mm3(rng: np.random.Generator, least: float, most: float) -> float:
    """A volume by chance; what voxels cannot show is drawn again, so that small ones do not pile up at the limit."""
    if least >= most:
        return most
    while (size := float(rng.lognormal(np.log(30.0), 1.2))) < least:
        pass
    return min(size, most)


def _free_places(
    rng: np.random.Generator, volume: Volume, clear: np.ndarray, number: int, drawn: Drawn
) -> Iterator[Placed]:
    """The shape in free places and turns, as they are met at random."""
    least = 0.35 * drawn.solid.volume_mm3 ** (1 / 3)
    candidates = np.flatnonzero(clear >= min(least, 0.7 * float(clear.max())))
    for _ in range(PLACES):
        index = int(candidates[rng.integers(len(candidates))])
        kji = np.unravel_index(index, clear.shape)
        to_ras = rigid(rng.uniform(-180.0, 180.0, 3))
        centre = np.array(volume.to_ras(np.array(kji[::-1], float) + rng.uniform(-0.5, 0.5, 3)))
        to_ras[:3, 3] = centre - to_ras[:3, :3] @ np.array(drawn.solid.centroid)
        ijk = np.rint(volume.to_ijk(transform_points(to_ras, drawn.solid.surface))).astype(int)
        if (ijk < 1).any() or (ijk >= np.array(volume.size) - 1).any():
            continue
        if (clear[ijk[:, 2], ijk[:, 1], ijk[:, 0]] > 0).all():
            yield _voxels(volume, number, drawn, to_ras)


def _voxels(volume: Volume, number: int, drawn: Drawn, to_ras: np.ndarray) -> Placed:
    """Share of each voxel that the shape fills, blurred as the image is."""
    grid = Grid(volume.size, volume.ijk_to_ras)
    box = box_of(grid, drawn.shape, to_ras, 3.0 * float(volume.spacing_mm.max()))
    assert box is not None
    share, inside = voxels_of(grid, drawn.shape, to_ras, box, drawn.thickness_mm)
    blurred = ndimage.gaussian_filter(share, FWHM_VOXELS * SIGMA_PER_FWHM, truncate=3.0, mode="constant")
    return Placed(number, drawn, to_ras, box, blurred, inside)


def _keep_clear(clear: np.ndarray, volume: Volume, item: Placed, apart_mm: float) -> None:
    """Take a placed deposit and its surroundings out of the free room, in place."""
    box = with_margin(item.box, apart_mm, volume.spacing_mm[::-1])
    taken = np.zeros(clear[box].shape, bool)
    taken[within(item.box, box)] = item.share > 0.02
    near = ndimage.distance_transform_edt(~taken, sampling=volume.spacing_mm[::-1]) < apart_mm
    clear[box][near] = 0.0


def with_margin(box: Box, margin_mm: float, spacing_kji: np.ndarray) -> Box:
    """The box and so much around it; slices may end beyond the image, as numpy allows."""
    margin = np.ceil(margin_mm / spacing_kji).astype(int)
    return tuple(slice(max(s.start - m, 0), s.stop + m) for s, m in zip(box, margin, strict=True))


def within(box: Box, wide: Box) -> Box:
    """Slices of ``box`` in an array that stands for ``wide``."""
    return tuple(slice(s.start - w.start, s.stop - w.start) for s, w in zip(box, wide, strict=True))
