"""CT: deposits found, outlined and measured; what is none rejected with a reason."""

import unittest

import numpy as np
from CalcinosisImagingLib.analysis.ct import reject
from CalcinosisImagingLib.analysis.ct.body_fit import BodyTask, with_known_contrast
from CalcinosisImagingLib.analysis.ct.delineate import delineate
from CalcinosisImagingLib.analysis.ct.faint import faint_bodies
from CalcinosisImagingLib.analysis.ct.form import Form
from CalcinosisImagingLib.analysis.ct.grid import dense_box
from CalcinosisImagingLib.analysis.ct.noise import Noise, measure_noise
from CalcinosisImagingLib.analysis.ct.psf import gaussian
from CalcinosisImagingLib.analysis.ct.segment import point_spread, segment_ct
from CalcinosisImagingLib.analysis.ct.settings import CtSettings
from CalcinosisImagingLib.analysis.ct.skin import skin_mask
from CalcinosisImagingLib.analysis.ct.skin_edge import estimate_point_spread
from CalcinosisImagingLib.analysis.ct.tissue import densest_tissue
from CalcinosisImagingLib.analysis.errors import OperationCancelled
from CalcinosisImagingLib.analysis.morphology.quantify import quantify
from CalcinosisImagingLib.analysis.segmentation import REASON_TAG
from CalcinosisImagingLib.analysis.volume import Volume
from scipy import ndimage

STEP = 0.4
FWHM = 0.7
SIGMA = FWHM / 2.3548 / STEP
NOISE = Noise(20.0, (0.6 * SIGMA,) * 3)


def fraction_of(inside, shape):
    """Share of each voxel that is inside, by 4x4x4 samples; ``inside`` takes points (N, 3) in mm, order k, j, i."""
    points = np.indices(shape).reshape(3, -1).T.astype(float)
    offsets = (np.arange(4) + 0.5) / 4 - 0.5
    total = np.zeros(len(points), np.float32)
    for a in offsets:
        for b in offsets:
            for c in offsets:
                total += inside((points + np.array([a, b, c])) * STEP)
    return (total / 64).reshape(shape)


def ball(centre, radius):
    return lambda p: np.linalg.norm(p - centre, axis=1) < radius


def cylinder(radius):
    return lambda p: np.hypot(p[:, 1] - 5.5, p[:, 2] - 9) < radius


def crossed_threads(p):
    """Three threads along k and three along j, 0.9 mm thick, 2.5 mm apart, turned out of the grid."""
    turn = np.array([[0.94, -0.23, 0.25], [0.30, 0.91, -0.29], [-0.16, 0.35, 0.92]])
    q = (p - 8.8) @ turn
    inside = np.zeros(len(p), bool)
    for at in (-2.5, 0.0, 2.5):
        inside |= (np.hypot(q[:, 1] - at, q[:, 2]) < 0.45) & (np.abs(q[:, 0]) < 4.0)
        inside |= (np.hypot(q[:, 0] - at, q[:, 2]) < 0.45) & (np.abs(q[:, 1]) < 4.0)
    return inside


def tissue(shape):
    """Share of each voxel inside a block whose sides lean a little, so that they meet the voxels at every place."""
    k, j, i = np.indices(shape).astype(np.float32)
    lean = 0.02 * (k - shape[0] / 2)
    sides = (j - 5.5 - lean, shape[1] - 6.5 - j + lean, i - 5.5 + lean, shape[2] - 6.5 - i - lean)
    return np.prod([np.clip(s + 0.5, 0, 1) for s in sides], axis=0)


def a_scan(parts, shape=(64, 64, 64), noise=20.0, seed=0):
    """A block of soft tissue in air with bodies ``(inside, hu)``, blurred and noisy; returns volume and fractions."""
    rng = np.random.default_rng(seed)
    hu = -1000.0 + 1050.0 * tissue(shape)
    fractions = []
    for inside, value in parts:
        fraction = fraction_of(inside, shape)
        hu += fraction * (value - hu)
        fractions.append(fraction)
    hu = ndimage.gaussian_filter(hu, SIGMA)
    grain = ndimage.gaussian_filter(rng.standard_normal(shape).astype(np.float32), 0.6 * SIGMA)
    hu += grain * (noise / grain.std())
    matrix = np.diag([-STEP, -STEP, STEP, 1.0])
    return Volume(np.clip(np.round(hu), -1024, 3071).astype(np.int16), matrix), fractions


