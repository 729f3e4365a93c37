"""Bad inputs by kind, each with the words that the refusal has to say; for the reading and the command line tests."""

import gzip
import json
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from dicom_making import (
    CT_CLASS,
    MR_CLASS,
    SEG_CLASS,
    dataset,
    film,
    hand_film,
    save,
    save_series,
    slices,
    uid,
)
from PIL import Image


@dataclass(frozen=True)
class BadInput:
    """One kind of bad input.

    make: writes it into a new folder and returns the path to give.
    modality: what to call it on the command line; None for studies.
    says: words that the sentence must hold.
    """

    make: Callable[[Path], Path]
    modality: str | None
    says: str


def ct_voxels(shape=(6, 8, 10)):
    """A block of bone-like HU in air, int16."""
    voxels = np.full(shape, -1000, np.int16)
    voxels[1:-1, 2:-2, 2:-2] = np.random.default_rng(0).integers(200, 1500, voxels[1:-1, 2:-2, 2:-2].shape)
    return voxels


def mr_voxels(shape=(6, 8, 10)):
    """Positive signal, int16."""
    return np.random.default_rng(1).integers(0, 1200, shape).astype(np.int16)


def image(voxels, spacing=(0.4, 0.5, 0.6)):
    """A SimpleITK image with a geometry of its own."""
    made = sitk.GetImageFromArray(voxels)
    made.SetSpacing(spacing[: made.GetDimension()])
    return made


def write(folder, name, made):
    """Write an image and return its path."""
    path = Path(folder) / name
    sitk.WriteImage(made, str(path))
    return path


def nifti(folder, voxels, name="image.nii", **fields):
    """A NIfTI-1 file with header fields as given: dim, pixdim, qform_code, sform_code, srow."""
    header = bytearray(352)
    dims = fields.get("dim", [voxels.ndim, *voxels.shape[::-1]])
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, *(dims + [1] * (8 - len(dims))))
    struct.pack_into("<2h", header, 70, 4, 16)
    struct.pack_into("<8f", header, 76, *fields.get("pixdim", [1, 0.4, 0.5, 0.6, 0, 0, 0, 0]))
    struct.pack_into("<2f", header, 108, 352, 1)
    struct.pack_into("<2h", header, 252, fields.get("qform_code", 1), fields.get("sform_code", 0))
    rows = fields.get("srow", [[0.4, 0, 0, 0], [0, 0.5, 0, 0], [0, 0, 0.6, 0]])
    struct.pack_into("<12f", header, 280, *np.ravel(rows))
    header[344:348] = b"n+1\0"
    path = Path(folder) / name
    content = bytes(header) + voxels.astype("<i2").tobytes()
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


def nrrd(folder, voxels, *lines, name="image.nrrd", **fields):
    """A raw NRRD file with the header lines as given."""
    sizes = fields.get("sizes", " ".join(map(str, voxels.shape[::-1])))
    dimension = len(sizes.split())
    header = [
        "NRRD0004",
        "type: short",
        f"dimension: {dimension}",
        f"sizes: {sizes}",
        "encoding: raw",
        "endian: little",
    ]
    path = Path(folder) / name
    path.write_bytes("\n".join([*header, *lines, "", ""]).encode() + voxels.astype("<i2").tobytes())
    return path


def cut(path, fraction=0.5):
    """Leave only the first part of a file."""
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * fraction)])
    return path


def view_json(**changes):
    """The content of a good view file for `hand_film`."""
    content = {
        "name": "pa",
        "rows": 200,
        "columns": 160,
        "pixel_spacing_mm": [0.2, 0.25],
        "source_detector_mm": 1000.0,
        "principal_point_px": [79.5, 99.5],
    }
    return {key: value for key, value in (content | changes).items() if value is not None}


def png_film(folder, view=None, pixels=None):
    """A PNG film; ``view`` is the text of the view file, None for none."""
    path = Path(folder) / "pa.png"
    Image.fromarray(hand_film() if pixels is None else pixels).save(path)
    if view is not None:
        path.with_suffix(".json").write_text(view, encoding="utf-8")
    return path


def _ct_series(folder, change=None, **tags):
    """A CT series after ``change`` of the list of data sets."""
    made = slices(ct_voxels(), **tags)
    return save_series(folder, made if change is None else change(made))


