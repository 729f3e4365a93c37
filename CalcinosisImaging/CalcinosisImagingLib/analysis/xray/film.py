"""A radiograph with its geometry, and what it measures: attenuation along rays, up to gain and offset."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..errors import InputError
from ..view import View
from ..volume import Volume

DARK_FRACTION = 0.05
"""Below this part of the air's signal, a region at the film's border is taken for the collimator's shadow."""
PENUMBRA = 0.025
"""Width of the half shade inside the collimator's edge, as a part of the longer side of the film."""
SIGNAL_FLOOR = 1e-3
"""Smallest signal, as a part of the air's, that is told from none."""


@dataclass(frozen=True, eq=False)
class Film:
    """A radiograph.

    Attributes
    ----------
    volume: pixel values, voxels of shape (1, rows, columns); i = u, j = v.
    view: its geometry, of the same number of rows and columns.
    """

    volume: Volume
    view: View

    def __post_init__(self) -> None:
        expected = (1, self.view.rows, self.view.columns)
        if self.volume.voxels.shape != expected:
            raise InputError(
                f"film {self.view.name}: the image has shape {self.volume.voxels.shape}, its view file says "
                f"{expected}; give the view file that belongs to the image."
            )

    @property
    def pixels(self) -> np.ndarray:
        """Pixel values (rows, columns)."""
        return self.volume.voxels[0]


def line_integrals(film: Film) -> np.ndarray:
    """Attenuation integrated along the ray of each pixel, up to gain and offset: air about 0, bone bright.

    "linear" films give -ln(signal / air signal) (Beer-Lambert); "log" films are turned so that bone is bright and
    shifted so that air is 0. The air level is the 99th percentile of the exposed signal, so that a label or a hot
    pixel does not set it. Shape (rows, columns), float32, finite everywhere.
    """
    signal = _signal(film)
    field = _field(signal, film.view.intensity)
    exposed = signal[field]
    if film.view.intensity == "log":
        return np.float32(np.percentile(exposed, 99)) - signal
    air = np.percentile(exposed, 99)
    return -np.log(np.maximum(signal / np.float32(air), np.float32(SIGNAL_FLOOR)))


def exposed_field(film: Film) -> np.ndarray:
    """Pixels that the collimator left open, boolean (rows, columns), with a margin off its blurred edge."""
    return _field(_signal(film), film.view.intensity)


def _signal(film: Film) -> np.ndarray:
    """Pixel values turned so that air is high, float32; of a linear film zero is no signal."""
    pixels = film.pixels.astype(np.float32)
    finite = np.isfinite(pixels)
    if not finite.all():
        pixels = np.where(finite, pixels, np.median(pixels[finite]) if finite.any() else 0)
    if film.view.bright == "bone":
        pixels = pixels.max() - pixels
    if float(np.ptp(pixels)) == 0:
        raise InputError(f"film {film.view.name}: all pixels have the same value; give the exposed image.")
    return pixels


def _field(signal: np.ndarray, intensity: str) -> np.ndarray:
    """See `exposed_field`: dark regions that touch the border and are too large for a bone are the collimator's."""
    low, high = np.percentile(signal, (0.5, 99))
    if intensity == "linear":
        low = min(low, 0.0)
    dark = signal <= low + DARK_FRACTION * (high - low)
    labels, count = ndimage.label(dark)
    if count == 0:
        return np.ones(signal.shape, bool)
    edge = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    size = np.bincount(labels.ravel(), minlength=count + 1)
    touching = np.bincount(edge, minlength=count + 1)
    shadow = (touching > 0) & (size > 0.002 * signal.size) & (touching > 0.01 * len(edge))
    shadow[0] = False
    if not shadow.any() or shadow[labels].mean() > 0.9:
        return np.ones(signal.shape, bool)
    margin = max(2, round(PENUMBRA * max(signal.shape)))
    distance = ndimage.distance_transform_cdt(~shadow[labels], metric="chessboard")
    return distance > margin
