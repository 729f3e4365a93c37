"""CT: calcified arteries are rejected whole, bent and in pieces, and deposits beside them are kept."""

import unittest

import numpy as np
from CalcinosisImagingLib.analysis.ct import reject
from CalcinosisImagingLib.analysis.ct.segment import segment_ct
from CalcinosisImagingLib.analysis.ct.vessels import find_vessels, is_cord, measure
from CalcinosisImagingLib.analysis.segmentation import REASON_TAG
from scipy.spatial import cKDTree
from test_ct_deposits import a_scan, ball

SPACING = np.full(3, 0.5)


def voxels(inside, size_mm=32.0):
    """Voxel centres (N, 3) mm of a body given by ``inside``."""
    points = np.indices((int(size_mm / 0.5),) * 3).reshape(3, -1).T * 0.5
    return points[inside(points)]


def rod(start, end, radius):
    """A cylinder between two points."""
    start, end = np.array(start, float), np.array(end, float)
    length = np.linalg.norm(end - start)
    ahead = (end - start) / length

    def inside(p):
        along = (p - start) @ ahead
        away = np.linalg.norm(p - start - along[:, None] * ahead, axis=1)
        return (away < radius) & (along > 0) & (along < length)

    return inside


def tube(start, end, radius, wall=0.5):
    """The wall of a cylinder."""
    outer, inner = rod(start, end, radius), rod(start, end, radius - wall)
    return lambda p: outer(p) & ~inner(p)


def bend(p):
    """Three quarters of a right angle of a cord 2 mm thick, about a circle of 15 mm."""
    q = p - [10.0, 5.0, 20.0]
    angle = np.arctan2(q[:, 1], q[:, 0])
    return (np.hypot(np.hypot(q[:, 0], q[:, 1]) - 15.0, q[:, 2]) < 1.0) & (angle > 0.1) & (angle < 1.3)


class MeasureTest(unittest.TestCase):
    def test_length_and_width_of_a_rod_that_lies_askew(self):
        found = measure(voxels(rod((10, 10, 10), (20, 16, 13), 1.2)), SPACING)
        self.assertAlmostEqual(found.length_mm, np.sqrt(145.0), delta=0.9)
        self.assertAlmostEqual(found.width_mm, 2.4, delta=0.3)

    def test_a_bent_cord_is_as_long_as_its_arc_and_no_wider_than_it_is_thick(self):
        found = measure(voxels(bend), SPACING)
        self.assertAlmostEqual(found.length_mm, 15.0 * 1.2, delta=1.0)
        self.assertAlmostEqual(found.width_mm, 2.0, delta=0.5)
        self.assertTrue(is_cord(found.length_mm, found.width_mm))

    def test_balls_plates_and_single_voxels_are_no_cords(self):
        plate = voxels(lambda p: (np.abs(p - 20.0) < [4.5, 3.0, 0.6]).all(axis=1))
        for points in (voxels(ball(np.full(3, 20.0), 2.0)), plate, np.full((1, 3), 5.0)):
            found = measure(points, SPACING)
            self.assertFalse(found.is_long)
            self.assertTrue(np.isfinite(found.ends).all())

    def test_two_or_three_grains_in_a_row_point_nowhere_and_four_or_two_rods_do(self):
        def row(count):
            return lambda p: np.any([ball(np.array([20, 20, 5 + 3.5 * n]), 0.75)(p) for n in range(count)], axis=0)

        def rods(p):
            return rod((20, 20, 5), (20, 20, 9), 0.75)(p) | rod((20, 20, 11), (20, 20, 15), 0.75)(p)

        for body, parts, is_long in ((row(2), 2, False), (row(3), 3, False), (row(4), 4, True), (rods, 2, True)):
            found = measure(voxels(body), SPACING)
            with self.subTest(parts=parts, is_long=is_long):
                self.assertEqual(found.parts, parts)
                self.assertEqual(found.is_long, is_long)
                self.assertAlmostEqual(found.run_mm, 4.0 if body is rods else 1.5, delta=0.6)


