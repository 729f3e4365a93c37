"""The outline of each bone on the voxels of the CT, from its body on the working grid."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy import ndimage

from ..volume import Volume
from .excess import without_excess
from .grid import WORK_MM, WorkGrid, boxes, grow_box
from .sections import Sections

PEAK_RADIUS_MM = 1.3
"""Reach within which the shell's peak is looked for: more than a shell's thickness, less than a bone's radius."""
CORE_DEPTH_MM = 1.2
HALF = 0.62
"""Of the height of the blurred shell. It is thinner than the blur at the ends of bones: half of its own height is more
than half of what the scan shows."""
THREADS = 2
"""Bones are outlined side by side, and written in their order; most of it is filters that let other threads run."""
METAL_HU = 2600.0
METAL_RIM_VOXELS = 4
BRIGHTEST = 1.35
"""A shell is at most this much higher than is usual in its cross-section."""


def outline_bones(
    volume: Volume, work: WorkGrid, bodies: np.ndarray, names: dict[int, int], soft_hu: float, result: np.ndarray
) -> None:
    """Write bone labels into ``result`` (uint8, zero, the box of the volume).

    A voxel belongs to a bone where it exceeds `HALF` of the local height of the shell over soft tissue, or where it is
    enclosed by such voxels or lies deep inside the body.

    Parameters
    ----------
    bodies: (K, J, I) labels on the working grid.
    names: label of a body -> label of its bone.
    """
    spacing = work.spacing_mm
    cropped = volume.voxels[work.box]
    found = boxes(bodies)

    def outlined(body: int) -> tuple[tuple[slice, ...], np.ndarray]:
        fine = tuple(
            slice(max(int(s.start * WORK_MM / h) - 3, 0), min(int(np.ceil(s.stop * WORK_MM / h)) + 3, n))
            for s, h, n in zip(found[body - 1], spacing, work.shape, strict=True)
        )
        territory, core = _territory(work, bodies, body, fine)
        return fine, bone_outline(cropped[fine], territory, core, spacing, soft_hu)

    there = sorted(body for body in names if found[body - 1] is not None)
    with ThreadPoolExecutor(THREADS) as pool:
        for body, (fine, mask) in zip(there, pool.map(outlined, there), strict=True):
            part = result[fine]
            part[mask & (part == 0)] = names[body]


def _territory(work: WorkGrid, bodies: np.ndarray, body: int, fine: tuple[slice, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Where the body may extend to, and its certain inside, on a part of the volume's box."""
    index = work.volume_index(fine)
    coarse_box = tuple(slice(int(i[0]), int(i[-1]) + 1) for i in index)
    coarse_box = grow_box(coarse_box, 4, bodies.shape)
    part = bodies[coarse_box]
    own = part == body
    # Trabeculae leave pits in the body, which would look like its outside.
    own |= fill_holes(own) & (part == 0)
    depth = ndimage.distance_transform_edt(np.pad(own, 1, mode="edge"))[1:-1, 1:-1, 1:-1] * WORK_MM
    local = np.ix_(*[i - s.start for i, s in zip(index, coarse_box, strict=True)])
    return own[local], depth[local] > CORE_DEPTH_MM


def bone_outline(
    hu: np.ndarray, territory: np.ndarray, core: np.ndarray, spacing: np.ndarray, soft_hu: float
) -> np.ndarray:
    """The mask of one bone in its crop, without deposits that stand on it.

    Parameters
    ----------
    hu, territory, core: (K, J, I): image, where the bone may extend to, and its certain inside.
    """
    values = np.where(territory, hu, soft_hu).astype(np.float32)
    smooth = ndimage.gaussian_filter(values, 0.25 / spacing)
    size = (2 * np.round(PEAK_RADIUS_MM / spacing) + 1).astype(int)
    peak = ndimage.maximum_filter(smooth, size=tuple(size))
    shell = np.maximum(ndimage.gaussian_filter(peak, PEAK_RADIUS_MM / spacing) - soft_hu, 100.0)
    body = (values - soft_hu > HALF * shell) & territory
    if not body.any():
        return core
    # A bright stone on a thin shell must not raise what is asked of the shell beside it.
    sections = Sections(body | core, spacing)
    shell = np.minimum(shell, BRIGHTEST * sections.medians(shell, body))
    mask = (values - soft_hu > HALF * shell) & territory
    mask |= core
    mask = fill_holes(mask | _metal_rim(hu, territory)) & (territory | core)
    mask = _closed(mask, territory, spacing)
    labels, count = ndimage.label(mask)
    if count > 1:
        sizes = np.bincount(labels.ravel())
        sizes[0] = 0
        mask = labels == sizes.argmax()
    return without_excess(mask, smooth - soft_hu, shell, sections, spacing)


def fill_holes(mask: np.ndarray) -> np.ndarray:
    """Fill what is enclosed in 3-D, also by the faces of the array: a bone cut there is closed by its own section."""
    mask = mask.copy()
    for axis in range(3):
        for end in (0, -1):
            face = [slice(None)] * 3
            face[axis] = end
            mask[tuple(face)] = ndimage.binary_fill_holes(mask[tuple(face)])
    return ndimage.binary_fill_holes(mask)


def _metal_rim(hu: np.ndarray, territory: np.ndarray) -> np.ndarray:
    """Metal and its rim outside the territory: a shell that a wire goes through is closed by it."""
    metal = hu > METAL_HU
    if not metal.any():
        return metal
    return ndimage.binary_dilation(metal, iterations=METAL_RIM_VOXELS) & ~territory


def _closed(mask: np.ndarray, territory: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """Close pits of noise and foramina up to a millimetre, inside the territory."""
    steps = max(round(0.5 / float(spacing.mean())), 1)
    padded = np.pad(mask, steps, mode="edge")
    closed = ndimage.binary_closing(padded, iterations=steps)[tuple(slice(steps, -steps) for _ in range(3))]
    return fill_holes(mask | (closed & territory))
