"""How well deposits and bones of one hand were found and measured, and the same over several hands."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from CalcinosisImagingLib.analysis.anatomy import BONE_LABELS, BONE_NAMES, ray
from CalcinosisImagingLib.analysis.ct.segment import CtSegmentation
from CalcinosisImagingLib.analysis.segmentation import CONFIDENCE_TAG, REASON_TAG
from ct_hands import SOFT_HU, Case, Truth
from scipy import ndimage

JOINTS = (
    *((a, b) for digit in range(1, 6) for a, b in pairwise(ray(digit))),
    ("trapezium", "metacarpal-1"), ("trapezoid", "metacarpal-2"), ("capitate", "metacarpal-3"),
    ("hamate", "metacarpal-4"), ("hamate", "metacarpal-5"),
    ("scaphoid", "lunate"), ("lunate", "triquetrum"), ("triquetrum", "pisiform"), ("trapezium", "trapezoid"),
    ("trapezoid", "capitate"), ("capitate", "hamate"), ("scaphoid", "trapezium"), ("scaphoid", "trapezoid"),
    ("scaphoid", "capitate"), ("lunate", "capitate"), ("triquetrum", "hamate"), ("radius", "scaphoid"),
    ("radius", "lunate"), ("radius", "ulna"),
)  # fmt: skip
"""Pairs of bones that meet."""
LARGEST_LEAK = 0.03
"""Bones of a joint are separated if less than this share of each carries the other's name, and both have theirs."""
IOU = 0.3
LEAST_CNR = 8.0
LEAST_MEASURED_MM3 = 10.0
WITHIN = 0.1
BLUR_MM = 1.5
"""Voxels so near a label may be partly of its deposit."""


@dataclass(frozen=True)
class Found:
    """A true deposit that counts: ``dice`` with what was found of it (0: missed), and where the missed one went.

    ``volume``, ``counted``: by the fractions and by counting, over the true one.
    """

    truth: Truth
    dice: float
    confidence: float
    went_to: str
    volume: float
    counted: float


@dataclass(frozen=True)
class Scores:
    """One hand. ``false``: confidence and what each false deposit is; ``joints``: separated or not; volumes in mm³."""

    name: str
    deposits: tuple[Found, ...]
    false: tuple[tuple[float, str], ...]
    found_mm3: float
    bone_mm3: float
    bones_named: int
    bones: int
    bone_dice: tuple[float, ...]
    side_right: bool
    joints: tuple[bool, ...]


def score(case: Case, result: CtSegmentation) -> Scores:
    """Match at `IOU`, one to one; deposits that are too small or faint to count are neither hits nor misses."""
    found = result.deposits.labels
    voxel = case.volume.voxel_volume_mm3
    table = np.zeros((len(case.truths) + 1, len(result.deposits.segments) + 1))
    np.add.at(table, (case.deposits.ravel(), found.ravel()), 1)
    union = table.sum(1)[1:, None] + table.sum(0)[None, 1:] - table[1:, 1:]
    iou = table[1:, 1:] / np.maximum(union, 1)
    sure = [float(s.tags[CONFIDENCE_TAG]) for s in result.deposits.segments]
    full = _full_voxels(result)
    deposits, taken = [], set()
    for number, truth in enumerate(case.truths):
        best = int(iou[number].argmax()) if iou.shape[1] else -1
        hit = best >= 0 and iou[number, best] >= IOU and best not in taken
        if hit:
            taken.add(best)
        if _counts(truth, case):
            dice = 2 * iou[number, best] / (1 + iou[number, best]) if hit else 0.0
            went = "" if hit else _went_to(case, result, number + 1)
            volume, counted = (v[best + 1] * voxel / truth.volume_mm3 if hit else 0.0 for v in (full, table.sum(0)))
            deposits.append(Found(truth, float(dice), sure[best] if hit else 0.0, went, float(volume), float(counted)))
    ignored = {n + 1 for n, t in enumerate(case.truths) if not _counts(t, case)}
    false = []
    for number in range(iou.shape[1]):
        share = table[1:, number + 1] / max(table[:, number + 1].sum(), 1)
        if number not in taken and not (len(share) and share.max() > 0.2 and int(share.argmax()) + 1 in ignored):
            false.append((sure[number], _what(case, found == number + 1)))
    dice = {}
    for name, label in BONE_LABELS.items():
        true, mine = case.bones == label, result.bones.labels == label
        if true.any():
            dice[name] = 2 * float((true & mine).sum()) / float(true.sum() + mine.sum())
    bone = (found > 0) & (case.bones > 0) & (case.deposits == 0)
    side = "left" if case.left else "right"
    return Scores(
        case.name,
        tuple(deposits),
        tuple(false),
        float((found > 0).sum() * voxel),
        float(bone.sum() * voxel),
        sum(d > 0.5 for d in dice.values()),
        len(dice),
        tuple(dice.values()),
        [h.side for h in result.hands] == [side],
        _joints(case, result, dice),
    )


