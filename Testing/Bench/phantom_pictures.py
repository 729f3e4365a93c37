"""What the presets of the digital hand look like: one sheet of CT, MR, film and 3-D for each, to be looked at.

``python Testing/Bench/phantom_pictures.py [OUT [PRESET ...]]`` writes ``phantom-PRESET.jpg`` (docs/images by default).
"""

import csv
import sys
import tempfile
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from PIL import Image, ImageDraw
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "CalcinosisImaging"))

from CalcinosisImagingLib.analysis.itk_bridge import from_itk
from CalcinosisImagingLib.analysis.segmentation_file import read_segmentation
from CalcinosisImagingLib.phantom.study import write_phantom_study

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
SOFT, BONE = (-160.0, 240.0), (-400.0, 1700.0)
"""Windows, HU."""
HEIGHT = 460
"""Pixels of every picture of a sheet."""
WIDTH = 1800
"""A sheet's row is broken here."""


def sheet(study, preset):
    """The sheet of one preset, from its study's first participant."""
    images, truth = study / "sub-01" / "ses-1", study / "truth" / "sub-01" / "ses-1"
    ct, at = read_series(images / "ct"), points(truth / "ct")
    pictures = [
        ("CT, fingers, soft", axial(ct, at["proximal-3/3"], SOFT)),
        ("CT, palm, soft", axial(ct, at["metacarpal-3/3"], SOFT)),
        ("CT, carpus, soft", axial(ct, at["capitate/1"], SOFT)),
        ("CT, carpus, bone", axial(ct, at["capitate/1"], BONE)),
        ("CT, knuckle, bone", axial(ct, at["metacarpal-3/2"], BONE)),
        ("CT, coronal, soft", coronal(ct, at["capitate/1"], SOFT)),
        ("CT, coronal, bone", coronal(ct, at["capitate/1"], BONE)),
    ]
    for folder in sorted((images / "mr").iterdir()):
        mr, at = read_series(folder), points(truth / "mr" / folder.name)
        window = (0.0, float(np.percentile(mr.voxels, 99.7)))
        for bone, place in (("capitate", "capitate/1"), ("finger", "proximal-3/1"), ("palm", "metacarpal-3/5")):
            pictures.append((f"MR {folder.name}, {bone}", slice_of(mr, at[place], window)))
    film = pydicom.dcmread(images / "xray" / "pa" / "pa.dcm")
    pixels = film.pixel_array.astype(float)
    rows, columns = (slice(n // 12, -n // 12) for n in pixels.shape)  # a collimator's shade is none of the hand
    low, high = np.percentile(pixels[rows, columns], [1.0, 99.8])
    grey = grey_of(pixels, (low, high) if film.PhotometricInterpretation == "MONOCHROME2" else (high, low))
    pictures += [("film", grey), ("3-D", solid(ct, read_segmentation(truth / "ct" / "deposits.seg.nrrd").labels))]
    return arrange(pictures)


def read_series(folder):
    """A DICOM series as a volume."""
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    return from_itk(reader.Execute())


def points(folder):
    """RAS of the truth's points by id."""
    with (folder / "points.csv").open(newline="", encoding="utf-8") as file:
        return {row["id"]: np.array([float(row[c]) for c in "ras"]) for row in csv.DictReader(file)}


def grey_of(values, window):
    """Grey levels of a window (low, high); high < low inverts."""
    low, high = window
    return (255.0 * np.clip((values - low) / (high - low), 0.0, 1.0)).astype(np.uint8)


def axial(ct, point, window):
    """The axial slice through a point, cut to the body."""
    plane = ct.voxels[round(float(ct.to_ijk(point)[2]))]
    return grey_of(cropped(plane, plane > -300), window)


def coronal(ct, point, window):
    """The coronal plane through a point, head up, voxels made square."""
    row = round(float(ct.to_ijk(point)[1]))
    return squared(grey_of(ct.voxels[::-1, row, :], window), ct.spacing_mm[2], ct.spacing_mm[0])


def slice_of(mr, point, window):
    """The slice of an MR series through a point."""
    index = round(float(mr.to_ijk(point)[2]))
    return grey_of(mr.voxels[min(max(index, 0), mr.voxels.shape[0] - 1)], window)


def cropped(plane, body, margin=6):
    """A plane without the air around it."""
    rows, columns = np.nonzero(body.any(axis=1))[0], np.nonzero(body.any(axis=0))[0]
    return plane[
        max(rows[0] - margin, 0) : rows[-1] + margin + 1, max(columns[0] - margin, 0) : columns[-1] + margin + 1
    ]


def squared(picture, high_mm, wide_mm):
    """A picture with its rows stretched to square pixels."""
    size = (picture.shape[1], round(picture.shape[0] * high_mm / wide_mm))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR))


def solid(ct, deposits):
    """Bones lit from the upper left and seen from the back of the hand, deposits red, skin as a haze."""
    hu = ndimage.gaussian_filter(ct.voxels.astype(np.float32), 0.8)[::-1]
    red = deposits[::-1] > 0
    dense = hu > 250.0
    back = dense.shape[1] - 1 - dense[:, ::-1].argmax(axis=1)
    hit = dense.any(axis=1)
    k, i = np.indices(back.shape)
    down, across = np.gradient(ndimage.gaussian_filter(back.astype(np.float32), 0.7))
    light = np.clip((1.0 + 0.5 * across + 0.6 * down) / np.sqrt(1.0 + across**2 + down**2), 0.15, 1.3) / 1.3
    skin = 0.12 * (hu.max(axis=1) > -300)
    lime = hit & red[k, np.minimum(back, red.shape[1] - 1), i]
    tints = np.where(lime[..., None], (1.0, 0.35, 0.25), (1.0, 0.95, 0.85))
    colour = np.where(hit[..., None], light[..., None] * tints, skin[..., None] * np.array([1.0, 0.8, 0.7]))
    picture = (255.0 * np.clip(colour, 0.0, 1.0)).astype(np.uint8)
    return squared(picture, ct.spacing_mm[2], ct.spacing_mm[0])


def arrange(pictures):
    """Pictures of equal height in rows, each with its title."""
    tiles = []
    for title, picture in pictures:
        tile = Image.fromarray(picture).convert("RGB")
        width = min(round(tile.width * HEIGHT / tile.height), WIDTH)
        tiles.append((title, tile.resize((width, round(tile.height * width / tile.width)), Image.Resampling.BICUBIC)))
    places, x, y, tall = [], 0, 0, 0
    for _, tile in tiles:
        if x and x + tile.width > WIDTH:
            x, y, tall = 0, y + tall + 6, 0
        places.append((x, y))
        x, tall = x + tile.width + 6, max(tall, tile.height)
    page = Image.new("RGB", (WIDTH, y + tall), "white")
    for (title, tile), place in zip(tiles, places, strict=True):
        page.paste(tile, place)
        ImageDraw.Draw(page).text((place[0] + 5, place[1] + 4), title, fill=(255, 220, 120))
    return page


def main(out=str(IMAGES), *presets):
    """Write the sheets of the presets, all three if none is named."""
    for preset in presets or ("easy", "typical", "hard"):
        with tempfile.TemporaryDirectory() as folder:
            study = Path(folder) / "study"
            write_phantom_study(study, 1, 0, 0, preset)
            sheet(study, preset).save(Path(out) / f"phantom-{preset}.jpg", quality=85)


if __name__ == "__main__":
    main(*sys.argv[1:])
