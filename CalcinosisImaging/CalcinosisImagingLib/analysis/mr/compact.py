"""Compact bodies where no bones are known: what other tissue closes around (`stars`), dark chalk or bright paste."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from .candidates import Surroundings, large_parts, look_closely, measure
from .settings import MrSettings
from .stars import RAYS, Stars, find_stars
from .verdict import Body, flat_indices

WEIGHTS = {
    "escaping": -2.66,
    "opposite": -6.84,
    "grey": -15.11,
    "grey_for_size": -2.15,
    "shut": 4.92,
    "rough": -6.53,
    "crowd": -16.20,
    "to_air": -2.95,
    "rough_inner": -8.90,
    "rough_core": -3.71,
    "escaping_core": -5.83,
}
BIAS = 4.76
"""How much each measure of `stars.Stars` speaks for chalk: logistic regression of implants in a real wrist (seeds 1 to
10, 21 to 26, 31 to 36) against the dark spots of the same wrist without implants, three of which are taken at 0.5.
`Testing/Bench/fit_mr.py` makes them."""
MOST = {"grey_for_size": 1.6, "shut": 1.0, "crowd": 0.6}
"""More than this says no more."""
MOST_TUBE = 0.5
MOST_OPEN, MOST_ROUGH = 0.02, 0.2
NOT_EMPTY = "closed and dark, but not without signal: a sesamoid or fat"


def chalk_probability(stars: Stars) -> np.ndarray:
    """How likely each is chalk rather than fat, a tendon, a vessel or a bone: (N,), 0..1."""
    score = np.full(len(stars.middle), BIAS)
    for name, weight in WEIGHTS.items():
        score += weight * np.minimum(getattr(stars, name), MOST.get(name, np.inf))
    return 1.0 / (1.0 + np.exp(-score))


def is_empty(stars: Stars, settings: MrSettings, noise: float) -> np.ndarray:
    """Whether each has no signal of its own, (N,) bool: marrow and suppressed fat have some, lime has none.

    ``noise``: SD of the level in a void.
    """
    return stars.left <= settings.most_left + 0.5 * noise


def is_closed(stars: Stars) -> np.ndarray:
    """Whether each is as closed and round as a sesamoid or a lobule of fat, (N,) bool: its outline can be trusted."""
    return (stars.escaping <= MOST_OPEN) & (stars.rough <= MOST_ROUGH)


def may_be_chalk(stars: Stars, settings: MrSettings) -> np.ndarray:
    """Whether each is neither too small to tell nor as thick as a bone nor too grey for its size: (N,) bool."""
    thickness = 2.0 * stars.radius_mm
    bone = (stars.volume_mm3 >= settings.bone_volume_mm3) & (thickness >= settings.bone_thickness_mm)
    # The point spread lets signal into small voids only: muscle in bright fat is as round, but has its own signal.
    thin, most = settings.most_faint_mm, (settings.core_level, settings.void_level)
    return (
        (stars.volume_mm3 >= settings.least_alone_mm3)
        & ~bone
        & (stars.grey <= np.interp(thickness, (thin, 2.0 * thin), most))
    )


def paste_probability(stars: Stars) -> np.ndarray:
    """How surely each bright body is closed and round, (N,), 0..1: vessels and skin go on."""
    closed = np.clip(1.0 - 4.0 * stars.escaping - 4.0 * stars.opposite, 0.0, 1.0)
    return closed * np.clip(1.25 - 2.3 * stars.rough, 0.0, 1.0) * np.clip(stars.shut + 0.1, 0.0, 1.0)


def find_compact_paste(around: Surroundings, settings: MrSettings, free: np.ndarray) -> list[Body]:
    """Compact bright bodies that are sure enough, surest first; taken out of ``free``, in place."""
    stars = find_stars(around, free, True)
    sure = paste_probability(stars)
    # Vessels and fluid are seldom closed on all sides: what is may be less bright.
    good = (stars.grey >= settings.paste_level) | is_closed(stars)
    good &= stars.volume_mm3 >= settings.least_paste_mm3
    good &= sure >= settings.least_confidence
    return _taken(stars, np.where(good, sure, 0.0), around, settings, free, True, np.zeros(free.shape, bool))


def find_compact_chalk(
    around: Surroundings, settings: MrSettings, free: np.ndarray, tube: np.ndarray, noise: float
) -> list[Body]:
    """Compact voids that are sure enough, surest first, and closed bodies that are no voids, with the reason.

    All are taken out of ``free``, in place. ``tube``: what goes on (`tubes.goes_on`); a body that is mostly that is the
    end of a tendon. ``noise``: SD of the level in a void.
    """
    stars = find_stars(around, free)
    dark, empty = may_be_chalk(stars, settings), is_empty(stars, settings, noise)
    sure = chalk_probability(stars)
    good = dark & empty & (sure >= settings.least_confidence)
    chalk = _taken(stars, np.where(good, sure, 0.0), around, settings, free, False, tube)
    closed = (dark & ~empty & is_closed(stars)).astype(float)
    grey = _taken(stars, closed, around, settings, free, False, tube)
    return chalk + [replace(body, reason=NOT_EMPTY, confidence=0.0) for body in grey]


def _taken(
    stars: Stars, sure: np.ndarray, around: Surroundings, settings: MrSettings, free: np.ndarray, bright: bool,
    tube: np.ndarray,
) -> list[Body]:  # fmt: skip
    """The bodies of the stars with ``sure`` above 0, surest first and apart; out of ``free``, in place."""
    labels, numbers = np.zeros(free.shape, np.int32), []
    for index in np.argsort(-sure, kind="stable")[: np.count_nonzero(sure)]:
        where = _outlined(stars, index, around, free, bright)
        if len(where) < settings.least_voxels or labels.ravel()[where].any():
            continue
        if tube.ravel()[where].mean() > MOST_TUBE:
            continue
        numbers.append(index)
        labels.ravel()[where] = len(numbers)
    return _bodies(labels, [float(sure[i]) for i in numbers], around, free, bright)


def _bodies(labels: np.ndarray, sure: list[float], around: Surroundings, free: np.ndarray, bright: bool) -> list[Body]:
    """Bodies of the labels 1.. with their probabilities; those cut by the border of the image are left to others."""
    boxes, found = ndimage.find_objects(labels), []
    for measures in measure(labels, around, bright):
        if measures.cut:
            continue
        box = boxes[measures.label - 1]
        where = flat_indices(labels[box] == measures.label, box, labels.shape)
        free.ravel()[where] = False
        measures = look_closely(measures, labels, box, around)
        found.append(Body(where, measures, "", min(sure[measures.label - 1], 0.99), bright))
    return found


def _outlined(stars: Stars, index: int, around: Surroundings, free: np.ndarray, bright: bool) -> np.ndarray:
    """Flat indices of the voxels within the rays of one star that are on its side of half contrast."""
    spacing, middle, radii = around.spacing_kji, stars.middle[index], stars.radii_mm[index]
    reach = np.ceil(radii.max() / spacing).astype(int) + 1
    low = np.maximum(np.rint(middle).astype(int) - reach, 0)
    high = np.minimum(np.rint(middle).astype(int) + reach + 1, free.shape)
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    offsets = np.stack(np.meshgrid(*(np.arange(s.start, s.stop) for s in box), indexing="ij"), -1) - middle
    away = np.linalg.norm(offsets * spacing, axis=-1)
    # The length of the ray nearest to the voxel's direction; escaping rays are as long as most others.
    length = np.minimum(radii, 1.5 * np.median(radii))
    _, ray = cKDTree(RAYS).query((offsets * spacing / np.maximum(away, 1e-6)[..., None]).reshape(-1, 3))
    level, half = around.level[box], stars.half[index]
    own = level > half if bright else level < half
    mask = (away <= length[ray].reshape(away.shape)) & own & free[box]
    parts = large_parts(mask, 1)
    centre = np.unravel_index(np.argmin(away), away.shape)
    return flat_indices((parts == parts[centre]) & mask, box, free.shape)
