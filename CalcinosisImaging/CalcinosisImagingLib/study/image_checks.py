"""What every image must be before anything is computed on it; each refusal is one sentence."""

from __future__ import annotations

import numpy as np

from ..analysis.errors import InputError
from ..analysis.view import View
from ..analysis.volume import Volume
from .source_image import CT, MR, XRAY

MAX_VOXELS = 2**31
"""More voxels than this are taken for a damaged header (80 million is a full hand)."""
MIN_SPACING_MM, MAX_SPACING_MM = 1e-3, 50.0
"""Spacing outside is a wrong unit (metres, micrometres) or a damaged header."""
MAX_EXTENT_MM = 5000.0
RIGID_TOLERANCE = 1e-4
"""Largest deviation of the axes from orthonormal: 0.05 mm over half a metre."""
MIN_CT_RANGE_HU = 256
"""A CT of a hand holds air or paste and bone: a narrower range is grey levels or labels, not HU."""
AIR_HU = (-1100, -900)
MIN_AIR_FRACTION = 0.05
"""More voxels near -1000 than this are never seen in MR."""


def check_size(shape: tuple[int, ...], source: str) -> None:
    """Refuse images without voxels and with absurdly many; ``shape`` in any order."""
    if min(shape) < 1:
        raise InputError(f"{source}: has no voxels (size {_by(shape)}); export the image again.")
    if int(np.prod([int(n) for n in shape], dtype=object)) > MAX_VOXELS:
        raise InputError(
            f"{source}: has {_by(shape)} voxels, more than {MAX_VOXELS}; the header is damaged or the image has to be "
            "cropped to the hand."
        )


def check_grid(ijk_to_ras: np.ndarray, size: tuple[int, int, int], source: str) -> None:
    """Refuse grids that are no rigid placement of box-shaped voxels of a plausible size; ``size`` in order i, j, k."""
    if not np.isfinite(ijk_to_ras).all():
        raise InputError(f"{source}: its geometry holds values that are not numbers; export it again.")
    spacing = np.linalg.norm(ijk_to_ras[:3, :3], axis=0)
    if (spacing == 0).any():
        raise InputError(f"{source}: has zero voxel spacing ({_by(spacing)} mm); export it with its true spacing.")
    if (spacing < MIN_SPACING_MM).any() or (spacing > MAX_SPACING_MM).any():
        raise InputError(
            f"{source}: has a voxel spacing of {_by(spacing)} mm, which no scanner has; check the unit (millimetres) "
            "and export it again."
        )
    if (spacing * size > MAX_EXTENT_MM).any():
        raise InputError(f"{source}: extends over {_by(spacing * size)} mm; check the spacing and export it again.")
    axes = ijk_to_ras[:3, :3] / spacing
    if np.abs(axes.T @ axes - np.eye(3)).max() > RIGID_TOLERANCE:
        raise InputError(f"{source}: its axes are not at right angles (shear); resample it to a rectangular grid.")


def check_finite(volume: Volume, source: str) -> None:
    """Refuse voxels that are not finite numbers."""
    voxels = volume.voxels
    if voxels.dtype.kind == "f":
        bad = int(voxels.size - np.count_nonzero(np.isfinite(voxels)))
        if bad:
            raise InputError(f"{source}: {bad} voxels are not finite numbers (NaN or infinite); replace them.")


def check_values(volume: Volume, modality: str, source: str) -> None:
    """Refuse voxels that are not finite, all alike, or certainly not of that modality."""
    check_finite(volume, source)
    voxels = volume.voxels
    low, high = voxels.min(), voxels.max()
    if low == high:
        raise InputError(f"{source}: all voxels have the value {low:g}, so it shows nothing; export the image again.")
    if modality == CT and float(high) - float(low) < MIN_CT_RANGE_HU:
        raise InputError(
            f"{source}: values run from {low:g} to {high:g}, which are not Hounsfield units; export the CT in HU."
        )
    if modality == MR and low <= AIR_HU[1]:
        air = np.count_nonzero((voxels >= AIR_HU[0]) & (voxels <= AIR_HU[1]))
        if air > MIN_AIR_FRACTION * voxels.size:
            raise InputError(
                f"{source}: {air / voxels.size:.0%} of the voxels are near -1000 like air in CT, MR was expected; "
                "give it as CT."
            )


def check_dimensions(size: tuple[int, int, int], modality: str, source: str) -> None:
    """Refuse a single slice as CT or MR, and a volume as radiograph; ``size`` in order i, j, k."""
    if modality != XRAY and min(size) < 2:
        raise InputError(f"{source}: is 2-D ({_by(size)}), {modality.upper()} must be 3-D; give the whole series.")
    if modality == XRAY and size[2] != 1:
        raise InputError(f"{source}: is 3-D ({_by(size)}), a radiograph must be 2-D; give one film.")


def check_view(volume: Volume, view: View, source: str) -> None:
    """Refuse a view file whose rows and columns are not those of the film."""
    _, rows, columns = volume.voxels.shape
    if (view.rows, view.columns) != (rows, columns):
        raise InputError(
            f"{source}: has {rows} rows and {columns} columns, its view says {view.rows} and {view.columns}; "
            "correct the view file."
        )


def _by(numbers: object) -> str:
    """``2 x 3 x 4`` of a sequence of numbers."""
    return " x ".join(f"{n:.6g}" if isinstance(n, float | np.floating) else str(n) for n in numbers)
