"""Deposits at the edge of what can be measured: sensible numbers or an empty cell with a reason, never an exception."""

import unittest

import numpy as np
from CalcinosisImagingLib.analysis.errors import InputError, OperationCancelled
from CalcinosisImagingLib.analysis.morphology.quantify import quantify
from CalcinosisImagingLib.analysis.morphology.registry import COLUMNS
from CalcinosisImagingLib.analysis.segmentation import Segmentation, empty_like
from CalcinosisImagingLib.analysis.volume import Volume
from morphology_shapes import as_segmentation, imaged, sphere


def scene(mask, inside=700, outside=40, noise=0.0):
    rng = np.random.default_rng(0)
    image = np.where(mask, inside, outside) + noise * rng.normal(size=mask.shape)
    volume = Volume(image.astype(np.int16), np.diag([0.4, 0.4, 0.4, 1.0]))
    return volume, as_segmentation(mask.astype(np.uint16), volume)


def ball(size, radius, centre=None):
    grid = np.indices(size).reshape(3, -1).T
    centre = (np.array(size) - 1) / 2 if centre is None else np.array(centre)
    return (np.linalg.norm(grid - centre, axis=1) <= radius).reshape(size)


class EdgeCases(unittest.TestCase):
    def everyone(self):
        single = np.zeros((9, 9, 9), bool)
        single[4, 4, 4] = True
        lonely = np.ones((1, 1, 1), bool)
        flat = ball((1, 30, 30), 6)
        slab = np.zeros((20, 20, 20), bool)
        slab[10, 5:15, 5:15] = True
        cut = ball((20, 20, 20), 6, (0, 10, 10))
        hollow = ball((30, 30, 30), 9) & ~ball((30, 30, 30), 5)
        full = np.ones((8, 8, 8), bool)
        row = np.zeros((9, 9, 9), bool)
        row[4, 4, 2:7] = True
        huge = ball((60, 60, 60), 26)
        names = ["single", "lonely", "flat", "slab", "cut", "hollow", "full", "row", "huge"]
        return zip(names, (single, lonely, flat, slab, cut, hollow, full, row, huge), strict=True)

    def test_every_strange_mask_gives_a_full_row_in_ct_and_in_mr(self):
        for name, mask in self.everyone():
            for modality, values in (("ct", (700, 40)), ("mr", (10, 300))):
                for noise in (0.0, 20.0):
                    with self.subTest(name=name, modality=modality, noise=noise):
                        row = quantify(*scene(mask, *values, noise), modality)[0]
                        self.assertEqual(tuple(row), COLUMNS)
                        self.assertGreater(row["volume_mm3"], 0)
                        self.assertLessEqual(row["volume_lower_mm3"], row["volume_mm3"])
                        self.assertGreaterEqual(row["volume_upper_mm3"], row["volume_mm3"])
                        self.assertAlmostEqual(row["voxel_volume_mm3"], mask.sum() * 0.064, places=6)
                        for key, value in row.items():
                            if isinstance(value, float):
                                self.assertTrue(np.isfinite(value), key)

    def test_one_voxel_has_no_axes_and_says_why(self):
        mask = dict(self.everyone())["single"]
        row = quantify(*scene(mask), "ct")[0]
        self.assertIsNone(row["major_axis_mm"])
        self.assertIn("one voxel", row["note"])
        self.assertEqual(row["form"], "unknown")

    def test_one_slice_has_no_surface_and_says_why(self):
        row = quantify(*scene(dict(self.everyone())["flat"]), "ct")[0]
        self.assertIsNone(row["surface_area_mm2"])
        self.assertIn("one slice", row["note"])

    def test_cut_off_by_the_border_is_noted(self):
        row = quantify(*scene(dict(self.everyone())["cut"]), "ct")[0]
        self.assertIn("border", row["note"])

    def test_a_hollow_has_an_euler_number_of_two(self):
        row = quantify(*scene(dict(self.everyone())["hollow"]), "ct")[0]
        self.assertEqual(row["euler_number"], 2)

    def test_without_contrast_the_voxels_are_counted_with_a_reason(self):
        volume, deposits = scene(ball((30, 30, 30), 6), inside=40, noise=20)
        row = quantify(volume, deposits, "ct")[0]
        self.assertAlmostEqual(row["volume_mm3"], row["voxel_volume_mm3"])
        self.assertIn("counted in voxels", row["note"])

    def test_voxels_that_are_no_numbers_do_no_harm(self):
        volume, deposits = scene(ball((30, 30, 30), 6), noise=10)
        values = volume.voxels.astype(np.float32)
        values[2, 2, 2] = np.nan
        values[15, 15, 15] = np.nan
        row = quantify(Volume(values, volume.ijk_to_ras), deposits, "ct")[0]
        self.assertGreater(row["volume_mm3"], 0)
        self.assertTrue(np.isfinite(row["mean_hu"]))

    def test_no_deposit_gives_no_row(self):
        volume, _ = scene(ball((9, 9, 9), 2))
        self.assertEqual(quantify(volume, empty_like(volume), "ct"), [])

    def test_labels_may_have_gaps_and_stay_the_ids(self):
        volume, deposits = scene(ball((30, 30, 30), 5))
        labels = deposits.labels * np.uint16(7)
        labels[1, 1, 1] = 300
        rows = quantify(volume, as_segmentation(labels, volume), "ct")
        self.assertEqual([row["deposit_id"] for row in rows], [7, 300])

    def test_a_segmentation_on_another_grid_is_refused_in_one_sentence(self):
        volume, deposits = scene(ball((9, 9, 9), 2))
        moved = Segmentation(Volume(deposits.labels, np.diag([0.5, 0.5, 0.5, 1.0])), deposits.segments)
        with self.assertRaisesRegex(InputError, "not on the grid of its image"):
            quantify(volume, moved, "ct")

    def test_can_be_stopped(self):
        image = imaged(sphere(1.0), np.random.default_rng(0), margin_mm=2)
        with self.assertRaises(OperationCancelled):
            quantify(image.volume, image.deposits, "ct", progress=lambda fraction, message: fraction < 0.2)

    def test_the_same_input_gives_the_same_numbers(self):
        image = imaged(sphere(1.5), np.random.default_rng(2), margin_mm=3)
        self.assertEqual(quantify(image.volume, image.deposits, "ct"), quantify(image.volume, image.deposits, "ct"))


if __name__ == "__main__":
    unittest.main()
