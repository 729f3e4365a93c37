"""Compact extra density of a film: where it is, its boundary at half its height, and how it is enclosed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial import ConvexHull

from .background import grown, line_opening, shrunk, window_mean
from .scenery import Scenery

USUAL_RADIUS_MM = 20.0
"""What compact excess is usual is asked of this neighbourhood."""
RIM_MM = (0.6, 1.8)
"""The level around a candidate is taken this far outside its first outline."""
EDGE_MM = 0.5
"""Density inside and outside the outline is compared this far from it."""
CLEAR_DROP = 0.3
"""An edge is clear where the density falls by this share of the contrast, from EDGE_MM inside to outside."""
DENSE = 0.35
"""Excess over a bone's contrast beyond which a body needs no comparison with what is usual around it."""

Box = tuple[slice, slice]


@dataclass(frozen=True, eq=False)
class Candidate:
    """A compact dense thing.

    Attributes
    ----------
    box, mask: its pixels on the film (``mask`` within ``box``).
    area_mm2: at the detector.
    contrast: median height over the background, in units of the line integrals.
    contrast_to_noise: of that height, in the mean over 1 mm² or the candidate itself, whichever is smaller.
    prominence: its height over what is usual around it.
    closed: share of the outline across which the density clearly falls.
    seen: share of the outline beside free ground: flesh of a body in the flesh.
    elongation: long over short axis, or area over that of the largest disc inside (of curved bodies), the larger one.
    solidity: its area over that of its convex hull.
    width_mm: twice the largest distance to the outline.
    over_bone: share of it in the bones' shadow.
    relative: its contrast over a bone's.
    size_mm: length of the lines that found it.
    """

    box: Box
    mask: np.ndarray
    area_mm2: float
    contrast: float
    contrast_to_noise: float
    prominence: float
    closed: float
    seen: float
    elongation: float
    solidity: float
    width_mm: float
    over_bone: float
    relative: float
    size_mm: float

    @property
    def pixels(self) -> int:
        """Number of its pixels."""
        return int(self.mask.sum())

    @property
    def centre_px(self) -> np.ndarray:
        """Row and column of its centre."""
        return np.argwhere(self.mask).mean(axis=0) + [s.start for s in self.box]

    def distance_mm(self, place_px: np.ndarray) -> float:
        """From its centre to a place (row, column)."""
        pixel_mm = np.sqrt(self.area_mm2 / self.pixels)
        return float(np.linalg.norm(self.centre_px - place_px) * pixel_mm)

    def common(self, other: Candidate) -> int:
        """Number of pixels that belong to both."""
        both = tuple(
            slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(self.box, other.box, strict=True)
        )
        if any(s.stop <= s.start for s in both):
            return 0
        return int((self.mask[_within(both, self.box)] & other.mask[_within(both, other.box)]).sum())


def flesh_candidates(
    scenery: Scenery, size_mm: float, least_height: float, least_prominence: float
) -> Iterator[Candidate]:
    """Bodies shorter than ``size_mm`` in every direction that stand out of the flesh.

    Bones are taken off first: beside one, a deposit and it are long together.

    least_height: peak over noise of the smoothed image; least_prominence: peak over the usual excess around.
    """
    above = np.where(scenery.flesh, scenery.working - scenery.flesh_level, 0)
    level = scenery.flesh_level + np.maximum(_opened(above, scenery, size_mm), 0)
    yield from _found(scenery, level, scenery.flesh, size_mm, least_height, least_prominence)


def bone_candidates(
    scenery: Scenery, size_mm: float, least_height: float, least_prominence: float
) -> Iterator[Candidate]:
    """Bodies shorter than ``size_mm`` in every direction over or at the edge of a bone."""
    ground = scenery.hand & ~ndimage.binary_erosion(scenery.flesh)
    level = _opened(scenery.working, scenery, size_mm)
    yield from _found(scenery, level, ground, size_mm, least_height, least_prominence)


def _opened(values: np.ndarray, scenery: Scenery, size_mm: float) -> np.ndarray:
    """Line opening of working pixels, on coarser ones where the lines are long."""
    step = max(1, int(size_mm / scenery.working_mm / 20))
    small = line_opening(shrunk(values, step), size_mm / scenery.working_mm / step)
    return grown(small, step, _whole(values))


