"""Dense bodies outside the bones: found, grouped into deposits, outlined, and given voxel fractions."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from .border import is_cut, is_inside_cut_bone
from .crops import nearest_mm
from .delineate import delineate, margin_mm
from .faint import faint_bodies
from .form import shell_form
from .grid import Box, grow_box
from .halo import subtract_halo
from .metal import find_metal
from .noise import Noise
from .psf import FWHM_PER_SIGMA, PointSpread
from .reject import DOUBTFUL, FIRST_HOLLOW, RIND_MM3, Place, confidence, facts, least_confidence, reason
from .settings import CtSettings
from .skin_depth import SkinDepth
from .split import split_all
from .tissue import densest_tissue
from .vessels import vessel_labels

SMOOTH_MM = 0.3
"""Smoothing before detection: about the blur of the finest deposit that the scanner shows."""
TENDON_HU = 135.0
"""Tendons and skin reach about 120 HU."""
NOISE_FACTOR = 3.5
"""Standard deviations of the noise by which voxels are above soft tissue, and peaks of fragments above the densest."""
PEAK_FACTOR = 5.0
"""The same for the highest peak of a deposit: a hand has some hundred thousand places where noise could be so high."""
CLEAR = 2.0
"""A piece that peaks so many times higher than it must is no speck of noise in a faint body."""
LEAST_PIECE_MM3 = 0.3
CORE = 0.45
"""Share of a body's greatest contrast that its core has: about its true width, whatever its blur."""
THREADS = 2
"""Bodies are outlined side by side; most of it is filters that let other threads run."""

FRACTION_FULL = 255
"""Value of the fraction map for a voxel full of deposit."""


@dataclass(frozen=True)
class Candidate:
    """A dense body outside the bones.

    Attributes
    ----------
    label: its value in the label array.
    volume_mm3: sum of its fractions times the voxel volume.
    plateau_hu, background_hu: levels inside and around it.
    confidence: 0..1, how sure it is a deposit; see `reject.confidence`.
    reason: why it is rejected; empty for a deposit.
    """

    label: int
    volume_mm3: float
    plateau_hu: float
    background_hu: float
    confidence: float
    reason: str = ""


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


def group(
    labels: np.ndarray, found: list[Box | None], spacing: np.ndarray, distance_mm: float, alone: np.ndarray
) -> np.ndarray:
    """New label for each old one: fragments closer than ``distance_mm`` (surface to surface) share it.

    ``alone``: labels that are grouped with no other.
    """
    parent = np.arange(len(found) + 1)

    def root(x: int) -> int:
        while parent[x] != x:
            x = int(parent[x])
        return x

    margin = np.ceil(distance_mm / spacing).astype(int) + 1
    limit_mm = distance_mm + float(spacing.mean())
    together = [n for n, box in enumerate(found, start=1) if box is not None and n not in alone]
    first = np.array([[s.start for s in found[n - 1]] for n in together]).reshape(-1, 3)
    last = np.array([[s.stop - 1 for s in found[n - 1]] for n in together]).reshape(-1, 3)
    names = np.array(together)
    for place, number in enumerate(together):
        # Only what is near by its box is looked at voxel by voxel.
        gaps = np.maximum(np.maximum(first - last[place], first[place] - last), 0) * spacing
        others = names[np.square(gaps).sum(1) < limit_mm**2]
        if len(others) < 2:
            continue
        box = found[number - 1]
        wide = grow_box(box, margin, labels.shape)
        own = tuple(slice(b.start - w.start, b.stop - w.start) for b, w in zip(box, wide, strict=True))
        part = labels[wide]
        away = nearest_mm(part.shape, own, part[own] == number, spacing)
        near = np.unique(part[(away < limit_mm) & np.isin(part, others)])
        for other in near:
            a, b = root(number), root(int(other))
            parent[max(a, b)] = min(a, b)
    return np.array([root(x) for x in range(len(parent))])


