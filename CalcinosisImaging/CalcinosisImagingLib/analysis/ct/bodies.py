"""Dense bodies outside the bones: what exceeds soft tissue and its noise, and is not the blur of a bone."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from .bone_edge import edge_of
from .faint import faint_bodies
from .form import shell_form
from .grid import Box, grow_box
from .grouping import group
from .halo import SMOOTH_MM, blur_mm, bone_reach_mm, subtract_halo
from .noise import Noise
from .psf import PointSpread
from .reject import FIRST_HOLLOW
from .settings import CtSettings
from .tissue import densest_tissue
from .vessels import vessel_labels

TENDON_HU = 135.0
"""Tendons and skin reach about 120 HU."""
NOISE_FACTOR = 3.5
"""Standard deviations of the noise by which voxels are above soft tissue, and peaks of fragments above the densest."""
PEAK_FACTOR = 5.3
"""The same for the highest peak of a deposit. A hand has some 15,000 mm³ of tendons and skin: 22,000 resels of smoothed
noise (0.88 mm cubed), in which 0.06 peaks are so high by chance (Worsley et al. 1996; 0.23 from 5 on)."""
CLEAR = 2.0
"""A piece that peaks so many times higher than it must is no speck of noise in a faint body."""
LEAST_PIECE_MM3 = 0.3
GRAIN_MM = 0.8
"""The peak of a grain is no farther from its surface."""
CORE = 0.45
"""Share of a body's greatest contrast that its core has: about its true width, whatever its blur."""


def smoothed(hu: np.ndarray, sigma_mm: float, spacing: np.ndarray, slab: int = 64) -> np.ndarray:
    """Gaussian smoothing slab by slab (int16 in and out), so that no float copy of the whole is ever held."""
    sigma = sigma_mm / spacing
    reach = int(np.ceil(4 * sigma[0])) + 1
    result = np.empty(hu.shape, np.int16)
    for start in range(0, hu.shape[0], slab):
        low, high = max(start - reach, 0), min(start + slab + reach, hu.shape[0])
        part = ndimage.gaussian_filter(hu[low:high].astype(np.float32), sigma, truncate=3.0)
        stop = min(start + slab, hu.shape[0])
        result[start:stop] = np.round(part[start - low : stop - low])
    return result


def find_bodies(
    hu: np.ndarray,
    bones: np.ndarray,
    soft_hu: float,
    noise: Noise,
    psf: PointSpread,
    spacing: np.ndarray,
    settings: CtSettings,
    labels: np.ndarray,
    streaked: np.ndarray,
) -> tuple[np.ndarray, set[int]]:
    """Write labels of bodies above the threshold and clear of the bones' blur, fragments grouped.

    Vessels are grouped with vessels only. Returns the flat positions of the bodies' cores (voxels of half their height
    and more; none of metal and edges of bones), and the labels of vessels. ``streaked``: slices of metal; what is
    faint there is no body.
    """
    smooth = smoothed(hu, SMOOTH_MM, spacing)
    dense_hu, rest = densest_tissue(smooth, bones, soft_hu, noise, SMOOTH_MM, spacing)
    least_hu = max(soft_hu + settings.minimum_contrast_hu, TENDON_HU)
    threshold = max(soft_hu + NOISE_FACTOR * rest, least_hu)
    subtract_halo(smooth, bones, soft_hu, blur_mm(psf, spacing), spacing)
    mask = smooth > threshold
    mask &= bones == 0
    dense, pieces, sizes, peaks = _pieces(mask, smooth, spacing)
    # A body of many voxels may be sure though none of them is; noise lifts some of them.
    sure = dense_hu + PEAK_FACTOR * rest
    taken = bones > 0
    taken[streaked] = True
    _put(taken, dense, (peaks > soft_hu + CLEAR * (sure - soft_hu))[pieces])
    faint = faint_bodies(smooth, taken, soft_hu, dense_hu, least_hu, spacing)
    del taken
    if faint.any():
        mask |= faint
        dense, pieces, sizes, peaks = _pieces(mask, smooth, spacing)
        whole = np.unique(pieces[faint[np.unravel_index(dense, hu.shape)]])
        peaks[whole] = np.maximum(peaks[whole], np.ceil(sure) + 1)
    del faint, mask
    heights = smooth.ravel()[dense]
    # Noise in a tendon or in the skin passes the threshold in places, but seldom by far.
    kept = np.flatnonzero((sizes >= LEAST_PIECE_MM3) & (peaks > dense_hu + NOISE_FACTOR * rest))
    kept = kept[kept > 0]
    table = np.zeros(len(sizes), np.uint16)
    table[kept] = np.arange(1, len(kept) + 1)
    labels.fill(0)
    values = table[pieces]
    _put(labels, dense, values)
    metal = np.unique(values[hu[np.unravel_index(dense, hu.shape)] >= settings.metal_hu])
    found = ndimage.find_objects(labels)
    edges, shells = _no_fragments(hu, bones, labels, found, soft_hu, psf, spacing)
    inner = heights - soft_hu >= CORE * (peaks[pieces] - soft_hu)
    cores = dense[inner & (values > 0) & ~np.isin(values, [*metal, *edges])]
    vessels = np.array(sorted(vessel_labels(labels, cores, spacing)), int)
    _keep_cores(labels, found, smooth, soft_hu, spacing)
    del smooth
    others = np.setdiff1d(np.arange(len(found) + 1), vessels)
    alone = np.unique([*metal, *edges, *shells, *vessels])
    groups = group(labels, found, spacing, settings.group_distance_mm, alone)
    groups[vessels] = group(labels, found, spacing, settings.group_distance_mm, others)[vessels]
    groups = groups.astype(np.uint16)
    high = np.bincount(groups[1:], weights=peaks[kept] > sure, minlength=len(groups)) > 0
    _put(labels, dense, np.where(high[groups], groups, 0)[values])
    return cores, set(groups[vessels].tolist())


