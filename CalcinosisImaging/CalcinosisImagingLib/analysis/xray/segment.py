"""Calcific deposits in a radiograph, with or without knowledge of the bones.

Compact extra density is found at several sizes (`compact`), kept where its contrast exceeds the noise and the
structure around it, given a boundary at half its height over the local background (`boundary`), and judged: a deposit
has an edge all around, a bone's edge or two bones crossing do not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..progress import Progress, report, silent
from ..segmentation import CONFIDENCE_TAG, REASON_TAG, Segment, Segmentation
from .boundary import Spot, measure
from .compact import compact_excess, grown, shrunk
from .film import Film, exposed_field, line_integrals

SMOOTHING = 0.1
"""Noise is smoothed by this part of the size looked for (standard deviation) before lines are laid."""
OUTLINE_SMOOTHING = 0.05
"""Likewise before the outline is drawn."""
HAND_LEVEL = 0.4
"""The hand is where the log image exceeds this part of the way from air to the hand's median."""


@dataclass(frozen=True)
class FilmSettings:
    """How deposits are found.

    Attributes
    ----------
    sensitivity: 0..1; 0.5 is balanced, higher takes fainter candidates.
    sizes_mm: lengths of the lines; a deposit is found if it is shorter than one of them. In the plane of the hand.
    least_contrast_to_noise: contrast over noise times the square root of the number of pixels.
    least_structure_ratio: contrast over the usual compact excess around it (anatomy makes some everywhere).
    least_area_mm2: in the plane of the hand.
    join_mm: fragments closer than this are one deposit.
    """

    sensitivity: float = 0.5
    sizes_mm: tuple[float, ...] = (2.5, 5.0, 10.0, 20.0)
    least_contrast_to_noise: float = 8.0
    least_structure_ratio: float = 1.5
    least_area_mm2: float = 0.2
    join_mm: float = 2.0


@dataclass(frozen=True, eq=False)
class FilmSegmentation:
    """Deposits and rejected candidates on the film's grid (K = 1)."""

    deposits: Segmentation
    rejected: Segmentation


def segment_film(
    film: Film,
    settings: FilmSettings | None = None,
    bone_shadow: np.ndarray | None = None,
    progress: Progress = silent,
    bone_integrals: np.ndarray | None = None,
) -> FilmSegmentation:
    """Find deposits in a film.

    Parameters
    ----------
    bone_shadow: where bones are on the film (rows, columns), from a CT located in it; None if not known.
    bone_integrals: what these bones add to the log image (`projection.expected.bone_integrals`), up to a gain; it is
        taken out, so that deposits over bone are found as well as beside it. None if not known.
    """
    settings = settings or FilmSettings()
    report(progress, 0.0, "preparing the film")
    image = line_integrals(film)
    pixel_mm = float(np.mean(film.view.pixel_spacing_mm)) / (film.view.magnification or 1.0)
    hand = hand_mask(image, exposed_field(film), pixel_mm)
    if not hand.any():
        return FilmSegmentation(_labelled(film, []), _labelled(film, [], rejected=True))
    image = ndimage.gaussian_filter(image, 0.1 / pixel_mm)
    noise = noise_level(image, hand, pixel_mm)
    behind = image
    if bone_integrals is not None:
        image = without_bones(image, bone_integrals, hand, pixel_mm)
    dense = float(np.percentile(image[hand], 99.5))
    spots: list[Spot] = []
    for index, size_mm in enumerate(settings.sizes_mm):
        report(progress, 0.1 + 0.6 * index / len(settings.sizes_mm), f"looking for deposits up to {size_mm:g} mm")
        smooth = ndimage.gaussian_filter(image, SMOOTHING * size_mm / pixel_mm)
        outlined = ndimage.gaussian_filter(image, OUTLINE_SMOOTHING * size_mm / pixel_mm)
        excess = compact_excess(smooth, size_mm / pixel_mm)
        for seed in _seeds(excess, hand, noise_level(smooth, hand, pixel_mm), size_mm / pixel_mm, pixel_mm, settings):
            spots.append(measure(outlined, hand, seed, size_mm, pixel_mm, noise, bone_shadow, dense, behind))
    report(progress, 0.8, "judging candidates")
    kept, rejected = _judged([s for s in spots if s.mask.any()], settings, bone_integrals is not None)
    return FilmSegmentation(
        _labelled(film, _joined(kept, image.shape, settings.join_mm / pixel_mm)),
        _labelled(film, rejected, rejected=True),
    )


