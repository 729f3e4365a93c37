"""A reader's session on three phantoms: false one out, missed one in, bridge cut; two clicks each, Dice rises."""

# ruff: noqa: E402

OUTSIDE_SLICER_ONLY = True

import tempfile
import unittest
from pathlib import Path

import numpy as np
import standins

standins.install()

import qt
from CalcinosisImagingLib.study.study_edits import read_edits
from effect_scene import BALLS, EffectScene, dice, fractions
from standins import record

TRUE, FALSE, MISSED = ("a", "b"), "d", "c"
FALSE_BALL = ((23.0, 7.0, 14.0), 1.6)


class Reader:
    """Works as a person does: presses a tool's button, then clicks or draws; every click is counted."""

    def __init__(self, scene):
        self.scene, self.clicks = scene, 0

    def choose(self, tool):
        frame = self.scene.editor.effect.optionsFrame()
        next(w for w in frame.findChildren(qt.QPushButton) if w.objectName == f"{tool}ToolButton").click()
        self.clicks += 1

    def correct(self, tool, *places):
        """One place is a click, two are the ends of a line."""
        self.choose(tool)
        (self.scene.editor.click if len(places) == 1 else self.scene.editor.drag)(*places)
        self.clicks += 1


def deposit_dice(scene):
    """Mean over the true deposits of the Dice with the segment that overlaps it most; false voxels count against."""
    masks = [scene.mask(i) for i in scene.ids() if i != "bone"]
    return float(np.mean([max((dice(m, scene.ball(name)) for m in masks), default=0) for name in (*TRUE, MISSED)]))


class ReaderTest(unittest.TestCase):
    def setUp(self):
        record.forget()
        BALLS[FALSE] = FALSE_BALL
        self.addCleanup(BALLS.pop, FALSE)

    def tearDown(self):
        self.assertEqual(record.console, [])
        self.assertEqual(record.slot_errors, [])

    def scene(self, modality, turn):
        """An automatic result with its faults: a and b bridged, a distractor taken for a deposit, c missed."""
        scene = EffectScene(modality, balls=(*TRUE, FALSE), extra=(MISSED,), turn=turn, drawn=("a", FALSE))
        self.addCleanup(scene.close)
        bridged = fractions(TRUE, scene.shape, bridge=TRUE) >= 0.5
        scene.set_mask("deposit-1", bridged)
        return scene

    def test_three_corrections_of_two_clicks_raise_the_dice_on_three_phantoms(self):
        for modality, turn in (("ct", False), ("mr", True), ("xray", False)):
            with self.subTest(modality):
                scene = self.scene(modality, turn)
                truth = np.any([scene.ball(n) for n in (*TRUE, MISSED)], axis=0)
                reader, dices, overall = Reader(scene), [deposit_dice(scene)], [dice(scene.deposits(), truth)]
                flat = [1, 1, 0] if modality == "xray" else 1
                line = [scene.world(np.array(end) * flat) for end in ((16.5, 12.0, 10.0), (14.0, 16.0, 10.0))]
                for tool, places in (
                    ("out", [scene.world(np.array(FALSE_BALL[0]) * flat)]),
                    ("in", [scene.center(MISSED)]),
                    ("cut", line),
                ):
                    before = reader.clicks
                    reader.correct(tool, *places)
                    self.assertLessEqual(reader.clicks - before, 2)
                    dices.append(deposit_dice(scene))
                    overall.append(dice(scene.deposits(), truth))
                self.assertEqual(len(scene.ids()), 3, scene.message)
                self.assertLess(dices[0], 0.6)
                self.assertGreater(dices[-1], 0.9, dices)
                self.assertGreater(overall[1], overall[0], "throwing out a false one helps")
                self.assertGreater(overall[2], overall[1], "so does taking in a missed one")
                self.assertGreater(dices[3], dices[2], "so does the cut, deposit by deposit")

    def test_the_study_finds_what_the_reader_saved(self):
        scene = self.scene("ct", False)
        Reader(scene).correct("out", scene.world(FALSE_BALL[0]))
        with tempfile.TemporaryDirectory() as folder:
            edits = Path(folder) / "edits"
            edits.mkdir()
            scene.editor.effect.setParameter("EditsFolder", str(edits / "reader-b"))
            scene.editor.python.session.save()
            problems = []
            (edit,) = read_edits(edits, ct=object(), mr={}, xray={}, problems=problems)
            self.assertEqual((edit.reader, edit.modality, problems), ("reader-b", "ct", []))

    def test_undoing_everything_brings_the_automatic_result_back(self):
        scene = self.scene("ct", True)
        before = scene.state()
        reader = Reader(scene)
        reader.correct("out", scene.world(FALSE_BALL[0]))
        reader.correct("in", scene.center(MISSED))
        reader.correct("cut", scene.world((16.5, 12.0, 10.0)), scene.world((14.0, 16.0, 10.0)))
        for _ in range(3):
            scene.editor.undo()
        self.assertEqual(scene.state(), before)


if __name__ == "__main__":
    unittest.main()
