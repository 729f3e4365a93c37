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
from unittest.mock import patch

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "CalcinosisImaging"))

from CalcinosisImagingLib.analysis.volume import transform_points
from CalcinosisImagingLib.phantom import film
from CalcinosisImagingLib.phantom.ct import FWHM_SIGMA
from CalcinosisImagingLib.phantom.deposits import burden, draw_deposits, split_volume, spread_out
from CalcinosisImagingLib.phantom.dimensions import LENGTH_MM
from CalcinosisImagingLib.phantom.film import film_attenuation, film_placement, line_integrals
from CalcinosisImagingLib.phantom.lattice import Grid
from CalcinosisImagingLib.phantom.paint import deposit_voxels, paint
from CalcinosisImagingLib.phantom.person import draw_hand, stream
from CalcinosisImagingLib.phantom.pose import draw_angles
from CalcinosisImagingLib.phantom.presets import PRESETS, FilmProtocol
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


def line_integral_errors():
    """The film of fingertips against plastimatch's exact projector on ever finer CTs painted in the same pose.

    Like for like: a pixel of ours is as wide as it is, so plastimatch has 3 x 3 rays in each pixel, averaged. The
    film is taken as it is written, and with a ray through every pixel and five times the steps; both as they are and
    with the detector's blur, without which no film is ever seen.
    """
    if shutil.which("plastimatch") is None:
        return "| plastimatch | not installed |"
    rows = []
    for seed, bone, spacings in ((1, "distal-3", FINEST), (5, "distal-2", FINEST[2:4]), (8, "middle-4", FINEST[2:4])):
        hand, posed, view, corners = a_film(seed, bone)
        cts = {h: film_of_ct(hand, posed, view, corners, h) for h in spacings}
        written, fine = film_part(posed, view), film_part(posed, view, step_mm=0.1, stride=1)
        sigma = FilmProtocol().blur_fwhm_mm / FWHM_SIGMA / view.pixel_spacing_mm[0]
        for h, ct in cts.items():
            rows.append(agreement(f"{bone}: film as written, CT {h} mm", written, ct))
        blurred = [ndimage.gaussian_filter(picture, sigma) for picture in (written, cts[spacings[-1]])]
        rows.append(agreement(f"{bone}: both with the blur of the detector, CT {spacings[-1]} mm", *blurred))
        rows += [agreement(f"{bone}: film with finest rays, CT {h} mm", fine, ct) for h, ct in cts.items()]
        for h in spacings[:-1]:
            rows.append(agreement(f"{bone}: CT {h} mm against CT {spacings[-1]} mm", cts[h], cts[spacings[-1]]))
    return "\n".join(rows)


FINEST = (0.3, 0.2, 0.15, 0.1, 0.075)
"""Voxels of the CTs, mm."""
LEAST = 0.1
"""Rays that matter: those that lose as much as in 5 mm of water."""
RIM = 9
"""Pixels around the part of the film that is compared, so that its rim is interpolated like the rest."""


def a_film(seed, bone):
    """A hand on the detector, and the part of the film that shows one of its bones."""
    hand = a_hand(seed)
    rng = stream(seed, "bench film")
    protocol = FilmProtocol(pixel_mm=0.15, calcium_gain=CALCIUM_GAIN)
    held = hand.held(draw_angles(rng, "film"), np.eye(4), np.zeros((len(hand.deposits), 3)))
    posed, view = film_placement(held, protocol, rng, "pa")
    corners = bone_corners(posed, bone)
    return hand, posed, finer_window(view, window_of(view, corners), 1), corners


def film_part(posed, view, step_mm=film.STEP_MM, stride=film.SOFT_STRIDE):
    """The generator's line integrals of a part of a film."""
    wider = replace(
        view,
        rows=view.rows + 2 * RIM,
        columns=view.columns + 2 * RIM,
        principal_point_px=tuple(c + RIM for c in view.principal_point_px),
    )
    with patch.multiple(film, STEP_MM=step_mm, SOFT_STRIDE=stride):
        return line_integrals(posed, wider, CALCIUM_GAIN)[0][RIM:-RIM, RIM:-RIM]


def film_of_ct(hand, posed, view, corners, spacing):
    """plastimatch's line integrals of the CT, averaged over nine rays a pixel."""
    whole = slice(0, view.rows), slice(0, view.columns)
    found = plastimatch_exact(*painted_finger(hand, posed, corners, spacing), finer_window(view, whole, 3))
    return found.reshape(view.rows, 3, view.columns, 3).mean(axis=(1, 3))


