"""Small bodies in CT, measured by the fit that outlines them, where the skin tells the scanner's point spread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..ct.delineate import Delineated, delineate
from ..ct.noise import Noise, measure_noise
from ..ct.psf import PointSpread
from ..ct.skin_depth import SkinDepth, skin_depth
from ..ct.skin_edge import skin_point_spread
from ..volume import Volume
from .cut import Box, Cut, grow

SKIN_WITHIN_MM = 25.0
"""Skin is looked for so far around the deposits."""


@dataclass(frozen=True)
class Scanner:
    """How a CT that shows its skin looks at bodies: point spread (overshoot and all), noise, and how deep they lie."""

    spread: PointSpread
    noise: Noise
    depth: SkinDepth

    def outline(self, cut: Cut, background_hu: float) -> Delineated:
        """Body and contrast whose image is most like the scan; the mask is the first guess."""
        spacing, depth = np.asarray(cut.spacing_mm), self.depth.of(cut.box)
        return delineate(cut.values, cut.mask, cut.foreign, background_hu, self.noise, self.spread, spacing, depth)


def scanner_of(volume: Volume, boxes: list[tuple[int, Box]]) -> Scanner | None:
    """The scanner as the skin around the deposits shows it; None where too little of it is in the image."""
    ends = np.array([[(s.start, s.stop) for s in box] for _, box in boxes])
    whole = tuple(slice(int(a), int(b)) for a, b in zip(ends[..., 0].min(0), ends[..., 1].max(0), strict=True))
    spacing = volume.spacing_mm[::-1]
    hu = volume.voxels[grow(whole, np.ceil(SKIN_WITHIN_MM / spacing), volume.voxels.shape)]
    spread = skin_point_spread(hu, spacing)
    if spread is None:
        return None
    return Scanner(spread, measure_noise(hu), skin_depth(volume.voxels, spacing, whole))
