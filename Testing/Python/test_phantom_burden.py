"""How many deposits a hand has and how large they are: the published law, spread evenly over the hands of a study."""

import unittest

import numpy as np
from CalcinosisImagingLib.phantom.deposits import BURDEN_CORRELATION, burden, spread_out
from CalcinosisImagingLib.phantom.person import draw_hand, stream
from CalcinosisImagingLib.phantom.presets import PRESETS
from CalcinosisImagingLib.phantom.skeleton import build_skeleton
from scipy import stats


def drawn(first, count):
    """Numbers and volumes of the hands of a study."""
    found = [burden(spread_out(first, place)) for place in range(count)]
    return np.array([n for n, _ in found]), np.array([v if n else 0.0 for n, v in found])


class BurdenTest(unittest.TestCase):
    def test_many_hands_have_the_published_counts_and_volumes(self):
        counts, volumes = drawn(np.array([0.3, -0.4]), 20_000)
        self.assertAlmostEqual(counts.mean(), 6.3, delta=0.2)
        self.assertAlmostEqual(counts.std(), 6.5, delta=0.6)
        self.assertAlmostEqual(volumes.mean() / 656.7, 1.0, delta=0.05)
        self.assertAlmostEqual(volumes.std() / 1939.9, 1.0, delta=0.15)
        self.assertGreater(stats.spearmanr(counts, volumes).statistic, 0.5)

    def test_two_hundred_hands_of_any_study_have_the_published_mean_within_a_fifth(self):
        rng = np.random.default_rng(5)
        means = [drawn(rng.standard_normal(2), 200)[1].mean() for _ in range(20)]
        self.assertGreater(min(means), 0.8 * 656.7)
        self.assertLess(float(np.median(np.abs(np.array(means) / 656.7 - 1.0))), 0.1)

    def test_the_hands_of_a_study_fall_evenly_into_the_quantiles_of_volume(self):
        normals = np.array([spread_out(np.array([1.1, 0.2]), place) for place in range(32)])
        weights = np.array([BURDEN_CORRELATION, np.sqrt(1.0 - BURDEN_CORRELATION**2)])
        eighths = np.floor(8.0 * stats.norm.cdf(normals @ weights)).astype(int)
        counts = np.bincount(eighths, minlength=8)
        self.assertGreaterEqual(counts.min(), 3)
        self.assertLessEqual(counts.max(), 5)

    def test_the_first_hand_keeps_its_own_draw_and_the_second_goes_on_from_it(self):
        wide = PRESETS["typical"]
        rng = stream(4, "sub-01", "hand")
        build_skeleton(rng)
        own = rng.standard_normal(2)
        np.testing.assert_allclose(spread_out(own, 0), own, atol=1e-9)
        for number in (1, 2, 3):
            count, _ = burden(spread_out(own, number - 1))
            hand = draw_hand(4, f"sub-{number:02d}", wide)
            self.assertEqual(len(hand.deposits), np.clip(count, *wide.deposit_count))


if __name__ == "__main__":
    unittest.main()
