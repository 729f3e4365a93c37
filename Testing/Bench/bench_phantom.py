"""What the digital hand promises, measured: volumes, tissues, bones, joints, 200 hands, time.

Run alone: ``python Testing/Bench/bench_phantom.py``. Line integrals of films: bench_phantom_film.py.
"""

import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "CalcinosisImaging"))

from CalcinosisImagingLib.phantom.ct import image_ct
from CalcinosisImagingLib.phantom.deposits import burden, draw_deposits, split_volume, spread_out
from CalcinosisImagingLib.phantom.dimensions import LENGTH_MM
from CalcinosisImagingLib.phantom.paint import deposit_voxels, paint
from CalcinosisImagingLib.phantom.person import draw_hand, stream
from CalcinosisImagingLib.phantom.pose import HELD, draw_angles
from CalcinosisImagingLib.phantom.presets import PRESETS
from CalcinosisImagingLib.phantom.scanner import ct_grid
from CalcinosisImagingLib.phantom.skeleton import build_skeleton
from CalcinosisImagingLib.phantom.study import write_phantom_study

CALCIUM_GAIN = 1.35


def a_hand(seed=0, side="right"):
    """A hand with several deposits."""
    return replace(draw_hand(seed, "sub-01", PRESETS["easy"]), side=side)


def volumes():
    """Voxel shares of each deposit summed on grids of several sizes, against the shape's own volume."""
    worst = dict.fromkeys((0.2, 0.4, 0.6, 0.8, 1.0), 0.0)
    for seed in range(6):
        hand = a_hand(seed)
        posed = hand.held({}, np.eye(4), np.zeros((len(hand.deposits), 3)))
        for spacing in worst:
            grid = ct_grid([posed], spacing, spacing)
            for voxels in deposit_voxels(posed, grid):
                truth = hand.deposits[voxels.index].volume_mm3
                error = abs(float(voxels.share.sum(dtype=np.float64)) * spacing**3 / truth - 1.0)
                worst[spacing] = max(worst[spacing], error)
    rows = [f"| voxel {s} mm | worst error of a deposit's volume {100 * e:.3f} % |" for s, e in worst.items()]
    return "\n".join(rows)


def bones():
    """Length of each kind of bone over 100 hands, against the published mean and SD."""
    lengths = {name: [] for name in LENGTH_MM}
    for seed in range(100):
        skeleton = build_skeleton(stream(seed, "length"))
        for name in lengths:
            lengths[name].append(skeleton.bones[name].shape.length_mm)
    rows = []
    for name in ("metacarpal-1", "metacarpal-3", "proximal-2", "proximal-5", "middle-3", "distal-1", "distal-4"):
        mean, sd = LENGTH_MM[name]
        found = np.array(lengths[name])
        rows.append(
            f"| {name} | {found.mean():.1f} ({found.std(ddof=1):.1f}) mm, published {mean:.1f} ({sd:.1f}), "
            f"farthest {np.abs((found - mean) / sd).max():.1f} SD |"
        )
    return "\n".join(rows)


JOINTS = {
    "wrist": ("radius", "75 extension to 75 flexion, or 70 (two sides)"),
    "MCP": ("proximal-2 proximal-3 proximal-4 proximal-5", "-90 to 45"),
    "PIP": ("middle-2 middle-3 middle-4 middle-5", "-100 to 0"),
    "DIP": ("distal-2 distal-3 distal-4 distal-5", "-80 to 0"),
    "thumb MCP": ("proximal-1", "-55 to 10"),
    "thumb IP": ("distal-1", "-80 to 15"),
}
"""Joints by the bones that they carry, and the normal range of motion (e-hand.com), extension > 0."""
SPREAD = {(2, 3): "17.2 (2.6)", (3, 4): "14.3 (2.3)", (4, 5): "32.1 (7.0)"}
"""Widest angle between neighbouring fingers, mean (SD): Chatzioglou et al., Anat Cell Biol 57:172 (2024)."""


def angles(count=200):
    """Joint angles of 200 hands in each kind of image, against the normal ranges of motion."""
    rows = []
    for held in HELD:
        found = {joint: [] for joint in JOINTS} | {pair: [] for pair in SPREAD}
        for seed in range(count):
            rng = stream(seed, "angles")
            drawn = draw_angles(rng, held)
            for joint, (bones_of_joint, _) in JOINTS.items():
                found[joint] += [drawn[bone][0] for bone in bones_of_joint.split()]
            poses = build_skeleton(rng).poses(drawn)
            across = {d: np.degrees(np.arctan2(*poses[f"proximal-{d}"][:2, 1])) for d in range(2, 6)}
            for a, b in SPREAD:
                found[a, b].append(across[b] - across[a])
        published = {joint: text for joint, (_, text) in JOINTS.items()}
        published |= {pair: f"at most {text}" for pair, text in SPREAD.items()}
        for joint, values in found.items():
            title = joint if isinstance(joint, str) else f"fingers {joint[0]} and {joint[1]} apart"
            low, high = min(values), max(values)
            values = f"{spread(np.array(values))}, {low:.0f} to {high:.0f}"
            rows.append(f"| {held}, {title}, degrees | {values} | {published[joint]} |")
    return "\n".join(rows)


