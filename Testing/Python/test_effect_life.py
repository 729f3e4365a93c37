"""The effect's life in an editor: parameters, options, preview, keys, views, saving; nothing is left behind."""

# ruff: noqa: E402

OUTSIDE_SLICER_ONLY = True

import tempfile
import unittest
from pathlib import Path

import numpy as np
import standins

standins.install()

import ctk
import qt
import slicer
import vtk
from CalcinosisImagingLib.analysis.segmentation_file import read_segmentation
from CalcinosisImagingLib.logic.module_logic import CalcinosisImagingLogic
from CalcinosisImagingLib.scene.volumes import volume_to_node
from CalcinosisImagingLib.ui.editing.options import DEFAULTS
from CalcinosisImagingLib.ui.editing.tools import tools
from CalcinosisImagingLib.ui.registration import EFFECT_SOURCE, register_effect
from effect_scene import EffectScene, dice
from standins import effect_base, record, signals
from standins.editor import Editor, ThreeDWidget

TAKEN_KEYS = set("zyqwi,.<>/* 0123456789") | {"Escape", "space"}
"""Keys that the Segment Editor module uses."""


class LifeTest(unittest.TestCase):
    def setUp(self):
        record.forget()
        self.scene = EffectScene("ct", extra=("c",))
        self.closed = False

    def tearDown(self):
        if not self.closed:
            self.scene.close()
        self.assertEqual(record.console, [])
        self.assertEqual(record.slot_errors, [])

    @property
    def session(self):
        return self.scene.editor.python.session

    def option(self, name):
        frame = self.scene.editor.effect.optionsFrame()
        return next(w for w in frame.findChildren(qt.QWidget) if w.objectName == name)

    def previews(self):
        return [n for n in slicer.util.getNodesByClass("vtkMRMLSegmentationNode") if n is not self.scene.segmentation]

    def test_the_effect_is_registered_once_and_loaded_without_a_package(self):
        register_effect()
        self.assertEqual(list(effect_base.registered), ["Calcinosis"])
        self.assertEqual(EFFECT_SOURCE.parent.name, "CalcinosisImagingEffect")
        self.assertIn("Cut", self.scene.editor.python.helpText())
        self.assertFalse(self.scene.editor.python.icon().isNull(), "the icon exists")

    def test_every_parameter_is_in_the_parameter_set_node_and_flags_are_numbers(self):
        for name, default in DEFAULTS.items():
            self.assertTrue(self.scene.editor.effect.parameterDefined(name), name)
            self.assertNotIsInstance(default, bool, name)
        self.option("findButton")
        whole = next(w for w in self.scene.editor.effect.optionsFrame().findChildren(qt.QCheckBox))
        whole.checked = True
        self.assertEqual(self.scene.editor.node.GetAttribute("Calcinosis.WholeImage"), "1")
        self.assertEqual(self.scene.editor.effect.integerParameter("WholeImage"), 1)
        self.assertFalse(self.option("RegionRadiusSlider").enabled)

    def test_options_follow_the_node_and_the_node_follows_the_options(self):
        self.option("SensitivitySlider").value = 0.7
        self.assertAlmostEqual(self.scene.editor.effect.doubleParameter("Sensitivity"), 0.7)
        self.scene.editor.effect.setParameter("Sensitivity", 0.3)
        self.assertAlmostEqual(self.option("SensitivitySlider").value, 0.3)
        self.option("cutToolButton").click()
        self.assertEqual(self.scene.editor.effect.parameter("Tool"), "cut")
        self.assertTrue(self.option("CutPartCombo").enabled)
        self.option("LayoutCombo").currentIndex = 1
        self.assertEqual(self.scene.editor.effect.parameter("Layout"), "class")

    def test_parameters_survive_another_editor_of_the_same_scene(self):
        self.scene.editor.effect.setParameter("MinimumSize", 4.5)
        self.scene.editor.effect.call("setMRMLDefaults")
        self.assertEqual(self.scene.editor.effect.doubleParameter("MinimumSize"), 4.5)

    def test_each_tool_has_a_key_that_the_editor_does_not_use(self):
        keys = [tool.key for tool in tools()]
        self.assertEqual(len(set(keys)), len(keys))
        self.assertFalse(set(keys) & TAKEN_KEYS)
        for tool in tools():
            self.assertTrue(self.scene.editor.press_key(tool.key))
            self.assertEqual(self.scene.editor.effect.parameter("Tool"), tool.name)
        self.assertFalse(self.scene.editor.press_key("z"), "undo's key goes on to the editor")
        self.scene.tool("in")
        self.assertFalse(self.scene.editor.event(vtk.vtkCommand.KeyPressEvent, key="c", control=True), "copies")
        self.assertFalse(self.scene.editor.press_key(None), "a key without a name")
        self.assertEqual(self.scene.editor.effect.parameter("Tool"), "in")

    def test_other_views_other_buttons_and_modifiers_are_left_alone(self):
        before = self.scene.state()
        command = vtk.vtkCommand
        self.assertFalse(self.scene.editor.event(command.LeftButtonPressEvent, (10, 10), view=ThreeDWidget()))
        for event in (command.RightButtonPressEvent, command.MouseWheelForwardEvent, command.MouseMoveEvent):
            self.assertFalse(self.scene.editor.event(event, (200, 200)))
        self.assertEqual(self.scene.state(), before)

    def test_the_preview_changes_nothing_until_it_is_applied(self):
        before = self.scene.state()
        self.scene.editor.slice.look_at(self.scene.center("c"))
        self.option("findButton").click()
        self.assertEqual(self.scene.state(), before)
        self.assertFalse(self.scene.editor.logic.CanUndo())
        (preview,) = self.previews()
        self.assertTrue(preview.GetHideFromEditors())
        self.assertFalse(preview.GetSaveWithScene())
        self.assertEqual(self.session._preview.candidates.count, 1)
        self.option("MinimumSizeSlider").value = 50.0
        self.session.update_preview()
        self.assertEqual(self.session._preview.candidates.count, 0)
        self.option("MinimumSizeSlider").value = 1.0
        self.session.update_preview()
        self.option("applyButton").click()
        self.assertGreater(dice(self.scene.mask("deposit-3"), self.scene.ball("c")), 0.9)
        self.assertEqual(self.previews(), [])
        self.assertFalse(self.option("applyButton").enabled)

    def test_cancel_forgets_the_preview(self):
        before = self.scene.state()
        self.option("findButton").click()
        self.option("cancelButton").click()
        self.assertEqual(self.previews(), [])
        self.assertEqual(self.scene.state(), before)

    def test_a_candidate_of_the_preview_is_taken_in_by_a_click(self):
        self.scene.editor.slice.look_at(self.scene.center("c"))
        self.option("findButton").click()
        shown = self.session._preview.candidates.labels > 0
        self.scene.editor.click(self.scene.center("c"))
        self.assertEqual(self.scene.mask("deposit-3").sum(), shown.sum())
        self.assertEqual(self.session._preview.candidates.labels.sum(), 0)

    def test_another_volume_or_another_effect_takes_the_preview_away(self):
        self.option("findButton").click()
        self.scene.editor.effect.call("sourceVolumeNodeChanged")
        self.assertEqual(self.previews(), [])
        self.option("findButton").click()
        self.scene.editor.deactivate()
        self.assertEqual(self.previews(), [])

    def test_the_line_of_a_cut_is_taken_out_of_its_view(self):
        self.scene.tool("cut")
        self.scene.editor.event(vtk.vtkCommand.LeftButtonPressEvent, (100, 100))
        self.assertEqual(len(self.scene.editor.effect.actors), 1)
        self.scene.editor.event(vtk.vtkCommand.LeftButtonReleaseEvent, (100, 100))
        self.assertEqual(self.scene.editor.effect.actors, [])
        self.scene.editor.event(vtk.vtkCommand.LeftButtonPressEvent, (100, 100))
        self.scene.editor.deactivate()
        self.assertEqual(self.scene.editor.effect.actors, [])
        self.assertEqual(self.scene.editor.slice.renderer.GetViewProps().GetNumberOfItems(), 0)

    def test_cleanup_releases_every_connection(self):
        self.scene.close()
        self.closed = True
        before = sum(map(len, signals._connections.values()))
        second = EffectScene("ct")
        self.assertGreater(sum(map(len, signals._connections.values())), before)
        second.close()
        self.assertEqual(sum(map(len, signals._connections.values())), before)
        self.assertIsNone(second.editor.python.session)

    def test_an_editor_that_is_deleted_with_the_effect_in_hand_leaves_nothing_behind(self):
        self.option("findButton").click()
        self.scene.tool("cut")
        self.scene.editor.event(vtk.vtkCommand.LeftButtonPressEvent, (100, 100))
        renderer = self.scene.editor.slice.renderer
        self.scene.close()
        self.closed = True
        self.assertEqual(self.previews(), [])
        self.assertEqual(renderer.GetViewProps().GetNumberOfItems(), 0)

    def test_an_editor_that_is_older_than_the_effect_gets_its_parameters_and_options(self):
        other = Editor("Calcinosis", self.scene.volume, self.scene.segmentation, late=True)
        other.activate()
        slider = next(
            w for w in other.effect.optionsFrame().findChildren(qt.QWidget) if w.objectName == "RegionRadiusSlider"
        )
        self.assertEqual(slider.value, DEFAULTS["RegionRadius"])
        self.assertEqual(other.effect.parameter("Tool"), "in")
        other.close()

    def test_the_cursor_is_no_larger_than_those_of_other_effects(self):
        sizes = self.scene.editor.python.icon().availableSizes()
        self.assertEqual([(size.width(), size.height()) for size in sizes], [(21, 21)])

    def test_the_button_beside_the_edits_folder_offers_folders(self):
        chooser = next(
            w
            for w in self.scene.editor.effect.optionsFrame().findChildren(qt.QWidget)
            if w.className() == "ctkPathLineEdit"
        )
        self.assertEqual(chooser.filters, ctk.ctkPathLineEdit.Dirs)

    def test_a_closed_scene_leaves_no_reference_to_a_node_that_is_gone(self):
        self.option("findButton").click()
        slicer.mrmlScene.Clear(0)
        self.session.deactivate()
        self.closed = True
        self.scene.editor.effect.call("cleanup")

    def test_without_source_volume_or_segmentation_the_effect_says_what_to_choose(self):
        self.scene.editor.node.SetAndObserveSourceVolumeNode(None)
        self.option("findButton").click()
        self.assertIn("Choose a segmentation and a source volume", self.scene.message)
        self.option("applyButton").click()
        self.scene.editor.node.SetAndObserveSegmentationNode(None)
        self.scene.editor.click(np.zeros(3))
        self.assertIn("Choose a segmentation and a source volume", self.scene.message)

    def test_the_whole_image_is_looked_through_when_asked_for(self):
        self.scene.editor.slice.look_at(self.scene.world((2, 2, 2)))
        self.scene.editor.effect.setParameter("RegionRadius", 5.0)
        self.option("findButton").click()
        self.assertEqual(self.session._preview.candidates.count, 0)
        self.scene.editor.effect.setParameter("WholeImage", 1)
        self.option("findButton").click()
        self.assertEqual(self.session._preview.candidates.count, 1)

    def test_the_named_bones_of_the_ct_are_kept_out(self):
        parameters = CalcinosisImagingLogic().getParameterNode().parameterNode
        bones = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "bones")
        bones.GetSegmentation().AddEmptySegment("radius", "radius")
        logic = slicer.vtkSlicerSegmentationsModuleLogic
        image = self.scene._image(self.scene.ball("c"))
        logic.SetBinaryLabelmapToSegment(image, bones, "radius", logic.MODE_REPLACE)
        parameters.SetNodeReferenceID("ctVolume", self.scene.volume.GetID())
        parameters.SetNodeReferenceID("bones", bones.GetID())
        self.scene.editor.click(self.scene.center("c"))
        self.assertIn("nothing at the click", self.scene.message)
        self.scene.editor.effect.setParameter("WholeImage", 1)
        self.option("findButton").click()
        self.assertEqual(self.session._preview.candidates.count, 0)
        other = volume_to_node(slicer.mrmlScene, self.scene.grid, "Other CT", "ct")
        parameters.SetNodeReferenceID("ctVolume", other.GetID())
        self.scene.editor.click(self.scene.center("c"))
        self.assertIn("deposit-3", self.scene.ids(), "bones of another CT do not count")


