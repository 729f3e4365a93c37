"""The bones of one or two hands: bodies cut, named, and described as segments."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from ..anatomy import BONE_LABELS, CARPALS
from ..segmentation import Segment
from .carpus import ray_points
from .divide import divide_by_template, divide_merged
from .grid import WORK_MM, WorkGrid, boxes
from .hands import group_by_hand, part_touching_hands
from .naming import Naming, name_bodies, oversized
from .partition import bodies as cut_bodies
from .shape import Body, measure_bodies
from .shells import are_open, fill_bodies, fill_hollows, fill_shells, lift_inside
from .tips import found_tips
from .walls import split_at_walls, without_idle_cuts

BODY_CONTRAST_HU = 150.0
"""Bodies of the working grid begin this far above soft tissue: under trabecular bone, over tendons and skin."""
UNKNOWN_BONE_MM3 = 150.0
SHELL = 0.7
"""A body whose depth is below this share of its outer layer has marrow."""
FIRST_UNKNOWN_LABEL = 30
METAL_HU = 2600.0
"""On the working grid no bone reaches this, smoothed as it is."""
METAL_RIM_VOXELS = 2
LEFT_OFFSET = 100
SESAMOID_BONES = ("metacarpal-1", "metacarpal-2", "metacarpal-5", "proximal-1")
"""Sesamoids lie on the volar side of these bones' heads: nearly always two at the thumb, often one at 2 and 5."""
BONE_COLOUR = (0.89, 0.85, 0.72)


@dataclass(frozen=True)
class Hand:
    """One hand in the image.

    Attributes
    ----------
    side: "left", "right" or "unknown".
    side_log_odds: evidence for right over left.
    scale: size relative to a typical adult hand.
    prefix: of its bones' segment IDs: "left:" for the left of two hands, else "".
    bones: segment IDs of its bones without the prefix.
    """

    side: str
    side_log_odds: float
    scale: float
    prefix: str
    bones: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class BodyTable:
    """Bodies on the working grid (labels 1..N), the bone label of each that is bone, the segments and the hands.

    ``sesamoid_joints``: (N, 3) RAS mm, heads of the bones beside which sesamoids lie.
    """

    labels: np.ndarray
    bone_of: dict[int, int]
    segments: tuple[Segment, ...]
    hands: tuple[Hand, ...]
    sesamoid_joints: np.ndarray


def find_bones(work: WorkGrid, soft_hu: float) -> BodyTable:
    """Cut dense matter into bodies and name those that are bones, hand by hand."""
    work = _without_metal(work, soft_hu)
    filled = fill_shells(work.hu)
    labels = cut_bodies(filled, soft_hu + BODY_CONTRAST_HU, work.voxel_mm3)
    leaking = are_open(labels)
    if leaking:
        filled = lift_inside(filled, labels)
        labels = cut_bodies(filled, soft_hu + BODY_CONTRAST_HU, work.voxel_mm3)
    groups, namings = _named(work, labels)
    if any(naming.merged for naming in namings):
        for group, naming in zip(groups, namings, strict=True):
            labels = divide_merged(labels, filled, group, naming, work.ijk_to_ras)
        groups, namings = _named(work, labels)
    large = set().union(*[oversized(g, n) for g, n in zip(groups, namings, strict=True)])
    if large:
        cut = split_at_walls(labels, large, work.hu, filled, soft_hu, WORK_MM)
        cut_groups, cut_namings = _named(work, cut)
        # A wall may be a deposit's on a bone, or a bridge in its marrow, and the cut run through the bone.
        kept = without_idle_cuts(labels, cut, _labels_named(cut_groups, cut_namings))
        if (kept != cut).any():
            cut_groups, cut_namings = _named(work, kept)
        if _count(cut_namings) >= _count(namings):
            labels, groups, namings = kept, cut_groups, cut_namings
    divided = labels
    for group, naming in zip(groups, namings, strict=True):
        cut = divide_by_template(divided, work.hu, group, naming, work.ijk_to_ras, WORK_MM)
        divided = divided if cut is None else cut
    if divided is not labels:
        labels = divided
        groups, namings = _named(work, labels)
    fill_bodies(labels, sorted(_labels_named(groups, namings)))
    pairs = zip(groups, namings, strict=True)
    stout = [group[i].label for group, naming in pairs for i, name in naming.names.items() if name in CARPALS]
    fill_hollows(labels, sorted(stout))
    return _table(work, labels, soft_hu, groups, namings)