def tissues_in_images():
    """HU in the middle of each tissue in three CTs of the easy preset, and signals relative to muscle in its MR."""
    rows = []
    for tissue, margin, published in (
        ("fat", 2, "-89 to -69 (ICRU-44, 60 to 80 keV), +-20 by person"),
        ("muscle", 2, "42 to 44 (ICRU-44), -15 to +25 by person"),
        ("tendon", 1, "65 to 71 (elbow, means), 60 to 90 by person"),
        ("cortex", 1, "1330 to 1935 (ICRU-44), -200 by person"),
    ):
        drawn, seen = [], []
        for seed in range(3):
            hand = a_hand(seed)
            posed = hand.held(draw_angles(stream(seed, "ct"), "ct"), np.eye(4), np.zeros((len(hand.deposits), 3)))
            protocol = PRESETS["easy"].ct
            grid = ct_grid([posed], protocol.pixel_mm, protocol.slice_mm)
            inside = middle_of(posed, grid, tissue, margin)
            image, _ = image_ct([posed], grid, protocol, stream(seed, "noise"))
            drawn.append(hand.materials.hu[tissue])
            seen.append(float(np.median(image[inside])))
        text = ", ".join(f"{s:.0f} ({d:.0f})" for s, d in zip(seen, drawn, strict=True))
        rows.append(f"| HU of {tissue} in three CTs (as drawn) | {text} | {published} |")
    return "\n".join(rows)


def middle_of(posed, grid, tissue, margin):
    """Voxels that are of one tissue, and so are all within ``margin`` voxels."""
    only = dict.fromkeys(posed.hand.materials.hu, 0.0) | {tissue: 1.0}
    share = paint(posed, grid, only, [(0.0, 0.0)] * len(posed.hand.deposits), posed.hand.distractors).values
    return ndimage.minimum_filter(share, 2 * margin + 1) > 0.98


def two_hundred_hands(count=200):
    """Counts, volumes, kinds, consistencies and sites of the deposits of a study of 200 hands."""
    counts, totals, deposits, asked = [], [], [], 0
    first = stream(0, "population").standard_normal(2)
    for place in range(count):
        rng = stream(place, "population")
        skeleton = build_skeleton(rng)
        number, total = burden(spread_out(first, place))
        found = ()
        if number:
            volumes = split_volume(rng, total, number, 0.3)
            asked += number
            found = draw_deposits(rng, skeleton, skeleton.poses({}), volumes)
        counts.append(len(found))
        totals.append(sum(d.volume_mm3 for d in found))
        deposits += found
    counts, totals = np.array(counts), np.array(totals)
    rows = [
        f"| deposits per hand, mean (SD), range | {counts.mean():.1f} ({counts.std(ddof=1):.1f}), "
        f"{counts.min()}-{counts.max()} | 6.3 (6.5) |",
        f"| volume per hand, mm3, mean (SD), median | {totals.mean():.0f} ({totals.std(ddof=1):.0f}), "
        f"{np.median(totals):.0f} | 657 (1940) |",
        f"| deposits that found no room | {asked - len(deposits)} of {asked} | - |",
    ]
    for title, key, published in (
        ("kind", lambda d: d.kind, "stone 91.4, plate 4.8, net 3.8 %"),
        ("consistency", lambda d: d.content.consistency, "-"),
        ("touches bone", lambda d: d.site.touches, "20 % (asked)"),
        ("region", lambda d: d.site.region, "-"),
        ("digit", lambda d: d.site.digit, "thumb > index > ... > little"),
    ):
        values = [key(d) for d in deposits]
        names = sorted(set(values), key=lambda v: (-values.count(v), str(v)))
        shares = ", ".join(f"{name} {100 * values.count(name) / len(values):.1f}" for name in names)
        rows.append(f"| {title}, % of {len(deposits)} | {shares} | {published} |")
    return "\n".join(rows)


