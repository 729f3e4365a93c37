"""Whatever is wrong, the command line says it in one sentence, exits with the right code and leaves nothing behind."""

import errno
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import bad_inputs
import numpy as np
import SimpleITK as sitk
from cli_testing import Ran, everything_in

OUTSIDE_SLICER_ONLY = True


class BadInputTest(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="Ünïcode mit Leerzeichen ")))
        self.out = self.folder / "out"
        self.out.mkdir()

    def assert_refused(self, ran, code=2, says=""):
        self.assertEqual(ran.code, code, ran.err)
        self.assertEqual(ran.out, "")
        self.assertNotIn("Traceback", ran.err)
        self.assertIn(says, ran.sentence)
        self.assertEqual(len(ran.sentence.splitlines()), 1, ran.sentence)
        self.assertTrue(ran.sentence.endswith("."), ran.sentence)
        self.assertEqual(everything_in(self.out), {}, "half-written output")

    def good_ct(self):
        return bad_inputs.write(self.folder, "good.nrrd", bad_inputs.image(bad_inputs.ct_voxels()))

    def test_every_kind_of_bad_image(self):
        self.assertGreaterEqual(len(bad_inputs.BAD_IMAGES), 25)
        for number, (kind, case) in enumerate(bad_inputs.BAD_IMAGES.items()):
            with self.subTest(kind):
                folder = self.folder / f"{number} {kind}"
                folder.mkdir()
                path = case.make(folder)
                ran = Ran("segment", path, "--modality", case.modality or "ct", "--out", self.out / "s.seg.nrrd")
                self.assert_refused(ran)

    def test_every_kind_of_bad_study(self):
        for number, (kind, case) in enumerate(bad_inputs.BAD_STUDIES.items()):
            with self.subTest(kind):
                folder = self.folder / f"study {number}"
                folder.mkdir()
                ran = Ran("run", case.make(folder), "--out", self.out)
                self.assertEqual(ran.code, 2, ran.err)
                self.assertNotIn("Traceback", ran.err)
                self.assertEqual(everything_in(self.out), {})

    def test_bad_usage(self):
        ct = self.good_ct()
        seg = self.out / "s.seg.nrrd"
        for arguments, says in (
            (["segment", ct, "--modality", "pet", "--out", seg], "pet"),
            (["segment", ct, "--out", seg], "--modality"),
            (["segment", ct, "--modality", "ct", "--out", self.out / "s.png"], ".seg.nrrd"),
            (["segment", ct, "--modality", "mr", "--out", seg, "--bones-out", self.out / "b.seg.nrrd"], "--bones-out"),
            (["segment", ct, "--modality", "ct", "--out", seg, "--sensitivity", "2"], "between 0 and 1"),
            (["run", self.folder / "nowhere", "--out", self.out], "nowhere"),
            (["run", self.folder, "--out", self.out, "--jobs", "0"], "--jobs"),
            (["phantom", "--out", self.folder], "not empty"),
            (["phantom", "--out", self.out, "--participants", "0"], "--participants"),
            (["drr", ct, "--view", self.folder / "none.json", "--out", self.out / "d.nrrd"], "none.json"),
            (["agree", self.folder / "t.csv", "--columns", "a", "--out", self.out / "a.json"], "two"),
            (["agree", self.folder / "t.csv", "--columns", "a", "b", "--out", self.out / "a.json"], "t.csv"),
            (["compare", seg, seg, "--out", self.out / "m.csv"], "s.seg.nrrd"),
            (["nonsense"], "nonsense"),
        ):
            with self.subTest(" ".join(map(str, arguments[:1])) + " " + says):
                self.assert_refused(Ran(*arguments), says=says)

    def test_a_segmentation_of_another_image_is_refused(self):
        ct = self.good_ct()
        other = sitk.GetImageFromArray(np.ones((3, 3, 3), np.uint8))
        sitk.WriteImage(other, str(self.folder / "other.seg.nrrd"))
        ran = Ran("quantify", ct, self.folder / "other.seg.nrrd", "--modality", "ct", "--out", self.out / "d.csv")
        self.assert_refused(ran, says="grid")

    def test_points_without_coordinates_are_refused(self):
        points = self.folder / "points.csv"
        points.write_text("id,r,a,s\np1,1,zwei,3\n", encoding="utf-8")
        ran = Ran(
            "register", self.good_ct(), self.good_ct(), "--out", self.out / "t.h5",
            "--points", points, "--points-out", self.out / "p.csv",
        )  # fmt: skip
        self.assert_refused(ran, says="points.csv")

    def test_an_output_place_that_cannot_be_written_is_said_before_the_work(self):
        ran = Ran("segment", self.good_ct(), "--modality", "ct", "--out", "/proc/nowhere/s.seg.nrrd")
        self.assert_refused(ran, says="/proc/nowhere")
        file = self.folder / "file"
        file.write_text("x", encoding="utf-8")
        self.assert_refused(Ran("phantom", "--out", file), says="is a file")

    def test_a_full_disk_is_our_failure_and_leaves_nothing(self):
        real = os.replace

        def full(source, target):
            raise OSError(errno.ENOSPC, "No space left on device", str(target))

        path = self.folder / "t.csv"
        path.write_text("a,b\n1,2\n2,3\n4,4\n", encoding="utf-8")
        with mock.patch("os.replace", full):
            ran = Ran("agree", path, "--columns", "a", "b", "--out", self.out / "a.json")
        self.assertIs(os.replace, real)
        self.assert_refused(ran, code=1, says="disk is full")

    def test_an_interrupt_leaves_nothing(self):
        with mock.patch("CalcinosisImagingLib.analysis.files.json.dumps", side_effect=KeyboardInterrupt):
            path = self.folder / "t.csv"
            path.write_text("a,b\n1,2\n2,3\n4,4\n", encoding="utf-8")
            ran = Ran("agree", path, "--columns", "a", "b", "--out", self.out / "a.json")
        self.assert_refused(ran, code=130, says="interrupted")

    def test_an_error_of_ours_is_one_sentence_and_code_one(self):
        with mock.patch("CalcinosisImagingLib.analysis.files.json.dumps", side_effect=ZeroDivisionError("oops")):
            path = self.folder / "t.csv"
            path.write_text("a,b\n1,2\n2,3\n4,4\n", encoding="utf-8")
            ran = Ran("agree", path, "--columns", "a", "b", "--out", self.out / "a.json")
        self.assert_refused(ran, code=1, says="internal error")

    def test_help_and_version_of_the_installed_command(self):
        done = subprocess.run(
            [sys.executable, "-m", "CalcinosisImagingLib.cli.main", "--help"],
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(done.returncode, 0)
        for command in ("demo", "run", "segment", "register", "locate", "quantify", "compare", "agree"):
            self.assertIn(command, done.stdout)
