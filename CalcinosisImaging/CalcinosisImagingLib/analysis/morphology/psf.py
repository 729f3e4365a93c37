"""The image's own point spread, measured at the edges of its deposits."""

from __future__ import annotations

import numpy as np

from ..segmentation import Segmentation
from ..volume import Volume
from .cut import Box, cut_deposits
from .fractions import PointSpread, edge_misfit
from .skin import Skin
from .surroundings import margin_mm

DEFAULT_VOXELS = 2.0
"""Point spread in voxels where it cannot be measured."""
GIVEN_SD, SKIN_SD, ESTIMATED_SD, DEFAULT_SD = 0.02, 0.03, 0.07, 0.3
"""Relative standard deviation of a width that is given, taken from the skin, estimated at deposits, or assumed."""
LARGEST = 6
"""Number of deposits, the largest ones, at which it is measured."""
TRIED_VOXELS = np.array([0.6, 0.9, 1.2, 1.6, 2.0, 2.5, 3.1, 3.8])


def point_spread(
    volume: Volume,
    deposits: Segmentation,
    bones: Segmentation | None,
    boxes: list[tuple[int, Box]],
    is_hu: bool,
    given_mm: float | None,
    body: Skin | None = None,
) -> PointSpread:
    """The point spread that is given, else estimated, else assumed."""
    if given_mm is not None:
        return PointSpread(given_mm, GIVEN_SD)
    estimate = estimate_psf_mm(volume, deposits, bones, boxes, is_hu, body)
    if estimate is not None:
        return PointSpread(estimate, ESTIMATED_SD)
    assumed = DEFAULT_VOXELS * float(np.cbrt(volume.voxel_volume_mm3))
    return PointSpread(assumed, DEFAULT_SD, "point spread not measurable, taken as two voxels")


def estimate_psf_mm(
    volume: Volume,
    deposits: Segmentation,
    bones: Segmentation | None,
    boxes: list[tuple[int, Box]],
    is_hu: bool,
    body: Skin | None = None,
) -> float | None:
    """Full width at half maximum, mm: the Gaussian that best turns sub-voxel shapes into the image; None if unclear."""
    voxel = float(np.cbrt(volume.voxel_volume_mm3))
    sizes = [-int(np.prod([s.stop - s.start for s in box])) for _, box in boxes]
    chosen = [boxes[n] for n in np.argsort(sizes, kind="stable")[:LARGEST]]
    widest = TRIED_VOXELS[-1] * voxel
    found = []
    for cut in cut_deposits(volume, deposits, bones, margin_mm(widest, volume.spacing_mm), chosen, body):
        misfits = edge_misfit(cut, TRIED_VOXELS * voxel, is_hu)
        if misfits is not None:
            found.append(misfits)
    if not found:
        return None
    total = np.sum(found, axis=0)
    best = int(np.argmin(total))
    if best in (0, len(total) - 1):
        return float(TRIED_VOXELS[best] * voxel)
    # The bottom of the parabola through the three best, on the logarithm of the width.
    x, y = np.log(TRIED_VOXELS[best - 1 : best + 2]), total[best - 1 : best + 2]
    a, b, _ = np.polyfit(x - x[1], y, 2)
    return float(np.exp(x[1] - b / (2 * a)) * voxel) if a > 0 else float(TRIED_VOXELS[best] * voxel)
