"""The host behaves as Slicer was observed to behave, and keeps out of Slicer's way."""

import enum
import subprocess
import sys
import unittest
from pathlib import Path
from typing import Annotated

from CalcinosisImagingLib.host import inside_slicer, start

start()

import slicer  # noqa: E402
from slicer.parameterNodeWrapper import Choice, Default, WithinRange, parameterNodeWrapper  # noqa: E402
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic  # noqa: E402

OUTSIDE_SLICER_ONLY = True


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


@parameterNodeWrapper
class Parameters:
    flag: bool
    count: int = 7
    width: Annotated[float, WithinRange(0.0, 10.0)] = 2.25
    name: str
    place: Path
    colour: Colour
    choice: Annotated[str, Choice(["a", "b"]), Default("b")]
    volume: slicer.vtkMRMLScalarVolumeNode
    maybe: slicer.vtkMRMLTableNode | None


class HostTestLogic(ScriptedLoadableModuleLogic):
    pass


class ParameterNodeTest(unittest.TestCase):
    def setUp(self):
        slicer.mrmlScene.Clear(1)
        self.node = HostTestLogic().getParameterNode()
        self.wrapped = Parameters(self.node)

    def text(self, name):
        return self.node.GetParameter(name)

    def test_every_field_is_written_at_once_in_slicers_text(self):
        self.assertEqual(self.text("flag"), "False")
        self.assertEqual(self.text("count"), "7")
        self.assertEqual(self.text("width"), "2.25")
        self.assertEqual(self.text("colour"), "RED")
        self.assertEqual(self.text("choice"), "b")
        self.assertEqual(self.text("place"), ".")
        self.assertIn("volume", self.node.GetParameterNames())

    def test_values_come_back_with_their_type(self):
        self.wrapped.flag, self.wrapped.count, self.wrapped.width = True, 3, 4
        self.wrapped.colour, self.wrapped.place, self.wrapped.name = Colour.BLUE, Path("/a/b"), 'ü "q"\n'
        self.assertEqual(
            (self.wrapped.flag, self.wrapped.count, self.wrapped.width, self.wrapped.colour),
            (True, 3, 4.0, Colour.BLUE),
        )
        self.assertEqual((self.wrapped.place, self.wrapped.name), (Path("/a/b"), 'ü "q"\n'))

    def test_wrong_types_are_refused(self):
        for name, value, error in (
            ("count", 2.5, TypeError), ("count", "4", TypeError), ("count", True, TypeError), ("flag", 1, TypeError),
            ("place", "/x", TypeError), ("colour", 1, TypeError), ("volume", "id", TypeError),
            ("width", 11.0, ValueError), ("width", float("nan"), ValueError), ("choice", "c", ValueError),
            ("count", None, ValueError), ("typo", 1, AttributeError),
        ):  # fmt: skip
            with self.subTest(f"{name} = {value!r}"), self.assertRaises(error):
                setattr(self.wrapped, name, value)

    def test_nodes_are_references_and_vanish_with_the_node(self):
        volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
        self.wrapped.volume = volume
        self.assertEqual(self.node.GetNodeReferenceID("volume"), volume.GetID())
        slicer.mrmlScene.RemoveNode(volume)
        self.assertIsNone(self.wrapped.volume)
        self.wrapped.volume = None

    def test_a_scene_close_keeps_the_node_and_brings_back_the_defaults(self):
        self.wrapped.count = 12
        slicer.mrmlScene.Clear(0)
        self.assertIs(HostTestLogic().getParameterNode(), self.node)
        self.assertEqual(self.wrapped.count, 7)

    def test_a_field_of_an_unknown_type_cannot_be_declared(self):
        with self.assertRaisesRegex(Exception, "serializer"):

            @parameterNodeWrapper
            class Broken:
                data: bytes


class StartTest(unittest.TestCase):
    def test_starting_twice_keeps_the_scene(self):
        scene = slicer.mrmlScene
        start()
        self.assertIs(slicer.mrmlScene, scene)
        self.assertFalse(inside_slicer())

    def test_inside_slicer_nothing_is_touched(self):
        code = (
            "import slicer, sys\n"
            "slicer.app = object()\n"
            "from CalcinosisImagingLib.host import start, inside_slicer\n"
            "start()\n"
            "assert inside_slicer() and not hasattr(slicer, 'mrmlScene')\n"
            "assert 'slicer.parameterNodeWrapper' not in sys.modules\n"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_modules_logics_are_on_the_scene(self):
        for name in ("segmentations", "volumes", "tables", "plots", "transforms", "subjecthierarchy", "markups"):
            self.assertIs(getattr(slicer.modules, name).logic().GetMRMLScene(), slicer.mrmlScene, name)
