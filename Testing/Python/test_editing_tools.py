"""Editing on arrays: candidates, growing, refining and cutting of bodies whose truth is known."""

import unittest

import numpy as np
from CalcinosisImagingLib.analysis.editing import box as boxes
from CalcinosisImagingLib.analysis.editing.candidates import Choice, choose, prepare
from CalcinosisImagingLib.analysis.editing.contrast import Contrast, contrast_of, guess_modality, noise_of
from CalcinosisImagingLib.analysis.editing.cutting import cut
from CalcinosisImagingLib.analysis.editing.island import island_at, nearest_true
from CalcinosisImagingLib.analysis.editing.regrow import grow_from, refine
from CalcinosisImagingLib.analysis.editing.stroke import Stroke
from CalcinosisImagingLib.analysis.errors import CalcinosisError
from scipy import ndimage

SPACING = np.array([0.4, 0.3, 0.3])
SHAPE = (60, 60, 60)
K, J, I = np.indices(SHAPE) * SPACING[:, None, None, None]  # noqa: E741


def ball(center, radius):
    """Part of each voxel in a ball; centre (k, j, i) in mm."""
    distance = np.sqrt((K - center[0]) ** 2 + (J - center[1]) ** 2 + (I - center[2]) ** 2)
    return np.clip((radius - distance) / 0.33 + 0.5, 0, 1)


def tube(center, outer, inner):
    """A hollow bone along k."""
    distance = np.sqrt((J - center[0]) ** 2 + (I - center[1]) ** 2)
    solid, marrow = np.clip((outer - distance) / 0.3 + 0.5, 0, 1), np.clip((inner - distance) / 0.3 + 0.5, 0, 1)
    return solid - marrow


def noisy(image, sigma=15, seed=1):
    return image + np.random.default_rng(seed).normal(0, sigma, image.shape)


