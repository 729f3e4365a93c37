"""Solid matter on a bone that is no part of its shell: deposits that touch it.

A bone is a shell around marrow. The shell's outer side is as far from the marrow as elsewhere in the same cross-section
and as nearby on the bone, and follows the bone's convex hull. What lies farther out and bulges over the hull is either
a crest of the bone or a deposit: a crest is low or long, and no brighter than the shell; a deposit stands up, or is
brighter than the (blurred) shell. The less the shell stands out from the trabeculae, the less its thickness is known.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError, cKDTree

from .crops import percentile
from .grid import Box, grow_box
from .sections import Sections

INSIDE = 0.75
"""The inside is below this share of the shell's height, also where a thin shell of little mineral is blurred."""
INSIDE_DEPTH_MM = 0.6
INSIDE_MM3 = 4.0
RIM_MM = 0.9
INSIDE_SHARE = 0.15
"""Share of a bone that must be marrow or trabeculae, for the rule to apply."""
MARGIN_MM = 0.6
THICKEST_MM = 4.0
THICKEST_TIMES = 2.5
NEARBY_MM, FOOT_MM = 6.0, 3.0
SURFACE_MM = 0.3
"""The shell's surface reaches so far beyond its usual depth."""
CUT_PERCENT, CUT_MM = 55, 0.05
"""Under a deposit the shell is cut so far beyond this percentile of the depths around its foot."""
SAMPLES = 1500
BESIDE_MM = 6.0
LEAST_MM3 = 1.0
LEAST_SHARE = 0.0002
"""A large bone has ridges of its own: what stands on it must be at least this share of it."""
OUTSIDE_SHARE = 0.5
"""With less a piece fills dents of the bone, or is mostly its solid shaft."""
LOWEST_MM = 0.7
CREST = (0.75, 1.15)
"""A crest is as bright as the shell beside it, within these factors."""
CREST_MM5 = 0.6
"""What is no brighter than a crest must be larger, to be none: volume times squared height, over the fourth power of
the contrast of the shell to the inside (a shell that hardly stands out is not known to a good part of its blur)."""
CREST_SLOPE = 0.15
"""And it must be so much higher than long."""
CREST_SHARE = 0.0012
"""And what is as bright as a crest must be at least this share of the bone: large bones have large crests."""
SHAFT_ALONG, SHAFT_SLENDER, SHAFT_BEYOND = 0.95, 1.6, 0.8
"""The solid shaft of a bone goes on from the middle of its base (cosine), longer than wide, beyond all of the base."""
LEAST_CONTRAST, MOST_CONTRAST = 0.45, 0.7
"""With less, a shell and what it holds look like one solid body: nothing as bright as they is told from them."""


