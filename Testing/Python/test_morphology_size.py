"""Volume, its interval, surface area, axes and thickness of bodies that are known exactly."""

import unittest

import numpy as np
from CalcinosisImagingLib.analysis.morphology.quantify import quantify
from CalcinosisImagingLib.analysis.segmentation import Segmentation
from CalcinosisImagingLib.analysis.volume import Volume
from morphology_shapes import as_segmentation, box, ellipsoid, imaged, sphere, tube
from scipy import ndimage


def measured(image, psf=0.6, modality="ct"):
    return quantify(image.volume, image.deposits, modality, psf_fwhm_mm=psf)[0]


class Volumes(unittest.TestCase):
    def test_are_within_five_percent_and_unbiased_whatever_shape_place_and_turn(self):
        rng = np.random.default_rng(11)
        errors, covered = [], []
        shapes = [sphere(1.1), sphere(2.0), ellipsoid(1.2, 1.8, 2.6), ellipsoid(2, 3, 4), box(3, 4, 5), tube(0.8, 8)]
        for shape in shapes * 3:
            row = measured(imaged(shape, rng, noise_sd=25))
            errors.append(row["volume_mm3"] / shape.volume_mm3 - 1)
            covered.append(row["volume_lower_mm3"] <= shape.volume_mm3 <= row["volume_upper_mm3"])
        self.assertLess(np.abs(errors).max(), 0.05)
        self.assertLess(abs(np.mean(errors)), 0.01)
        self.assertGreaterEqual(np.mean(covered), 15 / 18)

    def test_hardly_depend_on_a_mask_that_is_a_voxel_too_large_or_too_small(self):
        image = imaged(sphere(2.2), np.random.default_rng(3))
        labels = image.deposits.labels
        for name, change in (("larger", ndimage.binary_dilation), ("smaller", ndimage.binary_erosion)):
            with self.subTest(name):
                mask = as_segmentation(change(labels > 0).astype(np.uint16), image.volume)
                row = quantify(image.volume, mask, "ct", psf_fwhm_mm=0.6)[0]
                self.assertAlmostEqual(row["volume_mm3"], sphere(2.2).volume_mm3, delta=0.02 * sphere(2.2).volume_mm3)

    def test_of_thin_plates_are_right_when_the_point_spread_is_given(self):
        rng = np.random.default_rng(5)
        ratios, thicknesses = [], []
        for _ in range(4):
            shape = box(7, 6, 0.6)
            row = measured(imaged(shape, rng, noise_sd=15))
            ratios.append(row["volume_mm3"] / shape.volume_mm3)
            thicknesses.append(row["thickness_mm"])
            self.assertGreater(row["volume_mm3"] / row["voxel_volume_mm3"], 0.9)
        np.testing.assert_allclose(ratios, 1, atol=0.08)
        np.testing.assert_allclose(thicknesses, 0.6, rtol=0.10)

    def test_of_a_void_in_mr_are_measured_with_the_contrast_the_other_way_round(self):
        shape = ellipsoid(1.5, 2.0, 2.5)
        image = imaged(shape, np.random.default_rng(7), background=400, plateau=20, noise_sd=12)
        row = measured(image, modality="mr")
        self.assertAlmostEqual(row["volume_mm3"], shape.volume_mm3, delta=0.03 * shape.volume_mm3)
        self.assertAlmostEqual(row["signal_ratio"], 0.05, delta=0.03)
        self.assertEqual(row["consistency"], "chalk")
        self.assertIsNone(row["mean_hu"])

    def test_beside_another_deposit_do_not_take_in_the_neighbour(self):
        rng = np.random.default_rng(9)
        one = imaged(sphere(2.0), rng, noise_sd=15)
        labels, values = one.deposits.labels.copy(), one.volume.voxels.copy()
        middle = np.array(labels.shape) // 2
        shift = 16
        other = np.roll(labels, shift, axis=0)
        other[: middle[0]] = 0
        both = np.where(other > 0, 2, labels).astype(np.uint16)
        bright = np.roll(values - 40, shift, axis=0)
        bright[: middle[0] - 2] = 0
        volume = Volume((values + bright).astype(np.int16), one.volume.ijk_to_ras)
        row = quantify(volume, as_segmentation(both, volume), "ct", psf_fwhm_mm=0.6)[0]
        self.assertAlmostEqual(row["volume_mm3"], sphere(2.0).volume_mm3, delta=0.03 * sphere(2.0).volume_mm3)


