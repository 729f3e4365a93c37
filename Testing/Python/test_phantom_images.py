"""Imaging physics: the pinhole, line integrals, HU and MR signals of tissues, noise."""

import unittest
from dataclasses import replace

import numpy as np
from CalcinosisImagingLib.analysis.view import View
from CalcinosisImagingLib.phantom.ct import FWHM_SIGMA, add_noise, blur
from CalcinosisImagingLib.phantom.deposit_shapes import Stone
from CalcinosisImagingLib.phantom.film import expose, film_attenuation, line_integrals
from CalcinosisImagingLib.phantom.mr import signals
from CalcinosisImagingLib.phantom.paint import deposit_voxels, paint
from CalcinosisImagingLib.phantom.person import draw_hand
from CalcinosisImagingLib.phantom.presets import PRESETS, CtProtocol, FilmProtocol
from CalcinosisImagingLib.phantom.scanner import ct_grid


def hand_with_ball(radius):
    """A hand whose only deposit is a ball of chalk."""
    hand = draw_hand(0, "sub-02", PRESETS["tiny"])
    deposit = hand.deposits[0]
    ball = Stone((radius,) * 3, np.zeros((1, 5)))
    content = replace(deposit.content, consistency="chalk", dense_hu=1000.0, light_hu=1000.0, level=False)
    deposit = replace(
        deposit, shape=ball, core=None, content=content, centroid=(0.0, 0.0, 0.0), thickness_mm=2 * radius
    )
    return replace(hand, deposits=(deposit,), distractors=())


class FilmTest(unittest.TestCase):
    def test_a_ball_casts_its_shadow_where_the_pinhole_says_and_as_deep_as_its_chord(self):
        hand = hand_with_ball(3.0)
        view = View("pa", 600, 500, (0.2, 0.2), 1000.0, (249.5, 299.5))
        rest = hand.held({}, np.eye(4), np.zeros((1, 3)))
        for goal in ((0.0, 0.0, 980.0), (20.0, -31.0, 960.0), (-28.0, 37.0, 985.0)):
            with self.subTest(goal):
                placement = np.eye(4)
                placement[:3, 3] = np.array(goal) - rest.deposit_to_world(0)[:3, 3]
                posed = hand.held({}, placement, np.zeros((1, 3)))
                _, shadows = line_integrals(posed, view, 1.0)
                path, box = shadows[0].path_mm, shadows[0].box
                v, u = np.mgrid[box]
                found = np.array([(path * u).sum(), (path * v).sum()]) / path.sum()
                # The centre of a ball's shadow lies a hair further out than the shadow of its centre.
                slopes = np.array(goal[:2]) / goal[2]
                outward = slopes * 9.0 / goal[2] ** 2 * 1000.0 / 0.2
                np.testing.assert_allclose(found, view.project(np.array(goal), np.eye(4)) + outward, atol=0.05)
                self.assertAlmostEqual(float(path.max()), 6.0, delta=0.05)
                area = shadows[0].mask.sum() * 0.04 * (goal[2] / 1000.0) ** 2
                self.assertAlmostEqual(area / (np.pi * 9.0), 1.0, delta=0.02)

    def test_linear_films_darken_and_log_films_brighten_with_thickness(self):
        view = View("pa", 40, 40, (0.2, 0.2), 1000.0, (19.5, 19.5))
        integrals = np.tile(np.linspace(0.0, 1.5, 40, dtype=np.float32), (40, 1))
        protocol = FilmProtocol(0.2, photons=1e6, scatter=0.0, intensity="linear")
        linear = expose(integrals, view, protocol, np.random.default_rng(0))[20, 4:-4].astype(float)
        np.testing.assert_allclose(-np.log(linear / 3600.0), integrals[20, 4:-4], atol=0.02)
        bright = replace(view, intensity="log", bright="bone")
        log = expose(integrals, bright, replace(protocol, intensity="log"), np.random.default_rng(0))[20]
        self.assertTrue((np.diff(log[4:-4].astype(float)) > 0).all())

    def test_calcium_gains_contrast_and_soft_tissue_does_not(self):
        self.assertAlmostEqual(film_attenuation(0.0, 1.4), 0.02)
        self.assertAlmostEqual(film_attenuation(-1000.0, 1.4), 0.0)
        self.assertAlmostEqual(film_attenuation(1120.0, 1.5), 0.02 * (1.0 + 0.12 + 1.5))


