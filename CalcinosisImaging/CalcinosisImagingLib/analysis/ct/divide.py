"""Bodies of two bones cut with the help of the palm's template, where the image alone shows neither valley nor wall."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..anatomy import CARPALS
from ..volume import transform_points
from .grid import boxes
from .naming import Naming
from .partition import flood
from .shape import Body
from .template import CENTRES_MM, LENGTHS_MM, VOLUMES_MM3

NEAR_MM = 4.0
SEED_MM = 2.0
EXCESS = 1.45
JOINT_SHARE = 0.06
"""The joint between two bones of a ray lies within this share of their length of its expected place."""


def divide_merged(
    labels: np.ndarray, filled: np.ndarray, all_bodies: list[Body], naming: Naming, ijk_to_ras: np.ndarray
) -> np.ndarray:
    """Labels with each body that is two long bones in one cut near their joint's expected place, at the lowest pass.

    Parameters
    ----------
    filled: (K, J, I) int16, the image with shells filled (`shells.fill_shells`).
    """
    result = labels.copy()
    following = int(labels.max())
    places = boxes(labels)
    for pair in naming.merged:
        body = all_bodies[pair.body]
        box = places[body.label - 1]
        mask = labels[box] == body.label
        where = np.argwhere(mask)
        along = transform_points(ijk_to_ras, (where + [s.start for s in box])[:, ::-1]) @ body.axis
        if (all_bodies[pair.beside].centre @ body.axis > body.centre @ body.axis) == pair.beside_is_proximal:
            along = -along
        share = (along - along.min()) / np.ptp(along)
        joint = LENGTHS_MM[pair.proximal] / (LENGTHS_MM[pair.proximal] + LENGTHS_MM[pair.distal])
        seeds = np.zeros(mask.shape, np.int32)
        seeds[tuple(where[share < joint - JOINT_SHARE].T)] = 1
        seeds[tuple(where[share > joint + JOINT_SHARE].T)] = 2
        following += 1
        result[box][flood(-filled[box], seeds, mask) == 2] = following
    return result


def divide_by_template(
    labels: np.ndarray, hu: np.ndarray, all_bodies: list[Body], naming: Naming, ijk_to_ras: np.ndarray, step_mm: float
) -> np.ndarray | None:
    """Labels with bodies cut that hold the place of a missing carpal bone besides their own; None if there are none.

    The cut follows the ridge between two seeds at the bones' expected places: the wall of cortex between them.
    """
    if naming.wrist is None:
        return None
    to_ijk = np.linalg.inv(ijk_to_ras)
    owner = {name: all_bodies[i] for i, name in naming.names.items()}
    places = boxes(labels)
    result = None
    following = int(labels.max())
    for name in CARPALS:
        if name in owner:
            continue
        place = naming.wrist.expected[name]
        voxel = transform_points(to_ijk, place)[::-1]
        body = _body_at(labels, voxel, step_mm)
        own = next((n for n, b in owner.items() if b.label == body), None)
        if own is None or own not in CENTRES_MM or not _too_large(owner[own], own, name, naming.scale):
            continue
        other = naming.wrist.expected.get(own, naming.wrist.frame.to_ras(np.array(CENTRES_MM[own])))
        other_voxel = transform_points(to_ijk, other)[::-1]
        box = places[body - 1]
        origin = np.array([s.start for s in box])
        mask = labels[box] == body
        seeds = np.zeros(mask.shape, np.int32)
        for number, centre in ((1, other_voxel - origin), (2, voxel - origin)):
            seeds[_ball(mask, centre, SEED_MM / step_mm)] = number
        if len(np.unique(seeds)) < 3:
            continue
        smooth = ndimage.gaussian_filter(hu[box].astype(np.float32), 1.0).astype(np.int16)
        pieces = flood(smooth, seeds, mask)
        result = labels.copy() if result is None else result
        following += 1
        result[box][pieces == 2] = following
    return result


def _too_large(body: Body, own: str, missing: str, scale: float) -> bool:
    """Whether a body is too large for its own name by a good part of the missing bone."""
    expected = VOLUMES_MM3[own] * scale**3
    return body.volume_mm3 > min(EXCESS * expected, expected + 0.6 * VOLUMES_MM3[missing] * scale**3)


def _body_at(labels: np.ndarray, voxel: np.ndarray, step_mm: float) -> int:
    """The label that fills most of a ball around a position; 0 if none."""
    reach = int(np.ceil(NEAR_MM / step_mm))
    centre = np.round(voxel).astype(int)
    box = tuple(slice(max(int(c) - reach, 0), max(int(c) + reach + 1, 0)) for c in centre)
    counts = np.bincount(labels[box].ravel())
    if len(counts) < 2:
        return 0
    return int(counts[1:].argmax()) + 1


def _ball(mask: np.ndarray, centre: np.ndarray, radius: float) -> np.ndarray:
    """Voxels of the mask within a radius of the mask's voxel that is nearest to a position."""
    where = np.argwhere(mask)
    nearest = where[((where - centre) ** 2).sum(1).argmin()]
    near = where[((where - nearest) ** 2).sum(1) <= radius**2]
    ball = np.zeros(mask.shape, bool)
    ball[tuple(near.T)] = True
    return ball
