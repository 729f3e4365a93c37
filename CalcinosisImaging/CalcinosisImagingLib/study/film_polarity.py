"""Whether air is bright or dark in a radiograph, from the pixels alone."""

from __future__ import annotations

import numpy as np

from ..analysis.view import BRIGHT

END_FRACTION = 0.08
"""Width of each end of the range of values, as a fraction of the range between the 0.5th and 99.5th percentile."""
MIN_SHARE = 0.10
"""An end of the histogram is a background if at least this share of the pixels lies in it (bone and metal vary)."""
SIDE_SHARE = 0.95
"""A side of the film lies in a collimator's shadow if this share of its pixels is at one end."""

AIR, BONE = BRIGHT


def bright_of(pixels: np.ndarray, ignore: np.ndarray | None = None) -> str | None:
    """Which end of the values is high, "air" or "bone", or None if the pixels do not tell.

    Around a hand the detector is exposed directly: a large part of the film lies within a narrow band at the air end.
    Only a collimator's shadow does so at the other end, and it takes up whole sides of the film, which air between
    shadows cannot.

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
    dark, light = values <= low + width, values >= high - width
    dark_share, light_share = float(dark.mean()), float(light.mean())
    if max(dark_share, light_share) < MIN_SHARE:
        return None
    if min(dark_share, light_share) < MIN_SHARE:
        return AIR if light_share > dark_share else BONE
    return _inside_collimator(pixels, low + width, high - width)


def _inside_collimator(pixels: np.ndarray, dark_below: float, light_above: float) -> str | None:
    """With both ends occupied, the end that takes up more whole sides of the film is the collimator's shadow."""
    sides = (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1])
    dark = sum(float(np.mean(side <= dark_below)) > SIDE_SHARE for side in sides)
    light = sum(float(np.mean(side >= light_above)) > SIDE_SHARE for side in sides)
    if dark == light:
        return None
    return AIR if dark > light else BONE
