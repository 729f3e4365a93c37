"""Bones are shells: what a shell encloses is bone too, also where the shell is so thin that it seems to leak."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from .grid import WORK_MM, boxes, grow_box

FILL_GAIN_HU = 50
STEPS = (1, 2, 3)
"""Half of the width, in voxels, of the gaps that are closed to find what a leaking shell encloses."""
RIM_STEPS, RIM_PERCENT = 2, 75
HOLLOW_STEPS = 5
"""Half of the width, in voxels, of hollows that a stout bone does not have: its joints and grooves are wider."""
SHELL_MM3 = 100.0
OPEN_SHARE, OPEN_BODIES = 0.25, 0.3
"""A body is an open shell if this share of what it encloses is not in it; shells leak if so many bodies are open."""


def fill_shells(hu: np.ndarray) -> np.ndarray:
    """Lift what a shell encloses to the height of the shell's lowest gap; int16 (K, J, I) in and out.

    Joints are not lifted: a closing fills them first. A bone that the border of the image cuts is open there: on the
    faces of the array the holes are filled in 2-D.
    """
    hu = _closed_by_faces(hu)
    closing = sitk.GrayscaleMorphologicalClosing(sitk.GetImageFromArray(hu), [1] * 3, sitk.sitkCross)
    closed, lifted = (sitk.GetArrayFromImage(image) for image in (closing, sitk.GrayscaleFillhole(closing)))
    return np.where(lifted > closed + FILL_GAIN_HU, lifted, hu)


def are_open(labels: np.ndarray) -> bool:
    """Whether so many of the bodies (1..N) are shells whose inside was not found that the shells must leak."""
    coarse = labels[::2, ::2, ::2]
    open_bodies = []
    for label, box in enumerate(boxes(coarse), start=1):
        if box is not None:
            own = coarse[box] == label
            inside = _enclosed(own, (1, 2))
            whole = int(own.sum() + inside.sum())
            if whole * (2 * WORK_MM) ** 3 >= SHELL_MM3:
                open_bodies.append(inside.sum() > OPEN_SHARE * whole)
    return bool(open_bodies) and float(np.mean(open_bodies)) > OPEN_BODIES


def lift_inside(hu: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Lift what each body's shell encloses to the usual height of the shell around it; a copy."""
    result = hu.copy()
    for label, box in enumerate(boxes(labels), start=1):
        if box is None:
            continue
        inside, _ = ndimage.label(_enclosed(labels[box] == label, STEPS) & (labels[box] == 0))
        for number, place in enumerate(ndimage.find_objects(inside), start=1):
            wide = grow_box(place, RIM_STEPS, inside.shape)
            own = inside[wide] == number
            rim = ndimage.binary_dilation(own, iterations=RIM_STEPS) & ~own
            part = result[box][wide]
            level = np.int16(np.percentile(hu[box][wide][rim], RIM_PERCENT))
            part[own] = np.maximum(part[own], level)
    return result


def fill_bodies(labels: np.ndarray, wanted: list[int]) -> None:
    """Give what the wanted bodies enclose, and no other body has, to them, in place."""
    _give(labels, wanted, lambda own: _enclosed(own, STEPS))


def fill_hollows(labels: np.ndarray, wanted: list[int]) -> None:
    """Give hollows of the wanted bodies, open or not, that no other body has a part of, to them, in place."""
    _give(labels, wanted, _without_hollows)


def _give(labels: np.ndarray, wanted: list[int], filled: Callable[[np.ndarray], np.ndarray]) -> None:
    """Give what is ``filled`` of the wanted bodies (mask in its box -> mask), and no other body has, to them."""
    found = boxes(labels)
    for label in wanted:
        box = found[label - 1]
        if box is not None:
            part = labels[box]
            part[filled(part == label) & (part == 0)] = label


def _without_hollows(own: np.ndarray) -> np.ndarray:
    """A body closed by a ball of `HOLLOW_STEPS`."""
    away = ndimage.distance_transform_edt(~np.pad(own, HOLLOW_STEPS + 1))
    closed = ndimage.distance_transform_edt(away <= HOLLOW_STEPS) > HOLLOW_STEPS
    return closed[(slice(HOLLOW_STEPS + 1, -HOLLOW_STEPS - 1),) * 3]


def _enclosed(body: np.ndarray, steps: tuple[int, ...]) -> np.ndarray:
    """What a body (bool, its box) encloses once gaps of its shell up to twice so many voxels wide are closed.

    Cavities that are no wider than the gaps are not found, so several sizes are tried, and what each finds is joined.
    """
    reach = max(steps) + 1
    whole = np.pad(body, reach)
    away = ndimage.distance_transform_edt(~whole)
    inside = np.zeros_like(whole)
    for step in steps:
        hull = _filled(away <= step, reach)
        deep = hull & (away > step)
        if deep.any():
            near = ndimage.distance_transform_edt(~deep) <= step + 1
            inside |= near & (ndimage.distance_transform_edt(hull) > step)
    return inside[(slice(reach, -reach),) * 3] & ~body


def _filled(mask: np.ndarray, margin: int) -> np.ndarray:
    """Holes filled, also in 2-D on the faces that lie ``margin`` inside the array: there the border may cut a bone."""
    mask = mask.copy()
    for axis in range(3):
        for end in (margin, -margin - 1):
            face = [slice(None)] * 3
            face[axis] = end
            mask[tuple(face)] = ndimage.binary_fill_holes(mask[tuple(face)])
    filled = sitk.BinaryFillhole(sitk.GetImageFromArray(mask.view(np.uint8)), True, 1)
    return sitk.GetArrayFromImage(filled).astype(bool)


def _closed_by_faces(hu: np.ndarray) -> np.ndarray:
    """A copy whose holes on the faces of the array are filled in 2-D."""
    hu = hu.copy()
    for axis in range(3):
        for end in (0, -1):
            face = [slice(None)] * 3
            face[axis] = end
            plane = sitk.GetImageFromArray(np.ascontiguousarray(hu[tuple(face)]))
            hu[tuple(face)] = sitk.GetArrayFromImage(sitk.GrayscaleFillhole(plane))
    return hu
