"""What the fit of a body adds to or takes from its volume, found by fitting its own image again, and taken off."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .body_fit import BodyFit, BodyTask, fit_body, is_small, level_set
from .crops import smoothed_crop
from .noise import Noise

LARGEST_CHANGE = 1.5
RESOLVED = 0.6
"""Bodies of which this part is full in the image show their contrast by themselves."""
SEEN = 0.7
"""Voxels that are so full in the image belong to what is resolved."""
FLOOR, FROM_NOISE, FROM_CHANGE, FROM_THIN, FROM_ENDS = 0.015, 2.3, 0.8, 0.09, 0.6
"""Standard deviation of the volume's logarithm: at least, per that of the contrast for a known shape, per logarithm of
what was taken off, per square of the part that is not resolved, and per difference of the fit's two ends. Set on bodies
of `Testing/Python/ct_limb`, the last two on those of hands."""


def unbiased(first: BodyFit, task: BodyTask, noise: Noise, smooth_mm: float, spacing: np.ndarray) -> BodyFit:
    """The body whose image, with fresh noise, is fitted by what was fitted to the scan (`body_fit.fit_body`).

    Threads as thin as the blur look the same when thicker and fainter; which of them the fit ends at depends on where
    it begins, on how much of the residual it trusts, and on the noise it takes for shape. Its own result, imaged and
    fitted again, tells by how much: one step of indirect inference (Gourieroux, Monfort & Renault 1993), the parametric
    bootstrap's correction of bias. More steps add more noise than they take off bias.

    Parameters
    ----------
    first: the fit to the scan.
    task: what it was given.
    smooth_mm: smoothing of the image where its level function begins.
    """
    size = float(first.fine.sum(dtype=np.float64))
    if is_small(first, task) or first.full_share > RESOLVED:
        return first
    image = task.imaging(first.fine)
    scan = np.float32(first.contrast_hu) * image + noise.draw(image.shape, 0)
    start = smoothed_crop(scan, smooth_mm / spacing)
    again = float(fit_body(scan, start, task).fine.sum(dtype=np.float64))
    change = float(np.clip(size / max(again, 1.0), 1 / LARGEST_CHANGE, LARGEST_CHANGE))
    fine, _ = level_set(first.level, task.fine_region, size * change)
    held = float(fine.sum(dtype=np.float64))
    return replace(first, contrast_hu=first.contrast_hu * size / held, fine=fine)


def relative_sd(first: BodyFit, body: BodyFit, task: BodyTask, noise: Noise) -> float:
    """Standard deviation of the logarithm of the volume of ``body``, which was made from ``first``."""
    size, after = (float(b.fine.sum(dtype=np.float64)) for b in (first, body))
    seen = float((task.imaging(first.fine) > SEEN).sum()) * task.times**3 / size
    from_noise = FROM_NOISE * noise.hu * np.sqrt(noise.clump / max(first.stiffness, 1e-6))
    from_thin = FROM_THIN * max(1.0 - seen, 0.0) ** 2, FROM_ENDS * first.apart
    parts = (FLOOR, from_noise, FROM_CHANGE * np.log(after / size), *from_thin)
    return float(np.linalg.norm(parts))