class VolumeFromFractionsTest(unittest.TestCase):
    def test_the_volume_of_a_ball_is_unbiased_from_two_to_four_voxels_radius(self):
        spacing = np.full(3, STEP)
        for radius in (1.2, 2.4):
            for value in (300.0, 1200.0):
                ratios = []
                for seed in range(2):
                    shift = np.random.default_rng(seed).uniform(-0.2, 0.2, 3)
                    volume, (fraction,) = a_scan(
                        [(ball(8.8 + shift, radius), value)], (44, 44, 44), noise=20, seed=seed
                    )
                    hu = volume.voxels
                    own = ndimage.gaussian_filter(hu.astype(np.float32), 0.7) > 140
                    found = delineate(hu, own, np.zeros(own.shape, bool), 50.0, NOISE, gaussian(FWHM), spacing)
                    ratios.append(found.fraction.sum() / fraction.sum())
                with self.subTest(radius=radius, value=value):
                    self.assertAlmostEqual(float(np.mean(ratios)), 1.0, delta=0.04)

    def test_the_volume_of_threads_as_thin_as_the_blur_is_unbiased(self):
        ratios = []
        for seed in range(2):
            volume, (fraction,) = a_scan([(crossed_threads, 750.0)], (44, 44, 44), noise=20, seed=seed)
            own = ndimage.gaussian_filter(volume.voxels.astype(np.float32), 0.7) > 140
            found = delineate(
                volume.voxels, own, np.zeros(own.shape, bool), 50.0, NOISE, gaussian(FWHM), np.full(3, STEP)
            )
            ratios.append(found.fraction.sum() / fraction.sum())
            self.assertGreater(found.relative_sd, 0.03)
        self.assertAlmostEqual(float(np.mean(ratios)), 1.0, delta=0.05)

    def test_paste_around_a_hard_core_belongs_to_the_deposit(self):
        # A core in much paste, and a core that leaves but a thin mantle of it.
        middle = np.array([8.8, 8.8, 8.8])
        for paste, radius, core in ((250.0, 1.4, 1000.0), (190.0, 2.0, 1400.0)):
            bodies = [(ball(middle, 3.0), paste), (ball(middle + 0.3, radius), core)]
            volume, (whole, _) = a_scan(bodies, (44, 44, 44))
            own = ndimage.gaussian_filter(volume.voxels.astype(np.float32), 0.7) > 140
            none = np.zeros(own.shape, bool)
            found = delineate(volume.voxels, own, none, 50.0, NOISE, gaussian(FWHM), np.full(3, STEP))
            with self.subTest(core=core):
                self.assertAlmostEqual(float(found.fraction.sum() / whole.sum()), 1.0, delta=0.08)

    def test_streaks_around_a_bright_body_are_no_mantle_of_it(self):
        middle = np.array([8.8, 8.8, 8.8])
        volume, (_, stone) = a_scan([(ball(middle, 3.0), 190.0), (ball(middle, 2.0), 1400.0)], (44, 44, 44))
        own = ndimage.gaussian_filter(volume.voxels.astype(np.float32), 0.7) > 140
        none, spacing = np.zeros(own.shape, bool), np.full(3, STEP)
        found = delineate(volume.voxels, own, none, 50.0, NOISE, gaussian(FWHM), spacing, streak_hu=400.0)
        self.assertAlmostEqual(float(found.fraction.sum() / stone.sum()), 1.0, delta=0.3)

    def test_the_volume_of_a_ball_that_touches_bone_is_not_far_off(self):
        spacing = np.full(3, STEP)
        for value in (300.0, 700.0):
            touching = ball(np.array([9, 11.6, 9]), 1.8)
            volume, (fraction, shell, _) = a_scan(
                [(touching, value), (cylinder(5.0), 1200.0), (cylinder(3.7), 0.0)], (44, 44, 44)
            )
            fraction, bones = fraction * (1 - shell), shell >= 0.5
            own = (ndimage.gaussian_filter(fraction, 0.8) > 0.25) & ~bones
            found = delineate(volume.voxels, own, bones, 50.0, NOISE, gaussian(FWHM), spacing)
            with self.subTest(value=value):
                self.assertAlmostEqual(found.volume_mm3 / (fraction.sum() * STEP**3), 1.0, delta=0.15)

    def test_a_layer_of_paste_taken_for_bone_takes_no_more_than_itself(self):
        # The bone's mask reaches a voxel too far into the paste; counted as bone it would blur over a second layer.
        spacing = np.full(3, STEP)
        volume, (fraction, shell, _) = a_scan(
            [(ball(np.array([9, 11.6, 9]), 2.4), 300.0), (cylinder(5.0), 1200.0), (cylinder(3.7), 0.0)], (44, 44, 44)
        )
        fraction, bones = fraction * (1 - shell), shell >= 0.5
        bones |= ndimage.binary_dilation(bones) & (fraction > 0.5)
        own = (ndimage.gaussian_filter(fraction, 0.8) > 0.25) & ~bones
        found = delineate(volume.voxels, own, bones, 50.0, NOISE, gaussian(FWHM), spacing)
        left = float(fraction[~bones].sum())
        self.assertAlmostEqual(float(found.fraction.sum()) / left, 1.0, delta=0.08)

    def test_the_contrast_of_a_faint_body_is_known_from_enough_inner_voxels(self):
        array = np.zeros((2, 2, 2), bool)
        task = BodyTask(array, array, None, None, 140.0, 25.0, 10.0, 1, STEP**3)
        noise = Noise(25.0, (0.5, 0.5, 0.5))
        # 25 HU in grains of several voxels: within 10 % of 115 HU from some twenty voxels on.
        for contrast, voxels, known in ((115.0, 200, True), (115.0, 5, False), (900.0, 200, False)):
            with self.subTest(contrast=contrast, voxels=voxels):
                found = with_known_contrast(task, contrast, voxels, noise)
                self.assertEqual((found.contrast_known, found.contrast_hu), (known, contrast if known else 140.0))

    def test_noise_is_measured_with_its_grain(self):
        volume, _ = a_scan([], noise=25.0)
        found = measure_noise(volume.voxels)
        self.assertAlmostEqual(found.hu, 25.0, delta=2.0)
        for sigma in found.sigma_voxels:
            self.assertAlmostEqual(sigma, 0.6 * SIGMA, delta=0.12)
        white = measure_noise(np.random.default_rng(1).normal(50, 25, (48, 48, 48)))
        self.assertAlmostEqual(white.hu, 25.0, delta=1.0)
        self.assertLess(max(white.sigma_voxels), 0.35)

    def test_drawn_noise_is_as_large_and_as_coarse_as_measured(self):
        again = measure_noise(Noise(30.0, (0.4, 0.6, 0.5)).draw((64, 64, 64), 0) + 55.0)
        self.assertAlmostEqual(again.hu, 30.0, delta=1.5)
        for sigma, true in zip(again.sigma_voxels, (0.4, 0.6, 0.5), strict=True):
            self.assertAlmostEqual(sigma, true, delta=0.1)

    def test_the_point_spread_is_that_of_skin_far_from_the_deposit(self):
        # Nothing but the deposit is dense: the skin lies outside the box that is searched.
        volume, _ = a_scan([(ball(np.full(3, 16.0), 2.0), 900.0)], (80, 80, 80))
        box = dense_box(volume)
        self.assertGreater(float(volume.voxels[box].min()), -300.0)
        found = point_spread(volume, box, CtSettings())
        self.assertAlmostEqual(found.fwhm_mm, FWHM, delta=0.03)

    def test_the_point_spread_is_estimated_from_the_skin(self):
        volume, _ = a_scan([])
        found = estimate_point_spread(volume.voxels, np.full(3, STEP))
        self.assertAlmostEqual(found.fwhm_mm, FWHM, delta=0.03)
        self.assertAlmostEqual(found.gain, 0.0, delta=0.05)

    def test_the_overshoot_of_a_sharp_kernel_is_estimated_too(self):
        hu = -1000.0 + 1050.0 * tissue((48, 48, 48))
        hu = 1.5 * ndimage.gaussian_filter(hu, SIGMA) - 0.5 * ndimage.gaussian_filter(hu, 2 * SIGMA)
        hu += np.random.default_rng(3).normal(0, 30, hu.shape)
        found = estimate_point_spread(np.maximum(hu, -1024).astype(np.int16), np.full(3, STEP))
        # Sampled, not averaged over voxels: the voxel's variance comes out as part of the blur.
        self.assertAlmostEqual(found.sigma_mm[1], STEP * np.sqrt(SIGMA**2 - 1 / 12), delta=0.012)
        self.assertAlmostEqual(found.gain, 0.5, delta=0.15)


