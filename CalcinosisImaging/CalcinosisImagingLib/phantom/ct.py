"""CT of a posed hand: HU, the reconstruction kernel, correlated noise, streaks from metal, thick slices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from .hand import PosedHand
from .lattice import Grid
from .paint import Painted, paint
from .presets import CtProtocol
from .streaks import add_streaks

FWHM_SIGMA = 2.0 * np.sqrt(2.0 * np.log(2.0))
LEFT_LABELS = 100
"""Where both hands are in one image, the labels of the left one's bones are so much higher."""
WIDER = 2.2
"""A sharp kernel adds the difference to an image blurred so many times as much: edges overshoot."""


def image_ct(
    hands: Sequence[PosedHand], grid: Grid, protocol: CtProtocol, rng: np.random.Generator
) -> tuple[np.ndarray, Painted]:
    """HU as int16 (K, J, I) of one or two hands, and the truth on its grid."""
    times = slices_per_slab(protocol.pixel_mm, protocol.slice_mm)
    painted: Painted | None = None
    for posed in hands:
        contents = [(d.content.dense_hu, d.content.light_hu) for d in posed.hand.deposits]
        one = paint(posed, grid.thinner(times), posed.hand.materials.hu, contents, posed.hand.distractors, rng)
        one = thicken(one, times)
        if len(hands) > 1 and posed.hand.side == "left":
            one.bones[one.bones > 0] += LEFT_LABELS
        painted = one if painted is None else beside(painted, one)
    image = painted.values
    add_streaks(image, rng)
    image = blur(image, protocol)
    add_noise(image, protocol, rng)
    return np.clip(np.rint(image, out=image), -1024, 8191, out=image).astype(np.int16), painted


def blur(image: np.ndarray, protocol: CtProtocol) -> np.ndarray:
    """Apply the point spread; the slice profile of a thick slice is already in its averaging."""
    in_plane, along = protocol.blur_fwhm_mm
    z = along / protocol.slice_mm if protocol.slice_mm < 1.5 * protocol.pixel_mm else 0.3
    sigma = np.array([z, in_plane / protocol.pixel_mm, in_plane / protocol.pixel_mm]) / FWHM_SIGMA
    result = ndimage.gaussian_filter(image, sigma, output=np.float32, truncate=3.0)
    if protocol.sharpness:
        wide = sigma[1] * np.sqrt(WIDER**2 - 1.0)
        for plane in result:
            plane += protocol.sharpness * (plane - ndimage.gaussian_filter(plane, wide, truncate=2.5))
    return result


def add_noise(image: np.ndarray, protocol: CtProtocol, rng: np.random.Generator) -> None:
    """Add noise with the texture of the kernel, slice by slice, in place."""
    spike = np.zeros((33, 33), np.float32)
    spike[16, 16] = 1.0
    gain = protocol.noise_hu / float(np.sqrt((_noise_filter(spike, protocol) ** 2).sum()))
    for plane in image:
        plane += gain * _noise_filter(rng.standard_normal(plane.shape, dtype=np.float32), protocol)


def _noise_filter(noise: np.ndarray, protocol: CtProtocol) -> np.ndarray:
    """Ramp and kernel leave noise without its lowest frequencies, and blurred like the image."""
    smooth = ndimage.gaussian_filter(
        noise, 0.7 * protocol.blur_fwhm_mm[0] / protocol.pixel_mm / FWHM_SIGMA, truncate=3.0
    )
    return smooth - (0.35 + 0.4 * min(protocol.sharpness, 1.0)) * ndimage.uniform_filter(smooth, 7)


def slices_per_slab(pixel_mm: float, slice_mm: float) -> int:
    """How many (odd) nearly cubic layers make up one slice."""
    return max(1, 2 * round((slice_mm / pixel_mm - 1) / 2) + 1)


def thicken(painted: Painted, times: int) -> Painted:
    """Join ``times`` (odd) thin slices into each thick one; labels are those of its middle."""
    if times == 1:
        return painted
    k, j, i = painted.values.shape
    values = painted.values.reshape(k // times, times, j, i).mean(axis=1)
    return Painted(values, painted.bones[times // 2 :: times], painted.deposits[times // 2 :: times])


def beside(first: Painted, second: Painted) -> Painted:
    """Two hands in one image that do not touch; the second one's deposits are numbered on."""
    deposits = second.deposits + (second.deposits > 0) * first.deposits.max()
    values = np.maximum(first.values, second.values)
    return Painted(values, first.bones + second.bones, (first.deposits + deposits).astype(np.uint16))
