"""How many bodies of an MR look like a deposit by nature, to an observer who knows the deposit's exact form.

The form, blurred as the image is, is laid over the deposit and, in 24 turns, over each dark (bright) spot of the same
image without deposits. A spot that fits as well (correlation) and is nearly as dark is a lookalike: who knows no
anatomy cannot take the deposit and leave it. This is the matched filter of signal detection (H. H. Barrett & K. J.
Myers, Foundations of Image Science, 2004, ch. 13), normalised. Spots are not shifted to fit better, so that these are
the fewest. No method of detection has a part in it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from ..analysis.mr.tissue import measure_tissue
from ..analysis.volume import Volume
from .implanted import FWHM_VOXELS, SIGMA_PER_FWHM
from .lattice import Box

BESIDE_MM = 2.0
"""So far around the form the observer looks."""
TURNS = np.rint(Rotation.create_group("O").as_matrix()).astype(int)
MOST_POINTS = 250
"""So many points of a form are looked at."""
APART_MM = 3.0
"""Spots nearer to each other are one."""
AS_STRONG = 0.9
"""A lookalike has this part of the deposit's contrast at least."""
SMOOTH_MM, DARK, BRIGHT = 0.5, 0.5, 1.5
"""Spots are the darkest and brightest places of the level smoothed so much, if below or above these."""
LEAST_DEPTH_MM, LEAST_BESIDE = 1.0, 0.3
"""Below the skin's edge; and not where all around is dark, as within a bone: no form fits there."""
DARK_RANGE, BRIGHT_RANGE = (0.0, 1.5), (0.5, 4.0)
"""Levels beyond say no more: a vessel beside chalk, a void beside paste."""


class Lookalikes:
    """The spots of an image before deposits are put into it, on a grid of cubes as small as its least spacing."""

    def __init__(self, volume: Volume):
        tissue = measure_tissue(volume)
        self._start = np.array([s.start for s in tissue.box])
        self._spacing = volume.spacing_mm[::-1]
        self._step = float(self._spacing.min())
        self._unit, self._floor = tissue.unit, tissue.floor
        self._level = self._cubes(tissue.level)
        depth = self._cubes(tissue.depth_mm)
        smooth = ndimage.gaussian_filter(self._level, SMOOTH_MM / self._step)
        beside = ndimage.gaussian_filter(self._level, BESIDE_MM / self._step) > LEAST_BESIDE
        within = (depth > LEAST_DEPTH_MM) & beside
        lowest, highest = ndimage.minimum_filter(smooth, 3), ndimage.maximum_filter(smooth, 3)
        self._dark = np.argwhere((smooth == lowest) & (smooth < DARK) & within)
        self._bright = np.argwhere((smooth == highest) & (smooth > BRIGHT) & within)

    def count(self, image: np.ndarray, box: Box, mine: np.ndarray, others: np.ndarray, bright: bool) -> int:
        """Lookalikes of one deposit, parameters as of `any`."""
        spots = self._bright if bright else self._dark
        alike = np.zeros(len(spots), bool)
        for found in self._by_turn(image, box, mine, others, bright):
            alike |= found
        return _apart(spots[alike] * self._step)

    def any(self, image: np.ndarray, box: Box, mine: np.ndarray, others: np.ndarray, bright: bool) -> bool:
        """Whether one deposit has a lookalike: sooner told than how many.

        Parameters
        ----------
        image: (K, J, I) signal of the part ``box`` of the scan with the deposit in it, some millimetres around it.
        mine, others: voxels whose centre lies in it, in other deposits (which are left out).
        bright: paste rather than chalk.
        """
        return any(found.any() for found in self._by_turn(image, box, mine, others, bright))

    def _by_turn(
        self, image: np.ndarray, box: Box, mine: np.ndarray, others: np.ndarray, bright: bool
    ) -> Iterator[np.ndarray]:
        """Which spots are lookalikes, (N,) bool, turn by turn; nothing where no voxel's centre lies in the deposit."""
        if not mine.any():
            return
        offsets, share, own = self._form(image, box, mine, others, bright)
        limits = BRIGHT_RANGE if bright else DARK_RANGE
        fit, contrast = _fits(np.clip(own, *limits)[None], share)
        spots = self._bright if bright else self._dark
        sign = 1.0 if bright else -1.0
        margin = int(np.abs(offsets).max())
        level = np.pad(np.clip(self._level, *limits), margin, mode="edge")
        along = np.array([level.shape[1] * level.shape[2], level.shape[2], 1])
        start = (spots + margin) @ along
        for turn in TURNS:
            values = level.ravel()[start[:, None] + (offsets @ turn.T @ along)[None]]
            fits, strong = _fits(values, share)
            yield (sign * fits >= sign * fit) & (sign * strong >= AS_STRONG * sign * contrast)

    def _cubes(self, values: np.ndarray) -> np.ndarray:
        """Values on the grid of cubes."""
        ratio = self._step / self._spacing
        shape = tuple(int(n) for n in np.floor((np.array(values.shape) - 1) / ratio) + 1)
        return ndimage.affine_transform(values.astype(np.float32), ratio, output_shape=shape, order=1, mode="nearest")

    def _form(
        self, image: np.ndarray, box: Box, mine: np.ndarray, others: np.ndarray, bright: bool
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Offsets (P, 3) in cubes from its middle, the share that it fills there, and the level there."""
        low = np.array([s.start for s in box]) - self._start
        index = np.stack(np.meshgrid(*(np.arange(n) + a for n, a in zip(mine.shape, low, strict=True)), indexing="ij"))
        unit = ndimage.map_coordinates(self._unit, index, order=0, mode="nearest")
        level = np.maximum(image - self._floor, 0.0) / unit
        level = np.minimum(level, (BRIGHT_RANGE if bright else DARK_RANGE)[1])
        away = ndimage.distance_transform_edt(~mine, sampling=self._spacing)
        share = ndimage.gaussian_filter(mine.astype(float), FWHM_VOXELS * SIGMA_PER_FWHM)
        middle = np.argwhere(mine).mean(axis=0)
        reach = int(np.ceil((np.ptp(np.argwhere(mine), axis=0) * self._spacing).max() + BESIDE_MM) / self._step)
        cube = np.arange(-reach, reach + 1)
        offsets = np.stack(np.meshgrid(cube, cube, cube, indexing="ij"), axis=-1).reshape(-1, 3)
        at = (middle + offsets * self._step / self._spacing).T
        near = ndimage.map_coordinates(away, at, order=1, mode="constant", cval=np.inf) <= BESIDE_MM
        near &= ~ndimage.map_coordinates(others, at, order=0).astype(bool)
        at, offsets = at[:, near], offsets[near]
        few = slice(None, None, max(1, len(offsets) // MOST_POINTS))
        own = ndimage.map_coordinates(level, at[:, few], order=1, mode="nearest")
        return offsets[few], ndimage.map_coordinates(share, at[:, few], order=1), own


def _fits(values: np.ndarray, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Correlation of levels (N, P) with a form (P,), -1 for a void of just this form, and their contrast, (N,)."""
    form = (share - share.mean()).astype(values.dtype)
    product = values @ form
    spread = np.sqrt(len(share)) * values.std(axis=-1) * np.linalg.norm(form)
    return product / np.maximum(spread, 1e-9), product / (form @ form)


def _apart(places_mm: np.ndarray) -> int:
    """How many of these places are further apart than `APART_MM`, counted from the first on."""
    kept: list[np.ndarray] = []
    for place in places_mm:
        if all(np.linalg.norm(place - other) > APART_MM for other in kept):
            kept.append(place)
    return len(kept)
