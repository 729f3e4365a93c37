"""Distances and smoothing on crops, against their definitions."""

import os
import subprocess
import sys
import unittest

import numpy as np
from CalcinosisImagingLib.analysis.ct import crops
from scipy import ndimage
from scipy.spatial.distance import cdist

LONG_CROP = """
import hashlib
import numpy as np
from CalcinosisImagingLib.analysis.ct import crops

values = np.random.default_rng(0).standard_normal((20, 90, 156)).astype(np.float32)
made = crops.halved(values, np.ones(3)), crops.finer(values[:, :20], 2)
print(hashlib.md5(b"".join(m.tobytes() for m in made)).hexdigest())
"""

SPACING = np.array([0.6, 0.4, 0.3])


def a_body(shape: tuple[int, int, int], seed: int) -> np.ndarray:
    """Lumps of any form, clear of the border."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(shape), 1.2)
    body = noise > noise.std()
    for axis in range(3):
        faces = np.moveaxis(body, axis, 0)
        faces[:2] = faces[-2:] = False
    return body


class TestCrops(unittest.TestCase):
    def test_distances_are_those_to_the_nearest_voxel_of_the_surface(self) -> None:
        # The larger one goes the general way; both measure the same.
        for shape in ((9, 16, 13), (9, 40, 13)):
            body = a_body(shape, 1)
            shell = body & ~ndimage.binary_erosion(body, np.ones((3, 3, 3)))
            every = np.argwhere(np.ones(shape, bool)) * SPACING
            away = cdist(every, np.argwhere(shell) * SPACING).min(1).reshape(shape)
            expected = np.where(body, -away, away) - 0.5 * np.cbrt(np.prod(SPACING))
            np.testing.assert_allclose(crops.away_mm(body, SPACING), expected, atol=1e-5)

    def test_a_crop_is_smoothed_as_scipy_does_it(self) -> None:
        for shape in ((5, 24, 17), (5, 80, 17)):
            values = 100.0 * np.random.default_rng(2).standard_normal(shape)
            expected = ndimage.gaussian_filter(values, 0.5 / SPACING, truncate=3.0)
            np.testing.assert_allclose(crops.smoothed_crop(values, 0.5 / SPACING), expected, atol=1e-3)

    def test_finer_voxels_follow_a_ramp_and_are_averaged_back_to_it(self) -> None:
        ramp = np.add.outer(np.add.outer(3.0 * np.arange(6), -2.0 * np.arange(5)), 0.5 * np.arange(7))
        for times in (1, 2, 3):
            fine = crops.finer(ramp, times)
            self.assertEqual(fine.shape, tuple(times * n for n in ramp.shape))
            inner = tuple(slice(1, -1) for _ in range(3))
            np.testing.assert_allclose(crops.averaged(fine, times)[inner], ramp[inner], atol=1e-5)
        # Halfway between two voxels, a quarter of a voxel from either centre.
        fine = crops.finer(ramp, 2)
        self.assertAlmostEqual(float(fine[4, 4, 4] - fine[3, 4, 4]), 1.5, places=5)

    def test_closing_widening_and_percentiles_are_those_of_the_general_functions(self) -> None:
        for seed in range(3):
            body = a_body((9, 16, 13), seed)
            np.testing.assert_array_equal(crops.closed(body), ndimage.binary_closing(body))
            for reach in ((1, 2, 3), (4, 5, 12)):
                wide = ndimage.maximum_filter(body, tuple(2 * r + 1 for r in reach))
                np.testing.assert_array_equal(crops.highest_near(body, reach), wide)
        values = np.random.default_rng(3).standard_normal(501).astype(np.float32)
        for count in (1, 2, 500, 501):
            self.assertEqual(crops.median(values[:count]), np.median(values[:count]))
            for percent in (0, 25, 95, 100):
                expected = np.percentile(values[:count], percent)
                self.assertAlmostEqual(crops.percentile(values[:count], percent), expected, places=6)

    def test_a_long_crop_gives_the_same_bytes_on_one_and_on_two_threads(self) -> None:
        made = {
            subprocess.run(
                [sys.executable, "-c", f"import sys; sys.path[:0] = {sys.path}\n{LONG_CROP}"],
                env=os.environ | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), threads),
                check=True,
                capture_output=True,
            ).stdout
            for threads in ("1", "2")
        }
        self.assertEqual(len(made), 1)
        self.assertGreater(len(made.pop()), 20)


if __name__ == "__main__":
    unittest.main()
