"""Matching: is the right deposit found, how well are distances measured, how long does it take."""

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from CalcinosisImagingLib.analysis.comparison.bodies import find_bodies
from CalcinosisImagingLib.analysis.comparison.match import match
from CalcinosisImagingLib.analysis.registration.field import BlendedMotion
from CalcinosisImagingLib.analysis.segmentation import Segmentation
from CalcinosisImagingLib.analysis.segmentation_file import read_segmentation
from CalcinosisImagingLib.phantom.study import write_phantom_study

sys.path.insert(0, str(Path(__file__).parents[1] / "Python"))

from comparison_shapes import ball, draw, grid


def _crowded_hand(rng, error_mm):
    """Two segmentations of one hand and the true links (label of A, label of B).

    Sizes are skewed, a third lie in clusters; B sees what it sees smaller, breaks every fifth in two, misses every
    seventh, has a few of its own, and each deposit is out of place by about ``error_mm``.
    """
    seen_a, seen_b, links, centres = [], [], set(), []
    while len(seen_a) < 60:
        radius = float(np.clip(np.exp(rng.normal(0.2, 0.5)), 0.7, 5))
        if centres and rng.random() < 0.35:
            near, size = centres[rng.integers(len(centres))]
            direction = rng.normal(size=3)
            centre = near + direction / np.linalg.norm(direction) * (size + radius + rng.uniform(2, 3))
        else:
            centre = rng.uniform(-38, 38, 3)
        if np.abs(centre).max() > 40 or any(np.linalg.norm(centre - c) < radius + r + 2 for c, r in centres):
            continue
        centres.append((centre, radius))
        seen_a.append(ball(centre, radius))
        fate = rng.random()
        if fate < 0.15:
            continue
        direction = rng.normal(size=3)
        direction /= np.linalg.norm(direction)
        moved = centre + direction * abs(rng.normal(error_mm, error_mm / 4))
        if fate < 0.35 and radius > 1:
            side = rng.normal(size=3)
            side *= radius * 0.55 / np.linalg.norm(side)
            pieces = [(moved + side, radius * 0.5), (moved - side, radius * 0.45)]
        else:
            pieces = [(moved, radius * rng.uniform(0.75, 1.1))]
        for middle, size in pieces:
            seen_b.append(ball(middle, size))
            links.add((len(seen_a), len(seen_b)))
    for _ in range(6):
        seen_b.append(ball(rng.uniform(-38, 38, 3), 1.0))
    a = draw(grid((280, 280, 280), 0.3), seen_a)
    b = draw(grid((170, 170, 170), 0.5), seen_b)
    return a, b, links


def _links_of(comparison):
    return {(i, j) for one in comparison.matches for i in one.a_ids for j in one.b_ids}


def _overlap_links(a: Segmentation, b: Segmentation, least_iou=0.1):
    """The usual way: every pair whose voxels overlap enough, on A's grid by nearest neighbour."""
    bodies = find_bodies(a)
    ijk = np.stack(np.unravel_index(bodies.flat, a.labels.shape)[::-1], axis=-1)
    there = np.rint(b.volume.to_ijk(a.volume.to_ras(ijk))).astype(int)
    inside = ((there >= 0) & (there < b.volume.size)).all(axis=1)
    i, j, k = there[inside].T
    pairs, counts = np.unique(
        np.stack([a.labels.ravel()[bodies.flat][inside], b.labels[k, j, i]]), axis=1, return_counts=True
    )
    size_a = dict(zip(bodies.labels.tolist(), bodies.sizes_mm3, strict=True))
    bodies_b = find_bodies(b)
    size_b = dict(zip(bodies_b.labels.tolist(), bodies_b.sizes_mm3, strict=True))
    links = set()
    for (label_a, label_b), count in zip(pairs.T.tolist(), counts, strict=True):
        if label_b:
            shared = count * a.volume.voxel_volume_mm3
            if shared / (size_a[label_a] + size_b[label_b] - shared) >= least_iou:
                links.add((label_a, label_b))
    return links


def _nearest_links(a: Segmentation, b: Segmentation, reach_mm=3.0):
    """The other usual way: the nearest centre within 3 mm."""
    bodies_a, bodies_b = find_bodies(a), find_bodies(b)
    distances = np.linalg.norm(bodies_a.centroids_ras()[:, None] - bodies_b.centroids_ras()[None], axis=-1)
    nearest = distances.argmin(axis=1)
    return {
        (int(bodies_a.labels[i]), int(bodies_b.labels[j])) for i, j in enumerate(nearest) if distances[i, j] <= reach_mm
    }


def _f1(found, true):
    return 2 * len(found & true) / max(1, len(found) + len(true))


