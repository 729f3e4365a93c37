"""Every bone fitted in turn while the shadows of all others are taken out of the film, coarse to fine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..progress import Progress, report, silent
from ..volume import transform_points
from .articulate import add_shadow, scene_of
from .fit import Fit, Prior, Target, Tie, fit_body
from .levels import Level
from .rig import Rig
from .skeleton import Skeleton


@dataclass(frozen=True)
class Freedom:
    """How far a bone may be from where it started (standard deviations) beside what its joints allow.

    Attributes
    ----------
    across_mm, depth_mm: across and along the rays of a single film; with several films ``across_mm`` holds for both.
    turn_degrees, tilt_degrees: within and out of the film's plane; likewise.
    joint_mm: how far the two sides of a joint may part.
    """

    across_mm: float = 6.0
    depth_mm: float = 2.0
    turn_degrees: float = 20.0
    tilt_degrees: float = 8.0
    joint_mm: float = 1.0

    def prior(self, pose: np.ndarray, views: int, ties: tuple[Tie, ...]) -> Prior:
        """The prior around a pose (RAS -> rig)."""
        if views > 1:
            return Prior(pose, np.full(3, self.across_mm), np.radians(np.full(3, self.turn_degrees)), ties)
        along = np.array([self.across_mm, self.across_mm, self.depth_mm])
        turn = np.radians([self.tilt_degrees, self.tilt_degrees, self.turn_degrees])
        return Prior(pose, along, turn, ties)


def sweep(
    bones: Skeleton,
    poses: dict[str, np.ndarray],
    gains: dict[str, tuple[float, ...]],
    reference: dict[str, np.ndarray],
    rig: Rig,
    levels: Sequence[Level],
    freedom: Freedom,
    progress: Progress = silent,
) -> dict[str, Fit]:
    """Fit each bone once; updates ``poses`` (RAS -> rig) and ``gains`` (per film) in place."""
    usual = usual_gains(gains, len(levels))
    totals = [
        scene_of(bones, poses, {n: gains[n][i] if n in gains else usual[i] for n in poses}, level, matrix)
        for i, (level, matrix) in enumerate(zip(levels, rig.rig_to_view, strict=True))
    ]
    fits = {}
    names = [n for n in bones.names if n in poses]
    for index, name in enumerate(names):
        report(progress, index / len(names), f"fitting {name}")
        gain = gains.get(name, usual)
        _show(totals, bones, name, poses[name], rig, levels, [-g for g in gain])
        targets = [
            Target(level, matrix, total) for level, matrix, total in zip(levels, rig.rig_to_view, totals, strict=True)
        ]
        prior = freedom.prior(reference[name], len(levels), _ties(bones, name, poses, freedom.joint_mm))
        limits = (0.6 * min(usual), 1.6 * max(usual))
        cloud = bones.cloud(name, levels[0].pixel_mm)
        fit = fit_body(cloud, poses[name], targets, prior, gain=limits)
        fits[name] = fit
        poses[name] = fit.pose
        gains[name] = tuple(g if np.isfinite(g) else u for g, u in zip(fit.gain, usual, strict=True))
        _show(totals, bones, name, poses[name], rig, levels, gains[name])
    return fits


def usual_gains(gains: dict[str, tuple[float, ...]], views: int) -> tuple[float, ...]:
    """Median over the bones per film; 1 where none is known."""
    if not gains:
        return (1.0,) * views
    return tuple(float(x) for x in np.median(np.array(list(gains.values())), axis=0))


def _show(
    totals: Sequence[np.ndarray],
    bones: Skeleton,
    name: str,
    pose: np.ndarray,
    rig: Rig,
    levels: Sequence[Level],
    gain: Sequence[float],
) -> None:
    """Add a bone's shadow to each film's total."""
    for total, matrix, level, g in zip(totals, rig.rig_to_view, levels, gain, strict=True):
        add_shadow(total, bones, name, matrix @ pose, level, g)


def _ties(bones: Skeleton, name: str, poses: dict[str, np.ndarray], sigma_mm: float) -> tuple[Tie, ...]:
    """Joints of a bone with its neighbours where these are now."""
    return tuple(
        Tie(joint.point_ras[None], transform_points(poses[other], joint.point_ras)[None], np.full(3, sigma_mm))
        for joint, other in bones.joints_of(name)
        if other in poses
    )