class InLineTest(unittest.TestCase):
    def found(self, *bodies):
        return find_vessels({n: measure(voxels(b), SPACING) for n, b in enumerate(bodies, start=1)})

    def test_short_pieces_in_line_are_a_vessel_and_one_alone_is_none(self):
        first, second = rod((20, 20, 5), (20, 20, 12), 1.1), rod((20, 20.5, 16), (20, 22, 23), 1.1)
        self.assertEqual(self.found(first, second), {1, 2})
        self.assertEqual(self.found(first), set())

    def test_pieces_side_by_side_or_askew_or_far_apart_are_none(self):
        first = rod((20, 20, 5), (20, 20, 12), 1.1)
        for other in (
            rod((20, 25, 5), (20, 25, 12), 1.1),
            rod((20, 21, 15), (20, 27, 18), 1.1),
            rod((20, 20, 27), (20, 20, 34), 1.1),
            rod((20, 20, 16), (20, 20, 38), 2.2),
        ):
            self.assertNotIn(1, self.found(first, other))

    def test_a_crumb_that_a_vessel_points_at_goes_with_it_and_one_beside_it_does_not(self):
        vessel = rod((20, 20, 4), (20, 20, 24), 1.1)
        crumbs = [ball(np.array(c, float), 1.0) for c in ((20, 20.3, 27), (20, 20.5, 31), (20, 24, 26), (20, 23.5, 14))]
        self.assertEqual(self.found(vessel, *crumbs), {1, 2, 3})

    def test_a_stone_wider_than_the_vessel_that_points_at_it_stays(self):
        vessel, stone = rod((20, 20, 4), (20, 20, 24), 1.1), ball(np.array([20.0, 20, 27.5]), 1.9)
        self.assertEqual(self.found(vessel, stone), {1})


class InAScanTest(unittest.TestCase):
    """An artery in pieces of 3 to 6 mm; grains, a plate and a stone, as near to it as fragments of one deposit are."""

    @classmethod
    def setUpClass(cls):
        pieces = [tube((low, 12, 9), (high, 12, 9), 1.1) for low, high in ((3, 8), (10.8, 14), (16.5, 22.5), (25, 28))]
        grains = [(13, 15.7, 9), (13, 17.4, 9.6), (14.7, 16.4, 10), (14, 15.8, 11.4), (15.8, 16.1, 11.2)]
        parts = {
            "artery": (lambda p: np.any([piece(p) for piece in pieces], axis=0), 800.0),
            "grains": (lambda p: np.any([ball(np.array(g), 0.65)(p) for g in grains], axis=0), 1300.0),
            "plate": (lambda p: (np.abs(p - [23.8, 12, 12.6]) < [3.2, 2.6, 0.6]).all(axis=1), 1000.0),
            "stone": (ball(np.array([6.0, 12.0, 9.0 + 1.1 + 1.7 + 1.6]), 1.6), 900.0),
        }
        volume, fractions = a_scan(list(parts.values()), (78, 56, 48), noise=25)
        cls.inside = {name: fraction >= 0.5 for name, fraction in zip(parts, fractions, strict=True)}
        cls.result = segment_ct(volume)

    def test_all_pieces_of_the_artery_are_rejected_as_a_vessel(self):
        inside = self.inside["artery"]
        self.assertEqual(int(self.result.deposits.labels[inside].max()), 0)
        labels = np.unique(self.result.rejected.labels[inside])
        reasons = {self.result.rejected.segments[n - 1].tags[REASON_TAG] for n in labels[labels > 0]}
        self.assertEqual(reasons, {reject.VESSEL})
        self.assertGreater((self.result.rejected.labels[inside] > 0).mean(), 0.7)

    def test_grains_a_plate_and_a_stone_beside_it_are_deposits_each(self):
        found = set()
        for name in ("grains", "plate", "stone"):
            labels = self.result.deposits.labels[self.inside[name]]
            with self.subTest(name=name):
                self.assertGreater((labels > 0).mean(), 0.7)
            found.add(int(np.bincount(labels, minlength=2)[1:].argmax()) + 1)
        self.assertEqual(len(found), 3)
        self.assertEqual(len(self.result.deposits.segments), 3)


class CrowdTest(unittest.TestCase):
    """Balls of 1.4 mm at random places 2.5 mm and more from each other."""

    def test_balls_at_random_places_are_deposits_each_and_no_vessels(self):
        rng = np.random.default_rng(4)
        centres: list[np.ndarray] = []
        for place in rng.uniform([5.0, 6.0, 6.0], [21.0, 20.0, 20.0], (3000, 3)):
            if not centres or np.linalg.norm(np.array(centres) - place, axis=1).min() > 3.9:
                centres.append(place)
        tree = cKDTree(centres)
        volume, _ = a_scan([(lambda p: tree.query(p, distance_upper_bound=0.7)[0] < 0.7, 900.0)], noise=20)
        found = segment_ct(volume)
        self.assertGreater(len(centres), 40)
        self.assertEqual(len(found.deposits.segments), len(centres))
        numbers = {int(found.deposits.labels[tuple(np.round(c / 0.4).astype(int))]) for c in centres}
        self.assertEqual(len(numbers - {0}), len(centres))


if __name__ == "__main__":
    unittest.main()