class StreakTest(unittest.TestCase):
    def test_faint_paste_around_a_bright_core_is_no_streak_and_faint_paste_alone_may_be(self):
        for peak_hu, why in ((1400.0, ""), (260.0, reject.STREAK)):
            form = Form(100.0, (7.0, 6.0, 5.0), peak_hu, 2.4, 1.0)
            facts = reject.Facts(100.0, 150.0, 200.0, peak_hu, 60.0, 0.0, form, 100.0, None)
            with self.subTest(peak_hu=peak_hu):
                self.assertEqual(reject.reason(facts, reject.Place(streak_hu=300.0), CtSettings()), why)


class SegmentTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        far = np.array([12.8, 12.8, 12.8])
        cls.parts = {
            "stone": (ball(far + np.array([-6, -4, 0]), 2.0), 900.0),
            "paste": (ball(far + np.array([6, 4, -2]), 2.5), 250.0),
            "plate": (lambda p: (np.abs(p - (far + np.array([6, -5, 4]))) < [0.45, 2.2, 2.2]).all(axis=1), 1000.0),
            "metal": (ball(far + np.array([-6, 5, 4]), 1.2), 9000.0),
        }
        cls.volume, cls.fractions = a_scan(list(cls.parts.values()))
        cls.result = segment_ct(cls.volume)

    def label_at(self, segmentation, name):
        fraction = self.fractions[list(self.parts).index(name)]
        counts = np.bincount(segmentation.labels[fraction >= 0.5])
        return int(counts.argmax())

    def test_stone_paste_and_plate_are_found_each_as_one_deposit(self):
        self.assertEqual(len(self.result.deposits.segments), 3)
        for name in ("stone", "paste", "plate"):
            with self.subTest(name=name):
                label = self.label_at(self.result.deposits, name)
                self.assertGreater(label, 0)
                found = self.result.deposits.labels == label
                true = self.fractions[list(self.parts).index(name)] >= 0.5
                self.assertGreater(2 * (found & true).sum() / (found.sum() + true.sum()), 0.8)

    def test_volumes_from_fractions_are_within_ten_percent_for_stone_and_paste(self):
        for name in ("stone", "paste"):
            with self.subTest(name=name):
                label = self.label_at(self.result.deposits, name)
                near = ndimage.binary_dilation(self.result.deposits.labels == label, iterations=4)
                found = self.result.fractions.voxels[near].sum() / 255.0
                self.assertAlmostEqual(found / self.fractions[list(self.parts).index(name)].sum(), 1.0, delta=0.1)

    def test_quantify_takes_the_point_spread_from_the_skin_and_its_intervals_hold_the_true_volumes(self):
        rows = {row["deposit_id"]: row for row in quantify(self.volume, self.result.deposits, "ct")}
        for name, within in (("stone", 0.03), ("paste", 0.05), ("plate", 0.08)):
            with self.subTest(name=name):
                row = rows[self.label_at(self.result.deposits, name)]
                true = float(self.fractions[list(self.parts).index(name)].sum()) * STEP**3
                self.assertAlmostEqual(row["volume_mm3"] / true, 1.0, delta=within)
                self.assertLess(row["volume_lower_mm3"], true)
                self.assertGreater(row["volume_upper_mm3"], true)
                self.assertLess(row["volume_upper_mm3"] - row["volume_lower_mm3"], 0.3 * true)

    def test_metal_is_rejected_with_its_reason_and_has_no_fraction(self):
        label = self.label_at(self.result.rejected, "metal")
        self.assertGreater(label, 0)
        self.assertEqual(self.result.rejected.segments[label - 1].tags[REASON_TAG], "metal")
        metal = self.fractions[list(self.parts).index("metal")] > 0.9
        self.assertEqual(int(self.result.fractions.voxels[metal].max()), 0)

    def test_deposits_are_numbered_by_descending_volume(self):
        sizes = np.bincount(self.result.deposits.labels.ravel())[1:]
        self.assertEqual(self.label_at(self.result.deposits, "paste"), 1)
        self.assertEqual(len(sizes), 3)

    def test_the_same_input_gives_the_same_bytes(self):
        again = segment_ct(self.volume)
        for first, second in (
            (self.result.deposits.labels, again.deposits.labels),
            (self.result.bones.labels, again.bones.labels),
            (self.result.fractions.voxels, again.fractions.voxels),
        ):
            self.assertEqual(first.tobytes(), second.tobytes())

    def test_a_less_sensitive_search_drops_the_faint_one(self):
        result = segment_ct(self.volume, CtSettings(minimum_contrast_hu=400.0))
        self.assertEqual(self.label_at(result.deposits, "paste"), 0)
        self.assertGreater(self.label_at(result.deposits, "stone"), 0)


