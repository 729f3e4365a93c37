"""A study's questions answered from its tables."""

import unittest

import numpy as np
from CalcinosisImagingLib.analysis.files import json_text
from CalcinosisImagingLib.analysis.statistics.agreement import agreement
from CalcinosisImagingLib.analysis.statistics.study_summary import agreement_of_study, repeatability_of_study


def a_study(participants=5, seed=0):
    """Rows of deposits.csv and matches.csv of hands in which MR measures 20 % less than CT, and what was imaged."""
    rng = np.random.default_rng(seed)
    deposits, matches, imaged = [], [], []
    for number in range(participants):
        about = {"participant": f"sub-{number:02}", "session": "ses-1", "hand": "left"}
        imaged += [{**about, "modality": m, "view": v} for m, v in (("ct", ""), ("mr", "t1"), ("xray", "pa"))]
        for deposit in range(1, 3 + number):
            volume = float(np.exp(rng.normal(4, 1.5)))
            area = volume ** (2 / 3)
            row = {**about, "ct_id": str(deposit), "mr_id": str(deposit), "xray_id": str(deposit)}
            row |= {"volume_ct_mm3": volume, "volume_mr_mm3": 0.8 * volume}
            row |= {"area_xray_mm2": 1.1 * area, "area_ct_projected_mm2": area}
            matches += [{**row, "view": "pa"}, {**row, "view": "lateral", "area_xray_mm2": None}]
            deposits.append({**about, "modality": "ct", "view": "", "volume_mm3": volume, "reader": "reader-a"})
            deposits.append({**about, "modality": "ct", "view": "", "volume_mm3": 9999.0, "reader": "reader-b"})
            deposits.append({**about, "modality": "mr", "view": "t1", "volume_mm3": 0.8 * volume, "reader": ""})
            deposits.append({**about, "modality": "mr", "view": "t2", "volume_mm3": 5 * volume, "reader": ""})
            if deposit > 1:
                deposits.append({**about, "modality": "xray", "view": "pa", "area_mm2": area, "reader": ""})
    return deposits, matches, imaged


class StudyAgreementTest(unittest.TestCase):
    def test_ct_and_mr_volumes_are_compared_deposit_by_deposit_and_each_once(self):
        deposits, matches, imaged = a_study()
        found = agreement_of_study(deposits, matches, imaged)
        self.assertEqual(found["columns"], ["volume_ct_mm3", "volume_mr_mm3"])
        self.assertEqual(found["n"], len(matches) // 2)
        self.assertEqual(found["subjects"], 5)
        self.assertAlmostEqual(found["bland_altman_log"]["ratio"]["bias"], 1 / 0.8, 10)

    def test_hands_are_compared_by_their_totals_and_one_reader(self):
        deposits, matches, imaged = a_study()
        hands = agreement_of_study(deposits, matches, imaged)["hand_volume_ct_mr"]
        self.assertEqual(hands["n"], 5)
        self.assertAlmostEqual(hands["bland_altman_log"]["ratio"]["upper_limit"], 1.25, 10)

    def test_film_areas_are_compared_with_the_shadows_of_the_ct(self):
        found = agreement_of_study(*a_study())
        for key in ("xray_area", "hand_xray_area"):
            with self.subTest(key):
                self.assertAlmostEqual(found[key]["bland_altman_log"]["ratio"]["bias"], 1 / 1.1, 10)
        ranks = found["xray_area_against_volume"]
        self.assertEqual(list(ranks), ["deposit_ct", "deposit_mr", "hand_ct", "hand_mr"])
        self.assertAlmostEqual(ranks["deposit_ct"]["value"], 1.0, 12)
        self.assertEqual(ranks["hand_mr"]["n"], 5)

    def test_lesions_are_counted_per_hand_and_hands_without_any_count_as_none(self):
        deposits, matches, imaged = a_study()
        bare = {"participant": "sub-99", "session": "ses-1", "hand": "left"}
        imaged += [{**bare, "modality": m, "view": v} for m, v in (("ct", ""), ("mr", "t1"), ("xray", "pa"))]
        imaged.append({**bare, "session": "ses-2", "modality": "mr", "view": "t1"})
        found = agreement_of_study(deposits, matches, imaged)["detection"]
        self.assertEqual(found["n"], 6)
        self.assertAlmostEqual(found["modalities"]["ct"]["mean"], np.mean([2, 3, 4, 5, 6, 0]), 12)
        self.assertAlmostEqual(found["modalities"]["xray"]["mean"], np.mean([1, 2, 3, 4, 5, 0]), 12)
        self.assertLess(found["friedman"]["p"], 0.05)

    def test_an_empty_study_gives_reasons_and_no_numbers(self):
        found = agreement_of_study([], [], [])
        self.assertEqual(found["n"], 0)
        self.assertIsNone(found["bland_altman"]["bias"])
        self.assertIn("reason", found["bland_altman"])
        json_text(found)
        self.assertIsNone(repeatability_of_study([])["repeatability"]["wsd"]["value"])


class StudyRepeatabilityTest(unittest.TestCase):
    def rows(self):
        rng = np.random.default_rng(1)
        rows = []
        for number in range(6):
            about = {"participant": f"sub-{number}", "first_session": "ses-1", "second_session": "ses-2", "hand": None}
            for modality, view, measure in (("mr", "t1", "volume_mm3"), ("xray", "pa", "area_mm2")):
                for _ in range(3):
                    size = float(np.exp(rng.normal(4, 1)))
                    again = float(size * np.exp(rng.normal(0, 0.1)))
                    rows.append(
                        {**about, "modality": modality, "view": view, "measure": measure, "status": "matched"}
                        | {"measure_first": size, "measure_second": again, "change_class": "stable"}
                    )
                rows.append(
                    {**about, "modality": modality, "view": view, "measure": measure, "status": "first-only"}
                    | {"measure_first": 10.0, "measure_second": None, "change_class": None}
                )
        return rows

    def test_visits_are_compared_by_kind_of_image(self):
        rows = self.rows()
        found = repeatability_of_study(rows)
        self.assertEqual(list(found["images"]), ["mr t1", "xray pa"])
        mr = [row for row in rows if row["modality"] == "mr" and row["status"] == "matched"]
        expected = agreement(
            {key: np.array([row[key] for row in mr]) for key in ("measure_first", "measure_second")},
            [row["participant"] for row in mr],
        )
        self.assertEqual(found["repeatability"], expected["repeatability"])
        self.assertEqual(found["measure"], "volume_mm3")
        self.assertEqual(found["n"], 18)
        film = found["images"]["xray pa"]
        self.assertEqual(film["seen_again"], {"matched": 18, "first-only": 6, "second-only": 0})
        self.assertEqual(film["change"], {"progression": 0, "stable": 18, "improvement": 0})

    def test_totals_per_hand_hold_what_was_seen_only_once(self):
        hand = repeatability_of_study(self.rows())["images"]["mr t1"]["hand"]
        self.assertEqual(hand["n"], 6)
        first, second = (
            sum(row[key] or 0 for row in self.rows() if row["modality"] == "mr")
            for key in ("measure_first", "measure_second")
        )
        self.assertAlmostEqual(hand["bland_altman"]["bias"], (first - second) / 6, 9)


if __name__ == "__main__":
    unittest.main()
