"""The depth under the skin, and the tissue that is expected where a deposit lies."""

from __future__ import annotations

import unittest

import numpy as np
from CalcinosisImagingLib.analysis.ct.background import background
from CalcinosisImagingLib.analysis.ct.delineate import delineate
from CalcinosisImagingLib.analysis.ct.noise import Noise
from CalcinosisImagingLib.analysis.ct.psf import gaussian
from CalcinosisImagingLib.analysis.ct.skin_depth import DEEPEST_MM, skin_depth
from scipy import ndimage

SPACING = np.array([0.5, 0.4, 0.4])
SHAPE = (44, 60, 60)
FWHM_MM = 0.7
NOISE = Noise(15.0, (0.3, 0.4, 0.4))
NORMAL = np.array([0.2, 0.95, -0.2]) / np.linalg.norm([0.2, 0.95, -0.2])
SKIN_AT_MM = 5.0
LAYERS = ((0.0, 50.0), (1.2, -100.0), (3.5, 55.0))
"""Depth (mm) from which tissue has that value (HU): skin, fat, muscle."""
MIDDLE_MM = np.array([11.0, 0.0, 12.0])
MIDDLE_MM = MIDDLE_MM + NORMAL * (SKIN_AT_MM + 3.5 - MIDDLE_MM @ NORMAL)
"""On the border of fat and muscle."""


def points() -> np.ndarray:
    """Centres of the voxels, (K, J, I, 3) mm along k, j, i."""
    return np.stack(np.indices(SHAPE), -1) * SPACING


def depths() -> np.ndarray:
    """True depth of every voxel under an oblique flat skin."""
    return points() @ NORMAL - SKIN_AT_MM


def tissue() -> np.ndarray:
    """Air and the layers, not blurred."""
    depth = depths()
    hu = np.full(SHAPE, -1000.0)
    for start, value in LAYERS:
        share = np.clip(0.5 + (depth - start) / 0.4, 0, 1)
        hu += share * (value - hu)
    return hu


def scan(fraction: np.ndarray, value: float) -> np.ndarray:
    """The layers with a body in them, blurred and noisy."""
    hu = tissue()
    hu += fraction * (value - hu)
    return ndimage.gaussian_filter(hu, FWHM_MM / 2.3548 / SPACING) + NOISE.draw(SHAPE, 3)


def ball(radius_mm: float, middle: np.ndarray) -> np.ndarray:
    """Filled share of every voxel, from 64 places in it."""
    away = np.linalg.norm(points() - middle, axis=-1)
    share = (away < radius_mm).astype(float)
    near = np.abs(away - radius_mm) < 0.5
    steps = (np.stack(np.meshgrid(*[np.arange(4)] * 3), -1).reshape(-1, 3) + 0.5) / 4 - 0.5
    inside = np.linalg.norm(points()[near][:, None] + steps * SPACING - middle, axis=-1) < radius_mm
    share[near] = inside.mean(1)
    return share


def whole() -> tuple[slice, ...]:
    """The box of the whole image."""
    return tuple(slice(0, n) for n in SHAPE)


def depth_map(hu: np.ndarray) -> np.ndarray:
    """Depth as the module finds it."""
    return skin_depth(hu, SPACING, whole()).of(whole())


