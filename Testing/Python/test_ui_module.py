"""The module file as Slicer loads it: start-up, widget, entering and leaving, scene close, reload, end."""

# ruff: noqa: E402

OUTSIDE_SLICER_ONLY = True

import subprocess
import sys
import unittest
from pathlib import Path

import standins

standins.install()

import slicer
from standins import effect_base, record

ROOT = Path(__file__).resolve().parents[2]
MODULE_FILE = ROOT / "CalcinosisImaging" / "CalcinosisImaging.py"


class ModuleTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        record.forget()
        cls.module = standins.load_module(MODULE_FILE)
        cls.representation = cls.module.widgetRepresentation()
        cls.widget = cls.representation.self()

    @classmethod
    def tearDownClass(cls):
        cls.representation.close()

    def setUp(self):
        self.representation.enter()

    def tearDown(self):
        self.representation.exit()
        self.assertEqual(record.console, [])
        self.assertEqual(record.slot_errors, [])

    def volume(self, name="CT"):
        return slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)

    def test_the_module_says_what_it_is_and_no_placeholder_is_left(self):
        parent = self.module.parent
        self.assertEqual(parent.title, "Calcinosis Imaging")
        self.assertEqual(parent.categories, ("Quantification",))
        self.assertIn("Segmentations", parent.dependencies)
        for text in (parent.helpText, parent.acknowledgementText, *parent.contributors):
            self.assertNotIn("placeholder", text)
            self.assertTrue(text)

    def test_slicer_finds_logic_widget_and_self_test_by_its_convention(self):
        for suffix in ("", "Widget", "Logic", "Test"):
            self.assertTrue(hasattr(self.module.python, f"CalcinosisImaging{suffix}"))
        self.assertIs(slicer.modules.CalcinosisImagingWidget, self.widget)
        self.assertIsInstance(self.widget.logic, self.module.python.CalcinosisImagingLogic)

    def test_the_effect_is_there_once_start_up_is_complete(self):
        self.assertIn("Calcinosis", effect_base.registered)

    def test_the_widget_is_made_once(self):
        self.assertIs(self.module.widgetRepresentation().self(), self.widget)

    def test_the_panel_follows_the_scene_only_while_it_is_entered(self):
        node = self.widget.logic.getParameterNode()
        node.ctVolume = self.volume()
        self.assertEqual(self.widget.ui.ctSelector.currentNode(), node.ctVolume)
        self.representation.exit()
        self.assertIsNone(self.widget.panel.node)
        self.widget.ui.ctSelector.setCurrentNode(None)
        self.assertIsNotNone(node.ctVolume)
        self.representation.enter()
        self.assertEqual(self.widget.ui.ctSelector.currentNode(), node.ctVolume)

    def test_closing_the_scene_brings_the_defaults_back_and_the_panel_goes_on(self):
        node = self.widget.logic.getParameterNode()
        node.ctVolume, node.sensitivity = self.volume(), 0.9
        slicer.mrmlScene.Clear(0)
        self.assertEqual(self.widget.ui.sensitivitySlider.value, 0.5)
        self.assertIsNone(self.widget.ui.ctSelector.currentNode())
        self.widget.ui.ctSelector.setCurrentNode(self.volume())
        self.assertIsNotNone(self.widget.logic.getParameterNode().ctVolume)

    def test_a_scene_closed_while_another_module_is_shown_leaves_the_panel_at_rest(self):
        self.representation.exit()
        slicer.mrmlScene.Clear(0)
        self.assertIsNone(self.widget.panel.node)

    def test_the_first_image_changes_the_advice(self):
        slicer.mrmlScene.Clear(0)
        self.assertIn("no images yet", self.widget.ui.imagesHintLabel.text)
        self.volume()
        self.assertIn("Choose the images", self.widget.ui.imagesHintLabel.text)

    def test_the_self_test_passes(self):
        self.representation.exit()
        test = self.module.python.CalcinosisImagingTest()
        test.runTest()
        self.representation.enter()

    def test_an_error_of_the_logic_reaches_the_panel_as_a_sentence(self):
        node = self.widget.logic.getParameterNode()
        node.ctVolume = self.volume("Empty CT")
        with self.assertLogs(level="ERROR"):
            slicer.util.findChild(self.widget.parent, "ctRunButton").click()
        self.assertIn("Empty CT", self.widget.ui.messageLabel.text)


class OwnProcessTest(unittest.TestCase):
    """What would change this process: reloading, and the end of the application."""

    def run_script(self, script):
        code = f"import sys; sys.path[:0] = {[str(ROOT / 'Testing'), str(ROOT / 'CalcinosisImaging')]!r}\n" + script
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_reloading_reads_the_library_again_and_the_new_panel_works(self):
        out = self.run_script(
            f"""
import standins
module = standins.load_module({str(MODULE_FILE)!r})
import slicer
shown = module.widgetRepresentation()
old = shown.self()
shown.enter()
library = sys.modules["CalcinosisImagingLib.ui.panel"]
old.onReload()
new = shown.self()
assert new is not old and old.panel.node is None
assert sys.modules["CalcinosisImagingLib.ui.panel"] is not library
volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
new.ui.ctSelector.setCurrentNode(volume)
assert new.logic.getParameterNode().ctVolume is volume
assert old.panel.node is None
assert standins.slot_errors == [] and standins.console == []
print("reloaded")
"""
        )
        self.assertIn("reloaded", out)

    def test_the_module_loads_and_ends_without_its_widget_ever_made(self):
        out = self.run_script(
            f"import standins\nstandins.load_module({str(MODULE_FILE)!r})\n"
            "assert standins.slot_errors == []\nprint('loaded')"
        )
        self.assertIn("loaded", out)


if __name__ == "__main__":
    unittest.main()