def _matching() -> list[str]:
    lines = ["| registration error | ours F1 | overlap ≥ 0.1 IoU | nearest centre ≤ 3 mm |", "|---|---|---|---|"]
    for error_mm in (0.0, 0.5, 1.0, 1.5):
        scores = []
        for seed in range(4):
            a, b, true = _crowded_hand(np.random.default_rng(seed), error_mm)
            scores.append(
                [_f1(found, true) for found in (_links_of(match(a, b)), _overlap_links(a, b), _nearest_links(a, b))]
            )
        ours, overlap, nearest = np.mean(scores, axis=0)
        lines.append(f"| {error_mm} mm | {ours:.3f} | {overlap:.3f} | {nearest:.3f} |")
    return lines


def _distances() -> list[str]:
    lines = [
        "| two balls, 0.3 mm against 0.4 mm grid | true ASSD | ASSD | true HD95 | HD95 |",
        "|---|---|---|---|---|",
    ]
    rng = np.random.default_rng(5)
    for radius_a, radius_b in ((5.0, 5.0), (5.0, 6.0), (2.0, 2.5)):
        found = []
        for _ in range(5):
            a = draw(grid((60, 60, 60), 0.3, rng.random(3) * 0.3), [ball(np.zeros(3), radius_a)])
            b = draw(grid((46, 46, 46), 0.4, rng.random(3) * 0.4), [ball(np.zeros(3), radius_b)])
            one = match(a, b).matches[0]
            found.append((one.assd_mm, one.hd95_mm))
        assd, hd95 = np.mean(found, axis=0)
        true = radius_b - radius_a
        lines.append(f"| radii {radius_a} and {radius_b} mm | {true} | {assd:.3f} | {true} | {hd95:.3f} |")
    return lines


def _naive(a: Segmentation, b: Segmentation, labels) -> float:
    """Seconds of CPU for Dice of some deposits by comparing whole volumes, as a loop over deposits does."""
    started = time.process_time()
    for label in labels:
        mask_a, mask_b = a.labels == label, b.labels == label
        2 * np.count_nonzero(mask_a & mask_b) / (np.count_nonzero(mask_a) + np.count_nonzero(mask_b))
    return time.process_time() - started


def _timing() -> list[str]:
    lines = [
        "| 80 million voxels | ours: all measures (CPU s) | loop over deposits: Dice alone (CPU s) |",
        "|---|---|---|",
    ]
    for count in (10, 244, 1000):
        rng = np.random.default_rng(count)
        deposits = [ball(rng.uniform((-57, -57, -72), (57, 57, 72)), float(r)) for r in rng.uniform(0.6, 2.5, count)]
        a = draw(grid((400, 400, 500), 0.3), deposits)
        b = Segmentation(a.volume, a.segments)
        started = time.process_time()
        match(a, b, lambda points: points + np.array([0.2, 0.1, 0.0]))
        ours = time.process_time() - started
        few = _naive(a, b, range(1, 4)) * count / 3
        lines.append(f"| {count} deposits | {ours:.1f} | {few:.0f} (from three) |")
    return lines


def _phantom() -> list[str]:
    """True labels of a digital hand in other poses, mapped by its true bone motions: soft tissue is out by 1–2 mm."""
    lines = [
        "| digital hand, true labels | deposits in both | matched with themselves | wrong | median Dice | CPU s |",
        "|---|---|---|---|---|---|",
    ]
    for seed in (5, 6):
        with tempfile.TemporaryDirectory() as folder:
            write_phantom_study(Path(folder), participants=1, repeats=0, seed=seed)
            truth = Path(folder) / "truth" / "sub-01" / "ses-1"
            ct, bones = (read_segmentation(truth / "ct" / f"{name}.seg.nrrd") for name in ("deposits", "bones"))
            for series in sorted((truth / "mr").iterdir()):
                mr = read_segmentation(series / "deposits.seg.nrrd")
                motion = BlendedMotion.of(bones, _true_motions(truth / "ct", series, bones))
                both = set(np.unique(ct.labels)) & set(np.unique(mr.labels)) - {0}
                started = time.process_time()
                found = match(ct, mr, motion.forward)
                spent = time.process_time() - started
                links = _links_of(found)
                right = sum((label, label) in links for label in both)
                dice = np.median([one.dice for one in found.matches])
                name = f"seed {seed}, CT – {series.name}"
                lines.append(f"| {name} | {len(both)} | {right} | {len(links) - right} | {dice:.2f} | {spent:.1f} |")
    return lines


def _true_motions(ct: Path, mr: Path, bones: Segmentation) -> dict[str, np.ndarray]:
    """Bone -> 4x4 RAS, from the CT to the MR."""
    poses = [
        {
            name: np.array(bone["matrix_reference_to_image_ras"])
            for name, bone in json.loads((folder / "poses.json").read_text(encoding="utf-8"))["bones"].items()
        }
        for folder in (ct, mr)
    ]
    return {name: poses[1][name] @ np.linalg.inv(pose) for name, pose in poses[0].items() if bones.by_id(name)}


def run() -> str:
    """A markdown table."""
    return "\n".join([*_matching(), "", *_phantom(), "", *_distances(), "", *_timing()])


if __name__ == "__main__":
    print(run())
