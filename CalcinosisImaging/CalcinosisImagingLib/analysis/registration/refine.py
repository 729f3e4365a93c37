"""The last tenths of a millimetre of one bone's pose, and how uncertain they are.

Model: the signal of each MR voxel is a linear mix of the tissue fractions that the CT, moved and blurred to the MR's
resolution, has there. The signals are solved for exactly at every step (variable projection, G. H. Golub and
V. Pereyra, SIAM J Numer Anal 10:413, 1973, with L. Kaufman's approximation of the Jacobian, BIT 15:49, 1975); the pose
by Gauss-Newton with Huber weights. MR voxels are used as they were measured: nothing is interpolated in the MR, so
noise stays white and sub-voxel steps do not lock to the grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft, ndimage

from ..volume import Volume, transform_points
from .bone_model import DENSE, MARROW, BoneModel
from .rigid import orthonormal, step

PSF_PER_VOXEL = 0.42
"""Standard deviation of an image's point spread in voxels: a voxel wide at half its height."""
BLOCK_MM = 4.0
"""Residuals farther apart than this are taken as independent (muscle and fat have texture)."""
INNER_MM = 4.0
HUBER = 1.5
ITERATIONS = 8


@dataclass(frozen=True, eq=False)
class Fit:
    """Result of the refinement.

    Attributes
    ----------
    matrix: 4x4 CT -> MR.
    covariance: 6x6 of (rotations in mm of arc at the radius, shifts in mm), in the CT's frame about the centre.
    gain: part of the variance, left by soft tissue, that bone explains: 0 nothing, 1 all.
    explained: part of the variance that all tissues explain.
    voxels: number of MR voxels used.
    """

    matrix: np.ndarray
    covariance: np.ndarray
    gain: float
    explained: float
    voxels: int


def refine(
    model: BoneModel, mr: Volume, start: np.ndarray, centre: np.ndarray, radius_mm: float, margin_mm: float, most: int
) -> Fit | None:
    """Refine the pose of one bone; None where too little of it lies in the MR.

    Parameters
    ----------
    mr: even brightness, native voxels.
    start: 4x4 CT -> MR, within about 2 mm of the truth.
    centre, radius_mm: of the bone, RAS of the CT.
    margin_mm: tissue outside the bone that takes part.
    most: largest number of MR voxels.
    """
    maps = blurred_maps(model, mr, start)
    matrix, fit = start, None
    for _ in range(2):
        voxels, values = _voxels_near(model, mr, matrix, margin_mm, most)
        if len(values) < 60:
            return None
        fit = _gauss_newton(model, maps, voxels, values, matrix, centre, radius_mm)
        matrix = fit.matrix
    return fit


def blurred_maps(model: BoneModel, mr: Volume, pose: np.ndarray) -> np.ndarray:
    """The tissue maps at the resolution of the MR, whatever its voxel's shape and direction: a Gaussian by FFT."""
    to_mr = np.linalg.inv(mr.ijk_to_ras)[:3, :3] @ pose[:3, :3] @ model.grid.ijk_to_ras[:3, :3]
    # Widths in voxels of the CT crop: the MR's point spread less the one that the CT already has.
    inverse = np.linalg.inv(to_mr)
    spread = PSF_PER_VOXEL**2 * (inverse @ inverse.T - np.eye(3))
    values, vectors = np.linalg.eigh(spread)
    spread = (vectors * np.maximum(values, 0.0)) @ vectors.T
    pad = int(np.ceil(2.5 * np.sqrt(np.diag(spread).max())))
    padded = np.pad(model.maps, ((0, 0), (pad, pad), (pad, pad), (pad, pad)), mode="edge")
    shape = [fft.next_fast_len(n, real=True) for n in padded.shape[1:]]
    wk, wj, wi = (2 * np.pi * f(n) for f, n in zip((fft.fftfreq, fft.fftfreq, fft.rfftfreq), shape, strict=True))
    wk, wj, wi = wk[:, None, None], wj[None, :, None], wi[None, None, :]
    exponent = spread[0, 0] * wi**2 + spread[1, 1] * wj**2 + spread[2, 2] * wk**2
    exponent = exponent + 2 * (spread[0, 1] * wi * wj + spread[0, 2] * wi * wk + spread[1, 2] * wj * wk)
    transfer = np.exp(-0.5 * exponent).astype(np.float32)
    inner = tuple(slice(pad, pad + n) for n in model.maps.shape[1:])
    return np.stack([fft.irfftn(fft.rfftn(m, shape) * transfer, shape)[inner].astype(np.float32) for m in padded])