class SkinDepthTest(unittest.TestCase):
    def test_the_depth_under_an_oblique_skin_is_found_to_a_fraction_of_a_coarse_voxel(self):
        wanted, found = depths(), depth_map(scan(np.zeros(SHAPE), 0.0))
        inside = (wanted > 0.5) & (wanted < DEEPEST_MM - 0.5)
        # Voxels whose nearest skin lies outside of the image are nearer to other skin, or to none.
        error = (found - wanted)[5:-5, :, 5:-5][inside[5:-5, :, 5:-5]]
        self.assertLess(abs(float(np.median(error))), 0.2)
        self.assertLess(float(np.percentile(np.abs(error - np.median(error)), 90)), 0.3)

    def test_a_box_of_the_image_has_the_depth_of_its_voxels(self):
        hu = scan(np.zeros(SHAPE), 0.0)
        box = (slice(10, 20), slice(15, 40), slice(20, 30))
        depth = skin_depth(hu, SPACING, whole())
        np.testing.assert_allclose(depth.of(box), depth.of(whole())[box], atol=1e-4)
        inner = (slice(5, 40), slice(10, 50), slice(10, 50))
        moved = tuple(slice(s.start - t.start, s.stop - t.start) for s, t in zip(box, inner, strict=True))
        np.testing.assert_allclose(depth.seen_from(inner).of(moved), depth.of(box), atol=1e-5)

    def test_without_air_all_is_deep(self):
        depth = skin_depth(np.full(SHAPE, 50.0), SPACING, whole())
        self.assertEqual(float(depth.of(whole()).min()), DEEPEST_MM)


class BackgroundTest(unittest.TestCase):
    def test_the_border_of_fat_and_muscle_goes_on_under_a_body(self):
        hu = scan(np.zeros(SHAPE), 0.0)
        away = np.linalg.norm(points() - MIDDLE_MM, axis=-1)
        around = (away > 2.8) & (away < 4.4) & (hu > -250)
        body = away < 2.0
        expected = ndimage.gaussian_filter(tissue(), FWHM_MM / 2.3548 / SPACING)
        errors = []
        for depth in (depth_map(hu), None):
            found = background(hu, around, 50.0, SPACING, depth)
            errors.append(float(np.sqrt(np.square((found - expected)[body]).mean())))
        self.assertLess(errors[0], 25.0)
        self.assertGreater(errors[1], 40.0)


class LayersTest(unittest.TestCase):
    def test_a_ball_half_in_fat_and_half_in_muscle_has_its_volume(self):
        for value, radius, within in ((300.0, 1.6, 0.05), (900.0, 1.6, 0.03), (300.0, 2.6, 0.04)):
            share = ball(radius, MIDDLE_MM)
            hu = scan(share, value)
            own = ndimage.gaussian_filter(hu, 0.7) > 140
            none = np.zeros(SHAPE, bool)
            found = delineate(hu, own, none, 50.0, NOISE, gaussian(FWHM_MM), SPACING, depth_map(hu))
            with self.subTest(value=value, radius=radius):
                self.assertAlmostEqual(found.volume_mm3 / (share.sum() * np.prod(SPACING)), 1.0, delta=within)


class ThreadsTest(unittest.TestCase):
    def test_a_lattice_of_threads_half_as_thick_as_the_blur_has_its_volume(self):
        ratios = []
        for seed in range(3):
            rng = np.random.default_rng(seed)
            offset, fine = rng.uniform(0, 1.8, 3), 4
            place = (np.stack(np.indices([36 * fine] * 3), -1) + 0.5) * 0.4 / fine - 7.2
            away = np.sort(np.abs((place + offset) % 1.8 - 0.9), axis=-1)
            threads = (np.hypot(away[..., 0], away[..., 1]) < 0.36) & (np.linalg.norm(place, axis=-1) < 3.3)
            share = ndimage.gaussian_filter(threads.astype(np.float32), FWHM_MM / 2.3548 / (0.4 / fine))
            image = share.reshape(36, fine, 36, fine, 36, fine).mean((1, 3, 5)) * 900.0 + 50.0
            noise = Noise(20.0, (0.4, 0.4, 0.4))
            hu = image + noise.draw(image.shape, seed)
            own = ndimage.gaussian_filter(hu, 0.7) > 140
            spacing = np.full(3, 0.4)
            found = delineate(hu, own, np.zeros(own.shape, bool), 50.0, noise, gaussian(FWHM_MM), spacing)
            ratios.append(found.volume_mm3 / (threads.sum() * (0.4 / fine) ** 3))
        self.assertAlmostEqual(float(np.mean(ratios)), 1.0, delta=0.08)


if __name__ == "__main__":
    unittest.main()
