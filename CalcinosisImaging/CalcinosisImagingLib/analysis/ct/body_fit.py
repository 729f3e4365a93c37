"""Contrast and sub-voxel shape of one body: the level set that, imaged by the scanner, looks like the scan."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .crops import finer, median
from .psf import Imaging

ROUNDS = 40
SETTLED = 0.006
"""The fit ends when its further steps would change the contrast by less than this part."""
LEAST_ROUNDS = 3
OFFSET_ROUNDS = (2, 4, 8, 16, 32)
"""Rounds in which the level of the background is looked at again."""
LARGEST_STEP = 0.3
MOMENTUM = 0.5
DOUBT = 1.0
"""Of the residual only what exceeds so many standard deviations of the noise changes the shape."""
EMPTY = 0.01
"""Voxels that the body fills less than this tell the level of the background."""
OUTLIER = 3.0
LEAST_EMPTY = 50


@dataclass(frozen=True, eq=False)
class BodyTask:
    """What is known before a body is fitted.

    Attributes
    ----------
    region: (K, J, I) bool, where the body may be.
    tissue: bool, what is either body or background.
    contrast_hu: a first guess.
    imaging, back: the scanner, and the same without overshoot for the way back.
    doubt_hu: standard deviation of noise that is blurred like the residual.
    times: finer voxels along each axis of a voxel.
    """

    region: np.ndarray
    tissue: np.ndarray
    contrast_hu: float
    imaging: Imaging
    back: Imaging
    doubt_hu: float
    times: int

    @cached_property
    def fine_region(self) -> np.ndarray:
        """Flat indices of the finer voxels of the region."""
        return np.flatnonzero(_repeated(self.region, self.times))


@dataclass(frozen=True, eq=False)
class BodyFit:
    """Result of `fit_body`.

    Attributes
    ----------
    contrast_hu: excess of a full voxel over the background.
    fine: share of every finer voxel that is body; float32.
    level: the level function on the finer voxels; the body is its level set of ``fine.sum()`` voxels.
    stiffness: sum of squares of the image's change per unit of log(contrast): the noise's variance over it is the
        variance of log(contrast) for a shape that is known.
    """

    contrast_hu: float
    fine: np.ndarray
    level: np.ndarray
    stiffness: float


def fit_body(excess: np.ndarray, start: np.ndarray, task: BodyTask) -> BodyFit:
    """Find the contrast and the shape whose image is the scan's.

    Every contrast goes with a volume, because the blur does not change the integral of the image. The shape is a level
    set that holds that volume. Gauss-Newton steps for the contrast (a brighter body is a thinner one) alternate with
    blurring the residual back into the level function (Van Cittert 1931, for a binary body; with momentum), which
    restores rims, tips and meshes.

    Parameters
    ----------
    excess: (K, J, I) image minus background, HU.
    start: the same, smoothed: the first level function.
    """
    region, tissue, times, contrast = task.region, task.tissue, task.times, task.contrast_hu
    level = finer(start, times) / np.float32(contrast)
    inside = region.astype(np.float32)
    excess = np.where(region | tissue, excess, 0).astype(np.float32)
    doubt = np.float32(DOUBT * task.doubt_hu)
    kept, change, last = 1.0, np.zeros_like(level), np.inf
    for number in range(ROUNDS):
        total = max(_dot(excess, inside), 1.0)
        fraction, surface = level_set(level, task.fine_region, total / contrast / kept * times**3)
        image, rim = task.imaging(fraction), task.imaging(surface)
        size = float(fraction.sum())
        kept = min(max(_dot(image, inside) / size * times**3, 0.7), 1.3)
        residual = excess - np.float32(contrast) * image
        if number in OFFSET_ROUNDS:
            offset = _offset(residual[tissue & (np.abs(image) < EMPTY)])
            excess -= offset
            residual -= offset
        residual *= inside
        derivative = (image - np.float32(size) * rim) * inside
        stiffness = max(contrast * _dot(derivative, derivative), 1e-6)
        step = _dot(residual, derivative) / stiffness
        if number + 1 == ROUNDS or (number >= LEAST_ROUNDS and _to_come(step, last) < SETTLED):
            break
        last = step
        contrast *= float(np.exp(min(max(step, -LARGEST_STEP), LARGEST_STEP)))
        push = task.back.back(residual)
        push -= np.clip(push, -doubt, doubt)
        push *= np.float32(1.0 / contrast)
        change *= np.float32(MOMENTUM)
        change += push
        level += change
    return BodyFit(contrast, fraction, level, contrast * stiffness)


def _to_come(step: float, last: float) -> float:
    """What all further steps would add up to, if they shrink as the last one did."""
    rate = min(abs(step) / max(abs(last), 1e-9), 0.98)
    return abs(step) / (1.0 - rate)


def _dot(a: np.ndarray, b: np.ndarray) -> float:
    """Sum of products."""
    return float((a * b).sum())


def _offset(values: np.ndarray) -> np.float32:
    """Level of the background that is left in the residual of voxels that the body hardly fills."""
    if values.size < LEAST_EMPTY:
        return np.float32(0.0)
    away = np.abs(values - median(values))
    return np.float32(values[away <= OUTLIER * 1.4826 * median(away)].mean(dtype=np.float64))


def level_set(level: np.ndarray, where: np.ndarray, wanted: float) -> tuple[np.ndarray, np.ndarray]:
    """The level set of ``wanted`` voxels: share of every voxel within it, and its surface (which sums to 1).

    A voxel's share follows from the distance of its centre to the surface, (value - level) / slope.

    Parameters
    ----------
    level: (K, J, I) float32 level function.
    where: flat indices of the voxels that may belong.
    """
    value = level.ravel().take(where)
    steep = 1.0 / np.maximum(_slopes(level, where), np.float32(1e-6))
    wanted = min(max(wanted, 1.0), value.size - 1.0)
    rank = int(value.size - wanted)
    cut = float(np.partition(value, rank)[rank])
    ramp, share = np.empty_like(value), np.empty_like(value)
    for _ in range(6):
        np.subtract(value, np.float32(cut), out=ramp)
        ramp *= steep
        ramp += np.float32(0.5)
        np.minimum(np.maximum(ramp, np.float32(0.0), out=share), np.float32(1.0), out=share)
        on = np.flatnonzero(share == ramp)
        missing = float(share.sum()) - wanted
        density = float(steep[on].sum())
        if density <= 0 or abs(missing) < 1e-3 * wanted:
            break
        cut += missing / density
    fraction, surface = np.zeros((2, level.size), np.float32)
    fraction[where] = share
    surface[where[on]] = 1.0 / max(on.size, 1)
    return fraction.reshape(level.shape), surface.reshape(level.shape)


def _slopes(level: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Size of the gradient per voxel at flat indices, 0 beyond the array's border."""
    square, step = np.zeros((2, level.size), np.float32)
    values = level.ravel()
    stride = level.size
    for count in level.shape:
        stride //= count
        # On the flat array, which is fast; what then goes over a border is wrong and taken out.
        np.subtract(values[2 * stride :], values[: -2 * stride], out=step[stride:-stride])
        faces = step.reshape(-1, count, stride)
        faces[:, 0] = faces[:, -1] = 0
        step *= step
        square += step
    return np.float32(0.5) * np.sqrt(square.take(where))


def _repeated(array: np.ndarray, times: int) -> np.ndarray:
    """Every voxel as ``times``^3 finer ones."""
    return array.repeat(times, 0).repeat(times, 1).repeat(times, 2)
