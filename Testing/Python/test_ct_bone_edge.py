"""CT: rims and crests of bones, and bone beside metal, told from deposits that lie on bone."""

import unittest

import numpy as np
from CalcinosisImagingLib.analysis.ct.bone_edge import edge_of
from CalcinosisImagingLib.analysis.ct.metal import find_metal
from CalcinosisImagingLib.analysis.ct.psf import FWHM_PER_SIGMA, gaussian
from scipy import ndimage

STEP = np.array([1.0, 0.45, 0.45])
SOFT, BONE = 50.0, 1300.0
FWHM = 0.7
SHAPE = (16, 30, 40)
FINE = 8
"""Parts of a voxel along the normal of the bone's surface."""


def layers(*bodies, shape=SHAPE, step=STEP):
    """HU of layers ``(from_mm, to_mm, hu)`` along i on soft tissue, each over the middle of the plane, blurred."""
    hu = np.full((*shape[:2], shape[2] * FINE), SOFT, np.float32)
    place = (np.arange(shape[2] * FINE) + 0.5) / FINE * step[2]
    for begin, end, value in bodies:
        wide = slice(None) if begin <= 0 else slice(5, -5)
        hu[:, wide, (place > begin) & (place < end)] = value
    sigma = FWHM / FWHM_PER_SIGMA / (step / [1, 1, FINE])
    return ndimage.gaussian_filter(hu, sigma).reshape(*shape, FINE).mean(3)


class RimTest(unittest.TestCase):
    def edge(self, hu, bones, body):
        return edge_of(hu, body, bones, SOFT, gaussian(FWHM), STEP)

    def a_rim(self, filled):
        """A flat bone that fills the last layer of voxels by a part, that layer not being in its mask."""
        hu = layers((0.0, (20 + filled) * STEP[2], BONE))
        bones = np.zeros(SHAPE, np.uint8)
        bones[:, :, :20] = 5
        body = np.zeros(SHAPE, bool)
        body[3:-3, 4:-4, 20] = True
        return self.edge(hu, bones, body)

    def test_the_layer_that_a_bone_fills_by_less_than_half_is_its_rim_however_large(self):
        for filled in (0.1, 0.3, 0.45):
            edge = self.a_rim(filled)
            with self.subTest(filled=filled):
                self.assertLess(edge.unexplained, 0.2)
                self.assertTrue(edge.is_rim(first_mm3=40.0))

    def test_a_plate_on_the_bone_is_no_rim(self):
        end = 20 * STEP[2]
        hu = layers((0.0, end, BONE), (end, end + 0.9, 900.0))
        bones = np.zeros(SHAPE, np.uint8)
        bones[:, :, :20] = 5
        body = np.zeros(SHAPE, bool)
        body[:, 5:-5, 20:22] = True
        edge = self.edge(hu, bones, body)
        self.assertTrue(edge.reach_mm <= edge.halo_mm)
        self.assertGreater(edge.unexplained, 0.35)
        self.assertFalse(edge.is_rim(first_mm3=40.0))

    def test_what_lies_away_from_bone_has_no_edge(self):
        bones = np.zeros(SHAPE, np.uint8)
        bones[:, :, :20] = 5
        body = np.zeros(SHAPE, bool)
        body[:, :, 30:33] = True
        self.assertFalse(self.edge(layers((0.0, 9.0, BONE)), bones, body).touches)

    def test_a_lip_as_bright_as_the_shell_is_a_crest_and_a_brighter_or_fainter_one_is_none(self):
        end = 20 * STEP[2]
        bones = np.zeros(SHAPE, np.uint8)
        bones[:, :, :20] = 5
        body = np.zeros(SHAPE, bool)
        body[:, 5:-5, 20:24] = True
        for times, crest in ((0.5, False), (1.0, True), (1.5, False)):
            hu = layers((0.0, end, BONE), (end, end + 1.8, SOFT + times * (BONE - SOFT)))
            with self.subTest(times=times):
                self.assertEqual(self.edge(hu, bones, body).is_crest, crest)

    def test_what_closes_open_marrow_is_a_cap_and_paste_on_a_shell_is_none(self):
        # Bone along i: a shell, then marrow, then a faint end plate that the outline left out; or paste on a shell.
        end = 20 * STEP[2]
        bones = np.zeros(SHAPE, np.uint8)
        bones[:, :, :20] = 5
        body = np.zeros(SHAPE, bool)
        body[:, 5:-5, 20:23] = True
        plate = (end, end + 1.3, 400.0)
        for name, inner, cap in (("marrow", (0.0, end, 200.0), True), ("shell", (0.0, end, BONE), False)):
            hu = layers(inner, plate)
            hu[:, :4] = hu[:, -4:] = layers((0.0, end + 1.3, BONE))[:, :4]
            with self.subTest(name=name):
                self.assertEqual(self.edge(hu, bones, body).is_cap, cap)


class MetalInBoneTest(unittest.TestCase):
    def setUp(self):
        self.hu = np.full((20, 20, 20), 1800, np.int16)
        self.bones = np.ones((20, 20, 20), np.uint8)

    def metal(self):
        return find_metal(self.hu, self.bones, 3000.0, np.full(3, 0.5))

    def test_a_wire_in_a_bone_is_metal(self):
        self.hu[5:15, 9:11, 9:11] = 6000
        metal = self.metal()
        self.assertEqual(len(metal.points), 40)
        body = np.ones((4, 4, 4), bool)
        beside, away = ((slice(8, 12), slice(a, a + 4), slice(8, 12)) for a in (5, 0))
        self.assertEqual(metal.share_near(body, beside), 1.0)
        # Row 0 is 4.5 mm from the wire; row 1 4 mm, but only half of it straight across.
        self.assertEqual(metal.share_near(body, away), 0.625)

    def test_bright_voxels_of_cortex_are_none(self):
        self.hu[5, 9, 9] = self.hu[8, 3, 4] = 3100
        self.assertEqual(len(self.metal().points), 0)


if __name__ == "__main__":
    unittest.main()
