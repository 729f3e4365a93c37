"""CT of a posed hand: HU, blurred by the scanner, with noise."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .hand import PosedHand
from .lattice import Grid
from .paint import Painted, paint
from .presets import CtProtocol

FWHM_SIGMA = 2.0 * np.sqrt(2.0 * np.log(2.0))


def image_ct(
    posed: PosedHand, grid: Grid, protocol: CtProtocol, rng: np.random.Generator
) -> tuple[np.ndarray, Painted]:
    """HU as int16 (K, J, I), and what the scanner saw without its faults."""
    times = max(1, 2 * round((protocol.slice_mm / protocol.pixel_mm - 1) / 2) + 1)
    fine = grid.thinner(times)
    ideal = paint(posed, fine, posed.hand.materials.hu, [d.hu for d in posed.hand.deposits])
    painted = thicken(ideal, times)
    sigma = (
        np.array([protocol.blur_fwhm_mm[1] / protocol.slice_mm, *[protocol.blur_fwhm_mm[0] / protocol.pixel_mm] * 2])
        / FWHM_SIGMA
    )
    image = ndimage.gaussian_filter(painted.values, sigma, output=np.float32, truncate=3.0)
    add_noise(image, rng, protocol.noise_hu)
    return np.clip(np.rint(image), -1024, 8191).astype(np.int16), painted


def add_noise(image: np.ndarray, rng: np.random.Generator, sd: float) -> None:
    """Add noise whose neighbours are correlated as reconstruction leaves them; slice by slice, in place."""
    kernel_sigma = 0.6
    gain = sd / _gaussian_norm(kernel_sigma)
    for plane in image:
        noise = rng.standard_normal(plane.shape, dtype=np.float32)
        plane += gain * ndimage.gaussian_filter(noise, kernel_sigma, truncate=3.0)


def _gaussian_norm(sigma: float) -> float:
    """SD that unit white noise keeps after a two-dimensional Gaussian filter."""
    spike = np.zeros((15, 15))
    spike[7, 7] = 1.0
    return float(np.sqrt((ndimage.gaussian_filter(spike, sigma, truncate=3.0) ** 2).sum()))


def thicken(painted: Painted, times: int) -> Painted:
    """Join ``times`` (odd) thin slices into each thick one; labels are those of its middle."""
    if times == 1:
        return painted
    k, j, i = painted.values.shape
    values = painted.values.reshape(k // times, times, j, i).mean(axis=1)
    return Painted(values, painted.bones[times // 2 :: times], painted.deposits[times // 2 :: times])
