"""The sub-voxel shape of a deposit: the level set of its image that, blurred again, looks like the image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

SMOOTH_VOXELS = 0.6
"""Smoothing of the image before level sets are taken."""
BACK_VOXELS = 1.0
"""Smoothing of the residual, beyond the point spread, before it changes the shape: keeps noise out of the shape."""
ROUNDS = 8
"""Rounds in which contrast and shape are fitted together."""
TRUSTED_NOISE = 0.1
"""Noise over contrast at which the image is trusted half as much as without noise: more would draw noise as shape."""
GAIN, MOMENTUM = 2.0, 0.6
"""Part of the residual that goes back in a round, and part of the last round's change that is repeated, at best."""
LARGEST_STEP = 0.15
"""Most that the logarithm of the contrast changes in one round."""
PSF_STEP = 0.05
BISECTIONS = 18


@dataclass(frozen=True, eq=False)
class Fit:
    """Contrast and shape that explain the image.

    Attributes
    ----------
    contrast: excess of a full voxel.
    stiffness: sum of squares of the model's change per unit of log(contrast): noise variance over it is the variance
        of log(contrast).
    peak: how full the blurred shape gets, 0..1: below 1 the contrast is never seen by itself.
    psf_sensitivity: change of log(contrast) per change of log(width of the point spread).
    """

    contrast: float
    stiffness: float
    peak: float
    psf_sensitivity: float


class ShapeModel:
    """Level sets of the excess over the background within a region, blurred by a Gaussian point spread.

    Every contrast C goes with one shape: that which holds total / C voxels, total being the sum of the excess, which
    the blur does not change.
    """

    def __init__(self, excess: np.ndarray, region: np.ndarray, contact: np.ndarray, sigma_voxels: np.ndarray) -> None:
        # Everything is zero outside the region: work on its box and what the blur spreads.
        rim = [(2, 2) if n > 1 else (0, 0) for n in excess.shape]
        self.box = ndimage.find_objects(region.astype(np.uint8))[0]
        self.excess = np.pad(excess[self.box], rim)
        self.region = np.pad(region[self.box], rim)
        self.judged = self.region & ~np.pad(contact[self.box], rim)
        self.sigma = sigma_voxels
        self.total = float(excess.sum(dtype=np.float64))
        self.smooth = ndimage.gaussian_filter(self.excess, SMOOTH_VOXELS)
        self._whole = region.shape
        self._core = tuple(slice(a, n - b) for (a, b), n in zip(rim, self.excess.shape, strict=True))

    def blur(self, values: np.ndarray) -> np.ndarray:
        """The point spread."""
        return ndimage.gaussian_filter(values, self.sigma, truncate=3.5)

    def shape(self, contrast: float) -> tuple[float, np.ndarray]:
        """Level and voxel fractions of the shape that goes with a contrast, from the voxels as they are."""
        level, fractions, _ = level_set(self.smooth, self.region, self.total / contrast, fine=False)
        return level, fractions

    def to_cut(self, values: np.ndarray) -> np.ndarray:
        """An array of the model as one of the whole cut."""
        whole = np.zeros(self._whole, np.float32)
        whole[self.box] = values[self._core]
        return whole

    def of_cut(self, values: np.ndarray) -> np.ndarray:
        """An array of the whole cut as one of the model, zero or False in the rim."""
        part = np.zeros(self.region.shape, values.dtype)
        part[self._core] = values[self.box]
        return part

    def misfit(self, contrast: float) -> float:
        """Sum of squares between image and model over the region."""
        residual = (self.excess - contrast * self.blur(self.shape(contrast)[1]))[self.judged]
        return float(np.square(residual).sum(dtype=np.float64))

    def fit(self, contrast: float, noise: float = 0.0) -> Fit:
        """Gauss-Newton for the contrast; between its steps the residual is blurred back into the level function.

        The first moves all of the surface (a higher contrast goes with a thinner shape), the second lets it move
        where it should: rims and tips, which the blur has rounded off. The less noise there is the faster that goes
        (heavy-ball momentum, Polyak 1964). ``smooth`` is improved in place. ``noise``: standard deviation of a
        voxel times the root of the number of voxels that share one draw, in image values.
        """
        back = np.hypot(self.sigma, BACK_VOXELS)
        stiffness, peak, sensitivity = 0.0, 1.0, 0.0
        change_of_shape: np.ndarray | float = 0.0
        for round_number in range(ROUNDS):
            _, fractions, surface = level_set(self.smooth, self.region, self.total / contrast, fine=True)
            blurred = self.blur(fractions)
            residual = np.where(self.judged, self.excess - contrast * blurred, 0)
            # d model / d log(contrast): brighter by itself, thinner by the same volume taken off its surface.
            change = contrast * (blurred - float(fractions.sum(dtype=np.float64)) * self.blur(surface))[self.judged]
            stiffness = float(np.square(change).sum(dtype=np.float64))
            if stiffness <= 0:
                break
            if round_number == ROUNDS - 1:
                peak = float(blurred.max())
                wider = ndimage.gaussian_filter(fractions, self.sigma * (1 + PSF_STEP))
                bulge = contrast * (wider - blurred)[self.judged] / PSF_STEP
                sensitivity = -float((bulge * change).sum(dtype=np.float64)) / stiffness
            step = float((residual[self.judged] * change).sum(dtype=np.float64)) / stiffness
            contrast *= float(np.exp(np.clip(step, -LARGEST_STEP, LARGEST_STEP)))
            trust = 1 / (1 + (noise / contrast / TRUSTED_NOISE) ** 2)
            gain = 1 + (GAIN - 1) * trust
            change_of_shape = MOMENTUM * trust * change_of_shape + gain * ndimage.gaussian_filter(residual, back)
            self.smooth = self.smooth + change_of_shape
        return Fit(contrast, stiffness, peak, sensitivity)


