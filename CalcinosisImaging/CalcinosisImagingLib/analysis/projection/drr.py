"""Line integrals through a CT, exact for the voxel model (a digitally reconstructed radiograph).

Siddon (Med Phys 1985;12:252) computed slab by slab: along the axis that a ray advances fastest (in voxels), it
crosses at most one voxel border in each of the other two directions per slab, so at most three voxels, whose lengths
follow in closed form. All rays take the same slab at once; slices become attenuation a few at a time.
"""

from __future__ import annotations

import numpy as np

from ..progress import Progress, report, silent
from ..view import View
from ..volume import Volume

BLOCK_SLABS = 16
"""Slices turned into attenuation at a time: bounds the memory beside the CT itself."""
CHUNK_RAYS = 16384
"""Rays taken at a time: their working arrays stay in the processor's cache."""


def attenuation(hu: np.ndarray, mu_water_per_mm: float = 0.02) -> np.ndarray:
    """Linear attenuation (1/mm, float32) of Hounsfield values: mu_water * max(0, 1 + HU/1000)."""
    mu = hu.astype(np.float32)
    mu *= mu_water_per_mm / 1000.0
    mu += mu_water_per_mm
    return np.maximum(mu, 0.0, out=mu)


def project_ct(
    ct: Volume,
    view: View,
    ct_to_view: np.ndarray | None = None,
    mu_water_per_mm: float = 0.02,
    roi: tuple[slice, slice] | None = None,
    step: int = 1,
    progress: Progress = silent,
) -> np.ndarray:
    """Integral of the attenuation along the ray to each pixel, dimensionless; 0 outside the CT.

    Parameters
    ----------
    ct: Hounsfield units; each voxel is a box of constant attenuation, the CT ends at the outer voxels' faces.
    ct_to_view: 4x4, RAS of the CT -> view frame; the view's own if None. Rigid or any affine map.
    roi: rows and columns of the film to compute (slices with step None); all if None.
    step: only every step-th row and column of the roi.

    Returns
    -------
    float32 array (rows, columns) of the roi, thinned by ``step``.

    Raises
    ------
    ValueError: neither the call nor the view has a pose.
    """
    pose = view.ct_to_view if ct_to_view is None else np.asarray(ct_to_view, float)
    if pose is None:
        raise ValueError(f"view {view.name}: ct_to_view is not known")
    rows, columns = roi or (slice(None), slice(None))
    v = np.arange(view.rows)[rows][::step]
    u = np.arange(view.columns)[columns][::step]
    source, ray, length_mm = _rays(ct, view, pose, u, v)
    integral = np.zeros(len(v) * len(u), np.float32)
    hit = _hits(ct, source, ray)
    dominant = np.argmax(np.abs(ray), axis=0)
    for axis in range(3):
        chosen = np.flatnonzero(hit & (dominant == axis))
        if len(chosen):
            sums = _through_slabs(ct, axis, source, ray[:, chosen], mu_water_per_mm, progress)
            integral[chosen] = sums * (length_mm[chosen] / np.abs(ray[axis, chosen]))
    return integral.reshape(len(v), len(u))


