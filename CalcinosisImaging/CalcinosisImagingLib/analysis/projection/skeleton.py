"""The CT's bones prepared for locating: crops, points, joints, the hand's frame, and the hand laid flat."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from .. import anatomy
from ..errors import InputError
from ..segmentation import Segmentation
from ..volume import Volume, transform_points
from .cloud import BoneCrop, Cloud, bone_crops, join
from .frame import HandFrame, Joint, hand_frame, joints, long_axis

SMALLEST_MM3 = 30.0
"""Segments smaller than this are not located on their own."""
POINTS_PITCH_MM = 1.0
PALM = (*anatomy.CARPALS, *anatomy.METACARPALS[1:])


@dataclass(frozen=True, eq=False)
class Skeleton:
    """Bones by segment ID.

    Attributes
    ----------
    crops: excess attenuation of each bone.
    points: voxels of each bone about 1 mm apart, RAS mm (N, 3).
    joints: where bones meet.
    frame: directions of the hand, None if there are not enough bones to know.
    """

    crops: dict[str, BoneCrop]
    points: dict[str, np.ndarray]
    joints: list[Joint]
    frame: HandFrame | None
    _clouds: dict[tuple[str, float], Cloud] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """All bones that are located, palm first, then outwards."""
        known = [n for n in _ORDER if n in self.crops]
        return known + [n for n in self.crops if n not in known]

    def cloud(self, name: str, pitch_mm: float) -> Cloud:
        """Cloud of one bone (kept for the next call)."""
        key = (name, round(pitch_mm, 4))
        if key not in self._clouds:
            self._clouds[key] = self.crops[name].cloud(pitch_mm)
        return self._clouds[key]

    def body(self, names: list[str], pitch_mm: float, moves: dict[str, np.ndarray] | None = None) -> Cloud:
        """Several bones as one cloud, each first moved by its 4x4 (RAS -> RAS) if there is one."""
        clouds = [self.cloud(n, pitch_mm) for n in names]
        return join([c.moved(moves[n]) if moves and n in moves else c for n, c in zip(names, clouds, strict=True)])

    def joints_of(self, name: str) -> list[tuple[Joint, str]]:
        """Joints of a bone with the other bone's name."""
        return [(j, j.second if j.first == name else j.first) for j in self.joints if name in (j.first, j.second)]


_ORDER = (
    "capitate", "metacarpal-3", "metacarpal-2", "metacarpal-4", "metacarpal-5", "hamate", "trapezoid", "trapezium",
    "scaphoid", "lunate", "triquetrum", "radius", "ulna", "metacarpal-1",
    *anatomy.PROXIMALS[1:], *anatomy.MIDDLES, *anatomy.DISTALS[1:], "proximal-1", "distal-1", "pisiform",
)  # fmt: skip


def skeleton(ct: Volume, bones: Segmentation) -> Skeleton:
    """Prepare the bones of one hand.

    Raises
    ------
    InputError: bones and CT are on different grids, or there is no bone.
    """
    if not bones.volume.same_grid(ct):
        raise InputError(
            f"bones: their grid {bones.volume.size} is not that of the CT {ct.size}; give bones segmented in this CT."
        )
    smallest = SMALLEST_MM3 / ct.voxel_volume_mm3
    counts = np.bincount(bones.labels.ravel(), minlength=1 + max((s.label for s in bones.segments), default=0))
    kept = tuple(s for s in bones.segments if counts[s.label] >= smallest)
    if not kept:
        raise InputError("bones: no bone has any voxel; segment the bones of the CT first.")
    crops = bone_crops(ct, Segmentation(bones.volume, kept))
    points = bone_points(Segmentation(bones.volume, kept))
    return Skeleton(crops, points, joints(points), hand_frame(points))


def bone_points(bones: Segmentation) -> dict[str, np.ndarray]:
    """Segment ID -> voxel centres on every n-th voxel, about `POINTS_PITCH_MM` apart, RAS mm (N, 3)."""
    boxes = ndimage.find_objects(bones.labels)
    step = np.maximum(1, np.round(POINTS_PITCH_MM / bones.volume.spacing_mm)).astype(int)[::-1]
    points = {}
    for segment in bones.segments:
        box = boxes[segment.label - 1] if segment.label <= len(boxes) else None
        if box is None:
            continue
        every = tuple(slice(s.start, s.stop, n) for s, n in zip(box, step, strict=True))
        index = np.argwhere(bones.labels[every] == segment.label) * step + [s.start for s in box]
        points[segment.segment_id] = bones.volume.to_ras(index[:, ::-1])
    return points


def flat_moves(bones: Skeleton) -> dict[str, np.ndarray]:
    """4x4 (RAS -> RAS) per phalanx of the fingers that lays the fingers into the palm's plane, joint by joint."""
    frame = bones.frame
    moves: dict[str, np.ndarray] = {}
    if frame is None:
        return moves
    for digit in (2, 3, 4, 5):
        current = np.eye(4)
        for parent, name in pairwise(anatomy.ray(digit)):
            joint = joint_between(bones, parent, name)
            if joint is None:
                break
            axis = current[:3, :3] @ long_axis(bones.points[name])
            axis = axis if axis @ frame.distal >= 0 else -axis
            flat = axis - frame.volar * (axis @ frame.volar)
            current = turned_about(transform_points(current, joint.point_ras), axis, flat) @ current
            moves[name] = current
    return moves


def joint_between(bones: Skeleton, first: str, second: str) -> Joint | None:
    """The joint of two bones, None if they do not meet or are not there."""
    return next((j for j in bones.joints if {j.first, j.second} == {first, second}), None)


def turned_about(point: np.ndarray, from_axis: np.ndarray, to_axis: np.ndarray) -> np.ndarray:
    """4x4: the shortest rotation about ``point`` that turns one direction into another."""
    a, b = from_axis / np.linalg.norm(from_axis), to_axis / np.linalg.norm(to_axis)
    normal = np.cross(a, b)
    sine = np.linalg.norm(normal)
    vector = normal / sine * np.arctan2(sine, a @ b) if sine > 1e-9 else np.zeros(3)
    return rotation_about(point, vector)


def rotation_about(point: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """4x4: rotation by a vector (rad) about a point."""
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_rotvec(vector).as_matrix()
    matrix[:3, 3] = point - matrix[:3, :3] @ point
    return matrix
