"""The panel on the Qt stand-ins, with the real scene and parameter node; the logic is injected."""

# ruff: noqa: E402

OUTSIDE_SLICER_ONLY = True

import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from unittest import mock

import standins

standins.install()

import numpy as np
import slicer
from CalcinosisImagingLib.analysis.errors import InputError
from CalcinosisImagingLib.analysis.progress import report
from CalcinosisImagingLib.analysis.view import View
from CalcinosisImagingLib.analysis.volume import Volume
from CalcinosisImagingLib.logic.parameter_node import CalcinosisImagingParameterNode
from CalcinosisImagingLib.scene.tables import table_node
from CalcinosisImagingLib.scene.volumes import set_view, volume_to_node
from CalcinosisImagingLib.ui.panel import Panel
from CalcinosisImagingLib.ui.steps import steps
from CalcinosisImagingLib.ui.tables import registration_summary
from standins import record

UI_FILE = Path(__file__).resolve().parents[2] / "CalcinosisImaging" / "Resources" / "UI" / "CalcinosisImaging.ui"


class FakeLogic:
    """Fills fields as the logic does; what goes wrong is chosen by the test."""

    def __init__(self):
        self.calls = []
        self.error = None
        self.during = lambda: None

    def segment(self, parameterNode, modality, progress):
        self.calls.append(("segment", modality))
        for step in range(10):
            report(progress, step / 10, f"slice {step}")
            self.during()
        if self.error is not None:
            raise self.error
        field = {"ct": "ctDeposits", "mr": "mrDeposits", "xray": "filmDeposits"}[modality]
        setattr(parameterNode, field, segmentation(3))
        if modality == "ct":
            parameterNode.bones = segmentation(29)

    def runAll(self, parameterNode, progress):
        self.segment(parameterNode, "ct", progress)


def translation(*offset):
    matrix = np.eye(4)
    matrix[:3, 3] = offset
    return matrix


def segmentation(count):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    for number in range(count):
        node.GetSegmentation().AddEmptySegment(f"s{number}")
    return node


