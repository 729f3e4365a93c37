"""The images of one visit: roles by folder (``ct``, ``mr/<series>``, ``xray/<view>``), and by DICOM tags elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ..analysis.errors import InputError
from .dicom_files import find_dicom, is_dicom
from .dicom_images import check_dicom
from .dicom_series import series_of, split_series, without_pictures
from .image_files import check_image_file
from .images import image_files_in
from .names import safe_name
from .source_image import CT, MODALITIES, MR, XRAY, ImageSource
from .view_files import image_stem

EDITS = "edits"


@dataclass
class VisitImages:
    """What is found while a visit is looked through.

    Attributes
    ----------
    problems: sentences on what is wrong.
    ct, mr, xray: as in `study_types.Session`.
    """

    problems: list[str]
    ct: ImageSource | None = None
    mr: dict[str, ImageSource] = field(default_factory=dict)
    xray: dict[str, ImageSource] = field(default_factory=dict)

    def add(self, role: str, name: str, image: ImageSource, where: Path) -> None:
        """Take an image in, or note that its place is taken."""
        if role == CT:
            if self.ct is not None:
                self.problems.append(f"{where}: is a second CT of the visit; keep the one to use.")
            self.ct = image
            return
        images = {MR: self.mr, XRAY: self.xray}[role]
        key = safe_name(name).lower() or role
        if key in images:
            self.problems.append(f"{where}: is a second {role} image called {key!r}; rename or remove one of them.")
        images[key] = image

    def passes(self, check: Callable[..., None], *arguments: object) -> bool:
        """Whether a check raises nothing; its sentence is kept if it does."""
        try:
            check(*arguments)
        except InputError as error:
            self.problems.append(str(error))
            return False
        return True

    def count(self) -> int:
        """Images and problems so far."""
        return len(self.problems) + len(self.mr) + len(self.xray) + (self.ct is not None)


def read_visit_images(folder: Path, problems: list[str]) -> VisitImages:
    """Look through one visit; images by name, in order. Sentences on what is wrong go to ``problems``."""
    found = VisitImages(problems)
    heap: list[Path] = []
    for entry in sorted(folder.iterdir()):
        name = entry.name.lower()
        if name.startswith(".") or name == EDITS:
            continue
        if entry.is_dir() and name in MODALITIES:
            _read_role(entry, name, found)
        elif entry.is_dir() or is_dicom(entry):
            heap.append(entry)
    for path in image_files_in(folder):
        problems.append(f"{path}: does not say what it is; put it into ct, mr/<series> or xray/<view>.")
    _read_heap(heap, folder, found)
    found.mr = dict(sorted(found.mr.items()))
    found.xray = dict(sorted(found.xray.items()))
    return found


def _read_role(folder: Path, role: str, found: VisitImages) -> None:
    """A folder that says what it holds."""
    if role == CT:
        _read_place(folder, role, CT, found)
        return
    before = found.count()
    loose = []
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            _read_place(entry, role, entry.name, found)
        elif is_dicom(entry):
            loose.append(entry)
    for path in image_files_in(folder):
        if found.passes(check_image_file, path, role):
            found.add(role, image_stem(path), path, path)
    _read_heap(loose, folder, found, role)
    if before == found.count():
        found.problems.append(f"{folder}: holds no image; put one there or remove the folder.")


def _read_place(folder: Path, role: str, name: str, found: VisitImages) -> None:
    """A folder that holds one image: DICOM files or one image file."""
    images = image_files_in(folder)
    try:
        dicom = find_dicom([folder])
    except InputError as error:
        found.problems.append(str(error))
        return
    if len(images) + bool(dicom) > 1:
        names = ", ".join([p.name for p in images] + (["DICOM files"] if dicom else []))
        found.problems.append(f"{folder}: holds several images ({names}); keep one.")
    elif images:
        if found.passes(check_image_file, images[0], role):
            found.add(role, name, images[0], folder)
    elif not dicom:
        found.problems.append(f"{folder}: holds no image; put one there or remove the folder.")
    elif found.passes(check_dicom, dicom, folder, role):
        found.add(role, name, folder, folder)


def _read_heap(places: list[Path], folder: Path, found: VisitImages, role: str | None = None) -> None:
    """DICOM files without a telling folder: series by series, role and name from the tags."""
    try:
        files = find_dicom(places)
        series = [part for one in without_pictures(series_of(files)) for part in split_series(one)]
    except InputError as error:
        found.problems.append(str(error))
        return
    names: dict[tuple[str, str], int] = {}
    for one in series:
        first = one.files[0]
        if role is not None and one.role != role:
            found.problems.append(
                f"{first.path}: DICOM says Modality {first.modality}, it lies in {folder.name}; move it."
            )
            continue
        paths = tuple(file.path for file in one.files)
        where = first.path if len(paths) == 1 else first.path.parent
        if not found.passes(check_dicom, one.files, where, one.role):
            continue
        key = (one.role, one.name)
        names[key] = names.get(key, 0) + 1
        name = one.name if names[key] == 1 or one.role == XRAY else f"{one.name}-{names[key]}"
        found.add(one.role, name, paths, where)
