"""What image file headers say about geometry before SimpleITK fills the gaps with defaults.

ITK takes spacing 1, origin 0 for a file that says nothing, and picks one of NIfTI's two transforms without a word.
NRRD: teem.sourceforge.net/nrrd/format.html; MetaImage: ITK's MetaIO; NIfTI: nifti1.h of NITRC.
"""

from __future__ import annotations

import gzip
import math
import re
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..analysis.errors import InputError

HEADER_BYTES = 65536
"""Text headers are looked for within this."""
QFORM_SFORM_TOLERANCE_MM = 0.1
"""The two transforms of a NIfTI file may differ by this at the corners (32-bit numbers, rounding)."""


SHEAR_TOLERANCE = 1e-3
"""Largest cosine between two axes of an sform; ITK replaces a sheared one by the qform, or fails."""


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


def _numbers(text: str, path: Path, separator: str | None = None) -> list[float]:
    """Numbers of a header field."""
    try:
        return [float(word) for word in text.split(separator)]
    except ValueError as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> InputError:
    return InputError(f"{path}: its header is damaged; copy or export it again.")


def _check_spacing(spacing: list[float], path: Path) -> None:
    """Refuse zero, negative and non-finite spacing."""
    if not spacing:
        raise _damaged(path)
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
        vectors = [_numbers(v, path, ",") for v in re.findall(r"\(([^)]*)\)", directions)]
        _check_spacing([float(np.linalg.norm(v)) for v in vectors], path)
    elif "spacings" in fields:
        spacing = _numbers(fields["spacings"], path)
        if all(np.isnan(spacing)):
            raise _no_geometry(path)
        _check_spacing(spacing, path)
    elif fields.get("dimension") != "2":
        raise _no_geometry(path)


_MET_BYTES = {"CHAR": 1, "SHORT": 2, "INT": 4, "LONG": 4, "LONG_LONG": 8, "FLOAT": 4, "DOUBLE": 8}


def _check_metaimage(path: Path) -> None:
    """MetaImage: ElementSpacing or ElementSize must be there, and all voxels (MetaIO complains on the terminal)."""
    with path.open("rb") as stream:
        start = stream.read(HEADER_BYTES)
    match = re.search(rb"^ElementDataFile *=.*?\n", start, flags=re.MULTILINE)
    header = start[: match.end() if match else 0].decode("ascii", "replace")
    fields = dict(re.findall(r"^(\w+) *= *(.*?)\s*$", header, flags=re.MULTILINE))
    if "NDims" not in fields:
        raise InputError(f"{path}: is not a MetaImage file; give an image.")
    spacing = fields.get("ElementSpacing", fields.get("ElementSize"))
    if spacing is not None:
        _check_spacing(_numbers(spacing, path), path)
    elif fields["NDims"] != "2":
        raise _no_geometry(path)
    element = _MET_BYTES.get(fields.get("ElementType", "").removeprefix("MET_").removeprefix("U"), 0)
    needed = element * math.prod(_numbers(fields.get("DimSize", "0"), path))
    if fields.get("CompressedData", "").lower() == "true":
        needed = _numbers(fields.get("CompressedDataSize", "0"), path)[0]
    if fields.get("ElementDataFile", "").upper() == "LOCAL" and path.stat().st_size < len(header) + needed:
        raise _truncated(path)


@dataclass(frozen=True, eq=False)
class _Nifti:
    """The fields of a NIfTI header that matter here; transforms are 4x4, voxel indices to NIfTI's RAS."""

    dims: tuple[int, ...]
    bits: int
    pixdim: tuple[float, ...]
    data_offset: float
    qform_code: int
    qform: np.ndarray
    sform_code: int
    sform: np.ndarray

    @property
    def file_bytes(self) -> float:
        """Length that the (uncompressed) file must have."""
        return self.data_offset + math.prod(max(1, n) for n in self.dims[1 : 1 + self.dims[0]]) * self.bits / 8


