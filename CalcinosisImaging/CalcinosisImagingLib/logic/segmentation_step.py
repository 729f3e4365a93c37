"""Step 1 and 4: find the deposits in a volume (in a CT the bones too) and make segmentation nodes of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..analysis.carry import bones_on_film, bones_on_grid
from ..analysis.ct.segment import segment_ct
from ..analysis.ct.settings import CtSettings
from ..analysis.errors import InputError
from ..analysis.mr.segment import segment_mr
from ..analysis.mr.settings import MrSettings
from ..analysis.progress import Progress, silent
from ..analysis.segmentation import SOURCE_TAG, Segmentation
from ..analysis.volume import Volume
from ..analysis.xray.film import Film
from ..analysis.xray.segment import FilmSettings, segment_film
from ..scene import links
from ..scene.segmentations import (
    bones_appearance,
    deposits_appearance,
    dressed,
    rejected_appearance,
    segmentation_from_node,
    segmentation_to_node,
)
from ..scene.volumes import get_view, volume_from_node

SHOWN_REJECTED = 60
"""Rejected candidates that get a segment in the scene: Slicer's time to save grows with segments times voxels."""


@dataclass(frozen=True)
class SegmentationOptions:
    """What a user may set.

    Attributes
    ----------
    sensitivity: 0 (few, sure) to 1 (all, some false).
    minimum_volume_mm3: smaller candidates are left out; None = what noise allows in that modality.
    psf_fwhm_mm: full width at half maximum of the CT's point spread; None = estimate it.
    """

    sensitivity: float = 0.5
    minimum_volume_mm3: float | None = None
    psf_fwhm_mm: float | None = None


@dataclass(frozen=True)
class SegmentedNodes:
    """Segmentation nodes; ``bones`` only for CT.

    ``rejected`` shows the `SHOWN_REJECTED` largest candidates, ``all_rejected`` has every one.
    """

    deposits: object
    rejected: object
    all_rejected: Segmentation
    bones: object | None = None


def segment_volume(
    scene: object,
    volume_node: object,
    modality: str,
    options: SegmentationOptions = SegmentationOptions(),
    ct_bones_node: object | None = None,
    progress: Progress = silent,
) -> SegmentedNodes:
    """Segment one volume; ``ct_bones_node`` helps in MR if it was registered to the CT before."""
    volume = volume_from_node(volume_node)
    name = volume_node.GetName()
    bones = None
    if modality == "ct":
        found = segment_ct(volume, ct_settings(options), progress)
        bones = segmentation_to_node(scene, dressed(found.bones, bones_appearance), f"{name} bones", volume_node)
    elif modality == "mr":
        carried = carried_bones(volume_node, modality, ct_bones_node)
        found = segment_mr(volume, mr_settings(options), bones=carried, progress=progress)
    elif modality == "xray":
        settings = FilmSettings(sensitivity=options.sensitivity)
        found = segment_film(film_of(volume_node), settings, progress=progress)
    else:
        raise InputError(f"{name}: modality {modality!r} is not known; use ct, mr or xray.")
    return SegmentedNodes(
        deposits=_deposits_node(scene, found.deposits, volume_node, modality),
        rejected=_rejected_node(scene, largest(found.rejected, SHOWN_REJECTED), volume_node, modality),
        all_rejected=found.rejected,
        bones=bones,
    )


def ct_settings(options: SegmentationOptions) -> CtSettings:
    """The options as the CT segmentation has them."""
    settings = CtSettings(sensitivity=options.sensitivity, psf_fwhm_mm=options.psf_fwhm_mm)
    if options.minimum_volume_mm3 is None:
        return settings
    return replace(settings, minimum_volume_mm3=options.minimum_volume_mm3)


