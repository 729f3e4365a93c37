"""Where a deposit lies: nearest bone and joint, side of the bone, distance and contact."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from ..anatomy import digit_of, parent_of
from ..segmentation import Segmentation
from ..volume import transform_points
from .cut import Cut, labelled_boxes
from .handframe import BoneShape, HandFrame, hand_frame
from .mesh import mesh_vertices

JOINT_PAIRS = 2000
"""Surface points of a bone that are tried when the joint with its neighbour is looked for."""
FIRST_TRIES = 20
"""Surface points of a deposit from which the shortest way is looked for."""
END_PART = 0.5
"""A deposit beyond this part of the half length of a bone, from its middle, lies at the joint and not at the shaft."""
JOINT_NAMES = {"distal": "dip", "middle": "pip", "proximal": "mcp", "metacarpal": "cmc"}


@dataclass(frozen=True, eq=False)
class Skeleton:
    """What is needed of all bones together; made once per image.

    Attributes
    ----------
    tree: surface points of all bones, RAS mm; ``owner`` is the index of each point's bone in ``names``.
    names: bone names without a left/right prefix; ``hands`` the prefix ('' where there is none).
    shapes: centre and axis of every bone, in the same order.
    frames: hand prefix -> frame, absent where it cannot be told.
    joints: (name, hand prefix, position RAS mm).
    """

    tree: cKDTree
    owner: np.ndarray
    names: tuple[str, ...]
    hands: tuple[str, ...]
    shapes: tuple[BoneShape, ...]
    frames: dict[str, HandFrame]
    joints: tuple[tuple[str, str, np.ndarray], ...]


def surface_points(mask: np.ndarray) -> np.ndarray:
    """Middles of all faces between inside and outside, (N, 3) in voxel indices k, j, i."""
    padded = np.pad(mask, 1)
    found = []
    for axis in range(3):
        change = np.argwhere(np.diff(padded, axis=axis)).astype(float) - 1
        change[:, axis] += 0.5
        found.append(change)
    return np.concatenate(found)


def skeleton(bones: Segmentation) -> Skeleton | None:
    """Gather the bones; None where there is none. Cost: one pass over the volume, then each bone's own box."""
    segment_of = {segment.label: segment for segment in bones.segments}
    points, names, hands, shapes = [], [], [], []
    for label, box in labelled_boxes(bones.labels):
        if label not in segment_of:
            continue
        hand, _, name = segment_of[label].segment_id.rpartition(":")
        crop = bones.volume.crop(box)
        mask = crop.voxels == label
        points.append(transform_points(crop.ijk_to_ras, surface_points(mask)[:, ::-1]))
        shapes.append(_bone_shape(points[-1]))
        names.append(name)
        hands.append(hand)
    if not points:
        return None
    owner = np.repeat(np.arange(len(points)), [len(p) for p in points])
    frames = {}
    for hand in sorted(set(hands)):
        frame = hand_frame({n: s for n, h, s in zip(names, hands, shapes, strict=True) if h == hand})
        if frame is not None:
            frames[hand] = frame
    joints = _joints(points, names, hands)
    tree = cKDTree(np.concatenate(points))
    return Skeleton(tree, owner, tuple(names), tuple(hands), tuple(shapes), frames, joints)


def _bone_shape(points: np.ndarray) -> BoneShape:
    """Centre and long axis from surface points."""
    centre = points.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(points.T))
    axis = vectors[:, np.argmax(values)]
    axis = axis * (1.0 if axis[np.argmax(np.abs(axis))] > 0 else -1.0)
    along = (points - centre) @ axis
    middle = centre + axis * (along.max() + along.min()) / 2
    return BoneShape(middle, axis, float(np.ptp(along)) / 2)


def joint_name(bone: str) -> str | None:
    """Name of the joint at a bone's proximal end, None where there is no single one.

    >>> joint_name("middle-3"), joint_name("distal-1"), joint_name("lunate")
    ('pip-3', 'ip-1', 'radiocarpal')
    """
    if bone in ("scaphoid", "lunate"):
        return "radiocarpal"
    digit = digit_of(bone)
    if digit is None:
        return None
    return "ip-1" if bone == "distal-1" else f"{JOINT_NAMES[bone.partition('-')[0]]}-{digit}"


