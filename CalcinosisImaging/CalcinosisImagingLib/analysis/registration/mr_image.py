"""The MR as the registration sees it: even brightness, body against air, coarser levels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..blocks import block_mean
from ..mr.brightness import body_threshold, coil_gain, on_grid
from ..volume import Volume


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
    body = middle.with_voxels((middle.voxels > body_threshold(middle.voxels)).astype(np.float32))
    gain = coil_gain(middle, body.voxels)
    image = mr.with_voxels((mr.voxels / on_grid(gain, mr)).astype(np.float32))
    return PreparedMr(image, block_mean(image, search_spacing_mm), block_mean(body, silhouette_spacing_mm))
