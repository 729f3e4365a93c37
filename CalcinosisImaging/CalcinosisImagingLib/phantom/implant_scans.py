"""A scan while deposits are put into it: what they are made of, and whether they can be seen there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from scipy import ndimage

from ..analysis.blocks import block_mean
from ..analysis.mr.brightness import coil_gain, on_grid
from ..analysis.volume import Volume
from .implant_places import Room
from .implant_placing import Placed, with_margin, within
from .lookalikes import Lookalikes
from .visibility import Visibility, visibility

LEFT_IN_VOID = (0.0, 0.04)
"""Share of the tissue's signal that ringing and ghosts leave in a void."""
BRIGHTEST, PASTE_OVER_BRIGHTEST, PASTE_OVER_TYPICAL = 97.0, 1.1, 2.0
"""Paste is a little brighter than this percentile of the tissue, and so many times as bright as its middle."""
MARGIN_MM = 4.0
"""So much around a deposit is looked at to tell whether it is seen."""


class CtScan:
    """A CT into which deposits are put: chalk or paste by chance, added by HU. All of them show."""

    unit = "hu"

    def __init__(self, volume: Volume, room: Room, rng: np.random.Generator, count: int, paste_share: float):
        del count
        self.voxels = volume.voxels.astype(np.float32)
        self._room, self._rng, self._paste_share = room, rng, paste_share

    def shows(self, item: Placed) -> bool:
        """Whether a reader could see it there."""
        del item
        return True

    def put(self, item: Placed) -> tuple[str, float]:
        """Add a deposit; its consistency and HU."""
        paste = bool(self._rng.random() < self._paste_share)
        value = float(self._rng.uniform(180.0, 400.0) if paste else self._rng.uniform(650.0, 1500.0))
        self.voxels[item.box] += item.share * (value - self._room.soft[item.box])
        return "paste" if paste else "chalk", value

    def note_visibility(self, rows: list[dict[str, Any]], labels: np.ndarray) -> None:
        """Nothing: CT shows all of them."""


class MrScan:
    """An MR into which deposits are put: voids with the noise of its own air, paste brighter than most tissue.

    What each deposit is made of is settled before its place is chosen, so that the choice of places that show it does
    not favour either.
    """

    unit = "signal"

    def __init__(self, volume: Volume, room: Room, rng: np.random.Generator, count: int, paste_share: float):
        self.voxels = volume.voxels.astype(np.float32)
        self._spacing_kji = volume.spacing_mm[::-1]
        self._room, self._rng = room, rng
        self._lookalikes = Lookalikes(volume)
        self._paste = rng.random(count) < paste_share
        self._air = _air(volume, room)
        # The coil makes the same tissue brighter here than there; paste likewise.
        gain = _gain(volume, room)
        middle, top = np.percentile((room.soft / gain)[room.clear_mm > 0], [50.0, BRIGHTEST])
        self._bright = gain * float(max(PASTE_OVER_BRIGHTEST * top, PASTE_OVER_TYPICAL * middle))

    def shows(self, item: Placed) -> bool:
        """Whether a reader could see it there, draw its outline and find nothing in the image that looks like it."""
        wide = with_margin(item.box, MARGIN_MM, self._spacing_kji)
        image = self.voxels[wide].copy()
        inner = within(item.box, wide)
        image[inner] = self._with(
            item, image[inner], float(np.mean(LEFT_IN_VOID)), np.resize(self._air, item.share.shape)
        )
        mine = np.zeros(image.shape, bool)
        mine[inner] = item.inside
        nothing, paste = np.zeros_like(mine), bool(self._paste[item.number])
        seen = visibility(image, mine, nothing, self._spacing_kji, item.drawn.solid.volume_mm3)
        return seen.outlined and not self._lookalikes.any(image, wide, mine, nothing, paste)

    def put(self, item: Placed) -> tuple[str, float]:
        """Add a deposit; its consistency and the signal in its middle."""
        left, noise = self._rng.uniform(*LEFT_IN_VOID), self._rng.choice(self._air, item.share.shape)
        self.voxels[item.box] = self._with(item, self.voxels[item.box], left, noise)
        if not self._paste[item.number]:
            return "chalk", 0.0
        return "paste", float(np.average(self._bright[item.box], weights=item.share))

    def note_visibility(self, rows: list[dict[str, Any]], labels: np.ndarray) -> None:
        """Add to each row how the deposit stands out in the finished image."""
        for row, box in zip(rows, ndimage.find_objects(labels, len(rows)), strict=True):
            seen = Visibility(0.0, 1.0, 1.0, 1.0, 1.0, 0.0)
            if box is not None:
                wide = with_margin(box, MARGIN_MM, self._spacing_kji)
                mine = labels[wide] == row["deposit_id"]
                image, others = self.voxels[wide], (labels[wide] > 0) & ~mine
                seen = visibility(image, mine, others, self._spacing_kji, row["volume_mm3"])
                alike = self._lookalikes.count(image, wide, mine, others, row["consistency"] == "paste")
                seen = replace(seen, lookalikes=alike)
            row |= {
                "voxels": seen.voxels,
                "contrast_to_noise": seen.contrast_to_noise,
                "darkest": seen.darkest,
                "brightest": seen.brightest,
                "alike": seen.alike,
                "open": seen.open,
                "visible": seen.visible,
                "lookalikes": seen.lookalikes,
            }

    def _with(self, item: Placed, part: np.ndarray, left: float, noise: np.ndarray) -> np.ndarray:
        """``part``, which stands for the deposit's box, with the deposit in it."""
        if self._paste[item.number]:
            return part + item.share * (self._bright[item.box] - self._room.soft[item.box])
        void = np.hypot(part * (1.0 - item.share * (1.0 - left)), noise * item.share)
        return np.where(item.share > 1e-3, void, part)


def _air(volume: Volume, room: Room) -> np.ndarray:
    """Values of the air of an MR, what the scanner masked to zero aside; zeros where it masked all of it."""
    near = ndimage.binary_dilation(room.body, iterations=4)
    values = volume.voxels[~near]
    values = values[values > 0]
    return values[:: max(1, values.size // 200_000)].astype(np.float32) if values.size > 1000 else np.zeros(1)


def _gain(volume: Volume, room: Room) -> np.ndarray:
    """The slow brightness of the body, > 0."""
    middle = block_mean(volume, 1.5)
    body = block_mean(volume.with_voxels(room.body.astype(np.float32)), 1.5).voxels > 0.5
    return np.maximum(on_grid(coil_gain(middle, body), volume), 1e-3)