def agreement(title, found, reference):
    """A row: how far two pictures of line integrals are apart, relative, where enough is lost; and at edges alone."""
    body = reference > LEAST
    relative = (found[body] - reference[body]) / reference[body]
    size = np.abs(relative)
    edge = ndimage.maximum_filter(ndimage.gaussian_gradient_magnitude(reference, 0.7) > 0.02 * reference, 3)[body]
    off = size > 0.01
    return (
        f"| {title}, {int(body.sum())} rays | mean {100 * relative.mean():+.2f} %, median {100 * np.median(size):.2f}, "
        f"95 % within {100 * np.percentile(size, 95):.2f}, worst {100 * size.max():.1f}; within 1 %: "
        f"{100 * (~off).mean():.1f} %; of the others {100 * edge[off].mean() if off.any() else 0:.0f} % at edges |"
    )


def bone_corners(posed, name):
    """Corners (8, 3) of the box about a bone, in the view frame."""
    corners = np.array(np.meshgrid(*zip(*posed.hand.skeleton.bones[name].shape.bounds, strict=True))).reshape(3, -1).T
    return transform_points(posed.bone_to_world(name), corners)


def window_of(view, corners):
    """Rows and columns of the film that see every one of these points."""
    pixels = np.array([view.project(corner, np.eye(4)) for corner in corners])
    low, high = np.ceil(pixels.min(axis=0)).astype(int), np.floor(pixels.max(axis=0)).astype(int)
    return slice(low[1], high[1]), slice(low[0], high[0])


def finer_window(view, window, times):
    """The view of a part of the film, each pixel cut into ``times`` by ``times``."""
    rows, columns = ((s.stop - s.start) * times for s in window)
    (su, sv), (cu, cv) = view.pixel_spacing_mm, view.principal_point_px
    centre = tuple((c - s.start + 0.5) * times - 0.5 for c, s in zip((cu, cv), window[::-1], strict=True))
    return replace(
        view, rows=rows, columns=columns, pixel_spacing_mm=(su / times, sv / times), principal_point_px=centre
    )


def painted_finger(hand, posed, corners, spacing):
    """Attenuation on a grid about these points, its spacing, and its origin."""
    margin = np.array([6.0, 6.0, 14.0])  # along the rays all of the finger is needed
    low, high = corners.min(axis=0) - margin, corners.max(axis=0) + margin
    matrix = np.diag([spacing] * 3 + [1.0])
    matrix[:3, 3] = low
    grid = Grid(tuple(int(n) for n in (high - low) / spacing), matrix)
    mu = {name: film_attenuation(hu, CALCIUM_GAIN) for name, hu in hand.materials.hu.items()}
    contents = [
        tuple(film_attenuation(hu, CALCIUM_GAIN) for hu in (d.content.dense_hu, d.content.light_hu))
        for d in hand.deposits
    ]
    return paint(posed, grid, mu, contents, hand.distractors).values, spacing, low


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
    """Series of easy, typical and hard through dcmdump and dcm2niix: complaints; geometry against the truth."""
    if shutil.which("dcmdump") is None or shutil.which("dcm2niix") is None:
        return "| dcmdump, dcm2niix | not installed |"
    rows = []
    for preset in ("easy", "typical", "hard"):
        with tempfile.TemporaryDirectory() as folder:
            study = Path(folder) / "study"
            write_phantom_study(study, 1, 0, 0, preset)
            files = sorted((study / "sub-01").rglob("*.dcm"))
            dumped = subprocess.run(["dcmdump", "-q", *map(str, files)], capture_output=True, text=True)
            said, farthest = dumped.stderr.strip().splitlines(), 0.0
            for truth in sorted((study / "truth" / "sub-01" / "ses-1").rglob("bones.seg.nrrd")):
                place = truth.parent.relative_to(study / "truth")
                out = Path(folder) / "nifti" / place
                out.mkdir(parents=True)
                command = ["dcm2niix", "-b", "n", "-z", "n", "-o", str(out), str(study / place)]
                ran = subprocess.run(command, capture_output=True, text=True)
                said += [line for line in ran.stdout.splitlines() if "arning" in line or "rror" in line]
                farthest = max(farthest, corner_distance(sitk.ReadImage(str(next(out.glob("*.nii")))), truth))
            rows.append(
                f"| {preset}, {len(files)} DICOM files: complaints, corners off the truth's | {len(said)}, "
                f"{farthest:.4f} mm | " + "; ".join(sorted(set(said))[:3]) + " |"
            )
    return "\n".join(rows)


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
    parts = ["| what | measured |\n|---|---|", volumes(), line_integral_errors(), bones(), timing(), dicom_tools()]
    parts += ["\n| 200 hands | measured | published |\n|---|---|---|", burdens(), two_hundred_hands()]
    return "\n".join(parts)


if __name__ == "__main__":
    print(run())
