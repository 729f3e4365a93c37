"""The edge, the plateau and the voxel fractions of one deposit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from scipy import ndimage
from scipy.special import ndtri

from .background import background
from .body_fit import BodyTask, fit_body, with_known_contrast
from .crops import averaged, away_mm, highest_near, median, smoothed_crop
from .densities import INNER_SHARE, evened, mantle, plateau_hu, softer_part
from .grid import Box, grow_box
from .noise import Noise
from .psf import Imaging, PointSpread
from .unbias import relative_sd, unbiased

FINE_VOXELS = 500_000
"""More finer voxels than this are not used: large bodies are outlined on the scan's own."""
NOT_TISSUE_HU = -250.0
DENSE_HU = 150.0
"""What is so much denser than soft tissue is not background."""
SMOOTHED_DEPTH = 0.25
"""Part of a body's depth by which its image may be smoothed."""
RING_MM = 1.6
PEAK_MM = 1.3
"""Reach within which the height of a bone or another body is taken: about a shell's thickness."""
HALO_ROUNDS, HALO_STEP, HALO_LEAST = 3, (0.5, 1.5), 30.0
"""How often heights of bones and other bodies are made to explain the scan, by which factors at most, and the least
image (HU) by which that is told."""
SMOOTH_MM = (0.25, 0.3, 0.36, 0.43, 0.5)
QUIET = 0.06
"""Noise relative to a body's contrast above which its image is smoothed more: else noise is drawn as shape, and the
brighter voxels it picks make the body too bright and too small."""
REACH_SIGMAS = 1.7
"""How far beyond its surface a body's image is summed up. More holds more of its blur, which is known, but also more of
fat, skin and mottle, which are not the background that was carried inwards."""
FULL_SIGMAS = 1.3
"""A voxel so deep under the surface is full but for a tenth."""
RIM = (0.02, 0.9)
"""Limits of what a body's image may have at the surface of the first guess, relative to its height."""
UNEXPLAINED = 3.0
"""Misfit, in variances of the noise, from which one density does not explain a body: knots of a net look like cores."""
EXPLAINED = 1.0
"""And below which a mantle explains it."""
BACK_VOXELS = 0.5
"""The way back is blurred by this much more, so that noise does not roughen the shape."""


@dataclass(frozen=True, eq=False)
class Delineated:
    """Result of `delineate`, on the crop: ``mask`` and ``fraction`` (0..1, float32), and the levels found (HU).

    ``doubt`` tells the standard deviation of the logarithm of the volume.
    """

    mask: np.ndarray
    fraction: np.ndarray
    background_hu: float
    contrast_hu: float
    volume_mm3: float
    doubt: Callable[[], float]

    @property
    def relative_sd(self) -> float:
        """Standard deviation of the logarithm of the volume; worked out when asked for."""
        return self.doubt()


def margin_mm(psf: PointSpread) -> float:
    """How much surroundings `delineate` needs around the first guess of the body."""
    return REACH_SIGMAS * max(psf.sigma_mm) + RING_MM


