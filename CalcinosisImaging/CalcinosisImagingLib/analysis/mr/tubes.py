"""What goes on: tendons, vessels, cortex and fascia keep their thickness along their course, a deposit does not.

A reader follows a dark spot up and down: a tendon is met again on both sides with the same cross-section; a lump on it
is not. The same is asked of every voxel here, in all directions.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

STEP_MM = 0.8
"""Distance of the points at which a course is looked at."""
LEAST_WAY_MM = 5.0
"""A course is followed so far to either side at least, and as far as it is thick."""
ONE_WAY = 2.5
"""Where it ends at one side (a tendon at its bone, the edge of the image) it is followed so many times as far."""
SAME = 0.65
"""It still is the same where it is no thinner than this part."""
WANDER_MM = 0.5
DIRECTIONS = 200


def local_thickness(mask: np.ndarray, spacing_kji: np.ndarray) -> np.ndarray:
    """Diameter (mm, float32) of the largest ball within the mask that holds the voxel; 0 outside the mask.

    T. Hildebrand and P. Rüegsegger, J Microsc 185:67 (1997); the balls are those about the ridge of the distance.
    """
    radius = ndimage.distance_transform_edt(np.pad(mask, 1), sampling=spacing_kji)[1:-1, 1:-1, 1:-1]
    ridge = mask & (radius >= ndimage.maximum_filter(radius, 3) - 1e-6)
    where, centres = np.argwhere(mask) * spacing_kji, np.argwhere(ridge) * spacing_kji
    reach = radius[ridge]
    order = np.argsort(-reach, kind="stable")
    tree = cKDTree(where)
    found = np.zeros(len(where), np.float32)
    # The largest balls first: what one of them holds is settled.
    for ball, inside in zip(order, tree.query_ball_point(centres[order], reach[order] - 1e-3), strict=True):
        inside = np.asarray(inside, int)
        inside = inside[found[inside] == 0]
        found[inside] = 2.0 * reach[ball]
    own = radius[mask]
    found = np.where(found == 0, 2.0 * own, found)
    thickness = np.zeros(mask.shape, np.float32)
    # The distance counts to the centre of the first voxel outside, half a voxel too far at either side.
    thickness[mask] = np.maximum(found - spacing_kji.min(), 0.5 * spacing_kji.min())
    return thickness


def goes_on(thickness: np.ndarray, spacing_kji: np.ndarray) -> np.ndarray:
    """Voxels of a mask (`local_thickness` > 0) whose body goes on with the same thickness, to both sides or far to one.

    Followed straight, as far as the thickness and `LEAST_WAY_MM` at least: tendons bend by less than their width there.
    """
    where = np.argwhere(thickness > 0)
    if not len(where):
        return np.zeros(thickness.shape, bool)
    # A course may wander by as much as this from the straight line.
    size = 2 * np.round(WANDER_MM / spacing_kji).astype(int) + 1
    padded = np.pad(ndimage.maximum_filter(thickness, tuple(size)), 1)
    own = thickness[tuple(where.T)]
    way = np.maximum(LEAST_WAY_MM, own)
    steps = np.ceil(way / STEP_MM).astype(int)
    found = np.zeros(len(where), bool)
    for direction in directions(DIRECTIONS):
        step = direction * STEP_MM / spacing_kji
        left = np.flatnonzero(~found)
        # Most end soon: only those that have something left where their course would have to lead are followed.
        left = left[_may_go_on(padded, where[left], step, SAME * own[left], steps[left])]
        here, least, far = where[left], SAME * own[left], steps[left]
        most = _one_way(far)
        ahead = _followed(padded, here, step, least, most)
        back = _followed(padded, here, -step, least, most)
        found[left] = ((ahead >= far) & (back >= far)) | (np.maximum(ahead, back) >= ONE_WAY * far)
    result = np.zeros(thickness.shape, bool)
    result[tuple(where.T)] = found
    return result


def _one_way(steps: np.ndarray) -> np.ndarray:
    """So many steps to one side are enough."""
    return np.ceil(ONE_WAY * steps).astype(int)


def _may_go_on(
    padded: np.ndarray, where: np.ndarray, step: np.ndarray, least: np.ndarray, far: np.ndarray
) -> np.ndarray:
    """Whether the last points alone of a course to both sides, or of a long one to one side, are thick enough."""

    def thick(number: np.ndarray) -> np.ndarray:
        return _values(padded, where + number[:, None] * step) >= least

    long = _one_way(far)
    return (thick(far) & thick(-far)) | thick(long) | thick(-long)


def _values(padded: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Values at the voxels nearest to ``at`` (N, 3), 0 beyond the array, which is padded by one voxel."""
    at = np.clip(np.rint(at).astype(int) + 1, 0, np.array(padded.shape) - 1)
    return padded[at[:, 0], at[:, 1], at[:, 2]]


def _followed(
    padded: np.ndarray, where: np.ndarray, step: np.ndarray, least: np.ndarray, most: np.ndarray
) -> np.ndarray:
    """Number of steps (at most ``most``) from each voxel until the thickness falls below ``least``."""
    count = np.zeros(len(where), int)
    going = np.arange(len(where))
    number = 0
    while len(going):
        number += 1
        going = going[_values(padded, where[going] + number * step) >= least[going]]
        count[going] = number
        going = going[number < most[going]]
    return count


def directions(count: int) -> np.ndarray:
    """Unit vectors (count, 3) spread evenly over a half sphere (a Fibonacci lattice)."""
    index = np.arange(count) + 0.5
    height = 1.0 - index / count
    angle = np.pi * (1.0 + 5.0**0.5) * index
    flat = np.sqrt(1.0 - height**2)
    return np.stack([flat * np.cos(angle), flat * np.sin(angle), height], axis=1)
