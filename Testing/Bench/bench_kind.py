"""Form and consistency of the phantom's own deposits: drawn by the phantom, imaged in CT and MR, measured, counted."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy import ndimage

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "CalcinosisImaging"), str(ROOT / "Testing" / "Python")]

from CalcinosisImagingLib.analysis.morphology.kind import FORMS, consistency_from_both  # noqa: E402
from CalcinosisImagingLib.analysis.morphology.quantify import quantify  # noqa: E402
from CalcinosisImagingLib.analysis.volume import Volume  # noqa: E402
from CalcinosisImagingLib.phantom.deposit_kinds import draw_shape  # noqa: E402
from CalcinosisImagingLib.phantom.frames import rigid  # noqa: E402
from CalcinosisImagingLib.phantom.lattice import Grid, voxels_of  # noqa: E402
from CalcinosisImagingLib.phantom.mr import signals  # noqa: E402
from morphology_shapes import FWHM_TO_SIGMA, as_segmentation  # noqa: E402

SCENES, EACH = 30, 10
"""Images, and deposits in each."""
SIZES = (0, 5, 10, 20, 50, 200, 10_000)
WEIGHTINGS = ("t1", "t2fs", "gre")


def run(scenes: int = SCENES, first: int = 500) -> str:
    """Tables of form by truth, of form by size, and of consistency by CT, MR and both."""
    truth, rows = [], []
    for seed in range(first, first + scenes):
        rng = np.random.default_rng(seed)
        drawn = [_draw(rng, FORMS[n % 4]) for n in range(EACH)]
        ct = _measured(rng, drawn, [d["hu"] for d in drawn], 40.0, rng.uniform(10, 40), rng.uniform(0.3, 0.5), "ct")
        values = signals(WEIGHTINGS[seed % 3])
        mr = _measured(
            rng, drawn, [values[d["consistency"]] for d in drawn], values["muscle"], 40.0, rng.uniform(0.35, 0.6), "mr"
        )
        truth += drawn
        rows += list(zip(ct, mr, strict=True))
    return "\n\n".join([_forms(truth, rows), _by_size(truth, rows), _consistencies(truth, rows)])


def _draw(rng, kind):
    """A deposit: shape, kind, volume; every second stone is paste."""
    volume = float(np.clip(rng.lognormal(np.log(40.0), 1.3), 3.0, 1500.0))
    paste = kind == "stone" and rng.random() < 0.5
    hu = rng.uniform(180.0, 400.0) if paste else rng.uniform(650.0, 1500.0)
    return {
        "shape": draw_shape(rng, kind, volume),
        "kind": kind,
        "consistency": "paste" if paste else "chalk",
        "hu": float(hu),
    }


def _measured(rng, drawn, values, around, noise_sd, spacing, modality):
    """Rows of the deposits, each in a block of its own, all in one image; masks are the true ones."""
    fwhm = rng.uniform(1.5, 2.2) * spacing
    blocks = [_share(rng, d["shape"], spacing) for d in drawn]
    across = np.max([b.shape for b in blocks], axis=0)
    image, labels = [], []
    for number, (share, value) in enumerate(zip(blocks, values, strict=True), start=1):
        room = [(0, 0)] + [(0, int(n - m)) for n, m in zip(across[1:], share.shape[1:], strict=True)]
        blurred = ndimage.gaussian_filter(np.pad(share, room), fwhm * FWHM_TO_SIGMA / spacing)
        image.append(around + (value - around) * blurred)
        mask = np.pad(share, room) > 0.5
        labels.append(number * (mask if mask.any() else blurred >= blurred.max()))
    image = np.concatenate(image)
    image += noise_sd * rng.standard_normal(image.shape)
    volume = Volume(np.round(image).astype(np.int16), np.diag([spacing] * 3 + [1.0]))
    return quantify(volume, as_segmentation(np.concatenate(labels).astype(np.uint16), volume), modality)


def _share(rng, drawn, spacing):
    """Part of every voxel that the shape fills, at a random turn and place, 4 mm of tissue around."""
    to_ras = rigid(rng.uniform(-180.0, 180.0, 3))
    low, high = drawn.shape.bounds
    corners = np.array(np.meshgrid(*zip(low, high, strict=True))).reshape(3, -1) - 0.0
    corners = (to_ras[:3, :3] @ corners).T
    matrix = np.diag([spacing] * 3 + [1.0])
    matrix[:3, 3] = corners.min(axis=0) - 4.0 - rng.uniform(0, spacing, 3)
    size = tuple(int(n) for n in np.ceil((np.ptp(corners, axis=0) + 8.0) / spacing))
    grid = Grid(size, matrix)
    box = tuple(slice(0, n) for n in size[::-1])
    return voxels_of(grid, drawn.shape, to_ras, box, drawn.thickness_mm)[0]


def _forms(truth, rows):
    """What each form was called."""
    answers = (*FORMS, "unknown")
    lines = ["| truth | n | " + " | ".join(answers) + " | recall |", "|---" * (len(answers) + 3) + "|"]
    for form in FORMS:
        found = [ct["form"] for t, (ct, _) in zip(truth, rows, strict=True) if t["kind"] == form]
        counts = [found.count(answer) for answer in answers]
        recall = found.count(form) / len(found)
        lines.append(f"| {form} | {len(found)} | " + " | ".join(map(str, counts)) + f" | {recall:.2f} |")
    return "\n".join(lines)


def _by_size(truth, rows):
    """Right, unknown and wrong by true volume."""
    lines = ["| mm³ | n | form right | unknown | wrong |", "|---|---|---|---|---|"]
    for low, high in pairwise(SIZES):
        found = [
            (t["kind"], ct["form"])
            for t, (ct, _) in zip(truth, rows, strict=True)
            if low <= t["shape"].solid.volume_mm3 < high
        ]
        right, unknown = sum(a == b for a, b in found), sum(b == "unknown" for _, b in found)
        lines.append(f"| {low} to {high} | {len(found)} | {right} | {unknown} | {len(found) - right - unknown} |")
    return "\n".join(lines)


def _consistencies(truth, rows):
    """Chalk and paste by CT, by MR, and by both."""
    ways = {
        "CT": lambda ct, mr: ct["consistency"],
        "MR": lambda ct, mr: mr["consistency"],
        "CT + MR": lambda ct, mr: consistency_from_both(ct, [mr])[0],
    }
    lines = ["| by | truth | n | chalk | paste | mixed | unknown | recall |", "|---|---|---|---|---|---|---|---|"]
    for way, answer in ways.items():
        for name in ("chalk", "paste"):
            found = [answer(*pair) for t, pair in zip(truth, rows, strict=True) if t["consistency"] == name]
            counts = [found.count(a) for a in ("chalk", "paste", "mixed", "unknown")]
            lines.append(
                f"| {way} | {name} | {len(found)} | " + " | ".join(map(str, counts))
                + f" | {found.count(name) / len(found):.2f} |"
            )  # fmt: skip
    return "\n".join(lines)


if __name__ == "__main__":
    print(run())
