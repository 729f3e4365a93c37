"""The MR as the registration sees it: even brightness, body against air, coarser levels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..errors import InputError
from ..volume import Volume
from .blocks import block_mean

BIAS_WIDTH_MM = 18.0
"""Brightness that varies slower than this is the coil's, not the tissue's."""


@dataclass(frozen=True, eq=False)
class PreparedMr:
    """MR with even brightness.

    Attributes
    ----------
    image: float32, signal divided by the local mean of the body, so about 1 in tissue.
    search: the same at the voxel of the joint search.
    body: fraction 0..1 of body in voxels of the silhouette grid.
    """

    image: Volume
    search: Volume
    body: Volume


def prepare_mr(mr: Volume, search_spacing_mm: float, silhouette_spacing_mm: float) -> PreparedMr:
    """Even out the brightness and make the coarser levels.

    Raises `InputError` when the image is flat.
    """
    middle = block_mean(mr, 2.0)
    threshold = body_threshold(middle.voxels)
    body = middle.with_voxels((middle.voxels > threshold).astype(np.float32))
    gain = _gain(middle, body.voxels)
    image = mr.with_voxels((mr.voxels / _on_grid(gain, mr)).astype(np.float32))
    return PreparedMr(image, block_mean(image, search_spacing_mm), block_mean(body, silhouette_spacing_mm))


def body_threshold(voxels: np.ndarray) -> float:
    """Signal between air and body: Otsu's threshold of the square root of the signal.

    The root evens the spread of the bright classes, so that fat does not push the threshold above muscle.
    N. Otsu, IEEE Trans SMC 9:62, 1979.
    """
    roots = np.sqrt(np.maximum(voxels, 0.0)).ravel()
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
    return float(centres[np.nanargmax(between)] ** 2)


def _gain(middle: Volume, body: np.ndarray) -> Volume:
    """Slowly varying brightness of the body, > 0 everywhere."""
    sigma = BIAS_WIDTH_MM / middle.spacing_mm[::-1]
    weight = ndimage.gaussian_filter(body, sigma) + 1e-3
    mean = float((middle.voxels * body).sum() / max(body.sum(), 1.0))
    return middle.with_voxels((ndimage.gaussian_filter(middle.voxels * body, sigma) + 1e-3 * mean) / weight)


def _on_grid(coarse: Volume, fine: Volume) -> np.ndarray:
    """A smooth coarse image on the voxels of a fine one whose axes it shares, float32."""
    start = coarse.to_ijk(fine.to_ras(np.zeros(3)))[::-1]
    ratio = (fine.spacing_mm / coarse.spacing_mm)[::-1]
    return ndimage.affine_transform(
        coarse.voxels, ratio, offset=start, output_shape=fine.voxels.shape, order=1, mode="nearest", output=np.float32
    )
