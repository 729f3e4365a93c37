"""What a correction must be called, so that the study finds the image that it belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..analysis.errors import InputError
from ..analysis.volume import Volume
from .images import read_image
from .names import safe_name
from .source_image import CT, MR, XRAY, ImageSource
from .study_edits import SUFFIX
from .visit_images import read_visit_images

SAMPLES = 4000
"""Voxels that are compared to tell images apart."""
SAME_CORRELATION = 0.999


def edit_file_name(visit: Path, modality: str, volume: Volume, name: str = "") -> str:
    """``ct.seg.nrrd``, ``mr-<series>.seg.nrrd`` or ``xray-<view>.seg.nrrd``.

    Parameters
    ----------
    visit: folder of the visit; what is wrong in it is no concern here, and it may hold no images.
    volume: the image that was corrected.
    name: its series or view, "" if not known. A name that the visit does not have is not believed.

    Raises
    ------
    InputError: the visit has several images of this modality, and the volume is none of them.
    """
    if modality == CT:
        return f"{CT}{SUFFIX}"
    there = _images(visit, modality)
    known = safe_name(name).lower()
    if len(there) > 1 and known not in there:
        known = _recognised(there, modality, volume, visit)
    elif len(there) == 1:
        known = next(iter(there))
    return f"{modality}-{known}{SUFFIX}" if known else f"{modality}{SUFFIX}"


def _images(visit: Path, modality: str) -> Mapping[str, ImageSource]:
    """The visit's MR series or radiographs by name."""
    if not visit.is_dir():
        return {}
    found = read_visit_images(visit, [])
    return {MR: found.mr, XRAY: found.xray}[modality]


def _recognised(there: Mapping[str, ImageSource], modality: str, volume: Volume, visit: Path) -> str:
    """The one image whose voxels are the volume's."""
    same = [name for name, source in there.items() if _is_image(read_image(source, modality).volume, volume, modality)]
    if len(same) != 1:
        raise InputError(
            f"{visit}: has several {modality} images ({', '.join(there)}), and the volume is "
            f"{'none' if not same else 'more than one'} of them; correct an image of this visit."
        )
    return same[0]


def _is_image(image: Volume, volume: Volume, modality: str) -> bool:
    """Whether two volumes hold the same voxels in the same places, however their axes are counted."""
    step = max(1, image.voxels.size // SAMPLES)
    kji = np.stack(np.unravel_index(np.arange(0, image.voxels.size, step), image.voxels.shape), axis=-1)
    if modality == XRAY:
        # A radiograph has no place of its own: rows and columns are all.
        at = kji
    else:
        at = np.round(volume.to_ijk(image.to_ras(kji[:, ::-1].astype(float)))).astype(int)[:, ::-1]
    if image.voxels.size != volume.voxels.size or (at < 0).any() or (at >= volume.voxels.shape).any():
        return False
    a, b = (v.voxels[tuple(i.T)].astype(float) for v, i in ((image, kji), (volume, at)))
    return bool(np.array_equal(a, b)) or bool(np.corrcoef(a, b)[0, 1] > SAME_CORRELATION)