def _without_metal(work: WorkGrid, soft_hu: float) -> WorkGrid:
    """The grid with soft tissue in the place of metal and its rim, which else joins bones; shells close again."""
    metal = work.hu > METAL_HU
    if not metal.any():
        return work
    rim = ndimage.binary_dilation(metal, iterations=METAL_RIM_VOXELS)
    return replace(work, hu=np.where(rim, np.int16(soft_hu), work.hu))


def _named(work: WorkGrid, labels: np.ndarray) -> tuple[list[list[Body]], list[Naming]]:
    """Bodies of each hand, and their names."""
    found = measure_bodies(labels, work.ijk_to_ras, _border(labels.shape))
    groups = [[found[i] for i in indices] for indices in group_by_hand(work.hu, labels, found)]
    namings = [name_bodies(group) for group in groups]
    parted = part_touching_hands(found, namings[0]) if len(groups) == 1 else None
    if parted:
        groups = [[found[i] for i in indices] for indices in parted]
        namings = [name_bodies(group) for group in groups]
    return groups, namings


def _count(namings: list[Naming]) -> int:
    """How many bodies have names."""
    return sum(len(naming.names) for naming in namings)


def _labels_named(groups: list[list[Body]], namings: list[Naming]) -> set[int]:
    """Labels of the bodies that have names."""
    return {group[i].label for group, naming in zip(groups, namings, strict=True) for i in naming.names}


def _border(shape: tuple[int, ...], width: int = 3) -> np.ndarray:
    """Mask of the outermost voxels."""
    border = np.ones(shape, bool)
    border[tuple(slice(width, -width) for _ in shape)] = False
    return border


def _table(
    work: WorkGrid, labels: np.ndarray, soft_hu: float, groups: list[list[Body]], namings: list[Naming]
) -> BodyTable:
    """Labels and segments of all hands; of two hands the more left one gets the prefix and the offset."""
    lefts = [False] * len(groups)
    if len(groups) == 2:
        lefts[int(np.argmin([n.side_log_odds for n in namings]))] = True
    bone_of: dict[int, int] = {}
    segments: list[Segment] = []
    hands = []
    for group, naming, left in zip(groups, namings, lefts, strict=True):
        prefix, offset = ("left:", LEFT_OFFSET) if left else ("", 0)
        names = {group[i].label: (BONE_LABELS[name], name) for i, name in naming.names.items()}
        bones = {i for i, b in enumerate(group) if i in naming.names or _is_bone(b, work, labels, soft_hu)}
        unnamed = [group[i] for i in bones | found_tips(group, bones, set(naming.names)) if i not in naming.names]
        unnamed.sort(key=lambda b: (-b.volume_mm3, b.label))
        for number, body in enumerate(unnamed[: LEFT_OFFSET - FIRST_UNKNOWN_LABEL], start=1):
            names[body.label] = (FIRST_UNKNOWN_LABEL - 1 + number, f"unknown-{number}")
        for body_label, (bone, name) in sorted(names.items(), key=lambda item: item[1]):
            bone_of[body_label] = bone + offset
            segments.append(Segment(bone + offset, prefix + name, prefix + name, BONE_COLOUR))
        bones = tuple(name for _, name in sorted(names.values()))
        if bones:
            hands.append(Hand(naming.side, naming.side_log_odds, round(naming.scale, 6), prefix, bones))
    heads = [
        head
        for group, naming in zip(groups, namings, strict=True)
        for name, (_, head) in ray_points(group, naming.names).items()
        if name in SESAMOID_BONES
    ]
    ordered = tuple(sorted(segments, key=lambda s: s.label))
    return BodyTable(labels, bone_of, ordered, tuple(hands), np.array(heads).reshape(-1, 3))


def _is_bone(body: Body, work: WorkGrid, labels: np.ndarray, soft_hu: float) -> bool:
    """Whether a body without a name is bone: of some size, and cut by the border or with marrow inside."""
    if body.volume_mm3 < UNKNOWN_BONE_MM3:
        return False
    if body.at_border:
        return True
    box = boxes((labels == body.label).astype(np.uint8))[0]
    return core_share(labels[box] == body.label, work.hu[box], soft_hu) < SHELL


def core_share(mask: np.ndarray, hu: np.ndarray, soft_hu: float) -> float:
    """Height over soft tissue of a body's depth, over that of its outer layer's brightest half; 1 if it is too thin."""
    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1, 1:-1] * WORK_MM
    core = depth > 2.0
    if core.sum() < 20:
        return 1.0
    layer = hu[(depth > 0.3) & (depth <= 1.5)]
    shell = float(np.percentile(layer, 75)) - soft_hu
    return float((hu[core].mean() - soft_hu) / max(shell, 1.0))
