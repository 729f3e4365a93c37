"""Bones and deposits in CT, over hands drawn by two programs: found, named, false, bone taken for deposit, time.

``python bench_ct.py`` scores the hands that may be looked into, ``python bench_ct.py held-out`` those that may not;
names of hands (substrings) after that choose some.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import SimpleITK as sitk

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "CalcinosisImaging"), str(ROOT / "Testing" / "Python"), str(ROOT / "Testing" / "Bench")]

import ct_hands  # noqa: E402
import ct_scores  # noqa: E402
from CalcinosisImagingLib.analysis.ct.segment import segment_ct  # noqa: E402


def run(names: tuple[str, ...] = ct_hands.OPEN + ct_hands.HELD_OUT) -> str:
    """Markdown: a row per hand, all hands together, time."""
    scores, times = [], []
    for name in names:
        case = ct_hands.make_case(name)
        start = time.process_time()
        result = segment_ct(case.volume)
        spent = time.process_time() - start
        start = time.process_time()
        sitk.ConnectedComponent(sitk.GetImageFromArray(case.volume.voxels) > 300)
        peer = time.process_time() - start
        times.append(f"| {name} | {case.volume.voxels.size / 1e6:.0f} | {spent:.1f} | {peer:.1f} |")
        scores.append(ct_scores.score(case, result))
    head = ["| hand | Mvoxels | CPU s | threshold + components, CPU s |", "|---|---|---|---|"]
    return "\n\n".join([ct_scores.by_hand(scores), ct_scores.together(scores), "\n".join(head + times)])


if __name__ == "__main__":
    wanted = [a for a in sys.argv[1:] if a != "held-out"]
    chosen = ct_hands.HELD_OUT if "held-out" in sys.argv[1:] else ct_hands.OPEN
    print(run(tuple(n for n in chosen if not wanted or any(w in n for w in wanted))))