def _found(
    scenery: Scenery,
    level: np.ndarray,
    ground: np.ndarray,
    size_mm: float,
    least_height: float,
    least_prominence: float,
) -> Iterator[Candidate]:
    """What stands out of a background on some ground (both on working pixels)."""
    excess = np.where(ground, np.maximum(scenery.working - level, 0), 0)
    usual = _usual(excess, ground, scenery.working_mm)
    height = excess / scenery.noise
    prominence = excess / np.maximum(usual, scenery.noise)
    # A fingertip full of lime is all there is around it: what is as dense as bone needs no comparison.
    dense_excess = DENSE * scenery.bone_contrast
    strong = (height > least_height) & ((prominence > least_prominence) | (excess > dense_excess))
    weak = (height > 0.5 * least_height) & ((prominence > 0.4 * least_prominence) | (excess > 0.4 * dense_excess))
    labels, _ = ndimage.label(weak, structure=np.ones((3, 3)))
    chosen = np.unique(labels[strong])
    boxes = ndimage.find_objects(labels)
    for label in chosen[chosen > 0]:
        small = boxes[label - 1]
        seed = labels[small] == label
        found = _outlined(scenery, level, ground, small, seed, size_mm)
        if found is not None:
            box, mask, excess_here, free = found
            peak = float(prominence[small][seed].max())
            yield _described(scenery, box, mask, excess_here, free, peak, size_mm)


def _usual(excess: np.ndarray, ground: np.ndarray, mm: float) -> np.ndarray:
    """Usual compact excess of the ground around each pixel: twice the mean of what is below three times the mean."""
    level = window_mean(excess, ground, USUAL_RADIUS_MM / 2 / mm)
    return 2 * window_mean(excess, ground & (excess <= 3 * level), USUAL_RADIUS_MM / 2 / mm)


def _outlined(
    scenery: Scenery, level: np.ndarray, ground: np.ndarray, small: Box, seed: np.ndarray, size_mm: float
) -> tuple[Box, np.ndarray, np.ndarray, np.ndarray] | None:
    """Box, mask, excess and free ground of the film's own pixels around a seed; None if nothing stands out."""
    factor, mm = scenery.factor, scenery.pixel_mm
    reach = int(np.ceil((RIM_MM[1] + 0.3 * size_mm + 1.0) / mm))
    box = tuple(
        slice(max(s.start * factor - reach, 0), min(s.stop * factor + reach, n))
        for s, n in zip(small, scenery.image.shape, strict=True)
    )
    values = ndimage.gaussian_filter(scenery.image[box], 0.5 * SMOOTH_PIXEL_MM / mm)
    excess = values - grown(level, factor, box)
    free = grown(ground.astype(np.float32), factor, box) > 0.5
    core = np.zeros(values.shape, bool)
    fine = np.kron(seed, np.ones((factor, factor), bool))
    row, column = (s.start * factor - b.start for s, b in zip(small, box, strict=True))
    core[row : row + fine.shape[0], column : column + fine.shape[1]] = fine[
        : core.shape[0] - row, : core.shape[1] - column
    ]
    mask = core & free
    allowed = (ndimage.distance_transform_edt(~core) * mm <= 0.15 * size_mm + 0.3) & free
    if not mask.any():
        return None
    for attempt in range(3):
        # The seed may be a part of the body only: what is around it is its surroundings from the second round on.
        if attempt:
            distance = ndimage.distance_transform_edt(~mask) * mm
            rim = (distance >= RIM_MM[0]) & (distance <= RIM_MM[1]) & free
            if not rim.any():
                return None
            excess = excess - np.float32(np.median(excess[rim]))
        plateau = float(np.percentile(excess[mask], 75))
        labels, count = ndimage.label((excess > 0.5 * plateau) & allowed)
        if count == 0 or plateau <= 0:
            return None
        mass = np.bincount(labels.ravel(), weights=np.where(core, excess, 0).ravel(), minlength=count + 1)
        mass[0] = -np.inf
        mask = ndimage.binary_fill_holes(labels == int(mass.argmax()))
    return box, mask, excess, free


SMOOTH_PIXEL_MM = 0.3
"""Half of this is the filter under which the outline is drawn: noise does not fray it, and it hardly widens it."""


