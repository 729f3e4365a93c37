"""The first pose of bones that do not make a hand (or of a hand in several films): any orientation, or near a start."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from ..progress import Progress
from ..volume import transform_points
from .cloud import Cloud
from .fit import Fit, Prior, Target, fit_body, prior_cost
from .rig import Rig
from .search import Eye, Guess, even_rotations, guesses
from .settings import LocateSettings, State
from .skeleton import Skeleton


def start_of_bodies(bones: Skeleton, rig: Rig, settings: LocateSettings, progress: Progress) -> State:
    """One pose for all bones as they lie in the CT, from any orientation."""
    names = bones.names
    if rig.start is not None:
        found = around_start(bones, names, rig, settings)
    else:
        found = _any_guesses(bones, rig, settings, progress)
    one = len(rig.films) == 1
    sigma = Prior(np.eye(4), np.array([40.0, 40.0, 60.0 if one else 40.0]), np.radians([40.0] * 3))
    if rig.start is not None:
        sigma = START_SIGMA
    for pixel_mm, coarse_mm, keep in ((2.0, 8.0, 6), (settings.coarse_mm, 6.0, 3), (settings.middle_mm, 4.0, 1)):
        fits = []
        for guess in found:
            levels = rig.levels(pixel_mm, coarse_mm, transform_points(guess.pose, bones.body(names, 3.0).centre_ras))
            body: Cloud = bones.body(names, levels[0].pixel_mm)
            targets = [Target(level, matrix) for level, matrix in zip(levels, rig.rig_to_view, strict=True)]
            expected = guess.pose if rig.start is None else rig.start
            prior = Prior(expected, sigma.sigma_mm, sigma.sigma_rad)
            fits.append(fit_body(body, guess.pose, targets, prior, iterations=15))
        fits.sort(key=lambda fit: -belief(fit, rig, body))
        found = [Guess(fit.pose, fit.score) for fit in fits[:keep]]
    best = fits[0]
    return State(dict.fromkeys(names, best.pose), dict.fromkeys(names, best.gain), best.score)


START_TURNS = (0.0, 8.0, -8.0)
START_REACH_MM = 15.0
START_SIGMA = Prior(np.eye(4), np.array([8.0, 8.0, 15.0]), np.radians([8.0, 8.0, 8.0]))
"""How far a start that was given may be off: degrees tried about each axis, distance, and standard deviations."""


def around_start(bones: Skeleton, names: list[str], rig: Rig, settings: LocateSettings) -> list[Guess]:
    """The start that was given, and the best places near it: it need not be good enough for small steps."""
    body = bones.body(names, settings.search_mm)
    centre = transform_points(rig.start, body.centre_ras)
    levels = rig.levels(0.7 * settings.search_mm, 8.0, centre)
    eyes = [Eye(level, matrix) for level, matrix in zip(levels, rig.rig_to_view, strict=True)]
    vectors = np.radians([(x, y, z) for x in START_TURNS for y in START_TURNS for z in START_TURNS])
    turns = Rotation.from_rotvec(vectors).as_matrix()
    depth = float(transform_points(rig.rig_to_view[0], centre)[2])
    depths = [depth] if len(eyes) == 1 else list(depth + np.arange(-START_REACH_MM, START_REACH_MM + 1, 4.0))
    found = guesses(body, turns @ rig.start[:3, :3], eyes, depths, 24)
    reached = [g for g in found if np.linalg.norm(transform_points(g.pose, body.centre_ras) - centre) <= START_REACH_MM]
    return [Guess(rig.start, 0.0), *reached[:4]]


UNLIKELY = 0.002
"""Correlation that a place must gain for each squared standard deviation from a start that was given."""


def belief(fit: Fit, rig: Rig, body: Cloud) -> float:
    """Correlation, less what a departure from the given start costs."""
    if rig.start is None:
        return fit.score
    prior = Prior(rig.start, START_SIGMA.sigma_mm, START_SIGMA.sigma_rad)
    return fit.score - UNLIKELY * prior_cost(prior, fit.pose, body.centre_ras)


def _any_guesses(bones: Skeleton, rig: Rig, settings: LocateSettings, progress: Progress) -> list[Guess]:
    """All orientations at all plausible distances."""
    view = rig.films[0].view
    if len(rig.films) == 1:
        scales = (view.magnification,) if view.magnification else settings.magnifications
        depths = [view.source_detector_mm / m for m in scales]
    else:
        depths = list(_common_depths(rig))
    centre = np.array([0.0, 0.0, float(np.mean(depths)), 1.0])
    centre_rig = (np.linalg.inv(rig.rig_to_view[0]) @ centre)[:3]
    levels = rig.levels(settings.search_mm, 12.0, centre_rig)
    eyes = [Eye(level, matrix) for level, matrix in zip(levels, rig.rig_to_view, strict=True)]
    body = bones.body(bones.names, levels[0].pixel_mm)
    return guesses(body, even_rotations(settings.orientations), eyes, depths, 24, progress)


def _common_depths(rig: Rig) -> np.ndarray:
    """Distances from the first source, 4 mm apart, at which the films' axes come closest."""
    to_rig = [np.linalg.inv(m) for m in rig.rig_to_view]
    sources = np.array([m[:3, 3] for m in to_rig])
    axes = np.array([m[:3, 2] for m in to_rig])
    # Point nearest to all axes (least squares).
    projectors = np.eye(3) - axes[:, :, None] * axes[:, None, :]
    point = np.linalg.solve(projectors.sum(0), np.einsum("nij,nj->i", projectors, sources))
    middle = float((rig.rig_to_view[0][:3, :3] @ point + rig.rig_to_view[0][:3, 3])[2])
    return middle + np.arange(-120.0, 121.0, 4.0)
