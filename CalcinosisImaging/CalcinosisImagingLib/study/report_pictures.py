"""Pictures for reports: grey images with coloured outlines and a scale bar, made with pillow alone."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

Colour = tuple[int, int, int]

COLOURS: dict[str, Colour] = {
    "ct": (255, 140, 0),
    "mr": (0, 200, 255),
    "xray": (255, 60, 200),
    "bones": (235, 225, 150),
    "rejected": (150, 150, 150),
}
"""The same hues as in the scene."""

MAXIMUM_PIXELS = 640
"""Longer side of a picture."""
CLOSE_UP_PIXELS = 380
"""Longer side of a picture of one deposit: two or three stand side by side."""


@dataclass(frozen=True)
class Outline:
    """Labels (rows, columns) on a picture's pixels, drawn as outlines in one colour; ``numbered`` writes the labels."""

    labels: np.ndarray
    colour: Colour
    numbered: bool = False


def picture(
    grey: np.ndarray,
    window: tuple[float, float],
    pixel_mm: tuple[float, float],
    outlines: Sequence[Outline] = (),
    longer_side_px: int = MAXIMUM_PIXELS,
) -> Image.Image:
    """An RGB picture with square pixels.

    grey: (rows, columns); window: values shown black and white (black may be the higher one).
    pixel_mm: size of a pixel along columns and rows.
    """
    low, high = window
    shade = np.clip((grey.astype(np.float32) - low) / (high - low), 0, 1) * 255
    rows, columns = grey.shape
    millimetres = np.array([columns * pixel_mm[0], rows * pixel_mm[1]])
    scale = longer_side_px / millimetres.max()
    size = tuple(int(v) for v in np.maximum(np.rint(millimetres * scale), 1))
    made = Image.fromarray(shade.astype(np.uint8)).resize(size, Image.Resampling.BILINEAR).convert("RGB")
    canvas = np.array(made)
    for outline in outlines:
        _draw_outline(canvas, outline)
    made = Image.fromarray(canvas)
    pen = ImageDraw.Draw(made)
    for outline in outlines:
        if outline.numbered:
            _write_labels(pen, outline, size)
    _scale_bar(pen, size, scale)
    return made


def _draw_outline(canvas: np.ndarray, outline: Outline) -> None:
    """Colour the border pixels of every label, at the resolution of the canvas."""
    rows, columns = canvas.shape[:2]
    labels = _nearest(outline.labels, rows, columns)
    border = np.zeros(labels.shape, bool)
    for axis in (0, 1):
        step = np.diff(labels, axis=axis) != 0
        border[(slice(1, None), slice(None)) if axis == 0 else (slice(None), slice(1, None))] |= step
    canvas[border] = outline.colour


def _nearest(labels: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Labels at another size, nearest neighbour."""
    r = (np.arange(rows) * labels.shape[0] // rows)[:, None]
    c = (np.arange(columns) * labels.shape[1] // columns)[None, :]
    return labels[r, c].astype(np.int32)


def _write_labels(pen: ImageDraw.ImageDraw, outline: Outline, size: tuple[int, int]) -> None:
    """The number of each label beside it, so that the picture can be read with the table."""
    rows, columns = outline.labels.shape
    for label, box in enumerate(ndimage.find_objects(outline.labels.astype(np.int32)), start=1):
        if box is not None:
            x = min(box[1].stop * size[0] / columns + 2, size[0] - 16)
            y = min(box[0].start * size[1] / rows, size[1] - 14)
            pen.text((x, y), str(label), fill=outline.colour, font=_font())


def _scale_bar(pen: ImageDraw.ImageDraw, size: tuple[int, int], pixels_per_mm: float) -> None:
    """A white bar of a round length at the lower left."""
    length = next(mm for mm in (50, 20, 10, 5, 2, 1) if mm * pixels_per_mm < size[0] * 0.4 or mm == 1)
    x, y, width = 8, size[1] - 10, length * pixels_per_mm
    pen.line([(x, y), (x + width, y)], fill=(255, 255, 255), width=3)
    pen.text((x, y - 16), f"{length} mm", fill=(255, 255, 255), font=_font())


def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(13)


def html_image(image: Image.Image, caption: str) -> str:
    """A figure element with the picture inside."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return (
        f'<figure><img alt="{caption}" src="data:image/png;base64,{data}"><figcaption>{caption}</figcaption></figure>'
    )


def legend(entries: Mapping[str, str]) -> str:
    """Coloured words; keys of `COLOURS` to what they mean."""
    spans = [
        f'<span style="color:rgb{COLOURS[key]}" class="key">&#9632;</span> {text}' for key, text in entries.items()
    ]
    return f'<p class="legend">{" &nbsp; ".join(spans)}</p>'
