"""What lies around a deposit: where it may reach to, the tissue's value there, and the noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .cut import Cut, signed_distance_mm

SHELL_FWHM = 1.25
"""Half thickness of the shell outside the mask, in widths of the point spread: 0.1 % of an edge's tail is beyond."""
RING_MM = 1.2
"""Thickness of the ring from which the background is taken; at least three voxels."""
AIR_HU = -250.0
"""Voxels of CT below this hold air and tell nothing of the tissue around a deposit."""
LEAST_RING = 20
"""Fewest voxels from which a background is taken."""
OUTLIER = 3.0
"""Ring voxels farther than this many (robust) standard deviations from the median are something else."""
QUANTUM = 1 / np.sqrt(12)
"""Standard deviation that rounding to whole image values leaves."""


@dataclass(frozen=True, eq=False)
class Surroundings:
    """The region to integrate over, and the tissue beyond it.

    Attributes
    ----------
    distance_mm: signed distance to the mask's surface, negative inside.
    region: bool, shape of the cut; deposit and shell, without what is nearer to a neighbour.
    contact: bool; the part of the region that a neighbour's blur reaches.
    background, background_error: the tissue's value and its standard deviation.
    noise_sd: standard deviation of one voxel; ``clump`` is the number of voxels that share one draw of it.
    """

    distance_mm: np.ndarray
    region: np.ndarray
    contact: np.ndarray
    background: float
    background_error: float
    noise_sd: float
    clump: float


def shell_mm(fwhm_mm: float, spacing_mm: np.ndarray) -> float:
    """How far the shell reaches out from the mask's surface."""
    return max(SHELL_FWHM * fwhm_mm, 1.5 * float(spacing_mm.max()))


def margin_mm(fwhm_mm: float, spacing_mm: np.ndarray) -> float:
    """How much surroundings a cut needs: shell and ring."""
    return shell_mm(fwhm_mm, spacing_mm) + max(RING_MM, 3 * float(spacing_mm.max()))


def survey(cut: Cut, fwhm_mm: float, is_hu: bool) -> Surroundings | None:
    """Find region, background and noise; None where no tissue is left to measure."""
    shell = shell_mm(fwhm_mm, cut.spacing_mm)
    distance = signed_distance_mm(cut.mask, cut.spacing_mm)
    if cut.foreign.any():
        apart = signed_distance_mm(cut.foreign, cut.spacing_mm)
    else:
        apart = np.full(cut.mask.shape, np.inf, np.float32)
    region = cut.mask | ((distance <= shell) & (distance < apart))
    contact = region & (apart < fwhm_mm)
    ring = _ring(cut, distance, apart, shell, is_hu)
    if ring is None:
        return None
    values = cut.values[ring].astype(np.float64)
    centre = float(np.median(values))
    spread = 1.4826 * float(np.median(np.abs(values - centre))) + QUANTUM
    kept = ring & (np.abs(cut.values - np.float32(centre)) <= OUTLIER * spread)
    background = float(cut.values[kept].mean(dtype=np.float64))
    residual = np.where(kept, cut.values - np.float32(background), 0)
    noise_sd = float(np.hypot(np.sqrt((residual[kept].astype(np.float64) ** 2).mean()), QUANTUM))
    clump = noise_clump(residual, kept, noise_sd)
    error = noise_sd * float(np.sqrt(clump / kept.sum()))
    return Surroundings(distance, region, contact, background, error, noise_sd, clump)


def _ring(cut: Cut, distance: np.ndarray, apart: np.ndarray, shell: float, is_hu: bool) -> np.ndarray | None:
    """Voxels of tissue beyond the shell; nearer to neighbours, and then to the deposit, where there are few."""
    tissue = ~cut.foreign
    air = cut.values < AIR_HU
    if is_hu and air.any():
        tissue &= ~ndimage.binary_dilation(air, np.ones((3, 3, 3)))
    for near, beside in ((1.0, 1.0), (1.0, 0.5), (0.5, 0.5), (0.5, 0.25)):
        ring = tissue & (distance > near * shell) & (apart > beside * shell)
        if int(ring.sum()) >= LEAST_RING:
            return ring
    return None


def noise_clump(residual: np.ndarray, valid: np.ndarray, noise_sd: float) -> float:
    """Number of voxels that share one draw of the noise: product over the axes of 1 + 2 (rho_1 + rho_2 + ...).

    The autocorrelation is followed along each axis as far as it can be told from zero, three voxels at most.
    """
    clump = 1.0
    for axis in range(3):
        total = 1.0
        for lag in (1, 2, 3):
            ahead, behind = [slice(None)] * 3, [slice(None)] * 3
            ahead[axis], behind[axis] = slice(lag, None), slice(None, -lag)
            both = int((valid[tuple(ahead)] & valid[tuple(behind)]).sum())
            if both < LEAST_RING:
                break
            product = (residual[tuple(ahead)] * residual[tuple(behind)]).sum(dtype=np.float64)
            rho = float(product) / both / noise_sd**2
            if rho <= 2 / np.sqrt(both):
                break
            total += 2 * rho
        clump *= total
    return clump