class TheSurface(unittest.TestCase):
    def test_area_is_unbiased_where_the_mesh_overstates_it(self):
        rng = np.random.default_rng(21)
        errors, mesh = [], []
        for shape in [sphere(2.0), sphere(3.0), ellipsoid(2.2, 2.8, 3.6), tube(2.0, 4.0)] * 2:
            row = measured(imaged(shape, rng, noise_sd=25))
            errors.append(row["surface_area_mm2"] / shape.area_mm2 - 1)
            mesh.append(row["mesh_area_mm2"] / shape.area_mm2 - 1)
        self.assertLess(abs(np.mean(errors)), 0.01)
        self.assertLess(np.abs(errors).max(), 0.03)
        self.assertGreater(np.mean(mesh), 0.05)

    def test_area_of_boxes_keeps_the_edges_that_blur_rounds_off(self):
        rng = np.random.default_rng(23)
        errors = []
        for shape in [box(4, 5, 6), box(6, 6, 8), box(9, 8, 3)] * 2:
            row = measured(imaged(shape, rng, noise_sd=20))
            errors.append(row["surface_area_mm2"] / shape.area_mm2 - 1)
        self.assertLess(abs(np.mean(errors)), 0.015)
        self.assertLess(np.abs(errors).max(), 0.04)

    def test_axes_are_those_of_the_solid_ellipsoid(self):
        # 4 sqrt(lambda) of a solid ellipsoid with half axes a is 4 a / sqrt(5).
        row = measured(imaged(ellipsoid(2, 3, 4), np.random.default_rng(4)))
        for key, half in (("major_axis_mm", 4), ("minor_axis_mm", 3), ("least_axis_mm", 2)):
            with self.subTest(key):
                self.assertAlmostEqual(row[key], 4 * half / np.sqrt(5), delta=0.01 * 4 * half / np.sqrt(5))


class TurningTheWorld(unittest.TestCase):
    def test_changes_the_centre_alone(self):
        image = imaged(ellipsoid(1.5, 2, 3), np.random.default_rng(8))
        before = measured(image)
        turn = np.eye(4)
        turn[:3, :3] = [[0, -1, 0], [0.6, 0, -0.8], [0.8, 0, 0.6]]
        turn[:3, 3] = 5, -7, 11
        volume = Volume(image.volume.voxels, turn @ image.volume.ijk_to_ras)
        deposits = Segmentation(Volume(image.deposits.labels, volume.ijk_to_ras), image.deposits.segments)
        after = quantify(volume, deposits, "ct", psf_fwhm_mm=0.6)[0]
        centre = turn @ [*(before[f"centroid_{axis}_mm"] for axis in "ras"), 1]
        np.testing.assert_allclose([after[f"centroid_{axis}_mm"] for axis in "ras"], centre[:3], atol=1e-6)
        for key, value in before.items():
            if isinstance(value, float) and not key.startswith("centroid"):
                with self.subTest(key):
                    self.assertAlmostEqual(after[key], value, delta=1e-5 * max(abs(value), 1))

    def test_turning_the_body_in_the_grid_changes_sizes_by_little(self):
        rows = [measured(imaged(ellipsoid(1.5, 2, 3), np.random.default_rng(seed), noise_sd=10)) for seed in range(5)]
        for key, spread in (("volume_mm3", 0.01), ("surface_area_mm2", 0.015), ("major_axis_mm", 0.01)):
            with self.subTest(key):
                values = np.array([row[key] for row in rows])
                self.assertLess(np.ptp(values) / values.mean(), 2 * spread)

    def test_resampling_onto_a_finer_grid_changes_sizes_by_less_than_two_percent(self):
        image = imaged(ellipsoid(1.5, 2, 3), np.random.default_rng(6), noise_sd=10)
        before = measured(image)
        finer = ndimage.zoom(image.volume.voxels.astype(np.float32), 1.5, order=3, grid_mode=True, mode="nearest")
        spacing = 0.3 * image.volume.voxels.shape[0] / finer.shape[0]
        volume = Volume(finer, np.diag([spacing] * 3 + [1.0]))
        part = ndimage.zoom(image.fractions, 1.5, order=1, grid_mode=True, mode="nearest")
        # The voxels of 0.3 mm stay in the image as blur.
        width = np.sqrt(0.6**2 + 8 * np.log(2) * (0.3**2 - spacing**2) / 12)
        after = quantify(volume, as_segmentation((part > 0.5).astype(np.uint16), volume), "ct", psf_fwhm_mm=width)[0]
        for key in ("volume_mm3", "surface_area_mm2", "major_axis_mm"):
            with self.subTest(key):
                self.assertAlmostEqual(after[key] / before[key], 1, delta=0.02)


if __name__ == "__main__":
    unittest.main()
