"""What the located bones add to a film: the image to compare the film with, or to take out of it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import ndimage

from ..progress import Progress, report, silent
from ..segmentation import Segmentation
from ..view import View
from ..volume import Volume
from .cloud import bone_crops, shadow, window_of

BLUR_MM = 0.2
"""Standard deviation of the smoothing that joins the projected points; about a film's own blur."""


def bone_integrals(
    ct: Volume,
    bones: Segmentation,
    bone_to_view: Mapping[str, np.ndarray],
    view: View,
    progress: Progress = silent,
) -> np.ndarray:
    """Line integrals of the bones' excess over soft tissue on the whole film (rows, columns), float32.

    bone_to_view: segment ID -> 4x4, RAS of the CT -> view frame (`BonePose.ct_to_view`); bones without a matrix cast
    no shadow.
    """
    total = np.zeros((view.rows, view.columns))
    crops = bone_crops(ct, bones)
    pixel_mm = min(view.pixel_spacing_mm)
    for index, (name, crop) in enumerate(crops.items()):
        report(progress, index / len(crops), f"projecting {name}")
        if name not in bone_to_view:
            continue
        cloud = crop.cloud(max(pixel_mm, 0.6 * float(crop.excess.spacing_mm.min())))
        window = window_of(cloud, bone_to_view[name], view, 1, 2)
        film, own = window.inside(total.shape)
        if all(s.stop > s.start for s in film):
            total[film] += shadow(cloud, bone_to_view[name], view, 1, window)[own]
    return ndimage.gaussian_filter(total, BLUR_MM / pixel_mm).astype(np.float32)
