"""What implanting gives back, and what its ways for scans and for films share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..analysis.segmentation import Segmentation
from ..analysis.volume import Volume

FWHM_VOXELS = 1.2
"""Width of the point spread in voxels along each axis: what scanners aim at (Nyquist with little to spare)."""
SIGMA_PER_FWHM = 0.42466
KINDS = {"stone": 0.7, "plate": 0.12, "net": 0.08, "stippled": 0.1}
"""Rarer kinds are implanted more often than they occur, so that each is tested."""


@dataclass(frozen=True, eq=False)
class Implanted:
    """A real image with deposits.

    Attributes
    ----------
    volume: the image, same grid and type of voxel.
    truth: labels 1..N of what lies at the centre of each voxel (of a film: pixels whose ray meets the deposit).
    rows: one per deposit: deposit_id, kind, consistency, fragments, volume_mm3, thickness_mm, and the place:
        centroid_r_mm, centroid_a_mm, centroid_s_mm (films: u_px, v_px, area_mm2, area_detector_mm2). In MR also how it
        stands out: voxels, contrast_to_noise, darkest, brightest, alike, open, visible, lookalikes
        (`visibility.Visibility`).
    """

    volume: Volume
    truth: Segmentation
    rows: list[dict[str, Any]]


def as_type(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Values rounded and clipped into the image's own type."""
    if np.issubdtype(dtype, np.floating):
        return values.astype(dtype)
    limits = np.iinfo(dtype)
    return np.clip(np.rint(values), limits.min, limits.max).astype(dtype)
