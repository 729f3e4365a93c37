"""Bones and deposits in CT on synthetic hands that the segmentation was not drawn from; accuracy and time."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "CalcinosisImaging"), str(ROOT / "Testing" / "Python")]

import mesh_hand  # noqa: E402
from CalcinosisImagingLib.analysis.anatomy import BONE_LABELS  # noqa: E402
from CalcinosisImagingLib.analysis.ct.segment import CtSegmentation, segment_ct  # noqa: E402
from CalcinosisImagingLib.analysis.segmentation_file import read_segmentation  # noqa: E402
from CalcinosisImagingLib.analysis.volume import Volume  # noqa: E402
from CalcinosisImagingLib.phantom.study import write_phantom_study  # noqa: E402
from CalcinosisImagingLib.study.images import read_image  # noqa: E402

MESH_CASES = {
    "surfaces 0.4 mm": (1, mesh_hand.Scanner((0.4, 0.4, 0.4), seed=1)),
    "surfaces 0.5 mm, left": (2, mesh_hand.Scanner((0.5, 0.5, 0.6), 0.9, 0.0, 30, (70, 20, 130), True, 2)),
    "surfaces 0.3 mm, bone kernel": (4, mesh_hand.Scanner((0.3, 0.3, 0.3), 0.6, 0.6, 50, (-90, 30, 10), True, 4)),
    "surfaces 0.45 mm, osteopenic": (
        5,
        mesh_hand.Scanner((0.45, 0.45, 0.5), 0.7, 0.0, 30, (10, 200, 50), False, 5, (600.0, 1000.0), (0.45, 1.2)),
    ),
}
PHANTOM_CASES = {"phantom typical 11": (11, "typical"), "phantom easy 3": (3, "easy")}


def mesh_case(name: str) -> tuple[Volume, np.ndarray, np.ndarray, str]:
    """Volume, true bones, true deposits, true side."""
    seed, scanner = MESH_CASES[name]
    scan = mesh_hand.scan(mesh_hand.random_pose(seed), scanner)
    return scan.volume, scan.bones, scan.deposits, "left" if scanner.left else "right"


def phantom_case(name: str) -> tuple[Volume, np.ndarray, np.ndarray, str]:
    """Volume, true bones, true deposits, true side."""
    seed, preset = PHANTOM_CASES[name]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "study"
        write_phantom_study(out, participants=1, repeats=0, seed=seed, preset=preset)
        volume = read_image(out / "sub-01" / "ses-1" / "ct", "ct").volume
        truth = next(out.glob("truth/**/ct/bones.seg.nrrd")).parent
        bones = read_segmentation(truth / "bones.seg.nrrd").labels
        deposits = read_segmentation(truth / "deposits.seg.nrrd").labels
        side = (out / "participants.tsv").read_text().split()[-1]
    return volume, bones, deposits, side


def scores(result: CtSegmentation, bones: np.ndarray, deposits: np.ndarray) -> dict[str, float]:
    """Named bones, median Dice, deposits hit at IoU 0.3, false ones, median volume ratio."""
    dice = []
    for label in BONE_LABELS.values():
        true, found = bones == label, result.bones.labels == label
        if true.any():
            dice.append(2 * (true & found).sum() / (true.sum() + found.sum()))
    count, found_count = int(deposits.max()), len(result.deposits.segments)
    table = np.zeros((count + 1, found_count + 1))
    np.add.at(table, (deposits.ravel(), result.deposits.labels.ravel()), 1)
    union = table.sum(1)[1:, None] + table.sum(0)[None, 1:] - table[1:, 1:]
    iou = table[1:, 1:] / np.maximum(union, 1)
    hits = {int(t): int(iou[t].argmax()) for t in range(count) if found_count and iou[t].max() >= 0.3}
    ratios = []
    for true, found in hits.items():
        box = ndimage.find_objects((result.deposits.labels == found + 1).astype(np.uint8))[0]
        box = tuple(slice(max(s.start - 4, 0), s.stop + 4) for s in box)
        ratios.append(result.fractions.voxels[box].sum() / 255.0 / table.sum(1)[true + 1])
    return {
        "named": sum(d > 0.5 for d in dice),
        "of": len(dice),
        "dice": float(np.median(dice)),
        "hits": len(set(hits.values())),
        "deposits": count,
        "false": found_count - len(set(hits.values())),
        "ratio": float(np.median(ratios)) if ratios else float("nan"),
    }


def run() -> str:
    """A markdown table."""
    lines = [
        "| case | Mvoxels | bones named | Dice (median) | side | deposits hit | false | volume ratio (median) | "
        "CPU s | threshold + components, CPU s |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    cases = {**dict.fromkeys(MESH_CASES, mesh_case), **dict.fromkeys(PHANTOM_CASES, phantom_case)}
    for name, make in cases.items():
        volume, bones, deposits, side = make(name)
        start = time.process_time()
        result = segment_ct(volume)
        spent = time.process_time() - start
        start = time.process_time()
        sitk.ConnectedComponent(sitk.GetImageFromArray(volume.voxels) > 300)
        peer = time.process_time() - start
        s = scores(result, bones, deposits)
        sides = "/".join(h.side for h in result.hands)
        cells = [name, f"{volume.voxels.size / 1e6:.0f}", f"{s['named']}/{s['of']}", f"{s['dice']:.3f}"]
        cells += [f"{sides} ({side})", f"{s['hits']}/{s['deposits']}", f"{s['false']}", f"{s['ratio']:.3f}"]
        lines.append(f"| {' | '.join(cells)} | {spent:.1f} | {peer:.1f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(run())