def level_set(
    values: np.ndarray, region: np.ndarray, wanted: float, fine: bool
) -> tuple[float, np.ndarray, np.ndarray]:
    """The level within which ``wanted`` voxels lie, the fraction of every voxel within it, and where its surface is.

    The fraction follows from the distance to the surface, (value - level) / slope, over the width of a voxel.
    ``fine``: on half-sized voxels, for bodies of one or two voxels' thickness. The surface sums to 1.
    """
    part, inside, shape = values, region, values.shape
    if fine:
        part = _halved(part)
        inside = inside.repeat(2, 0).repeat(2, 1).repeat(2, 2)
    steps = np.sqrt(sum(np.square(np.gradient(part, axis=a)) for a in range(3) if part.shape[a] > 1))
    value, step = part[inside], np.maximum(steps[inside], 1e-6)
    target = wanted * 8 if fine else wanted
    level = level_of(value, step, target)
    ramp = 0.5 + (value - level) / step
    fractions = _spread(np.clip(ramp, 0, 1), inside, shape, fine)
    surface = _spread((np.abs(ramp - 0.5) < 0.5).astype(np.float32), inside, shape, fine)
    return level, fractions, surface / max(float(surface.sum()), 1e-9)


def level_of(value: np.ndarray, step: np.ndarray, wanted: float) -> float:
    """The level above which ``wanted`` voxels lie: each counts by (value - level) / step, from 0 to 1 about its middle.

    ``step``: how much the value changes over the width of a voxel, positive.
    """
    low, high = float(value.min()), float(value.max())
    level = (low + high) / 2
    for number in range(BISECTIONS):
        count = float(np.clip(0.5 + (value - level) / step, 0, 1).sum())
        low, high = (level, high) if count > wanted else (low, level)
        level = (low + high) / 2
        if number in (2, 5, 8):
            # What is full or empty at all levels still in question need not be looked at again.
            full = value - step / 2 >= high
            undecided = ~full & (value + step / 2 > low)
            wanted -= int(full.sum())
            value, step = value[undecided], step[undecided]
    return level


def _halved(values: np.ndarray) -> np.ndarray:
    """Linear interpolation to voxels of half the size, edges continued."""
    for axis in range(3):
        padded = np.pad(values, [(1, 1) if a == axis else (0, 0) for a in range(3)], mode="edge")
        count = values.shape[axis]
        before = np.take(padded, range(count), axis)
        after = np.take(padded, range(2, count + 2), axis)
        pair = np.stack([0.75 * values + 0.25 * before, 0.75 * values + 0.25 * after], axis + 1)
        values = pair.reshape([n * 2 if a == axis else n for a, n in enumerate(values.shape)])
    return values


def _spread(found: np.ndarray, inside: np.ndarray, shape: tuple[int, ...], fine: bool) -> np.ndarray:
    """Values of the voxels ``inside`` as an array of ``shape``; half-sized voxels are averaged."""
    full = np.zeros(inside.shape, np.float32)
    full[inside] = found
    return full.reshape(shape[0], 2, shape[1], 2, shape[2], 2).mean((1, 3, 5)) if fine else full
