"""Whether air is bright or dark in a radiograph, from the pixels alone."""

from __future__ import annotations

import numpy as np

from ..analysis.view import BRIGHT

END_FRACTION = 0.08
"""Width of each end of the range of values, as a fraction of the range between the 0.5th and 99.5th percentile."""
MIN_SHARE = 0.10
"""An end of the histogram is a background if at least this share of the pixels lies in it."""
CLEAR_RATIO = 3.0
"""It is the only background if its share is this many times that of the other end."""

AIR, BONE = BRIGHT


def bright_of(pixels: np.ndarray, ignore: np.ndarray | None = None) -> str | None:
    """Which end of the values is high, "air" or "bone", or None if the pixels do not tell.

    Around a hand the detector is exposed directly: a large part of the film lies within a narrow band at the air end.
    Bone never fills a narrow band at the other end. A collimator's shadow does, but it surrounds the field: pixels of
    the outermost frame are left out where the frame as a whole is at one end and both ends are occupied.

    Parameters
    ----------
    pixels: (rows, columns), any scale that is monotonic in exposure.
    ignore: (rows, columns), True where pixels are padding.
    """
    values = pixels[~ignore] if ignore is not None else pixels.ravel()
    if not values.size:
        return None
    low, high = np.percentile(values, (0.5, 99.5)).astype(float)
    if high <= low:
        return None
    width = END_FRACTION * (high - low)
    dark = float(np.mean(values <= low + width))
    light = float(np.mean(values >= high - width))
    if light >= MIN_SHARE and light > CLEAR_RATIO * dark:
        return AIR
    if dark >= MIN_SHARE and dark > CLEAR_RATIO * light:
        return BONE
    if min(dark, light) < MIN_SHARE:
        return None
    return _inside_collimator(pixels, low + width, high - width)


def _inside_collimator(pixels: np.ndarray, dark_below: float, light_above: float) -> str | None:
    """With both ends occupied, the one that makes up the film's outermost frame is the collimator."""
    frame = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    dark, light = float(np.mean(frame <= dark_below)), float(np.mean(frame >= light_above))
    if dark > 0.8:
        return AIR
    if light > 0.8:
        return BONE
    return None
