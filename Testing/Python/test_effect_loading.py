"""What Slicer pays for the extension at its start: the module's and the effect's files load no numerical library."""

import subprocess
import sys
import unittest
from pathlib import Path

OUTSIDE_SLICER_ONLY = True

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("scipy", "SimpleITK", "PIL", "pydicom", "highdicom", "matplotlib")
PRELUDE = f"""
import sys
from pathlib import Path
import standins
standins.install()
import slicer
def heavy():
    return sorted(set(sys.modules) & set({HEAVY}))
module = standins.load_module(Path({str(ROOT)!r}) / "CalcinosisImaging" / "CalcinosisImaging.py")
from CalcinosisImagingLib.ui.registration import register_effect
register_effect()
from standins import effect_base
assert "Calcinosis" in effect_base.registered
"""


def loaded_by(statements):
    """Heavy libraries that are loaded after Slicer's start and these statements, in a fresh Python."""
    program = PRELUDE + statements + "\nprint(heavy())"
    path = [str(ROOT / "CalcinosisImaging"), str(ROOT / "Testing"), str(ROOT / "Testing" / "Python")]
    ran = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {path}\n{program}"], capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip().splitlines()[-1]


class LoadingTest(unittest.TestCase):
    def test_slicers_start_loads_no_numerical_library(self):
        self.assertEqual(loaded_by(""), "[]")

    def test_nor_does_a_segment_editor_with_the_effect_in_hand(self):
        self.assertEqual(
            loaded_by(
                "from standins.editor import Editor\n"
                "node = slicer.mrmlScene.AddNewNodeByClass('vtkMRMLSegmentationNode')\n"
                "editor = Editor('Calcinosis', None, node)\n"
                "editor.activate()\n"
                "editor.press_key('c')\n"
                "editor.close()"
            ),
            "[]",
        )

    def test_the_logic_is_there_when_it_is_asked_for(self):
        found = loaded_by("assert module.python.CalcinosisImagingLogic.__name__ == 'CalcinosisImagingLogic'")
        self.assertIn("SimpleITK", found)
        self.assertIn("scipy", found)


if __name__ == "__main__":
    unittest.main()