def _check_nifti(path: Path) -> None:
    """NIfTI: qform or sform must be there, agree, and have no zero column; the file must be complete.

    ITK fills what a truncated NIfTI file lacks with zeros and says nothing.
    """
    header = _nifti_header(path)
    dims = header.dims
    if min(dims[1:4]) > 1 and not header.qform_code and not header.sform_code:
        raise _no_geometry(path)
    if header.sform_code:
        lengths = np.linalg.norm(header.sform[:3, :3], axis=0)
        _check_spacing([float(n) for n in lengths], path)
        axes = header.sform[:3, :3] / lengths
        if np.abs(axes.T @ axes - np.eye(3)).max() > SHEAR_TOLERANCE:
            raise InputError(f"{path}: its axes are not at right angles (shear); resample it to a rectangular grid.")
    if header.qform_code or not header.sform_code:
        _check_spacing([abs(float(p)) for p in header.pixdim[1 : 1 + min(3, max(1, dims[0]))]], path)
    if header.qform_code and header.sform_code:
        corners = np.array(np.meshgrid(*[(0, max(1, n) - 1) for n in dims[1:4]], [1])).reshape(4, -1)
        gap = np.linalg.norm(((header.qform - header.sform) @ corners)[:3], axis=0).max()
        if not gap <= QFORM_SFORM_TOLERANCE_MM:
            raise InputError(
                f"{path}: its two geometries (qform and sform) differ by up to {gap:.3g} mm; "
                "save it with the right one in both."
            )
    if _length(path) < header.file_bytes:
        raise _truncated(path)


def _truncated(path: Path) -> InputError:
    return InputError(f"{path}: ends before its last voxel (truncated); copy it again.")


def _length(path: Path) -> int:
    """Length of the file, uncompressed; a damaged gzip stream is refused."""
    if not path.name.lower().endswith(".gz"):
        return path.stat().st_size
    length = 0
    try:
        with gzip.open(path, "rb") as stream:
            while block := stream.read(1 << 22):
                length += len(block)
    except (OSError, EOFError, zlib.error) as error:
        raise _bad_gzip(path) from error
    return length


def _bad_gzip(path: Path) -> InputError:
    return InputError(f"{path}: is not a complete gzip file (truncated or damaged); copy it again.")


def _nifti_header(path: Path) -> _Nifti:
    """Read a NIfTI-1 header of either byte order; ITK reads no NIfTI-2."""
    try:
        opener = gzip.open if path.name.lower().endswith(".gz") else open
        with opener(path, "rb") as stream:
            raw = stream.read(352)
    except (OSError, EOFError, zlib.error) as error:
        raise _bad_gzip(path) from error
    if raw[4:7] == b"n+2":
        raise InputError(f"{path}: is NIfTI-2, which is not read; save it as NIfTI-1.")
    order = next((o for o in "<>" if len(raw) >= 348 and struct.unpack_from(o + "i", raw)[0] == 348), None)
    if order is None or raw[344:347] != b"n+1":
        raise InputError(
            f"{path}: is not a NIfTI file (truncated, Analyze or of another kind); copy or export it again."
        )
    pixdim = struct.unpack_from(order + "8f", raw, 76)
    codes = struct.unpack_from(order + "2h", raw, 252)
    rows = struct.unpack_from(order + "12f", raw, 280)
    return _Nifti(
        dims=struct.unpack_from(order + "8h", raw, 40),
        bits=struct.unpack_from(order + "h", raw, 72)[0],
        pixdim=pixdim,
        data_offset=struct.unpack_from(order + "f", raw, 108)[0],
        qform_code=codes[0],
        qform=_qform(struct.unpack_from(order + "6f", raw, 256), pixdim),
        sform_code=codes[1],
        sform=np.vstack([np.reshape(rows, (3, 4)), [0, 0, 0, 1]]),
    )


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