class NoDepositTest(unittest.TestCase):
    """A shell, an artery's wall, metal beside a stone, and two stones that meet, in one scan."""

    @classmethod
    def setUpClass(cls):
        across = np.array([0, 1, 1], float)

        def wall(p):
            radius = np.linalg.norm((p - [0, 26, 8]) * across, axis=1)
            return (radius < 1.1) & (radius > 0.6) & (np.abs(p[:, 0] - 16) < 10)

        cls.parts = {
            "shell": (ball(np.array([8.0, 10, 10]), 2.6), 1100.0),
            "marrow": (ball(np.array([8.0, 10, 10]), 2.0), 330.0),
            "artery": (wall, 800.0),
            "metal": (lambda p: np.linalg.norm((p - [8, 10, 21]) * [1, 1, 0.3], axis=1) < 0.4, 9000.0),
            "stone": (ball(np.array([8.0, 13.3, 20]), 1.1), 900.0),
            "first": (ball(np.array([22.0, 12, 10]), 2.0), 1000.0),
            "second": (ball(np.array([22.0, 12, 13.8]), 1.8), 1100.0),
        }
        cls.volume, cls.fractions = a_scan(list(cls.parts.values()), (80, 80, 80), noise=25)
        cls.result = segment_ct(cls.volume)

    def labels_at(self, segmentation, name):
        fraction = self.fractions[list(self.parts).index(name)]
        return int(np.bincount(segmentation.labels[fraction >= 0.5]).argmax())

    def test_a_shell_an_artery_and_metal_are_rejected_with_their_reasons(self):
        for name, reason in (("shell", reject.SESAMOID), ("artery", reject.VESSEL), ("metal", reject.METAL)):
            with self.subTest(name=name):
                label = self.labels_at(self.result.rejected, name)
                self.assertGreater(label, 0)
                self.assertEqual(self.result.rejected.segments[label - 1].tags[REASON_TAG], reason)

    def test_a_stone_beside_metal_is_still_a_deposit(self):
        self.assertGreater(self.labels_at(self.result.deposits, "stone"), 0)

    def test_two_stones_that_meet_are_two_deposits(self):
        first, second = (self.labels_at(self.result.deposits, name) for name in ("first", "second"))
        self.assertGreater(min(first, second), 0)
        self.assertNotEqual(first, second)
        self.assertEqual(len(self.result.deposits.segments), 3)


