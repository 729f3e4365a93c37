"""The Qt stand-ins are as strict as PythonQt in Slicer 5.12: a kinder one would hide bugs."""

# ruff: noqa: E402

OUTSIDE_SLICER_ONLY = True

import gc
import re
import unittest
from pathlib import Path

import standins

standins.install()

import ctk
import qt
import slicer
from standins import ctk_widgets, mrml_widgets, record
from standins.install import QT_CLASSES


class StandinTest(unittest.TestCase):
    def setUp(self):
        slicer.mrmlScene.Clear(0)
        record.forget()

    def test_a_property_is_an_attribute_and_calling_it_fails(self):
        button = qt.QPushButton("Run")
        self.assertEqual(button.text, "Run")
        button.text = "Stop"
        self.assertEqual(button.text, "Stop")
        button.setText("Go")
        self.assertEqual(button.text, "Go")
        self.assertFalse(button.isChecked())
        with self.assertRaisesRegex(TypeError, "not callable"):
            button.text()

    def test_an_unknown_attribute_can_be_neither_read_nor_made(self):
        button = qt.QPushButton()
        with self.assertRaisesRegex(AttributeError, "creating new attributes"):
            button.colour = "red"
        with self.assertRaises(AttributeError):
            _ = button.klicked
        with self.assertRaises(AttributeError):
            _ = slicer.qMRMLNodeComboBox().setNoneEnabled  # a property in Slicer, its setter is no slot

    def test_a_name_that_is_not_stood_in_for_raises(self):
        with self.assertRaisesRegex(AttributeError, "docs/panel.md"):
            _ = qt.QDialog
        with self.assertRaisesRegex(AttributeError, "docs/panel.md"):
            _ = ctk.ctkRangeWidget

    def test_a_misspelt_signal_only_prints_and_answers_false(self):
        button = qt.QPushButton()
        self.assertFalse(button.connect("clicked", print))
        self.assertFalse(button.connect("klicked(bool)", print))
        self.assertEqual(len(record.console), 2)
        self.assertTrue(button.connect("clicked(bool)", print))
        self.assertTrue(button.clicked.connect(print))

    def test_a_slot_gets_as_many_arguments_as_it_takes(self):
        button, got = qt.QPushButton(), []
        button.connect("clicked(bool)", lambda: got.append("none"))
        button.connect("clicked(bool)", lambda value=None: got.append(value))
        button.connect("clicked(bool)", lambda *values: got.append(values))
        button.click()
        self.assertEqual(got, ["none", False, (False,)])

    def test_an_exception_in_a_slot_is_swallowed_but_recorded_and_other_slots_go_on(self):
        button, got = qt.QPushButton(), []
        button.connect("clicked()", lambda value: got.append(value))
        button.connect("clicked()", lambda: got.append("second"))
        button.click()
        self.assertEqual(got, ["second"])
        self.assertIn("TypeError", record.slot_errors[0])

    def test_disconnect_removes_one_connection_of_its_own_form(self):
        button, got = qt.QPushButton(), []

        def slot():
            got.append(1)

        button.connect("clicked(bool)", slot)
        button.connect("clicked(bool)", slot)
        button.clicked.connect(slot)
        button.click()
        self.assertEqual(len(got), 3)
        self.assertTrue(button.disconnect("clicked(bool)", slot))
        self.assertTrue(button.disconnect("clicked(bool)", slot))
        self.assertFalse(button.disconnect("clicked(bool)", slot))
        got.clear()
        button.click()
        self.assertEqual(len(got), 1, "the attribute form is still connected")
        with self.assertRaises(ValueError):
            button.disconnect()

    def test_lists_come_back_as_tuples_and_enums_as_ints(self):
        combo = slicer.qMRMLNodeComboBox()
        combo.nodeTypes = ["vtkMRMLScalarVolumeNode"]
        self.assertEqual(combo.nodeTypes, ("vtkMRMLScalarVolumeNode",))
        self.assertIsInstance(qt.Qt.AlignLeft | qt.Qt.AlignTop, int)

    def test_a_widget_is_the_same_object_wherever_it_is_found(self):
        parent = qt.QWidget()
        layout = qt.QVBoxLayout(parent)
        button = qt.QPushButton("x")
        button.objectName = "it"
        layout.addWidget(button)
        self.assertIs(parent.findChild(qt.QPushButton, "it"), button)
        self.assertIs(button.parent(), parent)
        self.assertEqual(type(button), qt.QPushButton)
        self.assertEqual(parent.findChildren("QPushButton"), (button,))

    def test_an_object_without_parent_goes_with_its_last_reference(self):
        timer, fired = qt.QTimer(), []
        timer.connect("timeout()", lambda: fired.append(1))
        timer.start(0)
        del timer
        gc.collect()
        slicer.app.processEvents()
        self.assertEqual(fired, [])

    def test_a_combo_box_of_nodes_follows_the_scene_and_is_dead_without_one(self):
        combo, got = slicer.qMRMLNodeComboBox(), []
        combo.nodeTypes = ["vtkMRMLScalarVolumeNode"]
        combo.noneEnabled = True
        combo.connect("currentNodeChanged(vtkMRMLNode*)", got.append)
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "A")
        combo.setCurrentNode(node)
        self.assertIsNone(combo.currentNode())
        self.assertFalse(combo.enabled)
        combo.setMRMLScene(slicer.mrmlScene)
        self.assertIsNone(combo.currentNode(), "with noneEnabled nothing is chosen by itself")
        combo.setCurrentNode(node)
        self.assertEqual(combo.currentNodeID, node.GetID())
        slicer.mrmlScene.RemoveNode(node)
        self.assertIsNone(combo.currentNode())
        self.assertEqual(got[-2:], [node, None])
        combo.setMRMLScene(None)

    def test_without_none_the_first_node_is_chosen_by_itself(self):
        combo = slicer.qMRMLNodeComboBox()
        combo.nodeTypes = ["vtkMRMLTableNode"]
        combo.setMRMLScene(slicer.mrmlScene)
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", "T")
        self.assertEqual(combo.currentNode(), node)
        slicer.mrmlScene.RemoveNode(node)
        combo.setMRMLScene(None)

    def test_the_list_in_the_documentation_is_the_list(self):
        page = (Path(__file__).resolve().parents[2] / "docs" / "panel.md").read_text(encoding="utf-8")
        rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", page, re.MULTILINE))
        self.assertEqual(rows["qt"].split(", "), sorted([*QT_CLASSES, "QUiLoader"]))
        self.assertEqual(rows["ctk"].split(", "), sorted(c.__name__ for c in ctk_widgets.CLASSES))
        for native in mrml_widgets.CLASSES:
            self.assertIn(native.__name__, rows["slicer"])


if __name__ == "__main__":
    unittest.main()