def hand_mask(image: np.ndarray, field: np.ndarray, pixel_mm: float) -> np.ndarray:
    """Where there is hand rather than air: large bodies above a part of the soft tissue's density."""
    smooth = ndimage.gaussian_filter(image, 0.6 / pixel_mm)
    inner = field if field.all() else ndimage.distance_transform_edt(field) > SHADE * max(field.shape)
    if not inner.any():
        inner = field
    exposed = smooth[inner]
    high = np.percentile(exposed, 99)
    tissue = exposed[exposed > 0.15 * high]
    if tissue.size == 0 or high <= 0:
        return np.zeros(image.shape, bool)
    level = HAND_LEVEL * np.median(tissue)
    if not inner.all():
        # The collimator's half shade is no hand: what is near the edge counts where it goes on inwards.
        nearest = ndimage.distance_transform_edt(~inner, return_distances=False, return_indices=True)
        smooth = np.where(inner | (smooth[tuple(nearest)] > level), smooth, 0)
    mask = (smooth > level) & field
    mask = ndimage.binary_opening(mask, iterations=max(1, round(1.0 / pixel_mm)))
    labels, count = ndimage.label(mask)
    if count == 0:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    # Markers and letters beside the hand are small beside it.
    return ndimage.binary_fill_holes(sizes[labels] > 0.1 * sizes.max())


SHADE = 0.06
"""A collimator's half shade (or an image intensifier's dark rim) reaches this part of the film's longer side."""


def noise_level(image: np.ndarray, hand: np.ndarray, pixel_mm: float) -> float:
    """Standard deviation of the noise in the hand (robust): what is left after smoothing over 0.5 mm."""
    fine = image - ndimage.gaussian_filter(image, 0.5 / pixel_mm)
    values = fine[hand]
    return float(1.4826 * np.median(np.abs(values - np.median(values)))) + 1e-9


GAIN_BLUR_MM = (0.5, 4.0)
"""Film and bones are compared in structures between these sizes to find the film's gain."""


def without_bones(image: np.ndarray, bones: np.ndarray, hand: np.ndarray, pixel_mm: float) -> np.ndarray:
    """The log image less the bones' share; gain by least absolute deviations over the bones, robust to deposits."""

    def band(values: np.ndarray) -> np.ndarray:
        fine, coarse = (ndimage.gaussian_filter(values, s / pixel_mm, truncate=3) for s in GAIN_BLUR_MM)
        return fine - coarse

    film, shadow = band(image), band(bones)
    where = hand & (ndimage.maximum_filter(bones, size=max(3, round(2 / pixel_mm))) > 0.05 * bones.max())
    if not where.any() or not shadow[where].any():
        return image
    a, b = shadow[where].astype(float), film[where].astype(float)
    weight = np.ones(len(a))
    for _ in range(8):
        gain = (weight * a) @ b / ((weight * a) @ a)
        weight = 1 / np.maximum(np.abs(b - gain * a), 1e-3 * np.abs(b).max())
    return (image - np.float32(max(gain, 0)) * bones).astype(np.float32)


def _seeds(
    excess: np.ndarray, hand: np.ndarray, noise: float, size_px: float, pixel_mm: float, settings: FilmSettings
) -> list[tuple[int, int, np.ndarray, tuple[slice, slice]]]:
    """Bodies of compact excess: peak (row, column), mask in a box, and the box."""
    usual = _usual_excess(excess, hand, size_px)
    demand = 2.0 ** (1 - 2 * settings.sensitivity)
    ratio = settings.least_structure_ratio * demand
    high = (excess > np.maximum(3 * noise, ratio * usual)) & hand
    low = (excess > np.maximum(1.5 * noise, 0.4 * ratio * usual)) & hand
    labels, count = ndimage.label(low, structure=np.ones((3, 3)))
    if count == 0:
        return []
    strong = np.unique(labels[high])
    counts = np.bincount(labels.ravel(), minlength=count + 1)
    total = np.bincount(labels.ravel(), excess.ravel(), minlength=count + 1)
    strong = strong[(strong > 0) & (counts[strong] * pixel_mm**2 >= 0.5 * settings.least_area_mm2)]
    strong = strong[np.argsort(-total[strong], kind="stable")[:MOST_SEEDS]]
    boxes = ndimage.find_objects(labels)
    seeds = []
    for label in strong:
        box = boxes[label - 1]
        mask = labels[box] == label
        values = np.where(mask, excess[box], -np.inf)
        row, column = np.unravel_index(int(np.argmax(values)), mask.shape)
        seeds.append((box[0].start + int(row), box[1].start + int(column), mask, box))
    return seeds