def delineate(
    hu: np.ndarray,
    own: np.ndarray,
    blocked: np.ndarray,
    soft_hu: float,
    noise: Noise,
    psf: PointSpread,
    spacing: np.ndarray,
    depth_mm: np.ndarray | None = None,
    streak_hu: float = 0.0,
) -> Delineated:
    """Outline one deposit.

    The image there is background plus contrast times the blurred body. The background is the tissue around, carried
    inwards; contrast and body are those whose image is most like the scan (`body_fit.fit_body`), less what such a fit
    adds to a body of that kind (`unbias.unbiased`).

    Parameters
    ----------
    hu, own, blocked: (K, J, I) crops: image, first guess of the body, voxels of bones and of other bodies.
    soft_hu: usual level of soft tissue.
    depth_mm: of every voxel under the skin (`skin_depth`); None: tissue has no layers.
    streak_hu: contrast that streaks of metal may have there: no fainter mantle is looked for around a core.
    """
    sigma = float(np.mean(psf.sigma_mm))
    away = away_mm(own, spacing)
    tissue = (hu > NOT_TISSUE_HU) & (hu < soft_hu + DENSE_HU)
    inside = np.sort(smoothed_crop(hu, SMOOTH_MM[0] / spacing)[own]) - soft_hu
    outward = _outward(inside, sigma)
    beyond = REACH_SIGMAS * sigma + 0.5 * float(spacing.mean()) - min(outward, 0.0)
    around = tissue & (away > beyond) & (away <= beyond + RING_MM) & ~_widened(blocked, spacing, 2.5 * sigma)
    without = background(hu, around, soft_hu, spacing, depth_mm)
    excess = hu - without
    if blocked.any():
        excess -= _halo(excess, blocked, psf, spacing)
    inner = own & ~blocked & (away <= -outward - FULL_SIGMAS * sigma)
    plateau = plateau_hu(hu, inner, noise.hu)
    if plateau is not None:
        excess *= evened(plateau, without, own)
    smooth, smooth_mm = _smoothed(excess, own, -float(away.min()), noise, spacing)
    wider = PointSpread(tuple(np.hypot(psf.sigma_mm, BACK_VOXELS * spacing).tolist()))
    doubt_hu = _blurred_noise(excess, around, np.array(wider.sigma_mm) / spacing)
    free = ~blocked & (hu > NOT_TISSUE_HU)

    def task_of(image: np.ndarray) -> tuple[BodyTask, Box]:
        """What is known of the body before it is fitted, and the part of the crop that holds it."""
        inside = np.sort(image[own])
        reach = ((away <= sigma * REACH_SIGMAS - _outward(inside, sigma)) | own) & free
        tight = ndimage.find_objects(reach.view(np.uint8))[0]
        box = grow_box(tight, 1, hu.shape)
        within = tuple(slice(t.start - b.start, t.stop - b.start) for t, b in zip(tight, box, strict=True))
        shape = tuple(s.stop - s.start for s in box)
        times = 2 if 8 * np.prod(shape) <= FINE_VOXELS else 1
        scanner = Imaging(shape, spacing, psf, times, within), Imaging(shape, spacing, wider, times, within)
        levels = _high(inside), noise.hu, doubt_hu
        return BodyTask(reach[box], (tissue & ~blocked)[box], *scanner, *levels, times, float(np.prod(spacing))), box

    task, box = task_of(smooth)
    if plateau is not None:
        task = with_known_contrast(task, plateau - float(without[own].mean()), int(inner.sum()), noise)
    first = fit_body(excess[box], smooth[box], task)
    if first.misfit > UNEXPLAINED * noise.hu**2:
        outward = _outward(np.sort(smooth[own]), sigma)
        inner = own & ~blocked & (away <= -outward - FULL_SIGMAS * sigma)
        core = np.float32(first.contrast_hu) * task.imaging(first.fine)
        softer, limit = None, np.inf
        if inner.sum() > INNER_SHARE * own.sum():
            softer = softer_part(smooth, inner, smooth[around], spacing)
        if softer is None:
            softer = mantle(excess[box], core, (own & ~blocked)[box], noise.hu * np.sqrt(noise.clump))
            limit = EXPLAINED * noise.hu**2 if softer is None or softer > streak_hu else 0.0
        if softer is not None:
            low = np.minimum(smooth, softer)
            whole, wider_box = task_of(low)
            second = fit_body(np.minimum(excess, softer)[wider_box], low[wider_box], replace(whole, contrast_hu=softer))
            if second.misfit < limit:
                first, task, box = second, whole, wider_box
    found = unbiased(first, task, noise, smooth_mm, spacing)
    doubt = partial(relative_sd, first, found, task, noise)
    fraction = averaged(found.fine, task.times)
    return _result(hu.shape, box, fraction, own, without, found.contrast_hu, doubt, task.voxel_mm3)


