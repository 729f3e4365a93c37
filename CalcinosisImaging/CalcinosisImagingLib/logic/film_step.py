"""Step 3: where the CT's bones are in the radiographs; each film is hung where it was exposed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..analysis.progress import Progress, silent
from ..analysis.projection.locate import Pose, locate
from ..analysis.view import View
from ..analysis.volume import Volume
from ..scene import links
from ..scene.segmentations import segmentation_from_node
from ..scene.tables import table_node
from ..scene.transforms import linear_transform_node
from ..scene.volumes import matrix_to_vtk, set_view, volume_from_node
from .registration_step import QUALITY_COLUMNS
from .segmentation_step import film_of


@dataclass(frozen=True)
class PoseNodes:
    """What locating leaves in the scene: a placement per film, a quality table, and the result itself."""

    placements: tuple[object, ...]
    quality: object
    result: Pose


def locate_films(
    scene: object, ct_node: object, film_nodes: Sequence[object], bones_node: object, progress: Progress = silent
) -> PoseNodes:
    """Locate the bones in films of one instant; each film goes under a linear transform into the CT's frame."""
    ct = volume_from_node(ct_node)
    films = [film_of(node) for node in film_nodes]
    result = locate(ct, segmentation_from_node(bones_node, ct), films, progress=progress)
    placements, rows = [], []
    for node, view, content in zip(film_nodes, result.views, result.to_json(), strict=True):
        set_view(node, view)
        links.set_json(scene, node, links.POSE_ROLE, f"{node.GetName()} pose", content)
        placements.append(_place(scene, node, view))
        rows += [
            {"key": f"{view.name} {bone}", "view": view.name, "bone": bone, **values}
            for bone, values in content["bones"].items()
        ]
    quality = table_node(scene, "Film registration quality", ("view", *QUALITY_COLUMNS), rows)
    return PoseNodes(tuple(placements), quality, result)


def _place(scene: object, film_node: object, view: View) -> object:
    """Hang the film under the transform from its own frame to the CT's RAS."""
    film = volume_from_node(film_node)
    node = film_node.GetParentTransformNode()
    to_ct = film_to_ct(film, view)
    if node is None:
        node = linear_transform_node(scene, f"{film_node.GetName()} placement", to_ct)
        film_node.SetAndObserveTransformNodeID(node.GetID())
    else:
        node.SetMatrixTransformToParent(matrix_to_vtk(to_ct))
    return node


def film_to_ct(film: Volume, view: View) -> np.ndarray:
    """4x4: RAS of the film's own frame -> RAS of the CT; its thickness direction stays perpendicular."""
    return np.linalg.inv(view.ct_to_view) @ view.pixel_to_view() @ np.linalg.inv(film.ijk_to_ras)
