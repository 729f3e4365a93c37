"""Streaks that metal throws across the slices of a CT."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

METAL_HU = 3500.0
"""Denser than any bone or deposit."""
ANGLES = 60
STRENGTH_HU = 450.0
"""Size of the streaks' error at the metal itself."""
BIN = 2


def add_streaks(image: np.ndarray, rng: np.random.Generator) -> None:
    """Add streaks to each slice that holds metal, in place.

    Beam hardening and starvation make the projections through much metal wrong; the error is taken as the square of
    the length of metal, filtered by a ramp and projected back, as filtered back projection does.
    """
    for plane in image:
        metal = plane > METAL_HU
        if metal.any():
            plane += _streaks(metal, rng)


def _streaks(metal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Streaks of one slice, HU; worked out on pixels `BIN` times as large."""
    rows, columns = metal.shape
    small = np.zeros((-(-rows // BIN), -(-columns // BIN)), np.float32)
    np.add.at(small, tuple(index // BIN for index in np.nonzero(metal)), 1.0 / BIN**2)
    j, i = np.nonzero(small)
    weight = small[j, i]
    centre_j, centre_i = (n / 2.0 for n in small.shape)
    half = int(np.ceil(np.hypot(*small.shape) / 2.0)) + 2
    grid_j, grid_i = np.mgrid[: small.shape[0], : small.shape[1]].astype(np.float32)
    total = np.zeros_like(small)
    for angle in np.linspace(0.0, np.pi, ANGLES, endpoint=False):
        c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        profile = np.bincount(
            np.rint((i - centre_i) * c + (j - centre_j) * s).astype(int) + half, weight, minlength=2 * half + 1
        )
        error = profile**2 * (1.0 + 0.2 * rng.standard_normal(profile.size))
        ramp = error - 0.5 * (np.roll(error, 1) + np.roll(error, -1))
        where = (grid_i - centre_i) * c + (grid_j - centre_j) * s + half
        total -= np.interp(where.ravel(), np.arange(ramp.size), ramp).reshape(where.shape).astype(np.float32)
    total *= STRENGTH_HU / max(float(np.abs(total).max()), 1e-6)
    return ndimage.zoom(total, BIN, order=1)[:rows, :columns]
