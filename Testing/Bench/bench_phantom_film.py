"""Line integrals of the digital hand's films against plastimatch's exact projector on ever finer CTs of the same pose.

Run alone: ``python Testing/Bench/bench_phantom_film.py``; plastimatch is a Debian package.
"""

import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "CalcinosisImaging"))

from bench_phantom import a_hand
from CalcinosisImagingLib.analysis.volume import transform_points
from CalcinosisImagingLib.phantom import film
from CalcinosisImagingLib.phantom.ct import FWHM_SIGMA
from CalcinosisImagingLib.phantom.film import film_attenuation, film_placement, line_integrals
from CalcinosisImagingLib.phantom.lattice import Grid
from CalcinosisImagingLib.phantom.paint import paint
from CalcinosisImagingLib.phantom.person import stream
from CalcinosisImagingLib.phantom.pose import draw_angles
from CalcinosisImagingLib.phantom.presets import FilmProtocol

CALCIUM_GAIN = 1.35
FINEST = (0.3, 0.2, 0.15, 0.1, 0.075)
"""Voxels of the CTs, mm."""
LEAST = 0.1
"""Rays that matter: those that lose as much as in 5 mm of water."""
RIM = 9
"""Pixels around the part of the film that is compared, so that its rim is interpolated like the rest."""


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


def run() -> str:
    """The table."""
    return "| what | difference |\n|---|---|\n" + line_integral_errors()


if __name__ == "__main__":
    print(run())
