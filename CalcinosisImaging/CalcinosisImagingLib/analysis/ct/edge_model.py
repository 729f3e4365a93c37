"""Profiles across an edge, and what the scanner makes of an edge."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from .psf import FAR, WIDER


def profile(hu: np.ndarray, points: np.ndarray, axis: int, reach: int) -> np.ndarray:
    """Values along an axis from ``-reach`` to ``reach`` around each point, (N, 2 reach + 1), float."""
    unit = np.eye(3, dtype=int)[axis]
    return np.stack([hu[tuple((points + d * unit).T)].astype(float) for d in range(-reach, reach + 1)], axis=1)


def step(x: np.ndarray, h: np.ndarray | float, sigma: np.ndarray | float, gain: float, far: float) -> np.ndarray:
    """A unit step at 0 as a voxel of width ``h`` shows it, blurred by `psf.PointSpread`; all in mm."""
    terms = ((1 + gain - far, 1.0), (-gain, WIDER), (far, FAR))
    return sum(weight * _blurred_step(x, h, ratio * sigma) for weight, ratio in terms)


def _blurred_step(x: np.ndarray, h: np.ndarray | float, sigma: np.ndarray | float) -> np.ndarray:
    """Mean of a Gaussian-blurred unit step over a voxel."""

    def integral(y: np.ndarray) -> np.ndarray:
        return y * ndtr(y / sigma) + sigma * np.exp(-0.5 * (y / sigma) ** 2) / np.sqrt(2 * np.pi)

    return (integral(x + h / 2) - integral(x - h / 2)) / h