def without_excess(
    mask: np.ndarray, height: np.ndarray, shell: np.ndarray, sections: Sections, spacing: np.ndarray
) -> np.ndarray:
    """The mask of one bone without solid matter that stands on its shell.

    Parameters
    ----------
    mask: (K, J, I) of the bone's crop, its outline.
    height: the image over soft tissue, lightly smoothed.
    shell: local height of the shell over soft tissue.
    sections: of the bone.
    """
    under = ndimage.distance_transform_edt(mask, sampling=spacing)
    inside = _inside(mask, under, height, INSIDE * shell, spacing)
    if not inside.any():
        return mask
    # Beside a thick shell paste and soft stones are low too, but not as low as marrow.
    between = 0.5 * (sections.medians(height, inside) + shell)
    inside = _inside(mask, under, height, np.minimum(INSIDE * shell, between), spacing)
    if inside.sum() < INSIDE_SHARE * mask.sum():
        return mask
    depth = ndimage.distance_transform_edt(~inside, sampling=spacing)
    surface = mask & ~ndimage.binary_erosion(mask)
    kept, usual = np.zeros_like(mask), depth
    # Under paste, what is nearer to the shell's height than to the paste's is bone: the middle of the blurred step.
    bone_from = np.full(mask.shape, np.inf, np.float32)
    # Once more without the surface of what was found: a large deposit's own is part of what seems usual.
    for _ in range(2):
        usual = _usual_depth(depth, surface & ~_near(kept, spacing), mask, sections, spacing)
        rest = mask & (depth <= usual + SURFACE_MM) & ~kept
        usual_shell = np.maximum(sections.medians(shell, surface & rest), 1.0)
        brightness = height / usual_shell
        contrast = np.clip(1.0 - sections.medians(height, inside) / usual_shell, 0.05, MOST_CONTRAST)
        labels, _ = ndimage.label(mask & (depth > usual + MARGIN_MM))
        before = int(kept.sum())
        for number, box in enumerate(ndimage.find_objects(labels), start=1):
            piece = labels[box] == number
            shown = float(np.percentile(brightness[box][piece], 75)), float(contrast[box][piece].mean())
            if _is_deposit(piece, box, rest, *shown, float(mask.sum()), spacing):
                kept[box] |= piece
                if shown[0] < CREST[0]:
                    wide = grow_box(box, np.ceil(2 * MARGIN_MM / spacing) + 1, mask.shape)
                    bone_from[wide] = np.minimum(bone_from[wide], 0.5 * (shown[0] + 1.0) * usual_shell[wide])
        if int(kept.sum()) == before:
            break
    if not kept.any():
        return mask
    # Back to the shell's surface as it is around the deposit's foot, but not along it.
    foot = _near(kept, spacing) & mask
    around = surface & ~foot
    base = _nearby(depth, around, foot, FOOT_MM, CUT_PERCENT, spacing)
    return mask & ~(foot & (depth > base + CUT_MM) & (height < bone_from))


