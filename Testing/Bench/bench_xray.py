"""Deposits found in radiographs: synthetic hands of three difficulties, and deposits implanted in two real films.

Run alone: ``python Testing/Bench/bench_xray.py``. A deposit counts as found if a fifth of its shadow is covered, a
found one as false if less than a fifth of it lies on a shadow. Contrast to noise is that of the mean over 1 mm².
"""

import sys
import time
from pathlib import Path

import numpy as np
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "CalcinosisImaging"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Python"))

from biplane_fixture import FOLDER, SHARED_DATA, biplane_film
from CalcinosisImagingLib.analysis.volume import Volume
from CalcinosisImagingLib.analysis.xray.film import Film
from CalcinosisImagingLib.analysis.xray.segment import segment_film
from CalcinosisImagingLib.phantom.film import expose, film_attenuation, film_placement, line_integrals
from CalcinosisImagingLib.phantom.implant_film import implant_film
from CalcinosisImagingLib.phantom.lattice import Rays, sample
from CalcinosisImagingLib.phantom.pose import draw_angles
from CalcinosisImagingLib.phantom.presets import PRESETS
from CalcinosisImagingLib.phantom.scanner import body_corners
from CalcinosisImagingLib.phantom.study import draw_hand, stream

SEEDS = (600, 601, 602)
"""Not looked at while the method was made."""


def a_hand_film(seed, preset):
    """Film, deposits' labels, shadows of bones and of other dense things, and contrast to noise by label."""
    settings = PRESETS[preset]
    hand = draw_hand(seed, "sub-01", settings)
    rng = stream(seed, "film")
    held = hand.held(draw_angles(rng, "film"), np.eye(4), np.zeros((len(hand.deposits), 3)))
    posed, view = film_placement(held, settings.film, rng, "pa")
    gain, pixel = settings.film.calcium_gain, settings.film.pixel_mm
    integrals, shadows = line_integrals(posed, view, gain)
    pixels = expose(integrals, view, settings.film, rng)
    labels, strength = np.zeros(pixels.shape, np.uint16), {}
    flesh = film_attenuation(hand.materials.hu["muscle"], gain)
    for shadow in shadows:
        labels[shadow.box][shadow.mask] = shadow.index + 1
        extra = film_attenuation(hand.deposits[shadow.index].mean_hu, gain) - flesh
        behind = float(np.median(integrals[shadow.box][shadow.mask]))
        noise = np.exp(behind / 2) / np.sqrt(settings.film.photons) * pixel
        strength[shadow.index + 1] = float(shadow.path_mm[shadow.mask].mean()) * extra / noise
    bones = shadow_of(view, posed, [(b.shape, posed.bone_to_world(n)) for n, b in hand.skeleton.bones.items()])
    others = shadow_of(view, posed, [(d.shape, posed.distractor_to_world(d)) for d in hand.distractors])
    film = Film(Volume(pixels[None], np.diag([-pixel, -pixel, 1.0, 1.0])), view)
    return film, labels, bones, others, strength


def shadow_of(view, posed, solids):
    """Pixels whose ray meets one of the shapes."""
    corners = body_corners(posed)
    first, last = corners[:, 2].min() - 2, corners[:, 2].max() + 2
    rays = Rays(view, first, 1.0, int(last - first) + 1)
    mask = np.zeros((view.rows, view.columns), bool)
    for shape, place in solids:
        found = sample(rays, shape, place, 1.0)
        if found is not None:
            mask[found[0][1:]] |= (found[1] < 0).any(axis=0)
    return mask


def score(found, truth, pixel_mm):
    """By label: (area mm², found, found area over true, Dice); and the number and mask of false deposits."""
    labels = found.deposits.labels[0]
    rows = {}
    for label in np.unique(truth)[1:]:
        mask = truth == label
        hits = np.bincount(labels[mask], minlength=len(found.deposits.segments) + 1)[1:]
        covered = int(hits.max(initial=0))
        area = int((labels == int(hits.argmax()) + 1).sum()) if covered else 0
        hit = covered >= 0.2 * mask.sum() or (covered > 0 and covered >= 0.5 * area)
        rows[int(label)] = (mask.sum() * pixel_mm**2, hit, area / mask.sum(), 2 * covered / (area + mask.sum()))
    near = ndimage.binary_dilation(truth > 0, iterations=2)
    false = [s.label for s in found.deposits.segments if near[labels == s.label].mean() < 0.2]
    return rows, false


def synthetic(preset):
    """One row of the table."""
    outside, partly, inside, ratios, dices, false, others_found, seconds = [], [], [], [], [], 0, 0, []
    for film, truth, bones, others, strength in (a_hand_film(seed, preset) for seed in SEEDS):
        pixel = film.view.pixel_spacing_mm[0]
        start = time.process_time()
        found = segment_film(film)
        seconds.append(time.process_time() - start)
        rows, wrong = score(found, truth, pixel)
        for label, (area, hit, ratio, dice) in rows.items():
            share = float(bones[truth == label].mean())
            group = outside if share < 0.2 else inside if share > 0.8 else partly
            if area >= 3 and strength[label] >= 8:
                group.append(hit)
            if hit:
                ratios.append(ratio)
                dices.append(dice)
        marked = [float(others[found.deposits.labels[0] == label].mean()) > 0.3 for label in wrong]
        others_found += sum(marked)
        false += len(wrong) - sum(marked)
    counts = [f"{sum(g)}/{len(g)}" for g in (outside, partly, inside)]
    middle = [f"{np.median(v):.2f}" if v else "-" for v in (ratios, dices)]
    cells = [preset, *counts, f"{false / len(SEEDS):.1f}"]
    cells += [f"{others_found / len(SEEDS):.1f}", *middle, f"{np.mean(seconds):.1f}"]
    return "| " + " | ".join(cells) + " |"


def real(index, seed):
    """One row: deposits implanted in a real film; what is found without them is not counted as false."""
    film = biplane_film(index)
    before = segment_film(film)
    implanted = implant_film(film.volume, film.view, seed)
    start = time.process_time()
    after = segment_film(Film(implanted.volume, film.view))
    seconds = time.process_time() - start
    pixel = film.view.pixel_spacing_mm[0]
    rows, false = score(after, implanted.truth.labels[0], pixel)
    known = before.deposits.labels[0] > 0
    new = [n for n in false if known[after.deposits.labels[0] == n].mean() < 0.2]
    large = [row for row in rows.values() if row[0] >= 3]
    ratio = [row[2] for row in large if row[1]]
    return (
        f"| camera {index}, seed {seed} | {sum(r[1] for r in large)}/{len(large)} | {len(new)} | "
        f"{len(before.deposits.segments)} | {np.median(ratio) if ratio else float('nan'):.2f} | {seconds:.1f} |"
    )


def run():
    """Markdown tables."""
    lines = [
        f"Synthetic films, {len(SEEDS)} hands each (seeds {SEEDS[0]}-{SEEDS[-1]}); deposits of at least 3 mm2 and "
        "contrast to noise 8.",
        "",
        "| preset | outside bone | partly | inside | false per film | other dense things per film"
        " | area found/true (median) | Dice | CPU s |",
        "|---|---|---|---|---|---|---|---|---|",
        *(synthetic(preset) for preset in PRESETS),
    ]
    if (SHARED_DATA / FOLDER).is_dir():
        lines += [
            "",
            "| real film | implanted, from 3 mm2, found | new false | found before | area found/true | CPU s |",
            "|---|---|---|---|---|---|",
            *(real(index, seed) for index, seed in ((1, 1), (2, 2))),
        ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(run())
