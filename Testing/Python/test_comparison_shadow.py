"""The shadow of voxel bodies on a film."""

import unittest

import numpy as np
from CalcinosisImagingLib.analysis.comparison.bodies import find_bodies
from CalcinosisImagingLib.analysis.comparison.shadow import FINER, cast_shadow
from CalcinosisImagingLib.analysis.comparison.skin import skin_of
from CalcinosisImagingLib.analysis.view import View
from comparison_shapes import ball, box, draw, grid

POSE = np.array([[1.0, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 970], [0, 0, 0, 1]])
"""Anterior is towards the detector, 970 mm from the source."""


def view(spacing=0.15, size=400):
    return View("pa", size, size, (spacing, spacing), 1000.0, ((size - 1) / 2, (size - 1) / 2), ct_to_view=POSE)


def shadow(segmentation, one):
    bodies = find_bodies(segmentation)
    return cast_shadow(bodies.ijk(0), bodies.volume, one.project)


class ShadowTest(unittest.TestCase):
    def test_a_box_casts_the_rectangle_of_its_near_face(self):
        # the face nearer to the source is enlarged most: at A = -1, 969 mm from it
        one = view()
        found = shadow(draw(grid((60, 60, 60), 0.2, (0.1, 0.1, 0.1)), [box((0, 0, 0), (3, 1, 2))]), one)
        expected = 6 * 4 * (1000 / 969) ** 2 / 0.15**2
        self.assertAlmostEqual(found.area_px() / expected, 1.0, delta=0.02)
        size = np.ptp(found.positions_px(), axis=0) + 1 / FINER
        np.testing.assert_allclose(size, np.array([6, 4]) * 1000 / 969 / 0.15, atol=0.8)

    def test_balls_have_the_area_of_a_disc_times_magnification_squared(self):
        rng = np.random.default_rng(3)
        for radius, voxel, tolerance in ((5.0, 0.3, 0.01), (2.0, 0.3, 0.02), (1.0, 0.2, 0.03), (3.0, 0.6, 0.02)):
            for turned in (False, True):
                with self.subTest(radius=radius, voxel=voxel, turned=turned):
                    areas = []
                    for _ in range(8):
                        turn = np.linalg.qr(rng.normal(size=(3, 3)))[0] if turned else None
                        volume = grid((40, 40, 40), voxel, rng.random(3) * voxel, turn)
                        areas.append(shadow(draw(volume, [ball((0, 0, 0), radius)]), view()).area_px() * 0.15**2)
                    expected = np.pi * radius**2 * (1000 / 970) ** 2
                    self.assertAlmostEqual(np.mean(areas) / expected, 1.0, delta=tolerance)

    def test_coarse_voxels_leave_no_holes(self):
        # 2 mm voxels on 0.1 mm pixels
        found = shadow(draw(grid((10, 10, 10), 2.0), [ball((0, 0, 0), 6)]), view(0.1, 300))
        raster = np.zeros((2000, 2000), bool)
        raster[tuple((found.points - found.points.min(axis=0)).T)] = True
        rows = raster[raster.any(axis=1)]
        filled = rows.shape[1] - rows.argmax(axis=1) - rows[:, ::-1].argmax(axis=1)
        np.testing.assert_array_equal(rows.sum(axis=1), filled)

    def test_a_shadow_may_leave_the_film(self):
        inside = shadow(draw(grid((60, 60, 60), 0.3), [ball((0, 0, 0), 3)]), view())
        outside = shadow(draw(grid((60, 60, 60), 0.3, (100, 0, 0)), [ball((100, 0, 0), 3)]), view())
        # aside of the axis the shadow is a slightly stretched ellipse
        self.assertAlmostEqual(outside.area_px() / inside.area_px(), 1.0, delta=0.02)
        self.assertGreater(outside.pixels()[:, 0].min(), 400)

    def test_the_skin_is_closed_and_holds_the_volume_of_the_voxels(self):
        mirrored = np.diag([-1.0, 1.0, 1.0])
        for name, volume, body in (
            ("ball", grid((40, 40, 40), 0.3), ball((0, 0, 0), 3)),
            ("one voxel", grid((11, 11, 11), 0.5), ball((0, 0, 0), 0.3)),
            ("plate", grid((40, 40, 40), (0.3, 0.3, 0.6), rotation=mirrored), box((0, 0, 0), (4, 4, 0.4))),
        ):
            with self.subTest(name):
                bodies = find_bodies(draw(volume, [body]))
                corners, triangles = skin_of(bodies.ijk(0), volume)
                first, second, third = (corners[triangles[:, n]] for n in range(3))
                held = (first * np.cross(second, third)).sum() / 6
                self.assertAlmostEqual(held / bodies.sizes_mm3[0], 1.0, delta=0.005)
                sides = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
                there = {tuple(side) for side in sides.tolist()}
                self.assertEqual(there, {(b, a) for a, b in there})

    def test_pixels_and_positions_tell_the_same_place(self):
        found = shadow(draw(grid((20, 20, 20), 0.3, (5, 0, 5)), [ball((5, 0, 5), 2)]), view())
        np.testing.assert_array_equal(np.rint(found.positions_px()).astype(int), found.pixels())
        np.testing.assert_allclose(found.positions_px().mean(axis=0), view().project(np.array([5, 0, 5.0])), atol=0.1)


if __name__ == "__main__":
    unittest.main()
