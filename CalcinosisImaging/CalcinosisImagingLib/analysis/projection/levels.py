"""Films at several pixel sizes, with slow changes (soft tissue, vignetting) and fine noise taken out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..view import View
from ..xray.film import Film, exposed_field, line_integrals

FINE_PIXELS = 0.7
"""Smoothing of each level, in its pixels (standard deviation)."""


@dataclass(frozen=True, eq=False)
class Level:
    """One film at one pixel size.

    Attributes
    ----------
    view: geometry of the film (in film pixels).
    factor: film pixels per level pixel.
    pixel_mm: a level pixel at the hand's depth.
    coarse_px: structures larger than about this (standard deviation, level pixels) are removed.
    band: line integrals after `band_pass` (rows, columns).
    valid: which pixels the collimator left open.
    """

    view: View
    factor: int
    pixel_mm: float
    coarse_px: float
    band: np.ndarray
    valid: np.ndarray

    @property
    def margin(self) -> int:
        """Pixels around a shadow that its filtered image needs."""
        return int(np.ceil(2.5 * self.coarse_px))

    def filtered(self, integrals: np.ndarray) -> np.ndarray:
        """What the level would show of given line integrals (a window of the level, 0 outside)."""
        return band_pass(integrals, self.coarse_px)


def band_pass(image: np.ndarray, coarse_px: float) -> np.ndarray:
    """Difference of two Gaussians: smoothed finely minus smoothed coarsely; the same for films and shadows."""
    fine = ndimage.gaussian_filter(image, FINE_PIXELS, mode="constant", truncate=3)
    return fine - ndimage.gaussian_filter(image, coarse_px, mode="constant", truncate=2.5)


@dataclass(frozen=True, eq=False)
class PreparedFilm:
    """A film's line integrals and exposed field, from which levels are drawn."""

    view: View
    integrals: np.ndarray
    field: np.ndarray

    def level(self, pixel_mm: float, coarse_mm: float, magnification: float) -> Level:
        """The film at about ``pixel_mm`` in the plane of the hand, where it is magnified by ``magnification``."""
        own_mm = min(self.view.pixel_spacing_mm) / magnification
        factor = max(1, round(pixel_mm / own_mm))
        image = _block_mean(self.integrals, factor)
        valid = _block_mean(self.field.astype(np.float32), factor) > 0.99
        coarse_px = coarse_mm / (own_mm * factor)
        filled = _filled(image, valid)
        band = np.where(valid, band_pass_film(filled, coarse_px), 0)
        return Level(self.view, factor, own_mm * factor, coarse_px, band, valid)


def prepare(film: Film) -> PreparedFilm:
    """Line integrals and exposed field of a film."""
    return PreparedFilm(film.view, line_integrals(film), exposed_field(film))


def band_pass_film(image: np.ndarray, coarse_px: float) -> np.ndarray:
    """`band_pass` of a whole film, continued beyond its border as it is there."""
    fine = ndimage.gaussian_filter(image, FINE_PIXELS, mode="nearest", truncate=3)
    return fine - ndimage.gaussian_filter(image, coarse_px, mode="nearest", truncate=2.5)


def _block_mean(image: np.ndarray, factor: int) -> np.ndarray:
    """Mean over blocks of factor x factor pixels; what remains at the end is dropped."""
    rows, columns = (n // factor for n in image.shape)
    blocks = image[: rows * factor, : columns * factor].reshape(rows, factor, columns, factor)
    return blocks.mean(axis=(1, 3), dtype=np.float64)


def _filled(image: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """The collimated part replaced by the nearest exposed value, so that its edge leaves no trace."""
    if valid.all() or not valid.any():
        return image
    nearest = ndimage.distance_transform_edt(~valid, return_distances=False, return_indices=True)
    return image[tuple(nearest)]
