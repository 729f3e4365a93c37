"""Volume by voxel fractions: how much of every voxel in and around a deposit is deposit.

The image near a deposit is taken as background + contrast x (point spread * fractions). What is integrated is the
contrast-scaled image over the deposit and a shell around it, so that the result depends neither on a threshold nor
on the last voxel of the given mask. The background comes from a ring beyond the shell, the contrast from the voxels
that the point spread leaves (almost) full, or, where there are none (thin plates, small stones), from the sub-voxel
shape whose blurred picture fits the image best.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage, optimize

from .cut import Cut, signed_distance_mm

FWHM_TO_SIGMA = 1 / (2 * np.sqrt(2 * np.log(2)))
SHELL_FWHM = 1.25
"""Half thickness of the shell outside the mask, in widths of the point spread: 0.1 % of an edge's tail is beyond."""
RING_MM = 1.2
"""Thickness of the ring from which the background is taken; at least three voxels."""
FULL = 0.97
"""A voxel counts as full when the blurred shape fills this much of it."""
ENOUGH_FULL = 30
"""Number of full voxels that give the contrast by themselves."""
AIR_HU = -250.0
"""Voxels of CT below this hold air and tell nothing of the tissue around a deposit."""


@dataclass(frozen=True, eq=False)
class Fractions:
    """The result for one deposit.

    Attributes
    ----------
    volume_mm3, lower_mm3, upper_mm3: the estimate and its 95 % interval.
    background, contrast: image values; ``background + contrast`` is the deposit's own value.
    noise_sd: of one voxel, in image values.
    excess: image minus background, positive for deposit, zero outside the region; float32, shape of the cut.
    region: bool, the voxels that belong to the deposit and its shell.
    smooth: the slightly smoothed excess whose level ``level`` encloses ``volume_mm3``.
    shape: fractions of the shape within that level, 0..1.
    reason: why the voxel count had to serve, None if it had not to.
    """

    volume_mm3: float
    lower_mm3: float
    upper_mm3: float
    background: float
    contrast: float
    noise_sd: float
    excess: np.ndarray
    region: np.ndarray
    smooth: np.ndarray
    level: float
    shape: np.ndarray
    reason: str | None


@dataclass(frozen=True, eq=False)
class Surroundings:
    """Distances and tissue around a deposit."""

    distance_mm: np.ndarray
    region: np.ndarray
    contact: np.ndarray
    background: float
    background_error: float
    noise_sd: float
    noise_voxels: float
    ring_voxels: int


def shell_mm(fwhm_mm: float, spacing_mm: np.ndarray) -> float:
    """How far the shell reaches out from the mask's surface."""
    return max(SHELL_FWHM * fwhm_mm, 1.5 * float(spacing_mm.max()))


def margin_mm(fwhm_mm: float, spacing_mm: np.ndarray) -> float:
    """How much surroundings a cut needs: shell and ring."""
    return shell_mm(fwhm_mm, spacing_mm) + max(RING_MM, 3 * float(spacing_mm.max()))


def survey(cut: Cut, fwhm_mm: float, is_hu: bool) -> Surroundings | None:
    """Find the region, the background and the noise; None where no background is left to measure."""
    shell = shell_mm(fwhm_mm, cut.spacing_mm)
    distance = signed_distance_mm(cut.mask, cut.spacing_mm)
    if cut.foreign.any():
        apart = signed_distance_mm(cut.foreign, cut.spacing_mm)
    else:
        apart = np.full(cut.mask.shape, np.inf, np.float32)
    region = cut.mask | ((distance <= shell) & (distance < apart))
    contact = region & (apart < fwhm_mm)
    ring = (distance > shell) & (apart > shell)
    if is_hu:
        ring &= ~ndimage.binary_dilation(cut.values < AIR_HU, np.ones((3, 3, 3)))
    values = cut.values[ring]
    if values.size < 20:
        return None
    centre = float(np.median(values))
    spread = 1.4826 * float(np.median(np.abs(values - centre))) + 1e-6
    kept = np.abs(values - centre) <= 3 * spread
    level, noise_sd = float(values[kept].mean()), float(values[kept].std()) + 1e-6
    clump = noise_clump(np.where(ring, cut.values - level, 0.0), ring & (np.abs(cut.values - centre) <= 3 * spread))
    error = noise_sd * np.sqrt(clump / kept.sum())
    return Surroundings(distance, region, contact, level, error, noise_sd, clump, int(kept.sum()))


