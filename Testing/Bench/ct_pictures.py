"""What the CT method finds, to be looked at: bones by name, deposits, rejected bodies, outlines beside the truth.

``python Testing/Bench/ct_pictures.py [OUT]`` writes ``ct-found.png`` and ``ct-outlines.png`` (docs/images by default).
"""

import colorsys
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "CalcinosisImaging"), str(ROOT / "Testing" / "Python"), str(ROOT / "Testing" / "Bench")]

import ct_hands  # noqa: E402
from CalcinosisImagingLib.analysis.ct.segment import segment_ct  # noqa: E402
from CalcinosisImagingLib.analysis.segmentation import REASON_TAG  # noqa: E402
from phantom_pictures import BONE, SOFT, grey_of  # noqa: E402

HAND = "phantom 71: typical"
PIXEL_MM = 0.25
ZOOM_MM, ZOOM_PIXELS = 22.0, 340
ORANGE, BLUE, CYAN, GREEN = (255, 150, 40), (90, 160, 255), (60, 220, 230), (120, 255, 90)
SHOWN = ("stone", "paste", "plate", "net", "stippled")


def seen_from_the_back(values, volume):
    """A map (K, I) of the hand with its fingers up, in square pixels of `PIXEL_MM`; no interpolation."""
    spacing = volume.spacing_mm
    size = round(values.shape[1] * spacing[0] / PIXEL_MM), round(values.shape[0] * spacing[2] / PIXEL_MM)
    return Image.fromarray(values[::-1]).resize(size, Image.Resampling.NEAREST)


def rim(mask):
    """The outermost pixels of a mask."""
    return mask & ~ndimage.binary_erosion(mask)


def first_along_view(labels):
    """The label nearest to the viewer of each line of sight along J."""
    return np.take_along_axis(labels, (labels > 0).argmax(axis=1)[:, None], axis=1)[:, 0]


def colour_of(label):
    """A colour per label; neighbours differ."""
    return tuple(round(255 * c) for c in colorsys.hsv_to_rgb(label * 0.381966 % 1.0, 0.55, 1.0))


def titled(picture, title):
    """A picture with its title."""
    pen = ImageDraw.Draw(picture)
    pen.rectangle(pen.textbbox((6, 5), title), fill=(0, 0, 0))
    pen.text((6, 5), title, fill=(255, 255, 255))
    return picture


def overview(volume, result):
    """Three views: the CT, the bones by name, deposits and rejected bodies with their reasons."""
    grey = grey_of(volume.voxels.max(axis=1), BONE)
    plain = seen_from_the_back(grey, volume).convert("RGB")
    bones = first_along_view(result.bones.labels)
    tint = np.zeros((256, 3), np.uint8)
    for segment in result.bones.segments:
        tint[segment.label] = colour_of(segment.label)
    coloured = np.where(
        bones[..., None] > 0, tint[bones] * (0.35 + 0.65 * grey[..., None] / 255.0), grey[..., None] / 2
    )
    named = seen_from_the_back(coloured.astype(np.uint8), volume)
    for segment in result.bones.segments:
        write(named, volume, bones == segment.label, segment.name, (255, 255, 255))
    found = plain.copy()
    for segmentation, colour in ((result.rejected, BLUE), (result.deposits, ORANGE)):
        flat = first_along_view(segmentation.labels)
        edge = rim(np.asarray(seen_from_the_back((flat > 0).astype(np.uint8), volume)) > 0)
        pixels = np.array(found)
        pixels[edge] = colour
        found = Image.fromarray(pixels)
        for segment in segmentation.segments if segmentation is result.rejected else ():
            write(found, volume, flat == segment.label, segment.tags[REASON_TAG].split(",")[0].split(":")[0], colour)
    titles = "CT, brightest along the view", "bones by name", "deposits (orange), rejected with the reason (blue)"
    return beside([titled(p, t) for p, t in zip((plain, named, found), titles, strict=True)])


