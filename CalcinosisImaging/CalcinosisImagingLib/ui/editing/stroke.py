"""The line that the reader draws to cut: shown in its slice view while the mouse is down."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
import vtk

from ...analysis.editing.stroke import Stroke

COLOUR = (1.0, 0.3, 0.3)
WIDTH_PX = 2


class StrokeInView:
    """One line in one slice view at a time."""

    def __init__(self, effect: Any) -> None:
        self._effect = effect
        self._view: Any = None
        self._start = (0, 0)
        self._line = vtk.vtkLineSource()
        mapper = vtk.vtkPolyDataMapper2D()
        mapper.SetInputConnection(self._line.GetOutputPort())
        self._actor = vtk.vtkActor2D()
        self._actor.SetMapper(mapper)
        self._actor.GetProperty().SetColor(*COLOUR)
        self._actor.GetProperty().SetLineWidth(WIDTH_PX)

    @property
    def view(self) -> Any:
        """The view that is drawn in, None if none is."""
        return self._view

    def begin(self, view: Any, xy: tuple[int, int]) -> None:
        """The mouse went down."""
        self.clear()
        self._view, self._start = view, xy
        self._effect.addActor2D(view, self._actor)
        self.follow(xy)

    def follow(self, xy: tuple[int, int]) -> None:
        """The mouse moves."""
        self._line.SetPoint1(self._start[0], self._start[1], 0)
        self._line.SetPoint2(xy[0], xy[1], 0)
        self._effect.scheduleRender(self._view)

    def end(self, xy: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
        """The mouse went up: both ends in pixels of the view; the line goes."""
        start = self._start
        self.clear()
        return start, xy

    def clear(self) -> None:
        """Take the line out of its view."""
        if self._view is not None:
            self._effect.removeActor2D(self._view, self._actor)
            self._effect.scheduleRender(self._view)
            self._view = None


def stroke_between(ras_start: list[float], ras_end: list[float], slice_node: Any, parent: Any) -> Stroke:
    """A stroke drawn in the world, in the frame below the transform node ``parent``."""
    normal = np.array([slice_node.GetSliceToRAS().GetElement(axis, 2) for axis in range(3)])
    start, end = np.array(ras_start, float), np.array(ras_end, float)
    to_local = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(None, parent, to_local)
    middle = (start + end) / 2
    points = [np.array(to_local.TransformPoint(point)) for point in (start, end, middle, middle + normal)]
    local_normal = points[3] - points[2]
    return Stroke(points[0], points[1], local_normal / np.linalg.norm(local_normal))
