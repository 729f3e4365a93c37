"""MR of a posed hand: signal equations, bias field, blur of the acquisition, Rician noise."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .ct import thicken
from .hand import PosedHand
from .lattice import Grid
from .paint import Painted, paint
from .presets import MrProtocol
from .tissues import RELAXATION, Relaxation

FULL_SCALE = 1500.0
"""Stored value of the brightest tissue without bias."""


def signal(tissue: Relaxation, weighting: str) -> float:
    """Signal of a tissue, relative to water with no decay (Bernstein et al., Handbook of MRI Pulse Sequences, 2004).

    T1 spin echo TR 600 TE 12; T2 fat-saturated TR 4000 TE 60; spoiled gradient echo TR 20 TE 5 flip 20 degrees.
    """
    if weighting == "gre":
        tr, te, flip = 20.0, 5.0, np.radians(20.0)
        e1 = np.exp(-tr / tissue.t1_ms)
        steady = np.sin(flip) * (1.0 - e1) / (1.0 - np.cos(flip) * e1)
        return float(tissue.proton_density * steady * np.exp(-te / tissue.t2_star_ms))
    tr, te = {"t1": (600.0, 12.0), "t2fs": (4000.0, 60.0)}[weighting]
    result = tissue.proton_density * (1.0 - np.exp(-tr / tissue.t1_ms)) * np.exp(-te / tissue.t2_ms)
    if weighting == "t2fs":
        result *= 1.0 - 0.93 * tissue.fat
    return float(result)


def image_mr(
    posed: PosedHand, grid: Grid, protocol: MrProtocol, rng: np.random.Generator
) -> tuple[np.ndarray, Painted]:
    """Magnitude image as int16 (K, J, I), and the ideal one."""
    signals = {name: signal(tissue, protocol.weighting) for name, tissue in RELAXATION.items()}
    scale = FULL_SCALE / max(signals.values())
    signals = {name: value * scale for name, value in signals.items()}
    deposit_signals = [signals[d.consistency if d.consistency in signals else "chalk"] for d in posed.hand.deposits]
    times = max(1, 2 * round((protocol.slice_mm / protocol.pixel_mm - 1) / 2) + 1)
    painted = thicken(paint(posed, grid.thinner(times), signals, deposit_signals), times)
    image = ndimage.gaussian_filter(painted.values, (0.3, 0.42, 0.42), output=np.float32, truncate=3.0)
    image *= bias_field(image.shape, rng, protocol.bias)
    sd = FULL_SCALE / protocol.snr
    for plane in image:
        real = plane + sd * rng.standard_normal(plane.shape, dtype=np.float32)
        plane[:] = np.hypot(real, sd * rng.standard_normal(plane.shape, dtype=np.float32))
    return np.clip(np.rint(image), 0, 4095).astype(np.int16), painted


def bias_field(shape: tuple[int, int, int], rng: np.random.Generator, strength: float) -> np.ndarray:
    """A smooth gain about 1, float32: as much as ``strength`` up and down across the image."""
    k, j, i = (np.linspace(-1.0, 1.0, n, dtype=np.float32) for n in shape)
    a = rng.normal(0.0, 0.5, 6)
    field = a[0] * j[None, :, None] + a[1] * i[None, None, :] + a[2] * k[:, None, None]
    field = field + a[3] * (j * j)[None, :, None] + a[4] * (i * i)[None, None, :] + a[5] * j[None, :, None] * i
    field = field - field.mean()
    return np.exp(strength * field / np.abs(field).max()).astype(np.float32)
