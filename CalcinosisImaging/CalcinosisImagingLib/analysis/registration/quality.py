"""Whether a bone's registration can be trusted, said before anybody relies on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..volume import transform_points
from .bone_model import BoneShape
from .joints import Joint
from .refine import Fit
from .result import BoneRegistration
from .settings import RegistrationSettings

FLOOR_MM = 0.08
"""No expected error below this: the CT's own surface is not better known."""
INFLATION = 1.3
"""Factor on the estimated standard deviation, calibrated on phantoms (see docs/registration.md)."""
UPPER95_FACTOR = 1.9
"""Ratio of the 95th percentile of a bone's displacement to its mean, calibrated likewise."""
PLACE = "its place"
"""Begins a doubt that goes on to the bones found from this one."""
LEAST_GAIN = 0.10
CHECK_GAIN = 0.25
FAINT_ERROR_MM = 1.5
CHECK_GAP_MM = 3.5
FAILED_GAP_MM = 9.0
CHECK_SHARED = 0.10
FAILED_SHARED = 0.35
LEAST_HAND = 0.15
CHECK_HAND_RIVAL = 0.75
CHECK_RIVAL = 0.93
FAR_REFINEMENT_MM = 4.0
GUESS_PER_MM = 0.35
"""Error of a guessed bone per millimetre from its joint: about 20 degrees of unknown bending."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the search and the refinement say about one bone.

    Attributes
    ----------
    pose: 4x4 from the search.
    fit: refinement, None where too little of the bone lies in the MR.
    coverage: part of the bone within the MR.
    score, rival: correlation of the best pose and of the best other pose.
    link: joint to the neighbour it was found from, None for the first bone.
    parent: registration of that neighbour.
    shared: part of the bone's surface that lies inside other bones.
    hand: doubt about the place of the whole hand, or ''.
    """

    shape: BoneShape
    pose: np.ndarray
    fit: Fit | None
    coverage: float
    score: float
    rival: float
    link: Joint | None
    parent: BoneRegistration | None
    shared: float = 0.0
    hand: str = ""


def doubt_of_hand(score: float, rival: float) -> str:
    """Doubt about where the hand as a whole was found: from the score of its place and of the best other place."""
    if score < LEAST_HAND:
        return "the hand was hardly found in the MR"
    if rival > CHECK_HAND_RIVAL * score:
        return "the hand would fit nearly as well in another place or with other fingers"
    return ""


def judge(evidence: Evidence, settings: RegistrationSettings) -> BoneRegistration:
    """The registration of one bone with its expected error, flag and reason."""
    fit = evidence.fit
    if fit is None:
        part = f"{100 * evidence.coverage:.0f} %"
        return _guess(evidence, f"outside the field of view of the MR ({part} of the bone is inside)")
    moved = _mean_shift(evidence.pose, fit.matrix, evidence.shape)
    spread = _mean_error(fit.covariance, evidence.shape)
    expected = float(np.hypot(FLOOR_MM, INFLATION * spread))
    gap = _gap_mm(fit.matrix, evidence)
    # The covariance knows only the optimum that was found; these say that it may be another one.
    if fit.gain < CHECK_GAIN:
        expected = max(expected, FAINT_ERROR_MM)
    if gap > CHECK_GAP_MM:
        expected = max(expected, 0.5 * gap)
    doubts, fatal = [evidence.hand] if evidence.hand else [], []
    if fit.gain < LEAST_GAIN:
        fatal.append("the MR shows no bone there")
    elif fit.gain < CHECK_GAIN:
        doubts.append("the bone is faint in the MR")
    if expected > settings.failed_error_mm:
        fatal.append(f"expected error {expected:.1f} mm")
    elif expected > settings.check_error_mm:
        doubts.append(f"expected error {expected:.1f} mm")
    if gap > FAILED_GAP_MM:
        fatal.append(f"it parts {gap:.1f} mm from {evidence.link.parent}")
    elif gap > CHECK_GAP_MM:
        doubts.append(f"{PLACE} parts {gap:.1f} mm from {evidence.link.parent}")
    if evidence.shared > FAILED_SHARED:
        fatal.append("it lies inside another bone")
    elif evidence.shared > CHECK_SHARED:
        doubts.append(f"{PLACE} overlaps another bone")
    if evidence.parent is not None and evidence.parent.flag == "check" and PLACE in evidence.parent.reason:
        doubts.append(f"{PLACE} was found from {evidence.link.parent}, which is doubtful")
    if moved > FAR_REFINEMENT_MM:
        doubts.append(f"the refinement moved it by {moved:.1f} mm")
    if evidence.rival > CHECK_RIVAL * evidence.score:
        doubts.append("another place fits nearly as well")
    if evidence.coverage < 0.8:
        doubts.append(f"only {100 * evidence.coverage:.0f} % of it is within the MR")
    if fatal:
        return _guess(evidence, "; ".join(fatal))
    flag = "check" if doubts else "ok"
    return BoneRegistration(fit.matrix, expected, UPPER95_FACTOR * expected, flag, "; ".join(doubts))


def _guess(evidence: Evidence, reason: str) -> BoneRegistration:
    """A failed bone moves with its neighbour; how far off that may be grows with the distance from the joint."""
    shape = evidence.shape
    if evidence.parent is None:
        expected = 2.0 * shape.radius_mm
        return BoneRegistration(evidence.pose, expected, 2.0 * expected, "failed", reason)
    arm = float(np.linalg.norm(shape.surface - evidence.link.centre, axis=1).mean())
    expected = evidence.parent.expected_error_mm + GUESS_PER_MM * arm
    return BoneRegistration(evidence.parent.matrix_ct_to_mr_ras, expected, 2.5 * expected, "failed", reason)


def _mean_error(covariance: np.ndarray, shape: BoneShape) -> float:
    """Root mean square displacement of the bone's surface for the covariance of its pose."""
    arm = shape.surface - shape.centre
    # Displacement = turn x arm / radius + shift, linear in the six parameters.
    columns = [np.cross(np.eye(3)[axis], arm) / shape.radius_mm for axis in range(3)]
    columns += [np.broadcast_to(np.eye(3)[axis], arm.shape) for axis in range(3)]
    jacobian = np.stack(columns, axis=2)
    return float(np.sqrt(np.einsum("nai,ij,naj->n", jacobian, covariance, jacobian).mean()))


def _mean_shift(a: np.ndarray, b: np.ndarray, shape: BoneShape) -> float:
    gap = transform_points(a, shape.surface) - transform_points(b, shape.surface)
    return float(np.linalg.norm(gap, axis=1).mean())


def _gap_mm(matrix: np.ndarray, evidence: Evidence) -> float:
    """How far the places that touch in the CT have parted in the MR (joint centre carried by each bone)."""
    if evidence.link is None or evidence.parent is None or evidence.parent.flag == "failed":
        return 0.0
    centre = evidence.link.centre
    return float(
        np.linalg.norm(transform_points(matrix, centre) - transform_points(evidence.parent.matrix_ct_to_mr_ras, centre))
    )