def _full_voxels(result: CtSegmentation) -> np.ndarray:
    """Sum of the fractions by label; what lies outside of all labels belongs to the nearest."""
    labels, fractions = result.deposits.labels, result.fractions.voxels
    spacing = result.fractions.spacing_mm[::-1]
    sums = np.zeros(len(result.deposits.segments) + 1)
    margin = np.ceil(BLUR_MM / spacing).astype(int)
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        wide = tuple(slice(max(s.start - m, 0), s.stop + m) for s, m in zip(box, margin, strict=True))
        part = labels[wide]
        nearest = ndimage.distance_transform_edt(part == 0, spacing, return_distances=False, return_indices=True)
        sums[label] = fractions[wide][part[tuple(nearest)] == label].sum(dtype=float) / 255.0
    return sums


def _joints(case: Case, result: CtSegmentation, dice: dict[str, float]) -> tuple[bool, ...]:
    """Whether each joint of the hand is separated (`LARGEST_LEAK`)."""
    separated = []
    for pair in JOINTS:
        if not all(name in dice for name in pair):
            continue
        leaks = []
        for own, other in (pair, pair[::-1]):
            inside = result.bones.labels[case.bones == BONE_LABELS[own]]
            leaks.append(float((inside == BONE_LABELS[other]).mean()))
        separated.append(max(leaks) < LARGEST_LEAK and min(dice[name] for name in pair) > 0.5)
    return tuple(separated)


def _counts(truth: Truth, case: Case) -> bool:
    """Whether a deposit is large and bright enough to be asked for."""
    least = 2.0 if max(case.volume.spacing_mm) <= 0.41 else 5.0
    voxels = truth.volume_mm3 / case.volume.voxel_volume_mm3
    return truth.volume_mm3 >= least and (truth.hu - SOFT_HU) / case.noise_hu * np.sqrt(voxels) >= LEAST_CNR


def _went_to(case: Case, result: CtSegmentation, number: int) -> str:
    """What a missed deposit's voxels were taken for, the two largest shares."""
    mask = case.deposits == number
    parts: dict[str, int] = {}
    names = {s.label: s.segment_id for s in result.bones.segments}
    for label in result.bones.labels[mask]:
        parts[names.get(int(label), "")] = parts.get(names.get(int(label), ""), 0) + 1
    for label, count in enumerate(np.bincount(result.rejected.labels[mask])[1:], start=1):
        if count:
            reason = "rejected: " + result.rejected.segments[label - 1].tags[REASON_TAG]
            parts[reason] = parts.get(reason, 0) + int(count)
    taken = int((result.deposits.labels[mask] > 0).sum())
    parts["deposit"] = taken
    parts[""] = int(mask.sum()) - sum(n for name, n in parts.items() if name)
    order = sorted(parts.items(), key=lambda item: -item[1])[:2]
    return ", ".join(f"{name or 'nothing'} {n / max(mask.sum(), 1):.0%}" for name, n in order if n)


def _what(case: Case, mask: np.ndarray) -> str:
    """What a false deposit is."""
    size = f"{mask.sum() * case.volume.voxel_volume_mm3:.0f} mm³"
    other = np.bincount(case.others[mask], minlength=1)
    if other[1:].sum() > 0.2 * mask.sum():
        return f"{case.other_names[int(other[1:].argmax())]} {size}"
    true = np.bincount(case.deposits[mask], minlength=1)
    if true[1:].sum() > 0.2 * mask.sum():
        return f"part of a {case.truths[int(true[1:].argmax())].kind} {size}"
    bone = np.bincount(case.bones[mask], minlength=1)
    if bone[1:].sum() > 0.2 * mask.sum():
        return f"{BONE_NAMES[int(bone[1:].argmax())]} {size}"
    return f"soft tissue {size}"