def dice(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


class LevelsTest(unittest.TestCase):
    def test_noise_and_tissue_of_a_ct_are_found_beside_a_bone(self):
        image = noisy(40 + 1200 * tube((9, 9), 4, 2.5))
        contrast = contrast_of(image, "ct")
        self.assertAlmostEqual(contrast.noise, 15, delta=2)
        self.assertAlmostEqual(contrast.tissue, 40, delta=5)
        self.assertEqual(noise_of(np.zeros((1, 3, 2))), 0.0)

    def test_the_kind_of_image_is_guessed(self):
        self.assertEqual(guess_modality(np.zeros((1, 9, 9))), "xray")
        self.assertEqual(guess_modality(np.full((9, 9, 9), -1000)), "ct")
        self.assertEqual(guess_modality(np.full((9, 9, 9), 100)), "mr")


class CandidatesTest(unittest.TestCase):
    def setUp(self):
        self.deposits = np.maximum(ball((8, 14.8, 9), 1.8), ball((18, 4, 4), 1.5))
        bone = tube((9, 9), 4, 2.7)
        self.bone = (bone + np.clip((2.7 - np.hypot(J - 9, I - 9)) / 0.3 + 0.5, 0, 1)) > 0.5
        self.image = noisy((40 + 1200 * bone) * (1 - self.deposits) + 700 * self.deposits)

    def test_deposits_are_found_and_a_touching_bone_is_not(self):
        truth = self.deposits >= 0.5
        for bones in (self.bone, None):
            with self.subTest(known=bones is not None):
                region = prepare(self.image, SPACING, "ct", bones)
                labels = choose(region, Choice(bone_separation_mm=2.5))
                self.assertEqual(labels.max(), 2)
                self.assertGreater(dice(labels > 0, truth), 0.85)
                self.assertLess((self.bone & (labels > 0) & ~truth).sum(), 0.02 * truth.sum())

    def test_the_sliders_act_in_their_direction(self):
        faint = 90 * ball((18, 14, 14), 1.5)
        region = prepare(self.image + faint, SPACING, "ct", self.bone)
        self.assertEqual(choose(region, Choice(sensitivity=0.5)).max(), 2)
        self.assertEqual(choose(region, Choice(sensitivity=1.0)).max(), 3)
        self.assertEqual(choose(region, Choice(minimum_size=18.0)).max(), 1)
        with_bone = choose(region, Choice(bone_separation_mm=0.0)) > 0
        self.assertGreater((with_bone & self.bone).sum(), 0.3 * self.bone.sum())

    def test_fragments_closer_than_two_millimetres_are_one_candidate(self):
        for gap, count in ((1.0, 1), (3.0, 2)):
            image = noisy(40 + 600 * np.maximum(ball((10, 5, 9), 1.2), ball((10, 5 + 2.4 + gap, 9), 1.2)))
            self.assertEqual(choose(prepare(image, SPACING, "ct"), Choice()).max(), count)

    def test_in_mr_voids_and_bright_paste_are_found_and_air_is_not(self):
        skin = np.clip((I - 1.5) / 0.3 + 0.5, 0, 1)
        void, paste = ball((8, 9, 9), 1.5), ball((16, 9, 10), 1.5)
        image = noisy(400 * skin * (1 - void) + 700 * paste, 8)
        labels = choose(prepare(image, SPACING, "mr"), Choice())
        self.assertEqual(labels.max(), 2)
        self.assertGreater(dice(labels > 0, (void >= 0.5) | (paste >= 0.5)), 0.9)

    def test_on_a_film_spots_on_a_bone_are_found_and_the_bone_is_not(self):
        _, j, i = np.indices((1, 200, 200)) * 0.15
        bone = np.clip((6 - np.abs(i - 15)) / 0.15 + 0.5, 0, 1)
        spot = np.clip((1.2 - np.hypot(j - 15, i - 14)) / 0.15 + 0.5, 0, 1)
        image = noisy(1000 + 800 * bone + 250 * spot, 8)
        for bright, film in (("bone", image), ("air", 4000 - image)):
            with self.subTest(bright):
                labels = choose(prepare(film, np.array([1, 0.15, 0.15]), "xray", bright=bright), Choice())
                self.assertEqual(labels.max(), 1)
                self.assertGreater(dice(labels > 0, spot >= 0.5), 0.85)

    def test_nothing_but_tissue_gives_no_candidate(self):
        for modality in ("ct", "mr"):
            labels = choose(prepare(noisy(np.full(SHAPE, 200.0)), SPACING, modality), Choice(sensitivity=1.0))
            self.assertEqual(labels.max(), 0)


class GrowingTest(unittest.TestCase):
    def test_a_body_grows_to_half_its_own_level_whatever_its_density(self):
        truth = ball((12, 9, 9), 2.5)
        for hu in (150, 700, 2000):
            image = noisy(40 + (hu - 40) * truth)
            mask = grow_from(image, (30, 30, 30), SPACING, contrast_of(image, "ct"))
            self.assertGreater(dice(mask, truth >= 0.5), 0.96, hu)

    def test_a_blurred_body_keeps_its_volume(self):
        truth = ball((12, 9, 9), 3.0)
        image = noisy(ndimage.gaussian_filter(40 + 600 * truth, 0.4 / SPACING))
        for mask in (
            grow_from(image, (30, 30, 30), SPACING, contrast_of(image, "ct")),
            refine(image, ball((12, 9, 9), 2.6) >= 0.5, SPACING, contrast_of(image, "ct"), 1.0),
        ):
            # Half level moves inwards by about sigma² / radius: 5 % of the volume here; a third of it gives + 15 %.
            self.assertAlmostEqual(mask.sum() / truth.sum(), 0.95, delta=0.06)

    def test_a_click_at_the_rim_grows_the_same_body(self):
        truth = ball((12, 9, 9), 2.5)
        image = noisy(40 + 600 * truth)
        contrast = contrast_of(image, "ct")
        middle = grow_from(image, (30, 30, 30), SPACING, contrast)
        rim = grow_from(image, (30, 30, 37), SPACING, contrast)
        self.assertGreater(dice(middle, rim), 0.97)

    def test_a_deposit_on_a_bone_grows_without_running_along_the_bones_blurred_rim(self):
        # The bone: a plate of cortex that leaves the crop; its mask ends at its half level.
        bone = np.broadcast_to(np.clip(np.arange(60) * SPACING[2] - 11.2 + 0.5, 0, 1), (60, 60, 60))
        stone = ball((12, 9, 9), 2.4)
        both = np.where(bone > stone, bone * 1460, stone * 460)
        image = noisy(40 + ndimage.gaussian_filter(both, 0.35 / SPACING))
        contrast, mask = contrast_of(image, "ct"), bone >= 0.5
        with self.assertRaisesRegex(CalcinosisError, "runs on"):
            grow_from(image, (30, 30, 30), SPACING, contrast, mask)
        grown = grow_from(image, (30, 30, 30), SPACING, contrast, bones=mask)
        self.assertGreater(dice(grown, (stone >= 0.5) & ~mask), 0.85)

    def test_on_a_film_a_body_over_a_bone_grows_to_its_own_edge_and_bare_bone_does_not(self):
        j, i = np.indices((1, 120, 120))[1:].astype(float)
        film = np.where(np.abs(i - 60) < 25, 400.0, 100.0)
        true = np.hypot(j - 70, i - 62) < 8
        film = ndimage.gaussian_filter(film + 150.0 * true, (0, 1, 1))
        film += np.random.default_rng(3).normal(0, 6, film.shape)
        spacing = np.array([1.0, 0.2, 0.2])
        body = grow_from(film, (0, 70, 62), spacing, Contrast(1, 100.0, 6.0))
        self.assertGreater(dice(body, true), 0.93)
        with self.assertRaisesRegex(CalcinosisError, "runs on without an edge"):
            grow_from(film, (0, 20, 62), spacing, Contrast(1, 100.0, 6.0))

    def test_growing_keeps_out_of_other_segments(self):
        image = noisy(40 + 600 * np.maximum(ball((12, 9, 7), 2), ball((12, 9, 11), 2)))
        forbidden = I > 9
        mask = grow_from(image, (30, 30, 22), SPACING, contrast_of(image, "ct"), forbidden)
        self.assertFalse((mask & forbidden).any())
        self.assertGreater(dice(mask, (ball((12, 9, 7), 2) >= 0.5) & ~forbidden), 0.95)

    def test_a_click_on_tissue_or_on_an_endless_body_is_refused_with_a_sentence(self):
        image = noisy(40 + 600 * ball((12, 9, 9), 2))
        with self.assertRaisesRegex(CalcinosisError, "nothing at the click"):
            grow_from(image, (5, 5, 5), SPACING, contrast_of(image, "ct"))
        long = noisy(40 + 900 * tube((9, 9), 2, 0))
        with self.assertRaisesRegex(CalcinosisError, "runs on"):
            grow_from(long, (30, 30, 34), SPACING, contrast_of(long, "ct"))

    def test_refining_moves_a_careless_boundary_to_the_edge(self):
        truth = ball((12, 9, 9), 2.5)
        image = noisy(40 + 600 * truth)
        for radius in (1.9, 3.1):
            careless = ball((12, 9, 9), radius) >= 0.5
            better = refine(image, careless, SPACING, contrast_of(image, "ct"), 1.0)
            self.assertGreater(dice(better, truth >= 0.5), 0.97)
            self.assertGreater(dice(better, truth >= 0.5), dice(careless, truth >= 0.5) + 0.1)

    def test_refining_takes_no_second_body_that_does_not_touch(self):
        truth, other = ball((12, 9, 7), 1.8), ball((12, 9, 12), 1.8)
        image = noisy(40 + 600 * np.maximum(truth, other))
        better = refine(image, truth >= 0.5, SPACING, contrast_of(image, "ct"), 1.0)
        self.assertEqual((better & (other >= 0.5)).sum(), 0)

    def test_refining_what_does_not_stand_out_is_refused(self):
        image = noisy(np.full(SHAPE, 40.0))
        with self.assertRaisesRegex(CalcinosisError, "no edge"):
            refine(image, ball((12, 9, 9), 2) >= 0.5, SPACING, Contrast(1, 40.0, 15.0), 1.0)


class CuttingTest(unittest.TestCase):
    MATRIX = np.diag([*SPACING, 1.0])

    def stroke(self, start, end, normal=(1, 0, 0)):
        return Stroke(np.array(start, float), np.array(end, float), np.array(normal, float))

    def test_a_bridge_between_two_bodies_is_cut_where_the_line_is(self):
        left, right = ball((12, 9, 5), 2.0), ball((12, 9, 12), 2.5)
        bar = (np.hypot(K - 12, J - 9) < 0.6) & (I > 5) & (I < 12)
        mask = (left >= 0.5) | (right >= 0.5) | bar
        parts = cut(mask, self.MATRIX, self.stroke((12, 6, 8), (12, 12, 8)))
        self.assertTrue(((parts > 0) == mask).all(), "no voxel is lost")
        self.assertTrue((parts[right >= 0.5] == 1).all(), "the larger part keeps label 1")
        self.assertTrue((parts[left >= 0.5] == 2).all())

    def test_touching_balls_are_parted_at_their_neck_by_an_oblique_line(self):
        left, right = ball((12, 7, 7), 2.4), ball((12, 10.2, 10.2), 2.4)
        mask = (left >= 0.5) | (right >= 0.5)
        parts = cut(mask, self.MATRIX, self.stroke((12, 6.4, 10.8), (12, 10.8, 6.4)))
        truth = J + I > 17.2
        agreement = max((mask & ((parts == 1) == truth)).sum(), (mask & ((parts == 2) == truth)).sum()) / mask.sum()
        self.assertGreater(agreement, 0.97)

    def test_a_short_line_on_a_thick_body_still_cuts_all_of_it(self):
        mask = (ball((12, 9, 6.5), 3.0) >= 0.5) | (ball((12, 9, 11.5), 3.0) >= 0.5)
        parts = cut(mask, self.MATRIX, self.stroke((12, 8.5, 9), (12, 9.5, 9)))
        sides = [(parts[mask & (I < 9)] == label).mean() for label in (1, 2)]
        self.assertGreater(max(sides), 0.97)
        self.assertGreater(min((parts == 1).sum(), (parts == 2).sum()), 0.4 * mask.sum())

    def test_a_line_beside_the_body_is_refused(self):
        mask = ball((12, 9, 9), 2) >= 0.5
        with self.assertRaisesRegex(CalcinosisError, "crosses no deposit"):
            cut(mask, self.MATRIX, self.stroke((12, 2, 2), (12, 4, 2)))
        with self.assertRaisesRegex(CalcinosisError, "too short"):
            cut(mask, self.MATRIX, self.stroke((12, 9, 9), (12, 9, 9)))


class BoxesTest(unittest.TestCase):
    def test_a_box_stays_in_the_image_and_holds_the_voxel(self):
        box = boxes.box_around(np.array([0, 30, 59]), 2.0, SPACING, SHAPE)
        self.assertEqual(box, (slice(0, 6), slice(23, 38), slice(52, 60)))
        outside = boxes.box_around(np.array([-9, 30, 99]), 0.0, SPACING, SHAPE)
        self.assertEqual(outside, (slice(0, 1), slice(30, 31), slice(59, 60)))

    def test_islands_and_near_misses(self):
        mask = np.zeros((5, 5, 5), bool)
        mask[1, 1, 1] = mask[2, 2, 2] = mask[4, 4, 4] = True
        self.assertEqual(island_at(mask, (1, 1, 1)).sum(), 2, "voxels that share a corner are one body")
        self.assertEqual(island_at(mask, (0, 0, 0)).sum(), 0)
        self.assertEqual(nearest_true(mask, (1, 1, 0), SPACING, 0.5), (1, 1, 1))
        self.assertIsNone(nearest_true(mask, (0, 4, 0), SPACING, 0.5))


if __name__ == "__main__":
    unittest.main()