class OrdinaryTissueTest(unittest.TestCase):
    """Tendons, skin, nails and small bones in noisy scans are no deposits."""

    def test_noise_in_tendons_is_not_taken_for_deposits_and_faint_paste_beside_them_is_found(self):
        tendons = [(lambda p, x=x: np.hypot(p[:, 1] - 9, p[:, 2] - x) < 2.5, 105.0) for x in (6, 13)]
        paste = [(ball(np.array([13.0, 18.5, 15]), 2.2), 240.0)]
        for seed in range(2):
            volume, fractions = a_scan(tendons + paste, noise=40, seed=seed)
            result = segment_ct(volume)
            with self.subTest(seed=seed):
                self.assertEqual(len(result.deposits.segments), 1)
                self.assertGreater(int(result.deposits.labels[fractions[-1] > 0.9].max()), 0)

    def test_the_level_of_the_densest_tissue_is_that_of_tendons_whatever_the_noise(self):
        shape, spacing = (60, 90, 90), np.full(3, 0.45)
        tissue = np.full(shape, 50.0, np.float32)
        tissue[:, 20:34, 20:34] = tissue[:, 55:69, 55:69] = 105.0
        for size, grain in ((10.0, 0.5), (60.0, 0.5), (60.0, 0.9)):
            white = np.random.default_rng(3).standard_normal(shape)
            noise = ndimage.gaussian_filter(white, grain, mode="wrap")
            hu = tissue + noise * (size / noise.std())
            smooth = ndimage.gaussian_filter(hu, 0.3 / 0.45).astype(np.int16)
            nothing = np.zeros(shape, np.uint8)
            level, _ = densest_tissue(smooth, nothing, 50.0, Noise(size, (grain,) * 3), 0.3, spacing)
            with self.subTest(size=size, grain=grain):
                self.assertAlmostEqual(level, 105.0, delta=12.0)

    def test_paste_that_no_voxel_is_sure_of_is_found_by_all_of_them_together(self):
        shape = (64, 64, 64)
        paste = fraction_of(ball(np.array([13.0, 12.5, 13.0]), 2.3), shape)
        rng = np.random.default_rng(5)
        fat = ndimage.gaussian_filter(-80.0 + 125.0 * (np.indices(shape)[1] > 44) + 270.0 * paste, SIGMA)
        noise = (60.0 * rng.standard_normal(shape)).astype(np.float32)
        smooth = ndimage.gaussian_filter(fat + noise, 0.3 / STEP).astype(np.int16)
        spacing, nothing = np.full(3, STEP), np.zeros(shape, bool)
        found = faint_bodies(smooth, nothing, 45.0, 60.0, 135.0, spacing)
        self.assertGreater(found[paste > 0.9].mean(), 0.4)
        self.assertEqual(int(found[paste == 0].sum()), 0)
        smooth = ndimage.gaussian_filter(fat - 270.0 * paste + noise, 0.3 / STEP).astype(np.int16)
        self.assertFalse(faint_bodies(smooth, nothing, 45.0, 60.0, 135.0, spacing).any())
        self.assertFalse(faint_bodies(smooth, paste > 0, 45.0, 60.0, 135.0, spacing).any())

    def test_the_threads_of_a_net_are_outlined_and_not_the_space_between_them(self):
        def net(p):
            away = np.sort(np.abs(((p - 8.8) / 1.9 + 0.5) % 1.0 - 0.5) * 1.9, axis=1)
            return (np.hypot(away[:, 0], away[:, 1]) < 0.42) & (np.linalg.norm(p - 8.8, axis=1) < 4.0)

        volume, (fraction,) = a_scan([(net, 1800.0)], (44, 44, 44))
        found, true = segment_ct(volume).deposits.labels, fraction >= 0.5
        self.assertEqual(int(found.max()), 1)
        self.assertGreater(2 * ((found > 0) & true).sum() / ((found > 0).sum() + true.sum()), 0.8)

    def test_two_shells_closer_than_fragments_may_be_are_still_shells(self):
        parts = []
        for x in (8.0, 15.6):
            for radius, value in ((2.9, 1100.0), (2.3, 330.0)):
                parts.append((ball(np.array([13.0, 13, x]), radius), value))
        result = segment_ct(a_scan(parts)[0])
        self.assertEqual(result.deposits.segments, ())
        self.assertEqual([s.tags[REASON_TAG] for s in result.rejected.segments], [reject.SESAMOID] * 2)

    def test_a_nail_is_rejected_and_a_plate_of_lime_in_the_skin_is_not(self):
        for value, wanted in ((200.0, 0), (900.0, 1)):
            plate = (lambda p: (np.abs(p - [13.0, 13, 2.75]) < [3.0, 3.0, 0.3]).all(axis=1), value)
            with self.subTest(value=value):
                self.assertEqual(len(segment_ct(a_scan([plate], noise=30)[0]).deposits.segments), wanted)


