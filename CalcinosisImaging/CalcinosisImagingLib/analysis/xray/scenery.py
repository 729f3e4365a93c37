"""What a film shows besides deposits: hand, bones, noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from .background import line_opening, shrunk, window_mean
from .film import Film, exposed_field, line_integrals

WORKING_PIXEL_MM = 0.3
"""Candidates are looked for on pixels of about this size: a fifth of the smallest deposit that can be told safely."""
SMOOTH_MM = 0.3
"""Standard deviation of the filter against noise before candidates are looked for."""
WINDOWS_MM = (12.0, 5.0)
"""Standard deviations of the windows in which bone and flesh are told apart: beside the radius, beside a phalanx."""
FLESH_WINDOW_MM = 6.0
"""Standard deviation of the window in which flesh is modelled."""
SKIN_KNOTS_MM = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.5, 7.0, 11.0)
"""Distances to the skin between which the density of flesh is linear: it rises like a root."""
EDGE_OF_FILM_MM = 1.5
"""So near to the edge of the film or of the collimator's field nothing is looked for: it would have no surroundings."""
BONE_MARGIN_MM = 0.6
"""Flesh begins this far from a bone's shadow: its edge is blurred, its place a little doubtful."""
LEAST_BONE_MM = 12.0
"""A bone is at least this long in some direction (the smallest carpals and the tuft of the little finger)."""
HALF_SHADE_MM = 30.0
"""The half shade of a collimator or image intensifier is no wider."""
SKIN_LEVEL = 0.35
"""The hand begins at this part of the way from air to the boundary between air and flesh."""
LEAST_HAND_SHARE = 0.05
"""Bodies below this share of the largest one are letters and markers, not a second hand."""


@dataclass(frozen=True, eq=False)
class Scenery:
    """A film made ready, with what is in it; arrays named ``working`` are shrunk by ``factor``.

    Attributes
    ----------
    image: line integrals (rows, columns), float32, the film's own pixels.
    pixel_mm: size of its pixels at the detector.
    factor: film pixels per working pixel.
    working: smoothed line integrals on working pixels.
    noise: standard deviation of ``working`` at each pixel, from quantum noise that grows where less gets through.
    hand: the hand(s) on working pixels.
    outside: dense bodies that are no hand: letters, markers, edges of the collimator.
    bones: bones' shadows on working pixels.
    flesh: the hand without the bones and their blurred edges.
    flesh_level: what ``working`` would be without bones and deposits.
    bone_contrast: by how much a bone stands out of soft tissue (median), in units of ``image``.
    """

    image: np.ndarray
    pixel_mm: float
    factor: int
    working: np.ndarray
    noise: np.ndarray
    hand: np.ndarray
    outside: np.ndarray
    bones: np.ndarray
    flesh: np.ndarray
    flesh_level: np.ndarray
    bone_contrast: float

    @property
    def working_mm(self) -> float:
        """Size of a working pixel at the detector."""
        return self.pixel_mm * self.factor


def scenery_of(film: Film) -> Scenery:
    """Find hand, bones and noise."""
    image = line_integrals(film)
    field = exposed_field(film)
    pixel_mm = float(np.mean(film.view.pixel_spacing_mm))
    factor = max(1, int(WORKING_PIXEL_MM / pixel_mm + 0.1))
    mm = pixel_mm * factor
    exposed = shrunk(field, factor) > 0.99
    inner = ndimage.binary_erosion(exposed, iterations=max(1, round(EDGE_OF_FILM_MM / mm)))
    working = ndimage.gaussian_filter(shrunk(image, factor), SMOOTH_MM / mm)
    hand, outside, dense = _hand(working, exposed, mm)
    bones, contrast = _bones(working, hand, dense, mm)
    noise = _noise(working, hand, SMOOTH_MM / mm)
    hand &= inner
    flesh = hand & ~ndimage.binary_dilation(bones, iterations=max(1, round(BONE_MARGIN_MM / mm)))
    level = _flesh_level(working, hand, flesh, mm)
    return Scenery(image, pixel_mm, factor, working, noise, hand, outside, bones, flesh, level, contrast)


