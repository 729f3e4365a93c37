"""Saving the whole scene as one ``.mrb`` file, and reading it."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from ..analysis.errors import CalcinosisError, InputError
from ..analysis.files import whole_file


def save_bundle(scene: object, path: Path) -> None:
    """Write the scene to ``path`` (``.mrb``); the whole file or none.

    Raises
    ------
    CalcinosisError: it could not be written (disk full, folder read-only).
    """
    _choose_fast_compression(scene)
    # The bundle's inner folder is named after the file, so it is written under its final name.
    with whole_file(path) as part, tempfile.TemporaryDirectory(dir=part.parent, prefix=".writing-") as folder:
        inner = Path(folder) / path.name
        if not scene.WriteToMRB(str(inner), None) or not inner.is_file():
            raise CalcinosisError(f"{path}: the scene could not be written; check free space and permissions.")
        shutil.move(inner, part)


def _choose_fast_compression(scene: object) -> None:
    """The default compression takes 20 s for a hand CT and saves little more."""
    for class_name in ("vtkMRMLScalarVolumeNode", "vtkMRMLSegmentationNode"):
        for index in range(scene.GetNumberOfNodesByClass(class_name)):
            node = scene.GetNthNodeByClass(index, class_name)
            if node.GetStorageNode() is None:
                node.AddDefaultStorageNode()
            node.GetStorageNode().SetCompressionParameter("gzip_fastest")


def load_bundle(scene: object, path: Path) -> None:
    """Add the content of a ``.mrb`` file to the scene.

    Raises
    ------
    InputError: there is no such file or it is no scene.
    """
    if not Path(path).is_file():
        raise InputError(f"{path}: there is no such scene file; check the name.")
    if not scene.ReadFromMRB(str(path), False):
        raise InputError(f"{path}: could not be read as a Slicer scene; save it again from Slicer.")