class CtTest(unittest.TestCase):
    def test_tissues_have_their_hu_and_deposits_their_volume(self):
        hand = draw_hand(2, "sub-01", PRESETS["tiny"])
        posed = hand.held({}, np.eye(4), np.zeros((len(hand.deposits), 3)))
        grid = ct_grid([posed], 0.8, 0.8)
        contents = [(d.content.dense_hu, d.content.light_hu) for d in hand.deposits]
        painted = paint(posed, grid, hand.materials.hu, contents)
        self.assertEqual(float(painted.values.min()), -1000.0)
        self.assertAlmostEqual(
            float(np.percentile(painted.values[painted.bones > 0], 98)), hand.materials.hu["cortex"], delta=1
        )
        self.assertEqual(len(np.unique(painted.bones)), 30)
        for voxels in deposit_voxels(posed, grid):
            truth = hand.deposits[voxels.index].volume_mm3
            self.assertAlmostEqual(float(voxels.share.sum(dtype=float)) * 0.512 / truth, 1.0, delta=0.002)
            solid = voxels.share > 0.999
            if hand.deposits[voxels.index].content.consistency == "chalk" and solid.any():
                values = painted.values[voxels.box][solid]
                np.testing.assert_allclose(values, hand.deposits[voxels.index].content.dense_hu, rtol=0.01)

    def test_the_point_spread_has_the_width_asked_for_and_a_sharp_kernel_overshoots(self):
        protocol = CtProtocol(0.4, 0.4, (0.9, 0.9), 0.0, 0.0)
        spike = np.zeros((21, 41, 41), np.float32)
        spike[10, 20, 20] = 1.0
        profile = blur(spike, protocol)[10, 20]
        sigma = np.sqrt((profile * (np.arange(41) - 20) ** 2).sum() / profile.sum()) * 0.4
        self.assertAlmostEqual(sigma * FWHM_SIGMA, 0.9, delta=0.03)
        step = np.zeros((5, 41, 41), np.float32)
        step[:, :, 20:] = 1000.0
        self.assertLess(blur(step, protocol).max(), 1001.0)
        sharp = blur(step, replace(protocol, sharpness=1.0))
        self.assertGreater(sharp.max(), 1050.0)
        self.assertLess(sharp.max(), 1300.0)

    def test_noise_has_the_sd_asked_for_and_neighbours_are_correlated(self):
        protocol = CtProtocol(noise_hu=30.0)
        image = np.zeros((4, 200, 200), np.float32)
        add_noise(image, protocol, np.random.default_rng(0))
        self.assertAlmostEqual(float(image.std()), 30.0, delta=0.6)
        self.assertAlmostEqual(float(image.mean()), 0.0, delta=0.2)
        self.assertGreater(float((image[:, :, 1:] * image[:, :, :-1]).mean()) / 900.0, 0.2)


class MrTest(unittest.TestCase):
    def test_signals_are_ordered_as_on_real_images(self):
        t1, t2fs, gre = (signals(w) for w in ("t1", "t2fs", "gre"))
        for values in (t1, t2fs, gre):
            self.assertLess(values["chalk"], 60.0)
            self.assertLess(values["cortex"], 60.0)
            self.assertLess(values["tendon"], 0.4 * values["muscle"] if values is not gre else values["muscle"])
        self.assertGreater(t1["fat"], 2.0 * t1["muscle"])
        self.assertGreater(t2fs["muscle"], 1.5 * t2fs["fat"])
        self.assertGreater(t2fs["paste"], 2.0 * t2fs["muscle"])
        self.assertGreater(t2fs["fluid"], t2fs["paste"])


if __name__ == "__main__":
    unittest.main()
