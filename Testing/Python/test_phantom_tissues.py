"""The digital hand's tissues lie within published ranges, for every person that is drawn."""

import unittest

import numpy as np
from CalcinosisImagingLib.phantom.mr import signals
from CalcinosisImagingLib.phantom.tissues import RELAXATION, draw_materials

PHOTON_KEV = {60: 0.2059, 80: 0.1837}
"""Mass attenuation of water (cm2/g) at the energies between which the mean of a 120 kV beam lies; NIST, ICRU-44."""
ICRU_44 = {
    "fat": (0.95, {60: 0.1974, 80: 0.1800}),
    "muscle": (1.05, {60: 0.2048, 80: 0.1823}),
    "vessel": (1.06, {60: 0.2057, 80: 0.1827}),
    "cortex": (1.92, {60: 0.3148, 80: 0.2229}),
}
"""Density and mass attenuation of adipose tissue, skeletal muscle, blood and cortical bone: ICRU Report 44 (1989);
Hubbell and Seltzer, NIST X-Ray Mass Attenuation Coefficients (1995)."""
SPREAD_HU = {"fat": (-20, 20), "muscle": (-15, 25), "vessel": (-15, 5), "cortex": (-200, 0)}
"""What persons may differ from the reference tissue: fat by its water, muscle by its fat, blood by its haematocrit,
cortex by pores, of which it may have 15 % (our allowance)."""
TENDON_HU = (60, 90)
"""Mean of the tendon of 25 sound elbows 65 to 71 HU ("Quantitative assessment of ECRB tendon degeneration in lateral
epicondylitis using CT Hounsfield units", abstract); the limits about it are ours."""
T1_MS = {"muscle": (1200, 1500), "fat": (330, 410), "marrow": (330, 410), "cartilage": (1026, 1454)}
T1_MS |= {"synovia": (2980, 4260)}
"""3 T: Gold et al., AJR 183:343 (2004), cartilage 1240 (107), fluid 3620 (320), here with 2 SD; Jordan et al., Eur J
Radiol 82:734 (2013)."""
T2_MS = {"muscle": (27, 45), "fat": (41, 143), "marrow": (42, 160), "cartilage": (29, 45), "synovia": (669, 865)}
"""3 T, all sequences: Pai et al., Magn Reson Imaging 26:1215 (2008); cartilage 36.9 (3.8), fluid 767 (49): Gold."""


def reference_hu(name):
    """Lowest and highest HU of an ICRU-44 tissue between 60 and 80 keV."""
    density, attenuation = ICRU_44[name]
    values = [1000.0 * (density * attenuation[e] / water - 1.0) for e, water in PHOTON_KEV.items()]
    return min(values), max(values)


class TissuesTest(unittest.TestCase):
    def test_every_person_has_densities_within_the_ranges(self):
        for seed in range(200):
            hu = draw_materials(np.random.default_rng(seed)).hu
            for name, (below, above) in SPREAD_HU.items():
                low, high = reference_hu(name)
                self.assertTrue(low + below <= hu[name] <= high + above, (seed, name, hu[name], low, high))
            self.assertTrue(TENDON_HU[0] <= hu["tendon"] <= TENDON_HU[1], (seed, hu["tendon"]))
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
