"""CT: what stands on a bone's shell and is a deposit, and what of the shell is none, on drawn tubes of known truth."""

import unittest

import numpy as np
from CalcinosisImagingLib.analysis.ct.border import is_inside_cut_bone
from CalcinosisImagingLib.analysis.ct.excess import without_excess
from CalcinosisImagingLib.analysis.ct.outline import bone_outline
from CalcinosisImagingLib.analysis.ct.walls import without_idle_cuts
from scipy import ndimage

STEP = 0.4
SPACING = np.full(3, STEP)
SHAPE = (60, 40, 44)
SOFT = 50.0
MIDDLE = np.array([12.0, 6.4, 8.8])
RADIUS = 4.0


def away_from(k, j, i):
    """Distance (mm) of every voxel from a place in the tube's frame: along, towards the deposits, across."""
    p = np.indices(SHAPE).reshape(3, -1).T * STEP - MIDDLE
    return np.linalg.norm(p - [k, j, i], axis=1).reshape(SHAPE)


def rounded(distance):
    """Share of a voxel inside a surface, from its signed distance (mm)."""
    return np.clip(0.5 - distance / STEP, 0.0, 1.0)


def a_tube(shell_hu=1200.0, shell_mm=0.9, seed=0, deposits=(), crest_mm=0.0):
    """A closed tube of cortex with trabeculae inside and deposits ``(signed distance, HU)`` outside it.

    Returns the image, the tube's mask and the deposits' mask.
    """
    rng = np.random.default_rng(seed)
    k, j, i = (n - m for n, m in zip(np.indices(SHAPE) * STEP, MIDDLE, strict=True))
    ridge = crest_mm * np.exp(-((i / 1.2) ** 2)) * (j > 0)
    tube = np.maximum(np.hypot(j, i) - RADIUS - ridge, np.abs(k) - 10.0)
    marrow = np.maximum(np.hypot(j, i) - RADIUS + shell_mm, np.abs(k) - 10.0 + shell_mm)
    hu = np.full(SHAPE, SOFT)
    inner = 250.0 + 120.0 * ndimage.gaussian_filter(rng.standard_normal(SHAPE), 1.2) / 0.12
    hu += rounded(tube) * (shell_hu - hu)
    hu += rounded(marrow) * (np.clip(inner, 100, 400) - hu)
    of_deposits = np.zeros(SHAPE, bool)
    for distance, value in deposits:
        share = rounded(distance) * (1.0 - rounded(tube))
        hu += share * (value - hu)
        of_deposits |= share >= 0.5
    hu = ndimage.gaussian_filter(hu, 0.8 / 2.3548 / STEP) + rng.normal(0, 20, SHAPE)
    return hu.astype(np.float32), tube < 0, of_deposits


def stone(radius):
    return away_from(0.0, RADIUS + radius - 0.3, 0.0) - radius


def plate(thick, reach):
    """A disc that lies on the tube."""
    k, j, i = (n - m for n, m in zip(np.indices(SHAPE) * STEP, MIDDLE, strict=True))
    return np.maximum(np.abs(j - RADIUS - thick / 2 + 0.3) - thick / 2, np.hypot(k, i) - reach)


