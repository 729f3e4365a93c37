"""Form of deposits as `segment_ct` finds and outlines them: bodies of every kind in a limb, eight scans.

``python bench_kind_found.py [first seed]``
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "CalcinosisImaging"), str(ROOT / "Testing" / "Python"), str(ROOT / "Testing" / "Bench")]

from bench_ct_volume import SCANS  # noqa: E402
from CalcinosisImagingLib.analysis.ct.segment import segment_ct  # noqa: E402
from CalcinosisImagingLib.analysis.morphology.kind import FORMS  # noqa: E402
from CalcinosisImagingLib.analysis.morphology.quantify import quantify  # noqa: E402
from ct_limb import LimbScan, scan_limb  # noqa: E402

FIRST_SEED = 301
"""No cut-off was set on these."""


def forms_of(scan: LimbScan) -> list[tuple[str, str]]:
    """True kind and the form that was told, or "missed", of each deposit."""
    volume, deposits = scan_limb(scan)
    labels = segment_ct(volume).deposits
    told = {int(row["deposit_id"]): row["form"] for row in quantify(volume, labels, "ct")}
    pairs = []
    for deposit in deposits:
        count = np.bincount(labels.labels[deposit.slot][deposit.fraction >= 0.5].ravel(), minlength=1)
        count[0] = 0
        pairs.append((deposit.kind, told[int(count.argmax())] if count.any() else "missed"))
    return pairs


def run(first_seed: int = FIRST_SEED) -> str:
    """A markdown table; paste is a stone by form."""
    pairs = [p for i, scan in enumerate(SCANS.values()) for p in forms_of(replace(scan, seed=first_seed + i))]
    answers = (*FORMS, "unknown", "missed")
    lines = [f"| truth | n | {' | '.join(answers)} | recall |", "|---" * (len(answers) + 3) + "|"]
    for kind in sorted({kind for kind, _ in pairs}):
        found = [form for true, form in pairs if true == kind]
        right = found.count("stone" if kind == "paste" else kind)
        lines.append(
            f"| {kind} | {len(found)} | {' | '.join(str(found.count(a)) for a in answers)} | {right / len(found):.2f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    print(run(int(sys.argv[1]) if len(sys.argv) > 1 else FIRST_SEED))
