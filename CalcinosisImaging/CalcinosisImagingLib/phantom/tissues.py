"""What tissues look like: attenuation in CT and on film, and the constants that make their MR signal.

HU: fat, muscle, blood and cortex are those of the tissues of ICRU Report 44 (1989) with the attenuation tables of NIST
between 60 and 80 keV; an elbow's tendons measure 65 to 71 HU in CT. Skin, cartilage, ligament, nail are estimates.
MR at 3 T: T1 and T2 of fat, marrow, muscle, cartilage and synovial fluid within the ranges of Gold et al., AJR 183:343
(2004), Jordan et al., Eur J Radiol 82:734 (2013), and Pai et al., Magn Reson Imaging 26:1215 (2008: muscle T2 34 ms,
fat 41 to 143 ms);
tendon, cortex and lime decay within a few milliseconds. Proton densities, T2* and lime are estimates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

HU_MEAN: dict[str, float] = {
    "air": -1000.0,
    "skin": 60.0,
    "fat": -95.0,
    "muscle": 55.0,
    "tendon": 75.0,
    "vessel": 45.0,
    "cortex": 1500.0,
    "spongy": 330.0,
    "marrow": 10.0,
    "nail": 180.0,
    "calcified": 700.0,
    "metal": 8000.0,
    "cartilage": 80.0,
    "ligament": 75.0,
    "synovia": 15.0,
    "nerve": 40.0,
}
"""Mean HU of each tissue; deposits and metal have their own."""


@dataclass(frozen=True)
class Relaxation:
    """MR constants: proton density relative to water, T1, T2 and T2* in ms; fat fraction of the signal."""

    proton_density: float
    t1_ms: float
    t2_ms: float
    t2_star_ms: float
    fat: float = 0.0


RELAXATION: dict[str, Relaxation] = {
    "air": Relaxation(0.0, 1000.0, 1.0, 1.0),
    "skin": Relaxation(0.70, 900.0, 30.0, 12.0),
    "fat": Relaxation(0.95, 371.0, 133.0, 25.0, 0.95),
    "muscle": Relaxation(0.85, 1420.0, 32.0, 24.0),
    "tendon": Relaxation(0.60, 620.0, 4.0, 2.0),
    "vessel": Relaxation(0.90, 1900.0, 150.0, 50.0),
    "cortex": Relaxation(0.20, 220.0, 0.5, 0.4),
    "spongy": Relaxation(0.80, 390.0, 110.0, 10.0, 0.90),
    "marrow": Relaxation(0.92, 371.0, 133.0, 18.0, 0.92),
    "chalk": Relaxation(0.05, 500.0, 1.0, 0.3),
    "paste": Relaxation(0.90, 1500.0, 160.0, 15.0),
    "settled": Relaxation(0.70, 900.0, 40.0, 6.0),
    "fluid": Relaxation(0.95, 2200.0, 300.0, 60.0),
    "nail": Relaxation(0.15, 300.0, 1.0, 0.5),
    "calcified": Relaxation(0.05, 500.0, 1.0, 0.3),
    "cartilage": Relaxation(0.75, 1240.0, 37.0, 22.0),
    "ligament": Relaxation(0.60, 700.0, 9.0, 4.0),
    "nerve": Relaxation(0.80, 1080.0, 60.0, 25.0, 0.15),
    "synovia": Relaxation(0.98, 3620.0, 767.0, 200.0),
    "metal": Relaxation(0.0, 1000.0, 0.1, 0.1),
}


@dataclass(frozen=True)
class Materials:
    """The densities of one person.

    Attributes
    ----------
    hu: HU of each tissue.
    """

    hu: Mapping[str, float]


def draw_materials(rng: np.random.Generator) -> Materials:
    """Densities of one person: bone density varies most."""
    z = np.clip(rng.standard_normal(len(HU_MEAN)), -2, 2)
    spread = {"cortex": 160.0, "spongy": 70.0, "marrow": 25.0, "muscle": 5.0, "fat": 7.0, "tendon": 6.0, "skin": 6.0}
    return Materials(
        {name: mean + spread.get(name, 0.0) * float(z[i]) for i, (name, mean) in enumerate(HU_MEAN.items())}
    )


WATER_PER_MM = 0.02
"""Attenuation of water at the effective energy of the films, per mm: the figure that the library's DRR uses too."""


def attenuation_per_mm(hu: float) -> float:
    """Attenuation per mm of a material of that HU."""
    return WATER_PER_MM * max(0.0, 1.0 + hu / 1000.0)
