"""Whether a body beside a bone is only its edge: a rim that the bone's blur explains, or a crest of its shell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.special import ndtr, ndtri

from .crops import percentile, smoothed_crop
from .grid import grow_box
from .halo import PEAK_MM, SMOOTH_MM, blur_mm, bone_reach_mm
from .psf import PointSpread

RIM_MM3 = 8.0
EXPLAINED = 0.25
"""A rim of a bone is explained by its edge up to this share of its height (under 0.14 is left in 180 of 183 rims of
five hands, 0.42 and more in deposits on bones)."""
CREST_REACH = 1.5
CREST = (0.85, 1.2)
"""No farther from the bone than so many times its blur, and as bright as its shell within these factors, a body cannot
be told from the shell; deposits so thin are seldom as bright by chance."""
UNDER_MM, OPEN, UNDER_PERCENT = (0.4, 1.2), 1.2, 25
"""How deep the bone under a body is looked at, and how much brighter than the body (its median) the lower quartile
there is at least if a shell lies under it: 1.3 and more in 41 deposits on bones of eleven hands, two of them
osteopenic; up to 1.1 where the outline left a bone open."""
PEAK_PERCENT = 95
SHELL_PERCENT = 90


@dataclass(frozen=True)
class Edge:
    """How a body lies to the bones beside it.

    Attributes
    ----------
    reach_mm: nine tenths of it are within this distance from bone; infinite where there is none beside it.
    halo_mm: how far the blur of bone reaches.
    unexplained: share of its height that bones' edges do not explain; 1 beyond their blur.
    brightness: its height over that of the shell beside it.
    under: height of the bone right under it over its own.
    """

    reach_mm: float = np.inf
    halo_mm: float = 0.0
    unexplained: float = 1.0
    brightness: float = np.inf
    under: float = np.inf

    @property
    def touches(self) -> bool:
        """Whether there is bone beside it."""
        return bool(np.isfinite(self.reach_mm))

    @property
    def is_near(self) -> bool:
        """Whether nearly all of it lies near the edge of a bone."""
        return self.reach_mm <= 2.0 * self.halo_mm

    def is_rim(self, first_mm3: float) -> bool:
        """Whether a body of which so much was first found is a rim of a bone."""
        return self.reach_mm <= self.halo_mm and (first_mm3 < RIM_MM3 or self.unexplained < EXPLAINED)

    @property
    def is_crest(self) -> bool:
        """Whether it is low on the bone and as bright as its shell."""
        return self.reach_mm <= CREST_REACH * self.halo_mm and CREST[0] < self.brightness < CREST[1]

    @property
    def is_cap(self) -> bool:
        """Whether it closes a bone: low on it, fainter than its shell, and marrow right under it instead of a shell."""
        return self.reach_mm <= CREST_REACH * self.halo_mm and self.brightness <= CREST[0] and self.under < OPEN


NO_EDGE = Edge()


def edge_of(
    hu: np.ndarray, body: np.ndarray, bones: np.ndarray, soft_hu: float, psf: PointSpread, spacing: np.ndarray
) -> Edge:
    """Look at a body (bool, K, J, I, not empty) on its crop; ``bones`` are labels there."""
    if not _is_beside(body, bones):
        return NO_EDGE
    reach, halo = _reach_mm(body, bones, spacing), bone_reach_mm(psf, spacing)
    if reach > CREST_REACH * halo:
        return Edge(reach, halo)
    sigma = blur_mm(psf, spacing)
    near = grow_box(ndimage.find_objects(body.view(np.uint8))[0], np.ceil(4.0 * sigma / spacing) + 1, body.shape)
    body, bone = body[near], bones[near] > 0
    smooth = smoothed_crop(hu[near], SMOOTH_MM / spacing)
    height = percentile((smooth - soft_hu)[body], PEAK_PERCENT)
    unexplained = 1.0
    if reach <= halo:
        rest = (smooth - soft_hu - _edge_hu(smooth, bone, soft_hu, sigma, spacing))[body]
        unexplained = percentile(rest, PEAK_PERCENT) / max(height, 1.0)
    away = ndimage.distance_transform_edt(~body, sampling=spacing)
    shell, under = bone & (away <= PEAK_MM), bone & (away > UNDER_MM[0]) & (away <= UNDER_MM[1])
    shell_height = percentile((smooth - soft_hu)[shell], SHELL_PERCENT) if shell.any() else 1.0
    under_height = percentile((smooth - soft_hu)[under], UNDER_PERCENT) if under.any() else np.inf
    own_height = max(percentile((smooth - soft_hu)[body], 50), 1.0)
    return Edge(reach, halo, unexplained, height / max(shell_height, 1.0), under_height / own_height)


def _edge_hu(
    smooth: np.ndarray, bones: np.ndarray, soft_hu: float, sigma_mm: np.ndarray, spacing: np.ndarray
) -> np.ndarray:
    """What bones' blur adds around them (float32, HU) were their surfaces half a voxel farther out.

    A mask of voxels tells a surface to half a voxel. A flat surface that passes just before the middles of a layer of
    voxels leaves up to half of the bone's height in that layer, which is no part of the mask. The share h that the blur
    of width s of a flat surface has at a point is Phi(-d / s) at the distance d, and Phi(-(d - t) / s) when the surface
    is moved by t: half a voxel along the surface's normal.

    Parameters
    ----------
    smooth: (K, J, I) crop, lightly smoothed.
    bones: bool.
    sigma_mm: (3,) of the blur of ``smooth`` along k, j, i.
    """
    size = tuple((2 * np.round(PEAK_MM / spacing) + 1).astype(int))
    height = np.where(bones, smooth - np.float32(soft_hu), 0.0).astype(np.float32)
    height = np.where(bones, ndimage.maximum_filter(height, size=size), 0.0)
    share, height = (
        ndimage.gaussian_filter(a, sigma_mm / spacing, truncate=4.0) for a in (bones.astype(np.float32), height)
    )
    share = np.clip(share, 1e-6, 1.0 - 1e-6)
    normal = np.stack(np.gradient(share, *spacing))
    normal = np.abs(normal) / np.maximum(np.linalg.norm(normal, axis=0), 1e-9)
    moved = np.tensordot(0.5 * spacing, normal, 1) / np.sqrt(np.tensordot(sigma_mm**2, normal**2, 1) + 1e-9)
    return (height / share * ndtr(ndtri(share) + moved)).astype(np.float32)


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
