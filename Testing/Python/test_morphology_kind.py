"""Form and consistency of bodies whose kind is known, and roll-ups, scores, changes, calibration."""

import tempfile
import unittest
from pathlib import Path

import numpy as np
from CalcinosisImagingLib.analysis.errors import InputError
from CalcinosisImagingLib.analysis.morphology.calibration import Calibration, calibrate, read_calibration
from CalcinosisImagingLib.analysis.morphology.kind import consistency_from_both, consistency_of
from CalcinosisImagingLib.analysis.morphology.quantify import quantify
from CalcinosisImagingLib.analysis.morphology.registry import COLUMNS, MEASURES, markdown_table
from CalcinosisImagingLib.analysis.morphology.rollup import ScoreWeights, change_class, region_scores, roll_up
from CalcinosisImagingLib.analysis.volume import Volume
from morphology_shapes import Image, as_segmentation, bent_plate, ellipsoid, imaged, sphere, tube, union

PAGE = Path(__file__).resolve().parents[2] / "docs" / "morphology.md"


def net(rng):
    """A square net of threads 0.8 mm thick, meshes of 2.6 mm."""
    parts, turn = [], np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])
    for n in range(4):
        at = (n - 1.5) * 2.6
        parts.append((tube(0.4, 8.0), (at, 0.0, 0.0)))
        lying = tube(0.4, 8.0)
        flat = type(lying)(lambda p, s=lying: s.outside(p @ turn), lying.reach_mm, lying.volume_mm3)
        parts.append((flat, (0.0, 0.0, at)))
    return union(parts)


def stippling(rng):
    """Twelve grains about 1 mm across, nearly 2 mm from one another."""
    places = [(x, y, z) for x in (-1.9, 0, 1.9) for y in (-1.0, 1.0) for z in (-1.0, 1.0)]
    return union([(sphere(0.55), np.array(at) + rng.uniform(-0.1, 0.1, 3)) for at in places])


class Forms(unittest.TestCase):
    def test_of_stone_plate_net_and_stippling_are_told_apart(self):
        rng = np.random.default_rng(1)
        shapes = {
            "stone": [ellipsoid(1.5, 2, 2.6), sphere(1.3), ellipsoid(3, 3.5, 5)],
            "plate": [bent_plate(8, 1.0, 7, 1.0), bent_plate(12, 0.6, 6, 0.8)],
            "net": [net(rng)],
            "stippled": [stippling(rng)],
        }
        for form, bodies in shapes.items():
            for number, body in enumerate(bodies):
                with self.subTest(form=form, number=number):
                    row = quantify(*parts(imaged(body, rng, fwhm_mm=0.5, noise_sd=20)), "ct", psf_fwhm_mm=0.5)[0]
                    self.assertEqual(row["form"], form, row)
                    self.assertGreater(row["form_probability"], 0.6)

    def test_is_unknown_for_a_speck(self):
        image = imaged(sphere(0.6), np.random.default_rng(2), noise_sd=10)
        self.assertEqual(quantify(*parts(image), "ct", psf_fwhm_mm=0.6)[0]["form"], "unknown")


class Consistencies(unittest.TestCase):
    def test_follow_the_ct_number(self):
        for plateau, name in ((900, "chalk"), (260, "paste")):
            with self.subTest(name):
                image = imaged(sphere(2.2), np.random.default_rng(3), plateau=plateau)
                row = quantify(*parts(image), "ct", psf_fwhm_mm=0.6)[0]
                self.assertEqual(row["consistency"], name)
                self.assertAlmostEqual(row["plateau_hu"], plateau, delta=0.02 * plateau)

    def test_of_a_hard_core_in_paste_are_mixed(self):
        rng = np.random.default_rng(4)
        soft = imaged(sphere(3.5), rng, plateau=260, noise_sd=15)
        grid = np.stack(np.indices(soft.fractions.shape), -1)
        centre = np.average(grid.reshape(-1, 3), axis=0, weights=soft.fractions.ravel())
        core = 700 / (1 + np.exp((np.linalg.norm((grid - centre) * 0.3, axis=-1) - 2.2) / 0.15))
        volume = Volume((soft.volume.voxels + core).astype(np.int16), soft.volume.ijk_to_ras)
        row = quantify(volume, soft.deposits, "ct", psf_fwhm_mm=0.6)[0]
        self.assertEqual(row["consistency"], "mixed", row)

    def test_of_ct_and_mr_together_settle_what_one_leaves_open(self):
        between = {"plateau_hu": 500.0, "dense_share": None}
        self.assertEqual(consistency_from_both(between, [])[0], "unknown")
        self.assertEqual(consistency_from_both(between, [{"signal_ratio": 0.1}])[0], "chalk")
        self.assertEqual(consistency_from_both(between, [{"signal_ratio": 2.0}])[0], "paste")
        self.assertEqual(consistency_from_both(None, []), ("unknown", None))

    def test_of_a_thin_deposit_are_not_paste_where_its_brightest_tenth_is_dense(self):
        thin = {"plateau_hu": 430.0, "p90_hu": 540.0, "noise_hu": 20.0}
        self.assertNotEqual(consistency_of(thin, "ct")[0], "paste")
        self.assertEqual(consistency_of({**thin, "plateau_hu": 300.0, "p90_hu": 330.0}, "ct")[0], "paste")