def _near(kept: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """What was found and the foot it stands on."""
    if not kept.any():
        return kept
    return ndimage.distance_transform_edt(~kept, sampling=spacing) <= MARGIN_MM + float(spacing.mean())


def _usual_depth(
    depth: np.ndarray, surface: np.ndarray, mask: np.ndarray, sections: Sections, spacing: np.ndarray
) -> np.ndarray:
    """For each voxel the distance from the inside at which the surface of its cross-section and nearby usually lies."""
    # What lies farther from the inside than any shell is thick is no part of what is usual.
    surface = surface & (depth <= max(THICKEST_MM, THICKEST_TIMES * float(np.median(depth[surface]))))
    usual = sections.medians(depth, surface)
    beyond = mask & (depth > usual + SURFACE_MM)
    return np.maximum(usual, _nearby(depth, surface, beyond, NEARBY_MM, 50, spacing))


def _inside(
    mask: np.ndarray, under: np.ndarray, height: np.ndarray, below: np.ndarray, spacing: np.ndarray
) -> np.ndarray:
    """Marrow and trabeculae: what is low under the surface, in pieces of some size, behind a brighter rim.

    Paste on a bone is low too, but has no brighter rim. ``under`` is the depth (mm) in the mask.
    """
    labels, _ = ndimage.label(ndimage.binary_opening((height < below) & (under > INSIDE_DEPTH_MM)))
    inside = np.zeros_like(mask)
    steps = max(round(RIM_MM / float(spacing.mean())), 1)
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        wide = grow_box(box, steps, mask.shape)
        piece = labels[wide] == number
        if piece.sum() * float(np.prod(spacing)) < INSIDE_MM3:
            continue
        rim = ndimage.binary_dilation(piece, iterations=steps) & mask[wide] & (under[wide] <= INSIDE_DEPTH_MM)
        if not rim.any() or np.median(height[wide][rim]) > np.median(height[wide][piece]):
            inside[wide] |= piece
    return inside


def _nearby(
    depth: np.ndarray, surface: np.ndarray, where: np.ndarray, radius_mm: float, percent: float, spacing: np.ndarray
) -> np.ndarray:
    """At ``where`` the percentile of the surface's depth within a radius of its next point, elsewhere 0."""
    points = np.argwhere(surface)
    points = points[:: max(len(points) // SAMPLES, 1)]
    values = depth[tuple(points.T)]
    tree = cKDTree(points * spacing)
    result = np.zeros_like(depth)
    some = np.argwhere(where)
    if len(some):
        nearest, index = np.unique(tree.query(some * spacing)[1], return_inverse=True)
        near = tree.query_ball_point(points[nearest] * spacing, radius_mm)
        result[where] = np.array([percentile(values[n], percent) for n in near])[index]
    return result


def _is_deposit(
    piece: np.ndarray,
    box: Box,
    rest: np.ndarray,
    brightness: float,
    contrast: float,
    bone_voxels: float,
    spacing: np.ndarray,
) -> bool:
    """Whether a piece beyond the usual surface is a deposit and no crest of the bone.

    Parameters
    ----------
    piece: in its ``box`` of the crop.
    rest: (K, J, I) of the crop, the bone inside its usual surface.
    brightness: of the piece, relative to the usual shell.
    contrast: of the usual shell to the inside, relative to the shell.
    """
    voxel = float(np.prod(spacing))
    volume = float(piece.sum()) * voxel
    if volume < max(LEAST_MM3, LEAST_SHARE * bone_voxels * voxel):
        return False
    over = _over_hull(piece, box, rest, spacing)
    top = float(np.percentile(over, 95))
    if float((over > 0).mean()) < OUTSIDE_SHARE or top < LOWEST_MM or _is_shaft(piece, box, rest, spacing):
        return False
    if brightness > CREST[1]:
        return True
    if brightness > CREST[0] and (volume < CREST_SHARE * bone_voxels * voxel or contrast < LEAST_CONTRAST):
        return False
    points = np.argwhere(piece) * spacing
    length = 4.0 * float(np.sqrt(np.linalg.eigvalsh(np.cov(points.T))[-1]))
    return volume * top**2 >= CREST_MM5 / contrast**4 and top >= CREST_SLOPE * length


def _is_shaft(piece: np.ndarray, box: Box, rest: np.ndarray, spacing: np.ndarray) -> bool:
    """Whether a piece is the rest of a bone of which only the base has marrow: the solid shaft of a last phalanx.

    It goes on along its own long axis from the middle of the base, and is longer than the base is.
    """
    if not rest.any():
        return False
    points = (np.argwhere(piece) + [s.start for s in box]) * spacing
    base = np.argwhere(rest) * spacing
    onward = points.mean(0) - base.mean(0)
    onward /= np.linalg.norm(onward)
    values, vectors = np.linalg.eigh(np.cov(points.T))
    beyond = float((points @ onward > np.percentile(base @ onward, 98)).mean())
    slender = values[2] > SHAFT_SLENDER**2 * values[1] and values[2] > float(np.var(base @ onward))
    return bool(slender and beyond > SHAFT_BEYOND and abs(onward @ vectors[:, 2]) > SHAFT_ALONG)


def _over_hull(piece: np.ndarray, box: Box, rest: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """Height (mm) of a piece's voxels over the convex hull of the bone beside it; below 0 where it fills a dent."""
    wide = grow_box(box, np.ceil(BESIDE_MM / spacing), rest.shape)
    beside = rest[wide]
    surface = np.argwhere(beside & ~ndimage.binary_erosion(beside)) * spacing
    points = (np.argwhere(piece) + [s.start - w.start for s, w in zip(box, wide, strict=True)]) * spacing
    points = points[:: max(len(points) // 2000, 1)]
    try:
        planes = ConvexHull(surface[:: max(len(surface) // 3000, 1)]).equations
    except (QhullError, ValueError):
        return np.full(len(points), np.inf)
    return (points @ planes[:, :3].T + planes[:, 3]).max(axis=1)
