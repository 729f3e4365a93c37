"""Least-squares fit of a rigid body's shadow to films: Gauss-Newton with damping, robust weights and a prior.

Film and shadow are compared after the same band-pass. Gain and offset of the film are eliminated in each step
(variable projection), so the result does not depend on exposure or look-up table. Derivatives are differences of
shadows. The prior ties the body to its neighbours and keeps what one film cannot see (depth) where anatomy puts it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from ..volume import transform_points
from .cloud import Cloud, shadow, window_of
from .levels import Level

FOOTPRINT_MM = 2.5
"""The fit looks at the shadow and this far around it, in the plane of the hand."""
TUKEY = 4.0
"""Residuals beyond this many robust standard deviations count for nothing (a deposit, a ring, another bone)."""
STEP_MM = 0.15
"""Step of the numerical derivatives; for rotations, at the body's rim."""


@dataclass(frozen=True, eq=False)
class Target:
    """One film in which to look: level, rigid map rig -> view frame, and what other bodies show there (or None)."""

    level: Level
    rig_to_view: np.ndarray
    others: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Tie:
    """Points of the body (RAS, (N, 3)) that belong near places in the rig frame (N, 3); deviations in mm (3,)."""

    points_ras: np.ndarray
    places_rig: np.ndarray
    sigma_mm: np.ndarray


@dataclass(frozen=True, eq=False)
class Prior:
    """What is known without the film.

    Attributes
    ----------
    pose: 4x4, RAS -> rig; where the body is expected.
    sigma_mm: standard deviations of its centre's place along the axes of the rig frame (3,).
    sigma_rad: of its rotation about these axes (3,).
    ties: joints.
    """

    pose: np.ndarray
    sigma_mm: np.ndarray
    sigma_rad: np.ndarray
    ties: tuple[Tie, ...] = ()


@dataclass(frozen=True, eq=False)
class Fit:
    """Result of a fit.

    Attributes
    ----------
    pose: 4x4, RAS of the CT -> rig frame.
    correlation: per film, correlation of film and shadow in the footprint (nan where the film does not see it).
    gain: per film, film units per unit of the CT's line integral.
    covariance: 6x6 of (rotation vector about the body's centre, its translation) in the rig frame, rad and mm.
    seen: per film, fraction of the shadow that lies in the exposed field.
    """

    pose: np.ndarray
    correlation: tuple[float, ...]
    gain: tuple[float, ...]
    covariance: np.ndarray
    seen: tuple[float, ...]

    @property
    def score(self) -> float:
        """Mean correlation over the films that see the body; -1 if none does."""
        seen = [c for c in self.correlation if np.isfinite(c)]
        return float(np.mean(seen)) if seen else -1.0


def moved_about(pose: np.ndarray, centre_rig: np.ndarray, change: np.ndarray) -> np.ndarray:
    """``pose`` followed by a rotation (vector, rad) about a point of the rig frame and a translation (mm)."""
    step = np.eye(4)
    step[:3, :3] = Rotation.from_rotvec(change[:3]).as_matrix()
    step[:3, 3] = centre_rig + change[3:] - step[:3, :3] @ centre_rig
    return step @ pose


class _Look:
    """What one film shows in the body's neighbourhood, and the body's shadow there."""

    def __init__(self, cloud: Cloud, pose: np.ndarray, target: Target) -> None:
        self.cloud, self.target, level = cloud, target, target.level
        self.pixel_mm = level.pixel_mm
        self.window = window_of(cloud, target.rig_to_view @ pose, level.view, level.factor, level.margin)
        film, own = self.window.inside(level.band.shape)
        shape = (self.window.rows, self.window.columns)
        self.film = np.zeros(shape)
        self.film[own] = level.band[film]
        if target.others is not None:
            self.film[own] -= target.others[film]
        valid = np.zeros(shape, bool)
        valid[own] = level.valid[film]
        raw = self.raw(pose)
        support = raw > 0.02 * raw.max() if raw.any() else raw > 0
        self.seen = float(valid[support].mean()) if support.any() else 0.0
        reach = max(1, round(FOOTPRINT_MM / level.pixel_mm))
        near = ndimage.distance_transform_cdt(~support, metric="chessboard") <= reach if support.any() else support
        self.mask = near & valid
        self.values = self.film[self.mask]

    def raw(self, pose: np.ndarray) -> np.ndarray:
        level = self.target.level
        return shadow(self.cloud, self.target.rig_to_view @ pose, level.view, level.factor, self.window)

    def model(self, pose: np.ndarray) -> np.ndarray:
        """Filtered shadow in the footprint (N,)."""
        return self.target.level.filtered(self.raw(pose))[self.mask]


