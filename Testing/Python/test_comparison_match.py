"""Deposits of one segmentation against those of another."""

import unittest

import numpy as np
from CalcinosisImagingLib.analysis.comparison.match import COLUMNS, comparison_rows, match
from CalcinosisImagingLib.analysis.errors import OperationCancelled
from CalcinosisImagingLib.analysis.segmentation import empty_like
from CalcinosisImagingLib.analysis.volume import transform_points
from comparison_shapes import ball, box, draw, grid


def rotation(axis, degrees):
    """Rotation matrix about the unit vector ``axis``."""
    x, y, z = np.asarray(axis, float) / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = np.radians(degrees)
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


class MatchTest(unittest.TestCase):
    def test_a_segmentation_agrees_perfectly_with_itself(self):
        a = draw(grid((60, 50, 40), (0.3, 0.4, 0.9)), [ball((0, 0, 0), 3), box((5, 5, 8), (1, 0.5, 2))])
        result = match(a, a)
        self.assertEqual([(one.a_ids, one.b_ids) for one in result.matches], [((1,), (1,)), ((2,), (2,))])
        for one in result.matches:
            self.assertAlmostEqual(one.dice, 1.0, 12)
            self.assertAlmostEqual(one.jaccard, 1.0, 12)
            self.assertAlmostEqual(one.hd95_mm, 0.0, 9)
            self.assertAlmostEqual(one.assd_mm, 0.0, 9)
            self.assertAlmostEqual(one.centroid_distance_mm, 0.0, 9)
            self.assertAlmostEqual(one.volume_overlap_mm3, one.volume_a_mm3, 9)

    def test_balls_out_of_place_on_other_grids_have_the_overlap_of_geometry(self):
        # volume of the lens that two balls of radius r share at distance d: π (2r − d)² (4r + d) / 12
        radius, apart = 4.0, 1.0
        expected = (2 * radius - apart) ** 2 * (4 * radius + apart) / (16 * radius**3)
        for name, other in {
            "isotropic": grid((40, 40, 40), 0.4, (0.13, -0.07, 0.02)),
            "thick slices": grid((50, 50, 12), (0.3, 0.3, 1.2), (0.1, 0.2, 0.3)),
            "rotated": grid((50, 50, 50), 0.35, rotation=rotation((1, 2, 3), 33)),
        }.items():
            with self.subTest(name):
                a = draw(grid((50, 50, 50), 0.3), [ball((0, 0, 0), radius)])
                b = draw(other, [ball((apart, 0, 0), radius)])
                one = match(a, b).matches[0]
                self.assertAlmostEqual(one.dice, expected, delta=0.015)
                self.assertAlmostEqual(one.jaccard, expected / (2 - expected), delta=0.02)
                self.assertAlmostEqual(one.centroid_distance_mm, apart, delta=0.03)
                self.assertAlmostEqual(one.volume_a_mm3, 4 / 3 * np.pi * radius**3, delta=2.5)

    def test_the_mapping_leads_from_a_to_b(self):
        turn = np.eye(4)
        turn[:3, :3] = rotation((0, 1, 1), 70)
        turn[:3, 3] = 30, -20, 50
        centre = transform_points(turn, np.array([4.0, 0.0, 0.0]))
        a = draw(grid((60, 40, 40), 0.3), [box((4, 0, 0), (3, 1.2, 1.2))])
        volume = grid((90, 90, 90), 0.3, rotation=turn[:3, :3], offset_mm=centre)
        b = draw(volume, [(centre, 4.0, lambda p: a_box(transform_points(np.linalg.inv(turn), p)))])
        self.assertEqual(match(a, b).matches, ())
        one = match(a, b, lambda points: transform_points(turn, points)).matches[0]
        self.assertGreater(one.dice, 0.95)
        self.assertLess(one.assd_mm, 0.05)
        self.assertLess(one.centroid_distance_mm, 0.15)

    def test_surfaces_turn_with_the_mapping(self):
        turn = rotation((0, 1, 1), 70)
        a = draw(grid((40, 40, 40), 0.3), [box((0, 0, 0), (3, 3, 3))])
        b = draw(grid((50, 50, 50), 0.3, rotation=turn), [(np.zeros(3), 7.0, lambda p: cube(p @ turn, 4))])
        one = match(a, b, lambda points: points @ turn.T).matches[0]
        self.assertAlmostEqual(one.assd_mm, 1.0, delta=0.07)

    def test_a_bent_mapping_is_followed_voxel_by_voxel(self):
        # S grows with R squared: a straight bar becomes an arch
        a = draw(grid((110, 20, 20), 0.3), [box((0, 0, 0), (15, 1, 1))])
        arch = (
            np.array([0.0, 0, 3]),
            17.0,
            lambda p: a_bar(np.stack([p[..., 0], p[..., 1], p[..., 2] - p[..., 0] ** 2 / 40], axis=-1)),
        )
        b = draw(grid((120, 20, 60), 0.3, (0, 0, 3)), [arch])
        self.assertLess(match(a, b).matches[0].dice, 0.6)
        bent = lambda p: np.column_stack([p[:, 0], p[:, 1], p[:, 2] + p[:, 0] ** 2 / 40])  # noqa: E731
        one = match(a, b, bent).matches[0]
        self.assertGreater(one.dice, 0.93)
        self.assertLess(one.assd_mm, 0.1)

    def test_a_mapping_that_enlarges_compares_enlarged_bodies(self):
        a = draw(grid((40, 40, 40), 0.3), [ball((0, 0, 0), 3)])
        b = draw(grid((60, 60, 60), 0.3), [ball((0, 0, 0), 4.5)])
        one = match(a, b, lambda points: points * 1.5).matches[0]
        self.assertGreater(one.dice, 0.95)
        self.assertAlmostEqual(one.volume_b_mm3 / one.volume_a_mm3, 1.5**3, delta=0.1)

    def test_one_body_in_three_fragments_is_one_match(self):
        a = draw(grid((80, 40, 40), 0.3), [box((0, 0, 0), (8, 1.5, 1.5)), ball((0, 4, 4), 1)])
        b = draw(grid((80, 40, 40), 0.3), [box((x, 0, 0), (1.5, 1.2, 1.2)) for x in (-6, 0, 6)])
        result = match(a, b)
        rows = comparison_rows(result)
        self.assertEqual([row.get("b_id") for row in rows], ["1;2;3", None])
        self.assertEqual([row["status"] for row in rows], ["matched", "missed"])
        volume_b = 3 * (b.labels == 1).sum() * 0.027
        self.assertAlmostEqual(result.matches[0].volume_b_mm3, volume_b, 6)
        self.assertAlmostEqual(result.matches[0].volume_overlap_mm3, volume_b, 6)
        back = comparison_rows(match(b, a))
        self.assertEqual([row.get("a_id") for row in back], ["1;2;3", None])

    def test_a_part_that_is_seen_half_displaced_is_still_the_stone(self):
        # four tenths of the small one lie in the stone, most of the stone is far from it
        a = draw(grid((60, 40, 40), 0.3), [ball((0, 0, 0), 5)])
        b = draw(grid((80, 40, 40), 0.3), [ball((5.1, 0, 0), 1.5)])
        one = match(a, b).matches[0]
        self.assertAlmostEqual(one.volume_overlap_mm3 / one.volume_b_mm3, 0.4, delta=0.05)

    def test_neighbours_are_not_merged_by_a_sliver_of_overlap(self):
        a = draw(grid((80, 40, 40), 0.3), [ball((-3.4, 0, 0), 3), ball((3.4, 0, 0), 3)])
        b = draw(grid((80, 40, 40), 0.3), [ball((-2.6, 0, 0), 3), ball((4.2, 0, 0), 3)])
        pairs = [(one.a_ids, one.b_ids) for one in match(a, b, lambda p: p + np.array([1.0, 0, 0])).matches]
        self.assertEqual(pairs, [((1,), (1,)), ((2,), (2,))])

    def test_a_near_miss_is_a_match_and_a_far_one_is_not(self):
        a = draw(grid((60, 40, 40), 0.3), [box((0, 0, 0), (0.3, 3, 3))])
        for shift, matched in ((1.5, True), (3.5, False)):
            with self.subTest(shift=shift):
                b = draw(grid((60, 40, 40), 0.3), [box((shift, 0, 0), (0.3, 3, 3))])
                result = match(a, b)
                self.assertEqual(len(result.matches), int(matched))
                if matched:
                    self.assertEqual(result.matches[0].dice, 0.0)
                    self.assertAlmostEqual(result.matches[0].hd95_mm, 1.5, delta=0.1)
                else:
                    self.assertEqual([label for label, _ in result.missed + result.extra], [1, 1])
        close = draw(grid((60, 40, 40), 0.3), [box((1.5, 0, 0), (0.3, 3, 3))])
        self.assertEqual(match(a, close, tolerance_mm=0.5).matches, ())

    def test_a_speck_beside_a_stone_is_not_the_stone(self):
        a = draw(grid((60, 40, 40), 0.3), [ball((0, 0, 0), 4)])
        b = draw(grid((60, 40, 40), 0.3), [ball((5.3, 0, 0), 0.8)])
        self.assertEqual(match(a, b).matches, ())

    def test_labels_keep_their_numbers_and_order_of_input_does_not_matter(self):
        a = draw(grid((60, 40, 40), 0.3), [ball((-5, 0, 0), 2), ball((5, 0, 0), 1.5)])
        swapped = a.volume.with_voxels(np.array([0, 700, 3], np.uint16)[a.labels])
        b = type(a)(swapped, ())
        pairs = [(one.a_ids, one.b_ids) for one in match(a, b).matches]
        self.assertEqual(pairs, [((1,), (700,)), ((2,), (3,))])

    def test_nothing_to_compare_gives_missed_and_extra_only(self):
        a = draw(grid((30, 30, 30), 0.3), [ball((0, 0, 0), 2)])
        none = empty_like(a.volume)
        self.assertEqual(comparison_rows(match(none, none)), [])
        self.assertEqual([row["status"] for row in comparison_rows(match(a, none))], ["missed"])
        self.assertEqual([row["status"] for row in comparison_rows(match(none, a))], ["extra"])

    def test_films_are_compared_in_their_plane(self):
        a = draw(grid((100, 100, 1), (0.15, 0.15, 1)), [ball((0, 0, 0), 3)])
        b = draw(grid((100, 100, 1), (0.15, 0.15, 1)), [ball((0, 0, 0), 4)])
        one = match(a, b).matches[0]
        self.assertAlmostEqual(one.dice, 2 * 9 / (9 + 16), delta=0.01)
        self.assertAlmostEqual(one.assd_mm, 1.0, delta=0.03)
        self.assertAlmostEqual(one.hd95_mm, 1.0, delta=0.06)

    def test_one_voxel_is_enough(self):
        a = draw(grid((11, 11, 11), 0.5), [ball((0, 0, 0), 0.3)])
        self.assertEqual(np.count_nonzero(a.labels), 1)
        one = match(a, a).matches[0]
        self.assertEqual((one.dice, one.hd95_mm), (1.0, 0.0))

    def test_rows_have_the_columns_of_the_table_and_two_runs_the_same_values(self):
        a = draw(grid((60, 60, 60), 0.3), [ball((0, 0, 0), 3), ball((6, 6, 6), 1)])
        b = draw(grid((50, 50, 50), 0.37), [ball((0.4, 0, 0), 3), ball((-6, 6, 6), 1)])
        first, second = comparison_rows(match(a, b)), comparison_rows(match(a, b))
        self.assertEqual(first, second)
        self.assertEqual(tuple(first[0]), COLUMNS)
        self.assertEqual([row["status"] for row in first], ["matched", "missed", "extra"])

    def test_a_mapping_to_nowhere_is_refused(self):
        a = draw(grid((20, 20, 20), 0.3), [ball((0, 0, 0), 2)])
        with self.assertRaises(ValueError):
            match(a, a, lambda points: points * np.nan)

    def test_it_can_be_stopped(self):
        a = draw(grid((20, 20, 20), 0.3), [ball((0, 0, 0), 2)])
        with self.assertRaises(OperationCancelled):
            match(a, a, progress=lambda fraction, message: False)


def a_box(points):
    """Inside the box of the test of directions."""
    return (np.abs(points - np.array([4, 0, 0])) <= (3, 1.2, 1.2)).all(axis=-1)


def cube(points, half):
    """Inside a cube at the origin."""
    return (np.abs(points) <= half).all(axis=-1)


def a_bar(points):
    """Inside the bar of the test of bending."""
    return (np.abs(points) <= (15, 1, 1)).all(axis=-1)


if __name__ == "__main__":
    unittest.main()