class EdgeTest(unittest.TestCase):
    def test_soft_tissue_alone_gives_nothing(self):
        for noise in (30, 70):
            result = segment_ct(a_scan([], noise=noise)[0])
            with self.subTest(noise=noise):
                self.assertEqual(result.deposits.segments, ())
                self.assertEqual(result.bones.segments, ())

    def test_a_request_to_stop_is_obeyed(self):
        volume, _ = a_scan([(ball(np.full(3, 12.8), 2.0), 900.0)])
        with self.assertRaises(OperationCancelled):
            segment_ct(volume, progress=lambda fraction, message: fraction < 0.4)

    def test_fragments_of_a_cluster_are_one_deposit_and_a_distant_body_is_another(self):
        centres = [(8, 12, 12), (8, 14, 12), (9.5, 13, 13), (18, 13, 13)]
        volume, _ = a_scan([(ball(np.array(c), 0.7), 1500.0) for c in centres], noise=10)
        self.assertEqual(len(segment_ct(volume).deposits.segments), 2)

    def test_the_skin_mask_holds_the_tissue_and_leaves_the_air(self):
        volume, _ = a_scan([], noise=10)
        mask = skin_mask(volume)
        truth = np.zeros(mask.shape, bool)
        truth[:, 6:-6, 6:-6] = True
        self.assertGreater(2 * (mask & truth).sum() / (mask.sum() + truth.sum()), 0.97)


if __name__ == "__main__":
    unittest.main()
