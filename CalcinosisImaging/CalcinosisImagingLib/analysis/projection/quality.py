"""How far a located bone may be off, and whether to believe it."""

from __future__ import annotations

import numpy as np

from ..volume import transform_points
from .fit import Fit
from .pose import BonePose
from .rig import Rig

NOISE_FACTOR, MODEL_MM = 1.6, 0.3
"""The fit's covariance knows only the noise that is left over. What it does not know (soft tissue, joints, beam
hardening, the CT's voxels) makes errors larger by this factor and adds this much, as seen on digital hands of several
seeds and between the films of a real wrist.
"""
LOW_CORRELATION, LOST_CORRELATION = 0.6, 0.3
LEAST_SEEN = 0.5
CHECK_MM = 1.5


def bone_pose(fit: Fit, points_ras: np.ndarray, rig: Rig, which: int) -> BonePose:
    """Pose of a bone (of points (N, 3)) in one film of the rig with its expected error and a judgement."""
    matrix = rig.rig_to_view[which]
    across, along = _errors_mm(points_ras, fit, matrix)
    if len(rig.films) > 1:
        across = float(np.hypot(across, along))
    across = float(np.hypot(NOISE_FACTOR * across, MODEL_MM))
    # Mean and 95th percentile of the length of a normal deviation in two directions of equal size.
    expected, upper = 0.886 * across, 1.73 * across
    flag, reason = _judged(fit.correlation[which], fit.seen[which], upper)
    correlation = fit.correlation[which]
    return BonePose(
        ct_to_view=matrix @ fit.pose,
        expected_error_mm=expected,
        upper95_mm=upper,
        flag=flag,
        reason=reason,
        depth_error_mm=along,
        correlation=correlation if np.isfinite(correlation) else 0.0,
    )


def _judged(correlation: float, seen: float, upper95_mm: float) -> tuple[str, str]:
    if not np.isfinite(correlation) or seen < 0.1:
        return "failed", "the bone lies outside the exposed field"
    if correlation < LOST_CORRELATION:
        return "failed", f"film and CT do not agree here (correlation {correlation:.2f})"
    if seen < LEAST_SEEN:
        return "check", f"only {100 * seen:.0f} % of the bone is in the exposed field"
    if correlation < LOW_CORRELATION:
        return "check", f"film and CT agree only in part (correlation {correlation:.2f})"
    if upper95_mm > CHECK_MM:
        return "check", f"its place is known only to {upper95_mm:.1f} mm"
    return "ok", ""


def _errors_mm(points_ras: np.ndarray, fit: Fit, rig_to_view: np.ndarray) -> tuple[float, float]:
    """Root mean square deviation over the bone, across the ray and along it, from the fit's covariance."""
    points = transform_points(rig_to_view @ fit.pose, points_ras[:: max(1, len(points_ras) // 200)])
    centre = transform_points(rig_to_view @ fit.pose, (points_ras.min(axis=0) + points_ras.max(axis=0)) / 2)
    turn = np.kron(np.eye(2), rig_to_view[:3, :3])
    covariance = turn @ fit.covariance @ turn.T
    arm = points - centre
    motion = np.zeros((len(points), 3, 6))
    motion[:, 0, 1], motion[:, 0, 2] = arm[:, 2], -arm[:, 1]
    motion[:, 1, 0], motion[:, 1, 2] = -arm[:, 2], arm[:, 0]
    motion[:, 2, 0], motion[:, 2, 1] = arm[:, 1], -arm[:, 0]
    motion[:, :, 3:] = np.eye(3)
    # Across the ray: what depth adds to the shadow's place is taken along.
    across = motion[:, :2] - (points[:, :2] / points[:, 2:])[:, :, None] * motion[:, 2:]
    variance = np.einsum("nij,jk,nik->ni", across, covariance, across).sum(axis=1)
    along = np.einsum("nj,jk,nk->n", motion[:, 2], covariance, motion[:, 2])
    return float(np.sqrt(variance.mean())), float(np.sqrt(along.mean()))
