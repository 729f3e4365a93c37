"""Step 6: which deposit of the CT is which in MR and film, and how well they agree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from ..analysis.comparison.match import PointMap
from ..analysis.comparison.modalities import match_modalities
from ..analysis.morphology.kind import consistency_from_both
from ..analysis.progress import Progress, silent
from ..analysis.projection.pose_file import pose_from_json
from ..analysis.registration.field import BlendedMotion
from ..analysis.segmentation import Segmentation
from ..scene import links
from ..scene.segmentations import segmentation_from_node
from ..scene.tables import table_node
from ..scene.transforms import points_between
from ..scene.volumes import get_view, volume_from_node
from .columns import KIND_COLUMNS, MATCH_COLUMNS

Sizes = Mapping[str, Mapping[int, float]]
"""Image ("ct", "mr", "xray <view>") -> deposit label -> size."""


def compare_modalities(
    ct: tuple[object, object] | None,
    mr: tuple[object, object] | None,
    films: Mapping[str, tuple[object, object]],
    bones_node: object | None,
    sizes: Sizes | None = None,
    progress: Progress = silent,
) -> list[dict[str, Any]]:
    """Rows of matches.csv without participant, session and hand.

    sizes: from `sizes_of`, so that the matches say the same volumes and areas as the deposit table; voxels and pixels
    are counted for images that are not in it.

    ct, mr, films (view name -> …): pairs of volume node and deposits node. See `ct_mr_mappings` for
    the way between CT and MR; to the films points go with the bones whose poses are kept with each film.
    """
    segmentations = {
        "ct": None if ct is None else segmentation_from_node(ct[1], volume_from_node(ct[0])),
        "mr": None if mr is None else segmentation_from_node(mr[1], volume_from_node(mr[0])),
    }
    to_mr, to_ct = ct_mr_mappings(ct[0], mr[0], bones_node) if ct and mr else (None, None)
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
        ct_to_mr=to_mr,
        mr_to_ct=to_ct,
        project=project,
        views=views,
        volumes_ct_mm3=_of("ct", segmentations["ct"], sizes),
        volumes_mr_mm3=_of("mr", segmentations["mr"], sizes),
        areas_xray_mm2={name: _of(f"xray {name}", shadows[name], sizes) for name in shadows},
        progress=progress,
    )


def sizes_of(rows: Iterable[Mapping[str, Any]]) -> Sizes:
    """Best estimates by image and label from deposit rows: mm³, of films mm²."""
    sizes: dict[str, dict[int, float]] = {}
    for row in rows:
        film = row["modality"] == "xray"
        value = row.get("area_mm2" if film else "volume_mm3")
        if value is not None:
            image = f"xray {row['view']}" if film else row["modality"]
            sizes.setdefault(image, {})[row["deposit_id"]] = value
    return sizes


def with_consistency(
    matches: Iterable[Mapping[str, Any]], deposit_rows: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The matches with `columns.KIND_COLUMNS`: of what CT and MR both show, by the measures of both, else None.

    Of several deposits on one side the largest speaks for all.
    """
    measured = {(row["modality"], row["deposit_id"]): row for row in deposit_rows}
    found = []
    for match in matches:
        ct, mr = (_largest(measured, modality, match[f"{modality}_id"]) for modality in ("ct", "mr"))
        kind = (None, None) if ct is None or mr is None else consistency_from_both(ct, [mr])
        found.append({**match, **dict(zip(KIND_COLUMNS, kind, strict=True))})
    return found


def _largest(measured: Mapping[tuple[str, int], Mapping[str, Any]], modality: str, ids: object) -> Any:
    """The row of the largest of the deposits ``ids`` (joined by ;), None if none is known."""
    labels = [int(label) for label in str(ids or "").split(";") if label]
    rows = [measured[modality, label] for label in labels if (modality, label) in measured]
    return max(rows, key=lambda row: row.get("volume_mm3") or 0.0, default=None)


def _of(image: str, segmentation: Segmentation | None, sizes: Sizes | None) -> Mapping[int, float] | None:
    """The sizes of an image if every one of its deposits has one, else None."""
    known = (sizes or {}).get(image, {})
    if segmentation is None or any(segment.label not in known for segment in segmentation.segments):
        return None
    return known


def ct_mr_mappings(ct_node: object, mr_node: object, bones_node: object | None) -> tuple[PointMap, PointMap]:
    """CT points -> MR points and back (RAS, (N, 3), each in its image's own frame).

    Where the MR hangs under our registration, each bone moves exactly as found; where the user hung it elsewhere, the
    scene's transforms count.
    """
    content = links.get_json(mr_node, links.REGISTRATION_ROLE)
    ours = mr_node.GetNodeReference(links.TRANSFORM_ROLE)
    mr_parent, ct_parent = mr_node.GetParentTransformNode(), ct_node.GetParentTransformNode()
    if content is not None and bones_node is not None and ct_parent is None and mr_parent is ours:
        bones = segmentation_from_node(bones_node, volume_from_node(ct_node))
        matrices = {n: np.array(b["matrix_ct_to_mr_ras"], float) for n, b in content["bones"].items()}
        motion = BlendedMotion.of(bones, matrices)
        return motion.forward, motion.backward
    return (
        lambda points: points_between(points, ct_parent, mr_parent),
        lambda points: points_between(points, mr_parent, ct_parent),
    )


def projector(ct_node: object, film_node: object, bones_node: object) -> Callable[[np.ndarray], np.ndarray]:
    """CT points RAS (N, 3) -> pixels u, v (N, 2) of the film, each point with the bones that it follows."""
    content = links.get_json(film_node, links.POSE_ROLE)
    bones = segmentation_from_node(bones_node, volume_from_node(ct_node))
    pose = pose_from_json([content], bones)
    return lambda points: pose.project_points(points)[content["name"]]


def match_table(scene: object, name: str, rows: list[dict[str, Any]], node: object = None) -> object:
    """A table node of matches; ``node`` is refilled if given."""
    return table_node(scene, name, MATCH_COLUMNS, rows, node)
