"""Lesion counts by modality and size against size."""

import unittest

import numpy as np
from CalcinosisImagingLib.analysis.statistics.detection import area_against_volume, friedman, lesion_counts
from scipy import stats


class DetectionTest(unittest.TestCase):
    def test_counts_are_described_and_tested(self):
        rng = np.random.default_rng(0)
        true = rng.poisson(6, 15)
        counts = {"xray": true - (true > 6), "ct": true + 1, "mr": rng.poisson(5, 15)}
        found = lesion_counts(counts)
        self.assertEqual(found["n"], 15)
        ct = found["modalities"]["ct"]
        self.assertAlmostEqual(ct["mean"], counts["ct"].mean(), 12)
        self.assertAlmostEqual(ct["sd"], counts["ct"].std(ddof=1), 12)
        self.assertEqual(ct["total"], counts["ct"].sum())
        low, high = stats.t.interval(0.95, 14, counts["ct"].mean(), stats.sem(counts["ct"]))
        self.assertAlmostEqual(ct["mean_lower95"], low, 10)
        self.assertAlmostEqual(ct["mean_upper95"], high, 10)
        expected = stats.friedmanchisquare(*counts.values())
        self.assertAlmostEqual(found["friedman"]["p"], expected.pvalue, 12)
        self.assertAlmostEqual(found["friedman"]["statistic"], expected.statistic, 10)
        self.assertAlmostEqual(found["differences"]["xray-ct"]["value"], np.mean(counts["xray"] - counts["ct"]), 12)

    def test_too_little_or_no_difference_gives_a_reason(self):
        self.assertIn("reason", friedman(np.array([[1.0, 2, 3], [1, 2, 3]])))
        self.assertIn("same number", friedman(np.ones((6, 3)))["reason"])
        self.assertIsNone(lesion_counts({"ct": [], "mr": []})["modalities"]["ct"]["mean"])
        self.assertIsNone(lesion_counts({"ct": [3], "mr": [2]})["modalities"]["ct"]["sd"])

    def test_two_modalities_can_be_tested_too(self):
        found = friedman(np.column_stack([np.arange(12.0), np.arange(12.0) + 1]))
        self.assertAlmostEqual(found["p"], stats.chi2.sf(12, 1), 12)

    def test_area_goes_with_volume_by_rank(self):
        volume = np.exp(np.linspace(0, 6, 20))
        found = area_against_volume(np.append(volume ** (2 / 3), np.nan), np.append(volume, 5.0))
        self.assertEqual((found["n"], found["value"]), (20, 1.0))
        self.assertIsNone(area_against_volume(np.array([1.0, 2]), np.array([1.0, 2]))["value"])


if __name__ == "__main__":
    unittest.main()