class PanelTest(unittest.TestCase):
    def setUp(self):
        slicer.mrmlScene.Clear(0)
        record.forget()
        self.root = slicer.util.loadUI(str(UI_FILE))
        self.ui = slicer.util.childWidgetVariables(self.root)
        self.root.setMRMLScene(slicer.mrmlScene)
        self.logic = FakeLogic()
        self.panel = Panel(self.ui, self.logic)
        self.node = CalcinosisImagingParameterNode(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode"))
        self.panel.show(self.node)
        self.addCleanup(self.panel.show, None)

    def tearDown(self):
        self.assertEqual(record.console, [])
        self.assertEqual(record.slot_errors, [])

    def child(self, name):
        return slicer.util.findChild(self.root, name)

    def volume(self, name="CT"):
        return slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)

    def test_an_empty_scene_says_what_to_load_and_offers_nothing_to_run(self):
        self.assertIn("load a CT", self.ui.imagesHintLabel.text)
        self.assertEqual(self.child("ctState").text, "needs CT")
        self.assertEqual(self.child("registerState").text, "needs CT, MR, bones (step 1)")
        self.assertFalse(self.child("ctRunButton").enabled)
        self.assertFalse(self.ui.runAllButton.enabled)
        self.assertIn("run step 6", self.ui.depositsViewLabel.text)

    def test_with_images_in_the_scene_the_hint_is_to_choose_one(self):
        self.volume()
        self.panel.refresh()
        self.assertIn("Choose the images", self.ui.imagesHintLabel.text)

    def test_choosing_a_ct_makes_its_step_ready(self):
        volume = self.volume()
        self.ui.ctSelector.setCurrentNode(volume)
        self.assertIs(self.node.ctVolume, volume)
        self.assertEqual(self.child("ctState").text, "ready")
        self.assertTrue(self.child("ctRunButton").enabled)
        self.assertTrue(self.ui.runAllButton.enabled)
        self.assertEqual(self.ui.imagesHintLabel.text, "")

    def test_run_calls_the_logic_and_shows_what_was_found(self):
        self.node.ctVolume = self.volume()
        self.child("ctRunButton").click()
        self.assertEqual(self.logic.calls, [("segment", "ct")])
        self.assertEqual(self.child("ctState").text, "29 bones, 3 deposits")
        self.assertIn("finished", self.ui.messageLabel.text)
        self.assertFalse(self.ui.cancelButton.enabled)
        self.assertTrue(self.child("ctCorrectButton").enabled)

    def test_cancel_stops_the_step_at_its_next_report_and_leaves_nothing(self):
        self.node.ctVolume = self.volume()
        self.logic.during = self.ui.cancelButton.click
        self.child("ctRunButton").click()
        self.assertIn("cancelled", self.ui.messageLabel.text)
        self.assertIsNone(self.node.ctDeposits)
        self.assertEqual(self.child("ctState").text, "ready")
        self.logic.during = lambda: None
        self.child("ctRunButton").click()
        self.assertIsNotNone(self.node.ctDeposits, "a cancelled step can be run again")

    def test_while_a_step_runs_no_other_can_be_started_and_progress_is_shown(self):
        self.node.ctVolume, seen = self.volume(), []

        def look():
            seen.append((self.child("ctRunButton").enabled, self.ui.cancelButton.enabled, self.ui.progressBar.value))
            self.child("ctRunButton").click()
            self.panel.run(steps()[0])

        self.logic.during = look
        self.child("ctRunButton").click()
        self.assertEqual(len(self.logic.calls), 1)
        self.assertEqual(seen[5], (False, True, 50))

    def test_an_error_of_ours_is_shown_in_one_sentence_and_the_step_is_marked(self):
        self.node.ctVolume = self.volume()
        self.logic.error = InputError("CT: has one slice; choose a volume.")
        with self.assertLogs(level="ERROR"):
            self.child("ctRunButton").click()
        self.assertEqual(self.ui.messageLabel.text, "CT: has one slice; choose a volume.")
        self.assertIn("failed", self.child("ctState").text)
        self.assertIn("one slice", self.child("ctState").toolTip)

    def test_an_unexpected_error_passes_on_and_the_panel_works_afterwards(self):
        self.node.ctVolume = self.volume()
        self.logic.error = ZeroDivisionError("no")
        self.child("ctRunButton").click()
        self.assertIn("ZeroDivisionError", record.slot_errors.pop())
        self.assertIn("stopped by an error", self.ui.messageLabel.text)
        self.assertTrue(self.child("ctRunButton").enabled)

    def test_closing_the_scene_during_a_step_cancels_it(self):
        self.node.ctVolume = self.volume()

        def close():
            self.panel.scene_closes()
            slicer.mrmlScene.Clear(0)

        self.logic.during = close
        self.child("ctRunButton").click()
        self.assertIsNone(self.panel.node)
        self.assertFalse(self.child("ctRunButton").enabled)

    def test_a_radiograph_without_geometry_asks_for_the_view_file(self):
        film = self.volume("PA")
        self.node.filmVolume = film
        self.assertIn("view file", self.ui.imagesHintLabel.text)
        self.ui.viewFileEdit.currentPath = "/data/pa.json"
        self.assertEqual(self.node.viewFile, Path("/data/pa.json"))
        self.assertEqual(self.ui.imagesHintLabel.text, "")
        self.ui.viewFileEdit.currentPath = ""
        self.assertIn("view file", self.ui.imagesHintLabel.text)
        set_view(film, View("pa", 10, 10, (0.1, 0.1), 1000.0, (4.5, 4.5)))
        self.panel.refresh()
        self.assertEqual(self.ui.imagesHintLabel.text, "")

    def test_tables_appear_with_the_main_columns_or_all(self):
        rows = [{"deposit_id": 1, "volume_mm3": 12.5, "sphericity": 0.9}]
        self.node.depositTable = table_node(slicer.mrmlScene, "D", ["deposit_id", "volume_mm3", "sphericity"], rows)
        view = self.ui.depositsView
        self.assertIs(view.mrmlTableNode(), self.node.depositTable)
        self.assertEqual([view.isColumnHidden(column) for column in range(4)], [True, False, False, True])
        self.ui.allColumnsCheckBox.checked = True
        self.assertEqual([view.isColumnHidden(column) for column in range(4)], [False] * 4)

    def test_choosing_a_deposit_in_the_table_shows_it_in_the_slices(self):
        slice_node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSliceNode")
        grid = Volume(np.zeros((4, 5, 6), np.int16), np.diag([2.0, 2.0, 2.0, 1.0]))
        film = Volume(np.zeros((1, 30, 40), np.int16), np.diag([-0.2, -0.2, 1.0, 1.0]))
        self.node.mrVolume = volume_to_node(slicer.mrmlScene, grid, "MR", "mr")
        self.node.filmVolume = volume_to_node(slicer.mrmlScene, film, "PA", "xray")
        moved = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        moved.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(translation(10, 20, 30)))
        self.node.mrVolume.SetAndObserveTransformNodeID(moved.GetID())
        columns = ["modality", "deposit_id", "centroid_r_mm", "centroid_a_mm", "centroid_s_mm", "u_px", "v_px"]
        rows = [
            {"modality": "mr", "deposit_id": 1, "centroid_r_mm": 1, "centroid_a_mm": 2, "centroid_s_mm": 3},
            {"modality": "xray", "deposit_id": 1, "u_px": 10, "v_px": 20},
            {"modality": "ct", "deposit_id": 9, "centroid_r_mm": 7, "centroid_a_mm": 7, "centroid_s_mm": 7},
        ]
        self.node.depositTable = table_node(slicer.mrmlScene, "D", columns, rows)
        for row, expected in ((0, (11, 22, 33)), (1, (-2, -4, 0)), (2, (-2, -4, 0))):
            self.ui.depositsView.selectRow(row)
            matrix = slicer.util.arrayFromVTKMatrix(slice_node.GetSliceToRAS())
            np.testing.assert_allclose(matrix[:3, 3], expected, atol=1e-6)

    def test_the_registration_names_the_bones_to_look_at(self):
        rows = [{"bone": b, "flag": f} for b, f in (("radius", "ok"), ("ulna", "failed"), ("lunate", "check"))]
        self.node.registrationTable = table_node(slicer.mrmlScene, "R", ["bone", "flag"], rows)
        self.assertEqual(self.ui.registrationViewLabel.text, "ok: 1. To check: lunate. Failed: ulna.")
        self.assertEqual(registration_summary([], []), "ok: 0.")

    def test_a_result_that_is_removed_while_the_panel_is_left_is_not_done_any_more(self):
        self.node.ctVolume = self.volume()
        self.child("ctRunButton").click()
        # While it is shown, the combo box would go to the next segmentation by itself, as Qt's does.
        self.panel.show(None)
        slicer.mrmlScene.RemoveNode(self.node.ctDeposits)
        self.panel.show(self.node)
        self.assertEqual(self.child("ctState").text, "ready")
        self.assertFalse(self.child("ctCorrectButton").enabled)

    def test_showing_nothing_disconnects_every_widget(self):
        self.panel.show(None)
        self.ui.sensitivitySlider.value = 0.9
        self.ui.viewFileEdit.currentPath = "/x.json"
        self.assertEqual(self.node.sensitivity, 0.5)
        self.assertEqual(self.node.viewFile, Path())
        self.assertFalse(self.ui.runAllButton.enabled)

    def test_correct_opens_the_segment_editor_on_this_image_with_the_effect_in_hand(self):
        self.node.ctVolume = self.volume()
        self.child("ctRunButton").click()
        editor = mock.Mock()
        widget = mock.Mock(**{"widgetRepresentation.return_value.self.return_value.editor": editor})
        with (
            mock.patch.object(slicer.util, "selectModule") as select,
            mock.patch.object(slicer.util, "setSliceViewerLayers") as layers,
            mock.patch.object(slicer.modules, "segmenteditor", widget, create=True),
        ):
            self.child("ctCorrectButton").click()
        select.assert_called_once_with("SegmentEditor")
        self.assertEqual(
            editor.mock_calls,
            [
                mock.call.setSegmentationNode(self.node.ctDeposits),
                mock.call.setSourceVolumeNode(self.node.ctVolume),
                mock.call.setActiveEffectByName("Calcinosis"),
            ],
        )
        layers.assert_called_once_with(background=self.node.ctVolume, fit=True, rotateToVolumePlane=True)


