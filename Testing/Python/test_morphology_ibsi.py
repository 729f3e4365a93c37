"""The IBSI digital phantom: published values of every feature we list."""

import unittest

import numpy as np
from CalcinosisImagingLib.analysis.morphology.quantify import quantify
from CalcinosisImagingLib.analysis.segmentation import Segment, Segmentation
from CalcinosisImagingLib.analysis.volume import Volume

GREY = (
    "14411 14611 41641 44641",
    "14411 11611 11311 44611",
    "14411 11111 11911 11611",
    "14411 11111 11111 11611",
)
OUTSIDE = ((1, 2, 0), (2, 0, 3), (2, 0, 4), (2, 2, 2), (3, 0, 3), (3, 0, 4))
EXPECTED = {
    "mesh_volume_mm3": (556, 4),
    "voxel_volume_mm3": (592, 4),
    "mesh_area_mm2": (388, 3),
    "surface_to_volume_per_mm": (0.698, 0.004),
    "sphericity": (0.843, 0.005),
    "compactness_1": (0.0411, 0.0003),
    "compactness_2": (0.599, 0.004),
    "max_diameter_mm": (13.1, 0.1),
    "major_axis_mm": (11.4, 0.1),
    "minor_axis_mm": (9.31, 0.06),
    "least_axis_mm": (8.54, 0.05),
    "elongation": (0.816, 0.005),
    "flatness": (0.749, 0.005),
    "solidity": (0.961, 0.006),
    "com_shift_mm": (0.672, 0.004),
    "integrated_intensity": (1195, 10),
    "mean_hu": (2.15, 0.01),
}


def phantom():
    """Image and mask as IBSI publishes them: 5x4x4 voxels of 2 mm."""
    grey = np.array([[[int(c) for c in row] for row in part.split()] for part in GREY], np.int16)
    mask = np.ones(grey.shape, np.uint16)
    for place in OUTSIDE:
        mask[place] = 0
    volume = Volume(grey, np.diag([2.0, 2.0, 2.0, 1.0]))
    return volume, Segmentation(volume.with_voxels(mask), (Segment(1, "deposit-1", "Deposit 1"),))


class IbsiDigitalPhantom(unittest.TestCase):
    def test_every_listed_feature_is_within_its_published_tolerance(self):
        row = quantify(*phantom(), "ct")[0]
        for key, (value, tolerance) in EXPECTED.items():
            with self.subTest(key):
                self.assertAlmostEqual(row[key], value, delta=tolerance)

    def test_the_hole_inside_counts_as_a_hollow(self):
        self.assertEqual(quantify(*phantom(), "ct")[0]["euler_number"], 2)

    def test_turning_the_grid_changes_nothing(self):
        volume, mask = phantom()
        turned = Volume(np.ascontiguousarray(volume.voxels.transpose(2, 0, 1)), volume.ijk_to_ras)
        labels = Segmentation(turned.with_voxels(mask.labels.transpose(2, 0, 1).copy()), mask.segments)
        row = quantify(turned, labels, "ct")[0]
        for key, (value, tolerance) in EXPECTED.items():
            with self.subTest(key):
                self.assertAlmostEqual(row[key], value, delta=tolerance)


if __name__ == "__main__":
    unittest.main()
