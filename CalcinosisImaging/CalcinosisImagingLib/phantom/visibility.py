"""Whether a deposit can be told from what lies around it in a given image: measured with the truth in hand.

A detection method never sees this. It says which of the missed deposits nobody could have found.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

NEAR_MM, FAR_MM = 0.8, 2.5
"""What lies between these distances from a deposit is its surroundings; nearer lies its blurred edge."""
LEAST_CONTRAST_TO_NOISE = 8.0
"""Over all voxels. The eye needs 5 to see that something is there (A. Rose, J Opt Soc Am 38:196, 1948); below 8 every
one of the deposits put into a real wrist has dozens of lookalikes (docs/mr.md)."""
MOST_LOOKALIKES = 0
"""With one lookalike already, who takes what looks like the deposit is wrong as often as right."""
MOST_ALIKE = 0.5
"""A deposit of whose surroundings more than this look like itself has no outline of its own."""
MOST_OPEN = 1.0 / 3.0
"""An outline at half contrast that is open over more than this cannot be drawn without guessing."""
VOID, FLUID = 0.25, 1.5
"""Between these parts of the signal around lie muscle, skin and vessels: paste on T1 looks like any of them."""
LEAST_VOXELS = 6.0
"""Fewer cannot be told from a vessel that is cut across, or from a spike of noise."""


@dataclass(frozen=True)
class Visibility:
    """How a deposit stands out.

    Attributes
    ----------
    contrast_to_noise: |mean inside - mean around| over the SD around (noise and texture), times the root of the
        number of voxels inside; 0 where no voxel's centre lies inside.
    darkest, brightest: its darkest and brightest tenth, relative to typical tissue around.
    alike: part of its surroundings whose signal differs from its own by less than a quarter of what typical tissue's
        does.
    open: part of its surroundings that lies on its own side of half contrast: dark fat, tendon or air beside chalk.
    voxels: its volume in voxels.
    lookalikes: number of bodies in the image that look like it by nature (`lookalikes.Lookalikes`); 0 if not counted.
    """

    contrast_to_noise: float
    darkest: float
    brightest: float
    alike: float
    open: float
    voxels: float
    lookalikes: int = 0

    @property
    def visible(self) -> bool:
        """Whether it can be told at all."""
        unusual = self.darkest <= VOID or self.brightest >= FLUID
        stands_out = self.contrast_to_noise >= LEAST_CONTRAST_TO_NOISE and self.alike <= MOST_ALIKE
        return unusual and stands_out and self.voxels >= LEAST_VOXELS and self.lookalikes <= MOST_LOOKALIKES

    @property
    def outlined(self) -> bool:
        """Whether a reader could also draw its outline: half contrast surrounds most of it."""
        return self.visible and self.open <= MOST_OPEN


def visibility(
    image: np.ndarray, inside: np.ndarray, others: np.ndarray, spacing_kji: np.ndarray, volume_mm3: float
) -> Visibility:
    """Visibility of one deposit.

    Parameters
    ----------
    image: (K, J, I) signal of a part of the scan that holds the deposit and some millimetres around.
    inside: voxels whose centre lies in it; ``others`` those in other deposits, which are left out.
    spacing_kji: mm.
    volume_mm3: its true volume.
    """
    voxels = volume_mm3 / float(np.prod(spacing_kji))
    if not inside.any():
        return Visibility(0.0, 1.0, 1.0, 1.0, 1.0, voxels)
    away = ndimage.distance_transform_edt(~inside, sampling=spacing_kji)
    thick = float(np.max(spacing_kji))
    around = image[(away > max(NEAR_MM, 0.5 * thick)) & (away <= max(FAR_MM, 1.5 * thick)) & ~others].astype(float)
    if around.size < 8:
        return Visibility(0.0, 1.0, 1.0, 1.0, 1.0, voxels)
    own = float(image[inside].mean())
    # Typical tissue is what is most unlike the deposit: the far quartile of its surroundings.
    low, high = np.percentile(around, [25.0, 75.0])
    typical = high if high - own > own - low else low
    alike = float(np.mean(np.abs(around - own) < 0.25 * abs(typical - own)))
    shut = (around - own) * np.sign(typical - own) > 0.5 * abs(typical - own)
    contrast = abs(float(around.mean()) - own) / max(float(around.std()), 1e-6)
    darkest, brightest = np.percentile(image[inside], [10.0, 90.0]) / max(typical, 1e-6)
    noticed = contrast * float(np.sqrt(inside.sum()))
    return Visibility(noticed, float(darkest), float(brightest), alike, 1.0 - float(np.mean(shut)), voxels)