def _voxels_near(model: BoneModel, mr: Volume, pose: np.ndarray, margin_mm: float, most: int):
    """MR voxel centres (N, 3) RAS around the bone, away from other bones, and their values (N,)."""
    size = np.array(model.coarse.size) - 1
    corners = model.coarse.to_ras(np.array(np.meshgrid(*[(0, n) for n in size])).reshape(3, -1).T)
    index = mr.to_ijk(transform_points(pose, corners))
    low = np.maximum(np.floor(index.min(0)).astype(int), 0)
    high = np.minimum(np.ceil(index.max(0)).astype(int) + 1, mr.size)
    if np.any(high <= low):
        return np.zeros((0, 3)), np.zeros(0)
    grids = np.meshgrid(*[np.arange(a, b) for a, b in zip(low, high, strict=True)], indexing="ij")
    ijk = np.stack([g.ravel() for g in grids], axis=1)
    to_coarse = np.linalg.inv(pose @ model.coarse.ijk_to_ras) @ mr.ijk_to_ras
    place = transform_points(to_coarse, ijk)[:, ::-1].T
    depth = ndimage.map_coordinates(model.coarse.voxels, place, order=1, cval=1e3, output=np.float32)
    keep = np.flatnonzero((depth <= margin_mm) & (depth >= -INNER_MM))
    apart = ndimage.map_coordinates(model.other, place[:, keep], order=1, mode="nearest", output=np.float32)
    # Between two bones the neighbour may have moved: what the CT shows there is not what the MR shows.
    keep = keep[(apart > 1.0) | (depth[keep] < 0.0)]
    if len(keep) > most:
        keep = np.sort(np.random.default_rng(0).permutation(keep)[:most])
    chosen = ijk[keep]
    values = mr.voxels[chosen[:, 2], chosen[:, 1], chosen[:, 0]].astype(float)
    return mr.to_ras(chosen), values


def _gauss_newton(model, maps, voxels, values, pose, centre, radius_mm) -> Fit:
    """Gauss-Newton with variable projection from ``pose``; see the module's docstring."""
    to_crop = np.linalg.inv(model.grid.ijk_to_ras)
    ct_to_crop = to_crop[:3, :3]
    weights = np.ones(len(values))
    damping = 1e-3
    for iteration in range(ITERATIONS + 1):
        points = transform_points(np.linalg.inv(pose), voxels)
        place = transform_points(to_crop, points)[:, ::-1].T
        tissues = np.stack([ndimage.map_coordinates(m, place, order=1, mode="nearest") for m in maps], axis=1)
        design = np.column_stack([np.ones(len(values)), tissues]).astype(float)
        root = np.sqrt(weights)
        basis, signals = _solve(design * root[:, None], values * root)
        residual = values - design @ signals
        scale = 1.4826 * np.median(np.abs(residual)) + 1e-9
        weights = np.minimum(1.0, HUBER * scale / np.maximum(np.abs(residual), 1e-12))
        slope = _slope(maps, signals[1:], place) @ ct_to_crop
        arm = points - centre
        jacobian = np.column_stack([np.cross(arm, slope) / radius_mm, slope])
        weighted = jacobian * root[:, None]
        weighted = weighted - basis @ (basis.T @ weighted)
        if iteration == ITERATIONS:
            break
        hessian = weighted.T @ weighted
        change = np.linalg.solve(
            hessian + damping * np.diag(np.diag(hessian)) + 1e-12 * np.eye(6), weighted.T @ (residual * root)
        )
        length = float(np.linalg.norm(change))
        change *= min(1.0, 1.5 / max(length, 1e-12))
        # The step moves CT points; the pose takes them to the MR, so it gets the inverse step first.
        pose = pose @ np.linalg.inv(step(change, centre, radius_mm))
        if length < 2e-3 and iteration >= 2:
            continue
    covariance = _covariance(weighted, residual * root, points)
    gain, explained = _gain(design, values, root)
    return Fit(orthonormal(pose), covariance, gain, explained, len(values))


def _solve(design: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Orthonormal basis of the columns and least-squares coefficients; tissues that do not occur get zero."""
    u, s, vt = np.linalg.svd(design, full_matrices=False)
    kept = s > 1e-4 * s[0]
    return u[:, kept], vt[kept].T @ ((u[:, kept].T @ values) / s[kept])


def _slope(maps: np.ndarray, signals: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Gradient (N, 3) of the expected signal along i, j, k of the crop, per voxel of the crop."""
    expected = np.tensordot(signals.astype(np.float32), maps, axes=1)
    columns = []
    for axis in (2, 1, 0):
        delta = np.zeros((3, 1))
        delta[axis] = 0.5
        ahead = ndimage.map_coordinates(expected, place + delta, order=1, mode="nearest")
        behind = ndimage.map_coordinates(expected, place - delta, order=1, mode="nearest")
        columns.append(ahead - behind)
    return np.stack(columns, axis=1).astype(float)


def _covariance(jacobian: np.ndarray, residual: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Covariance of the pose that holds when residuals are alike within blocks (sandwich estimator by clusters).

    K.-Y. Liang and S. L. Zeger, Biometrika 73:13, 1986.
    """
    _, cluster = np.unique(np.floor(points / BLOCK_MM).astype(int), axis=0, return_inverse=True)
    cluster = cluster.ravel()
    count = int(cluster.max()) + 1
    scores = np.stack([np.bincount(cluster, column * residual, count) for column in jacobian.T], axis=1)
    inverse = np.linalg.pinv(jacobian.T @ jacobian)
    return inverse @ (scores.T @ scores) @ inverse * count / max(count - 6, 1)


def _gain(design: np.ndarray, values: np.ndarray, root: np.ndarray) -> tuple[float, float]:
    """(part of the variance left by soft tissue that bone explains, part that all tissues explain)."""
    values = values * root
    soft = np.delete(design, (1 + MARROW, 1 + DENSE), axis=1) * root[:, None]
    left = []
    for columns in (root[:, None], soft, design * root[:, None]):
        basis, _ = _solve(columns, values)
        rest = values - basis @ (basis.T @ values)
        left.append(float(rest @ rest))
    return 1.0 - left[2] / max(left[1], 1e-12), 1.0 - left[2] / max(left[0], 1e-12)
