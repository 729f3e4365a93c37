"""The result of locating a CT's bones in films, and what follows from it for any point of the CT."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from ..view import View, view_to_json
from ..volume import transform_points

NEIGHBOURS = 3
"""Soft tissue follows the nearest bones of up to this many."""
OWN_MM = 1.5
"""Within this distance of a bone's surface a point belongs to that bone alone."""


@dataclass(frozen=True, eq=False)
class BonePose:
    """Where one bone is in one film.

    Attributes
    ----------
    ct_to_view: 4x4, RAS of the CT -> view frame.
    expected_error_mm: expected distance, in the plane of the hand, between where a point of the bone is shown and
        where it is. Depth is not in it where one film alone was there.
    upper95_mm: with a probability of 95 % that distance is below this.
    flag: "ok", "check" or "failed".
    reason: why it is not "ok"; empty if it is.
    depth_error_mm: expected error along the ray.
    correlation: between film and shadow within the shadow's neighbourhood.
    """

    ct_to_view: np.ndarray
    expected_error_mm: float
    upper95_mm: float
    flag: str
    reason: str
    depth_error_mm: float
    correlation: float

    def to_json(self) -> dict[str, Any]:
        """The bone's entry in POSE.json."""
        return {
            "ct_to_view": np.asarray(self.ct_to_view).tolist(),
            "expected_error_mm": self.expected_error_mm,
            "upper95_mm": self.upper95_mm,
            "flag": self.flag,
            "reason": self.reason,
            "depth_error_mm": self.depth_error_mm,
            "correlation": self.correlation,
        }


@dataclass(frozen=True, eq=False)
class Pose:
    """Where the CT's bones are in each film.

    Attributes
    ----------
    views: the films' views with ``ct_to_view`` of the hand as a whole (the palm).
    bones: view name -> bone -> its pose.
    surfaces: bone -> points of it in the CT (RAS, (N, 3)), for `project_points`.
    """

    views: tuple[View, ...]
    bones: Mapping[str, Mapping[str, BonePose]]
    surfaces: Mapping[str, np.ndarray]

    def project_points(self, ct_ras: np.ndarray) -> dict[str, np.ndarray]:
        """RAS points of the CT (N, 3) -> view name -> (u, v) in film pixels (N, 2).

        A point in or at a bone moves with it; soft tissue moves with the bones around it, the nearer the more
        (weights 1 / distance², which join neighbouring bones continuously).
        """
        points = np.atleast_2d(np.asarray(ct_ras, float))
        result = {}
        for view in self.views:
            poses = self.bones[view.name]
            names = [name for name in self.surfaces if name in poses]
            if not names:
                result[view.name] = view.project(points)
                continue
            weights = self._weights(points, names)
            moved = np.stack([transform_points(poses[name].ct_to_view, points) for name in names])
            result[view.name] = view.project(np.einsum("bn,bnc->nc", weights, moved), np.eye(4))
        return result

    def _weights(self, points: np.ndarray, names: list[str]) -> np.ndarray:
        """Share of each named bone in the motion of each point (bones, N)."""
        distance = np.stack([cKDTree(self.surfaces[name]).query(points)[0] for name in names])
        rank = np.argsort(np.argsort(distance, axis=0, kind="stable"), axis=0, kind="stable")
        beyond = np.maximum(distance - OWN_MM, 1e-6)
        weight = np.where(rank < NEIGHBOURS, beyond**-2.0, 0)
        return weight / weight.sum(axis=0)

    def to_json(self) -> list[dict[str, Any]]:
        """The content of POSE.json: the views, each with its ``bones``."""
        return [
            view_to_json(view) | {"bones": {name: pose.to_json() for name, pose in self.bones[view.name].items()}}
            for view in self.views
        ]
