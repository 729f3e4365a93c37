"""Step 6: which deposit of the CT is which in MR and film, and how well they agree."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..analysis.comparison.modalities import match_modalities
from ..analysis.progress import Progress, silent
from ..analysis.projection.pose_file import pose_from_json
from ..scene import links
from ..scene.segmentations import segmentation_from_node
from ..scene.tables import table_node
from ..scene.transforms import points_between
from ..scene.volumes import get_view, volume_from_node
from .columns import MATCH_COLUMNS


def compare_modalities(
    ct: tuple[object, object] | None,
    mr: tuple[object, object] | None,
    films: Mapping[str, tuple[object, object]],
    bones_node: object | None,
    progress: Progress = silent,
) -> list[dict[str, Any]]:
    """Rows of matches.csv without participant, session and hand.

    ct, mr, films (view name -> …): pairs of volume node and deposits node. Points go through the transforms in the
    scene between CT and MR, and through the bones' poses kept with each film.
    """
    segmentations = {
        "ct": None if ct is None else segmentation_from_node(ct[1], volume_from_node(ct[0])),
        "mr": None if mr is None else segmentation_from_node(mr[1], volume_from_node(mr[0])),
    }
    registered = mr is not None and mr[0].GetParentTransformNode() is not None
    shadows, views, project = {}, {}, {}
    for name, (volume_node, deposits_node) in films.items():
        shadows[name] = segmentation_from_node(deposits_node, volume_from_node(volume_node))
        views[name] = get_view(volume_node)
        if ct is not None and links.get_json(volume_node, links.POSE_ROLE) is not None:
            project[name] = projector(ct[0], volume_node, bones_node)
    return match_modalities(
        segmentations["ct"],
        segmentations["mr"],
        shadows,
        ct_to_mr=_mapping(ct, mr) if registered else None,
        mr_to_ct=_mapping(mr, ct) if registered else None,
        project=project,
        views=views,
        progress=progress,
    )


def _mapping(
    source: tuple[object, object] | None, target: tuple[object, object] | None
) -> Callable[[np.ndarray], np.ndarray] | None:
    """Points of one volume's own frame -> the other's, through the scene's transforms."""
    if source is None or target is None:
        return None
    frames = source[0].GetParentTransformNode(), target[0].GetParentTransformNode()
    return lambda points: points_between(np.asarray(points, float), *frames)


def projector(ct_node: object, film_node: object, bones_node: object) -> Callable[[np.ndarray], np.ndarray]:
    """CT points RAS (N, 3) -> pixels u, v (N, 2) of the film, each point with the bones that it follows."""
    content = links.get_json(film_node, links.POSE_ROLE)
    bones = segmentation_from_node(bones_node, volume_from_node(ct_node))
    pose = pose_from_json([content], bones)
    return lambda points: pose.project_points(points)[content["name"]]


def match_table(scene: object, name: str, rows: list[dict[str, Any]], node: object = None) -> object:
    """A table node of matches; ``node`` is refilled if given."""
    return table_node(scene, name, MATCH_COLUMNS, rows, node)
