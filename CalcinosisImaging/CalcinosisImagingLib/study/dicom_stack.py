"""From the slices of one series to a volume: sorted across the slices, checked, rescaled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..analysis.errors import InputError
from ..analysis.itk_bridge import LPS_RAS
from ..analysis.progress import Progress, report, silent
from ..analysis.volume import Volume
from .dicom_frames import Frame
from .dicom_pixels import read_pixels
from .source_image import CT

POSITION_TOLERANCE_MM = 0.06
"""A slice may lie this far from its place in an even row: tags are often rounded to 0.1 mm."""
POSITION_TOLERANCE = 0.05
"""... or this fraction of the slice distance, whichever is larger."""
TILT_TOLERANCE_DEG = 0.1
"""Angle between the slice normal and the row of positions beyond which the gantry was tilted."""
DUPLICATE_MM = 1e-3
"""Slices closer than this lie at one place."""
SAME_DIRECTION = 1e-4
"""Largest difference of the direction cosines within a series."""
CT_AIR_HU = -1024
"""What padded CT pixels become."""


@dataclass(frozen=True, eq=False)
class Stack:
    """Slices in order, and the grid that they make."""

    frames: tuple[Frame, ...]
    ijk_to_ras: np.ndarray


def stack(frames: Sequence[Frame], source: str) -> Stack:
    """Sort slices along their normal and check that they make an even, upright grid.

    The order is that of ImagePositionPatient projected on the normal, never of the instance number.

    Raises
    ------
    InputError: mixed matrix, orientation or spacing, one slice only, slices twice, missing, uneven, or tilted gantry.
    """
    _check_alike(frames, source)
    first = frames[0]
    normal = first.normal_lps
    positions = np.array([frame.position_lps for frame in frames])
    along = positions @ normal
    order = np.lexsort((np.arange(len(frames)), along))
    along, positions = along[order], positions[order]
    if len(frames) < 2 or along[-1] - along[0] < DUPLICATE_MM:
        raise InputError(
            f"{source}: holds a single slice ({first.matrix[0]} x {first.matrix[1]}), so it is 2-D where 3-D is due; "
            "give the whole series."
        )
    ordered = [frames[index] for index in order]
    _check_twice(ordered, along, source)
    step = _even_step(along, source)
    _check_tilt(positions, normal, along, source)
    grid = np.eye(4)
    grid[:3, 0] = first.row_lps * first.spacing_mm[0]
    grid[:3, 1] = first.column_lps * first.spacing_mm[1]
    grid[:3, 2] = normal * step
    grid[:3, 3] = positions.mean(axis=0) - normal * step * (len(along) - 1) / 2
    return Stack(tuple(ordered), LPS_RAS @ grid)


def _check_alike(frames: Sequence[Frame], source: str) -> None:
    """Same matrix, orientation and spacing throughout."""
    matrices = sorted({frame.matrix for frame in frames})
    if len(matrices) > 1:
        text = " and ".join(f"{rows} x {columns}" for rows, columns in matrices[:3])
        raise InputError(f"{source}: mixes slices of different matrix ({text}); keep one series in the folder.")
    first = frames[0]
    turned = sum(
        max(np.abs(f.row_lps - first.row_lps).max(), np.abs(f.column_lps - first.column_lps).max()) > SAME_DIRECTION
        for f in frames
    )
    if turned:
        raise InputError(
            f"{source}: mixes slices of different orientation ({turned} of {len(frames)} differ from the first); "
            "keep one series in the folder."
        )
    spacings = sorted({frame.spacing_mm for frame in frames})
    if np.ptp(np.array(spacings), axis=0).max() > SAME_DIRECTION:
        raise InputError(
            f"{source}: mixes slices of different pixel spacing ({spacings[0][0]:g} and {spacings[-1][0]:g} mm); "
            "keep one series in the folder."
        )


def _check_twice(ordered: Sequence[Frame], along: np.ndarray, source: str) -> None:
    """No two slices at one place."""
    twice = np.flatnonzero(np.diff(along) < DUPLICATE_MM)
    if not len(twice):
        return
    facet = separating_facet(ordered)
    if facet is not None:
        values = list(dict.fromkeys(frame.facets.get(facet, "none") for frame in ordered))
        raise InputError(
            f"{source}: mixes {len(values)} images of one place that differ in {facet} ({_some(values)}); "
            "keep the files of one in the folder."
        )
    a, b = ordered[twice[0]], ordered[twice[0] + 1]
    raise InputError(
        f"{source}: {len(twice)} slice{'s are' if len(twice) > 1 else ' is'} there twice, as {a.file.path.name} and "
        f"{b.file.path.name} at {along[twice[0]]:.2f} mm; remove the duplicate{'s' if len(twice) > 1 else ''}."
    )


def _some(values: Sequence[str]) -> str:
    """The first few of a list."""
    return ", ".join(values[:4]) + (", ..." if len(values) > 4 else "")


def separating_facet(frames: Sequence[Frame]) -> str | None:
    """The property that splits frames into groups of equal number without two at one place; None if none does."""
    for facet in dict.fromkeys(name for frame in frames for name in frame.facets):
        groups: dict[str, list[Frame]] = {}
        for frame in frames:
            groups.setdefault(frame.facets.get(facet, ""), []).append(frame)
        if len(groups) > 1 and all(not overlap(group) for group in groups.values()):
            return facet
    return None


def overlap(frames: Sequence[Frame]) -> bool:
    """Whether two of the slices lie at one place; False without slices."""
    if not frames:
        return False
    along = np.sort([frame.position_lps @ frames[0].normal_lps for frame in frames])
    return bool((np.diff(along) < DUPLICATE_MM).any())


def _even_step(along: np.ndarray, source: str) -> float:
    """Distance of the slices by least squares; uneven rows are refused, whole missing slices named as such."""
    steps = np.diff(along)
    typical = float(np.median(steps))
    gaps = np.flatnonzero(steps > 1.5 * typical)
    if len(gaps):
        missing = int(np.sum(np.round(steps[gaps] / typical) - 1))
        raise InputError(
            f"{source}: {missing or 1} slice{'s are' if missing > 1 else ' is'} missing "
            f"(gap of {steps[gaps[0]]:.3g} mm after {along[gaps[0]]:.2f} mm, slices are {typical:.3g} mm apart); "
            "copy the whole series."
        )
    number = np.arange(len(along)) - (len(along) - 1) / 2
    step = float(number @ along / (number @ number))
    off = float(np.abs(along - along.mean() - number * step).max())
    if off > max(POSITION_TOLERANCE_MM, POSITION_TOLERANCE * typical):
        raise InputError(
            f"{source}: slices are unevenly spaced ({steps.min():.3g} to {steps.max():.3g} mm); "
            "resample it or give an evenly spaced series."
        )
    return step


def _check_tilt(positions: np.ndarray, normal: np.ndarray, along: np.ndarray, source: str) -> None:
    """The row of positions must follow the normal, in direction and in straightness."""
    aside = positions - positions[0] - np.outer(along - along[0], normal)
    shift = np.linalg.norm(aside, axis=1)
    angle = np.degrees(np.arctan2(shift[-1], along[-1] - along[0]))
    if angle > TILT_TOLERANCE_DEG:
        raise InputError(
            f"{source}: the slices are sheared by {angle:.1f}° against their row (tilted gantry); "
            "resample it to upright slices first."
        )
    if shift.max() > max(POSITION_TOLERANCE_MM, POSITION_TOLERANCE * (along[1] - along[0])):
        raise InputError(
            f"{source}: slices are shifted by up to {shift.max():.3g} mm within their plane; give the original series."
        )


def fill(sorted_stack: Stack, modality: str, source: str, progress: Progress = silent) -> tuple[Volume, list[str]]:
    """Read and rescale the pixels of a sorted stack.

    Returns
    -------
    volume: int16 where all values are whole numbers that fit, else int32, else float32.
    digests: SHA-256 of each file, in order of the stack.
    """
    frames = sorted_stack.frames
    voxels = np.empty((len(frames), *frames[0].matrix), np.int16)
    whole = all(f.slope == round(f.slope) and f.intercept == round(f.intercept) for f in frames)
    if not whole:
        voxels = voxels.astype(np.float32)
    padded = None
    wanted: dict[int, list[int]] = {}
    for k, frame in enumerate(frames):
        wanted.setdefault(id(frame.file), []).append(k)
    digests = []
    done = 0
    for slices in wanted.values():
        file = frames[slices[0]].file
        stored, digest, _ = read_pixels(file.path)
        digests.append(digest)
        for k in slices:
            frame = frames[k]
            if frame.index >= len(stored):
                raise InputError(
                    f"{file.path}: holds {len(stored)} frames, its header names {frame.index + 1} or more; "
                    "copy it again."
                )
            values = _rescaled(stored[frame.index], frame, whole)
            if whole and voxels.dtype == np.int16 and (values.min() < -32768 or values.max() > 32767):
                voxels = voxels.astype(np.int32)
            voxels[k] = values
            padding = padding_mask(stored[frame.index], file.header)
            if padding is not None and padding.any():
                padded = np.zeros(voxels.shape, bool) if padded is None else padded
                padded[k] = padding
            done += 1
        report(progress, done / len(frames), "Reading slices")
    if padded is not None:
        rest = voxels[~padded]
        if not rest.size:
            raise InputError(f"{source}: holds nothing but padding; export the series again.")
        voxels[padded] = CT_AIR_HU if modality == CT else rest.min()
    return Volume(voxels, sorted_stack.ijk_to_ras), digests


def _rescaled(stored: np.ndarray, frame: Frame, whole: bool) -> np.ndarray:
    """Stored values -> HU or signal, exactly where slope and intercept are whole numbers."""
    if whole:
        if frame.slope == 1 and frame.intercept == 0:
            return stored
        return stored.astype(np.int32) * int(frame.slope) + int(frame.intercept)
    return (stored * np.float64(frame.slope) + frame.intercept).astype(np.float32)


def padding_mask(stored: np.ndarray, header: object) -> np.ndarray | None:
    """True where stored values are padding (PixelPaddingValue, to PixelPaddingRangeLimit); None without the tag.

    The tag is written signed or unsigned without regard to the pixels, so it is compared modulo the word.
    """
    value = header.get("PixelPaddingValue")
    if value is None or value == "":
        return None
    low = _as_pixel(int(value), header)
    limit = header.get("PixelPaddingRangeLimit")
    high = low if limit is None or limit == "" else _as_pixel(int(limit), header)
    low, high = min(low, high), max(low, high)
    return stored == low if low == high else (stored >= low) & (stored <= high)


def _as_pixel(value: int, header: object) -> int:
    """A padding value in the sign convention of the pixels."""
    bits = int(header.get("BitsAllocated", 16))
    value %= 1 << bits
    signed = int(header.get("PixelRepresentation", 0)) == 1
    return value - (1 << bits) if signed and value >= 1 << (bits - 1) else value
