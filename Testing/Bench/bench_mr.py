"""Deposits found in MR: a real wrist with implants and no bones, phantoms with the CT's bones carried with an error.

Seeds below 20 were looked at while the method was made, the others were not. Name seeds to measure others:
``python Testing/Bench/bench_mr.py 31 32``, or those of the real wrist alone: ``bench_mr.py --wrist 31 32``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "CalcinosisImaging"), str(ROOT / "Testing" / "Python"), str(Path(__file__).parent)]

from CalcinosisImagingLib.analysis.mr.segment import segment_mr  # noqa: E402
from CalcinosisImagingLib.analysis.segmentation import CONFIDENCE_TAG, Segmentation  # noqa: E402
from mr_cases import LAVA, Case, phantom_case, real_case  # noqa: E402

NEAR_MM = 1.5
LEAST_OVERLAP = 0.3
SERIES = (("easy", "t1"), ("typical", "t1"), ("typical", "t2fs"), ("hard", "t1"), ("hard", "gre"))
ERRORS_MM = (0.3, 1.0)


@dataclass(frozen=True, eq=False)
class Score:
    """Outcome of one case.

    Attributes
    ----------
    hits: per true deposit, whether it was found; ``visible`` whether it can be told at all.
    missed_mm, ratios: distance of the middles and found over true volume of those found.
    ranked: (confidence, true) of all found bodies.
    """

    hits: tuple[bool, ...]
    visible: tuple[bool, ...]
    missed_mm: tuple[float, ...]
    ratios: tuple[float, ...]
    ranked: tuple[tuple[float, bool], ...]


def score(case: Case, deposits: Segmentation) -> Score:
    """Pair found bodies with true ones, one to one: middles within `NEAR_MM`, or `LEAST_OVERLAP` (IoU)."""
    labels = deposits.labels
    names = [s.label for s in deposits.segments]
    where = [np.argwhere(labels == n) for n in names]
    middles = [case.volume.to_ras(w.mean(0)[::-1]) for w in where]
    cost = np.zeros((len(case.truths), len(names)))
    away = np.zeros_like(cost)
    for t, truth in enumerate(case.truths):
        mask = case.labels == truth.label
        for f, w in enumerate(where):
            both = int(mask[tuple(w.T)].sum())
            iou = both / max(1, int(mask.sum()) + len(w) - both)
            away[t, f] = np.linalg.norm(middles[f] - truth.centre)
            if away[t, f] <= NEAR_MM or iou >= LEAST_OVERLAP:
                cost[t, f] = -1.0 - iou
    pairs = [(t, f) for t, f in zip(*linear_sum_assignment(cost), strict=True) if cost[t, f] < 0]
    hit = dict(pairs)
    voxel = case.volume.voxel_volume_mm3
    confidence = [float(s.tags[CONFIDENCE_TAG]) for s in deposits.segments]
    return Score(
        tuple(t in hit for t in range(len(case.truths))),
        tuple(t.seen.visible for t in case.truths),
        tuple(float(away[t, f]) for t, f in pairs),
        tuple(len(where[f]) * voxel / case.truths[t].volume_mm3 for t, f in pairs),
        tuple((c, f in hit.values()) for f, c in enumerate(confidence)),
    )


def summary(scores: Sequence[Score]) -> dict[str, float]:
    """Figures over several cases. Deposits that cannot be seen are neither misses nor false where they are found."""
    hits = np.concatenate([np.array(s.hits, bool) for s in scores])
    visible = np.concatenate([np.array(s.visible, bool) for s in scores])
    found = np.array([c for s in scores for c in s.ranked], float).reshape(-1, 2)
    false = int((found[:, 1] == 0).sum())
    recall = hits[visible].sum() / max(1, visible.sum())
    precision = hits.sum() / max(1, hits.sum() + false)
    missed = [m for s in scores for m in s.missed_mm]
    ratios = [r for s in scores for r in s.ratios]
    return {
        "deposits": len(hits),
        "visible": int(visible.sum()),
        "found": int(hits.sum()),
        "recall_visible": recall,
        "recall_all": hits.sum() / max(1, len(hits)),
        "false": false / len(scores),
        "precision": precision,
        "f1": 2 * recall * precision / max(1e-9, recall + precision),
        "place": float(np.median(missed)) if missed else float("nan"),
        "place90": float(np.percentile(missed, 90)) if missed else float("nan"),
        "ratio": float(np.median(ratios)) if ratios else float("nan"),
        "ranks": _ranks(found),
    }


def _ranks(found: np.ndarray) -> float:
    """Chance that a true body has a higher confidence than a false one (area under the ROC curve)."""
    true, false = found[found[:, 1] == 1, 0], found[found[:, 1] == 0, 0]
    if not len(true) or not len(false):
        return float("nan")
    return float(np.mean((true[:, None] > false[None]) + 0.5 * (true[:, None] == false[None])))


def groups(seeds: Sequence[int], phantoms: bool = True) -> Iterator[tuple[str, float | None, list[Case]]]:
    """Cases by kind of image and error of the bones."""
    if LAVA.exists():
        yield "real wrist, GRE, no bones", None, [real_case(seed) for seed in seeds]
    if not phantoms:
        return
    for preset, weighting in SERIES:
        cases = [phantom_case(preset, weighting, seed, ERRORS_MM) for seed in seeds]
        for error in ERRORS_MM:
            yield f"phantom {preset} {weighting}", error, cases
    for preset, weighting in SERIES:
        yield f"no deposits, {preset} {weighting}", 0.3, [phantom_case(preset, weighting, seeds[0], (0.3,), True)]


def run(development: Sequence[int] = (1, 2, 3), held_out: Sequence[int] = (21, 22), phantoms: bool = True) -> str:
    """A markdown table; more seeds take half a minute per image."""
    lines = [
        "| images | seeds | bones off by, mm | deposits | visible | recall, visible | recall, all | false per image | "
        "precision | F1 | place, mm: median, 90 % | volume ratio | ranking (AUC) | CPU s |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for seeds in filter(None, (development, held_out)):
        for name, error, cases in groups(list(seeds), phantoms):
            start = time.process_time()
            scores = [score(case, segment_mr(case.volume, bones=case.bones[error]).deposits) for case in cases]
            spent = (time.process_time() - start) / len(cases)
            s = summary(scores)
            cells = [name, f"{seeds[0]}–{seeds[-1]}", "–" if error is None else f"{error}"]
            cells += [f"{s['deposits']}", f"{s['visible']}"]
            cells += [f"{s[key]:.2f}" for key in ("recall_visible", "recall_all")] + [f"{s['false']:.1f}"]
            cells += [f"{s[key]:.2f}" for key in ("precision", "f1")] + [f"{s['place']:.2f}, {s['place90']:.2f}"]
            cells += [f"{s['ratio']:.2f}", f"{s['ranks']:.2f}", f"{spent:.1f}"]
            lines.append(f"| {' | '.join(cells)} |")
            print(lines[-1], file=sys.stderr, flush=True)
    return "\n".join(lines)


if __name__ == "__main__":
    wrist = "--wrist" in sys.argv
    own = [int(seed) for seed in sys.argv[1:] if seed != "--wrist"]
    print(run((), own, not wrist) if own else run(phantoms=not wrist))
