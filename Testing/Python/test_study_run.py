"""A whole study: every file is there, says the same however it was run, and respects a reader's corrections."""

import csv
import io
import json
import shutil
import subprocess
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path

import numpy as np
import pydicom
from CalcinosisImagingLib.analysis.segmentation_file import read_segmentation, write_segmentation
from CalcinosisImagingLib.host import start

start()

from cli_testing import Ran, everything_in  # noqa: E402

OUTSIDE_SLICER_ONLY = True
RUNS_FOR_MINUTES = True
NAME, BORN = "Zyxwvut^Qrstlm", "19310714"


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def give_a_name(visit):
    """Write a person's name and birth date into the DICOM files of a visit."""
    for path in sorted(visit.rglob("*.dcm")):
        data = pydicom.dcmread(path)
        data.PatientName, data.PatientBirthDate = NAME, BORN
        data.save_as(path)


def unpacked(files):
    """Files by name with their content; of a scene bundle its members, too."""
    members = {}
    for name, data in files.items():
        if name.endswith(".mrb"):
            with zipfile.ZipFile(io.BytesIO(data)) as bundle:
                members.update({f"{name}/{member}": bundle.read(member) for member in bundle.namelist()})
    return {**files, **members}


def tables_of(folder):
    """Content of all CSV and JSON files."""
    return {name: data for name, data in everything_in(folder).items() if name.endswith((".csv", ".json"))}


class StudyRunTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.study = cls.folder / "study"
        made = Ran("phantom", "--out", cls.study, "--participants", 2, "--repeats", 1, "--seed", 5, "--preset", "easy")
        assert made.code == 0, made.err
        give_a_name(cls.study / "sub-01" / "ses-1")
        cls.out = cls.folder / "out"
        cls.first = Ran("run", cls.study, "--out", cls.out, "--jobs", 2, "--json")
        assert cls.first.code == 0, cls.first.err

    def test_every_file_is_written(self):
        there = set(everything_in(self.out))
        for name in (
            "deposits.csv", "matches.csv", "visit-matches.csv", "agreement.json", "repeatability.json",
            "report.html", "provenance.json",
        ):  # fmt: skip
            self.assertIn(name, there)
        for visit, own_ct in (("sub-01/ses-1", True), ("sub-01/ses-2", False), ("sub-02/ses-1", True)):
            files = ["scene.mrb", "report.html", "registration.json", "mr.seg.nrrd", "xray-pa.seg.nrrd"]
            files += ["transforms/ct-to-mr.h5"] + (["ct.seg.nrrd"] if own_ct else [])
            for name in files:
                self.assertIn(f"{visit}/{name}", there)
        self.assertFalse([name for name in there if ".writing" in name])

    def test_the_summary_counts_the_rows(self):
        self.assertEqual(self.first.summary["deposits"], len(rows_of(self.out / "deposits.csv")))
        self.assertGreater(self.first.summary["deposits"], 0)

    def test_run_again_with_one_job_gives_the_same_bytes(self):
        again = self.folder / "again"
        # A process of its own: there, as in the workers of two jobs, linear algebra has one thread (cli/threads.py).
        command = ["-m", "CalcinosisImagingLib.cli.main", "run", self.study, "--out", again, "--jobs", "1"]
        self.assertEqual(subprocess.run([sys.executable, *map(str, command)], capture_output=True).returncode, 0)
        first, second = tables_of(self.out), tables_of(again)
        self.assertEqual(sorted(first), sorted(second))
        for name, data in first.items():
            self.assertEqual(data, second[name], name)

    def test_most_true_deposits_are_found_in_ct_at_their_place(self):
        found = [
            r for r in rows_of(self.out / "deposits.csv") if r["modality"] == "ct" and r["participant"] == "sub-02"
        ]
        places = np.array([[float(r[f"centroid_{axis}_mm"]) for axis in "ras"] for r in found])
        truth = [
            r
            for r in rows_of(self.study / "truth" / "sub-02" / "ses-1" / "deposits.csv")
            if r["modality"] == "ct" and float(r["volume_mm3"]) >= 5
        ]
        hits = 0
        for row in truth:
            place = np.array([float(row[f"centroid_{axis}_mm"]) for axis in "ras"])
            hits += np.linalg.norm(places - place, axis=1).min() < 2.0
        self.assertGreaterEqual(hits / len(truth), 0.8)

    def test_an_edit_changes_the_results_and_stays_untouched(self):
        study = self.folder / "edited-study"
        shutil.copytree(self.study, study)
        shutil.rmtree(study / "truth")
        given = read_segmentation(self.out / "sub-02" / "ses-1" / "ct.seg.nrrd")
        kept = given.segments[0]
        labels = np.where(given.labels == kept.label, given.labels, 0).astype(np.uint16)
        edits = study / "sub-02" / "ses-1" / "edits" / "reader-a"
        edits.mkdir(parents=True)
        write_segmentation(edits / "ct.seg.nrrd", type(given)(given.volume.with_voxels(labels), (kept,)))
        before = everything_in(edits)
        out = self.folder / "edited"
        for _ in range(2):
            self.assertEqual(Ran("run", study, "--out", out, "--participant", "sub-02").code, 0)
            rows = [r for r in rows_of(out / "deposits.csv") if r["modality"] == "ct"]
            self.assertEqual([(r["source"], r["reader"]) for r in rows], [("edited", "reader-a")])
            self.assertEqual(everything_in(edits), before)
        resumed = Ran("run", study, "--out", out, "--participant", "sub-02", "--resume")
        self.assertEqual(resumed.code, 0)

    def test_nothing_that_identifies_anybody_is_in_a_result(self):
        source = pydicom.dcmread(next((self.study / "sub-01" / "ses-1" / "ct").rglob("*.dcm")))
        secrets = [str(source.StudyInstanceUID), str(source.SeriesInstanceUID), NAME.split("^")[0], BORN]
        for name, data in unpacked(everything_in(self.out)).items():
            for secret in secrets:
                self.assertFalse(secret.encode() in data, f"{secret} in {name}")

    def test_the_scene_has_everything_in_its_place(self):
        import slicer
        from CalcinosisImagingLib.scene.bundle import load_bundle
        from CalcinosisImagingLib.scene.hierarchy import subject_hierarchy
        from CalcinosisImagingLib.scene.tables import table_rows

        slicer.mrmlScene.Clear(1)
        load_bundle(slicer.mrmlScene, self.out / "sub-01" / "ses-1" / "scene.mrb")
        scene = slicer.mrmlScene
        expected = [
            r for r in rows_of(self.out / "deposits.csv") if (r["participant"], r["session"]) == ("sub-01", "ses-1")
        ]
        table = table_rows(scene.GetFirstNodeByName("sub-01 ses-1 deposits"))
        self.assertEqual([r["volume_mm3"] for r in table], [r["volume_mm3"] for r in expected])
        self.assertEqual([r["site"] for r in table], [r["site"] for r in expected])
        film = scene.GetFirstNodeByName("X-ray pa")
        self.assertTrue(film.GetParentTransformNode().IsA("vtkMRMLLinearTransformNode"))
        mr = scene.GetFirstNodeByClass("vtkMRMLGridTransformNode")
        self.assertIsNotNone(mr)
        tree = subject_hierarchy(scene)
        visit = tree.GetItemByName("ses-1")
        self.assertEqual(tree.GetItemName(tree.GetItemParent(visit)), "sub-01")
        registration = json.loads((self.out / "sub-01" / "ses-1" / "registration.json").read_text())
        self.assertEqual(len(registration["bones"]), 29)
