"""CT, MR and films: which deposit is which."""

import unittest

import numpy as np
from CalcinosisImagingLib.analysis.comparison.modalities import COLUMNS, match_modalities
from CalcinosisImagingLib.analysis.segmentation import Segmentation, empty_like
from CalcinosisImagingLib.analysis.view import View
from CalcinosisImagingLib.analysis.volume import Volume
from comparison_shapes import ball, draw, grid

POSE = np.array([[1.0, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 970], [0, 0, 0, 1]])
VIEW = View("pa", 300, 320, (0.15, 0.2), 1000.0, (159.5, 149.5), ct_to_view=POSE)
PIXEL_MM2 = 0.15 * 0.2
BIG, SMALL, ALONE, HIDDEN = ((0, 0, 0), 4), ((9, 5, 8), 2), ((-9, 0, 9), 1.5), ((9, -9, 8), 1.2)
"""Deposits; HIDDEN lies in the shadow of SMALL."""


def volume_of(*balls, spacing=0.3, offset=(0, 0, 0)):
    return draw(grid((100, 100, 100), spacing, offset), [ball(centre, radius) for centre, radius in balls])


def film_of(*balls):
    """Shadows of balls as exact discs, one label each, drawn where the pinhole formula puts them."""
    voxels = np.zeros((1, VIEW.rows, VIEW.columns), np.uint16)
    v, u = np.mgrid[: VIEW.rows, : VIEW.columns]
    for label, (centre, radius) in enumerate(balls, 1):
        (cu, cv), factor = VIEW.project(np.array(centre, float)), 1000 / (970 + centre[1])
        voxels[0][((u - cu) * 0.15) ** 2 + ((v - cv) * 0.2) ** 2 <= (radius * factor) ** 2] = label
    return Segmentation(Volume(voxels, np.diag([-0.15, -0.2, 1, 1])), ())


def outline(rows):
    return [(row["view"], row["ct_id"], row["mr_id"], row["xray_id"], row["status"]) for row in rows]