def _hand(working: np.ndarray, exposed: np.ndarray, mm: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Hand, other bodies, and the level above which there is bone wherever it is: three classes after Otsu."""
    smooth = ndimage.gaussian_filter(working, 0.8 / mm, truncate=3.0)
    smooth -= _half_shade(smooth, exposed, mm)
    low, high = _levels(smooth[exposed])
    # Half of a class boundary is half the thickness: the skin's edge, where a finger thins out, belongs to the hand.
    air = smooth[exposed & (smooth <= low)]
    level = float(np.median(air)) if air.size else float(smooth[exposed].min())
    body = (smooth > level + SKIN_LEVEL * (low - level)) & exposed
    body = ndimage.binary_opening(body, iterations=max(1, round(0.8 / mm)))
    labels, count = ndimage.label(body)
    if count == 0:
        return body, body, high
    size = np.bincount(labels.ravel(), minlength=count + 1)
    size[0] = 0
    large = size > LEAST_HAND_SHARE * size.max()
    hand = large[labels]
    holes, count = ndimage.label(~hand)
    small = np.bincount(holes.ravel(), minlength=count + 1) < LEAST_HAND_SHARE * hand.sum()
    small[0] = False
    hand |= small[holes]
    return hand, (labels > 0) & ~hand, high


def _half_shade(smooth: np.ndarray, exposed: np.ndarray, mm: float) -> np.ndarray:
    """What the collimator's half shade adds: the density of air at each distance from the border of the field."""
    if exposed.mean() > 0.99:
        return np.zeros_like(smooth)
    distance = ndimage.distance_transform_edt(exposed) * mm
    knots = np.arange(0.0, HALF_SHADE_MM + 0.1, 1.5)
    index = np.clip(np.rint(distance / 1.5).astype(int), 0, len(knots) - 1)
    air = np.zeros(len(knots))
    for knot in range(len(knots)):
        values = smooth[exposed & (index == knot)]
        air[knot] = np.percentile(values, 25) if values.size else 0.0
    # It falls from the border inwards; what does not is the hand.
    air = np.minimum.accumulate(air - air[-1])
    return np.where(exposed, np.interp(distance, knots, np.maximum(air, 0)), 0).astype(np.float32)


def _levels(values: np.ndarray) -> tuple[float, float]:
    """Two thresholds after Otsu; extremes are cut off first, so that metal is no class of its own."""
    low, high = np.percentile(values, (0.1, 99.5))
    flt = sitk.OtsuMultipleThresholdsImageFilter()
    flt.SetNumberOfThresholds(2)
    flt.SetNumberOfHistogramBins(256)
    flt.Execute(sitk.GetImageFromArray(np.clip(values, low, high)[None]))
    return tuple(flt.GetThresholds())


def _bones(working: np.ndarray, hand: np.ndarray, dense: float, mm: float) -> tuple[np.ndarray, float]:
    """Bones' shadows and their contrast: the denser of two classes around each pixel, or dense anyway; and long.

    The classes are those of Ridler and Calvard (1978) in a Gaussian window: flesh is thin in a finger, thick in a palm.
    """
    inside = ndimage.binary_erosion(hand, iterations=max(1, round(1.0 / mm)), border_value=1)
    if not inside.any():
        return np.zeros_like(hand), float("inf")
    mask = working > dense
    for window_mm in WINDOWS_MM:
        above, gap = _local_classes(working, inside, window_mm / mm)
        contrast = float(np.percentile(gap[inside], 75))
        mask |= above & (gap > 0.4 * contrast)
    mask &= inside
    mask = ndimage.binary_opening(mask, iterations=max(1, round(0.6 / mm)))
    long = line_opening(mask, LEAST_BONE_MM / mm) > 0.5
    return ndimage.binary_fill_holes(long), contrast


def _local_classes(working: np.ndarray, inside: np.ndarray, sigma_px: float) -> tuple[np.ndarray, np.ndarray]:
    """Pixels of the denser one of the two classes in a window around each, and how far the classes are apart."""
    middle = window_mean(working, inside, sigma_px)
    for _ in range(6):
        upper = window_mean(working, inside & (working > middle), sigma_px)
        lower = window_mean(working, inside & (working <= middle), sigma_px)
        middle = 0.5 * (upper + lower)
    return working > middle, upper - lower


def _flesh_level(working: np.ndarray, hand: np.ndarray, flesh: np.ndarray, mm: float) -> np.ndarray:
    """Density of flesh alone everywhere in the hand: in each neighbourhood a function of the distance to the skin.

    A finger is round, so its thickness rises from the skin inwards; piecewise linear between `SKIN_KNOTS_MM`. What
    stands out upwards is left out of the second and third round.
    """
    distance = (ndimage.distance_transform_edt(hand) * mm).astype(np.float32)
    position = np.interp(distance, SKIN_KNOTS_MM, np.arange(len(SKIN_KNOTS_MM))).astype(np.float32)
    sigma = FLESH_WINDOW_MM / mm
    use = flesh
    for _ in range(3):
        level = np.zeros_like(working)
        for knot in range(len(SKIN_KNOTS_MM)):
            near = np.maximum(1 - np.abs(position - knot), 0)
            touched = near > 0
            level[touched] += (near * window_mean(working, near * use, sigma))[touched]
        above = working - level
        spread = np.sqrt(window_mean(np.minimum(above, 0) ** 2, flesh, sigma))
        use = flesh & (above < 1.5 * spread)
    return level


def _noise(working: np.ndarray, hand: np.ndarray, sigma_px: float) -> np.ndarray:
    """Noise of each pixel as a function of its density, from second differences (Immerkaer 1996), by the median.

    The taps lie so far apart that the smoothing ties them little.
    """
    d = max(1, round(2.5 * sigma_px))
    across = working - 0.5 * (np.roll(working, d, 0) + np.roll(working, -d, 0))
    both = across - 0.5 * (np.roll(across, d, 1) + np.roll(across, -d, 1))
    level, size = working[hand], np.abs(both[hand])
    if level.size < 100:
        return np.full(working.shape, 1e-6, np.float32)
    edges = np.percentile(level, np.linspace(0, 100, 13))
    index = np.clip(np.searchsorted(edges, level) - 1, 0, 11)
    spread = np.array([np.median(size[index == n]) if (index == n).any() else np.nan for n in range(12)]) / 0.6745 / 1.5
    middle = 0.5 * (edges[1:] + edges[:-1])
    good = np.isfinite(spread)
    least = 1e-3 * float(np.ptp(np.percentile(level, (1, 99))))
    return np.maximum(np.interp(working, middle[good], spread[good]), least).astype(np.float32)
