"""Growing a deposit from a click, and setting the boundary of one anew: halfway between it and its surroundings.

A uniform body blurred by a symmetric point spread has its edge where the image is halfway between plateau and
background; each deposit has its own plateau and its own background, so there is no global threshold here.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..errors import CalcinosisError
from .box import bounding_box, box_around, grow, touches_border
from .contrast import Contrast
from .island import NEIGHBOURS, inside, island_at, nearest_true

SEED_RADIUS_MM = 0.8
NOISE_FACTOR = 3.0
"""A body must stand out from its background by so many standard deviations of the noise."""
REACH_MM = 15.0
"""Half-width of the crop within which a deposit is grown."""
BONE_RIM_MM, BONE_RIM_VOXELS = 0.6, 1.0
"""Width of the blurred rim of a bone, at least."""
MISS_MM = 1.5
"""A click on that rim counts for what lies so near outside."""
LEVELS = 10
"""Halvings when the level of a body on something dense is looked for: a thousandth of its height."""
RING_MM = (1.0, 3.0)
"""Where the background of a body is looked for: so far outside its edge."""


def grow_from(
    voxels: np.ndarray,
    seed_kji: tuple[int, int, int],
    spacing_kji_mm: np.ndarray,
    contrast: Contrast,
    forbidden: np.ndarray | None = None,
    bones: np.ndarray | None = None,
) -> np.ndarray:
    """The body at the seed: connected voxels above the halfway level, kept out of ``forbidden`` and of ``bones``.

    On a film (K = 1) what the body lies over counts as its surroundings.

    voxels: crop (K, J, I) about the click, as wide as growing may reach. Bones end at their own half level, so their
    blurred rim is as bright as paste: growing does not run along it, only what lies beside the body is given to it.

    Raises
    ------
    CalcinosisError: the click is on nothing that stands out, or the body runs out of the crop.
    """
    image = np.asarray(voxels, np.float32)
    if not inside(image.shape, seed_kji):
        raise CalcinosisError("The click is outside of the image.")
    free = np.ones(image.shape, bool) if forbidden is None else ~forbidden
    rim = np.zeros(image.shape, bool)
    if bones is not None and bones.any():
        free &= ~bones
        rim_mm = max(BONE_RIM_MM, BONE_RIM_VOXELS * float(spacing_kji_mm.max()))
        rim = ndimage.distance_transform_edt(~bones, sampling=spacing_kji_mm) <= rim_mm
        seed_kji = nearest_true(free & ~rim, seed_kji, spacing_kji_mm, MISS_MM) or seed_kji
    sign = contrast.sign or (1 if image[seed_kji] >= contrast.tissue else -1)
    field = (image - contrast.tissue) * sign
    plateau = _plateau(field, seed_kji, spacing_kji_mm, free)
    needed = NOISE_FACTOR * contrast.noise
    if plateau <= needed or not free[seed_kji]:
        raise CalcinosisError("There is nothing at the click that stands out from the tissue around it.")
    inner = free & ~rim
    body = _body_above(field, max(plateau / 2, needed), seed_kji, inner)
    background = _background(field, body, spacing_kji_mm, inner)
    level = max((plateau + background) / 2, needed)
    body = _body_above(field, level, seed_kji, inner)
    if len(field) == 1 and touches_border(body):
        level = _level_on_dense(field, level, plateau, needed, seed_kji, spacing_kji_mm, inner)
        body = _body_above(field, level, seed_kji, inner)
    if rim.any():
        beside = ndimage.distance_transform_edt(~body, sampling=spacing_kji_mm) <= rim_mm
        body |= beside & rim & free & (field >= level)
    if touches_border(body):
        raise CalcinosisError(
            "The body at the click runs on without an edge: cut it from its neighbour, or assign the bone, first."
        )
    return _filled(body) & free


def refine(
    voxels: np.ndarray,
    mask: np.ndarray,
    spacing_kji_mm: np.ndarray,
    contrast: Contrast,
    reach_mm: float,
    forbidden: np.ndarray | None = None,
) -> np.ndarray:
    """Move the boundary of ``mask`` by at most ``reach_mm`` to the halfway level; the place stays the reader's.

    Raises
    ------
    CalcinosisError: the segment does not stand out, so there is no edge to move to.
    """
    image = np.asarray(voxels, np.float32)
    free = np.ones(image.shape, bool) if forbidden is None else ~forbidden
    inner = image[mask]
    sign = contrast.sign or (1 if np.median(inner) >= contrast.tissue else -1)
    field = (image - contrast.tissue) * sign
    plateau = float(np.percentile(field[mask], 90))
    background = _background(field, mask, spacing_kji_mm, free)
    if plateau - background <= NOISE_FACTOR * contrast.noise:
        raise CalcinosisError("This deposit does not stand out from the tissue around it: there is no edge to refine.")
    outside = ndimage.distance_transform_edt(~mask, sampling=spacing_kji_mm)
    depth = ndimage.distance_transform_edt(mask, sampling=spacing_kji_mm)
    allowed = (outside <= reach_mm) & free
    kept = (depth > reach_mm) & mask
    above = field >= (plateau + background) / 2
    body = (above & allowed) | kept
    labels, _ = ndimage.label(body, NEIGHBOURS)
    touching = np.unique(labels[mask & body])
    return np.isin(labels, touching[touching > 0])


def _level_on_dense(
    field: np.ndarray,
    level: float,
    plateau: float,
    needed: float,
    seed_kji: tuple[int, int, int],
    spacing_kji_mm: np.ndarray,
    free: np.ndarray,
) -> float:
    """Level of a body on a film (K = 1) over something denser than tissue: the shadows of bone and deposit add up.

    The lowest level at which the body ends within the crop shows what lies around it; halfway to that is its edge.
    Returns ``level`` where the body does not stand out from what it lies on.
    """
    low, high = level, plateau
    for _ in range(LEVELS):
        middle = (low + high) / 2
        low, high = (middle, high) if touches_border(_body_above(field, middle, seed_kji, free)) else (low, middle)
    around = _background(field, _body_above(field, high, seed_kji, free), spacing_kji_mm, free)
    if plateau - around <= needed:
        return level
    return max((plateau + around) / 2, high)


def _plateau(field: np.ndarray, seed_kji: tuple[int, int, int], spacing_kji_mm: np.ndarray, free: np.ndarray) -> float:
    """Level of the body at the seed: a high percentile nearby, so that a click beside the middle does as well."""
    reach = max(SEED_RADIUS_MM, 1.01 * float(spacing_kji_mm.min()))
    box = box_around(np.array(seed_kji), reach, spacing_kji_mm, field.shape)
    places = np.stack(np.meshgrid(*[np.arange(s.start, s.stop) for s in box], indexing="ij"), axis=-1)
    near = np.linalg.norm((places - np.array(seed_kji)) * spacing_kji_mm, axis=-1) <= reach
    near &= free[box]
    return float(np.percentile(field[box][near], 85)) if near.any() else 0.0


def _background(field: np.ndarray, body: np.ndarray, spacing_kji_mm: np.ndarray, free: np.ndarray) -> float:
    """Median level in a ring about the body; 0 (the crop's tissue) where the ring is empty."""
    found = bounding_box(body)
    if found is None:
        return 0.0
    box = grow(found, int(np.ceil(RING_MM[1] / spacing_kji_mm.min())), body.shape)
    distance = ndimage.distance_transform_edt(~body[box], sampling=spacing_kji_mm)
    ring = (distance > RING_MM[0]) & (distance <= RING_MM[1]) & free[box]
    return float(np.median(field[box][ring])) if ring.sum() >= 10 else 0.0


def _body_above(field: np.ndarray, level: float, seed_kji: tuple[int, int, int], free: np.ndarray) -> np.ndarray:
    above = (field >= level) & free
    above[seed_kji] = True
    return island_at(above, seed_kji)


def _filled(body: np.ndarray) -> np.ndarray:
    """Without enclosed holes: a deposit is solid. Slice by slice for a film of one slice."""
    if body.shape[0] == 1:
        return ndimage.binary_fill_holes(body[0])[None]
    return ndimage.binary_fill_holes(body)