class ModalitiesTest(unittest.TestCase):
    def test_each_kind_of_company_gets_its_status(self):
        mr_only, film_only = ((-9, 0, -9), 2), ((0, 0, -12), 1)
        ct = volume_of(BIG, SMALL, ALONE, ((9, 0, -9), 1.5))
        mr = volume_of(BIG, ALONE, mr_only, ((-12, 12, 0), 1))
        film = film_of(BIG, SMALL, film_only, mr_only)
        rows = match_modalities(ct, mr, {"pa": film}, project={"pa": VIEW.project}, views={"pa": VIEW})
        self.assertEqual(
            outline(rows),
            [
                ("pa", "1", "1", "1", "all"),
                ("pa", "2", "", "2", "ct-xray"),
                ("pa", "3", "2", "", "ct-mr"),
                ("pa", "4", "", "", "ct-only"),
                ("pa", "", "3", "4", "mr-xray"),
                ("pa", "", "4", "", "mr-only"),
                ("pa", "", "", "3", "xray-only"),
            ],
        )
        for row in rows:
            self.assertEqual(tuple(row), COLUMNS)

    def test_sizes_and_overlaps_are_those_of_the_drawing(self):
        film = film_of(BIG, SMALL)
        rows = match_modalities(
            volume_of(BIG, SMALL),
            volume_of(((0.5, 0, 0), 4), spacing=0.35),
            {"pa": film},
            project={"pa": VIEW.project},
            views={"pa": VIEW},
        )
        big, small = rows
        self.assertAlmostEqual(big["volume_ct_mm3"], 4 / 3 * np.pi * 64, delta=3)
        self.assertAlmostEqual(big["centroid_distance_ct_mr_mm"], 0.5, delta=0.03)
        self.assertGreater(big["dice_ct_xray"], 0.97)
        self.assertAlmostEqual(big["area_xray_mm2"], np.pi * 16, delta=0.7)
        self.assertAlmostEqual(big["area_ct_projected_mm2"], np.pi * 16, delta=0.7)
        self.assertAlmostEqual(small["area_xray_mm2"], np.pi * 4, delta=0.3)
        self.assertAlmostEqual(small["area_ct_projected_mm2"], np.pi * 4, delta=0.3)
        self.assertIsNone(small["volume_mr_mm3"])
        self.assertIsNone(small["hd95_ct_mr_mm"])

    def test_two_deposits_behind_each_other_share_the_row_of_their_shadow(self):
        rows = match_modalities(
            volume_of(BIG, SMALL, HIDDEN),
            volume_of(BIG, HIDDEN),
            {"pa": film_of(BIG, SMALL)},
            project={"pa": VIEW.project},
            views={"pa": VIEW},
        )
        self.assertEqual(outline(rows), [("pa", "1", "1", "1", "all"), ("pa", "2;3", "2", "2", "all")])
        union = 4 / 3 * np.pi * (2**3 + 1.2**3)
        self.assertAlmostEqual(rows[1]["volume_ct_mm3"], union, delta=0.03 * union)
        self.assertAlmostEqual(rows[1]["area_ct_projected_mm2"], np.pi * 4, delta=0.4)
        self.assertAlmostEqual(rows[1]["dice_ct_mr"], 2 * 1.2**3 / (2**3 + 2 * 1.2**3), delta=0.02)

    def test_without_films_there_is_one_row_per_match_and_no_view(self):
        rows = match_modalities(volume_of(BIG, SMALL), volume_of(BIG))
        self.assertEqual(outline(rows), [("", "1", "1", "", "ct-mr"), ("", "2", "", "", "ct-only")])
        self.assertEqual(rows, match_modalities(volume_of(BIG, SMALL), volume_of(BIG), {"pa": film_of(BIG)}))

    def test_two_views_have_their_own_rows(self):
        lateral = View(
            "lateral",
            300,
            300,
            (0.15, 0.15),
            1000.0,
            (149.5, 149.5),
            ct_to_view=np.array([[0, 1.0, 0, 0], [0, 0, -1, 0], [-1, 0, 0, 970], [0, 0, 0, 1]]),
        )
        films = {
            "pa": film_of(BIG),
            "lateral": empty_like(Volume(np.zeros((1, 300, 300)), np.diag([-0.15, -0.15, 1, 1]))),
        }
        project = {"pa": VIEW.project, "lateral": lateral.project}
        rows = match_modalities(volume_of(BIG, SMALL), None, films, project=project)
        self.assertEqual(
            outline(rows),
            [
                ("pa", "1", "", "1", "ct-xray"),
                ("pa", "2", "", "", "ct-only"),
                ("lateral", "1", "", "", "ct-only"),
                ("lateral", "2", "", "", "ct-only"),
            ],
        )

    def test_the_mr_of_another_frame_meets_ct_and_film_through_its_mappings(self):
        shift = np.array([30.0, -10, 5])
        mr_only = ((-9, 0, -9), 2)
        mr = volume_of(*[(np.array(c) + shift, r) for c, r in (BIG, mr_only)], offset=shift)
        given = {"project": {"pa": VIEW.project}, "views": {"pa": VIEW}, "ct_to_mr": lambda p: p + shift}
        film = film_of(BIG, mr_only)
        rows = match_modalities(volume_of(BIG), mr, {"pa": film}, mr_to_ct=lambda p: p - shift, **given)
        self.assertEqual(outline(rows), [("pa", "1", "1", "1", "all"), ("pa", "", "2", "2", "mr-xray")])
        self.assertAlmostEqual(rows[1]["area_xray_mm2"], np.pi * 4, delta=0.3)
        unmapped = match_modalities(volume_of(BIG), mr, {"pa": film}, **given)
        self.assertEqual([row["status"] for row in unmapped], ["all", "mr-only", "xray-only"])

    def test_a_repeat_visit_without_ct_compares_mr_and_film(self):
        rows = match_modalities(None, volume_of(BIG, SMALL), {"pa": film_of(SMALL)}, project={"pa": VIEW.project})
        self.assertEqual(outline(rows), [("pa", "", "1", "", "mr-only"), ("pa", "", "2", "1", "mr-xray")])

    def test_better_estimates_of_size_take_the_place_of_counts(self):
        rows = match_modalities(
            volume_of(BIG),
            volume_of(BIG),
            {"pa": film_of(BIG)},
            project={"pa": VIEW.project},
            volumes_ct_mm3={1: 261.5},
            volumes_mr_mm3={1: 250.25},
            areas_xray_mm2={"pa": {1: 49.75}},
        )
        self.assertEqual(
            (rows[0]["volume_ct_mm3"], rows[0]["volume_mr_mm3"], rows[0]["area_xray_mm2"]), (261.5, 250.25, 49.75)
        )

    def test_a_better_estimate_that_is_missing_leaves_the_cell_empty(self):
        rows = match_modalities(volume_of(BIG, SMALL), volume_of(BIG), volumes_ct_mm3={1: None}, volumes_mr_mm3={})
        self.assertEqual([row["volume_ct_mm3"] for row in rows], [None, None])
        self.assertIsNone(rows[0]["volume_mr_mm3"])
        self.assertGreater(rows[0]["dice_ct_mr"], 0.9)

    def test_without_a_view_areas_are_those_at_the_detector(self):
        rows = match_modalities(volume_of(BIG), None, {"pa": film_of(BIG)}, project={"pa": VIEW.project})
        self.assertAlmostEqual(rows[0]["area_xray_mm2"], np.pi * 16 * (1000 / 970) ** 2, delta=0.7)
        told = View("pa", 300, 320, (0.15, 0.2), 1000.0, (159.5, 149.5), magnification=1.05)
        rows = match_modalities(
            volume_of(BIG), None, {"pa": film_of(BIG)}, project={"pa": VIEW.project}, views={"pa": told}
        )
        self.assertAlmostEqual(rows[0]["area_xray_mm2"], np.pi * 16 * (1000 / 970 / 1.05) ** 2, delta=0.7)

    def test_nothing_at_all_gives_no_rows(self):
        self.assertEqual(match_modalities(None), [])
        ct = volume_of(BIG)
        self.assertEqual(match_modalities(empty_like(ct.volume), empty_like(ct.volume)), [])


if __name__ == "__main__":
    unittest.main()
