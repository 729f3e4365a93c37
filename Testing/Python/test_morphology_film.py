"""Shadows of bodies whose projection is known."""

import unittest
from dataclasses import replace

import numpy as np
from CalcinosisImagingLib.analysis.morphology.quantify import quantify
from CalcinosisImagingLib.analysis.segmentation import Segment, Segmentation
from CalcinosisImagingLib.analysis.view import View
from CalcinosisImagingLib.analysis.volume import Volume
from morphology_shapes import FWHM_TO_SIGMA, as_segmentation
from scipy import ndimage

PIXEL = 0.15
MU = 0.05


def film(radius, seed=0, ball=True, level=0.3, bright="air", intensity="linear"):
    """A ball's or a disc's shadow in an uneven field, with blur and quantum noise; its mask at a part of its peak."""
    rng = np.random.default_rng(seed)
    count, fine = int(2 * (radius + 4) / PIXEL), 4
    places = (np.arange(count * fine) + 0.5) / fine - 0.5
    middle = (count - 1) / 2 + rng.uniform(-0.5, 0.5, 2)
    squared = np.add.outer(((places - middle[0]) * PIXEL) ** 2, ((places - middle[1]) * PIXEL) ** 2)
    way = 2 * np.sqrt(np.maximum(radius**2 - squared, 0)) if ball else 2.0 * (squared < radius**2)
    way = way.reshape(count, fine, count, fine).mean((1, 3))
    field = 0.4 + 0.002 * PIXEL * np.add.outer(np.arange(count), np.arange(count))
    sigma = 0.3 * FWHM_TO_SIGMA / PIXEL
    counts = rng.poisson(ndimage.gaussian_filter(4000 * np.exp(-field - MU * way), sigma)).astype(np.float32)
    blurred = ndimage.gaussian_filter(way, sigma)
    if intensity == "log":
        values = -1000 * np.log(counts / 5000) if bright == "bone" else 4095 + 1000 * np.log(counts / 5000)
    else:
        values = counts
    view = View("pa", count, count, (PIXEL, PIXEL), 1000.0, ((count - 1) / 2,) * 2, intensity, bright)
    volume = Volume(values[None].astype(np.float32), np.diag([-PIXEL, -PIXEL, 1, 1.0]))
    mask = (blurred > level * blurred.max())[None].astype(np.uint16)
    return volume, as_segmentation(mask, volume), view, middle


class AShadow(unittest.TestCase):
    def test_has_the_area_of_the_body_be_it_a_ball_or_a_disc_whatever_the_mask(self):
        for ball in (True, False):
            for level in (0.15, 0.3, 0.5):
                errors = []
                for seed, radius in enumerate((1.5, 2.5, 4.0)):
                    volume, deposits, view, _ = film(radius, seed, ball, level)
                    row = quantify(volume, deposits, "xray", view=view)[0]
                    errors.append(row["area_detector_mm2"] / (np.pi * radius**2) - 1)
                with self.subTest(ball=ball, level=level):
                    self.assertLess(abs(np.mean(errors)), 0.06)
                    self.assertLess(np.abs(errors).max(), 0.12)

    def test_is_the_same_whatever_the_grey_scale(self):
        areas = []
        for bright, intensity in (("air", "linear"), ("bone", "log"), ("air", "log")):
            volume, deposits, view, _ = film(2.5, 1, bright=bright, intensity=intensity)
            areas.append(quantify(volume, deposits, "xray", view=view)[0]["area_detector_mm2"])
        np.testing.assert_allclose(areas, areas[0], rtol=1e-3)

    def test_has_the_diameters_and_the_ellipse_of_a_reader(self):
        volume, deposits, view, middle = film(3.0, ball=False, level=0.5)
        row = quantify(volume, deposits, "xray", view=view, magnification=1.0)[0]
        self.assertAlmostEqual(row["long_diameter_mm"], 6.0, delta=0.2)
        self.assertAlmostEqual(row["short_diameter_mm"], 6.0, delta=0.25)
        self.assertAlmostEqual(row["ellipse_area_mm2"], 9 * np.pi, delta=0.06 * 9 * np.pi)
        self.assertAlmostEqual(row["v_px"], middle[0], delta=0.2)
        self.assertAlmostEqual(row["u_px"], middle[1], delta=0.2)
        self.assertIsNone(row["volume_mm3"])

    def test_without_a_view_is_as_large_as_at_the_detector_and_says_so(self):
        volume, deposits, _, _ = film(2.0, bright="bone", intensity="log")
        row = quantify(volume, deposits, "xray")[0]
        self.assertEqual(row["size_plane"], "detector")
        self.assertEqual(row["area_mm2"], row["area_detector_mm2"])
        self.assertIsNone(row["magnification"])

    def test_without_a_pose_is_taken_to_lie_in_a_palm_on_the_detector(self):
        volume, deposits, view, _ = film(2.0)
        row = quantify(volume, deposits, "xray", view=view)[0]
        self.assertEqual(row["size_plane"], "palm")
        self.assertAlmostEqual(row["magnification"], 1.0152, places=4)
        self.assertAlmostEqual(row["area_detector_mm2"] / row["area_mm2"], 1.0307, places=4)

    def test_with_a_pose_takes_depth_site_and_digit_from_the_bone_behind_it(self):
        volume, deposits, view, _ = film(2.0)
        labels = np.zeros((12, 40, 12), np.uint16)
        labels[4:8, 5:35, 4:8] = 1
        matrix = np.eye(4)
        matrix[:3, 3] = -6, -20, -6
        bones = Segmentation(Volume(labels, matrix), (Segment(1, "middle-3", "middle-3"),))
        pose = np.eye(4)
        pose[2, 3] = 960.0
        row = quantify(volume, deposits, "xray", view=replace(view, ct_to_view=pose), bones=bones)[0]
        self.assertEqual((row["site"], row["digit"], row["size_plane"]), ("middle-3", 3, "object"))
        self.assertAlmostEqual(row["magnification"], 1000 / 960, delta=0.002)

    def test_of_a_single_pixel_gives_a_row(self):
        volume, deposits, view, _ = film(2.0)
        labels = np.zeros_like(deposits.labels)
        labels[0, 0, 0] = 1
        row = quantify(volume, as_segmentation(labels, volume), "xray", view=view)[0]
        self.assertGreater(row["area_detector_mm2"], 0)
        self.assertIsNone(row["major_axis_mm"])


if __name__ == "__main__":
    unittest.main()