class SavingTest(unittest.TestCase):
    def setUp(self):
        record.forget()
        self.scene = EffectScene("ct", extra=("c",))
        self.addCleanup(self.scene.close)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.edits = Path(folder.name) / "sub-01" / "ses-1" / "edits"
        self.edits.parent.mkdir(parents=True)

    def save(self, folder):
        self.scene.editor.effect.setParameter("EditsFolder", str(folder))
        self.scene.editor.python.session.save()

    def test_the_corrected_deposits_are_saved_without_bone_on_the_grid_of_the_image(self):
        self.scene.tool("bone")
        self.scene.editor.click(self.scene.center("a"))
        self.scene.tool("in")
        self.scene.editor.click(self.scene.center("c"))
        deposits = self.scene.deposits()
        self.edits.mkdir()
        self.save(self.edits / "reader-a")
        saved = read_segmentation(self.edits / "reader-a" / "ct.seg.nrrd")
        self.assertTrue(saved.volume.same_grid(self.scene.grid))
        self.assertEqual(sorted(s.segment_id for s in saved.segments), sorted(set(self.scene.ids()) - {"bone"}))
        np.testing.assert_array_equal(saved.labels > 0, deposits)

    def test_the_folder_must_be_one_of_edits(self):
        for folder in (self.edits.parent, "", self.edits / "x" / "y"):
            self.save(folder)
            self.assertIn("older 'edits'", self.scene.message)
        self.assertEqual(list(self.edits.parent.iterdir()), [])
        self.save(self.edits)
        self.assertIn("Saved", self.scene.message)
        self.assertTrue((self.edits / "ct.seg.nrrd").is_file())


if __name__ == "__main__":
    unittest.main()