def noise_clump(residual: np.ndarray, valid: np.ndarray) -> float:
    """Number of voxels that share one draw of the noise: product over the axes of 1 + 2 (rho_1 + rho_2), at least 1."""
    clump = 1.0
    variance = float((residual[valid] ** 2).mean())
    for axis in range(3):
        total = 1.0
        for lag in (1, 2):
            ahead = [slice(None)] * 3
            behind = [slice(None)] * 3
            ahead[axis], behind[axis] = slice(lag, None), slice(None, -lag)
            both = valid[tuple(ahead)] & valid[tuple(behind)]
            if both.sum() < 20:
                break
            product = residual[tuple(ahead)][both] * residual[tuple(behind)][both]
            rho = float(product.mean()) / variance
            if rho <= 2 / np.sqrt(both.sum()):
                break
            total += 2 * rho
        clump *= total
    return clump


def measure_fractions(cut: Cut, fwhm_mm: float, is_hu: bool) -> Fractions:
    """Measure one deposit; ``fwhm_mm`` is the point spread without the voxel's own width."""
    around = survey(cut, fwhm_mm, is_hu)
    if around is None:
        return _by_counting(cut, "no tissue around it from which to take the background")
    signed = float(cut.values[cut.mask].mean()) - around.background
    sign = 1.0 if signed >= 0 else -1.0
    excess = np.where(around.region, sign * (cut.values - np.float32(around.background)), 0).astype(np.float32)
    _one_sided(excess, cut.mask, around.contact)
    if abs(signed) < 2 * around.noise_sd / np.sqrt(cut.mask.sum()) or excess.sum() <= 0:
        return _by_counting(cut, "it does not stand out from its surroundings")
    model = _Model(cut, around, excess, fwhm_mm)
    contrast, full = model.contrast()
    level, shape = model.shape(contrast)
    volume, sd = _volume(cut, around, model, contrast, full)
    spread = np.exp(1.96 * sd / volume)
    return Fractions(
        volume_mm3=volume,
        lower_mm3=volume / spread,
        upper_mm3=volume * spread,
        background=around.background,
        contrast=sign * contrast,
        noise_sd=around.noise_sd,
        excess=excess,
        region=around.region,
        smooth=model.smooth,
        level=level,
        shape=shape,
        reason=None,
    )


def edge_misfit(cut: Cut, fwhm_mm: np.ndarray, is_hu: bool) -> np.ndarray | None:
    """How badly each point spread explains the image of one deposit, in noise variances per voxel; None if unclear.

    All widths are judged on the same region. Only deposits that fill voxels can be used: in a thin one a wide point
    spread looks like a low contrast.
    """
    around = survey(cut, float(np.max(fwhm_mm)), is_hu)
    if around is None:
        return None
    sign = 1.0 if float(cut.values[cut.mask].mean()) >= around.background else -1.0
    excess = np.where(around.region, sign * (cut.values - np.float32(around.background)), 0).astype(np.float32)
    _one_sided(excess, cut.mask, around.contact)
    if excess.sum() <= 0:
        return None
    misfits = []
    for width in fwhm_mm.tolist():
        model = _Model(cut, around, excess, width)
        contrast, full = model.contrast(fit=False)
        if full < ENOUGH_FULL:
            return None if not misfits else np.array(misfits + [misfits[-1] * 1e3] * (len(fwhm_mm) - len(misfits)))
        misfits.append(model.misfit(contrast) / around.noise_sd**2)
    return np.array(misfits)


def _by_counting(cut: Cut, reason: str) -> Fractions:
    """Voxel count with half a voxel of doubt on the boundary, where nothing better can be had."""
    volume = float(cut.mask.sum()) * cut.voxel_mm3
    inner = ndimage.binary_erosion(cut.mask)
    doubt = float((cut.mask & ~inner).sum()) * cut.voxel_mm3 / 2
    mask = cut.mask.astype(np.float32)
    return Fractions(
        volume_mm3=volume,
        lower_mm3=max(volume - doubt, 0.0),
        upper_mm3=volume + doubt,
        background=float("nan"),
        contrast=float("nan"),
        noise_sd=float("nan"),
        excess=mask,
        region=cut.mask,
        smooth=ndimage.gaussian_filter(mask, 0.7),
        level=0.5,
        shape=mask,
        reason=f"volume counted in voxels: {reason}",
    )


