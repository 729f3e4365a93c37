"""CT: the point spread, from skin, and along axes that no skin faces from dense bodies."""

import unittest

import numpy as np
from CalcinosisImagingLib.analysis.ct.psf import PointSpread
from CalcinosisImagingLib.analysis.ct.skin_edge import estimate_point_spread
from scipy import ndimage

STEP = 0.4
SPACING = np.full(3, STEP)
SIGMA_MM = 0.3
FINE = 2
"""Finer voxels along each axis."""


def limb(shape):
    """Share of each finer voxel in a block of tissue in air; its sides lean a little, none faces along k."""
    k, j, i = (np.indices([n * FINE for n in shape]).astype(np.float32) + 0.5) / FINE
    lean = 0.02 * (k - shape[0] / 2)
    sides = (j - 8.5 - lean, shape[1] - 8.5 - j + lean, i - 8.5 + lean, shape[2] - 8.5 - i - lean)
    return np.prod([np.clip(FINE * s + 0.5, 0, 1) for s in sides], axis=0)


def scanned(hu, kernel, noise):
    """Blurred by a sum of Gaussians (weight, sigma in mm), averaged into voxels, with noise, cut off as scanners do."""
    hu = sum(weight * ndimage.gaussian_filter(hu, np.multiply(sigma, FINE / STEP)) for weight, sigma in kernel)
    k, j, i = (n // FINE for n in hu.shape)
    voxels = hu.reshape(k, FINE, j, FINE, i, FINE).mean(axis=(1, 3, 5))
    voxels += np.random.default_rng(0).normal(0, noise, voxels.shape)
    return np.round(np.clip(voxels, -1024, 3071)).astype(np.int16)


def transfer(parts, frequency, axis):
    """Contrast transfer of a sum of Gaussians (weight, sigma in mm) at a frequency (1/mm)."""
    return sum(w * np.exp(-2 * (np.pi * frequency * np.broadcast_to(s, 3)[axis]) ** 2) for w, s in parts)


class PointSpreadTest(unittest.TestCase):
    def test_the_contrast_transfer_of_a_very_sharp_kernel_is_found(self):
        kernel = [(2.1, SIGMA_MM), (-1.3, 1.6 * SIGMA_MM), (0.2, 3 * SIGMA_MM)]
        hu = scanned(-1000.0 + 1050.0 * limb((48, 64, 64)), kernel, 30)
        found = estimate_point_spread(hu, SPACING)
        self.assertGreater(found.far, 0.1)
        for frequency in (0.3, 0.5, 0.7, 0.9):
            with self.subTest(frequency=frequency):
                true = transfer(kernel, frequency, 1)
                self.assertAlmostEqual(transfer(found.parts, frequency, 1), true, delta=0.03)

    def test_a_soft_kernel_is_one_gaussian(self):
        hu = scanned(-1000.0 + 1050.0 * limb((48, 64, 64)), [(1.0, SIGMA_MM)], 30)
        found = estimate_point_spread(hu, SPACING)
        self.assertEqual(len(found.parts), 1)
        self.assertAlmostEqual(found.sigma_mm[1], SIGMA_MM, delta=0.006)

    def test_leaning_skin_shows_that_the_blur_across_slices_is_wider(self):
        # A spindle: nothing faces along k, but its skin leans by up to 40 degrees.
        k, j, i = (np.indices((112, 128, 128)).astype(np.float32) + 0.5) * STEP / FINE
        radius = 2.5 + 8.0 * np.sin(np.pi * k / 22.4)
        surface = np.hypot(j - 12.8, i - 12.8) - radius
        slope = 8.0 * np.pi / 22.4 * np.cos(np.pi * k / 22.4)
        tissue = np.clip(0.5 - surface / np.hypot(1.0, slope) * FINE / STEP, 0, 1)
        for wider in (0.8, 1.0, 1.3):
            with self.subTest(wider=wider):
                kernel = [(1.0, (wider * SIGMA_MM, SIGMA_MM, SIGMA_MM))]
                found = estimate_point_spread(scanned(-1000.0 + 1050.0 * tissue, kernel, 25), SPACING)
                self.assertAlmostEqual(found.sigma_mm[0] / SIGMA_MM, wider, delta=0.08)
                self.assertAlmostEqual(found.sigma_mm[1] / SIGMA_MM, 1.0, delta=0.04)

    def test_weights_of_the_gaussians_sum_to_one(self):
        for spread in (PointSpread((0.3,) * 3), PointSpread((0.3,) * 3, 0.5), PointSpread((0.3,) * 3, 1.0, 0.3)):
            self.assertAlmostEqual(sum(weight for weight, _ in spread.parts), 1.0)


if __name__ == "__main__":
    unittest.main()
