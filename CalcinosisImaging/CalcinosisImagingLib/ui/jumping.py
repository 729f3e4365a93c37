"""Choosing a row of the deposit table shows that deposit in the slices."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer

from ..scene.transforms import points_between
from ..scene.volumes import volume_from_node

VOLUME_FIELDS = {"ct": "ctVolume", "mr": "mrVolume", "xray": "filmVolume"}
CENTROID = ("centroid_r_mm", "centroid_a_mm", "centroid_s_mm")
PIXEL = ("u_px", "v_px")


def row_of_selection(view: Any) -> int:
    """The table's row that is chosen in a view (which may be sorted), -1 if none is."""
    index = view.currentIndex()
    return view.model().mapToSource(index).row() if index.isValid() else -1


def place_of_row(node: Any, row: int) -> np.ndarray | None:
    """World position (3,), RAS mm, of the deposit in a row of the deposit table; None if the row does not tell.

    node: the parameter node.
    """
    table = node.depositTable.GetTable()
    if not 0 <= row < table.GetNumberOfRows():
        return None
    volume_node = getattr(node, VOLUME_FIELDS.get(_text(table, row, "modality"), ""), None)
    if volume_node is None:
        return None
    local = _numbers(table, row, CENTROID)
    if local is None:
        pixel = _numbers(table, row, PIXEL)
        if pixel is None:
            return None
        local = volume_from_node(volume_node).to_ras(np.array([*pixel, 0.0]))
    return points_between(local[None], volume_node.GetParentTransformNode(), None)[0]


def jump_to(place: np.ndarray) -> None:
    """Centre every slice view on a point."""
    slicer.vtkMRMLSliceNode.JumpAllSlices(
        slicer.mrmlScene, *[float(v) for v in place], slicer.vtkMRMLSliceNode.CenteredJumpSlice
    )


def _text(table: Any, row: int, name: str) -> str:
    column = table.GetColumnByName(name)
    return column.GetVariantValue(row).ToString() if column is not None else ""


def _numbers(table: Any, row: int, names: tuple[str, ...]) -> np.ndarray | None:
    texts = [_text(table, row, name) for name in names]
    return np.array([float(text) for text in texts]) if all(texts) else None
