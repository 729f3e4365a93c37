"""What the digital hand promises, measured: volumes, pinhole, line integrals, tissues, bone lengths, 200 hands, time.

Run alone: ``python Testing/Bench/bench_phantom.py``. plastimatch (Debian package) is compared where it is installed.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "CalcinosisImaging"))

from CalcinosisImagingLib.phantom.deposits import draw_burden, draw_deposits, split_volume
from CalcinosisImagingLib.phantom.dimensions import LENGTH_MM
from CalcinosisImagingLib.phantom.film import film_attenuation, film_placement, line_integrals
from CalcinosisImagingLib.phantom.lattice import Grid
from CalcinosisImagingLib.phantom.paint import deposit_voxels, paint
from CalcinosisImagingLib.phantom.person import draw_hand, stream
from CalcinosisImagingLib.phantom.pose import draw_angles
from CalcinosisImagingLib.phantom.presets import PRESETS, FilmProtocol
from CalcinosisImagingLib.phantom.scanner import body_corners, ct_grid
from CalcinosisImagingLib.phantom.skeleton import build_skeleton
from CalcinosisImagingLib.phantom.study import write_phantom_study

CALCIUM_GAIN = 1.35


def a_hand(seed=0, side="right"):
    """A hand with several deposits."""
    return replace(draw_hand(seed, "sub-01", PRESETS["easy"]), side=side)


def volumes():
    """Voxel shares of each deposit summed on grids of several sizes, against the shape's own volume."""
    worst = {0.2: 0.0, 0.4: 0.0, 0.8: 0.0}
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


def line_integral_errors():
    """The film of a hand against plastimatch's exact projector on a CT painted in the same pose."""
    if shutil.which("plastimatch") is None:
        return "| plastimatch | not installed |"
    hand = a_hand(1)
    rng = stream(0, "bench")
    protocol = FilmProtocol(pixel_mm=0.4, calcium_gain=CALCIUM_GAIN)
    posed, view = film_placement(
        hand.held(draw_angles(rng, "film"), np.eye(4), np.zeros((len(hand.deposits), 3))), protocol, rng, "pa"
    )
    ours, _ = line_integrals(posed, view, CALCIUM_GAIN)
    corners = body_corners(posed)
    spacing = 0.25
    # The forearm leaves the film, so the painted volume reaches further down than a scan would.
    low, high = corners.min(axis=0) - 4.0, corners.max(axis=0) + np.array([4.0, 30.0, 4.0])
    matrix = np.diag([spacing] * 3 + [1.0])
    matrix[:3, 3] = low
    grid = Grid(tuple(int(n) for n in (high - low) / spacing), matrix)
    mu = {name: film_attenuation(hu, CALCIUM_GAIN) for name, hu in hand.materials.hu.items()}
    contents = [
        tuple(film_attenuation(hu, CALCIUM_GAIN) for hu in (d.content.dense_hu, d.content.light_hu))
        for d in hand.deposits
    ]
    painted = paint(posed, grid, mu, contents)
    theirs = plastimatch_exact(painted.values, spacing, low, view)
    body = ndimage.binary_erosion(ours > 0.1, iterations=5) & (theirs > 0.1)
    relative = (ours - theirs)[body] / theirs[body]
    smooth = [ndimage.gaussian_filter(a, 1.5 / view.pixel_spacing_mm[0]) for a in (ours, theirs)]
    blurred = (smooth[0] - smooth[1])[body] / smooth[1][body]
    return (
        f"| line integrals, {int(body.sum())} rays | mean difference {100 * relative.mean():+.2f} %, "
        f"median of the size {100 * np.median(np.abs(relative)):.2f} %, after 1.5 mm smoothing 95 % below "
        f"{100 * np.percentile(np.abs(blurred), 95):.2f} % |"
    )


def plastimatch_exact(values, spacing, origin, view):
    """Line integrals by plastimatch of a volume in the view frame, (rows, columns)."""
    with tempfile.TemporaryDirectory() as folder:
        image = sitk.GetImageFromArray(values.astype(np.float32))
        image.SetSpacing([spacing] * 3)
        image.SetOrigin(origin.tolist())
        sitk.WriteImage(image, f"{folder}/mu.mha")
        distance = view.source_detector_mm
        su, sv = view.pixel_spacing_mm
        command = ["plastimatch", "drr", "-t", "pfm", "-i", "exact", "-P", "none", "--sad", str(distance - 20)]
        command += ["--sid", str(distance), "-o", f"0 0 {distance - 20}", "-n", "0 0 -1", "--vup", "0 -1 0"]
        command += ["-r", f"{view.columns} {view.rows}", "-z", f"{view.columns * su} {view.rows * sv}"]
        command += ["-c", f"{view.principal_point_px[0]} {view.principal_point_px[1]}", "-O", f"{folder}/out"]
        subprocess.run([*command, f"{folder}/mu.mha"], check=True, capture_output=True)
        data = next(Path(folder).glob("out*.pfm")).read_bytes()
    header = data.split(b"\n", 3)
    columns, rows = (int(n) for n in header[1].split())
    # plastimatch gives a tenth: it counts in centimetres.
    return 10.0 * np.frombuffer(header[3], "<f4").reshape(rows, columns)


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


def two_hundred_hands(count=200):
    """Counts, volumes, kinds, consistencies and sites of the deposits of 200 hands."""
    counts, totals, deposits, asked = [], [], [], 0
    for seed in range(count):
        rng = stream(seed, "population")
        skeleton = build_skeleton(rng)
        number, total = draw_burden(rng)
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
    parts = ["| what | measured |\n|---|---|", volumes(), line_integral_errors(), bones(), timing()]
    parts += ["\n| 200 hands | measured | published |\n|---|---|---|", two_hundred_hands()]
    return "\n".join(parts)


if __name__ == "__main__":
    print(run())
