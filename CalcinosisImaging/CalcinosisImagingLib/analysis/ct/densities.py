"""Bodies of one density and of several, and what the tissue around makes of one density."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .crops import median

MOST_UNLIKE = 1.5
"""Fat and muscle change the contrast of one density by not more."""
PLATEAU_VOXELS = 12
"""Inner voxels that tell the level by their median; more tell whether they differ."""
ENOUGH_INNER = 30
INNER_SHARE = 0.3
"""Plates and nets have less inside: what varies there is their meshes and rims."""
UNEVEN = 0.2
"""Spread of the inner voxels, relative to their mean, from which a body is of several densities."""
STEEP_PER_MM = 0.8
"""A body's blurred surface changes by this part of its value in a millimetre, and more; a plateau by noise alone."""
SOFTER_PERCENT = 10
COMPACT = 0.1
"""Largest ball in the hard part over the whole of it: a core has a quarter or more, the threads of a net little."""
MANTLE_EMPTY, MANTLE_SHARE, MANTLE_PERCENT = 0.1, 0.2, 75
"""Voxels of the first guess that a core's image fills less than this are its mantle, if they are at least this share;
this percentile of them is its height, as those at its surface are half empty."""
MANTLE_HU, MANTLE_SURE = 60.0, 5.0
"""On average a mantle is at least so high, and so many standard deviations of its mean."""
NOISE_FACTOR = 2.0
"""Few independent voxels vary by chance: their variance must exceed that of the noise so many times."""


def plateau_hu(hu: np.ndarray, inner: np.ndarray, noise_hu: float) -> float | None:
    """What a body is inside (HU), where it is so thick that this shows, and of one density; else None."""
    values = hu[inner]
    if values.size < PLATEAU_VOXELS or float(values.var()) > noise_hu**2 + (UNEVEN * float(values.mean())) ** 2:
        return None
    return float(median(values))


def evened(plateau: float, without: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Factor that makes a body of one density, which stands out more from fat than from muscle, stand out evenly."""
    contrast = max(plateau - float(without[own].mean()), 1.0)
    share = contrast / np.maximum(plateau - without, 1.0)
    return np.clip(share, 1 / MOST_UNLIKE, MOST_UNLIKE).astype(np.float32)


def softer_part(smooth: np.ndarray, inside: np.ndarray, around: np.ndarray, spacing: np.ndarray) -> np.float32 | None:
    """Height of the softer part of a body of several densities, from its inner voxels; None for an even one.

    A hard core in paste, or settled lime: with one contrast for all the paste would be taken for half empty. Cut off at
    the paste's height the image is that of the whole body. A hard part in threads is that of a net, not a core.
    ``inside`` is the mask of the inner voxels; ``around`` shows the noise.
    """
    if not _varies(smooth[inside], around):
        return None
    # The guess may lie outside of the surface, and the blur be wider than thought: the rim is where it is steep.
    slope = np.gradient(smooth, *(float(h) for h in spacing))
    inside = inside & (np.sqrt(sum(np.square(s) for s in slope)) < STEEP_PER_MM * smooth)
    inner = smooth[inside]
    if not _varies(inner, around):
        return None
    softer, harder = np.percentile(inner, (SOFTER_PERCENT, 100 - SOFTER_PERCENT))
    hard = inside & (smooth > (softer + harder) / 2)
    deepest = float(ndimage.distance_transform_edt(hard, sampling=spacing).max())
    if 4.19 * deepest**3 < COMPACT * float(hard.sum() * np.prod(spacing)):
        return None
    return np.float32(softer)


def mantle(excess: np.ndarray, core: np.ndarray, own: np.ndarray, noise_hu: float) -> np.float32 | None:
    """Height of the paste around a core that alone was outlined, None where there is none.

    A bright body and its blur leave little of the first guess empty. What is empty there, and high, is no part of them.

    Parameters
    ----------
    excess: (K, J, I) image minus background, HU.
    core: the image of the body that was fitted, HU.
    own: bool, the first guess.
    noise_hu: of the mean of a few voxels.
    """
    outer = own & (core < MANTLE_EMPTY * float(core.max()))
    values = (excess - core)[outer]
    if values.size < max(ENOUGH_INNER, MANTLE_SHARE * float(own.sum())):
        return None
    sure = max(MANTLE_HU, MANTLE_SURE * noise_hu / np.sqrt(values.size))
    return np.float32(np.percentile(values, MANTLE_PERCENT)) if float(values.mean()) > sure else None


def _varies(inner: np.ndarray, around: np.ndarray) -> bool:
    """Whether the inner voxels differ by more than the noise around, and by a good part of their mean."""
    if min(inner.size, around.size) < ENOUGH_INNER:
        return False
    return float(inner.var()) >= NOISE_FACTOR * float(around.var()) + (UNEVEN * float(inner.mean())) ** 2
