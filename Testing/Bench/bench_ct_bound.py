"""How well the volume of a deposit can be known at all: the Cramer-Rao bound beside the errors that were made.

``python bench_ct_bound.py [first seed]``: bodies and scans of `bench_ct_volume`. The bound is for one who knows the
body's shape but for its growth in all directions, the point spread exactly, and the spectrum of the noise; unknown are
growth, contrast and background. No unbiased method can have a smaller standard deviation. A second bound is for one
who has to find the shape, too: the surface in every cube of `PATCH_MM` grows by an amount of its own.
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
from ct_limb import LimbDeposit, LimbScan, grained, scan_limb, sigmas_mm  # noqa: E402

ROUNDING = 1 / 12
"""Variance of rounding to whole HU."""
WITHIN = 0.1
PATCH_MM = 1.0
"""About the distance at which the blur tells two places of a surface apart."""
LEAST_PART = 1e-3
"""Cubes with less of the surface are left out."""


def bounds(deposit: LimbDeposit, scan: LimbScan) -> tuple[float, float]:
    """Smallest standard deviations of the logarithm of the volume: for a known shape, and for an unknown one.

    The Fisher information of Gaussian noise of known spectrum P is the sum over frequencies of D* D / P, where the D
    are the spectra of the image's changes with each unknown. Noise repeats at the slot's faces; the body is far
    from them.
    """
    shape = deposit.image.shape
    impulse = np.zeros(shape)
    impulse[tuple(n // 2 for n in shape)] = 1.0
    power = np.abs(np.fft.fftn(grained(impulse, scan))) ** 2
    power = power * (scan.noise_hu**2 / power.mean()) + ROUNDING
    brighter = np.fft.fftn(deposit.image)
    level = np.fft.fftn(np.ones(shape))
    seen, areas = _patches(deposit, scan)
    results = []
    for growths, weights in (([sum(seen)], np.array([areas.sum()])), (seen, areas)):
        changes = np.stack([*growths, brighter, level]).reshape(len(growths) + 2, -1) * deposit.contrast_hu
        information = ((changes / power.ravel()) @ changes.conj().T).real / impulse.size
        # The volume grows by each patch's area: its variance is theirs on both sides of the covariance.
        covariance = np.linalg.pinv(information, hermitian=True)[: len(weights), : len(weights)]
        results.append(float(np.sqrt(weights @ covariance @ weights) / deposit.fraction.sum(dtype=float)))
    return results[0], results[1]


def _patches(deposit: LimbDeposit, scan: LimbScan) -> tuple[list[np.ndarray], np.ndarray]:
    """Spectra of what growth of each patch of the surface adds to the image, and the patches' areas, per mm."""
    spacing = np.array(scan.spacing_mm[::-1])
    frequency = np.meshgrid(
        *(np.fft.fftfreq(n, h) for n, h in zip(deposit.surface.shape, spacing, strict=True)), indexing="ij"
    )
    transfer = sum(
        weight * np.exp(-2 * np.pi**2 * sum((f * s) ** 2 for f, s in zip(frequency, sigma, strict=True)))
        for weight, sigma in sigmas_mm(scan)
    )
    cells = (np.indices(deposit.surface.shape) * (spacing / PATCH_MM)[:, None, None, None]).astype(int)
    numbers = np.ravel_multi_index(tuple(cells), tuple(cells.max(axis=(1, 2, 3)) + 1))
    areas = np.bincount(numbers.ravel(), weights=deposit.surface.ravel())
    chosen = np.flatnonzero(areas > LEAST_PART * areas.sum())
    seen = [np.fft.fftn(np.where(numbers == number, deposit.surface, 0)) * transfer for number in chosen]
    return seen, areas[chosen]


def measured(scan: LimbScan) -> list[tuple[str, float, float, float]]:
    """Kind, bounds, and logarithm of the volume found over the true one, of each deposit."""
    volume, deposits = scan_limb(scan, surfaces=True)
    fractions = segment_ct(volume).fractions.voxels
    rows = []
    for deposit in deposits:
        found = float(fractions[deposit.slot].sum(dtype=float)) / 255.0 * volume.voxel_volume_mm3
        rows.append((deposit.kind, *bounds(deposit, scan), float(np.log(max(found, 1e-9) / deposit.volume_mm3))))
    return rows


def line(name: str, rows: list[tuple[str, float, float, float]]) -> str:
    """One row of the table; what was not found is left out."""
    rows = [r for r in rows if r[3] > np.log(FOUND)]
    known, unknown, error = (np.array([r[column] for r in rows]) for column in (1, 2, 3))
    cells = []
    for best in (known, unknown):
        possible = 2 * ndtr(np.log1p(WITHIN) / best) - 1
        cells += [f"{100 * np.median(best):.1f}", f"{100 * best.max():.1f}", f"{100 * possible.mean():.0f} %"]
    cells += [f"{100 * error.std():.1f}", f"{100 * np.mean(np.abs(np.expm1(error)) <= WITHIN):.0f} %"]
    cells.append(f"{np.median(np.abs(error) / unknown) / 0.6745:.1f}")
    return f"| {name} | {' | '.join(cells)} |"


def run(first_seed: int = FIRST_SEED) -> str:
    """A markdown table by kind and by scan."""
    bound = ["median %", "worst %", "possible within 10 %"]
    names = [f"{shape}: {name}" for shape in ("shape known", "shape unknown") for name in bound]
    names += ["found: SD %", "within 10 %", "typical error / bound, unknown"]
    lines = [f"| | {' | '.join(names)} |", "|" + "---|" * (len(names) + 1)]
    by_scan = {n: measured(replace(s, seed=first_seed + i)) for i, (n, s) in enumerate(SCANS.items())}
    everything = [row for rows in by_scan.values() for row in rows]
    for kind in sorted({r[0] for r in everything}):
        lines.append(line(kind, [r for r in everything if r[0] == kind]))
    lines += [line(name, rows) for name, rows in by_scan.items()]
    lines.append(line("all", everything))
    return "\n".join(lines)


if __name__ == "__main__":
    print(run(int(sys.argv[1]) if len(sys.argv) > 1 else FIRST_SEED))