def find_candidates(
    hu: np.ndarray,
    bones: np.ndarray,
    soft_hu: float,
    noise: Noise,
    spacing: np.ndarray,
    settings: CtSettings,
    psf: PointSpread,
    labels: np.ndarray,
    fractions: np.ndarray,
    sesamoid_joints: np.ndarray,
    depth: SkinDepth,
) -> list[Candidate]:
    """Find and describe the dense bodies outside the bones.

    Parameters
    ----------
    hu, bones: (K, J, I) of one box.
    sesamoid_joints: (N, 3) mm along k, j, i from the box's first voxel.
    depth: under the skin, of the box's voxels.
    labels, fractions: uint16 and uint8 of the same shape, zero; filled here (`FRACTION_FULL` = a full voxel).
    """
    metal = find_metal(hu, bones, settings.metal_hu, spacing)
    cores, vessels = _bodies(hu, bones, soft_hu, psf, spacing, settings, labels, np.unique(metal.points[:, 0]))
    split_all(hu, labels, soft_hu, settings.metal_hu, spacing, SMOOTH_MM)
    # Once more, as fragments that were grouped may be the rings of one vessel.
    vessels = vessel_labels(labels, cores, spacing, vessels)
    tasks = []
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is not None:
            wide = grow_box(box, np.ceil(margin_mm(psf) / spacing).astype(int), hu.shape)
            cut = is_cut(labels[box] == label, box, hu.shape)
            cut = cut or is_inside_cut_bone(labels[wide] == label, bones[wide], box, hu.shape)
            middle = np.array([(s.start + s.stop - 1) / 2 for s in box]) * spacing
            joint = float(np.linalg.norm(sesamoid_joints - middle, axis=1).min(initial=np.inf))
            place = Place(metal.streak_hu(box), cut, joint, vessel=label in vessels)
            # Copied, so that no body sees the outline of another: any order and any number of threads give the same.
            tasks.append((label, wide, labels[wide].copy(), place))
    candidates = []
    with ThreadPoolExecutor(THREADS) as pool:
        described = pool.map(
            lambda t: _describe(
                hu[t[1]], bones[t[1]], t[2], t[0], soft_hu, noise, psf, spacing, depth.of(t[1]), settings, t[3]
            ),
            tasks,
        )
        for (label, wide, before, _), (candidate, mask, fraction) in zip(tasks, described, strict=True):
            part = labels[wide]
            part[before == label] = 0
            part[mask & (part == 0)] = label
            if not candidate.reason:
                np.maximum(fractions[wide], fraction, out=fractions[wide])
            candidates.append(candidate)
    return candidates


