"""Bones and deposits in CT, over hands drawn by two programs: found, named, false, bone taken for deposit, time.

``python bench_ct.py`` scores the hands that may be looked into, ``python bench_ct.py held-out`` those that may not;
``none`` before that takes the hands without deposits (`ct_none`), of which all that is found is false. Names of hands
(substrings) after that choose some.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path

import SimpleITK as sitk

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "CalcinosisImaging"), str(ROOT / "Testing" / "Python"), str(ROOT / "Testing" / "Bench")]

import ct_hands  # noqa: E402
import ct_none  # noqa: E402
import ct_scores  # noqa: E402
from CalcinosisImagingLib.analysis.ct.segment import segment_ct  # noqa: E402
from CalcinosisImagingLib.analysis.segmentation import REASON_TAG  # noqa: E402


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


def run_none(names: tuple[str, ...] = ct_none.OPEN) -> str:
    """Markdown: of each hand without deposits what is taken for one, and what was rejected and why."""
    lines = ["| hand | Mvoxels | bones named | false | false are | rejected |", "|---|---|---|---|---|---|"]
    total = 0
    for name in names:
        case = ct_none.make_case(name)
        result = segment_ct(case.volume)
        score = ct_scores.score(case, result)
        total += len(score.false)
        reasons = Counter(segment.tags[REASON_TAG] for segment in result.rejected.segments)
        cells = [name, f"{case.volume.voxels.size / 1e6:.0f}", f"{score.bones_named}/{score.bones}"]
        cells += [str(len(score.false)), "; ".join(what for _, what in score.false) or "-"]
        cells.append(", ".join(f"{count} {reason}" for reason, count in reasons.most_common()) or "-")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", f"{total} false deposits in {len(names)} hands without deposits."])


if __name__ == "__main__":
    words = sys.argv[1:]
    hands = ct_none if "none" in words else ct_hands
    chosen = hands.HELD_OUT if "held-out" in words else hands.OPEN
    wanted = [w for w in words if w not in ("none", "held-out")]
    names = tuple(n for n in chosen if not wanted or any(w in n for w in wanted))
    print(run_none(names) if "none" in words else run(names))
