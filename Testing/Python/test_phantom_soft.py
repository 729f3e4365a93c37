"""Soft tissue of the digital hand: what fills joints, the web of the thumb, lobules of fat; and its shadow on film."""

import unittest
from dataclasses import replace

import numpy as np
from CalcinosisImagingLib.analysis.volume import transform_points
from CalcinosisImagingLib.phantom.film import film_attenuation, film_placement, line_integrals
from CalcinosisImagingLib.phantom.lattice import Grid, fraction
from CalcinosisImagingLib.phantom.mr import signals
from CalcinosisImagingLib.phantom.paint import paint
from CalcinosisImagingLib.phantom.paint_soft import mottle, paint_soft, skin_distance
from CalcinosisImagingLib.phantom.person import draw_hand, stream
from CalcinosisImagingLib.phantom.pose import draw_angles
from CalcinosisImagingLib.phantom.presets import PRESETS, FilmProtocol
from scipy import ndimage

GAIN = 1.35


def grid_about(points, spacing, margin):
    """Voxels that hold the points (N, 3)."""
    low, high = points.min(axis=0) - margin, points.max(axis=0) + margin
    matrix = np.diag([spacing] * 3 + [1.0])
    matrix[:3, 3] = low
    return Grid(tuple(int(n) for n in np.ceil((high - low) / spacing)), matrix)


def value_at(image, grid, point):
    """The image's value at a point of the world."""
    i, j, k = transform_points(np.linalg.inv(grid.ijk_to_world), point)
    return float(ndimage.map_coordinates(image, [[k], [j], [i]], order=1)[0])


class JointTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hand = replace(draw_hand(0, "sub-01", PRESETS["tiny"]), deposits=(), distractors=())
        angles = draw_angles(stream(0, "joint"), "ct")
        cls.posed = cls.hand.held(angles, np.eye(4), np.zeros((0, 3)))
        head = cls.hand.skeleton.bones["proximal-3"].shape
        to_world = cls.posed.bone_to_world("proximal-3")
        cls.gap = transform_points(to_world, np.array([1.5, head.length_mm + 0.4, 0.0]))
        cls.side = transform_points(to_world, np.array([head.sections[-2][1] + 0.9, head.length_mm - 0.5, 0.0]))
        cls.shaft = transform_points(to_world, np.array([head.sections[2][1] + 2.0, 0.5 * head.length_mm, 0.0]))
        cls.grid = grid_about(np.array([cls.gap, cls.side, cls.shaft]), 0.1, 2.0)

    def soft(self, values):
        """Soft tissue alone about the joint."""
        width = float(self.grid.spacing_mm[0])
        return paint_soft(self.posed, self.grid, values, lambda d: fraction(d, width))

    def test_a_joint_holds_cartilage_and_fluid_and_has_ligaments_at_its_sides(self):
        hu = self.hand.materials.hu
        image = self.soft(hu)
        self.assertGreater(value_at(image, self.grid, self.gap), hu["synovia"] - 1.0)
        self.assertAlmostEqual(value_at(image, self.grid, self.side), hu["ligament"], delta=8.0)
        self.assertAlmostEqual(value_at(image, self.grid, self.shaft), hu["fat"], delta=8.0)

    def test_fluid_is_the_brightest_thing_between_the_bones_in_fat_saturated_t2(self):
        values = signals("t2fs")
        image = self.soft(values)
        i, j, k = np.rint(transform_points(np.linalg.inv(self.grid.ijk_to_world), self.gap)).astype(int)
        near = image[k - 8 : k + 9, j - 8 : j + 9, i - 8 : i + 9]
        self.assertGreater(near.max(), 0.9 * values["synovia"])
        self.assertGreater(values["synovia"], 3.0 * values["cartilage"])
        self.assertLess(values["ligament"], 0.3 * values["muscle"])

    def test_fat_has_septa_that_are_thin_and_hang_together(self):
        values = {"fat": 1000.0, "muscle": 300.0, "air": 0.0}
        image = np.full((50, 60, 60), 1000.0, np.float32)
        mottle(image, np.random.default_rng(0), values, 0.4)
        septa = ndimage.median_filter(image, 9) - image > 120.0
        self.assertGreater(septa.mean(), 0.02)
        self.assertLess(septa.mean(), 0.25)
        labels, _ = ndimage.label(septa, np.ones((3, 3, 3)))
        self.assertGreater(np.bincount(labels[septa]).max() / septa.sum(), 0.5)

    def test_the_web_of_the_thumb_is_filled_in_every_posture(self):
        bones = self.hand.skeleton.bones
        for held in ("ct", "mr", "film"):
            with self.subTest(held):
                posed = self.hand.held(draw_angles(stream(1, held), held), np.eye(4), np.zeros((0, 3)))
                ends = [
                    transform_points(posed.bone_to_world(n), np.array([0.0, share * bones[n].shape.length_mm, 0.0]))
                    for n, share in (("metacarpal-1", 0.6), ("metacarpal-2", 0.55))
                ]
                middle = np.mean(ends, axis=0)
                self.assertLess(float(skin_distance(posed, grid_about(middle[None], 0.5, 1.0)).max()), -1.0)


