"""Hands for the CT benchmark: drawn from bone surfaces (`mesh_hand`) and by the digital hand, with their truth.

`OPEN` hands may be looked into while the method is worked on. `HELD_OUT` hands may not: they are scored as a whole, by
`bench_ct.py` alone, and no threshold was chosen by them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import mesh_deposits
import mesh_hand
import numpy as np
from CalcinosisImagingLib.analysis.volume import Volume, transform_points
from CalcinosisImagingLib.phantom.ct import image_ct
from CalcinosisImagingLib.phantom.person import draw_hand, stream
from CalcinosisImagingLib.phantom.pose import draw_angles, draw_placement
from CalcinosisImagingLib.phantom.presets import preset_named
from CalcinosisImagingLib.phantom.scanner import ct_grid

SOFT_HU = 55.0


@dataclass(frozen=True, eq=False)
class Truth:
    """What is known of one deposit: stone | paste | plate | net | stippled | pair."""

    kind: str
    touching: bool
    volume_mm3: float
    hu: float


@dataclass(frozen=True, eq=False)
class Case:
    """A CT and its truth.

    Attributes
    ----------
    bones, deposits: labels (K, J, I).
    others: labels of dense things that are no deposits (0 where not drawn on the grid), ``other_names`` from 1.
    """

    name: str
    volume: Volume
    bones: np.ndarray
    deposits: np.ndarray
    truths: tuple[Truth, ...]
    noise_hu: float
    left: bool
    others: np.ndarray
    other_names: tuple[str, ...]


SMALL = ("sesamoid", "nail")
VESSEL = (*SMALL, "artery")
INSIDE = (*VESSEL, "wire", "sliver")


def _mesh(seed: int, spacing: tuple[float, float, float], blur: float, gain: float, noise: float, **more) -> dict:
    return {"seed": seed, "spacing_mm": spacing, "psf_fwhm_mm": blur, "edge_gain": gain, "noise_hu": noise, **more}


OPEN_MESH = {
    "surfaces 21: 0.4 mm": _mesh(21, (0.4, 0.4, 0.4), 0.7, 0.0, 25, others=VESSEL),
    "surfaces 22: 0.5 mm, left": _mesh(
        22, (0.5, 0.5, 0.5), 0.8, 0.0, 30, others=INSIDE, left=True, rotation_deg=(70, 20, 130)
    ),
    "surfaces 23: 0.35 mm, bone kernel": _mesh(23, (0.35, 0.35, 0.4), 0.6, 0.5, 45, rotation_deg=(-90, 30, 10)),
    "surfaces 24: 0.6 mm": _mesh(24, (0.6, 0.6, 0.6), 0.85, 0.0, 20, others=SMALL, rotation_deg=(180, 0, 0)),
    "surfaces 25: 0.4 mm, none": _mesh(25, (0.4, 0.4, 0.45), 0.7, 0.3, 35, count=0, rotation_deg=(0, 90, 20)),
    "surfaces 61: 0.4 mm": _mesh(
        61, (0.4, 0.4, 0.4), 0.65, 0.0, 30, others=VESSEL, left=True, rotation_deg=(20, 0, 200)
    ),
    "surfaces 62: 0.35 mm, bone kernel": _mesh(62, (0.35, 0.35, 0.35), 0.55, 0.6, 50, rotation_deg=(90, 10, 0)),
    "surfaces 63: 0.5 mm": _mesh(63, (0.5, 0.5, 0.45), 0.75, 0.2, 25, others=INSIDE, rotation_deg=(5, 170, 60)),
    "surfaces 64: 0.6 mm, osteopenic": _mesh(
        64, (0.55, 0.55, 0.6), 0.8, 0.0, 20, others=SMALL, left=True, cortex_hu=(700.0, 1200.0), cortex_mm=(0.5, 1.4)
    ),
    "surfaces 65: 0.45 mm, none": _mesh(65, (0.45, 0.45, 0.45), 0.7, 0.3, 30, count=0, rotation_deg=(-40, 20, 90)),
    "surfaces 81: 0.4 mm": _mesh(
        81, (0.4, 0.4, 0.45), 0.65, 0.1, 28, others=VESSEL, left=True, rotation_deg=(200, 10, -60)
    ),
    "surfaces 82: 0.35 mm, bone kernel": _mesh(82, (0.33, 0.33, 0.4), 0.55, 0.55, 45, rotation_deg=(80, -20, 5)),
    "surfaces 83: 0.5 mm": _mesh(83, (0.48, 0.48, 0.5), 0.8, 0.0, 24, others=INSIDE, rotation_deg=(0, 160, 20)),
    "surfaces 84: 0.6 mm, osteopenic": _mesh(
        84, (0.6, 0.6, 0.55), 0.82, 0.0, 18, others=SMALL, cortex_hu=(650.0, 1150.0), cortex_mm=(0.5, 1.3)
    ),
    "surfaces 85: 0.3 mm, none": _mesh(85, (0.32, 0.32, 0.4), 0.6, 0.4, 40, count=0, rotation_deg=(60, 0, 70)),
    "surfaces 141: 0.4 mm": _mesh(141, (0.42, 0.42, 0.4), 0.7, 0.0, 26, others=VESSEL, rotation_deg=(30, 10, 110)),
    "surfaces 142: 0.35 mm, bone kernel": _mesh(
        142, (0.35, 0.35, 0.37), 0.58, 0.5, 48, left=True, rotation_deg=(100, 25, -15)
    ),
    "surfaces 143: 0.5 mm": _mesh(143, (0.5, 0.5, 0.6), 0.78, 0.1, 22, others=INSIDE, rotation_deg=(-10, 150, 45)),
    "surfaces 144: 0.6 mm, osteopenic": _mesh(
        144, (0.58, 0.58, 0.6), 0.85, 0.0, 19, others=SMALL, cortex_hu=(700.0, 1150.0), cortex_mm=(0.5, 1.4)
    ),
    "surfaces 145: 0.35 mm, none": _mesh(145, (0.34, 0.34, 0.4), 0.62, 0.3, 38, count=0, rotation_deg=(50, 10, 80)),
    "surfaces 146: 0.5 mm, none, left": _mesh(
        146, (0.5, 0.5, 0.5), 0.75, 0.1, 25, count=0, left=True, rotation_deg=(-60, 40, 0)
    ),
    "surfaces 161: 0.4 mm, left": _mesh(
        161, (0.38, 0.38, 0.42), 0.66, 0.2, 30, others=VESSEL, left=True, rotation_deg=(-20, 100, 15)
    ),
    "surfaces 162: 0.3 mm, bone kernel": _mesh(162, (0.31, 0.31, 0.4), 0.54, 0.6, 52, rotation_deg=(140, 5, 40)),
    "surfaces 163: 0.5 mm": _mesh(163, (0.47, 0.47, 0.55), 0.76, 0.0, 23, others=INSIDE, rotation_deg=(10, -70, 30)),
    "surfaces 164: 0.6 mm, osteopenic, left": _mesh(
        164,
        (0.6, 0.6, 0.6),
        0.83,
        0.1,
        18,
        others=SMALL,
        left=True,
        cortex_hu=(680.0, 1150.0),
        cortex_mm=(0.5, 1.3),
        rotation_deg=(75, 15, -100),
    ),
    "surfaces 165: 0.45 mm": _mesh(165, (0.45, 0.45, 0.4), 0.72, 0.1, 27, others=SMALL, rotation_deg=(190, 35, 60)),
    "surfaces 166: 0.55 mm, none": _mesh(166, (0.55, 0.55, 0.5), 0.8, 0.0, 22, count=0, rotation_deg=(35, -25, 150)),
    "surfaces 167: 0.4 mm, none, left": _mesh(
        167, (0.36, 0.36, 0.45), 0.64, 0.35, 42, count=0, left=True, rotation_deg=(0, 60, -75)
    ),
    "surfaces 181: 0.4 mm": _mesh(181, (0.4, 0.4, 0.36), 0.68, 0.15, 29, others=VESSEL, rotation_deg=(45, -30, 160)),
    "surfaces 182: 0.35 mm, bone kernel, left": _mesh(
        182, (0.34, 0.34, 0.36), 0.56, 0.55, 50, left=True, rotation_deg=(-110, 15, 25)
    ),
    "surfaces 183: 0.5 mm": _mesh(183, (0.5, 0.5, 0.52), 0.79, 0.05, 24, others=INSIDE, rotation_deg=(20, 80, -40)),
    "surfaces 184: 0.6 mm, osteopenic": _mesh(
        184,
        (0.57, 0.57, 0.6),
        0.84,
        0.0,
        19,
        others=SMALL,
        cortex_hu=(690.0, 1180.0),
        cortex_mm=(0.5, 1.4),
        rotation_deg=(-80, 0, 100),
    ),
    "surfaces 185: 0.45 mm, left": _mesh(
        185, (0.44, 0.44, 0.45), 0.7, 0.1, 26, others=SMALL, left=True, rotation_deg=(160, -35, 20)
    ),
    "surfaces 186: 0.5 mm, none": _mesh(186, (0.5, 0.5, 0.45), 0.77, 0.1, 24, count=0, rotation_deg=(15, 35, -130)),
    "surfaces 187: 0.35 mm, none, left": _mesh(
        187, (0.35, 0.35, 0.4), 0.6, 0.4, 44, count=0, left=True, rotation_deg=(95, -10, 35)
    ),
}
HELD_OUT_MESH = {
    "surfaces 201: 0.4 mm, left": _mesh(
        201, (0.41, 0.41, 0.4), 0.67, 0.1, 27, others=VESSEL, left=True, rotation_deg=(35, 60, -20)
    ),
    "surfaces 202: 0.35 mm, bone kernel": _mesh(202, (0.33, 0.33, 0.38), 0.55, 0.5, 47, rotation_deg=(85, -15, 120)),
    "surfaces 203: 0.5 mm": _mesh(203, (0.49, 0.49, 0.5), 0.78, 0.0, 23, others=INSIDE, rotation_deg=(-25, 110, 50)),
    "surfaces 204: 0.6 mm, osteopenic, left": _mesh(
        204,
        (0.59, 0.59, 0.55),
        0.83,
        0.0,
        18,
        others=SMALL,
        left=True,
        cortex_hu=(700.0, 1170.0),
        cortex_mm=(0.5, 1.4),
        rotation_deg=(120, 20, -60),
    ),
    "surfaces 205: 0.45 mm": _mesh(205, (0.46, 0.46, 0.4), 0.73, 0.15, 28, others=SMALL, rotation_deg=(-150, 10, 30)),
    "surfaces 206: 0.5 mm, none, left": _mesh(
        206, (0.52, 0.52, 0.5), 0.78, 0.0, 23, count=0, left=True, rotation_deg=(60, -40, 15)
    ),
    "surfaces 207: 0.35 mm, none": _mesh(207, (0.34, 0.34, 0.38), 0.61, 0.35, 40, count=0, rotation_deg=(10, 25, 140)),
}
OPEN_PHANTOM = {
    "phantom 31: typical": (31, "typical"),
    "phantom 32: easy": (32, "easy"),
    "phantom 71: typical": (71, "typical"),
    "phantom 72: typical": (72, "typical"),
    "phantom 73: easy": (73, "easy"),
    "phantom 74: hard, 1 mm slices": (74, "hard"),
    "phantom 91: typical": (91, "typical"),
    "phantom 92: typical": (92, "typical"),
    "phantom 93: easy": (93, "easy"),
    "phantom 94: hard, 1 mm slices": (94, "hard"),
    "phantom 151: typical": (151, "typical"),
    "phantom 152: typical": (152, "typical"),
    "phantom 153: easy": (153, "easy"),
    "phantom 154: hard, 1 mm slices": (154, "hard"),
    "phantom 171: typical": (171, "typical"),
    "phantom 172: easy": (172, "easy"),
    "phantom 173: typical": (173, "typical"),
    "phantom 174: hard, 1 mm slices": (174, "hard"),
    "phantom 191: typical": (191, "typical"),
    "phantom 192: easy": (192, "easy"),
    "phantom 193: typical": (193, "typical"),
    "phantom 194: hard, 1 mm slices": (194, "hard"),
}
HELD_OUT_PHANTOM = {
    "phantom 211: typical": (211, "typical"),
    "phantom 212: easy": (212, "easy"),
    "phantom 213: typical": (213, "typical"),
    "phantom 214: hard, 1 mm slices": (214, "hard"),
}
OPEN = (*OPEN_MESH, *OPEN_PHANTOM)
HELD_OUT = (*HELD_OUT_MESH, *HELD_OUT_PHANTOM)


def make_case(name: str) -> Case:
    """The hand of that name."""
    mesh, phantom = OPEN_MESH | HELD_OUT_MESH, OPEN_PHANTOM | HELD_OUT_PHANTOM
    return _mesh_case(name, **mesh[name]) if name in mesh else phantom_case(name, *phantom[name])


def _mesh_case(
    name: str, seed: int, count: int = 24, others: tuple[str, ...] = mesh_deposits.DISTRACTORS, **scanner
) -> Case:
    pose = mesh_hand.random_pose(seed)
    bodies = mesh_deposits.make_distractors(pose, seed, others)
    deposits = mesh_deposits.make_deposits(pose, seed, count, 2 if count else 0, bodies)
    scan = mesh_hand.scan(pose, mesh_hand.Scanner(seed=seed, **scanner), deposits, bodies)
    truths = tuple(
        Truth(d.kind.split()[0], d.kind.endswith("touching"), v, d.hu)
        for d, v in zip(deposits, scan.true_volume_mm3, strict=True)
    )
    left = bool(scanner.get("left", False))
    names = tuple(d.kind for d in bodies)
    return Case(name, scan.volume, scan.bones, scan.deposits, truths, scanner["noise_hu"], left, scan.others, names)


def phantom_case(name: str, seed: int, preset_name: str, bare: bool = False) -> Case:
    """One hand of the preset's scanner (``bare``: without deposits). Balls mark the middles of what is none."""
    preset = preset_named(preset_name)
    hand = draw_hand(seed, "sub-01", preset)
    if bare:
        hand = replace(hand, deposits=())
    rng = stream(seed, "bench", "pose")
    placement = draw_placement(rng, "ct", hand.side, preset.turn_deg, 0.0)
    posed = hand.held(draw_angles(rng, "ct"), placement, np.zeros((len(hand.deposits), 3)), (0.0, 1.0, 0.0))
    grid = ct_grid([posed], preset.ct.pixel_mm, preset.ct.slice_mm)
    hu, painted = image_ct([posed], grid, preset.ct, stream(seed, "bench", "noise"))
    volume = Volume(hu, grid.ijk_to_world)
    truths = tuple(
        Truth("paste" if d.content.consistency == "paste" else d.kind, d.site.touches, d.volume_mm3, d.mean_hu)
        for d in hand.deposits
    )
    others = np.zeros(hu.shape, np.uint8)
    for number, item in enumerate(hand.distractors, start=1):
        middle = transform_points(posed.distractor_to_world(item), np.mean(item.shape.bounds, axis=0))
        _mark(others, volume, middle, float(np.ptp(item.shape.bounds, axis=0).max()) / 2 + 1.0, number)
    names = tuple(item.name for item in hand.distractors)
    left = hand.side == "left"
    return Case(name, volume, painted.bones, painted.deposits, truths, preset.ct.noise_hu, left, others, names)


def _mark(labels: np.ndarray, volume: Volume, middle: np.ndarray, radius: float, number: int) -> None:
    """Write a ball's number into the labels."""
    kji = volume.to_ijk(middle)[::-1]
    spacing = volume.spacing_mm[::-1]
    low = np.maximum(np.floor(kji - radius / spacing), 0).astype(int)
    high = np.minimum(np.ceil(kji + radius / spacing) + 1, labels.shape).astype(int)
    k, j, i = np.ogrid[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    away = sum(((n - c) * s) ** 2 for n, c, s in zip((k, j, i), kji, spacing, strict=True))
    labels[tuple(slice(a, b) for a, b in zip(low, high, strict=True))][away < radius**2] = number
