"""Cheap checks that catch what would fail only in Slicer or at a user's."""

import ast
import re
import runpy
import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "CalcinosisImaging"
LIBRARY = MODULE / "CalcinosisImagingLib"

OUTSIDE_SLICER_ONLY = True


def python_files(folder):
    return [p for p in folder.rglob("*.py") if "__pycache__" not in p.parts]


def imported(path):
    """Top-level packages that a file imports anywhere, and those at module level."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    everywhere, at_import = set(), set()
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module]
        everywhere |= {name.split(".")[0] for name in names}
        if node in tree.body:
            at_import |= {name.split(".")[0] for name in names}
    return everywhere, at_import


class StructureTest(unittest.TestCase):
    def test_the_cmake_lists_are_those_of_the_files_on_disk(self):
        targets = runpy.run_path(str(ROOT / "tools" / "cmake_lists.py"))["TARGETS"]
        for path, content in targets.items():
            with self.subTest(path.name):
                self.assertEqual(path.read_text(encoding="utf-8"), content(), "run `make lists`")

    def test_every_script_beside_the_module_file_is_a_module(self):
        for path in MODULE.glob("*.py"):
            classes = [n.name for n in ast.parse(path.read_text()).body if isinstance(n, ast.ClassDef)]
            self.assertIn(path.stem, classes)

    def test_the_effect_folder_holds_one_script(self):
        self.assertEqual(
            [p.name for p in (MODULE / "CalcinosisImagingEffect").glob("*.py")], ["SegmentEditorCalcinosisEffect.py"]
        )

    def test_analysis_needs_only_what_slicer_bundles_and_no_slicer(self):
        allowed = {"numpy", "scipy", "SimpleITK"} | set(sys.stdlib_module_names)
        for path in python_files(LIBRARY / "analysis"):
            extra = {"vtk", "vtkmodules"} if "mesh" in path.stem else set()
            self.assertLessEqual(imported(path)[0], allowed | extra, path)

    def test_phantom_needs_only_what_slicer_bundles_and_no_slicer(self):
        allowed = {"numpy", "scipy", "SimpleITK", "pydicom"} | set(sys.stdlib_module_names)
        for path in python_files(LIBRARY / "phantom"):
            self.assertLessEqual(imported(path)[0], allowed, path)

    def test_matplotlib_is_never_imported_with_a_module(self):
        for path in python_files(MODULE):
            self.assertNotIn("matplotlib", imported(path)[1], path)

    def test_qt_is_imported_by_the_panel_and_the_effect_only(self):
        for path in python_files(LIBRARY):
            if "ui" not in path.relative_to(LIBRARY).parts:
                self.assertFalse(imported(path)[0] & {"qt", "ctk", "PySide6"}, path)

    def test_analysis_imports_where_slicer_is_absent(self):
        code = (
            "import sys, pkgutil, importlib\n"
            "sys.modules.update(slicer=None, slicer_core=None, qt=None, matplotlib=None)\n"
            "import CalcinosisImagingLib.analysis as package\n"
            "for m in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):\n"
            "    importlib.import_module(m.name)\n"
        )
        done = subprocess.run([sys.executable, "-c", code], cwd=MODULE, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_versions_are_those_that_slicer_bundles(self):
        pins = dict(re.findall(r"^([\w-]+)==(\S+)", (ROOT / "requirements" / "run.in").read_text(), re.M))
        self.assertEqual(
            pins,
            {
                "numpy": "2.4.6",
                "scipy": "1.17.1",
                "SimpleITK": "2.5.5",
                "pydicom": "3.0.2",
                "highdicom": "0.27.0",
                "slicer-core": "5.12.4.0",
            },
        )
