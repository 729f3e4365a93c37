"""Whether a body is met again beyond both its ends: then it is a piece of a tendon, a vessel or a septum.

Partial volume breaks thin tendons into beads that stand alone, and where a tendon bends its pieces look like lumps. A
deposit beside a tendon has the tendon at one side of it, not at two opposite ones.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .candidates import Candidate, Surroundings
from .tubes import directions

NEAR_MM, FAR_MM = 0.8, 3.0
"""The like is looked for at this distance from the body: past its blurred edge, across a gap between beads."""
EDGE_VOXELS = 1
"""Nor in its first layer of voxels: where slices are thick, the edge is."""
SKIN_MM, CORTEX_MM = 1.2, 1.5
"""So far the edge of the air and the cortex of a bone are dark."""
DARK, DARK_SMALL = 0.35, 0.5
"""Alike is what is nearer to the body than so far towards the tissue around: muscle has a fifth to a third of fat on
T1."""
SMALL_MM, LARGE_MM = 2.0, 3.5
"""A body thinner than the first is a bead of something whose other parts are blurred away by half: more counts."""
CONE = np.cos(np.radians(30.0))
AXES = 60


def continued(
    mask: np.ndarray, wide: tuple[slice, slice, slice], around: Surroundings, measures: Candidate, lump: bool
) -> float:
    """How much of the body's mean cross-section is met again, as dark or bright, beyond both of two opposite ends.

    Parameters
    ----------
    mask: the body, on the part ``wide`` of ``around``, which reaches `FAR_MM` further (`reach`).
    measures: of the body: its level, that of the tissue around, its thickness.
    lump: it was taken off something thick, so it is no bead of something thin.
    """
    spacing = around.spacing_kji
    away = ndimage.distance_transform_edt(~mask, sampling=spacing)
    steps = ndimage.distance_transform_cdt(~mask, metric="chessboard")
    shell = (away > NEAR_MM) & (steps > EDGE_VOXELS) & (away <= np.maximum(FAR_MM, 2.2 * spacing.max()))
    part = DARK if lump else np.interp(measures.thickness_mm, (SMALL_MM, LARGE_MM), (DARK_SMALL, DARK))
    limit = measures.level + part * (measures.ring - measures.level)
    alike = around.level[wide] < limit if measures.level < measures.ring else around.level[wide] > limit
    shell &= (around.depth_mm[wide] > SKIN_MM) & alike
    if around.bone_distance is not None:
        shell &= around.bone_distance[wide] > CORTEX_MM
    where = np.argwhere(mask) * spacing
    middle = where.mean(0)
    met = np.argwhere(shell) * spacing - middle
    if len(met) < 2:
        return 0.0
    met /= np.linalg.norm(met, axis=1, keepdims=True)
    along = met @ directions(AXES).T
    voxel = float(np.prod(spacing)) / (FAR_MM - NEAR_MM)
    area = voxel * np.minimum((along > CONE).sum(0), (along < -CONE).sum(0)).max()
    length = 4.0 * np.sqrt(np.linalg.eigvalsh(np.cov(where.T) + np.diag(spacing**2) / 12.0)[-1])
    return float(area / max(len(where) * np.prod(spacing) / length, 1e-6))


def reach(spacing_kji: np.ndarray) -> np.ndarray:
    """Voxels along K, J, I around a body that `continued` looks at."""
    return np.ceil(max(FAR_MM, 2.2 * spacing_kji.max()) / spacing_kji).astype(int)
