"""A pose read back from POSE.json: with the CT's bones it maps points as the pose did that was written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..segmentation import Segmentation
from ..view import view_from_json
from .pose import BonePose, Pose
from .skeleton import bone_points


def pose_from_json(content: Sequence[Mapping[str, Any]], bones: Segmentation) -> Pose:
    """The pose in the content of POSE.json; ``bones`` are those of the CT that was located."""
    views = tuple(view_from_json(view, f"POSE.json, view {view.get('name')}") for view in content)
    poses = {view["name"]: {name: _bone_pose(bone) for name, bone in view["bones"].items()} for view in content}
    named = set().union(*poses.values()) if poses else set()
    surfaces = {name: points for name, points in bone_points(bones).items() if name in named}
    return Pose(views, poses, surfaces)


def _bone_pose(bone: Mapping[str, Any]) -> BonePose:
    return BonePose(**{**bone, "ct_to_view": np.array(bone["ct_to_view"], float)})
