"""CT of a posed hand: HU, the reconstruction kernel, correlated noise, streaks from metal, thick slices."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .hand import PosedHand
from .lattice import Grid
from .paint import Painted, paint
from .presets import CtProtocol
from .streaks import add_streaks

FWHM_SIGMA = 2.0 * np.sqrt(2.0 * np.log(2.0))
WIDER = 2.2
"""A sharp kernel adds the difference to an image blurred so many times as much: edges overshoot."""


def image_ct(
    posed: PosedHand, grid: Grid, protocol: CtProtocol, rng: np.random.Generator
) -> tuple[np.ndarray, Painted]:
    """HU as int16 (K, J, I), and the truth on its grid."""
    times = slices_per_slab(protocol.pixel_mm, protocol.slice_mm)
    contents = [(d.content.dense_hu, d.content.light_hu) for d in posed.hand.deposits]
    values = posed.hand.materials.hu
    painted = thicken(paint(posed, grid.thinner(times), values, contents, posed.hand.distractors, rng), times)
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
