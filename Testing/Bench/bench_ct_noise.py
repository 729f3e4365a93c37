"""False deposits of noise alone: soft tissue with cords as dense as tendons, without bone, deposits or metal.

``python bench_ct_noise.py`` draws blocks of tissue with noise of several sizes and grains. What is found is false. Also
balls of faint paste are put in: how many of them are found.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from scipy import ndimage

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "CalcinosisImaging")]

from CalcinosisImagingLib.analysis.ct.deposits import find_candidates  # noqa: E402
from CalcinosisImagingLib.analysis.ct.noise import measure_noise  # noqa: E402
from CalcinosisImagingLib.analysis.ct.psf import gaussian  # noqa: E402
from CalcinosisImagingLib.analysis.ct.settings import CtSettings  # noqa: E402
from CalcinosisImagingLib.analysis.ct.skin_depth import skin_depth  # noqa: E402

HAND_MM3 = 300_000.0
"""Soft tissue of a hand."""
STEP_MM, FWHM_MM, SIDE = 0.45, 0.7, (150, 180, 180)
MUSCLE_HU, TENDON_HU = 50.0, 105.0
CORD_MM, APART_MM = 4.0, 16.0
SCANS = ((25.0, 0.5), (40.0, 0.5), (60.0, 0.5), (60.0, 0.9), (90.0, 0.5))
"""Standard deviation of the noise (HU), and sigma of its grain (voxels)."""
PASTE = ((5.0, 250.0), (5.0, 350.0), (10.0, 200.0), (10.0, 250.0), (20.0, 180.0), (20.0, 250.0))
"""Volume (mm³) and HU. Contrast over noise times the root of the number of voxels is 10 and more in all of them."""
EACH = 4


def tissue(rng: np.random.Generator) -> np.ndarray:
    """Muscle with parallel cords of tendon, HU."""
    hu = np.full(SIDE, MUSCLE_HU, np.float32)
    j, i = np.mgrid[: SIDE[1], : SIDE[2]] * STEP_MM
    shift = rng.uniform(0, APART_MM, 2)
    beside = [(x + s) % APART_MM - APART_MM / 2 for x, s in ((j, shift[0]), (i, shift[1]))]
    hu[:, np.hypot(*beside) < CORD_MM / 2] = TENDON_HU
    return hu


def balls(hu: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Put `EACH` balls of every `PASTE` into the tissue (in place); their labels, in turn."""
    labels = np.zeros(SIDE, np.uint8)
    places = np.stack(np.meshgrid(*[np.arange(25, n - 24, 25) for n in SIDE], indexing="ij"), -1).reshape(-1, 3)
    for number, place in enumerate(rng.permutation(places)[: EACH * len(PASTE)]):
        volume, value = PASTE[number % len(PASTE)]
        middle = place + rng.uniform(-0.5, 0.5, 3)
        radius = (0.75 * volume / np.pi) ** (1 / 3)
        box = tuple(slice(p - 12, p + 13) for p in place)
        away = np.sqrt(sum((g - m) ** 2 for g, m in zip(np.mgrid[box], middle, strict=True))) * STEP_MM
        share = np.clip((radius - away) / STEP_MM + 0.5, 0, 1)
        hu[box] += (share * (value - hu[box])).astype(np.float32)
        labels[box][share >= 0.5] = number + 1
    return labels


def found(hu: np.ndarray, noise_hu: float, grain: float, rng: np.random.Generator) -> np.ndarray:
    """Labels of what is taken for deposits in the tissue, blurred and noisy."""
    white = rng.standard_normal(SIDE, dtype=np.float32)
    noise = ndimage.gaussian_filter(white, grain, mode="wrap")
    image = ndimage.gaussian_filter(hu, FWHM_MM / 2.3548 / STEP_MM) + noise * (noise_hu / noise.std())
    image = np.round(image).astype(np.int16)
    spacing = np.full(3, STEP_MM)
    labels, fractions = np.zeros(SIDE, np.uint16), np.zeros(SIDE, np.uint8)
    whole = tuple(slice(0, n) for n in SIDE)
    depth = skin_depth(image, spacing, whole).seen_from(whole)
    candidates = find_candidates(
        image,
        np.zeros(SIDE, np.uint8),
        MUSCLE_HU,
        measure_noise(image),
        spacing,
        CtSettings(),
        gaussian(FWHM_MM),
        labels,
        fractions,
        np.zeros((0, 3)),
        depth,
    )
    return np.where(np.isin(labels, [c.label for c in candidates if not c.reason]), labels, 0)


def run(blocks: int = 3) -> str:
    """Markdown: false deposits per hand, and how much of the paste is found."""
    hands = blocks * np.prod(SIDE) * STEP_MM**3 / HAND_MM3
    names = [f"{volume:.0f} mm³, {value:.0f} HU" for volume, value in PASTE]
    lines = [f"| noise, grain | false in {hands:.1f} hands | {' | '.join(names)} |", "|---|---|" + "---|" * len(names)]
    for noise_hu, grain in SCANS:
        false, hits = 0, np.zeros(len(PASTE), int)
        for block in range(blocks):
            rng = np.random.default_rng([block, int(noise_hu), round(10 * grain)])
            hu = tissue(rng)
            false += len(np.unique(found(hu, noise_hu, grain, rng))) - 1
            truth = balls(hu, rng)
            seen = found(hu, noise_hu, grain, rng) > 0
            for number in range(1, int(truth.max()) + 1):
                hits[(number - 1) % len(PASTE)] += bool(seen[truth == number].mean() > 0.3)
        shares = [f"{h}/{EACH * blocks}" for h in hits]
        lines.append(f"| {noise_hu:.0f} HU, {grain} | {false} | {' | '.join(shares)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(run())
