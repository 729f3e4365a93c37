"""What can be told in the real wrist: implants at the first free place, and how many native bodies look like each.

``python Testing/Bench/bench_mr_observer.py 31 32``: seeds of implants. The observer (`phantom/lookalikes.py`) knows the
form of each implant exactly and no anatomy. No method of detection has a part in it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "CalcinosisImaging"), str(ROOT / "Testing" / "Python"), str(Path(__file__).parent)]

from CalcinosisImagingLib.phantom.implant import implant  # noqa: E402
from mr_cases import real_wrist  # noqa: E402

CONTRAST_TO_NOISE = (0.0, 5.0, 8.0, 10.0, 12.0, 15.0, np.inf)
VOLUME_MM3 = (0.0, 20.0, 30.0, 50.0, np.inf)


def run(seeds: Sequence[int]) -> str:
    """Two tables of the implants of chalk: by contrast to noise and by volume."""
    rows = []
    for seed in seeds:
        for row in implant(real_wrist(), "mr", seed, anywhere=True, paste_share=0.0).rows:
            rows.append((row["contrast_to_noise"], row["volume_mm3"], row["lookalikes"]))
        print(seed, file=sys.stderr, flush=True)
    noticed, volume, alike = np.array(rows, float).T
    head = "implants | without lookalike | lookalikes: median, range |"
    lines = [f"| contrast to noise | {head}", "|---|---|---|---|", *_groups(noticed, CONTRAST_TO_NOISE, alike)]
    lines += ["", f"| mm³ | {head}", "|---|---|---|---|", *_groups(volume, VOLUME_MM3, alike)]
    return "\n".join(lines)


def _groups(values: np.ndarray, limits: Sequence[float], alike: np.ndarray) -> list[str]:
    lines = []
    for low, high in pairwise(limits):
        mine = alike[(values >= low) & (values < high)]
        if len(mine):
            name = f"{low:.0f} to {high:.0f}" if np.isfinite(high) else f"{low:.0f} and more"
            spread = f"{np.median(mine):.0f}, {mine.min():.0f} to {mine.max():.0f}"
            lines.append(f"| {name} | {len(mine)} | {np.mean(mine == 0):.2f} | {spread} |")
    return lines


if __name__ == "__main__":
    print(run([int(seed) for seed in sys.argv[1:]] or [1, 2, 3]))
