"""Two visits: which deposit is which, and how it changed."""

import unittest

import numpy as np
from CalcinosisImagingLib.analysis.comparison.visits import COLUMNS, change_class, film_map, match_visits
from comparison_shapes import ball, draw, grid


class VisitsTest(unittest.TestCase):
    def test_growth_shrinkage_and_what_came_and_went(self):
        shift = np.array([3.0, 1, -2])
        first = draw(
            grid((110, 60, 60), 0.3),
            [ball((-12, 0, 0), 2), ball((-4, 0, 0), 2), ball((4, 0, 0), 2), ball((12, 0, 0), 1.5)],
        )
        second = draw(
            grid((110, 60, 60), 0.3),
            [
                ball(shift + np.array([-12, 0, 0]), 2.5),
                ball(shift + np.array([-4, 0, 0]), 2),
                ball(shift + np.array([4, 0, 0]), 1.6),
                ball(shift + np.array([4, 5, 5]), 1),
            ],
        )
        rows = match_visits(first, second, "mr", lambda points: points + shift)
        self.assertEqual(
            [(row["first_id"], row["second_id"], row["status"], row["change_class"]) for row in rows],
            [
                ("1", "1", "matched", "progression"),
                ("2", "2", "matched", "stable"),
                ("3", "3", "matched", "improvement"),
                ("4", None, "first-only", None),
                (None, "4", "second-only", None),
            ],
        )
        for row in rows:
            self.assertEqual(tuple(row), COLUMNS)
            self.assertEqual((row["modality"], row["measure"]), ("mr", "volume_mm3"))
        self.assertAlmostEqual(rows[0]["change_percent"], 100 * (2.5**3 / 2**3 - 1), delta=8)
        self.assertAlmostEqual(rows[2]["change_percent"], 100 * (1.6**3 / 2**3 - 1), delta=3)
        self.assertLess(rows[1]["centroid_distance_mm"], 0.03)

    def test_measures_given_by_label_are_summed_and_missing_ones_leave_the_change_open(self):
        first = draw(grid((80, 40, 40), 0.3), [ball((0, 0, 0), 4), ball((9, 0, 0), 1)])
        second = draw(grid((80, 40, 40), 0.3), [ball((-2, 0, 0), 1.5), ball((2, 0, 0), 1.5), ball((9, 0, 0), 1)])
        rows = match_visits(
            first,
            second,
            "xray",
            view="pa",
            measure="area_mm2",
            measures_first={1: 50.0, 2: 3.0},
            measures_second={1: 30.0, 2: 40.0, 3: float("nan")},
        )
        self.assertEqual((rows[0]["second_id"], rows[0]["measure_second"]), ("1;2", 70.0))
        self.assertAlmostEqual(rows[0]["change_percent"], 40.0, 12)
        self.assertEqual(rows[0]["change_class"], "progression")
        self.assertEqual(
            (rows[1]["measure_first"], rows[1]["measure_second"], rows[1]["change_percent"]), (3.0, None, None)
        )

    def test_films_are_matched_through_a_mapping_of_pixels(self):
        first = draw(grid((200, 150, 1), (0.15, 0.2, 1)), [ball((5, 0, 0), 2), ball((-8, 5, 0), 1)])
        second = draw(grid((150, 150, 1), (0.3, 0.3, 1)), [ball((9, 4, 0), 2), ball((-4, 9, 0), 1)])
        # what the shift of (4, 4) mm is in pixels of both films
        scale = np.array([0.15 / 0.3, 0.2 / 0.3])
        offset = second.volume.to_ijk(np.array([4.0, 4, 0]))[:2] - scale * first.volume.to_ijk(np.zeros(3))[:2]
        rows = match_visits(first, second, "xray", film_map(first, second, lambda uv: uv * scale + offset), view="pa")
        self.assertEqual([(row["first_id"], row["second_id"]) for row in rows], [("1", "1"), ("2", "2")])
        self.assertGreater(rows[0]["dice"], 0.93)
        self.assertAlmostEqual(rows[0]["measure_first"], np.pi * 4, delta=0.3)

    def test_the_classes_end_at_a_quarter(self):
        for percent, expected in ((25, "stable"), (25.1, "progression"), (-25, "stable"), (-25.1, "improvement")):
            with self.subTest(percent=percent):
                self.assertEqual(change_class(percent), expected)


if __name__ == "__main__":
    unittest.main()