def mr_settings(options: SegmentationOptions) -> MrSettings:
    """The options as the MR segmentation has them: a higher sensitivity takes less dark bodies for voids."""
    settings = MrSettings()
    core = settings.core_level * (0.5 + options.sensitivity)
    smallest = settings.least_volume_mm3 if options.minimum_volume_mm3 is None else options.minimum_volume_mm3
    return replace(settings, core_level=core, least_volume_mm3=smallest)


def _deposits_node(scene: object, deposits: Segmentation, volume_node: object, modality: str) -> object:
    marked = dressed(deposits, lambda s: replace(s, tags={SOURCE_TAG: "auto", **s.tags}))
    shown = dressed(marked, deposits_appearance(modality))
    node = segmentation_to_node(scene, shown, f"{volume_node.GetName()} deposits", volume_node)
    node.SetAttribute(links.MODALITY_ATTRIBUTE, modality)
    return node


def _rejected_node(scene: object, rejected: Segmentation, volume_node: object, modality: str) -> object:
    shown = dressed(rejected, rejected_appearance)
    node = segmentation_to_node(scene, shown, f"{volume_node.GetName()} rejected candidates", volume_node)
    node.SetAttribute(links.MODALITY_ATTRIBUTE, modality)
    node.GetDisplayNode().SetVisibility(False)
    return node


def largest(segmentation: Segmentation, count: int) -> Segmentation:
    """The ``count`` segments with most voxels; of equal ones those with lower labels."""
    if len(segmentation.segments) <= count:
        return segmentation
    sizes = np.bincount(segmentation.labels.ravel(), minlength=65536)
    ranked = sorted(segmentation.segments, key=lambda s: (-sizes[s.label], s.label))[:count]
    kept = np.zeros(65536, np.uint16)
    labels = [segment.label for segment in ranked]
    kept[labels] = labels
    segments = tuple(s for s in segmentation.segments if s in ranked)
    return Segmentation(segmentation.volume.with_voxels(kept[segmentation.labels]), segments)


def film_of(volume_node: object) -> Film:
    """The film of a volume node.

    Raises
    ------
    InputError: the volume is no film or its view is not known.
    """
    volume = volume_from_node(volume_node)
    if volume.voxels.shape[0] != 1:
        raise InputError(f"{volume_node.GetName()}: has {volume.voxels.shape[0]} slices; a radiograph has one.")
    view = get_view(volume_node)
    if view is None:
        raise InputError(f"{volume_node.GetName()}: the geometry of the radiograph is not known; choose a view file.")
    return Film(volume, view)


def carried_bones(volume_node: object, modality: str, ct_bones_node: object | None) -> Segmentation | None:
    """The CT's bones on the grid of this volume, as far as registration put them there; None if it did not."""
    if ct_bones_node is None:
        return None
    volume = volume_from_node(volume_node)
    if modality == "ct":
        return segmentation_from_node(ct_bones_node, volume)
    bones = segmentation_from_node(ct_bones_node, grid_of(ct_bones_node))
    if modality == "mr":
        content = links.get_json(volume_node, links.REGISTRATION_ROLE)
        matrices = None if content is None else _good(content["bones"], "matrix_ct_to_mr_ras")
        return None if matrices is None else bones_on_grid(bones, volume, matrices)
    content = links.get_json(volume_node, links.POSE_ROLE)
    if content is None:
        return None
    return bones_on_film(bones, volume, get_view(volume_node), _good(content["bones"], "ct_to_view"))


def _good(bones: dict[str, dict[str, object]], key: str) -> dict[str, np.ndarray]:
    """Matrices of the bones whose registration did not fail."""
    return {name: np.array(bone[key], float) for name, bone in bones.items() if bone["flag"] != "failed"}


def grid_of(segmentation_node: object) -> Volume:
    """The grid of the volume that a segmentation belongs to."""
    role = segmentation_node.GetReferenceImageGeometryReferenceRole()
    volume_node = segmentation_node.GetNodeReference(role)
    if volume_node is None:
        raise InputError(f"{segmentation_node.GetName()}: its volume is not in the scene; load the CT again.")
    return volume_from_node(volume_node)