def correlate(cloud: Cloud, pose: np.ndarray, targets: Sequence[Target]) -> float:
    """Mean over films of the correlation between film and shadow within the footprint, less where it is cut off."""
    scores = []
    for target in targets:
        look = _Look(cloud, pose, target)
        if look.mask.sum() >= 20:
            scores.append(_correlation(look.values, look.model(pose)) * np.sqrt(look.seen))
    return float(np.mean(scores)) if scores else -1.0


def _correlation(a: np.ndarray, b: np.ndarray, weight: np.ndarray | None = None) -> float:
    weight = np.ones(len(a)) if weight is None else weight
    total = weight.sum()
    a = a - (weight @ a) / total
    b = b - (weight @ b) / total
    norm = np.sqrt((weight @ a**2) * (weight @ b**2))
    return float((weight * a) @ b / norm) if norm > 0 else 0.0


def fit_body(
    cloud: Cloud,
    pose: np.ndarray,
    targets: Sequence[Target],
    prior: Prior,
    iterations: int = 6,
    gain: tuple[float, float] = (0.0, np.inf),
) -> Fit:
    """Move a rigid body so that its shadow explains the films.

    cloud: excess attenuation of the body. pose: start, RAS -> rig. gain: limits of the film's gain.
    """
    centre_ras = cloud.centre_ras
    rim = 0.5 * cloud.extent_mm
    steps = np.array([STEP_MM / rim] * 3 + [STEP_MM] * 3)
    damping, normal = 1e-3, np.eye(6)
    looks = [_Look(cloud, pose, target) for target in targets]
    looks = [look for look in looks if look.mask.sum() >= 20]
    for _ in range(iterations if looks else 0):
        centre = transform_points(pose, centre_ras)
        models = [look.model(pose) for look in looks]
        normal, gradient = _prior_terms(prior, pose, centre_ras, centre)
        systems = []
        for look, model in zip(looks, models, strict=True):
            system = _linear_system(look, model, gain)
            systems.append(system)
            columns = [
                (look.model(moved_about(pose, centre, step * unit)) - model) / step
                for step, unit in zip(steps, np.eye(6), strict=True)
            ]
            jacobian = system.project(system.gain * np.stack(columns, axis=1))
            normal += jacobian.T @ (system.precision[:, None] * jacobian)
            gradient += jacobian.T @ (system.precision * system.residual)
        before = sum(s.cost for s in systems) + prior_cost(prior, pose, centre_ras)
        for _ in range(5):
            change = np.linalg.solve(normal + damping * np.diag(np.diag(normal)), gradient)
            candidate = moved_about(pose, centre, change)
            after = prior_cost(prior, candidate, centre_ras)
            after += sum(s.cost_of(look.model(candidate), gain) for s, look in zip(systems, looks, strict=True))
            if after < before:
                break
            damping *= 8
        if after >= before:
            break
        pose, damping = candidate, damping / 4
        if np.abs(change[:3]).max() * rim < 0.005 and np.abs(change[3:]).max() < 0.005:
            break
    return _result(cloud, pose, targets, normal, gain)


def _result(
    cloud: Cloud, pose: np.ndarray, targets: Sequence[Target], normal: np.ndarray, limits: tuple[float, float]
) -> Fit:
    correlations, gains, seen = [], [], []
    for target in targets:
        look = _Look(cloud, pose, target)
        seen.append(look.seen)
        if look.mask.sum() < 20:
            correlations.append(float("nan"))
            gains.append(float("nan"))
            continue
        system = _linear_system(look, look.model(pose), limits)
        correlations.append(_correlation(look.values, look.model(pose)))
        gains.append(system.gain)
    return Fit(pose, tuple(correlations), tuple(gains), np.linalg.inv(normal), tuple(seen))