def _joints(points: list[np.ndarray], names: list[str], hands: list[str]) -> tuple[tuple[str, str, np.ndarray], ...]:
    """Joints as the middle between the nearest parts of two neighbouring bones."""
    place = {(hand, name): index for index, (hand, name) in enumerate(zip(hands, names, strict=True))}
    found = []
    for (hand, name), index in place.items():
        joint, parent = joint_name(name), parent_of(name)
        if joint is None or (hand, parent) not in place:
            continue
        own = points[index][:: max(len(points[index]) // JOINT_PAIRS, 1)]
        other = points[place[hand, parent]]
        distance, partner = cKDTree(other).query(own)
        near = distance <= distance.min() + 1.0
        found.append((joint, hand, (own[near].mean(axis=0) + other[partner[near]].mean(axis=0)) / 2))
    return tuple(found)


def place_measures(cut: Cut, bones: Skeleton) -> dict[str, object]:
    """Columns of place that come from the bones."""
    vertices = cut.to_ras(mesh_vertices(cut.mask))
    centre = cut.to_ras(np.argwhere(cut.mask).mean(axis=0))
    distance, index = nearest(bones.tree, vertices)
    bone = int(bones.owner[index])
    name, hand, shape = bones.names[bone], bones.hands[bone], bones.shapes[bone]
    area = contact_area_mm2(cut)
    touches = bool((ndimage.binary_dilation(cut.mask, np.ones((3, 3, 3))) & cut.bone).any())
    row: dict[str, object] = {
        "site": name,
        "digit": digit_of(name),
        "distance_bone_mm": 0.0 if area > 0 else distance,
        "touches_bone": touches,
        "bone_contact_area_mm2": area if touches else None,
    }
    near = [
        (float(np.linalg.norm(vertices - at, axis=1).min()), joint) for joint, side, at in bones.joints if side == hand
    ]
    if near:
        row["distance_joint_mm"], row["nearest_joint"] = min(near)
    if digit_of(name) is not None:
        along = abs(float((centre - shape.centre) @ shape.axis)) / max(shape.half_length_mm, 1e-6)
        row["part"] = "joint" if along > END_PART else "shaft"
    if hand in bones.frames:
        row["aspect"] = _aspect(bones.frames[hand], name, shape, centre, bones.tree.data[index])
    return row


def nearest(tree: cKDTree, points: np.ndarray) -> tuple[float, int]:
    """Smallest distance from any of the points to the tree, and the tree's point.

    First the tree's point nearest to the middle, then a few points spread over all of them, of which only what is
    nearer need be looked for; the best pair is improved by turns, the tree's point nearest to ours and ours nearest to
    that, until neither changes. Far cheaper than asking for every point.
    """
    found = int(tree.query(points.mean(axis=0))[1])
    bound = float(np.linalg.norm(points - tree.data[found], axis=1).min())
    distance, index = tree.query(points[:: max(len(points) // FIRST_TRIES, 1)], distance_upper_bound=bound)
    best = int(distance.argmin())
    if np.isfinite(distance[best]):
        bound, found = float(distance[best]), int(index[best])
    while True:
        own = points[np.square(points - tree.data[found]).sum(axis=1).argmin()]
        closer, other = tree.query(own)
        if closer >= bound - 1e-9:
            return min(bound, float(closer)), found
        bound, found = float(closer), int(other)


def _aspect(frame: HandFrame, name: str, shape: BoneShape, centre: np.ndarray, contact: np.ndarray) -> str:
    """Side of the bone: the larger component, across the bone's axis, of the way from the bone to the deposit."""
    axis, radial, volar = frame.at_bone(name, shape)
    origin = shape.centre + np.clip((centre - shape.centre) @ axis, -shape.half_length_mm, shape.half_length_mm) * axis
    if digit_of(name) is None:
        origin = contact
    way = centre - origin
    across, before = float(way @ radial), float(way @ volar)
    if abs(before) >= abs(across):
        return "volar" if before > 0 else "dorsal"
    return "radial" if across > 0 else "ulnar"


def contact_area_mm2(cut: Cut) -> float:
    """Area shared with bone, mm².

    Faces between voxels overstate an oblique contact. Their vector sum is exact for a flat one; two thirds of the
    faces is the mean over all directions and serves where the contact bends round the bone.
    """
    spacing = cut.spacing_mm
    total, vector = 0.0, np.zeros(3)
    for axis in range(3):
        face = cut.voxel_mm3 / spacing[axis]
        low = [slice(None)] * 3
        high = [slice(None)] * 3
        low[axis], high[axis] = slice(None, -1), slice(1, None)
        forward = float((cut.mask[tuple(low)] & cut.bone[tuple(high)]).sum())
        backward = float((cut.bone[tuple(low)] & cut.mask[tuple(high)]).sum())
        total += (forward + backward) * face
        vector[axis] = (forward - backward) * face
    return max(float(np.linalg.norm(vector)), total * 2 / 3)