def _bodies(
    hu: np.ndarray,
    bones: np.ndarray,
    soft_hu: float,
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
    dense_hu, rest = densest_tissue(smooth, bones, soft_hu, spacing)
    least_hu = max(soft_hu + settings.minimum_contrast_hu, TENDON_HU)
    threshold = max(soft_hu + NOISE_FACTOR * rest, least_hu)
    subtract_halo(smooth, bones, soft_hu, _blur_mm(psf, spacing), spacing)
    reach_mm = _bone_reach_mm(psf, spacing)
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
    del smooth
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
    edges, shells = _no_fragments(hu, bones, labels, found, soft_hu, reach_mm, spacing)
    inner = heights - soft_hu >= CORE * (peaks[pieces] - soft_hu)
    cores = dense[inner & (values > 0) & ~np.isin(values, [*metal, *edges])]
    vessels = np.array(sorted(vessel_labels(labels, cores, spacing)), int)
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


def _blur_mm(psf: PointSpread, spacing: np.ndarray) -> np.ndarray:
    """Sigma along each axis of point spread, voxel and smoothing together."""
    return np.sqrt(np.square(psf.sigma_mm) + spacing**2 / 12 + SMOOTH_MM**2)


def _bone_reach_mm(psf: PointSpread, spacing: np.ndarray) -> float:
    """How far from a bone's voxels (its surface is half of one farther) its blur reaches; a slice more is beside it."""
    blur = FWHM_PER_SIGMA * float(_blur_mm(psf, spacing).mean())
    return max(blur + 0.5 * float(spacing.mean()), 1.05 * float(spacing.max()))


def _no_fragments(
    hu: np.ndarray,
    bones: np.ndarray,
    labels: np.ndarray,
    found: list[Box | None],
    soft_hu: float,
    reach_mm: float,
    spacing: np.ndarray,
) -> tuple[list[int], list[int]]:
    """Labels of pieces that are no part of a deposit by themselves, and would join what lies on both sides of them.

    Edges of bones, and shells around marrow (two sesamoids lie closer to each other than fragments may).
    """
    edges, shells = [], []
    margin = np.ceil(reach_mm / spacing).astype(int) + 1
    for label, box in enumerate(found, start=1):
        if box is None:
            continue
        wide = grow_box(box, margin, labels.shape)
        own = labels[wide] == label
        volume = float(own.sum() * np.prod(spacing))
        if volume < RIND_MM3 and bones[wide].any() and _reach_mm(own, bones[wide], spacing) <= reach_mm:
            edges.append(label)
            continue
        form = shell_form(hu[wide], own, soft_hu, spacing)
        if form is not None and form.is_shell(FIRST_HOLLOW):
            shells.append(label)
    return edges, shells


def _put(array: np.ndarray, flat: np.ndarray, values: np.ndarray) -> None:
    """Write values at flat positions of an array that may be a view."""
    array[np.unravel_index(flat, array.shape)] = values


def _describe(
    hu: np.ndarray,
    bones: np.ndarray,
    labels: np.ndarray,
    label: int,
    soft_hu: float,
    noise: Noise,
    psf: PointSpread,
    spacing: np.ndarray,
    depth_mm: np.ndarray,
    settings: CtSettings,
    place: Place,
) -> tuple[Candidate, np.ndarray, np.ndarray]:
    """One body on its crop; its mask (bool) and fractions (uint8) there."""
    own = labels == label
    blocked = (bones > 0) | ((labels > 0) & ~own)
    found = delineate(hu, own, blocked, soft_hu, noise, psf, spacing, depth_mm, bones > 0)
    known = facts(hu, own, found.mask, found.background_hu, found.contrast_hu, found.volume_mm3, noise.hu, spacing)
    beside_bone = _is_beside(own, bones)
    place = replace(
        place,
        cut_bone=place.cut_bone and beside_bone,
        bone_reach_mm=_reach_mm(own, bones, spacing) if beside_bone else np.inf,
        halo_mm=_bone_reach_mm(psf, spacing),
    )
    sure = confidence(known, place)
    why = reason(known, place, settings) or (DOUBTFUL if sure < least_confidence(settings) else "")
    density = found.background_hu + found.contrast_hu
    candidate = Candidate(label, found.volume_mm3, density, found.background_hu, sure, why)
    return candidate, found.mask, np.round(found.fraction * FRACTION_FULL).astype(np.uint8)


def _is_beside(body: np.ndarray, bones: np.ndarray, steps: int = 3) -> bool:
    """Whether bone lies within so many steps of a body (from face to face)."""
    if not bones.any():
        return False
    near = grow_box(ndimage.find_objects(body.view(np.uint8))[0], steps, body.shape)
    bone = bones[near] > 0
    return bool(bone.any() and bone[ndimage.binary_dilation(body[near], iterations=steps)].any())


def _reach_mm(body: np.ndarray, bones: np.ndarray, spacing: np.ndarray) -> float:
    """Distance from bone within which nine tenths of a body lie."""
    return float(np.percentile(ndimage.distance_transform_edt(bones == 0, sampling=spacing)[body], 90))
