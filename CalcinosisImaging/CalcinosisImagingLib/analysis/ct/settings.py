"""What a user can choose for the segmentation of a CT."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CtSettings:
    """Settings of `segment_ct`.

    Attributes
    ----------
    sensitivity: 0..1; higher finds fainter deposits at the price of false ones (0.5: about 5 standard errors of noise).
    minimum_volume_mm3: smaller bodies are rejected, mm³.
    minimum_contrast_hu: a deposit's plateau is at least this far above the soft tissue around it, HU.
    psf_fwhm_mm: full width at half maximum of the scanner's point spread, mm; None: estimated from the image.
    group_distance_mm: fragments closer than this are one deposit, mm.
    metal_hu: bodies that reach this are metal, HU.
    """

    sensitivity: float = 0.5
    minimum_volume_mm3: float = 0.5
    minimum_contrast_hu: float = 80.0
    psf_fwhm_mm: float | None = None
    group_distance_mm: float = 2.0
    metal_hu: float = 3000.0
