"""How the bones are looked for, and what is known of them on the way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LocateSettings:
    """How the bones are looked for.

    Attributes
    ----------
    palm_gap_mm: soft tissue and cover between the palmar bones and the detector, for films with the palm on it.
    palm_depth_sd_mm: how well that is known.
    magnifications: to try where single bones are looked for in one film of unknown distance.
    orientations: number of orientations to try for single bones.
    search_mm, coarse_mm, middle_mm, fine_mm: pixel sizes of the stages, in the plane of the hand.
    """

    palm_gap_mm: float = 8.0
    palm_depth_sd_mm: float = 5.0
    magnifications: tuple[float, ...] = (1.03, 1.15, 1.3, 1.5, 1.7)
    orientations: int = 1500
    search_mm: float = 3.0
    coarse_mm: float = 1.2
    middle_mm: float = 0.7
    fine_mm: float = 0.4


@dataclass(eq=False)
class State:
    """Where all bones are so far: poses (RAS -> rig), the film's gain at each, and how well it all fits."""

    poses: dict[str, np.ndarray]
    gains: dict[str, tuple[float, ...]]
    score: float = -1.0
