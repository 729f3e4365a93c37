"""MR signal on an even footing: body against air, the coil's brightness, the floor of noise."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..errors import InputError
from ..volume import Volume

BIAS_WIDTH_MM = 18.0
"""Brightness that varies slower than this is the coil's, not the tissue's."""
ABOVE_NOISE = 2.2
"""Body begins at this multiple of the median of the air: beyond the tail of averaged Rayleigh noise."""
LEAST_OF_PARTING = 0.25
"""But not below this part of Otsu's threshold, where the scanner has masked the air to zero."""


def body_threshold(voxels: np.ndarray) -> float:
    """Signal between air and body, in an image averaged over some voxels.

    Otsu's threshold of the square root of the signal (N. Otsu, IEEE Trans SMC 9:62, 1979) parts air from body, but
    lies above the dim end of a limb that leaves the coil. There the noise of the air says where the body begins.
    Raises `InputError` when the image is flat.
    """
    values = np.maximum(voxels, 0.0).ravel()
    roots = np.sqrt(values)
    top = np.percentile(roots, 99.5)
    if not np.isfinite(top) or top <= 0 or roots.max() == roots.min():
        raise InputError("The MR image holds the same value everywhere: choose a series that shows the hand.")
    counts, edges = np.histogram(roots, bins=256, range=(0.0, top))
    centres = 0.5 * (edges[1:] + edges[:-1])
    below = np.cumsum(counts)
    total = np.cumsum(counts * centres)
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (total / below - (total[-1] - total) / above) ** 2
    parting = float(centres[np.nanargmax(between)] ** 2)
    air = values[(values > 0) & (values < parting)]
    noise = float(np.median(air)) if air.size else 0.0
    return min(parting, max(ABOVE_NOISE * noise, LEAST_OF_PARTING * parting))


def coil_gain(middle: Volume, body: np.ndarray) -> Volume:
    """Slowly varying brightness of the body (mask on the same grid), > 0 everywhere."""
    sigma = BIAS_WIDTH_MM / middle.spacing_mm[::-1]
    body = body.astype(np.float32)
    weight = ndimage.gaussian_filter(body, sigma) + 1e-3
    mean = float((middle.voxels * body).sum() / max(body.sum(), 1.0))
    return middle.with_voxels((ndimage.gaussian_filter(middle.voxels * body, sigma) + 1e-3 * mean) / weight)


def on_grid(coarse: Volume, fine: Volume) -> np.ndarray:
    """A smooth coarse image on the voxels of a fine one whose axes it shares, float32."""
    start = coarse.to_ijk(fine.to_ras(np.zeros(3)))[::-1]
    ratio = (fine.spacing_mm / coarse.spacing_mm)[::-1]
    return ndimage.affine_transform(
        coarse.voxels, ratio, offset=start, output_shape=fine.voxels.shape, order=1, mode="nearest", output=np.float32
    )


def noise_floor(voxels: np.ndarray, body: np.ndarray) -> float:
    """Median signal of air, the level of a void; 0 where the air was masked to zero by the scanner."""
    air = voxels[~body]
    air = air[air > 0]
    return float(np.median(air[:: max(1, air.size // 500_000)])) if air.size > 1000 else 0.0
