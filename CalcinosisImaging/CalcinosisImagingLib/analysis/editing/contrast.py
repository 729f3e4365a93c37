"""How deposits differ from what is around them in CT, MR and radiograph: sign, tissue level, noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SOFT_TISSUE_HU = (-150.0, 150.0)
"""Fat, muscle, tendon, skin: what surrounds deposits in CT."""
MINIMUM_SAMPLE = 50
MAD_TO_SD = 1.4826
"""Median absolute deviation to standard deviation of a normal distribution."""


@dataclass(frozen=True)
class Contrast:
    """Levels of a crop.

    Attributes
    ----------
    sign: +1 where deposits are brighter than tissue, -1 where they are darker, 0 where either may be (MR).
    tissue: value of the tissue around (HU, or grey values).
    noise: standard deviation of the noise, same unit.
    """

    sign: int
    tissue: float
    noise: float


def contrast_of(voxels: np.ndarray, modality: str, bright: str = "bone") -> Contrast:
    """Estimate the levels of a crop (K, J, I).

    modality: ct | mr | xray; bright: for radiographs, which end is high, air or bone (see `view.View`).
    """
    sample = np.asarray(voxels, np.float32)
    if modality == "ct":
        return Contrast(1, _soft_tissue(sample), noise_of(sample))
    if modality == "mr":
        return Contrast(0, _brighter_half_median(sample), noise_of(sample))
    return Contrast(1 if bright == "bone" else -1, float(np.median(sample)), noise_of(sample))


def noise_of(voxels: np.ndarray) -> float:
    """Noise from second differences along the last axis: edges are few, so their median absolute value is noise.

    White noise of standard deviation s has second differences of variance 6 s².
    """
    if voxels.shape[-1] < 3:
        return 0.0
    second = voxels[..., :-2] - 2 * voxels[..., 1:-1] + voxels[..., 2:]
    return float(MAD_TO_SD * np.median(np.abs(second)) / np.sqrt(6.0))


def _soft_tissue(sample: np.ndarray) -> float:
    low, high = SOFT_TISSUE_HU
    soft = sample[(sample > low) & (sample < high)]
    return float(np.median(soft)) if soft.size >= MINIMUM_SAMPLE else 40.0


def _brighter_half_median(sample: np.ndarray) -> float:
    """Median of what is above the mean: air and voids are dark and many, tissue is the rest."""
    return float(np.median(sample[sample >= sample.mean()]))


def guess_modality(voxels: np.ndarray) -> str:
    """ct | mr | xray from the voxels (K, J, I): one slice is a radiograph, values far below 0 are HU."""
    if voxels.shape[0] == 1:
        return "xray"
    sample = voxels[:: max(1, voxels.shape[0] // 16), ::4, ::4]
    return "ct" if float(sample.min()) < -200 else "mr"
