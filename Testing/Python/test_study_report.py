"""Cohort tables and reports from rows; complete without matplotlib, readable when there is nothing."""

import json
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import numpy as np
from CalcinosisImagingLib.host import start

start()

from CalcinosisImagingLib.analysis.segmentation import Segment, Segmentation  # noqa: E402
from CalcinosisImagingLib.analysis.statistics.agreement import agreement  # noqa: E402
from CalcinosisImagingLib.analysis.volume import Volume  # noqa: E402
from CalcinosisImagingLib.study.cohort import write_cohort  # noqa: E402
from CalcinosisImagingLib.study.report_figures import figures_possible  # noqa: E402
from CalcinosisImagingLib.study.report_html import shown, table  # noqa: E402
from CalcinosisImagingLib.study.report_overlays import palm_labels, thinnest_axis  # noqa: E402
from CalcinosisImagingLib.study.report_pictures import Outline, picture  # noqa: E402
from CalcinosisImagingLib.study.report_study import statistics_table  # noqa: E402
from CalcinosisImagingLib.study.study_types import Study  # noqa: E402

FILES = {
    "deposits.csv", "matches.csv", "visit-matches.csv", "agreement.json", "repeatability.json", "provenance.json",
    "report.html",
}  # fmt: skip


def results(deposits_per_hand):
    """Rows of three participants, CT and MR of each, MR measuring a tenth less."""
    rng = np.random.default_rng(7)
    made = {}
    for name in ("sub-01", "sub-02", "sub-03"):
        about = {"participant": name, "session": "ses-1", "hand": "left"}
        deposits, matches = [], []
        for label in range(1, deposits_per_hand + 1):
            volume = float(np.exp(rng.normal(3, 1)))
            for modality, view, size in (("ct", None, volume), ("mr", "t1", 0.9 * volume)):
                deposits.append(
                    {
                        **about,
                        "modality": modality,
                        "view": view,
                        "deposit_id": label,
                        "source": "auto",
                        "volume_mm3": size,
                    }
                )
            matches.append(
                {**about, "view": "", "ct_id": str(label), "mr_id": str(label), "status": "ct-mr",
                 "volume_ct_mm3": volume, "volume_mr_mm3": 0.9 * volume}
            )  # fmt: skip
        provenance = {"ses-1": {"hand": "left", "images": {"ct": {}, "mr-t1": {}}}}
        made[name] = {"deposits": deposits, "matches": matches, "visit_matches": [], "provenance": provenance}
    return made


class PalmTest(unittest.TestCase):
    def test_the_palm_is_seen_from_the_front_although_the_fingers_are_bent(self):
        voxels = np.zeros((60, 70, 30), np.uint8)
        names = [f"metacarpal-{d}" for d in range(2, 6)] + ["proximal-3"]
        for n in range(4):
            voxels[25:31, :40, 7 * n : 7 * n + 6] = n + 1
        voxels[:60, 45:50, 12:16] = 5  # a finger straight down from the palm
        volume = Volume(voxels, np.diag([1.0, 1.0, 1.0, 1.0]))
        segments = tuple(Segment(label, name, name) for label, name in enumerate(names, start=1))
        self.assertEqual(thinnest_axis(voxels, volume), 2)
        self.assertEqual(thinnest_axis(palm_labels(Segmentation(volume, segments)), volume), 0)
        few = Segmentation(volume, segments[2:])
        np.testing.assert_array_equal(palm_labels(few), voxels)


class CohortTest(unittest.TestCase):
    def setUp(self):
        self.out = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.study = Study(self.out, "A <study> & more", ())

    def test_a_tenth_less_in_mr_is_what_the_statistics_say(self):
        text, summary = write_cohort(self.study, results(4), self.out)
        self.assertEqual({p.name for p in self.out.iterdir()}, FILES)
        agreement = json.loads((self.out / "agreement.json").read_text(encoding="utf-8"))
        self.assertEqual(agreement["n"], 12)
        self.assertAlmostEqual(np.exp(abs(agreement["bland_altman_log"]["bias"])), 1 / 0.9, places=6)
        self.assertEqual(summary["deposits"], 24)
        self.assertIn("sub-02", text)
        page = (self.out / "report.html").read_text(encoding="utf-8")
        self.assertIn("A &lt;study&gt; &amp; more", page)
        self.assertEqual(page.count("For research use only"), 1)
        self.assertIn("<svg", page)

    def test_without_matplotlib_everything_but_the_figure_is_there(self):
        with mock.patch.dict(sys.modules, {"matplotlib": None}):
            self.assertFalse(figures_possible())
            write_cohort(self.study, results(4), self.out)
        page = (self.out / "report.html").read_text(encoding="utf-8")
        self.assertNotIn("<svg", page)
        self.assertIn("need matplotlib", page)
        self.assertEqual({p.name for p in self.out.iterdir()}, FILES)

    def test_the_same_rows_give_the_same_bytes(self):
        write_cohort(self.study, results(3), self.out)
        first = {p.name: p.read_bytes() for p in self.out.iterdir()}
        write_cohort(self.study, results(3), self.out)
        self.assertEqual(first, {p.name: p.read_bytes() for p in self.out.iterdir()})

    def test_a_study_without_a_deposit_says_so(self):
        text, summary = write_cohort(self.study, results(0), self.out)
        self.assertEqual(summary["deposits"], 0)
        self.assertIn("sub-01", text)
        agreement = json.loads((self.out / "agreement.json").read_text(encoding="utf-8"))
        self.assertEqual(agreement["n"], 0)
        self.assertIn("reason", agreement["lin_ccc"])


class PageTest(unittest.TestCase):
    def test_statistics_of_too_few_rows_are_one_sentence(self):
        rows = {"a": np.array([1.0, 2.0, 3.0, 5.0]), "b": np.array([1.1, 2.3, 2.9, 5.2])}
        few, some = agreement({name: values[:2] for name, values in rows.items()}), agreement(rows)
        self.assertIn("No statistic can be computed", statistics_table(few))
        self.assertNotIn("<table", statistics_table(few))
        self.assertIn("<table", statistics_table(some))

    def test_numbers_are_shown_as_people_read_them(self):
        self.assertEqual([shown(v) for v in (None, 0.0, 1939.9, 12.345, 0.00012, float("nan"))],
                         ["–", "0", "1940", "12.3", "0.00012", "–"])  # fmt: skip

    def test_a_long_table_is_folded_but_complete(self):
        made = table(["a"], [{"a": n} for n in range(100)], "none")
        self.assertIn("60 more rows", made)
        self.assertEqual(made.count("<tr>"), 102)

    def test_an_outline_lies_on_its_label_and_not_beside_it(self):
        labels = np.zeros((50, 100), np.uint8)
        labels[10:20, 30:60] = 1
        image = np.array(picture(np.zeros((50, 100)), (0, 1), (1.0, 1.0), [Outline(labels, (255, 0, 0))]))
        scale = image.shape[1] / 100
        rows, columns = np.nonzero((image == (255, 0, 0)).all(axis=-1))
        self.assertAlmostEqual(rows.min() / scale, 10, delta=0.3)
        self.assertAlmostEqual(rows.max() / scale, 20, delta=0.3)
        self.assertAlmostEqual(columns.min() / scale, 30, delta=0.3)
        self.assertAlmostEqual(columns.max() / scale, 60, delta=0.3)
