"""Continuous shapes: volumes in closed form, thickness, and the shares of voxels that sum to them."""

import unittest

import numpy as np
from CalcinosisImagingLib.phantom.deposit_kinds import draw_shape
from CalcinosisImagingLib.phantom.deposit_shapes import Grains, Plate, Stone, Threads, measure
from CalcinosisImagingLib.phantom.lattice import Grid, distance_in, supersampling, voxel_share
from CalcinosisImagingLib.phantom.shapes import Ellipsoid


def shares_sum(shape, spacing, thickness):
    """Volume of a shape by summing sub-sampled voxel shares on a grid that is off centre."""
    low, high = shape.bounds
    size = np.ceil((high - low) / spacing).astype(int) + 6
    matrix = np.diag([spacing] * 3 + [1.0])
    matrix[:3, 3] = low - 2.6 * spacing
    grid = Grid(tuple(size.tolist()), matrix)
    box = tuple(slice(0, n) for n in grid.shape)
    times = supersampling(grid, box, thickness)
    fine = grid.finer(box, times)
    whole = tuple(slice(0, n) for n in fine.shape)
    d = distance_in(fine, shape, np.eye(4), whole)
    return float(voxel_share(d, spacing / times, times).sum(dtype=np.float64)) * spacing**3


class ShapesTest(unittest.TestCase):
    def test_measured_volume_of_an_ellipsoid_is_the_closed_form(self):
        shape = Ellipsoid((2.0, 3.0, 1.5))
        found = measure(shape)
        self.assertAlmostEqual(found.volume_mm3 / (4 / 3 * np.pi * 9.0), 1.0, delta=0.001)
        np.testing.assert_allclose(found.centroid, 0.0, atol=0.01)

    def test_a_stone_without_waves_is_an_ellipsoid(self):
        stone = Stone((1.0, 2.0, 3.0), np.zeros((1, 5)))
        self.assertAlmostEqual(stone.volume_mm3, 4 / 3 * np.pi * 6.0, delta=0.01)

    def test_a_lobulated_stone_measures_its_closed_form(self):
        drawn = draw_shape(np.random.default_rng(4), "stone", 120.0)
        self.assertAlmostEqual(drawn.shape.volume_mm3, 120.0, delta=0.05)
        self.assertAlmostEqual(measure(drawn.shape).volume_mm3 / 120.0, 1.0, delta=0.002)

    def test_one_thread_measures_a_capsule(self):
        net = Threads(np.array([[0.0, 0, 0]]), np.array([[0.0, 5.0, 0]]), 0.4)
        truth = np.pi * 0.16 * 5.0 + 4 / 3 * np.pi * 0.064
        self.assertAlmostEqual(measure(net).volume_mm3 / truth, 1.0, delta=0.002)

    def test_a_flat_plate_measures_its_area_times_its_thickness(self):
        plate = Plate(4.0, 6.0, 0.8, 500.0)
        self.assertAlmostEqual(measure(plate).volume_mm3 / (np.pi * 24.0 * 0.8), 1.0, delta=0.02)

    def test_a_union_in_blocks_equals_the_union_point_by_point(self):
        grains = Grains(np.array([[0.0, 0, 0], [2.5, 0, 0], [0, 3.0, 1.0]]), np.array([1.0, 0.8, 0.6]))
        axis = np.linspace(-2.0, 4.0, 40, dtype=np.float32)
        x, y, z = (np.ascontiguousarray(a) for a in np.meshgrid(axis, axis, axis, indexing="ij"))
        blocks = grains.distance(x, y, z)
        points = grains.distance(x.ravel(), y.ravel(), z.ravel()).reshape(x.shape)
        near = points < 1.0
        np.testing.assert_allclose(blocks[near], points[near], atol=1e-5)
        self.assertTrue((blocks[~near] >= 1.0).all())

    def test_every_kind_has_the_volume_asked_for(self):
        for kind, tolerance in (("stone", 0.002), ("plate", 0.01), ("net", 0.35), ("stippled", 0.35)):
            with self.subTest(kind):
                drawn = draw_shape(np.random.default_rng(7), kind, 40.0)
                self.assertAlmostEqual(drawn.solid.volume_mm3 / 40.0, 1.0, delta=tolerance)

    def test_voxel_shares_sum_to_the_volume_within_a_fifth_of_a_percent(self):
        for kind in ("stone", "plate", "net", "stippled"):
            drawn = draw_shape(np.random.default_rng(11), kind, 30.0)
            for spacing in (0.3, 0.6, 1.0):
                with self.subTest(kind, spacing=spacing):
                    total = shares_sum(drawn.shape, spacing, drawn.thickness_mm)
                    self.assertAlmostEqual(total / drawn.solid.volume_mm3, 1.0, delta=0.002)


if __name__ == "__main__":
    unittest.main()