class UiFileTest(unittest.TestCase):
    def setUp(self):
        self.tree = ElementTree.parse(UI_FILE)

    def test_every_field_has_a_widget_and_every_widget_a_field(self):
        named = [p.findtext("string") for p in self.tree.iter("property") if p.get("name") == "SlicerParameterName"]
        by_hand = ["viewFile"]
        self.assertEqual(sorted(named + by_hand), sorted(CalcinosisImagingParameterNode.allParameters))

    def test_every_mrml_widget_gets_the_scene(self):
        root = self.tree.find("widget").get("name")
        widgets = {w.get("name") for w in self.tree.iter("widget") if w.get("class").startswith("qMRML")} - {root}
        connected = {
            c.findtext("receiver")
            for c in self.tree.iter("connection")
            if c.findtext("sender") == root
            and c.findtext("signal") == "mrmlSceneChanged(vtkMRMLScene*)"
            and c.findtext("slot") == "setMRMLScene(vtkMRMLScene*)"
        }
        self.assertEqual(widgets, connected)

    def test_every_class_of_slicer_is_declared(self):
        used = {w.get("class") for w in self.tree.iter("widget") if w.get("class")[:3] in ("qMR", "ctk", "qSl")}
        declared = {c.findtext("class") for c in self.tree.iter("customwidget")}
        self.assertEqual(used, declared)


if __name__ == "__main__":
    unittest.main()
