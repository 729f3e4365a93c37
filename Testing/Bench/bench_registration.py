"""Accuracy of the CT-MR registration on re-posed hands from real bone surfaces, by contrast and voxel.

Run alone, or through ``make bench``: python Testing/Bench/bench_registration.py
"""

import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "CalcinosisImaging"), str(ROOT / "Testing" / "Python")]

import registration_hand as hand  # noqa: E402
from CalcinosisImagingLib.analysis.anatomy import BONE_NAMES  # noqa: E402
from CalcinosisImagingLib.analysis.registration.register import register_ct_to_mr  # noqa: E402

CASES = (
    ("t1", (0.7, 0.7, 0.7), 1.0),
    ("fatsat", (0.5, 0.5, 1.0), 1.0),
    ("gre", (0.6, 2.5, 0.6), 1.0),
    ("t1", (0.8, 0.8, 0.8), 1.5),
)
"""Contrast, voxel (mm), and how far hand and joints move (1: up to 30 degrees about each axis and 25 mm)."""


HEADER = (
    "| contrast | voxel mm | motion | median mm | 95 % mm | worst kept mm | failed | within upper95 | CPU s |",
    "|---|---|---|---|---|---|---|---|---|",
)


def rows():
    """The lines of the table, one by one."""
    yield from HEADER
    ct, bones = hand.make_ct({bone: np.eye(4) for bone in BONE_NAMES}, (0.5, 0.5, 0.5))
    for seed, (contrast, voxel, amount) in enumerate(CASES):
        poses = hand.random_pose(BONE_NAMES, 100 + seed, amount)
        tilt = np.random.default_rng(seed).uniform(-6, 6, 3)
        mr = hand.make_mr(poses, voxel, contrast, seed=seed, tilt_degrees=tilt)
        start = time.process_time()
        registration = register_ct_to_mr(ct, mr, bones)
        seconds = time.process_time() - start
        error = np.array(list(hand.bone_errors(registration, poses).values()))
        kept = np.array([bone.flag != "failed" for bone in registration.bones.values()])
        bound = np.array([bone.upper95_mm for bone in registration.bones.values()])
        yield (
            f"| {contrast} | {' × '.join(f'{v:g}' for v in voxel)} | {amount:g} | {np.median(error):.2f} "
            f"| {np.percentile(error, 95):.2f} | {error[kept].max():.2f} | {np.count_nonzero(~kept)} of {len(kept)} "
            f"| {100 * np.mean(error[kept] <= bound[kept]):.0f} % | {seconds:.0f} |"
        )


def run() -> str:
    """A table in Markdown."""
    return "\n".join(rows())


if __name__ == "__main__":
    for row in rows():
        print(row, flush=True)
