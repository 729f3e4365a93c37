"""Hands without deposits, full of what is none: arteries in many styles, sesamoids, nails, metal; both programs' hands.

`OPEN` (seeds from 1001 on) may be looked into, `HELD_OUT` (from 2001 on, the same scans of other hands) may not.
"""

from __future__ import annotations

import mesh_deposits
import mesh_hand
import mesh_vessels
import numpy as np
from CalcinosisImagingLib.analysis.anatomy import MIDDLES, PROXIMALS
from ct_hands import Case, phantom_case

BODY = ("sesamoid", "nail")
METAL = (*BODY, "ring", "wire", "sliver")

SCANS = {
    "0.3 mm, sharp": {"spacing_mm": (0.31, 0.31, 0.35), "psf_fwhm_mm": 0.55, "edge_gain": 0.6, "noise_hu": 45.0},
    "0.35 mm, metal": {"spacing_mm": (0.35, 0.35, 0.4), "psf_fwhm_mm": 0.6, "noise_hu": 35.0, "others": METAL},
    "0.4 mm": {"spacing_mm": (0.4, 0.4, 0.4), "psf_fwhm_mm": 0.7, "edge_gain": 0.1, "noise_hu": 25.0},
    "0.4 mm, noisy": {"spacing_mm": (0.4, 0.4, 0.5), "psf_fwhm_mm": 0.65, "edge_gain": 0.3, "noise_hu": 60.0},
    "0.45 mm, fingers, metal": {
        "spacing_mm": (0.45, 0.45, 0.45),
        "psf_fwhm_mm": 0.7,
        "noise_hu": 30.0,
        "others": METAL,
        "fingers": True,
    },
    "0.5 mm, osteopenic": {
        "spacing_mm": (0.5, 0.5, 0.5),
        "psf_fwhm_mm": 0.8,
        "noise_hu": 22.0,
        "cortex_hu": (650.0, 1150.0),
        "cortex_mm": (0.5, 1.3),
    },
    "0.6 mm": {"spacing_mm": (0.6, 0.6, 0.6), "psf_fwhm_mm": 0.85, "noise_hu": 20.0},
    "0.4 mm, 1 mm slices": {"spacing_mm": (0.4, 0.4, 1.0), "psf_fwhm_mm": 0.8, "noise_hu": 30.0},
    "0.35 mm, fingers": {
        "spacing_mm": (0.35, 0.35, 0.35),
        "psf_fwhm_mm": 0.55,
        "edge_gain": 0.4,
        "noise_hu": 40.0,
        "fingers": True,
    },
    "0.5 mm, 0.6 mm slices, metal": {
        "spacing_mm": (0.5, 0.5, 0.6),
        "psf_fwhm_mm": 0.75,
        "edge_gain": 0.2,
        "noise_hu": 28.0,
        "others": METAL,
    },
    "phantom, typical": "typical",
    "phantom, easy": "easy",
    "phantom, hard": "hard",
    "phantom, hard, again": "hard",
}


def _named(first: int) -> dict[str, tuple[int, dict | str]]:
    return {f"none {first + i}: {name}": (first + i, scan) for i, (name, scan) in enumerate(SCANS.items())}


OPEN, HELD_OUT = _named(1001), _named(2001)


def make_case(name: str) -> Case:
    """The hand of that name."""
    seed, scan = (OPEN | HELD_OUT)[name]
    return phantom_case(name, seed, scan, bare=True) if isinstance(scan, str) else _mesh_case(name, seed, **scan)


def _mesh_case(name: str, seed: int, others: tuple[str, ...] = BODY, fingers: bool = False, **scanner) -> Case:
    """A hand in a pose of its own, three to six of its arteries calcified."""
    rng = np.random.default_rng([seed, 81])
    pose = mesh_hand.random_pose(seed)
    bodies = (
        *mesh_deposits.make_distractors(pose, seed, others),
        *mesh_vessels.make_small_sesamoids(pose, seed),
        *mesh_vessels.make_arteries(pose, seed, int(rng.integers(3, 7))),
    )
    left = bool(rng.random() < 0.5)
    turned = tuple(float(a) for a in rng.uniform(-180, 180, 3))
    box = _fingers(pose) if fingers else None
    scan = mesh_hand.scan(
        pose, mesh_hand.Scanner(seed=seed, left=left, rotation_deg=turned, box=box, **scanner), (), bodies
    )
    kinds = tuple(body.kind for body in bodies)
    return Case(name, scan.volume, scan.bones, scan.deposits, (), scanner["noise_hu"], left, scan.others, kinds)


def _fingers(pose: mesh_hand.Pose) -> tuple[np.ndarray, np.ndarray]:
    """A box from the fingertips to the middle of the proximal phalanges."""
    site = mesh_deposits.Site(pose)
    tips = np.concatenate([site.clouds[f"distal-{d}"] for d in range(2, 6)])
    middles = np.concatenate([site.clouds[n] for n in MIDDLES])
    knuckles = np.mean([site.clouds[n].mean(0) for n in PROXIMALS[1:]], axis=0)
    cloud = np.concatenate([tips, middles, knuckles[None]])
    return cloud.min(0) - 12.0, cloud.max(0) + 12.0