def write(picture, volume, mask, text, colour):
    """A word at the middle of a mask (K, I) of the hand."""
    if mask.any():
        k, i = np.argwhere(mask).mean(axis=0)
        x = i * volume.spacing_mm[0] / PIXEL_MM
        y = (mask.shape[0] - 1 - k) * volume.spacing_mm[2] / PIXEL_MM
        ImageDraw.Draw(picture).text((x - 3 * len(text), y - 6), text, fill=colour)


def beside(pictures, gap=6):
    """Pictures in one row."""
    page = Image.new("RGB", (sum(p.width + gap for p in pictures) - gap, max(p.height for p in pictures)), "white")
    x = 0
    for picture in pictures:
        page.paste(picture, (x, 0))
        x += picture.width + gap
    return page


def below(pictures, gap=6):
    """Pictures in one column."""
    page = Image.new("RGB", (max(p.width for p in pictures), sum(p.height + gap for p in pictures) - gap), "white")
    y = 0
    for picture in pictures:
        page.paste(picture, (0, y))
        y += picture.height + gap
    return page


def outlines(case, result):
    """A row per kind: the slice, what was found of deposit and bone beside the truth, and the voxel fractions."""
    rows = []
    for kind in SHOWN:
        sizes = [(t.volume_mm3, n) for n, t in enumerate(case.truths, start=1) if t.kind == kind]
        sizes = [(v, n) for v, n in sizes if (case.deposits == n).any()]
        if sizes:
            rows.append(close_up(case, result, sorted(sizes)[len(sizes) // 2][1]))
    return below(rows)


def close_up(case, result, number):
    """The axial slice with most of a deposit, three times."""
    mine = case.deposits == number
    plane = int(mine.sum(axis=(1, 2)).argmax())
    half = np.ceil(0.5 * ZOOM_MM / np.array(case.volume.spacing_mm[1::-1])).astype(int)
    middle = np.round(np.argwhere(mine[plane]).mean(axis=0)).astype(int)
    wide = tuple(slice(max(m - h, 0), m + h + 1) for m, h in zip(middle, half, strict=True))
    grey = np.asarray(enlarged(grey_of(case.volume.voxels[plane][wide], (SOFT[0], 900.0)), Image.Resampling.BICUBIC))
    marked = np.stack([grey] * 3, axis=-1)
    for mask, colour in (
        (result.bones.labels[plane][wide] > 0, CYAN),
        (case.deposits[plane][wide] > 0, GREEN),
        (result.deposits.labels[plane][wide] > 0, ORANGE),
    ):
        marked[rim(np.asarray(enlarged(mask.astype(np.uint8), Image.Resampling.NEAREST)) > 0)] = colour
    fraction = np.asarray(enlarged(result.fractions.voxels[plane][wide], Image.Resampling.NEAREST)) / 255.0
    heat = (grey[..., None] * 0.4 * (1 - fraction[..., None]) + fraction[..., None] * np.array(ORANGE)).astype(np.uint8)
    truth = case.truths[number - 1]
    title = f"{truth.kind}, {truth.volume_mm3:.0f} mm3, {truth.hu:.0f} HU"
    titles = title, "found (orange), true (green), bone (cyan)", "voxel fractions"
    pictures = Image.fromarray(grey).convert("RGB"), Image.fromarray(marked), Image.fromarray(heat)
    return beside([titled(p, t) for p, t in zip(pictures, titles, strict=True)])


def enlarged(plane, how):
    """A small plane at the size of a close-up."""
    return Image.fromarray(plane).resize((ZOOM_PIXELS, ZOOM_PIXELS), how)


def main(out=str(ROOT / "docs" / "images")):
    """Write both pictures."""
    case = ct_hands.make_case(HAND)
    result = segment_ct(case.volume)
    overview(case.volume, result).save(Path(out) / "ct-found.png", optimize=True)
    outlines(case, result).save(Path(out) / "ct-outlines.png", optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
