"""Dense bodies outside the bones: found, grouped into deposits, outlined, and given voxel fractions."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from .bodies import find_bodies
from .bone_edge import edge_of
from .border import is_cut, is_inside_cut_bone
from .delineate import delineate, margin_mm
from .grid import grow_box
from .halo import SMOOTH_MM
from .metal import find_metal
from .noise import Noise
from .psf import PointSpread
from .reject import DOUBTFUL, Place, confidence, facts, least_confidence, reason
from .settings import CtSettings
from .skin_depth import SkinDepth
from .split import split_all
from .vessels import vessel_labels

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
    cores, vessels = find_bodies(
        hu, bones, soft_hu, noise, psf, spacing, settings, labels, np.unique(metal.points[:, 0])
    )
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
            near_metal = metal.share_near(labels[box] == label, box)
            place = Place(metal.streak_hu(box), cut, joint, vessel=label in vessels, near_metal=near_metal)
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
    found = delineate(hu, own, blocked, soft_hu, noise, psf, spacing, depth_mm, place.streak_hu)
    known = facts(hu, own, found.mask, found.background_hu, found.contrast_hu, found.volume_mm3, noise.hu, spacing)
    edge = edge_of(hu, own, bones, soft_hu, psf, spacing)
    place = replace(place, cut_bone=place.cut_bone and edge.touches, edge=edge)
    sure = confidence(known, place)
    why = reason(known, place, settings) or (DOUBTFUL if sure < least_confidence(settings) else "")
    density = found.background_hu + found.contrast_hu
    candidate = Candidate(label, found.volume_mm3, density, found.background_hu, sure, why)
    return candidate, found.mask, np.round(found.fraction * FRACTION_FULL).astype(np.uint8)
