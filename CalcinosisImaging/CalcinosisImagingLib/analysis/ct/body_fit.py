"""Contrast and sub-voxel shape of one body: the level set that, imaged by the scanner, looks like the scan."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from .crops import finer, median
from .noise import Noise
from .psf import Imaging

ROUNDS = 40
SETTLED = 0.006
"""The fit ends when its further steps would change the contrast by less than this part."""
LEAST_ROUNDS = 3
OFFSET_ROUNDS = (2, 4, 8, 16, 32)
"""Rounds in which the level of the background is looked at again."""
LARGEST_STEP = 0.3
LEAST_MM3 = 3.0
"""A smaller body is not fitted again: its volume is its integral over a contrast that hardly shows."""
FULL = 0.9
"""A voxel so full shows the contrast."""
CLEAR = 8.0
"""Contrast over noise from which thick and thin can be told."""
THIN, THIN_TIMES, HELD_ROUNDS = 0.05, 2.0, 8
"""A body of which less than this part is full in the image is fitted once more, from so many times the contrast, held
for so many rounds."""
FAINT, KNOWN_WITHIN = 12.0, 0.1
"""A body whose contrast is less than so many standard deviations of the noise is given that of its inner voxels, if
they tell it within this part."""
KNOWN_ROUNDS = 12
"""With the contrast known the shape has followed by then."""
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
    imaging, back: the scanner, and the same without overshoot for the way back.
    contrast_hu: a first guess.
    noise_hu, doubt_hu: standard deviations of a voxel's noise, and of noise that is blurred like the residual.
    times: finer voxels along each axis of a voxel.
    voxel_mm3: volume of a voxel.
    contrast_known: the contrast is that of the body's inner voxels, and only the shape is looked for.
    """

    region: np.ndarray
    tissue: np.ndarray
    imaging: Imaging
    back: Imaging
    contrast_hu: float
    noise_hu: float
    doubt_hu: float
    times: int
    voxel_mm3: float
    contrast_known: bool = False

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
    full_share: how much of the body is full in its image: there it shows its contrast by itself.
    misfit: mean square of what the fit does not explain, HU².
    apart: difference of log(volume) between the thick and the thin end, where both were tried.
    """

    contrast_hu: float
    fine: np.ndarray
    level: np.ndarray
    stiffness: float
    full_share: float
    misfit: float
    apart: float = 0.0


def fit_body(excess: np.ndarray, start: np.ndarray, task: BodyTask) -> BodyFit:
    """Find the contrast and the shape whose image is the scan's.

    Every contrast goes with a volume, because the blur does not change the integral of the image. The shape is a level
    set that holds that volume. Gauss-Newton steps for the contrast (a brighter body is a thinner one) alternate with
    blurring the residual back into the level function (Van Cittert 1931, for a binary body; with momentum), which
    restores rims, tips and meshes.

    What is as thin as the blur all through looks the same when thicker and fainter. The fit begins at the thick end,
    with the smoothed image, and ends where the residual is small enough, before threads are as thin as they are. From
    there it goes on from the thin end, with the contrast held high until the shape has followed.

    Parameters
    ----------
    excess: (K, J, I) image minus background, HU.
    start: the same, smoothed: the first level function.
    """
    level = finer(start, task.times) / np.float32(task.contrast_hu)
    fit = _fit(excess, level, task.contrast_hu, task, held=KNOWN_ROUNDS if task.contrast_known else 0)
    faint = fit.contrast_hu < CLEAR * task.noise_hu or task.contrast_known
    if faint or is_small(fit, task) or fit.full_share >= THIN:
        return fit
    thin = _fit(excess, fit.level, THIN_TIMES * fit.contrast_hu, task, held=HELD_ROUNDS)
    apart = abs(float(np.log(fit.fine.sum(dtype=np.float64) / thin.fine.sum(dtype=np.float64))))
    return replace(thin if thin.misfit < fit.misfit else fit, apart=apart)


def with_known_contrast(task: BodyTask, contrast_hu: float, voxels: int, noise: Noise) -> BodyTask:
    """The task with a faint body's contrast as its inner voxels show it, if they are enough.

    In noise the fit takes the brighter voxels for the body, and finds it too bright and too small.

    Parameters
    ----------
    contrast_hu: median of the inner voxels over the background.
    voxels: how many inner voxels there are.
    noise: of a voxel, and its grain.
    """
    doubt = noise.hu * np.sqrt(noise.clump / voxels)
    if contrast_hu > FAINT * noise.hu or doubt > KNOWN_WITHIN * contrast_hu:
        return task
    return replace(task, contrast_hu=contrast_hu, contrast_known=True)


def is_small(fit: BodyFit, task: BodyTask) -> bool:
    """Whether a body is so small that nothing but its integral shows."""
    return float(fit.fine.sum(dtype=np.float64)) / task.times**3 * task.voxel_mm3 < LEAST_MM3


def _fit(excess: np.ndarray, level: np.ndarray, contrast: float, task: BodyTask, held: int = 0) -> BodyFit:
    """One run of `fit_body` from a level function and a contrast that is ``held`` for so many rounds."""
    region, tissue, times = task.region, task.tissue, task.times
    inside = region.astype(np.float32)
    excess = np.where(region | tissue, excess, 0).astype(np.float32)
    doubt = np.float32(DOUBT * task.doubt_hu)
    level = level.copy()
    kept, change, last = 1.0, np.zeros_like(level), np.inf
    for number in range(held + ROUNDS):
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
        if number >= held:
            step = _dot(residual, derivative) / stiffness
            settled = number >= held + LEAST_ROUNDS and _to_come(step, last) < SETTLED
            settled = settled or task.contrast_known
            if number + 1 == held + ROUNDS or settled:
                break
            last = step
            contrast *= float(np.exp(min(max(step, -LARGEST_STEP), LARGEST_STEP)))
        push = task.back.back(residual)
        push -= np.clip(push, -doubt, doubt)
        push *= np.float32(1.0 / contrast)
        change *= np.float32(MOMENTUM)
        change += push
        level += change
    misfit = _dot(residual, residual) / max(float(inside.sum()), 1.0)
    full_share = float((image > FULL).sum()) * times**3 / float(fraction.sum(dtype=np.float64))
    return BodyFit(contrast, fraction, level, contrast * stiffness, full_share, misfit)


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