MOST_SEEDS = 300
"""Candidates measured per size, those with most excess first: a film of noise must not take for ever."""


def _usual_excess(excess: np.ndarray, hand: np.ndarray, size_px: float) -> np.ndarray:
    """What compact excess anatomy and noise make around each pixel: mean + 2 standard deviations in a wide window,
    without what exceeds mean + 3 standard deviations. It varies slowly and is computed on a shrunk image.
    """
    factor = max(1, int(size_px // 4))
    sigma = 2.0 * size_px / factor
    inside = hand.astype(np.float32)
    limit = np.float32(np.inf)
    for _ in range(3):
        counted = inside * (excess <= limit)
        weight = _wide(counted, factor, sigma)
        mean = _wide(excess * counted, factor, sigma) / weight
        spread = np.sqrt(np.maximum(_wide(excess**2 * counted, factor, sigma) / weight - mean**2, 0))
        limit = grown(mean + 3 * spread, factor, excess.shape)
    return grown(mean + 2 * spread, factor, excess.shape)


def _wide(image: np.ndarray, factor: int, sigma: float) -> np.ndarray:
    return ndimage.gaussian_filter(shrunk(image, factor), sigma, truncate=2) + 1e-6


def _judged(spots: list[Spot], settings: FilmSettings, bones_removed: bool) -> tuple[list[Spot], list[Spot]]:
    """Deposits and rejected candidates; of several that overlap the one without objection, then the surest."""
    limits = (settings.least_area_mm2, settings.least_contrast_to_noise, settings.sensitivity, bones_removed)
    judged = [spot.because(spot.objection(*limits)) for spot in spots]
    judged.sort(key=lambda s: (s.reason != "", -s.confidence, -s.area_mm2, s.row, s.column))
    taken: list[Spot] = []
    for spot in judged:
        if not any(spot.overlaps(other) for other in taken):
            taken.append(spot)
    return [s for s in taken if not s.reason], [s for s in taken if s.reason]


def _joined(spots: list[Spot], shape: tuple[int, int], join_px: float) -> list[list[Spot]]:
    """Groups of spots whose gap is below ``join_px``."""
    groups: list[list[Spot]] = []
    for spot in spots:
        touching = [g for g in groups if any(spot.near(other, join_px) for other in g)]
        merged = [spot] + [s for g in touching for s in g]
        groups = [g for g in groups if g not in touching] + [merged]
    return groups


def _labelled(film: Film, items: list, rejected: bool = False) -> Segmentation:
    """Labels on the film: one per group of spots, by descending area, then position."""
    groups = [item if isinstance(item, list) else [item] for item in items]
    groups.sort(key=lambda g: (-sum(s.area_mm2 for s in g), min((s.row, s.column) for s in g)))
    labels = np.zeros(film.volume.voxels.shape, np.uint16)
    segments = []
    kind = "candidate" if rejected else "deposit"
    for index, group in enumerate(groups, start=1):
        for spot in group:
            part = labels[0][spot.box]
            part[spot.mask & (part == 0)] = index
        best = max(group, key=lambda s: s.confidence)
        tags = {CONFIDENCE_TAG: f"{best.confidence:.2f}"}
        if rejected:
            tags[REASON_TAG] = best.reason
        segments.append(Segment(index, f"{kind}-{index}", f"{kind.capitalize()} {index}", tags=tags))
    return Segmentation(film.volume.with_voxels(labels), tuple(segments))