@dataclass(frozen=True, eq=False)
class _System:
    """The film in one footprint against one shadow, gain and offset fitted."""

    values: np.ndarray
    residual: np.ndarray
    precision: np.ndarray
    basis: np.ndarray
    gain: float

    @property
    def cost(self) -> float:
        return float(self.precision @ self.residual**2)

    def project(self, columns: np.ndarray) -> np.ndarray:
        """Take out what gain and offset can explain (weighted)."""
        weighted = self.basis * self.precision[:, None]
        return columns - self.basis @ np.linalg.lstsq(weighted.T @ self.basis, weighted.T @ columns, rcond=None)[0]

    def cost_of(self, model: np.ndarray, limits: tuple[float, float]) -> float:
        """Cost of another shadow under the same weights."""
        gain, offset = _gain(self.values, model, self.precision, limits)
        return float(self.precision @ (self.values - gain * model - offset) ** 2)


def _linear_system(look: _Look, model: np.ndarray, limits: tuple[float, float]) -> _System:
    """Robust weights, gain and offset of one footprint; noise from the residual, correlated over the fine filter."""
    weight = np.ones(len(model))
    for _ in range(3):
        gain, offset = _gain(look.values, model, weight, limits)
        residual = look.values - gain * model - offset
        sigma = 1.4826 * float(np.median(np.abs(residual))) + 1e-9
        weight = np.maximum(1 - (residual / (TUKEY * sigma)) ** 2, 0) ** 2
    # Neighbouring pixels repeat each other: one independent sample per correlation area of about 1 mm².
    correlated_pixels = max(1.0, CORRELATION_MM2 / look.pixel_mm**2)
    precision = weight / (sigma**2 * correlated_pixels)
    basis = np.stack([model, np.ones(len(model))], axis=1)
    return _System(look.values, residual, precision, basis, gain)


CORRELATION_MM2 = 4.0
"""Area over which residuals (neighbouring bones, soft tissue) are alike."""


def _gain(
    values: np.ndarray, model: np.ndarray, weight: np.ndarray, limits: tuple[float, float]
) -> tuple[float, float]:
    """Weighted least-squares gain (within limits) and offset."""
    total = weight.sum() + 1e-12
    mean_m, mean_v = (weight @ model) / total, (weight @ values) / total
    centred = model - mean_m
    gain = float((weight * centred) @ (values - mean_v) / ((weight * centred) @ centred + 1e-12))
    gain = float(np.clip(gain, *limits))
    return gain, float(mean_v - gain * mean_m)


def _prior_residuals(prior: Prior, pose: np.ndarray, centre_ras: np.ndarray) -> np.ndarray:
    """Deviations from the prior in standard deviations."""
    turn = Rotation.from_matrix(pose[:3, :3] @ prior.pose[:3, :3].T).as_rotvec()
    shift = transform_points(pose, centre_ras) - transform_points(prior.pose, centre_ras)
    parts = [turn / prior.sigma_rad, shift / prior.sigma_mm]
    parts += [((transform_points(pose, t.points_ras) - t.places_rig) / t.sigma_mm).ravel() for t in prior.ties]
    return np.concatenate(parts)


def prior_cost(prior: Prior, pose: np.ndarray, centre_ras: np.ndarray) -> float:
    """Sum of squared deviations from the prior, in standard deviations; ``centre_ras``: the body's middle."""
    return float((_prior_residuals(prior, pose, centre_ras) ** 2).sum())


def _prior_terms(
    prior: Prior, pose: np.ndarray, centre_ras: np.ndarray, centre: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Normal matrix and right-hand side of the prior for a change of the pose."""
    at = _prior_residuals(prior, pose, centre_ras)
    step = 1e-4
    jacobian = np.stack(
        [
            (_prior_residuals(prior, moved_about(pose, centre, step * unit), centre_ras) - at) / step
            for unit in np.eye(6)
        ],
        axis=1,
    )
    return jacobian.T @ jacobian, -jacobian.T @ at
