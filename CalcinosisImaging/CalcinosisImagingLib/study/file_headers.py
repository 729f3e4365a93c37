"""What image file headers say about geometry before SimpleITK fills the gaps with defaults.

ITK takes spacing 1, origin 0 for a file that says nothing, and picks one of NIfTI's two transforms without a word.
NRRD: teem.sourceforge.net/nrrd/format.html; MetaImage: ITK's MetaIO; NIfTI: nifti1.h and nifti2.h of NITRC.
"""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from pathlib import Path

import numpy as np

from ..analysis.errors import InputError

HEADER_BYTES = 65536
"""Text headers are looked for within this."""
QFORM_SFORM_TOLERANCE_MM = 0.1
"""The two transforms of a NIfTI file may differ by this at the corners (32-bit numbers, rounding)."""


def check_header(path: Path, suffix: str) -> None:
    """Refuse a file whose header has no geometry, a zero spacing, or contradicts itself."""
    if suffix == ".nrrd":
        _check_nrrd(path)
    elif suffix == ".mha":
        _check_metaimage(path)
    elif suffix in (".nii", ".nii.gz"):
        _check_nifti(path)


def is_segmentation(path: Path) -> bool:
    """Whether an NRRD file says that it is a Slicer segmentation."""
    return b"Segmentation_MasterRepresentation" in _text_header(path) or b"Segment0_ID" in _text_header(path)


def _text_header(path: Path) -> bytes:
    """The start of the file up to the first empty line."""
    with path.open("rb") as stream:
        start = stream.read(HEADER_BYTES)
    return re.split(rb"\r?\n\r?\n", start, maxsplit=1)[0]


def _no_geometry(path: Path) -> InputError:
    """The refusal of an image that does not say where it is."""
    return InputError(
        f"{path}: has no geometry (neither spacing nor orientation); export it with its geometry, "
        "or give the DICOM series."
    )


def _check_spacing(spacing: list[float], path: Path) -> None:
    """Refuse zero, negative and non-finite spacing."""
    if not all(np.isfinite(spacing)) or min(spacing) <= 0:
        text = " x ".join(f"{s:g}" for s in spacing)
        kind = "zero voxel spacing" if 0 in spacing else "an impossible voxel spacing"
        raise InputError(f"{path}: has {kind} ({text} mm); export it with its true spacing.")


def _check_nrrd(path: Path) -> None:
    """NRRD: "space directions" or "spacings" must be there."""
    header = _text_header(path).decode("ascii", "replace").lower()
    if not header.startswith("nrrd"):
        raise InputError(f"{path}: is not an NRRD file; give an image.")
    fields = dict(re.findall(r"^([a-z ]+): *(.*?)\r?$", header, flags=re.MULTILINE))
    directions = fields.get("space directions")
    if directions is not None:
        vectors = [[float(x) for x in v.split(",")] for v in re.findall(r"\(([^)]*)\)", directions)]
        _check_spacing([float(np.linalg.norm(v)) for v in vectors], path)
    elif "spacings" in fields:
        spacing = [float(x) for x in fields["spacings"].split()]
        if all(np.isnan(spacing)):
            raise _no_geometry(path)
        _check_spacing(spacing, path)
    elif fields.get("dimension") not in ("2",):
        raise _no_geometry(path)


def _check_metaimage(path: Path) -> None:
    """MetaImage: ElementSpacing or ElementSize must be there."""
    with path.open("rb") as stream:
        header = stream.read(HEADER_BYTES).split(b"ElementDataFile")[0].decode("ascii", "replace")
    fields = dict(re.findall(r"^(\w+) *= *(.*?)\s*$", header, flags=re.MULTILINE))
    if "NDims" not in fields:
        raise InputError(f"{path}: is not a MetaImage file; give an image.")
    spacing = fields.get("ElementSpacing", fields.get("ElementSize"))
    if spacing is not None:
        _check_spacing([float(x) for x in spacing.split()], path)
    elif fields["NDims"] != "2":
        raise _no_geometry(path)


def _check_nifti(path: Path) -> None:
    """NIfTI: qform or sform must be there, agree, and have no zero column."""
    header = _nifti_header(path)
    dims, pixdim, qform, sform = header
    if min(dims[1:4]) > 1 and not qform[0] and not sform[0]:
        raise _no_geometry(path)
    used = [abs(float(p)) for p in pixdim[1 : 1 + min(3, max(1, dims[0]))]]
    if sform[0]:
        _check_spacing([float(n) for n in np.linalg.norm(sform[1][:3, :3], axis=0)], path)
    if not sform[0] or qform[0]:
        _check_spacing(used, path)
    if qform[0] and sform[0]:
        corners = np.array(np.meshgrid(*[(0, max(1, n) - 1) for n in dims[1:4]], [1])).reshape(4, -1)
        gap = np.linalg.norm(((qform[1] - sform[1]) @ corners)[:3], axis=0).max()
        if not gap <= QFORM_SFORM_TOLERANCE_MM:
            raise InputError(
                f"{path}: its two geometries (qform and sform) differ by up to {gap:.3g} mm; "
                "save it with the right one in both."
            )


def _nifti_header(path: Path) -> tuple[list[int], list[float], tuple[int, np.ndarray], tuple[int, np.ndarray]]:
    """dim, pixdim, (qform_code, 4x4), (sform_code, 4x4); transforms map voxel indices to NIfTI's RAS."""
    try:
        opener = gzip.open if path.name.lower().endswith(".gz") else open
        with opener(path, "rb") as stream:
            raw = stream.read(540)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: is not a readable gzip file (truncated or damaged); copy it again.") from error
    for order in "<>":
        if len(raw) >= 348 and struct.unpack_from(order + "i", raw)[0] == 348:
            dims = struct.unpack_from(order + "8h", raw, 40)
            pixdim = struct.unpack_from(order + "8f", raw, 76)
            codes = struct.unpack_from(order + "2h", raw, 252)
            quaternion = struct.unpack_from(order + "6f", raw, 256)
            rows = struct.unpack_from(order + "12f", raw, 280)
            break
        if len(raw) >= 540 and struct.unpack_from(order + "i", raw)[0] == 540:
            dims = struct.unpack_from(order + "8q", raw, 16)
            pixdim = struct.unpack_from(order + "8d", raw, 104)
            codes = struct.unpack_from(order + "2i", raw, 344)
            quaternion = struct.unpack_from(order + "6d", raw, 352)
            rows = struct.unpack_from(order + "12d", raw, 400)
            break
    else:
        raise InputError(f"{path}: is not a NIfTI file (truncated or of another kind); copy it again.")
    sform = np.vstack([np.reshape(rows, (3, 4)), [0, 0, 0, 1]])
    return list(dims), list(pixdim), (codes[0], _qform(quaternion, pixdim)), (codes[1], sform)


def _qform(quaternion: tuple[float, ...], pixdim: tuple[float, ...]) -> np.ndarray:
    """4x4 of NIfTI's quaternion b, c, d and offset x, y, z (nifti1.h, method 2)."""
    b, c, d = quaternion[:3]
    a = np.sqrt(max(0.0, 1.0 - b * b - c * c - d * d))
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    matrix = np.eye(4)
    matrix[:3, :3] = rotation * np.abs(pixdim[1:4])
    if pixdim[0] < 0:
        matrix[:3, 2] *= -1
    matrix[:3, 3] = quaternion[3:]
    return matrix