class OnTheShellTest(unittest.TestCase):
    def outline(self, hu, tube, deposits):
        near = ndimage.binary_dilation(tube | deposits, iterations=4)
        return bone_outline(hu, near, np.zeros(SHAPE, bool), SPACING, SOFT)

    def shares(self, **drawing):
        """Of the tube, what is taken for bone; of the deposits, what is taken for bone."""
        hu, tube, deposits = a_tube(**drawing)
        found = self.outline(hu, tube, deposits)
        return found[tube].mean(), found[deposits].mean() if deposits.any() else 0.0

    def test_a_shell_alone_is_bone_however_thin_and_faint(self):
        for shell_hu, shell_mm in ((1500.0, 1.6), (1200.0, 0.9), (800.0, 0.5)):
            for seed in range(2):
                with self.subTest(shell_hu=shell_hu, seed=seed):
                    bone, _ = self.shares(shell_hu=shell_hu, shell_mm=shell_mm, seed=seed)
                    self.assertGreater(bone, 0.97)

    def test_stone_plate_and_paste_on_the_shell_are_no_bone(self):
        bodies = {"stone": (stone(1.3), 1300.0), "plate": (plate(1.6, 2.8), 1000.0), "paste": (stone(2.2), 320.0)}
        for shell_hu, shell_mm in ((1200.0, 0.9), (900.0, 0.6)):
            for name, body in bodies.items():
                with self.subTest(name=name, shell_hu=shell_hu):
                    bone, taken = self.shares(shell_hu=shell_hu, shell_mm=shell_mm, deposits=(body,))
                    self.assertGreater(bone, 0.96)
                    self.assertLess(taken, 0.4)

    def test_a_stone_as_large_as_the_bone_is_wide_is_no_bone(self):
        bone, taken = self.shares(deposits=((stone(3.4), 900.0),))
        self.assertGreater(bone, 0.96)
        self.assertLess(taken, 0.2)

    def test_a_bright_stone_leaves_the_thin_shell_beside_it_closed(self):
        hu, tube, deposits = a_tube(shell_hu=700.0, shell_mm=0.5, deposits=((stone(2.5), 1900.0),))
        found = self.outline(hu, tube, deposits)
        marrow = ndimage.binary_erosion(tube, iterations=4)
        self.assertTrue(found[marrow].all())

    def test_a_wire_through_the_shell_leaves_no_open_marrow(self):
        hu, tube, _ = a_tube()
        wire = away_from(0.0, RADIUS, 0.0) < 1.4
        territory = ndimage.binary_dilation(tube, iterations=4) & ~ndimage.binary_dilation(wire, iterations=2)
        hu[wire] = 3071.0
        found = bone_outline(hu, territory, np.zeros(SHAPE, bool), SPACING, SOFT)
        self.assertGreater(found[tube & territory].mean(), 0.97)

    def test_a_small_knob_as_bright_as_the_shell_is_no_bone(self):
        # Four cubic millimetres, 1.3 mm high, on a shell that stands out clearly from the marrow.
        knob = away_from(0.0, RADIUS + 0.3, 0.0) - 1.1
        bone, taken = self.shares(shell_hu=1300.0, shell_mm=1.2, deposits=((knob, 1100.0),))
        self.assertGreater(bone, 0.97)
        self.assertLess(taken, 0.3)

    def test_a_crest_of_the_shell_is_bone(self):
        hu, tube, deposits = a_tube(crest_mm=1.0)
        self.assertGreater(self.outline(hu, tube, deposits)[tube].mean(), 0.97)

    def test_the_solid_shaft_of_a_short_bone_is_bone_and_a_stone_on_its_end_is_not(self):
        k, j, i = (n - m for n, m in zip(np.indices(SHAPE) * STEP, MIDDLE, strict=True))
        base = np.maximum(np.hypot(j, i) - RADIUS, np.abs(k + 6.0) - 3.5)
        marrow = np.maximum(np.hypot(j, i) - RADIUS + 0.8, np.abs(k + 6.0) - 2.7)
        shaft = np.maximum(np.hypot(j, i) - 1.8, np.abs(k - 2.0) - 5.5)
        ball = away_from(-0.5, 0.0, 0.0) - 2.3
        for onward, is_bone in ((shaft, True), (ball, False)):
            hu = SOFT + rounded(np.minimum(base, onward)) * (1200.0 - SOFT) - rounded(marrow) * 900.0
            hu = ndimage.gaussian_filter(hu, 0.8 / 2.3548 / STEP) + np.random.default_rng(3).normal(0, 20, SHAPE)
            beyond = (onward < 0) & (k > -1.0)
            found = self.outline(hu.astype(np.float32), base < 0, onward < 0)
            with self.subTest(bone=is_bone):
                self.assertGreater(found[base < -0.4].mean(), 0.97)
                share = found[beyond].mean()
                self.assertGreater(share, 0.9) if is_bone else self.assertLess(share, 0.3)

    def test_a_bone_without_marrow_is_left_as_it_is(self):
        hu, tube, _ = a_tube(shell_mm=4.0)
        height = hu - SOFT
        same = without_excess(tube, height, np.full(SHAPE, 1000.0, np.float32), None, SPACING)
        self.assertTrue((same == tube).all())


class IdleCutTest(unittest.TestCase):
    def test_pieces_of_which_one_has_a_name_are_one_again_and_two_bones_stay_two(self):
        labels = np.array([[1, 1, 1, 0, 2, 2, 2]])
        cut = np.array([[1, 3, 3, 0, 2, 4, 4]])
        together = without_idle_cuts(labels, cut, {3, 2, 4})
        np.testing.assert_array_equal(together, [[1, 1, 1, 0, 2, 4, 4]])


class AtTheBorderTest(unittest.TestCase):
    """A tube that the first plane cuts lengthwise."""

    def test_the_inside_of_a_cut_bone_is_told_from_a_deposit_on_it(self):
        shape = (20, 40, 40)
        away = np.hypot(np.arange(20)[:, None, None], np.arange(40)[None, :, None] - 20.0) + np.zeros(shape)
        tube = ((away > 6) & (away < 9)).astype(np.uint8)
        marrow = (away < 4) & (np.indices(shape)[2] < 30)
        beside = (np.abs(np.indices(shape) - np.array([2, 32, 20])[:, None, None, None]) < 3).all(axis=0)
        for body, inside in ((marrow, True), (beside, False)):
            box = ndimage.find_objects(body.astype(np.uint8))[0]
            self.assertEqual(is_inside_cut_bone(body, tube, box, shape), inside)


if __name__ == "__main__":
    unittest.main()
