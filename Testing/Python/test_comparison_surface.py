"""Surfaces of voxel bodies and the distances between them."""

import unittest

import numpy as np
from CalcinosisImagingLib.analysis.comparison.bodies import find_bodies
from CalcinosisImagingLib.analysis.comparison.surface import distances_mm, surface_distances, surface_of
from comparison_shapes import ball, box, draw, grid


def surface(segmentation):
    """Surface of the first body."""
    bodies = find_bodies(segmentation)
    return surface_of(bodies.ijk(0), bodies.volume, bodies.planar)


class SurfaceTest(unittest.TestCase):
    def test_concentric_balls_are_as_far_apart_as_their_radii(self):
        rng = np.random.default_rng(2)
        for radius_a, radius_b in ((4.0, 4.0), (4.0, 5.0), (2.0, 2.5)):
            with self.subTest(radii=(radius_a, radius_b)):
                found = []
                for _ in range(3):
                    a = draw(grid((40, 40, 40), 0.3, rng.random(3) * 0.3), [ball((0, 0, 0), radius_a)])
                    b = draw(grid((40, 40, 40), 0.4, rng.random(3) * 0.4), [ball((0, 0, 0), radius_b)])
                    found.append(surface_distances(surface(a), surface(b)))
                assd, hd95 = np.mean(found, axis=0)
                self.assertAlmostEqual(assd, radius_b - radius_a, delta=0.05)
                self.assertAlmostEqual(hd95, radius_b - radius_a, delta=0.12)

    def test_anisotropic_voxels_are_measured_in_millimetres(self):
        # slices of 3 mm: a box moved by one slice is 3 mm out, moved by one column 0.3 mm
        shape = grid((60, 60, 16), (0.3, 0.3, 3.0))
        a = draw(shape, [box((0, 0, 0), (5, 5, 9))])
        for shift, expected in (((0, 0, 3), 3.0), ((0.3, 0, 0), 0.3)):
            with self.subTest(shift=shift):
                b = draw(grid((60, 60, 16), (0.3, 0.3, 3.0)), [box(shift, (5, 5, 9))])
                _, hd95 = surface_distances(surface(a), surface(b))
                self.assertAlmostEqual(hd95, expected, delta=0.02 * expected + 0.01)

    def test_area_weights_sum_to_the_area(self):
        for name, shape, body, area in (
            ("ball", grid((50, 50, 50), 0.3), ball((0.1, 0, 0), 5), 4 * np.pi * 25),
            ("box", grid((50, 50, 50), 0.3), box((0, 0, 0), (4.5, 3, 1.5)), 8 * (13.5 + 6.75 + 4.5)),
        ):
            with self.subTest(name):
                found = surface(draw(shape, [body])).areas_mm2.sum()
                self.assertAlmostEqual(found / area, 1.0, delta=0.05)

    def test_a_plate_keeps_its_thickness(self):
        one = surface(draw(grid((50, 50, 20), 0.3), [box((0, 0, 0), (6, 6, 0.4))]))
        middle = np.abs(one.points_ras[:, :2]).max(axis=1) < 4
        self.assertAlmostEqual(2 * np.abs(one.points_ras[middle, 2]).mean(), 0.6, delta=0.02)

    def test_normals_point_outwards(self):
        one = surface(draw(grid((40, 40, 40), (0.3, 0.3, 0.5)), [ball((0, 0, 0), 4)]))
        outwards = one.points_ras / np.linalg.norm(one.points_ras, axis=1, keepdims=True)
        self.assertGreater((one.normals * outwards).sum(axis=1).min(), 0.8)

    def test_the_distance_to_a_flat_face_does_not_depend_on_where_the_point_is(self):
        one = surface(draw(grid((40, 40, 20), 0.5), [box((0, 0, 0), (8, 8, 2))]))
        points = np.column_stack([np.linspace(-5, 5, 101), np.linspace(-3, 4, 101), np.full(101, 4.25)])
        np.testing.assert_allclose(distances_mm(points, one), 2.25, atol=0.02)


if __name__ == "__main__":
    unittest.main()
