"""A pose read back from POSE.json: with the CT's bones it maps points as the pose did that was written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import ndimage

from ..segmentation import Segmentation
from ..view import view_from_json
from .pose import BonePose, Pose

SURFACE_POINTS = 1500
"""Points kept per bone: their mean distance is below a millimetre on the largest."""


def pose_from_json(content: Sequence[Mapping[str, Any]], bones: Segmentation) -> Pose:
    """The pose in the content of POSE.json; ``bones`` are those of the CT that was located."""
    views = tuple(view_from_json(view, f"POSE.json, view {view.get('name')}") for view in content)
    poses = {view["name"]: {name: _bone_pose(bone) for name, bone in view["bones"].items()} for view in content}
    named = set().union(*poses.values()) if poses else set()
    surfaces = {name: points for name, points in bone_surfaces(bones).items() if name in named}
    return Pose(views, poses, surfaces)


def _bone_pose(bone: Mapping[str, Any]) -> BonePose:
    return BonePose(**{**bone, "ct_to_view": np.array(bone["ct_to_view"], float)})


def bone_surfaces(bones: Segmentation) -> dict[str, np.ndarray]:
    """Segment ID -> RAS points (N, 3) of the bone's outer voxels, at most `SURFACE_POINTS`."""
    boxes = ndimage.find_objects(bones.labels)
    surfaces = {}
    for segment in bones.segments:
        box = boxes[segment.label - 1] if segment.label <= len(boxes) else None
        if box is None:
            continue
        inside = bones.labels[box] == segment.label
        outer = np.argwhere(inside & ~ndimage.binary_erosion(inside)) + [s.start for s in box]
        kept = outer[:: -(-len(outer) // SURFACE_POINTS)]
        surfaces[segment.segment_id] = bones.volume.to_ras(kept[:, ::-1])
    return surfaces