class FilmTest(unittest.TestCase):
    def test_line_integrals_are_those_through_a_fine_ct_in_the_same_pose(self):
        hand = draw_hand(2, "sub-01", PRESETS["easy"])
        rng = stream(0, "film")
        protocol = FilmProtocol(pixel_mm=0.15, calcium_gain=GAIN)
        posed, view = film_placement(
            hand.held(draw_angles(rng, "film"), np.eye(4), np.zeros((len(hand.deposits), 3))), protocol, rng, "pa"
        )
        corners = np.array(np.meshgrid(*zip(*hand.skeleton.bones["distal-4"].shape.bounds, strict=True))).reshape(3, -1)
        corners = transform_points(posed.bone_to_world("distal-4"), corners.T)
        low, high = np.sort([view.project(c, np.eye(4)) for c in corners], axis=0)[[0, -1]]
        (u0, v0), (u1, v1) = np.ceil(low).astype(int), np.floor(high).astype(int)
        part = replace(
            view,
            rows=int(v1 - v0),
            columns=int(u1 - u0),
            principal_point_px=(view.principal_point_px[0] - u0, view.principal_point_px[1] - v0),
        )
        film, _ = line_integrals(posed, part, GAIN)
        fine = self.through_ct(hand, posed, part, corners)
        body = fine > 0.1
        relative = film[body] / fine[body] - 1.0
        error = np.abs(relative)
        self.assertGreater(int(body.sum()), 2000)
        self.assertLess(abs(float(relative.mean())), 0.001)
        self.assertLess(float(np.median(error)), 0.002)
        self.assertLess(float(np.percentile(error, 90)), 0.015)

    def through_ct(self, hand, posed, view, corners):
        """Sums along rays through a painted CT of 0.2 mm, four rays a pixel."""
        grid = grid_about(corners, 0.2, np.array([5.0, 5.0, 14.0]))
        mu = {name: film_attenuation(hu, GAIN) for name, hu in hand.materials.hu.items()}
        contents = [
            tuple(film_attenuation(hu, GAIN) for hu in (d.content.dense_hu, d.content.light_hu)) for d in hand.deposits
        ]
        ct = paint(posed, grid, mu, contents, hand.distractors).values
        depth = grid.ijk_to_world[2, 3] + 0.1 * np.arange(2 * grid.size[2])
        (su, sv), (cu, cv) = view.pixel_spacing_mm, view.principal_point_px
        total = np.zeros((view.rows, view.columns))
        for du in (-0.25, 0.25):
            for dv in (-0.25, 0.25):
                slope_u = (np.arange(view.columns) + du - cu)[None, :] * su / view.source_detector_mm
                slope_v = (np.arange(view.rows) + dv - cv)[:, None] * sv / view.source_detector_mm
                for z in depth:
                    i = (slope_u * z - grid.ijk_to_world[0, 3]) / 0.2
                    j = (slope_v * z - grid.ijk_to_world[1, 3]) / 0.2
                    k = np.full(total.shape, (z - grid.ijk_to_world[2, 3]) / 0.2)
                    i, j = np.broadcast_arrays(i, j)
                    ray = ndimage.map_coordinates(ct, [k, j, i], order=1, output=np.float32)
                    total += 0.025 * ray * np.sqrt(1.0 + slope_u**2 + slope_v**2)
        return total


if __name__ == "__main__":
    unittest.main()
