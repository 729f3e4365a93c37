"""An editor for tests: the life cycle of an effect in qMRMLSegmentEditorWidget, clicks in slices, undo and redo."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import slicer
import vtk

from . import effect_base, record


class SliceWidget:
    """A slice view: a real slice node and renderer; what an effect may ask of qMRMLSliceWidget."""

    def __init__(self, name: str = "Red") -> None:
        slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(slicer.mrmlScene)
        self._node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSliceNode")
        self._node.SetName(name)
        self._node.SetLayoutName(name)
        self._node.SetDimensions(400, 400, 1)
        self._node.SetFieldOfView(60.0, 60.0, 1.0)
        self._node.SetOrientationToAxial()
        self.renderer = vtk.vtkRenderer()

    def className(self) -> str:
        """As PythonQt names it."""
        return "qMRMLSliceWidget"

    def mrmlSliceNode(self) -> Any:
        """The slice node."""
        return self._node

    def look_at(self, ras: np.ndarray) -> None:
        """Centre the view on a point."""
        self._node.JumpSliceByCentering(*[float(v) for v in ras])
        matrix = self._node.GetSliceToRAS()
        for axis in range(3):
            matrix.SetElement(axis, 3, float(ras[axis]))
        self._node.UpdateMatrices()

    def xy_of(self, ras: np.ndarray) -> tuple[int, int]:
        """Where a point appears, pixels."""
        to_xy = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(self._node.GetXYToRAS(), to_xy)
        x, y, *_ = to_xy.MultiplyPoint([*[float(v) for v in ras], 1.0])
        return round(x), round(y)


class ThreeDWidget:
    """A 3-D view, to which events come as well."""

    def className(self) -> str:
        """As PythonQt names it."""
        return "qMRMLThreeDWidget"


class Editor:
    """One editor with one effect.

    ``late``: the editor was there, with its node, before the effect was registered, as when the Segment Editor is the
    module that Slicer starts with; the effect is then asked for its defaults before its options.
    """

    def __init__(self, effect_name: str, volume: Any, segmentation: Any, late: bool = False) -> None:
        self.node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
        self.logic = slicer.vtkSlicerSegmentEditorLogic()
        self.logic.SetMRMLScene(slicer.mrmlScene)
        self.logic.SetSegmentEditorNode(self.node)
        self.logic.SetMaximumNumberOfUndoStates(10)
        self.effect = effect_base.registered[effect_name].self().clone()
        self.python = self.effect.self()
        if not late:
            self.effect.call("setupOptionsFrame")
        self.effect._connect(self.node, self.logic)
        self.effect.call("setMRMLDefaults")
        if late:
            self.effect.call("setupOptionsFrame")
        self.node.SetAndObserveSegmentationNode(segmentation)
        self.node.SetAndObserveSourceVolumeNode(volume)
        if segmentation.GetSegmentation().GetNumberOfSegments():
            self.node.SetSelectedSegmentID(segmentation.GetSegmentation().GetNthSegmentID(0))
        self.slice = SliceWidget()
        self.effect.call("sourceVolumeNodeChanged")

    def activate(self) -> None:
        """The user chooses the effect."""
        vars(self.effect)["_active"] = True
        self.effect.call("updateGUIFromMRML")
        self.effect.call("activate")
        self.effect.call("helpText")

    def deactivate(self) -> None:
        """The user chooses another."""
        vars(self.effect)["_active"] = False
        self.effect.call("deactivate")

    def close(self) -> None:
        """The editor is deleted: Slicer does not deactivate the effect first."""
        self.effect.call("cleanup")
        slicer.mrmlScene.RemoveNode(self.slice.mrmlSliceNode())
        slicer.mrmlScene.RemoveNode(self.node)

    def event(
        self, event: int, xy: tuple[int, int] = (0, 0), view: Any = None, key: str | None = None, control: bool = False
    ) -> bool:
        """One interaction event; the answer must be a bool."""
        interactor = SimpleNamespace(
            GetEventPosition=lambda: xy,
            GetShiftKey=lambda: 0,
            GetControlKey=lambda: int(control),
            GetAltKey=lambda: 0,
            GetKeySym=lambda: key,
        )
        answer = self.effect.call("processInteractionEvents", interactor, event, view or self.slice)
        if not isinstance(answer, bool):
            record.message("processInteractionEvents is expected to return a boolean")
        return bool(answer)

    def click(self, ras: np.ndarray) -> None:
        """Show the point and click on it."""
        self.slice.look_at(ras)
        xy = self.slice.xy_of(ras)
        self.event(vtk.vtkCommand.LeftButtonPressEvent, xy)
        self.event(vtk.vtkCommand.LeftButtonReleaseEvent, xy)

    def drag(self, start: np.ndarray, end: np.ndarray) -> None:
        """Press at one point, release at another, of the slice through their middle."""
        self.slice.look_at((np.asarray(start) + np.asarray(end)) / 2)
        first, last = self.slice.xy_of(start), self.slice.xy_of(end)
        self.event(vtk.vtkCommand.LeftButtonPressEvent, first)
        self.event(vtk.vtkCommand.MouseMoveEvent, last)
        self.event(vtk.vtkCommand.LeftButtonReleaseEvent, last)

    def press_key(self, key: str) -> bool:
        """A key over the slice view."""
        return self.event(vtk.vtkCommand.KeyPressEvent, key=key)

    def undo(self) -> None:
        """One step back."""
        self.logic.Undo()

    def redo(self) -> None:
        """One step forward."""
        self.logic.Redo()