class RollUps(unittest.TestCase):
    ROWS = (
        {"site": "distal-2", "digit": 2, "volume_mm3": 10.0, "area_mm2": 5.0, "density_grade": 3, "part": "joint"},
        {"site": "metacarpal-2", "digit": 2, "volume_mm3": 4.0, "area_mm2": 2.0, "density_grade": 1, "part": "shaft"},
        {"site": "lunate", "digit": None, "volume_mm3": 7.0, "area_mm2": None},
        {"site": None, "digit": None, "volume_mm3": 1.0, "area_mm2": 1.0},
    )

    def test_sum_per_digit_with_and_without_metacarpals(self):
        with_all = {r.part: (r.count, r.total) for r in roll_up(self.ROWS)}
        without = {r.part: (r.count, r.total) for r in roll_up(self.ROWS, metacarpals=False)}
        self.assertEqual(with_all["digit-2"], (2, 14.0))
        self.assertEqual(without["digit-2"], (1, 10.0))
        self.assertEqual(with_all["wrist"], (1, 7.0))
        self.assertEqual(with_all["hand"], (4, 22.0))
        self.assertEqual(with_all["digit-5"], (0, None))

    def test_scores_weigh_coverage_density_and_location(self):
        scores = {s.region: s for s in region_scores(self.ROWS, ScoreWeights(1, 10, 100, {"digit-2": 2}))}
        self.assertEqual(scores["digit-2"].score, 2 * (7.0 + 10 * 3 + 100 * 2))
        self.assertEqual(scores["digit-4"].score, 0)

    def test_changes_are_classed_at_a_quarter(self):
        cases = (
            (100, 126, "progression"), (100, 125, "stable"), (100, 74, "improvement"), (100, 76, "stable"),
            (0, 1, "new"), (5, 0, "resolved"), (None, 3, "unknown"), (0, 0, "stable"),
        )  # fmt: skip
        for before, after, name in cases:
            with self.subTest(before=before, after=after):
                self.assertEqual(change_class(before, after), name)


class Mass(unittest.TestCase):
    def test_needs_a_calibration_and_carries_its_doubt(self):
        image = imaged(sphere(2.0), np.random.default_rng(5))
        plain = quantify(*parts(image), "ct", psf_fwhm_mm=0.6)[0]
        self.assertIsNone(plain["mass_mg"])
        row = quantify(*parts(image), "ct", psf_fwhm_mm=0.6, calibration=Calibration(0.0008, 0.00004))[0]
        expected = 0.0008 * (700 - 40) * sphere(2.0).volume_mm3
        self.assertAlmostEqual(row["mass_mg"], expected, delta=0.02 * expected)
        self.assertAlmostEqual(row["mass_upper_mg"] / row["mass_mg"], np.exp(1.96 * 0.05), delta=0.02)

    def test_slope_of_inserts_is_the_straight_line(self):
        found = calibrate([0, 250, 500, 1000], [0, 200, 400, 800])
        self.assertAlmostEqual(found.slope_mg_per_mm3_hu, 0.0008)
        self.assertAlmostEqual(found.slope_sd, 0, places=9)
        noisy = calibrate([0, 260, 490, 1000], [0, 200, 400, 800])
        self.assertGreater(noisy.slope_sd, 1e-6)

    def test_files_are_read_or_refused_in_one_sentence(self):
        with tempfile.TemporaryDirectory() as folder:
            good = Path(folder, "good.csv")
            good.write_text("hu,mg_per_cm3\n0,0\n500,400\n")
            self.assertAlmostEqual(read_calibration(good).slope_mg_per_mm3_hu, 0.0008)
            values = Path(folder, "good.json")
            values.write_text('{"slope_mg_per_mm3_hu": 0.0009, "slope_sd": 0.00001}')
            self.assertEqual(read_calibration(values), Calibration(0.0009, 0.00001))
            for name, text in (("a.csv", "x,y\n1,2\n"), ("b.json", "[]"), ("c.csv", "hu,mg_per_cm3\n0,5\n500,1\n")):
                bad = Path(folder, name)
                bad.write_text(text)
                with self.subTest(name), self.assertRaises(InputError):
                    read_calibration(bad)


class TheRegistry(unittest.TestCase):
    def test_names_each_column_once_and_the_page_shows_them_all(self):
        self.assertEqual(len(set(COLUMNS)), len(COLUMNS))
        for measure in MEASURES:
            with self.subTest(measure.key):
                self.assertTrue(measure.title and measure.description.endswith("."))
                self.assertIn(measure.group, ("size", "shape", "density", "place", "kind", "note"))
        self.assertIn(markdown_table(), PAGE.read_text(encoding="utf-8"))


def parts(image: Image):
    """Volume and deposits, as `quantify` takes them; the deposit's pieces carry one label."""
    return image.volume, as_segmentation((image.deposits.labels > 0).astype(np.uint16), image.volume)


if __name__ == "__main__":
    unittest.main()