def wilson(hits: int, total: int) -> str:
    """A share with its Wilson interval (95 %)."""
    if total == 0:
        return "-"
    z, p = 1.959964, hits / total
    middle = (p + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * np.sqrt(p * (1 - p) / total + z * z / (4 * total * total))
    return f"{p:.3f} ({max(middle - half, 0):.2f}-{min(middle + half, 1):.2f}; {hits}/{total})"


def by_hand(scores: list[Scores]) -> str:
    """A markdown row per hand."""
    lines = [
        "| hand | bones named | Dice, median (least) | side | deposits hit | false | bone in deposits | false are |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for s in scores:
        hits = sum(d.dice > 0 for d in s.deposits)
        cells = [s.name, f"{s.bones_named}/{s.bones}", f"{np.median(s.bone_dice):.3f} ({min(s.bone_dice):.2f})"]
        cells += ["right answer" if s.side_right else "wrong", f"{hits}/{len(s.deposits)}", str(len(s.false))]
        cells += [f"{s.bone_mm3:.1f} of {s.found_mm3:.0f} mm³", "; ".join(what for _, what in s.false) or "-"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def together(scores: list[Scores]) -> str:
    """A markdown table over all hands."""
    deposits = [d for s in scores for d in s.deposits]
    false = [f for s in scores for f in s.false]
    hits = sum(d.dice > 0 for d in deposits)
    rows = [("precision", wilson(hits, hits + len(false))), ("recall", wilson(hits, len(deposits)))]
    rows.append(("F1", f"{2 * hits / max(hits + len(false) + len(deposits), 1):.3f}"))
    for kind in sorted({d.truth.kind for d in deposits}):
        rows.append((f"recall, {kind}", _recall([d for d in deposits if d.truth.kind == kind])))
    rows.append(("recall, touching bone", _recall([d for d in deposits if d.truth.touching])))
    rows.append(("recall, free", _recall([d for d in deposits if not d.truth.touching])))
    large = [d.dice for d in deposits if d.truth.volume_mm3 >= 20 and d.dice > 0]
    if large:
        rows.append(
            (
                "Dice of hits from 20 mm³, median (lowest tenth)",
                f"{np.median(large):.3f} ({np.quantile(large, 0.1):.2f})",
            )
        )
    measured = [d for d in deposits if d.dice > 0 and d.truth.volume_mm3 >= LEAST_MEASURED_MM3]
    for kind in sorted({d.truth.kind for d in measured}):
        rows.append((f"volume from 10 mm³, {kind}", _accuracy([d for d in measured if d.truth.kind == kind])))
    rows.append(("volume from 10 mm³, free", _accuracy([d for d in measured if not d.truth.touching])))
    rows.append(("volume from 10 mm³, touching bone", _accuracy([d for d in measured if d.truth.touching])))
    volume = sum(s.found_mm3 for s in scores)
    rows.append(("bone in the deposits' volume", f"{100 * sum(s.bone_mm3 for s in scores) / max(volume, 1e-9):.2f} %"))
    rows.append(("bones named", wilson(sum(s.bones_named for s in scores), sum(s.bones for s in scores))))
    rows.append(("joints separated", wilson(sum(sum(s.joints) for s in scores), sum(len(s.joints) for s in scores))))
    rows += [("confidence, median, " + name, _middle(values)) for name, values in _confidences(scores)]
    rows += _by_confidence(scores)
    return "\n".join(["| all hands | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def _by_confidence(scores: list[Scores]) -> list[tuple[str, str]]:
    """Share of right ones among the found, by confidence; and how well confidence tells right from false."""
    right = np.array(_confidences(scores)[0][1])
    false = np.array(_confidences(scores)[1][1])
    rows = []
    for low, high in ((0.0, 0.5), (0.5, 0.8), (0.8, 1.01)):
        hits, wrong = int(((right >= low) & (right < high)).sum()), int(((false >= low) & (false < high)).sum())
        rows.append((f"right among those with confidence {low:.1f}-{min(high, 1.0):.1f}", wilson(hits, hits + wrong)))
    if len(right) and len(false):
        area = float((np.sign(right[:, None] - false[None]) / 2 + 0.5).mean())
        rows.append(("confidence of right over false ones, area under the curve", f"{area:.2f}"))
    return rows


def _recall(deposits: list[Found]) -> str:
    return wilson(sum(d.dice > 0 for d in deposits), len(deposits))


def _accuracy(deposits: list[Found]) -> str:
    """Bias, spread, and how many volumes are within a tenth; counted voxels beside."""
    if not deposits:
        return "-"
    parts = []
    for ratio in (np.array([d.volume for d in deposits]), np.array([d.counted for d in deposits])):
        percent = 100 * (ratio - 1)
        hits = int((np.abs(ratio - 1) <= WITHIN).sum())
        parts.append(
            f"bias {percent.mean():+.1f} %, median {np.median(percent):+.1f} %, SD {percent.std():.1f} %, "
            f"within 10 %: {hits}/{len(ratio)}"
        )
    return f"{parts[0]}; counted: {parts[1]}"


def _confidences(scores: list[Scores]) -> list[tuple[str, list[float]]]:
    right = [d.confidence for s in scores for d in s.deposits if d.dice > 0]
    return [("right ones", right), ("false ones", [sure for s in scores for sure, _ in s.false])]


def _middle(values: list[float]) -> str:
    return f"{np.median(values):.2f} (n = {len(values)})" if values else "-"