def _pieces(
    mask: np.ndarray, smooth: np.ndarray, spacing: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Connected pieces of a mask: flat positions, the piece of each; size (mm³) and peak (int) of every piece, 0 none.

    Few voxels are in the mask: all further work is on their list, not on the whole box.
    """
    dense = np.flatnonzero(mask)
    components = sitk.ConnectedComponent(sitk.GetImageFromArray(mask.view(np.uint8)), True)
    pieces = sitk.GetArrayViewFromImage(components).ravel()[dense]
    sizes = np.bincount(pieces, minlength=1) * float(np.prod(spacing))
    peaks = np.full(len(sizes), np.iinfo(np.int16).min)
    np.maximum.at(peaks, pieces, smooth.ravel()[dense])
    return dense, pieces, sizes, peaks


def _no_fragments(
    hu: np.ndarray,
    bones: np.ndarray,
    labels: np.ndarray,
    found: list[Box | None],
    soft_hu: float,
    psf: PointSpread,
    spacing: np.ndarray,
) -> tuple[list[int], list[int]]:
    """Labels of pieces that are no part of a deposit by themselves, and would join what lies on both sides of them.

    Edges of bones, and shells around marrow (two sesamoids lie closer to each other than fragments may).
    """
    edges, shells = [], []
    margin = np.ceil(bone_reach_mm(psf, spacing) / spacing).astype(int) + 1
    for label, box in enumerate(found, start=1):
        if box is None:
            continue
        wide = grow_box(box, margin, labels.shape)
        own = labels[wide] == label
        if edge_of(hu[wide], own, bones[wide], soft_hu, psf, spacing).is_rim(float(own.sum() * np.prod(spacing))):
            edges.append(label)
            continue
        form = shell_form(hu[wide], own, soft_hu, spacing)
        if form is not None and form.is_shell(FIRST_HOLLOW):
            shells.append(label)
    return edges, shells


def _keep_cores(
    labels: np.ndarray, found: list[Box | None], smooth: np.ndarray, soft_hu: float, spacing: np.ndarray
) -> None:
    """Take from the labels (in place) what is lower than `CORE` of the height nearby in the same piece.

    Blur makes gaps narrower: fragments are as far from each other as their cores are. A faint grain beside a bright one
    has a core of its own.
    """
    size = tuple((2 * np.round(GRAIN_MM / spacing) + 1).astype(int))
    for label, box in enumerate(found, start=1):
        if box is not None:
            own = labels[box] == label
            height = np.where(own, smooth[box] - np.float32(soft_hu), 0.0)
            labels[box][own & (height < CORE * ndimage.maximum_filter(height, size=size))] = 0


def _put(array: np.ndarray, flat: np.ndarray, values: np.ndarray) -> None:
    """Write values at flat positions of an array that may be a view."""
    array[np.unravel_index(flat, array.shape)] = values