def _ct_without_rescale(folder):
    return save_series(folder, slices((ct_voxels() + 1024).astype(np.uint16), RescaleSlope=None, RescaleIntercept=None))


def _mr_series(folder, **tags):
    return save_series(folder, slices(mr_voxels(), MR_CLASS, "MR", **tags))


def _moved(made, index, offset):
    """The series with one slice moved along z."""
    position = [float(v) for v in made[index].ImagePositionPatient]
    made[index].ImagePositionPatient = [position[0], position[1], position[2] + offset]
    return made


def _text(folder, name, content="nothing of use\n" * 40):
    path = Path(folder) / name
    path.write_text(content, encoding="utf-8")
    return path


def _truncated_slice(folder):
    _ct_series(folder)
    cut(folder / "0003.dcm", 0.9)
    return folder


def _damaged_slice(folder):
    _ct_series(folder)
    (folder / "0003.dcm").write_bytes(b"\x17garbage" * 50)
    return folder


def _empty_slice(folder):
    _ct_series(folder)
    (folder / "0003.dcm").write_bytes(b"")
    return folder


def _dangling_slice(folder):
    _ct_series(folder)
    os.symlink(folder / "gone", folder / "0009.dcm")
    return folder


def _forbidden(folder):
    path = write(folder, "image.nrrd", image(ct_voxels()))
    path.chmod(0)
    return path


def _two_series(folder):
    _ct_series(folder / "a")
    _ct_series(folder / "b", SeriesInstanceUID=uid(2), SeriesNumber=2)
    return folder


def _other_orientation(folder):
    tilted = slices(ct_voxels(), row=(0, 1, 0), column=(0, 0, 1))[:2]
    return save_series(folder, slices(ct_voxels()) + tilted)


def _other_matrix(folder):
    return save_series(folder, slices(ct_voxels()) + slices(ct_voxels((2, 9, 10)), origin_lps=(-10, 20, 60)))


def _two_echoes(folder):
    first = slices(mr_voxels(), MR_CLASS, "MR", EchoTime=4.6)
    return save_series(folder, first + slices(mr_voxels(), MR_CLASS, "MR", EchoTime=9.2))


def _beside(folder):
    _ct_series(folder)
    write(folder, "ct.nrrd", image(ct_voxels()))
    return folder


def _two_files(folder):
    for name in ("a.nrrd", "b.nrrd"):
        write(folder, name, image(ct_voxels()))
    return folder


def _constant(folder):
    return write(folder, "image.nrrd", image(np.full((4, 5, 6), 7, np.int16)))


def _float_image(folder, value):
    voxels = ct_voxels().astype(np.float32)
    voxels[2, 3, 4:6] = value
    return write(folder, "image.nrrd", image(voxels))


def _rgb(folder):
    return write(folder, "image.nrrd", sitk.GetImageFromArray(np.zeros((4, 5, 6, 3), np.uint8), isVector=True))


def _segmentation(folder):
    made = image((ct_voxels() > 0).astype(np.uint8))
    made.SetMetaData("Segmentation_MasterRepresentation", "Binary labelmap")
    made.SetMetaData("Segment0_ID", "deposit-1")
    return write(folder, "ct.seg.nrrd", made)


def _mha_without_geometry(folder):
    voxels = ct_voxels()
    header = f"ObjectType = Image\nNDims = 3\nDimSize = {' '.join(map(str, voxels.shape[::-1]))}\n"
    path = Path(folder) / "image.mha"
    path.write_bytes((header + "ElementType = MET_SHORT\nElementDataFile = LOCAL\n").encode() + voxels.tobytes())
    return path


def _truncated(folder, name, compressed=False):
    path = Path(folder) / name
    voxels = np.random.default_rng(0).integers(0, 2000, (20, 30, 40)).astype(np.int16)
    sitk.WriteImage(image(voxels), str(path), useCompression=compressed)
    return cut(path, 0.6)


def _nifti_2(folder):
    path = Path(folder) / "image.nii"
    path.write_bytes(struct.pack("<i4s4s2h", 540, b"n+2\0", b"\r\n\032\n", 4, 16) + bytes(1504))
    return path