def _described(
    scenery: Scenery,
    box: Box,
    mask: np.ndarray,
    excess: np.ndarray,
    free: np.ndarray,
    prominence: float,
    size_mm: float,
) -> Candidate:
    """Measures of an outlined body."""
    mm = scenery.pixel_mm
    pixels = int(mask.sum())
    area = pixels * mm * mm
    contrast = float(np.median(excess[mask]))
    rows, columns = (a + s.start for a, s in zip(np.nonzero(mask), box, strict=True))
    working = tuple(
        np.minimum(a // scenery.factor, n - 1) for a, n in zip((rows, columns), scenery.noise.shape, strict=True)
    )
    # The noise of 1 mm² follows from that of the smoothed pixels, whose filter averages over 4 pi sigma².
    noise = float(np.median(scenery.noise[working])) * np.sqrt(4 * np.pi) * SMOOTH_PIXEL_MM / np.sqrt(min(area, 1.0))
    points = np.stack([rows, columns]).astype(float)
    spread = np.linalg.eigvalsh(np.cov(points) + np.eye(2) / 12) if pixels > 1 else np.ones(2)
    over = float(scenery.bones[working].mean())
    depth = ndimage.distance_transform_edt(np.pad(mask, 1))
    closed, seen = _closed(scenery.image[box], mask, excess, free, over > 0.3, contrast, mm)
    return Candidate(
        box=box,
        mask=mask,
        area_mm2=area,
        contrast=contrast,
        contrast_to_noise=contrast / noise,
        prominence=prominence,
        closed=closed,
        seen=seen,
        elongation=max(float(np.sqrt(spread[1] / spread[0])), pixels / (np.pi * float(depth.max()) ** 2)),
        solidity=_solidity(mask),
        width_mm=2 * float(depth.max()) * mm,
        over_bone=over,
        relative=contrast / scenery.bone_contrast,
        size_mm=size_mm,
    )


def _closed(
    image: np.ndarray,
    mask: np.ndarray,
    excess: np.ndarray,
    free: np.ndarray,
    over: bool,
    contrast: float,
    mm: float,
) -> tuple[float, float]:
    """Share of the outline with a clear fall outwards over the background, and share that has free ground outside.

    Over bone there has to be one over a plane through the surroundings too: the background alone would take the
    corner of a bone for a body of its own.
    """
    signed = ndimage.distance_transform_edt(mask) - ndimage.distance_transform_edt(~mask)
    signed = ndimage.gaussian_filter(signed, 1.0) * mm
    edge = np.argwhere(mask & ~ndimage.binary_erosion(mask))
    normal = np.stack([g[tuple(edge.T)] for g in np.gradient(signed)], axis=1)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)
    inner = (edge + normal * min(EDGE_MM, float(signed.max())) / mm).T
    outer = (edge - normal * 1.4 * EDGE_MM / mm).T
    pictures = [ndimage.gaussian_filter(excess, 0.2 / mm)]
    if over:
        smooth = ndimage.gaussian_filter(image, 0.3 / mm)
        pictures.append(smooth - _plane(smooth, (signed < -RIM_MM[0]) & (signed > -RIM_MM[1])))
    seen = ndimage.map_coordinates(free.astype(np.float32), outer, order=0, mode="constant") > 0
    clear = seen.copy()
    for values in pictures:
        inside = ndimage.map_coordinates(values, inner, order=1, mode="nearest")
        outside = ndimage.map_coordinates(values, outer, order=1, mode="nearest")
        clear &= inside - outside > CLEAR_DROP * contrast
    return float(clear.mean()), float(seen.mean())


def _solidity(mask: np.ndarray) -> float:
    """Area over that of the convex hull of the pixels' corners."""
    edge = np.argwhere(mask & ~ndimage.binary_erosion(mask))
    corners = (edge[:, None] + np.array([[0, 0], [0, 1], [1, 0], [1, 1]])[None]).reshape(-1, 2)
    return float(mask.sum() / ConvexHull(corners).volume)


def _plane(values: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Plane through the values at ``where``, steps and outliers weighing little (Cauchy weights)."""
    rows, columns = np.nonzero(where)
    if len(rows) < 10:
        return np.zeros_like(values)
    centre = rows.mean(), columns.mean()
    design = np.stack([np.ones(len(rows)), rows - centre[0], columns - centre[1]], axis=1)
    target = values[where].astype(float)
    weight = np.ones(len(target))
    for _ in range(4):
        fit = np.linalg.lstsq(design * weight[:, None], target * weight, rcond=None)[0]
        rest = target - design @ fit
        weight = 1 / np.sqrt(1 + (rest / (3 * np.median(np.abs(rest)) + 1e-9)) ** 2)
    r, c = np.indices(values.shape)
    return fit[0] + fit[1] * (r - centre[0]) + fit[2] * (c - centre[1])


def _whole(image: np.ndarray) -> Box:
    """The box of a whole image."""
    return slice(0, image.shape[0]), slice(0, image.shape[1])


def _within(part: Box, box: Box) -> Box:
    """``part`` in the coordinates of ``box``."""
    return tuple(slice(p.start - b.start, p.stop - b.start) for p, b in zip(part, box, strict=True))