def _result(
    shape: tuple[int, ...],
    box: Box,
    fraction: np.ndarray,
    own: np.ndarray,
    background: np.ndarray,
    contrast: float,
    doubt: Callable[[], float],
    voxel_mm3: float,
) -> Delineated:
    """Put the body back into its crop."""
    whole = np.zeros(shape, np.float32)
    whole[box] = fraction
    mask = whole >= 0.5
    if not mask.any():
        mask = whole >= 0.5 * float(whole.max()) if whole.any() else own
    return Delineated(
        mask, whole, float(background[mask].mean()), contrast, float(whole.sum(dtype=np.float64)) * voxel_mm3, doubt
    )


def _smoothed(
    excess: np.ndarray, own: np.ndarray, deepest_mm: float, noise: Noise, spacing: np.ndarray
) -> tuple[np.ndarray, float]:
    """The image smoothed as much as its noise asks for and the body's depth allows, and by how much (mm)."""
    for smooth_mm in SMOOTH_MM:
        smooth = smoothed_crop(excess, smooth_mm / spacing)
        quiet = noise.smoothed_hu(smooth_mm / spacing) < QUIET * _high(np.sort(smooth[own]))
        if quiet or smooth_mm > SMOOTHED_DEPTH * deepest_mm:
            break
    return smooth, smooth_mm


def _high(inside: np.ndarray) -> float:
    """Height of a body from its values (sorted) over the background."""
    return max(float(inside[int(0.95 * (inside.size - 1))]), 30.0)


def _outward(inside: np.ndarray, sigma: float) -> float:
    """How far (mm) outside of a body the surface of its first guess lies, from the values (sorted) in the guess.

    The surface lies where the faintest ones are: far outside of a bright body's, inside of that of faint paste.
    """
    rim = float(np.clip(inside[int(0.05 * (inside.size - 1))] / _high(inside), *RIM))
    return -sigma * float(ndtri(rim))


def _halo(excess: np.ndarray, blocked: np.ndarray, psf: PointSpread, spacing: np.ndarray) -> np.ndarray:
    """What the blur of bones and of other bodies adds to the image around them.

    They are taken as bodies of their own local height, blurred: their voxels at the surface, half full, do not show it.
    The heights are then made to explain the scan (Richardson 1972, inside the mask), so that a voxel of the deposit
    that was taken for bone does not count as if it were as dense as the bone.
    """
    box = ndimage.find_objects(blocked.view(np.uint8))[0]
    part = blocked[box]
    seen = np.maximum(excess[box][part], 0)
    highest = np.where(part, np.maximum(excess[box], 0), 0).astype(np.float32)
    height = np.zeros(blocked.shape, np.float32)
    height[box] = np.where(part, highest_near(highest, np.round(PEAK_MM / spacing)), 0)
    image = _blurred(height, psf, spacing)
    for _ in range(HALO_ROUNDS):
        height[box][part] *= np.clip(seen / np.maximum(image[box][part], HALO_LEAST), *HALO_STEP)
        image = _blurred(height, psf, spacing)
    return image


def _blurred(height: np.ndarray, psf: PointSpread, spacing: np.ndarray) -> np.ndarray:
    """The image of bodies given on the scan's voxels."""
    return sum(np.float32(weight) * smoothed_crop(height, sigma / spacing) for weight, sigma in psf.parts)


def _blurred_noise(excess: np.ndarray, around: np.ndarray, sigma: np.ndarray) -> float:
    """Standard deviation (robust) of the noise around the body once it is blurred; ``sigma`` in voxels."""
    blurred = smoothed_crop(np.where(around, excess, 0), sigma, 2.5)
    values = blurred[around]
    return 1.4826 * float(median(np.abs(values))) if values.size else 0.0


def _widened(mask: np.ndarray, spacing: np.ndarray, distance_mm: float) -> np.ndarray:
    """The mask and what lies within a distance of it along every axis (a box: fast)."""
    if not mask.any():
        return mask
    reach = np.ceil(distance_mm / spacing).astype(int)
    box = grow_box(ndimage.find_objects(mask.view(np.uint8))[0], reach, mask.shape)
    wide = np.zeros_like(mask)
    wide[box] = highest_near(mask[box], reach)
    return wide
