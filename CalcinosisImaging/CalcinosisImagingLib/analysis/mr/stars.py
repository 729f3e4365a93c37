"""Compact voids, told by looking out from their middle in all directions.

A reader who sees a dark spot asks whether bright tissue closes around it. From each dark middle rays go out to half the
signal of the tissue around. Around a deposit nearly all of them end soon and at similar distances; along a tendon two
opposite ones do not end, in a fascia a whole belt, at a dark lobule beside the deposit some at one side. So a deposit
that touches something dark is told, and bounded, without bones being known. The same is asked nearer to a void, at
two thirds and three quarters of the contrast: chalk is darker than the fat or muscle that it touches, so there its
outline closes where half contrast leaks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.special import erf

from .candidates import Surroundings
from .tubes import directions

HALF = 0.5
INNER_PART, CORE_PART = 0.65, 0.75
"""Rays are ended at these parts of the contrast too, nearer to what is looked for."""
CORE_SIGMAS = 0.6745
"""At an edge blurred by a Gaussian half and three quarters of the contrast are so many sigmas apart."""
POINT_SPREAD_VOXELS, INTERPOLATION_VOXELS = 0.51, 0.41
"""Sigma of the point spread that scanners aim at (1.2 voxels wide), and of the linear interpolation along rays."""
LEAST_EDGES = 100
"""Fewer bodies do not tell how sharp the image is."""
LEAST_NEAR_MM = 0.4
"""Where a middle is less dark than such a level, its rays would end at once."""
STEP_MM, FAR_MM = 0.25, 9.0
"""Rays are followed in such steps and so far: a carpal bone is twice as wide."""
RAYS = np.concatenate([directions(81), -directions(81)])
"""The second half looks the opposite way."""
SMOOTH_MM, DARK_MIDDLE, BRIGHT_MIDDLE = 0.5, 0.5, 1.5
"""Middles are the darkest (brightest) places of an image that is smoothed so much, if darker (brighter) than that."""
ESCAPE = 2.0
"""A ray that goes so many times as far as the nearest third of the rays escapes."""
BESIDE_MM = 1.0
"""The tissue around is looked at so far behind the end of a ray."""
CROWD_MM, CROWD_DARK, CROWD_THIN_MM = 5.0, 0.35, 5.0
"""Width of the neighbourhood in which dark spots are counted, how dark they are, and what is no spot but a bone."""
MOST_SHIFT_MM = 1.2
CHUNK = 200


@dataclass(frozen=True, eq=False)
class Stars:
    """Dark middles and what is seen from them; arrays with one entry each.

    Attributes
    ----------
    middle: (N, 3) place in voxels (K, J, I).
    radii_mm: (N, M) length of the rays `RAYS`, cut where they escape.
    radius_mm: length that the nearest third of the rays has.
    half: level at which the rays end.
    escaping: part of the rays that escape; ``opposite``: part of the pairs of opposite rays of which both do.
    grey: level of the inner half; ``grey_for_size``: the same times the square of the radius in voxels, because the
        point spread brightens small voids.
    left: level in the very middle above what the point spread lets into an empty ball of this radius: marrow, fat.
    shut: level behind the ends of the rays that four fifths of them exceed.
    rough: variation of the lengths of the rays.
    rough_inner, rough_core, escaping_core: as above, of rays that end at `INNER_PART` and at `CORE_PART`.
    crowd: part of the tissue near that consists of other dark spots, like fat with septa.
    to_air: part of the rays that end at the air.
    """

    middle: np.ndarray
    radii_mm: np.ndarray
    radius_mm: np.ndarray
    half: np.ndarray
    escaping: np.ndarray
    opposite: np.ndarray
    grey: np.ndarray
    grey_for_size: np.ndarray
    left: np.ndarray
    shut: np.ndarray
    rough: np.ndarray
    crowd: np.ndarray
    to_air: np.ndarray
    rough_inner: np.ndarray
    rough_core: np.ndarray
    escaping_core: np.ndarray

    @property
    def volume_mm3(self) -> np.ndarray:
        """What the rays enclose."""
        return 4.0 / 3.0 * np.pi * (self.radii_mm**3).mean(axis=1)


def find_stars(around: Surroundings, free: np.ndarray, bright: bool = False) -> Stars:
    """All dark (``bright``: bright) middles within ``free`` (bool, like the level)."""
    spacing = around.spacing_kji
    # The air is no dark tissue: the skin closes around what lies below it.
    level = np.where(around.depth_mm > 0, around.level, 0.0 if bright else 1.0).astype(np.float32)
    middle, peak = _middles(level, free & (around.depth_mm > 0), spacing, bright)
    half = 1.0 + HALF * (peak - 1.0)
    (radii,) = _rays(level, spacing, middle, half[None], bright)
    middle = middle + np.clip(_off_middle(radii), -MOST_SHIFT_MM, MOST_SHIFT_MM) / spacing
    ends = np.stack([half, *(1.0 + part * (peak - 1.0) for part in (INNER_PART, CORE_PART))])
    radii, inner_radii, core_radii = _rays(level, spacing, middle, ends, bright)
    near, kept, escaping, opposite, rough = _course(radii)
    # 0 in the middle of what is looked for, 1 in the tissue around, for dark and for bright ones.
    inner = np.stack([_at(level, spacing, middle, part * kept) for part in (0.15, 0.35, 0.5)]).mean(axis=(0, 2))
    behind = _at(level, spacing, middle, kept + BESIDE_MM)
    if bright:
        behind = (inner[:, None] - behind) / np.maximum(inner - 1.0, 0.1)[:, None]
    _, _, _, _, rough_inner = _course(inner_radii)
    _, _, escaping_core, _, rough_core = _course(core_radii)
    at_end = _at(around.depth_mm, spacing, middle, np.minimum(radii, 6.0))
    return Stars(
        middle, kept, near, half, escaping, opposite, inner, inner * (near / spacing.mean()) ** 2,
        _left(level, spacing, middle, near, sharpest(radii, core_radii, near, spacing)),
        np.percentile(behind, 20.0, axis=1), rough, _crowd(level, around.depth_mm, spacing, middle, kept),
        (at_end <= 0.3).mean(axis=1), rough_inner, rough_core, escaping_core,
    )  # fmt: skip


def _course(radii: np.ndarray) -> tuple[np.ndarray, ...]:
    """Length of the nearest third of the rays, all lengths cut at `ESCAPE` times that, parts that escape, roughness."""
    near = np.maximum(np.percentile(radii, 30.0, axis=1), LEAST_NEAR_MM) if len(radii) else np.zeros(0)
    away = radii > ESCAPE * near[:, None]
    kept = np.minimum(radii, ESCAPE * near[:, None])
    pairs = len(RAYS) // 2
    both = (away[:, :pairs] & away[:, pairs:]).mean(axis=1)
    return near, kept, away.mean(axis=1), both, kept.std(axis=1) / kept.mean(axis=1)


def _middles(level: np.ndarray, free: np.ndarray, spacing: np.ndarray, bright: bool) -> tuple[np.ndarray, np.ndarray]:
    """Darkest or brightest places, (N, 3) voxels, and the level of what they are taken for, (N,): 0 for a void."""
    smooth = ndimage.gaussian_filter(level, SMOOTH_MM / spacing)
    if not bright:
        found = (smooth == ndimage.minimum_filter(smooth, 3)) & (smooth < DARK_MIDDLE) & free
        return np.argwhere(found).astype(float), np.zeros(int(found.sum()))
    found = (smooth == ndimage.maximum_filter(smooth, 3)) & (smooth > BRIGHT_MIDDLE) & free
    return np.argwhere(found).astype(float), smooth[found].astype(float)


def _rays(level: np.ndarray, spacing: np.ndarray, middle: np.ndarray, ends: np.ndarray, bright: bool) -> np.ndarray:
    """Distance (L, N, M) mm at which each ray passes each of the levels ``ends`` (L, N); `FAR_MM` where it does not."""
    way = (np.arange(int(FAR_MM / STEP_MM)) + 0.5) * STEP_MM
    steps = RAYS[:, None, :] * way[None, :, None] / spacing
    result = np.full((len(ends), len(middle), len(RAYS)), FAR_MM, np.float32)
    for start in range(0, len(middle), CHUNK):
        part = slice(start, start + CHUNK)
        at = middle[part, None, None, :] + steps
        # Beyond the image nothing is known: the ray ends.
        values = ndimage.map_coordinates(level, at.reshape(-1, 3).T, order=1, mode="constant", cval=1.0)
        values = values.reshape(at.shape[:3])
        for found, limit in zip(result, ends[:, part, None, None], strict=True):
            passed = values < limit if bright else values > limit
            found[part] = np.where(passed.any(axis=2), way[passed.argmax(axis=2)], FAR_MM)
    return result


def sharpest(radii: np.ndarray, core_radii: np.ndarray, near: np.ndarray, spacing: np.ndarray) -> float:
    """Sigma (mm) of the point spread: that of the sharpest edges, no less than scanners aim at.

    Rays that end at half contrast and at the core's level part by a known number of sigmas at a blurred edge. What is
    soft by nature only lengthens that, so the sharpest hundredth of the bodies tells.
    """
    scanner = float(spacing.mean()) * np.hypot(POINT_SPREAD_VOXELS, INTERPOLATION_VOXELS)
    ends = radii <= ESCAPE * near[:, None]
    apart = ((radii - core_radii) * ends).sum(axis=1) / np.maximum(ends.sum(axis=1), 1)
    if len(apart) < LEAST_EDGES:
        return scanner
    return max(scanner, float(np.percentile(apart, 1.0)) / CORE_SIGMAS)


def _left(level: np.ndarray, spacing: np.ndarray, middle: np.ndarray, near: np.ndarray, sigma: float) -> np.ndarray:
    """`Stars.left`, (N,)."""
    ways = (0.02, 0.2, 0.4)
    found = np.stack([_at(level, spacing, middle, np.full((len(middle), len(RAYS)), mm)) for mm in ways])
    return found.mean(axis=(0, 2)) - np.mean([blurred_void(near, sigma, mm) for mm in ways], axis=0)


def blurred_void(radius_mm: np.ndarray, sigma_mm: float, away_mm: float) -> np.ndarray:
    """Level so far from the middle of an empty ball in tissue of level 1 under a Gaussian point spread."""
    near, far = ((radius_mm + sign * away_mm) / (np.sqrt(2.0) * sigma_mm) for sign in (-1.0, 1.0))
    slopes = sigma_mm / (away_mm * np.sqrt(2.0 * np.pi)) * (np.exp(-(near**2)) - np.exp(-(far**2)))
    return 1.0 - 0.5 * (erf(near) + erf(far)) + slopes


def _off_middle(radii: np.ndarray) -> np.ndarray:
    """Where the middle of what the rays enclose lies from the place they start at, (N, 3) mm."""
    if not len(radii):
        return np.zeros((0, 3))
    kept = np.minimum(radii, 1.6 * np.percentile(radii, 30.0, axis=1)[:, None])
    return 0.75 * (kept**4) @ RAYS / (kept**3).sum(axis=1)[:, None]


def _at(values: np.ndarray, spacing: np.ndarray, middle: np.ndarray, way_mm: np.ndarray) -> np.ndarray:
    """Values (N, M) at so many mm along each ray."""
    at = middle[:, None, :] + RAYS[None] * way_mm[:, :, None] / spacing
    return ndimage.map_coordinates(values, at.reshape(-1, 3).T, order=1, mode="nearest").reshape(way_mm.shape)


def _crowd(level: np.ndarray, depth_mm: np.ndarray, spacing: np.ndarray, middle: np.ndarray, radii: np.ndarray):
    """Part of the tissue near each middle that is dark, itself and what is as thick as a bone left out."""
    tissue = depth_mm > 1.0
    dark = (level < CROWD_DARK) & tissue
    core = ndimage.distance_transform_edt(dark, sampling=spacing) > 0.5 * CROWD_THIN_MM
    if core.any():
        tissue &= ndimage.distance_transform_edt(~core, sampling=spacing) > 0.7 * CROWD_THIN_MM
    sigma = CROWD_MM / spacing
    spots, all_of_it = (
        ndimage.map_coordinates(ndimage.gaussian_filter(m.astype(np.float32), sigma, truncate=2.5), middle.T, order=1)
        for m in (dark & tissue, tissue)
    )
    # Its own share of the neighbourhood; its edge is brighter than what is counted.
    own = 0.8 * 4.0 / 3.0 * np.pi * (radii**3).mean(axis=1) / ((2.0 * np.pi) ** 1.5 * CROWD_MM**3)
    return np.maximum(spots - own, 0.0) / np.maximum(all_of_it - own, 0.05)
