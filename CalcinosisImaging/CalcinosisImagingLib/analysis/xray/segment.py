"""Calcific deposits in a radiograph."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..progress import Progress, report, silent
from ..segmentation import CONFIDENCE_TAG, Segment, Segmentation, empty_like
from .film import Film, exposed_field, line_integrals


@dataclass(frozen=True)
class FilmSettings:
    """What a user may set.

    Attributes
    ----------
    sensitivity: 0 (few, sure) to 1 (all, some false), without unit.
    minimum_area_mm2: smaller shadows, at the detector, are left out.
    largest_width_mm: widest shadow that is looked for; what is wider belongs to the background.
    fragments_closer_than_mm: bodies nearer to each other than this are fragments of one deposit.
    """

    sensitivity: float = 0.5
    minimum_area_mm2: float = 0.5
    largest_width_mm: float = 12.0
    fragments_closer_than_mm: float = 2.0


@dataclass(frozen=True, eq=False)
class FilmSegmentation:
    """Deposits, and the candidates that were not taken for one (tag `REASON_TAG`); both on the film's grid."""

    deposits: Segmentation
    rejected: Segmentation


def segment_film(
    film: Film,
    settings: FilmSettings = FilmSettings(),
    bone_shadow: np.ndarray | None = None,
    progress: Progress = silent,
) -> FilmSegmentation:
    """Find the deposits of a film.

    Parameters
    ----------
    bone_shadow: boolean (rows, columns), where bones of a registered CT cast a shadow; may be a mm or two off. None:
        the bones are found on the film.
    """
    report(progress, 0.0, "background of the film")
    spacing = np.array(film.view.pixel_spacing_mm[::-1])
    image = ndimage.gaussian_filter(line_integrals(film), 0.7)
    step = max(1, round(0.5 / float(spacing.mean())))
    width = max(3, round(settings.largest_width_mm / float(spacing.mean()) / step))
    opened = ndimage.grey_opening(image[::step, ::step], (width, width))
    grid = np.indices(image.shape) / step
    excess = image - ndimage.map_coordinates(opened, grid, order=1, mode="nearest")
    field = exposed_field(film)
    spread = 1.4826 * float(np.median(np.abs(excess[field] - np.median(excess[field]))))
    mask = (excess > (8.0 - 4.0 * settings.sensitivity) * spread) & field
    if bone_shadow is not None:
        mask &= ~ndimage.binary_dilation(bone_shadow, iterations=round(1.0 / float(spacing.mean())))
    labels, _ = ndimage.label(mask)
    sizes = np.bincount(labels.ravel())[1:]
    order = [n for n in np.argsort(-sizes, kind="stable") if sizes[n] * spacing.prod() >= settings.minimum_area_mm2]
    lookup = np.zeros(len(sizes) + 1, np.uint16)
    lookup[np.array(order, int) + 1] = np.arange(1, len(order) + 1)
    segments = tuple(
        Segment(n, f"deposit-{n}", f"Deposit {n}", tags={CONFIDENCE_TAG: "0.5"}) for n in range(1, len(order) + 1)
    )
    report(progress, 1.0, "deposits found")
    deposits = Segmentation(film.volume.with_voxels(lookup[labels][None]), segments)
    return FilmSegmentation(deposits, empty_like(film.volume))
