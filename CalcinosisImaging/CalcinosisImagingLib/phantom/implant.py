"""Synthetic deposits with known truth put into a real CT, MR or radiograph.

The shapes are continuous; each voxel gets the share that a deposit fills, blurred as the image is. What is there
keeps its noise: a deposit is added as the difference between it and the smooth tissue it replaces.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from ..analysis.errors import InputError
from ..analysis.progress import Progress, report, silent
from ..analysis.segmentation import Segment, Segmentation
from ..analysis.volume import Volume, transform_points
from .deposit_kinds import Drawn, draw_shape
from .frames import rigid
from .implant_film import implant_film
from .implant_places import Room, find_room
from .implanted import FWHM_VOXELS, KINDS, SIGMA_PER_FWHM, Implanted, as_type
from .lattice import Box, Grid, supersampling, voxel_share
from .visibility import visibility

__all__ = ["Implanted", "implant", "implant_film"]


LEFT_IN_VOID = (0.0, 0.04)
"""Share of the tissue's signal that ringing and ghosts leave in a void."""


@dataclass(frozen=True, eq=False)
class _Placed:
    """A shape in an image: own frame -> RAS, and its voxels."""

    drawn: Drawn
    to_ras: np.ndarray
    box: Box
    share: np.ndarray
    centre: np.ndarray


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
) -> Implanted:
    """Put deposits into a CT (``modality`` "ct", HU) or an MR ("mr").

    Parameters
    ----------
    seed: the same seed gives the same deposits.
    count: how many; as many as suit the image, at most 8, unless given.
    bones: labels on the image's grid, so that none is put inside a bone of an MR.
    kinds: shares of stone, plate, net, stippled.
    paste_share: share of soft deposits: 180 to 400 HU in CT, bright in MR; the rest is chalk: 650 to 1500 HU, void.

    Raises
    ------
    InputError: another modality, or no room in the image.
    """
    if modality not in ("ct", "mr"):
        raise InputError(f"Modality {modality!r} cannot take volumes of deposits; give ct or mr.")
    rng = np.random.default_rng([seed, 20240115])
    report(progress, 0.0, "finding soft tissue")
    room = find_room(volume, modality, bones)
    placed = _place_all(rng, volume, room, 8 if count is None else count, kinds or KINDS, progress)
    if not placed:
        raise InputError(f"This {modality} image has no soft tissue with room for a deposit; check modality and units.")
    placed.sort(key=lambda p: -p.drawn.solid.volume_mm3)
    voxels = volume.voxels.astype(np.float32)
    labels = np.zeros(voxels.shape, np.uint16)
    rows = []
    air = _air(volume, room) if modality == "mr" else None
    for number, item in enumerate(placed, start=1):
        paste = bool(rng.random() < paste_share)
        if modality == "ct":
            value = float(rng.uniform(180.0, 400.0) if paste else rng.uniform(650.0, 1500.0))
        else:
            value = float(np.percentile(room.soft[room.clear_mm > 0], 97) * 1.1) if paste else 0.0
        _put(voxels, room, item, value, air if value == 0.0 else None, rng)
        labels[item.box][item.centre] = number
        rows.append(_row(number, item, "paste" if paste else "chalk", value, modality))
    report(progress, 1.0, "deposits implanted")
    if modality == "mr":
        _note_visibility(rows, voxels, labels, volume.spacing_mm[::-1])
    segments = tuple(Segment(n, f"deposit-{n}", f"Deposit {n}") for n in range(1, len(placed) + 1))
    return Implanted(
        volume.with_voxels(as_type(voxels, volume.voxels.dtype)),
        Segmentation(volume.with_voxels(labels), segments),
        rows,
    )


def _place_all(
    rng: np.random.Generator, volume: Volume, room: Room, count: int, kinds: dict[str, float], progress: Progress
) -> list[_Placed]:
    """Shapes in free places, apart from each other by more than 3 mm or three voxels."""
    placed: list[_Placed] = []
    clear = room.clear_mm.copy()
    apart = max(3.0, 3.0 * float(volume.spacing_mm.max()))
    least = (2.2 * float(volume.spacing_mm.max())) ** 3
    names, shares = list(kinds), np.array(list(kinds.values()))
    for number in range(count):
        report(progress, 0.1 + 0.8 * number / count, f"deposit {number + 1} of {count}")
        for attempt in range(12):
            widest = float(clear.max())
            if widest <= float(volume.spacing_mm.max()):
                return placed
            kind = str(rng.choice(names, p=shares / shares.sum()))
            limit = 4.0 / 3.0 * np.pi * (0.75 * widest) ** 3 * 0.85**attempt
            size = float(np.clip(rng.lognormal(np.log(30.0), 1.2), min(least, limit), limit))
            found = _place(rng, volume, clear, draw_shape(rng, kind, size))
            if found is not None:
                placed.append(found)
                _keep_clear(clear, volume, found, apart)
                break
    return placed