def burdens(studies=300, hands=200):
    """The volumes that are drawn, without shapes: over many hands, and how much studies of 200 hands differ."""
    rng = np.random.default_rng(0)
    rows = []
    for title, places in (("alone", np.zeros(hands, int)), ("of one study", np.arange(hands))):
        totals = []
        for _ in range(studies):
            first = rng.standard_normal(2)
            drawn = [burden(spread_out(first, p) if p else rng.standard_normal(2)) for p in places]
            totals.append([total if count else 0.0 for count, total in drawn])
        totals = np.array(totals)
        if title == "alone":
            rows.append(f"| volume per hand as drawn, {totals.size} hands, mean (SD) | {spread(totals)} | 657 (1940) |")
        ranges = [np.percentile(f, [5, 50, 95]) for f in (totals.mean(axis=1), totals.std(axis=1, ddof=1))]
        (a, b, c), (d, e, f) = ranges
        rows.append(
            f"| {studies} times {hands} hands {title}: mean, SD; median, 5 to 95 % | {b:.0f}, {a:.0f} to {c:.0f}; "
            f"{e:.0f}, {d:.0f} to {f:.0f} | - |"
        )
    return "\n".join(rows)


def spread(values):
    """Mean (SD) of an array."""
    return f"{values.mean():.0f} ({values.std(ddof=1):.0f})"


def dicom_tools():
    """Series of easy, typical and hard through dcmdump, dcm2niix, pydicom and SimpleITK: complaints; geometry."""
    if shutil.which("dcmdump") is None or shutil.which("dcm2niix") is None:
        return "| dcmdump, dcm2niix | not installed |"
    rows = []
    for preset in ("easy", "typical", "hard"):
        with tempfile.TemporaryDirectory() as folder:
            study = Path(folder) / "study"
            write_phantom_study(study, 1, 0, 0, preset)
            files = sorted((study / "sub-01").rglob("*.dcm"))
            dumped = subprocess.run(["dcmdump", "-q", *map(str, files)], capture_output=True, text=True)
            said, farthest = dumped.stderr.strip().splitlines() + pydicom_complaints(files), 0.0
            for truth in sorted((study / "truth" / "sub-01" / "ses-1").rglob("bones.seg.nrrd")):
                place = truth.parent.relative_to(study / "truth")
                out = Path(folder) / "nifti" / place
                out.mkdir(parents=True)
                command = ["dcm2niix", "-b", "n", "-z", "n", "-o", str(out), str(study / place)]
                ran = subprocess.run(command, capture_output=True, text=True)
                said += [line for line in ran.stdout.splitlines() if "arning" in line or "rror" in line]
                reader = sitk.ImageSeriesReader()
                reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(study / place)))
                for image in (sitk.ReadImage(str(next(out.glob("*.nii")))), reader.Execute()):
                    farthest = max(farthest, corner_distance(image, truth))
            rows.append(
                f"| {preset}, {len(files)} DICOM files: complaints, corners off the truth's | {len(said)}, "
                f"{farthest:.4f} mm | " + "; ".join(sorted(set(said))[:3]) + " |"
            )
    return "\n".join(rows)


def pydicom_complaints(files):
    """What pydicom says of each file, all values converted and pixels decoded, as strictly as it can."""
    said, settings = [], pydicom.config.settings
    mode, settings.reading_validation_mode = settings.reading_validation_mode, pydicom.config.RAISE
    try:
        for path in files:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                dataset = pydicom.dcmread(path)
                list(dataset.iterall())
                if dataset.pixel_array.shape != (dataset.Rows, dataset.Columns):
                    said.append(f"{path.name}: shape of its pixels")
            said += [str(w.message) for w in caught]
    finally:
        settings.reading_validation_mode = mode
    return said


def corner_distance(image, truth_path):
    """Greatest distance between the corners of an image and the nearest corner of the truth's grid, mm."""
    truth = sitk.ReadImage(str(truth_path))
    clouds = []
    for one in (image, truth):
        ends = np.array(np.meshgrid(*[(0, n - 1) for n in one.GetSize()])).reshape(3, -1).T
        clouds.append(np.array([one.TransformIndexToPhysicalPoint([int(v) for v in end]) for end in ends]))
    return float(np.linalg.norm(clouds[0][:, None] - clouds[1][None], axis=2).min(axis=1).max())


def timing():
    """CPU seconds of one participant, by preset."""
    rows = []
    for preset in PRESETS:
        with tempfile.TemporaryDirectory() as folder:
            start = time.process_time()
            write_phantom_study(Path(folder) / "study", 1, 0, 0, preset)
            rows.append(f"| {preset} | {time.process_time() - start:.0f} s of CPU for one participant, one visit |")
    return "\n".join(rows)


def run() -> str:
    """All of it as markdown tables."""
    parts = ["| what | measured |\n|---|---|", volumes(), bones(), timing(), dicom_tools()]
    parts += [
        "\n| 200 hands | measured | published |\n|---|---|---|",
        angles(),
        tissues_in_images(),
        burdens(),
        two_hundred_hands(),
    ]
    return "\n".join(parts)


if __name__ == "__main__":
    print(run())