def _rays(
    ct: Volume, view: View, pose: np.ndarray, u: np.ndarray, v: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Source (3,) and ray vectors source -> pixel (3, N) in ijk, and the vectors' lengths in mm (N,)."""
    view_to_ijk = np.linalg.inv(pose @ ct.ijk_to_ras)
    x = (u - view.principal_point_px[0]) * view.pixel_spacing_mm[0]
    y = (v - view.principal_point_px[1]) * view.pixel_spacing_mm[1]
    y, x = (grid.ravel() for grid in np.meshgrid(y, x, indexing="ij"))
    linear = view_to_ijk[:3, :3]
    ray = linear[:, :1] * x + linear[:, 1:2] * y + linear[:, 2:3] * view.source_detector_mm
    back = ct.ijk_to_ras[:3, :3] @ ray
    return view_to_ijk[:3, 3], ray, np.sqrt((back**2).sum(axis=0))


def _hits(ct: Volume, source: np.ndarray, ray: np.ndarray) -> np.ndarray:
    """Whether each ray meets the CT's box (boolean, N)."""
    low = np.full(ray.shape[1], -np.inf)
    high = np.full(ray.shape[1], np.inf)
    for axis in range(3):
        direction = np.where(ray[axis] == 0, 1e-12, ray[axis])
        first = (-0.5 - source[axis]) / direction
        second = (ct.size[axis] - 0.5 - source[axis]) / direction
        low = np.maximum(low, np.minimum(first, second))
        high = np.minimum(high, np.maximum(first, second))
    return (low < high) & (high > 0)


def _through_slabs(
    ct: Volume, axis: int, source: np.ndarray, ray: np.ndarray, mu_water_per_mm: float, progress: Progress
) -> np.ndarray:
    """Sum over slabs of the mean attenuation along the ray within each (N, float32); slabs are normal to ``axis``."""
    other = [a for a in range(3) if a != axis]
    slices = np.moveaxis(ct.voxels, 2 - axis, 0)
    count = slices.shape[0]
    slope = ray[other] / ray[axis]
    # In the padded slice, cell n spans n .. n + 1; the pad of air takes all that lies outside.
    entry = source[other][:, None] + slope * (-0.5 - source[axis]) + 1.5
    slope, entry = slope.astype(np.float32), entry.astype(np.float64)
    sums = np.zeros(ray.shape[1], np.float32)
    for start in range(0, count, BLOCK_SLABS):
        report(progress, start / count, "casting rays through the CT")
        block = attenuation(slices[start : start + BLOCK_SLABS], mu_water_per_mm)
        if not block.any():
            continue
        block = np.pad(block, ((0, 0), (1, 1), (1, 1)))
        for first in range(0, ray.shape[1], CHUNK_RAYS):
            part = slice(first, first + CHUNK_RAYS)
            here = (entry[:, part] + start * slope[:, part].astype(np.float64)).astype(np.float32)
            _cross(block, here, slope[:, part], sums[part])
    return sums


def _cross(block: np.ndarray, entry: np.ndarray, slope: np.ndarray, sums: np.ndarray) -> None:
    """Add to ``sums`` the mean attenuation in each slab of ``block`` (slabs, Y, X) along rays that enter at ``entry``.

    ``entry`` and ``slope`` are (2, N) in order x, y; |slope| <= 1 cell per slab.
    """
    height, width = block.shape[1:]
    limit = np.array([[width - 1], [height - 1]], np.float32)
    with np.errstate(divide="ignore"):
        inverse = np.where(np.abs(slope) < 1e-7, np.float32(1e7), 1 / slope).astype(np.float32)
    ahead = (slope > 0).astype(np.float32)
    cell = np.clip(np.floor(entry), 0, limit)
    at = (cell[1] * width + cell[0]).astype(np.intp)
    for slab in block:
        flat = slab.ravel()
        leave = entry + slope
        next_cell = np.floor(leave)
        np.clip(next_cell, 0, limit, out=next_cell)
        next_at = (next_cell[1] * width + next_cell[0]).astype(np.intp)
        # Fraction of the slab at which the border in x and in y is crossed (1: not within this slab).
        border = cell + ahead
        border -= entry
        border *= inverse
        np.clip(border, 0, 1, out=border)
        x_first = border[0] < border[1]
        step_x = (next_cell[0] - cell[0]).astype(np.intp)
        between = np.where(x_first, at + step_x, next_at - step_x)
        value_in, value_mid, value_out = flat.take(at), flat.take(between), flat.take(next_at)
        sums += value_out
        value_in -= value_mid
        value_in *= np.minimum(border[0], border[1])
        value_mid -= value_out
        value_mid *= np.maximum(border[0], border[1])
        sums += value_in
        sums += value_mid
        entry, cell, at = leave, next_cell, next_at
