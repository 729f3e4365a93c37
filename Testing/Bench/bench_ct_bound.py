"""How well the volume of a deposit can be known at all: the Cramer-Rao bound beside the errors that were made.

``python bench_ct_bound.py [first seed]``: bodies and scans of `bench_ct_volume`. The bound is for one who knows the
body's shape but for its growth in all directions, the point spread exactly, and the spectrum of the noise; unknown are
growth, contrast and background. No unbiased method can have a smaller standard deviation, and one that must find the
shape, too, has a larger one.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.special import ndtr

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "CalcinosisImaging"), str(ROOT / "Testing" / "Python"), str(ROOT / "Testing" / "Bench")]

from bench_ct_volume import FIRST_SEED, FOUND, SCANS  # noqa: E402
from CalcinosisImagingLib.analysis.ct.segment import segment_ct  # noqa: E402
from ct_limb import LimbDeposit, LimbScan, grained, scan_limb  # noqa: E402

ROUNDING = 1 / 12
"""Variance of rounding to whole HU."""
WITHIN = 0.1


def bound(deposit: LimbDeposit, scan: LimbScan) -> float:
    """Smallest standard deviation of the logarithm of the volume.

    The Fisher information of Gaussian noise of known spectrum P is the sum over frequencies of D* D / P, where the D
    are the spectra of the image's changes with each unknown. Noise repeats at the slot's faces; the body is far
    from them.
    """
    shape = deposit.image.shape
    impulse = np.zeros(shape)
    impulse[tuple(n // 2 for n in shape)] = 1.0
    power = np.abs(np.fft.fftn(grained(impulse, scan))) ** 2
    power = power * (scan.noise_hu**2 / power.mean()) + ROUNDING
    brighter, larger = (deposit.contrast_hu * a.astype(float) for a in (deposit.image, deposit.rim))
    changes = np.stack([larger, brighter, np.ones(shape)])
    spectra = np.fft.fftn(changes, axes=(1, 2, 3)).reshape(3, -1)
    information = ((spectra / power.ravel()) @ spectra.conj().T).real / impulse.size
    growth_mm = float(np.sqrt(np.linalg.inv(information)[0, 0]))
    return growth_mm * float(deposit.rim.sum(dtype=float) / deposit.fraction.sum(dtype=float))


def measured(scan: LimbScan) -> list[tuple[str, float, float]]:
    """Kind, bound, and logarithm of the volume found over the true one, of each deposit."""
    volume, deposits = scan_limb(scan, rims=True)
    fractions = segment_ct(volume).fractions.voxels
    rows = []
    for deposit in deposits:
        found = float(fractions[deposit.slot].sum(dtype=float)) / 255.0 * volume.voxel_volume_mm3
        rows.append((deposit.kind, bound(deposit, scan), float(np.log(max(found, 1e-9) / deposit.volume_mm3))))
    return rows


def line(name: str, rows: list[tuple[str, float, float]]) -> str:
    """One row of the table; what was not found is left out."""
    rows = [r for r in rows if r[2] > np.log(FOUND)]
    best, error = (np.array([r[column] for r in rows]) for column in (1, 2))
    possible = 2 * ndtr(np.log1p(WITHIN) / best) - 1
    cells = [f"{100 * v:.1f}" for v in (np.median(best), best.max(), np.sqrt((best**2).mean()), error.std())]
    cells += [f"{100 * possible.mean():.0f} %", f"{100 * np.mean(np.abs(np.expm1(error)) <= WITHIN):.0f} %"]
    cells.append(f"{np.median(np.abs(error) / best) / 0.6745:.1f}")
    return f"| {name} | {' | '.join(cells)} |"


def run(first_seed: int = FIRST_SEED) -> str:
    """A markdown table by kind and by scan."""
    names = ["bound: median %", "worst %", "rms %", "found: SD %", "possible within 10 %", "found within 10 %"]
    lines = [f"| | {' | '.join(names)} | typical error / bound |", "|" + "---|" * 8]
    by_scan = {n: measured(replace(s, seed=first_seed + i)) for i, (n, s) in enumerate(SCANS.items())}
    everything = [row for rows in by_scan.values() for row in rows]
    for kind in sorted({r[0] for r in everything}):
        lines.append(line(kind, [r for r in everything if r[0] == kind]))
    lines += [line(name, rows) for name, rows in by_scan.items()]
    lines.append(line("all", everything))
    return "\n".join(lines)


if __name__ == "__main__":
    print(run(int(sys.argv[1]) if len(sys.argv) > 1 else FIRST_SEED))
