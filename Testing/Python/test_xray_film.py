"""Pixel values to line integrals, whatever the look-up table; the collimator's shadow."""

import unittest

import numpy as np
from CalcinosisImagingLib.analysis.errors import InputError
from CalcinosisImagingLib.analysis.view import View
from CalcinosisImagingLib.analysis.volume import Volume
from CalcinosisImagingLib.analysis.xray.film import Film, exposed_field, line_integrals


def truth_image(rows=120, columns=100):
    """Air with a slab of integral 1.2 in its middle."""
    image = np.zeros((rows, columns), np.float32)
    image[40:80, 30:70] = np.linspace(0.2, 1.2, 40)
    return image


def film(pixels, intensity="linear", bright="air"):
    rows, columns = pixels.shape
    view = View("pa", rows, columns, (0.2, 0.2), 1000.0, (columns / 2, rows / 2), intensity, bright)
    return Film(Volume(pixels[None], np.eye(4)), view)


class TestLineIntegralsOfAFilm(unittest.TestCase):
    def test_all_four_kinds_of_film_give_the_same_up_to_gain(self):
        truth = truth_image()
        signal = np.exp(-truth) * 3000
        kinds = {
            ("linear", "air"): signal,
            ("log", "bone"): 500 * truth + 70,
            ("log", "air"): 4095 - 500 * truth,
        }
        for (intensity, bright), pixels in kinds.items():
            with self.subTest(intensity=intensity, bright=bright):
                found = line_integrals(film(pixels.astype(np.float32), intensity, bright))
                slab = truth > 0
                slope = np.polyfit(truth[slab], found[slab], 1)[0]
                self.assertGreater(slope, 0)
                residual = found[slab] - slope * truth[slab]
                self.assertLess(np.abs(residual).max(), 0.02 * slope)
                self.assertLess(np.abs(found[~slab]).max(), 0.02 * slope)

    def test_linear_films_give_the_integral_itself(self):
        truth = truth_image()
        found = line_integrals(film((np.exp(-truth) * 3000).astype(np.uint16)))
        self.assertLess(np.abs(found - truth).max(), 0.005)

    def test_no_signal_stays_finite(self):
        pixels = np.full((50, 50), 1000, np.uint16)
        pixels[20:30, 20:30] = 0
        self.assertTrue(np.isfinite(line_integrals(film(pixels))).all())

    def test_the_collimated_border_is_not_exposed_and_a_dense_body_inside_is(self):
        pixels = np.full((200, 160), 2000.0, np.float32)
        pixels[:30] = 10
        pixels[:, :25] = 10
        pixels[90:110, 70:90] = 20
        field = exposed_field(film(pixels))
        self.assertFalse(field[:30].any() or field[:, :25].any())
        self.assertTrue(field[40:, 40:].all())

    def test_a_blank_film_and_one_of_another_size_are_refused(self):
        with self.assertRaisesRegex(InputError, "same value"):
            line_integrals(film(np.full((20, 20), 7, np.uint16)))
        view = View("pa", 10, 10, (0.2, 0.2), 1000.0, (5, 5))
        with self.assertRaisesRegex(InputError, "shape"):
            Film(Volume(np.zeros((1, 10, 11)), np.eye(4)), view)


if __name__ == "__main__":
    unittest.main()
