"""One label per connected body."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from .segmentation import Segment, Segmentation

MAXIMUM_LABELS = 65535


def split_into_components(segmentation: Segmentation) -> Segmentation:
    """Every face-, edge- or corner-connected body of the foreground as a deposit of its own, largest first.

    Which labels the bodies had does not matter. Bodies of equal size are ordered by position.
    """
    mask = sitk.GetImageFromArray((segmentation.labels > 0).astype(np.uint8))
    parts = sitk.GetArrayFromImage(sitk.ConnectedComponent(mask, True))
    sizes = np.bincount(parts.ravel())[1:]
    # A body's first voxel in scan order decides between equals: that is the order of its label.
    order = np.argsort(-sizes, kind="stable")[:MAXIMUM_LABELS]
    lookup = np.zeros(len(sizes) + 1, np.uint16)
    lookup[order + 1] = np.arange(1, len(order) + 1)
    segments = tuple(Segment(n, f"deposit-{n}", f"Deposit {n}") for n in range(1, len(order) + 1))
    return Segmentation(segmentation.volume.with_voxels(lookup[parts]), segments)
