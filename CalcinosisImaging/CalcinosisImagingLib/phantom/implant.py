"""Synthetic deposits with known truth put into a real CT, MR or radiograph.

The shapes are continuous; each voxel gets the share that a deposit fills, blurred as the image is. What is there
keeps its noise: a deposit is added as the difference between it and the smooth tissue it replaces.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..analysis.errors import InputError
from ..analysis.progress import Progress, report, silent
from ..analysis.segmentation import Segment, Segmentation
from ..analysis.volume import Volume, transform_points
from .implant_film import implant_film
from .implant_places import find_room
from .implant_placing import Placed, place_all
from .implant_scans import CtScan, MrScan
from .implanted import KINDS, Implanted, as_type

__all__ = ["Implanted", "implant", "implant_film"]

MOST = 8
"""Deposits in a scan unless their number is asked for."""


def implant(
    volume: Volume,
    modality: str,
    seed: int = 0,
    count: int | None = None,
    progress: Progress = silent,
    *,
    bones: Segmentation | None = None,
    kinds: dict[str, float] | None = None,
    paste_share: float = 0.25,
    anywhere: bool = False,
) -> Implanted:
    """Put deposits into a CT (``modality`` "ct", HU) or an MR ("mr").

    In an MR they lie at most 7 mm below the skin, where a reader can tell them, if such a place is found
    (`implant_scans.MrScan`); each row tells.

    Parameters
    ----------
    seed: the same seed gives the same deposits.
    count: how many; as many as suit the image, at most 8, unless given.
    bones: labels on the image's grid, so that none is put inside a bone of an MR.
    kinds: shares of stone, plate, net, stippled.
    paste_share: share of soft deposits: 180 to 400 HU in CT, bright in MR; the rest is chalk: 650 to 1500 HU, void.
    anywhere: in an MR take the first free place below the skin, whether a reader can tell the deposit there or not.

    Raises
    ------
    InputError: another modality, or no room in the image.
    """
    if modality not in ("ct", "mr"):
        raise InputError(f"Modality {modality!r} cannot take volumes of deposits; give ct or mr.")
    rng = np.random.default_rng([seed, 20240115])
    count = MOST if count is None else count
    report(progress, 0.0, "finding soft tissue")
    room = find_room(volume, modality, bones)
    scan = (CtScan if modality == "ct" else MrScan)(volume, room, rng, count, paste_share)
    suits = (lambda item: True) if anywhere else scan.shows
    placed = place_all(rng, volume, room, count, kinds or KINDS, suits, progress)
    if not placed:
        raise InputError(f"This {modality} image has no soft tissue with room for a deposit; check modality and units.")
    placed.sort(key=lambda p: -p.drawn.solid.volume_mm3)
    labels = np.zeros(volume.voxels.shape, np.uint16)
    rows = []
    for number, item in enumerate(placed, start=1):
        labels[item.box][item.inside] = number
        rows.append(_row(number, item, *scan.put(item), scan.unit))
    report(progress, 1.0, "deposits implanted")
    scan.note_visibility(rows, labels)
    segments = tuple(Segment(n, f"deposit-{n}", f"Deposit {n}") for n in range(1, len(placed) + 1))
    return Implanted(
        volume.with_voxels(as_type(scan.voxels, volume.voxels.dtype)),
        Segmentation(volume.with_voxels(labels), segments),
        rows,
    )


def _row(number: int, item: Placed, consistency: str, value: float, unit: str) -> dict[str, Any]:
    """The truth of one deposit."""
    centre = transform_points(item.to_ras, np.array(item.drawn.solid.centroid))
    return {
        "deposit_id": number,
        "kind": item.drawn.kind,
        "consistency": consistency,
        "fragments": item.drawn.fragments,
        "volume_mm3": item.drawn.solid.volume_mm3,
        "thickness_mm": item.drawn.thickness_mm,
        unit: value,
        "centroid_r_mm": float(centre[0]),
        "centroid_a_mm": float(centre[1]),
        "centroid_s_mm": float(centre[2]),
    }
