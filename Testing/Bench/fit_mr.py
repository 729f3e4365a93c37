"""The weights of `analysis/mr/compact.py`: implants in the real wrist against the dark spots of the wrist without them.

``python Testing/Bench/fit_mr.py 1 2 3``: the seeds to fit to. Printed are the weights, and how many implants are surer
than all but so many native spots: as fitted, and where neither the seed nor that quarter of the wrist was fitted to.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy import ndimage
from scipy.optimize import minimize

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "CalcinosisImaging"), str(ROOT / "Testing" / "Python"), str(Path(__file__).parent)]

from CalcinosisImagingLib.analysis.mr.bodies import free_room, surroundings  # noqa: E402
from CalcinosisImagingLib.analysis.mr.candidates import Surroundings  # noqa: E402
from CalcinosisImagingLib.analysis.mr.compact import MOST, MOST_TUBE, WEIGHTS, is_empty, may_be_chalk  # noqa: E402
from CalcinosisImagingLib.analysis.mr.settings import MrSettings  # noqa: E402
from CalcinosisImagingLib.analysis.mr.stars import Stars, find_stars  # noqa: E402
from CalcinosisImagingLib.analysis.mr.tissue import measure_tissue  # noqa: E402
from CalcinosisImagingLib.analysis.mr.tubes import goes_on, local_thickness  # noqa: E402
from CalcinosisImagingLib.analysis.volume import Volume  # noqa: E402
from mr_cases import Case, real_case, real_wrist  # noqa: E402

SETTINGS = MrSettings()
NEAR_MM = 1.5
"""A star so near to the middle of an implant stands for it."""
RIDGE = 1.0
"""Penalty on the squared weights of the standardised measures."""
SPEAKS_FOR = ("shut",)
TAKEN = 3
"""The bias is set so that so many native spots are taken for chalk at a probability of 0.5."""
FALSE = (1, 2, 3, 4, 6, 10)
PARTS = 4


def native_spots() -> tuple[np.ndarray, np.ndarray]:
    """Measures (N, F) of the dark spots of the wrist without implants, and where each lies along K."""
    around, free, noise = _looked_at(real_wrist())
    thickness = local_thickness((around.level < SETTINGS.void_level) & free, around.spacing_kji)
    tube = goes_on(thickness, around.spacing_kji)
    stars = find_stars(around, free)
    good = may_be_chalk(stars, SETTINGS) & is_empty(stars, SETTINGS, noise)
    for index in np.flatnonzero(good):
        middle, reach = np.rint(stars.middle[index]).astype(int), np.ceil(stars.radius_mm[index] / around.spacing_kji)
        box = tuple(slice(max(0, m - int(r)), m + int(r) + 1) for m, r in zip(middle, reach, strict=True))
        good[index] = tube[box].mean() <= MOST_TUBE
    return measures(stars)[good], stars.middle[good, 0]


def implanted_spots(case: Case) -> list[np.ndarray]:
    """Measures (M, F) of the stars that may stand for each implant of chalk; M is 0 where there is none."""
    around, free, noise = _looked_at(case.volume)
    box = measure_tissue(case.volume).box
    start = np.array([s.start for s in box])
    middles = [case.volume.to_ijk(t.centre)[::-1] - start for t in case.truths if t.consistency == "chalk"]
    point = np.ones(free.shape, bool)
    for middle in middles:
        point[tuple(np.clip(np.rint(middle).astype(int), 0, np.array(free.shape) - 1))] = False
    stars = find_stars(around, free & (ndimage.distance_transform_edt(point, sampling=around.spacing_kji) < 3.0))
    spots, good = measures(stars), may_be_chalk(stars, SETTINGS) & is_empty(stars, SETTINGS, noise)
    away = [np.linalg.norm((stars.middle - middle) * around.spacing_kji, axis=1) for middle in middles]
    return [spots[good & (mm <= NEAR_MM)] for mm in away]


def _looked_at(volume: Volume) -> tuple[Surroundings, np.ndarray, float]:
    tissue = measure_tissue(volume)
    around = surroundings(volume, tissue, None, None, 0.0)
    return around, free_room(around, SETTINGS), tissue.noise


def measures(stars: Stars) -> np.ndarray:
    """The measures that have weights, (N, F), cut as they are used."""
    return np.stack([np.minimum(getattr(stars, name), MOST.get(name, np.inf)) for name in WEIGHTS], axis=1)


def fit(implants: Sequence[np.ndarray], native: np.ndarray) -> np.ndarray:
    """Weights (F + 1,), the bias last: logistic regression; of several stars of an implant the surest counts."""
    implants = [stars for stars in implants if len(stars)]
    both = np.concatenate([*implants, native])
    mean, spread = both.mean(0), both.std(0) + 1e-9
    weights = np.zeros(native.shape[1] + 1)
    chosen = [stars.mean(0) for stars in implants]
    for _ in range(4):
        x = (np.concatenate([np.array(chosen), native]) - mean) / spread
        weights = _regression(x, np.arange(len(x)) < len(chosen))
        weights = np.append(weights[:-1] / spread, weights[-1] - (weights[:-1] * mean / spread).sum())
        chosen = [stars[np.argmax(score(stars, weights))] for stars in implants]
    return weights


def _regression(x: np.ndarray, true: np.ndarray) -> np.ndarray:
    x, sign = np.c_[x, np.ones(len(x))], np.where(true, 1.0, -1.0)

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        margin = sign * (x @ w)
        slope = -sign / (1.0 + np.exp(margin))
        penalty = np.append(w[:-1], 0.0)
        return float(np.logaddexp(0.0, -margin).sum() + 0.5 * RIDGE * (penalty**2).sum()), x.T @ slope + RIDGE * penalty

    # What lets rays escape, brightens or crowds a spot can only speak against chalk.
    signs = [(0.0, None) if name in SPEAKS_FOR else (None, 0.0) for name in WEIGHTS] + [(None, None)]
    return minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B", bounds=signs).x


def score(spots: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Log odds of each spot, (N,)."""
    return spots @ weights[:-1] + weights[-1]