def _dicom_seg(folder):
    return save(dataset(SEG_CLASS, "SEG", np.zeros((8, 8), np.uint8)), folder / "seg.dcm")


def _no_pixels(folder):
    made = slices(ct_voxels())
    del made[2].PixelData
    return save_series(folder, made)


def _undecodable(folder):
    made = film(hand_film(), ImagerPixelSpacing=[0.2, 0.2])
    made.PixelData = b"\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\x00\xe0\x04\0\0\0\xff\x4f\xff\x51\xfe\xff\xdd\xe0\0\0\0\0"
    made["PixelData"].VR = "OB"
    return save(made, folder / "film.dcm", "1.2.840.10008.1.2.4.201")


SPACE = "space: left-posterior-superior"
UPRIGHT = "space directions: (0.4,0,0) (0,0.5,0) (0,0,0.6)"

BAD_IMAGES: dict[str, BadInput] = {
    "there is no such file": BadInput(lambda f: f / "nothing.nrrd", "ct", "no such file"),
    "the folder is empty": BadInput(lambda f: f, "ct", "no image"),
    "the folder holds other files": BadInput(lambda f: _text(f, "letter.txt").parent, "ct", "no image"),
    "the file is empty": BadInput(lambda f: _text(f, "image.nrrd", ""), "ct", "empty"),
    "a text file": BadInput(lambda f: _text(f, "letter.txt"), "ct", "neither DICOM nor"),
    "a text file named like NRRD": BadInput(lambda f: _text(f, "image.nrrd"), "ct", "not an NRRD"),
    "a text file named like MHA": BadInput(lambda f: _text(f, "image.mha"), "ct", "not a MetaImage"),
    "a text file named like NIfTI": BadInput(lambda f: _text(f, "image.nii"), "ct", "not a NIfTI"),
    "a text file named like gzipped NIfTI": BadInput(lambda f: _text(f, "image.nii.gz"), "ct", "gzip"),
    "a text file named like PNG": BadInput(lambda f: _text(f, "pa.png"), "xray", "pa"),
    "a truncated NRRD": BadInput(lambda f: _truncated(f, "image.nrrd"), "ct", "truncated"),
    "a truncated NIfTI": BadInput(lambda f: _truncated(f, "image.nii"), "ct", "truncated"),
    "a truncated gzipped NIfTI": BadInput(lambda f: _truncated(f, "image.nii.gz"), "ct", "truncated"),
    "a truncated MHA": BadInput(lambda f: _truncated(f, "image.mha"), "ct", "truncated"),
    "a NIfTI-2 file": BadInput(_nifti_2, "ct", "NIfTI-2"),
    "a truncated compressed NRRD": BadInput(lambda f: _truncated(f, "image.nrrd", True), "ct", "truncated"),
    "a truncated compressed MHA": BadInput(lambda f: _truncated(f, "image.mha", True), "ct", "truncated"),
    "a truncated slice": BadInput(_truncated_slice, "ct", "0003.dcm"),
    "a damaged slice": BadInput(_damaged_slice, "ct", "0003.dcm"),
    "an empty slice": BadInput(_empty_slice, "ct", "0 bytes"),
    "a slice without pixels": BadInput(_no_pixels, "ct", "no pixel data"),
    "a missing slice": BadInput(lambda f: _ct_series(f, lambda d: d[:3] + d[4:]), "ct", "1 slice is missing"),
    "a slice twice": BadInput(lambda f: _ct_series(f, lambda d: [*d, d[2]]), "ct", "1 slice is there twice"),
    "uneven slices": BadInput(lambda f: _ct_series(f, lambda d: _moved(d, 2, 0.4)), "ct", "unevenly"),
    "a tilted gantry": BadInput(lambda f: _ct_series(f, step_lps=(0, 0.25, 1.25)), "ct", "gantry"),
    "two series mixed": BadInput(_two_series, "ct", "mixes 2 series"),
    "two orientations mixed": BadInput(_other_orientation, "ct", "different orientation"),
    "two matrices mixed": BadInput(_other_matrix, "ct", "different matrix"),
    "two echoes mixed": BadInput(_two_echoes, "mr", "echo time"),
    "phase images alone": BadInput(lambda f: _mr_series(f, ImageType=["ORIGINAL", "PRIMARY", "P"]), "mr", "phase"),
    "a localiser alone": BadInput(
        lambda f: _ct_series(f, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]), "ct", "localiser"
    ),
    "a projection through the slab alone": BadInput(
        lambda f: _ct_series(f, ImageType=["DERIVED", "SECONDARY", "MIP"]), "ct", "projection (MIP)"
    ),
    "unsigned CT without rescale": BadInput(_ct_without_rescale, "ct", "no rescale intercept"),
    "slices without a position": BadInput(lambda f: _ct_series(f, ImagePositionPatient=None), "ct", "no geometry"),
    "slices with zero spacing": BadInput(lambda f: _ct_series(f, PixelSpacing=[0, 0]), "ct", "zero"),
    "an old multi-frame file": BadInput(
        lambda f: save(dataset(CT_CLASS, "CT", ct_voxels()), f / "ct.dcm"), "ct", "multi-frame"
    ),
    "MR named as CT": BadInput(_mr_series, "ct", "Modality MR, CT was expected"),
    "CT named as radiograph": BadInput(_ct_series, "xray", "Modality CT, a radiograph"),
    "ultrasound": BadInput(lambda f: _ct_series(f, Modality="US"), "ct", "Modality US"),
    "CT values given as MR": BadInput(lambda f: write(f, "image.nii.gz", image(ct_voxels())), "mr", "like air in CT"),
    "one slice where a volume is due": BadInput(lambda f: _ct_series(f, lambda d: d[:1]), "ct", "2-D"),
    "a 2-D NRRD where a volume is due": BadInput(lambda f: write(f, "image.nrrd", image(ct_voxels()[2])), "ct", "2-D"),
    "a PNG where a volume is due": BadInput(lambda f: png_film(f), "ct", "no geometry"),
    "a volume where a film is due": BadInput(lambda f: write(f, "pa.nrrd", image(ct_voxels())), "xray", "3-D"),
    "a 4-D NIfTI": BadInput(lambda f: nifti(f, np.stack([ct_voxels()] * 2), dim=[4, 10, 8, 6, 2]), "ct", "4-D"),
    "a colour volume": BadInput(_rgb, "ct", "3 values per voxel"),
    "NaN voxels": BadInput(lambda f: _float_image(f, np.nan), "ct", "2 voxels are not finite"),
    "infinite voxels": BadInput(lambda f: _float_image(f, np.inf), "mr", "2 voxels are not finite"),
    "a constant image": BadInput(_constant, "mr", "all voxels have the value 7"),
    "grey levels given as CT": BadInput(
        lambda f: write(f, "image.nrrd", image(((ct_voxels() + 1000) // 10).astype(np.uint8))), "ct", "Hounsfield"
    ),
    "a segmentation given as image": BadInput(_segmentation, "ct", "segmentation"),
    "a DICOM segmentation": BadInput(_dicom_seg, "ct", "Segmentation Storage"),
    "zero spacing in NIfTI": BadInput(
        lambda f: nifti(f, ct_voxels(), pixdim=[1, 0.4, 0, 0.6, 0, 0, 0, 0]), "ct", "zero"
    ),
    "zero spacing in NRRD": BadInput(
        lambda f: nrrd(f, ct_voxels(), SPACE, "space directions: (0.4,0,0) (0,0,0) (0,0,0.6)"), "ct", "zero"
    ),
    "metres for millimetres": BadInput(
        lambda f: write(f, "image.nrrd", image(ct_voxels(), (0.0004, 0.0004, 0.0006))), "ct", "unit"
    ),
    "an absurd size": BadInput(
        lambda f: nrrd(f, ct_voxels(), SPACE, UPRIGHT, sizes="90000 80000 70000"), "ct", "header is damaged"
    ),
    "no geometry in NRRD": BadInput(lambda f: nrrd(f, ct_voxels()), "ct", "no geometry"),
    "no geometry in MHA": BadInput(_mha_without_geometry, "ct", "no geometry"),
    "no geometry in NIfTI": BadInput(lambda f: nifti(f, ct_voxels(), qform_code=0), "ct", "no geometry"),
    "two geometries in NIfTI": BadInput(
        lambda f: nifti(f, ct_voxels(), sform_code=1, srow=[[-0.4, 0, 0, 0], [0, 0.5, 0, 0], [0, 0, 0.6, 0]]),
        "ct",
        "sform",
    ),
    "shear in NIfTI": BadInput(
        lambda f: nifti(
            f, ct_voxels(), qform_code=0, sform_code=1, srow=[[0.4, 0.1, 0, 0], [0, 0.5, 0, 0], [0, 0, 0.6, 0]]
        ),
        "ct",
        "shear",
    ),
    "shear in NRRD": BadInput(
        lambda f: nrrd(f, ct_voxels(), SPACE, "space directions: (0.4,0,0) (0.1,0.5,0) (0,0,0.6)"), "ct", "shear"
    ),
    "several image files in a folder": BadInput(_two_files, "ct", "2 image files"),
    "DICOM and an image file in a folder": BadInput(_beside, "ct", "DICOM files and ct.nrrd"),
    "a film without view file": BadInput(png_film, "xray", "pa.json"),
    "a view file that is not JSON": BadInput(lambda f: png_film(f, "{name: pa"), "xray", "not JSON"),
    "a view file without keys": BadInput(
        lambda f: png_film(f, json.dumps(view_json(rows=None, pixel_spacing_mm=[0, 1]))), "xray", "rows is missing"
    ),
    "a view file of another film": BadInput(
        lambda f: png_film(f, json.dumps(view_json(rows=160, columns=200))), "xray", "200 rows and 160 columns"
    ),
    "a colour film": BadInput(
        lambda f: png_film(f, json.dumps(view_json()), np.zeros((200, 160, 3), np.uint8)), "xray", "colour"
    ),
    "a DICOM film without spacing": BadInput(
        lambda f: save(film(hand_film(), "CR"), f / "film.dcm"), "xray", "no pixel spacing"
    ),
    "a DICOM film of several frames": BadInput(
        lambda f: save(film(np.stack([hand_film()] * 2), ImagerPixelSpacing=[0.2, 0.2]), f / "film.dcm"),
        "xray",
        "2 frames",
    ),
    "a colour DICOM film": BadInput(
        lambda f: save(
            film(hand_film(), ImagerPixelSpacing=[0.2, 0.2], SamplesPerPixel=3, PhotometricInterpretation="RGB"),
            f / "film.dcm",
        ),
        "xray",
        "colour",
    ),
    "a compression that nobody decodes": BadInput(_undecodable, "xray", "compressed as"),
}
"""Name of the kind -> how to make it, for every command that takes one image."""

if os.name == "posix":
    BAD_IMAGES["a slice that cannot be opened"] = BadInput(_dangling_slice, "ct", "cannot be opened")
    if os.geteuid() != 0:
        BAD_IMAGES["a file without permission"] = BadInput(_forbidden, "ct", "cannot be opened")


def study(folder, participants=("sub-01",), table=True):
    """A good small study: CT and MR as NRRD, a film as PNG."""
    root = Path(folder) / "study"
    for participant in participants:
        visit = root / participant / "ses-1"
        for place in ("ct", "mr/t1", "xray/pa"):
            (visit / place).mkdir(parents=True)
        write(visit / "ct", "ct.nrrd", image(ct_voxels()))
        write(visit / "mr" / "t1", "t1.nrrd", image(mr_voxels()))
        png_film(visit / "xray" / "pa", json.dumps(view_json()))
    if table:
        rows = "".join(f"{p}\tright\n" for p in participants)
        (root / "participants.tsv").write_text("participant_id\thand\n" + rows, encoding="utf-8")
    return root


def _table(folder, content, encoding="utf-8"):
    root = study(folder)
    (root / "participants.tsv").write_bytes(content.encode(encoding))
    return root


def _with_edit(folder, name):
    root = study(folder)
    path = root / "sub-01" / "ses-1" / "edits" / "reader-x" / name
    path.parent.mkdir(parents=True)
    write(path.parent, name, image((ct_voxels() > 0).astype(np.uint8)))
    return root


def _with_files(folder, make, where):
    root = study(folder)
    place = root / "sub-01" / "ses-1" / where
    place.mkdir(parents=True, exist_ok=True)
    make(place)
    return root


def _renamed(folder, name):
    root = study(folder, table=False)
    (root / "sub-01").rename(root / name)
    return root


def _emptied(folder, where):
    root = study(folder)
    for path in sorted((root / "sub-01" / "ses-1" / where).rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    return root


def _broken_json(folder):
    root = study(folder)
    (root / "study.json").write_text("{", encoding="utf-8")
    return root


def _film_in(place):
    save(film(hand_film(), ViewPosition="PA", ImagerPixelSpacing=[0.2, 0.2]), place / "one.dcm")


BAD_STUDIES: dict[str, BadInput] = {
    "there is no such study": BadInput(lambda f: f / "nothing", None, "no such study"),
    "the study is a file": BadInput(lambda f: _text(f, "study"), None, "is a file"),
    "the study is empty": BadInput(lambda f: f, None, "no study folder"),
    "a participant is not listed": BadInput(
        lambda f: _table(f, "participant_id\thand\n"), None, "lists no participant"
    ),
    "a listed participant is absent": BadInput(
        lambda f: _table(f, "participant_id\thand\nsub-01\tleft\nsub-02\tleft\n"), None, "lists sub-02"
    ),
    "a participant is there twice": BadInput(
        lambda f: _table(f, "participant_id\thand\nsub-01\tleft\nsub-01\tright\n"), None, "twice"
    ),
    "a hand that nobody has": BadInput(lambda f: _table(f, "participant_id\thand\nsub-01\tmiddle\n"), None, "'middle'"),
    "no column hand": BadInput(lambda f: _table(f, "participant_id\tage\nsub-01\t60\n"), None, "column hand"),
    "commas for tabs": BadInput(lambda f: _table(f, "participant_id,hand\nsub-01,left\n"), None, "tabs"),
    "a table in Latin 1": BadInput(
        lambda f: _table(f, "participant_id\thand\tnote\nsub-01\tleft\tmüde\n", "latin-1"), None, "UTF-8"
    ),
    "a person's name as id": BadInput(lambda f: _renamed(f, "sub-Erika Musterfrau"), None, "safe participant id"),
    "study.json is broken": BadInput(_broken_json, None, "study.json"),
    "an edit of an image that is not there": BadInput(
        lambda f: _with_edit(f, "xray-lat.seg.nrrd"), None, "no xray image"
    ),
    "an edit with an unknown name": BadInput(lambda f: _with_edit(f, "final version.seg.nrrd"), None, "correction"),
    "the CT folder is empty": BadInput(lambda f: _emptied(f, "ct"), None, "holds no image"),
    "MR in the CT folder": BadInput(
        lambda f: _with_files(Path(f), lambda p: (p / "ct.nrrd").unlink() or _mr_series(p), "ct"), None, "Modality MR"
    ),
    "two CTs": BadInput(lambda f: _with_files(f, _ct_series, "more"), None, "second CT"),
    "two films of one name": BadInput(lambda f: _with_files(f, _film_in, "more"), None, "called 'pa'"),
    "an image without a role": BadInput(
        lambda f: _with_files(f, lambda p: write(p, "scan.nrrd", image(ct_voxels())), "."),
        None,
        "does not say what it is",
    ),
    "a slice is missing in a study": BadInput(
        lambda f: _with_files(f, lambda p: _mr_series_without(p, 3), "mr/t2"), None, "1 slice is missing"
    ),
}
"""Name of the kind -> how to make it, for `calcinosis run`; each makes exactly one problem."""


def _mr_series_without(folder, index):
    made = slices(mr_voxels(), MR_CLASS, "MR")
    return save_series(folder, made[:index] + made[index + 1 :])


def cases(folder: Path) -> dict[str, Callable[[], Path]]:
    """Every bad image by name; calling one writes it into a folder of its own below ``folder`` and returns its path."""

    def maker(number: int, bad: BadInput) -> Callable[[], Path]:
        def make() -> Path:
            place = Path(folder) / f"bad {number}"
            place.mkdir(parents=True)
            return bad.make(place)

        return make

    return {name: maker(number, bad) for number, (name, bad) in enumerate(BAD_IMAGES.items())}