def _one_sided(excess: np.ndarray, mask: np.ndarray, contact: np.ndarray) -> None:
    """Beside bone or another deposit the given boundary holds: nothing outside it, no overflow inside."""
    excess[contact & ~mask] = 0
    inside = contact & mask
    if inside.any() and (mask & ~contact).any():
        ceiling = float(np.percentile(excess[mask & ~contact], 75))
        np.minimum(excess, ceiling, out=excess, where=inside)


class _Model:
    """Blurred sub-voxel shapes to be compared with the image."""

    def __init__(self, cut: Cut, around: Surroundings, excess: np.ndarray, fwhm_mm: float) -> None:
        self.excess = excess
        self.region = around.region
        self.mask = cut.mask
        self.total = float(excess.sum(dtype=np.float64))
        self.sigma = fwhm_mm * FWHM_TO_SIGMA / cut.spacing_mm
        self.smooth = ndimage.gaussian_filter(excess, 0.6)
        steps = sum(np.abs(np.gradient(self.smooth, axis=a)) for a in range(3) if excess.shape[a] > 1)
        self._index = np.flatnonzero(around.region)
        self._value = self.smooth.ravel()[self._index]
        self._step = np.maximum(steps.ravel()[self._index], 1e-6)

    def shape(self, contrast: float) -> tuple[float, np.ndarray]:
        """The level of the smoothed image that encloses total / contrast voxels, and the fractions within it."""
        wanted = self.total / contrast
        low, high = float(self._value.min()), float(self._value.max())
        for _ in range(30):
            level = (low + high) / 2
            inside = np.clip(0.5 + (self._value - level) / self._step, 0, 1).sum()
            low, high = (level, high) if inside > wanted else (low, level)
        fractions = np.zeros(self.region.shape, np.float32)
        fractions.ravel()[self._index] = np.clip(0.5 + (self._value - level) / self._step, 0, 1)
        return level, fractions

    def blurred(self, contrast: float) -> np.ndarray:
        """The fractions as the point spread shows them."""
        return ndimage.gaussian_filter(self.shape(contrast)[1], self.sigma)

    def misfit(self, contrast: float) -> float:
        """Sum of squares between image and model over the region."""
        residual = (self.excess - contrast * self.blurred(contrast))[self.region]
        return float(np.square(residual).sum(dtype=np.float64))

    def contrast(self, fit: bool = True) -> tuple[float, int]:
        """Contrast of the full deposit and the number of full voxels it rests on (0: fitted, or too few)."""
        inside = np.sort(self.excess[self.mask])
        guess = max(float(inside[inside.size // 2 :].mean()), 1e-6)
        for _ in range(2):
            blurred = self.blurred(guess)
            full = (blurred > FULL) & self.mask
            count = int(full.sum())
            if count < ENOUGH_FULL:
                return (self._fitted(guess) if fit else guess), 0
            guess = float(self.excess[full].mean()) / float(blurred[full].mean())
        return guess, count

    def _fitted(self, guess: float) -> float:
        """The contrast whose blurred shape fits best."""
        found = optimize.minimize_scalar(
            lambda log: self.misfit(float(np.exp(log))),
            bounds=(np.log(guess * 0.7), np.log(guess * 3)),
            method="bounded",
            options={"xatol": 0.003},
        )
        return float(np.exp(found.x))


def _volume(cut: Cut, around: Surroundings, model: _Model, contrast: float, full: int) -> tuple[float, float]:
    """Volume and its standard deviation, mm³."""
    voxels = model.total / contrast
    region = int(around.region.sum())
    noise = around.noise_sd / contrast
    clump = around.noise_voxels
    from_sum = region * clump * noise**2
    from_background = (region - voxels) ** 2 * (around.background_error / contrast) ** 2
    from_contrast = (voxels * noise) ** 2 * clump / max(full, ENOUGH_FULL / 3)
    boundary = around.contact & cut.mask
    from_contact = (0.25 * float(boundary.sum())) ** 2
    from_model = (0.003 * voxels) ** 2
    sd = np.sqrt(from_sum + from_background + from_contrast + from_contact + from_model)
    return voxels * cut.voxel_mm3, float(sd) * cut.voxel_mm3
