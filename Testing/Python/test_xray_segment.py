"""Deposits in a radiograph: a mitten of flesh with two bones and stones of known shadows."""

import unittest

import numpy as np
from CalcinosisImagingLib.analysis.segmentation import CONFIDENCE_TAG, REASON_TAG
from CalcinosisImagingLib.analysis.view import View
from CalcinosisImagingLib.analysis.volume import Volume
from CalcinosisImagingLib.analysis.xray.film import Film
from CalcinosisImagingLib.analysis.xray.segment import FilmSettings, segment_film
from scipy import ndimage

PIXEL_MM = 0.2
ROWS, COLUMNS = 450, 330
PHOTONS = 8000
FLESH, CORTEX, MARROW, CHALK = 0.021, 0.065, 0.030, 0.060
"""Attenuation per mm at about 55 kV."""
STONES = {"pad": (12.0, 33.0, 1.6), "edge": (40.0, 56.0, 1.8), "between": (60.0, 33.0, 2.2)}
"""Row and column of the centre and radius, mm."""


def chord(distance, radius):
    """Length of a ray through a ball or cylinder at a distance from its middle."""
    return 2 * np.sqrt(np.maximum(radius**2 - distance**2, 0))


def line_integral(stones=(), crossing=False):
    """Attenuation of mitten, two bones with flared ends, and stones."""
    rows, columns = np.mgrid[:ROWS, :COLUMNS] * PIXEL_MM
    flesh = chord((columns - 33) / 2.6, 10.0) * np.clip((rows - 4) / 6, 0, 1) ** 0.5
    total = flesh * FLESH
    for middle in (22.0, 44.0):
        for first, last in ((18.0, 50.0), (53.0, 95.0)):
            total += bone(rows, np.abs(columns - middle), first, last)
    if crossing:
        total += bone(columns, np.abs(rows - 70.0), 15.0, 50.0)
    for row, column, radius in stones:
        total += chord(np.hypot(rows - row, columns - column), radius) * (CHALK - FLESH)
    return total


def bone(along, off, first, last):
    """A tube that widens towards its ends, with a cap of cortex at each."""
    radius = 3.6 + 1.6 * (np.abs(along - (first + last) / 2) / ((last - first) / 2)) ** 4
    inside = ((along > first) & (along < last)).astype(float)
    cap = ((along > first + 0.8) & (along < last - 0.8)).astype(float)
    hollow = chord(off, radius - 1.0) * cap
    return inside * (chord(off, radius) - hollow) * (CORTEX - FLESH) + hollow * (MARROW - FLESH)


def a_film(total, seed=0, kind="linear", extra=None):
    """The exposed film; ``extra`` changes the beam before it is counted."""
    beam = ndimage.gaussian_filter(np.exp(-total), 0.6)
    if extra is not None:
        beam = extra(beam)
    counts = np.random.default_rng(seed).poisson(beam * PHOTONS) / PHOTONS
    bright = "air" if kind == "linear" else "bone"
    pixels = 3600 * counts if kind == "linear" else 500 - 1200 * np.log(np.maximum(counts, 1e-3))
    view = View(
        "pa",
        ROWS,
        COLUMNS,
        (PIXEL_MM, PIXEL_MM),
        1000.0,
        ((COLUMNS - 1) / 2, (ROWS - 1) / 2),
        intensity=kind,
        bright=bright,
    )
    voxels = np.rint(pixels).clip(0, 65535).astype(np.uint16)[None]
    return Film(Volume(voxels, np.diag([-PIXEL_MM, -PIXEL_MM, 1.0, 1.0])), view)


def disc(row, column, radius):
    """Pixels of a stone's shadow."""
    rows, columns = np.mgrid[:ROWS, :COLUMNS] * PIXEL_MM
    return np.hypot(rows - row, columns - column) < radius


class FindTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.found = segment_film(a_film(line_integral(STONES.values())))

    def test_each_stone_outside_bone_is_found_once_and_nothing_else(self):
        labels = self.found.deposits.labels[0]
        claimed = []
        for name, place in STONES.items():
            with self.subTest(name):
                label = int(labels[round(place[0] / PIXEL_MM), round(place[1] / PIXEL_MM)])
                self.assertGreater(label, 0)
                claimed.append(label)
        self.assertEqual(sorted(claimed), [s.label for s in self.found.deposits.segments])

    def test_the_outline_follows_the_shadow(self):
        # Half the height of a ball's shadow is reached at sqrt(3/4) of its radius: three quarters of the area.
        for name, place in STONES.items():
            with self.subTest(name):
                truth = disc(*place)
                label = self.found.deposits.labels[0][truth].max()
                mask = self.found.deposits.labels[0] == label
                self.assertGreater(mask.sum() / truth.sum(), 0.55)
                self.assertLess(mask.sum() / truth.sum(), 1.25)
                self.assertGreater(2 * (mask & truth).sum() / (mask.sum() + truth.sum()), 0.7)

    def test_labels_names_and_tags_are_those_of_deposits(self):
        deposits = self.found.deposits
        self.assertEqual(deposits.labels.dtype, np.uint16)
        self.assertEqual(deposits.labels.shape, (1, ROWS, COLUMNS))
        sizes = np.bincount(deposits.labels.ravel())[1:]
        self.assertEqual(list(sizes), sorted(sizes, reverse=True))
        for number, segment in enumerate(deposits.segments, start=1):
            self.assertEqual((segment.label, segment.segment_id), (number, f"deposit-{number}"))
            self.assertTrue(0 <= float(segment.tags[CONFIDENCE_TAG]) <= 1)
        for segment in self.found.rejected.segments:
            self.assertTrue(segment.tags[REASON_TAG])
            self.assertNotIn("|", segment.tags[REASON_TAG])

    def test_the_same_film_gives_the_same_bytes(self):
        again = segment_film(a_film(line_integral(STONES.values())))
        self.assertEqual(again.deposits.labels.tobytes(), self.found.deposits.labels.tobytes())
        self.assertEqual(again.deposits.segments, self.found.deposits.segments)


class PrecisionTest(unittest.TestCase):
    def assert_none(self, film):
        found = segment_film(film)
        self.assertEqual([(s.label, s.tags) for s in found.deposits.segments], [])

    def test_bones_their_ends_and_joints_are_no_deposits(self):
        for seed in range(3):
            with self.subTest(seed):
                self.assert_none(a_film(line_integral(), seed))

    def test_bones_that_cross_are_no_deposits(self):
        self.assert_none(a_film(line_integral(crossing=True)))

    def test_a_letter_beside_the_hand_and_the_collimator_are_no_deposits(self):
        def lead(beam):
            beam = beam.copy()
            beam[30:50, 12:16] *= 0.1
            beam[46:50, 12:24] *= 0.1
            beam[:6], beam[:, -5:] = 0.004, 0.004
            return beam

        self.assert_none(a_film(line_integral(), extra=lead))


class VariantTest(unittest.TestCase):
    def test_a_logarithmic_film_with_bright_bone_gives_the_same_deposits(self):
        total = line_integral(STONES.values())
        linear = segment_film(a_film(total)).deposits.labels > 0
        log = segment_film(a_film(total, kind="log")).deposits.labels > 0
        self.assertGreater((linear & log).sum() / (linear | log).sum(), 0.85)

    def test_fragments_closer_than_two_millimetres_are_one_deposit(self):
        for gap, count in ((1.0, 1), (4.0, 2)):
            with self.subTest(gap):
                pair = [(30.0, 33.0, 1.3), (30.0 + 2.6 + gap, 33.0, 1.3)]
                found = segment_film(a_film(line_integral(pair)))
                self.assertEqual(len(found.deposits.segments), count)

    def test_more_sensitivity_finds_no_fewer_pixels(self):
        faint = [(12.0, 33.0, 0.7), (40.0, 33.0, 0.9), (60.0, 33.0, 1.5)]
        film = a_film(line_integral(faint))
        sizes = [(segment_film(film, FilmSettings(sensitivity=s)).deposits.labels > 0).sum() for s in (0.1, 0.5, 0.9)]
        self.assertEqual(sizes, sorted(sizes))
        self.assertGreater(sizes[-1], 0)

    def test_a_film_that_shows_nothing_has_no_deposits(self):
        found = segment_film(a_film(np.zeros((ROWS, COLUMNS))))
        self.assertEqual(found.deposits.segments, ())


if __name__ == "__main__":
    unittest.main()
