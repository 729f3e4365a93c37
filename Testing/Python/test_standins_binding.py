"""connectGui of the stand-in binds what Slicer 5.12 binds, and refuses what it refuses."""

# ruff: noqa: E402

OUTSIDE_SLICER_ONLY = True

import enum
import unittest
from pathlib import Path
from typing import Annotated

import standins

standins.install()

import ctk
import qt
import slicer
from slicer import vtkMRMLScalarVolumeNode
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper
from standins import record


class Kind(enum.Enum):
    STONE = 1
    PLATE = 2


@parameterNodeWrapper
class Parameters:
    volume: vtkMRMLScalarVolumeNode
    path: Path
    ranged: Annotated[float, WithinRange(0.0, 2.0)] = 1.0
    free: float = 3.0
    flag: bool = False
    kind: Kind = Kind.STONE
    words: str = "a"


class BindingTest(unittest.TestCase):
    def setUp(self):
        record.forget()
        self.node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")
        self.parameters = Parameters(self.node)
        self.root = qt.QWidget()
        self.layout = qt.QVBoxLayout(self.root)

    def tearDown(self):
        slicer.mrmlScene.RemoveNode(self.node)
        self.assertEqual(record.slot_errors, [])

    def bind(self, widget, name):
        widget.setProperty("SlicerParameterName", name)
        self.layout.addWidget(widget)
        return self.parameters.connectGui(self.root)

    def test_the_nodes_value_goes_to_the_widget_and_back(self):
        for kind, name, attribute, first, second in (
            (ctk.ctkSliderWidget, "ranged", "value", 1.0, 0.5),
            (qt.QDoubleSpinBox, "free", "value", 3.0, 4.5),
            (qt.QCheckBox, "flag", "checked", False, True),
            (qt.QLineEdit, "words", "text", "a", "b"),
        ):
            with self.subTest(name):
                self.setUp()
                widget = kind()
                self.bind(widget, name)
                self.assertEqual(getattr(widget, attribute), first)
                setattr(widget, attribute, second)
                self.assertEqual(getattr(self.parameters, name), second)
                setattr(self.parameters, name, first)
                self.assertEqual(getattr(widget, attribute), first)

    def test_a_path_and_an_enum_are_bound(self):
        edit, combo = ctk.ctkPathLineEdit(), qt.QComboBox()
        combo.setProperty("SlicerParameterName", "kind")
        self.layout.addWidget(combo)
        self.bind(edit, "path")
        self.assertEqual(edit.currentPath, ".")
        edit.currentPath = "/a/b.json"
        self.assertEqual(self.parameters.path, Path("/a/b.json"))
        combo.currentIndex = 1
        self.assertIs(self.parameters.kind, Kind.PLATE)
        self.assertEqual(combo.itemText(1), "PLATE")

    def test_disconnecting_ends_both_directions(self):
        box = qt.QCheckBox()
        tag = self.bind(box, "flag")
        self.parameters.disconnectGui(tag)
        box.checked = True
        self.assertFalse(self.parameters.flag)
        box.checked = False
        self.parameters.flag = True
        self.assertFalse(box.checked)

    def test_what_slicer_refuses_is_refused(self):
        for kind, name, error in (
            (ctk.ctkSliderWidget, "free", RuntimeError),
            (ctk.ctkCollapsibleButton, "flag", RuntimeError),
            (qt.QLineEdit, "path", RuntimeError),
            (qt.QComboBox, "words", RuntimeError),
            (qt.QPlainTextEdit, "words", RuntimeError),
            (qt.QCheckBox, "no such field", ValueError),
        ):
            with self.subTest(f"{kind.__name__} {name}"):
                self.setUp()
                with self.assertRaises(error):
                    self.bind(kind(), name)


if __name__ == "__main__":
    unittest.main()
