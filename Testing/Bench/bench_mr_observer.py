"""How many native dark bodies of the real wrist look like an implant to an observer who knows its exact form.

``python Testing/Bench/bench_mr_observer.py 31 32``: seeds of implants. The observer lays the implant's own form,
blurred as the image is, over it and over each dark spot of the wrist without implants, in 24 turns, and correlates. A
native spot that fits as well and is as dark is a lookalike: who knows no anatomy cannot take the implant and leave it.
Spots are not shifted to fit better, so that these are the fewest.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "CalcinosisImaging"), str(ROOT / "Testing" / "Python"), str(Path(__file__).parent)]

from bench_mr import score  # noqa: E402
from CalcinosisImagingLib.analysis.mr.segment import segment_mr  # noqa: E402
from CalcinosisImagingLib.analysis.mr.tissue import Tissue, measure_tissue  # noqa: E402
from mr_cases import Case, Truth, real_case, real_wrist  # noqa: E402

BESIDE_MM = 2.0
"""So far around the form the observer looks."""
BLUR_VOXELS = 0.51
"""Sigma of the point spread of implants."""
TURNS = Rotation.create_group("O").as_matrix()
MOST_POINTS = 250
"""So many points of a form are looked at."""
APART_MM = 3.0
AS_DARK = 0.9
"""A lookalike has this part of the implant's contrast at least."""
GROUPS = ((0, 0), (1, 3), (4, 10), (11, 30), (31, 10**6))


def dark_spots(tissue: Tissue, spacing: np.ndarray) -> np.ndarray:
    """Darkest places inside the body, (N, 3) voxels."""
    smooth = ndimage.gaussian_filter(tissue.level, 0.5 / spacing)
    # Around the others all is dark, as within a bone: no form fits there.
    beside = ndimage.gaussian_filter(tissue.level, BESIDE_MM / spacing) > 0.3
    return np.argwhere(
        (smooth == ndimage.minimum_filter(smooth, 3)) & (smooth < 0.5) & (tissue.depth_mm > 1.0) & beside
    )


def form_of(case: Case, truth: Truth, spacing: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Offsets (P, 3) mm from its middle, the share that it fills there, and the indices (P, 3) in the image."""
    where = np.argwhere(case.labels == truth.label)
    pad = np.ceil(BESIDE_MM / spacing).astype(int) + 1
    low = np.maximum(where.min(0) - pad, 0)
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, where.max(0) + pad + 1, strict=True))
    mine = case.labels[box] == truth.label
    near = (ndimage.distance_transform_edt(~mine, sampling=spacing) <= BESIDE_MM) & ((case.labels[box] == 0) | mine)
    index = np.argwhere(near)
    share = ndimage.gaussian_filter(mine.astype(float), BLUR_VOXELS)[near]
    return (index + low - where.mean(0)) * spacing, share, index + low


def fits(values: np.ndarray, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Correlation with the form, 1 for a void of just this form, and contrast of levels; (..., P) -> (...)."""
    form = share - share.mean()
    centred = values - values.mean(axis=-1, keepdims=True)
    product = -(centred @ form)
    return product / np.maximum(np.linalg.norm(centred, axis=-1) * np.linalg.norm(form), 1e-9), product / (form @ form)


def lookalikes(case: Case, truth: Truth, implanted: Tissue, native: Tissue, spots: np.ndarray) -> tuple[int, float]:
    """Number of native spots that fit the form of an implant as well as it does itself, and how well that is."""
    spacing = case.volume.spacing_mm[::-1]
    offsets, share, index = form_of(case, truth, spacing)
    few = slice(None, None, max(1, len(share) // MOST_POINTS))
    offsets, share, index = offsets[few], share[few], index[few]
    here = np.clip(index - [s.start for s in implanted.box], 0, np.array(implanted.level.shape) - 1)
    own, contrast = fits(np.minimum(implanted.level[tuple(here.T)], 1.5), share)
    alike = np.zeros(len(spots), bool)
    for turn in TURNS:
        at = spots[:, None, :] + (offsets @ turn.T / spacing)[None]
        values = ndimage.map_coordinates(native.level, at.reshape(-1, 3).T, order=1, mode="nearest")
        fit, dark = fits(np.minimum(values.reshape(at.shape[:2]), 1.5), share)
        alike |= (fit >= own) & (dark >= AS_DARK * contrast)
    apart: list[np.ndarray] = []
    for spot in spots[alike] * spacing:
        if all(np.linalg.norm(spot - other) > APART_MM for other in apart):
            apart.append(spot)
    return len(apart), float(own)


def run(seeds: list[int]) -> str:
    """A table of the implants of chalk, by number of lookalikes."""
    native = measure_tissue(real_wrist())
    spots = dark_spots(native, real_wrist().spacing_mm[::-1])
    rows = []
    for seed in seeds:
        case = real_case(seed)
        hits = score(case, segment_mr(case.volume).deposits).hits
        implanted = measure_tissue(case.volume)
        for truth, hit in zip(case.truths, hits, strict=True):
            if truth.consistency == "chalk":
                rows.append((*lookalikes(case, truth, implanted, native, spots), truth.volume_mm3, hit))
                print(seed, truth.label, rows[-1], file=sys.stderr, flush=True)
    number, fit, volume, hit = np.array(rows, float).T
    lines = ["| lookalikes | implants | found | volume, mm³ (median) | fit (median) |", "|---|---|---|---|---|"]
    for low, high in GROUPS:
        mine = (number >= low) & (number <= high)
        if mine.any():
            name = f"{low}" if low == high else f"{low} to {high}" if high < 10**6 else f"{low} and more"
            lines.append(
                f"| {name} | {mine.sum()} | {hit[mine].mean():.2f} | {np.median(volume[mine]):.0f} | "
                f"{np.median(fit[mine]):.2f} |"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    print(run([int(seed) for seed in sys.argv[1:]] or [1, 2, 3]))
