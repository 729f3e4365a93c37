"""What anatomy says of a pose: joints hold together, and two bones are not in one place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..segmentation import Segmentation
from ..volume import Volume, transform_points
from .bone_model import BoneShape
from .result import BoneRegistration

PER_MM2 = 0.02
"""Loss of score per square millimetre by which a joint parts beyond its slack: 5 mm outweigh a good match."""
JOINT_SLACK_MM = 1.5
CORE_SLACK_MM = 2.5
PER_OVERLAP = 1.0
"""Loss of score for a bone that lies wholly inside others."""


@dataclass(frozen=True, eq=False)
class Anchor:
    """A place of the bone that is about known.

    Attributes
    ----------
    ct_ras: (3,) a point of the CT, carried by the bone.
    mr_ras: (3,) where a neighbour carries it.
    slack_mm: how far off it may be.
    """

    ct_ras: np.ndarray
    mr_ras: np.ndarray
    slack_mm: float


@dataclass(frozen=True, eq=False)
class HeldScore:
    """A score lowered where joints part.

    Attributes
    ----------
    score: `TemplateScore` or `ExplainedScore`.
    anchors: see `Anchor`.
    """

    score: object
    anchors: tuple[Anchor, ...]

    def __call__(self, mr: Volume, poses: np.ndarray) -> np.ndarray:
        """Score (P,) of poses (P, 4, 4) CT -> MR."""
        return self.score(mr, poses) - self.strain(poses)

    def strain(self, poses: np.ndarray) -> np.ndarray:
        """Loss (P,) by parted joints."""
        if not self.anchors:
            return np.zeros(len(poses))
        loss = np.zeros(len(poses))
        for anchor in self.anchors:
            gap = np.linalg.norm(poses[:, :3, :3] @ anchor.ct_ras + poses[:, :3, 3] - anchor.mr_ras, axis=1)
            loss += PER_MM2 * np.maximum(gap - anchor.slack_mm, 0.0) ** 2
        return loss / len(self.anchors)


def overlap(
    poses: np.ndarray, shape: BoneShape, found: dict[str, BoneRegistration], shapes: dict[str, BoneShape],
    bones: Segmentation,
) -> np.ndarray:  # fmt: skip
    """Part (P,) of a bone's surface that lies inside bones already placed."""
    result = np.zeros(len(poses))
    for name, bone in found.items():
        if bone.flag == "failed" or name == shape.name:
            continue
        other = shapes[name]
        matrix = bone.matrix_ct_to_mr_ras
        centre = transform_points(matrix, other.centre)
        for index, pose in enumerate(poses):
            if np.linalg.norm(transform_points(pose, shape.centre) - centre) > 2.5 * (
                shape.radius_mm + other.radius_mm
            ):
                continue
            points = transform_points(np.linalg.inv(matrix) @ pose, shape.surface)
            ijk = np.round(bones.volume.to_ijk(points)).astype(int)
            inside = np.all((ijk >= 0) & (ijk < bones.volume.size), axis=1)
            i, j, k = ijk[inside].T
            result[index] += np.count_nonzero(bones.labels[k, j, i] == bones.by_id(name).label) / len(points)
    return result