def _place(rng: np.random.Generator, volume: Volume, clear: np.ndarray, drawn: Drawn) -> _Placed | None:
    """Try some places and turns for one shape; None if none is free."""
    least = 0.35 * drawn.solid.volume_mm3 ** (1 / 3)
    candidates = np.flatnonzero(clear >= min(least, 0.7 * float(clear.max())))
    for _ in range(60):
        index = int(candidates[rng.integers(len(candidates))])
        kji = np.unravel_index(index, clear.shape)
        to_ras = rigid(rng.uniform(-180.0, 180.0, 3))
        centre = np.array(volume.to_ras(np.array(kji[::-1], float) + rng.uniform(-0.5, 0.5, 3)))
        to_ras[:3, 3] = centre - to_ras[:3, :3] @ np.array(drawn.solid.centroid)
        ijk = np.rint(volume.to_ijk(transform_points(to_ras, drawn.solid.surface))).astype(int)
        if (ijk < 1).any() or (ijk >= np.array(volume.size) - 1).any():
            continue
        if (clear[ijk[:, 2], ijk[:, 1], ijk[:, 0]] > 0).all():
            return _voxels(volume, drawn, to_ras)
    return None


def _voxels(volume: Volume, drawn: Drawn, to_ras: np.ndarray) -> _Placed:
    """Share of each voxel that the shape fills, blurred as the image is."""
    grid = Grid(volume.size, volume.ijk_to_ras)
    low, high = drawn.shape.bounds
    corners = np.array(np.meshgrid(*zip(low, high, strict=True))).reshape(3, -1).T
    box = grid.box(transform_points(to_ras, corners), 3.0 * float(volume.spacing_mm.max()))
    assert box is not None
    times = supersampling(grid, box, drawn.thickness_mm)
    fine = grid.finer(box, times)
    whole = tuple(slice(0, n) for n in fine.shape)
    d = drawn.shape.distance(*fine.local(np.linalg.inv(to_ras), whole))
    share = voxel_share(d, float(fine.spacing_mm.mean()), times)
    middle = slice(times // 2, None, times)
    blurred = ndimage.gaussian_filter(share, FWHM_VOXELS * SIGMA_PER_FWHM, truncate=3.0, mode="constant")
    return _Placed(drawn, to_ras, box, blurred, d[middle, middle, middle] < 0)


def _keep_clear(clear: np.ndarray, volume: Volume, item: _Placed, apart_mm: float) -> None:
    """Take a placed deposit and its surroundings out of the free room, in place."""
    margin = [int(np.ceil(apart_mm / s)) for s in volume.spacing_mm[::-1]]
    box = tuple(slice(max(s.start - m, 0), s.stop + m) for s, m in zip(item.box, margin, strict=True))
    taken = np.zeros(clear[box].shape, bool)
    inner = tuple(
        slice(s.start - b.start, s.start - b.start + n) for s, b, n in zip(item.box, box, item.share.shape, strict=True)
    )
    taken[inner] = item.share > 0.02
    near = ndimage.distance_transform_edt(~taken, sampling=volume.spacing_mm[::-1]) < apart_mm
    clear[box][near] = 0.0


def _put(
    voxels: np.ndarray, room: Room, item: _Placed, value: float, air: np.ndarray | None, rng: np.random.Generator
) -> None:
    """Add one deposit in place: the difference to the smooth tissue, by share; a void gets the noise of ``air``."""
    part = voxels[item.box]
    if air is None:
        part += item.share * (value - room.soft[item.box])
        return
    left = part * (1.0 - item.share * (1.0 - rng.uniform(*LEFT_IN_VOID)))
    noise = rng.choice(air, part.shape) * item.share
    part[:] = np.where(item.share > 1e-3, np.hypot(left, noise), part)


def _air(volume: Volume, room: Room) -> np.ndarray:
    """Values of the air of an MR, what the scanner masked to zero aside; zeros where it masked all of it."""
    near = ndimage.binary_dilation(room.body, iterations=4)
    values = volume.voxels[~near]
    values = values[values > 0]
    return values[:: max(1, values.size // 200_000)].astype(np.float32) if values.size > 1000 else np.zeros(1)


def _row(number: int, item: _Placed, consistency: str, value: float, modality: str) -> dict[str, Any]:
    """The truth of one deposit."""
    centre = transform_points(item.to_ras, np.array(item.drawn.solid.centroid))
    return {
        "deposit_id": number,
        "kind": item.drawn.kind,
        "consistency": consistency,
        "fragments": item.drawn.fragments,
        "volume_mm3": item.drawn.solid.volume_mm3,
        "thickness_mm": item.drawn.thickness_mm,
        "hu" if modality == "ct" else "signal": value,
        "centroid_r_mm": float(centre[0]),
        "centroid_a_mm": float(centre[1]),
        "centroid_s_mm": float(centre[2]),
    }


def _note_visibility(rows: list[dict[str, Any]], voxels: np.ndarray, labels: np.ndarray, spacing: np.ndarray) -> None:
    """Add to each row how the deposit stands out in the finished image; see `visibility`."""
    boxes = ndimage.find_objects(labels, len(rows))
    margin = np.ceil(4.0 / spacing).astype(int)
    for row, box in zip(rows, boxes, strict=True):
        if box is None:
            row |= {"contrast_to_noise": 0.0, "alike": 1.0, "visible": False}
            continue
        wide = tuple(slice(max(s.start - m, 0), s.stop + m) for s, m in zip(box, margin, strict=True))
        mine = labels[wide] == row["deposit_id"]
        seen = visibility(voxels[wide], mine, (labels[wide] > 0) & ~mine, spacing, row["volume_mm3"])
        row |= {"contrast_to_noise": seen.contrast_to_noise, "alike": seen.alike, "visible": seen.visible}
