"""The digital hand's tissues lie within published ranges, for every person that is drawn."""

import unittest

import numpy as np
from CalcinosisImagingLib.phantom.mr import signals
from CalcinosisImagingLib.phantom.tissues import RELAXATION, draw_materials

HU = {"fat": (-115, -50), "muscle": (40, 70), "tendon": (75, 130), "vessel": (40, 65), "cortex": (1000, 1900)}
"""Fat and blood: Prokop, Spiral and Multislice CT of the Body (2003); muscle, tendon and the cortex of small bones as
commonly given."""
T1_MS = {"muscle": (1200, 1500), "fat": (330, 410), "marrow": (330, 410)}
"""3 T: Gold et al., AJR 183:343 (2004); Jordan et al., Eur J Radiol 82:734 (2013)."""
T2_MS = {"muscle": (27, 45), "fat": (41, 143), "marrow": (42, 160)}
"""3 T, all sequences: Pai et al., Magn Reson Imaging 26:1215 (2008)."""


class TissuesTest(unittest.TestCase):
    def test_every_person_has_densities_within_the_ranges(self):
        for seed in range(200):
            hu = draw_materials(np.random.default_rng(seed)).hu
            for name, (low, high) in HU.items():
                self.assertTrue(low <= hu[name] <= high, (seed, name, hu[name]))
            self.assertLess(hu["fat"], hu["muscle"])
            self.assertLess(hu["muscle"], hu["tendon"] + 10)
            self.assertLess(hu["spongy"], hu["cortex"] / 2)

    def test_relaxation_times_at_3_tesla_are_within_the_ranges(self):
        for table, key in ((T1_MS, "t1_ms"), (T2_MS, "t2_ms")):
            for name, (low, high) in table.items():
                value = getattr(RELAXATION[name], key)
                self.assertTrue(low <= value <= high, (name, key, value))
        for name, tissue in RELAXATION.items():
            self.assertLessEqual(tissue.t2_star_ms, tissue.t2_ms, name)
            self.assertLessEqual(tissue.t2_ms, tissue.t1_ms, name)

    def test_the_order_of_brightness_is_that_of_a_clinical_image(self):
        t1, t2, gre = signals("t1"), signals("t2fs"), signals("gre")
        for image in (t1, t2, gre):
            for dark in ("cortex", "chalk"):
                self.assertLess(image[dark], 0.02 * image["muscle"], "no signal in cortex and chalk")
            self.assertLess(image["tendon"], 0.25 * image["muscle"])
        self.assertGreater(t1["fat"], 2 * t1["muscle"])
        self.assertGreater(t1["marrow"], 2 * t1["muscle"])
        self.assertLess(t2["fat"], t2["muscle"], "fat is saturated")
        for bright in ("paste", "fluid", "vessel"):
            self.assertGreater(t2[bright], 3 * t2["muscle"])


if __name__ == "__main__":
    unittest.main()