def surest(implants: Sequence[np.ndarray], weights: np.ndarray) -> np.ndarray:
    """Log odds of each implant: of its surest star; minus infinity without one."""
    return np.array([score(stars, weights).max(initial=-np.inf) for stars in implants])


def run(seeds: Sequence[int]) -> str:
    """The weights and how well they part implants from native spots."""
    native, along = native_spots()
    by_seed = [implanted_spots(real_case(seed)) for seed in seeds]
    everything = [stars for spots in by_seed for stars in spots]
    weights = fit(everything, native)
    lines = [f'    "{name}": {weight:.2f},' for name, weight in zip(WEIGHTS, weights, strict=False)]
    weights[-1] -= np.sort(score(native, weights))[-TAKEN - 1 : len(native) - TAKEN + 1].mean()
    lines += [f"BIAS = {weights[-1]:.2f}", f"{len(everything)} implants, {len(native)} native spots"]
    lines.append(f"at a probability of 0.5 {(surest(everything, weights) > 0).mean():.2f} of the implants are taken")
    lines.append("as fitted: " + _curve(surest(everything, weights), score(native, weights)))
    quarter = np.searchsorted(np.quantile(along, np.arange(1, PARTS) / PARTS), along, side="right")
    apart, native_apart = [], np.zeros(len(native))
    for part in range(PARTS):
        others = [stars for n, spots in enumerate(by_seed) if n % PARTS != part for stars in spots]
        weights = fit(others, native[quarter != part])
        native_apart[quarter == part] = score(native[quarter == part], weights)
        apart += [surest(spots, weights) for spots in by_seed[part::PARTS]]
    lines.append("not fitted to: " + _curve(np.concatenate(apart), native_apart))
    return "\n".join(lines)


def _curve(implants: np.ndarray, native: np.ndarray) -> str:
    limits = np.sort(native)[::-1]
    return ", ".join(f"{(implants > limits[n]).mean():.2f} with {n} false" for n in FALSE)


if __name__ == "__main__":
    print(run([int(seed) for seed in sys.argv[1:]] or list(range(1, 11))))
