"""``self.scriptedEffect``: the C++ side of a scripted effect, on the real vtkSlicerSegmentEditorLogic.

Only methods of Slicer 5.12's qSlicerSegmentEditorAbstractEffect.h; anything else raises AttributeError.
"""

from __future__ import annotations

from typing import Any

import slicer
from PySide6 import QtWidgets

from . import record
from .pythonqt import unwrap, wrap

_PROPERTIES = (
    "name",
    "title",
    "perSegment",
    "requireSegments",
    "showEffectCursorInSliceView",
    "showEffectCursorInThreeDView",
)


class EffectEnums:
    """``slicer.qSlicerSegmentEditorAbstractEffect``."""

    ModificationModeSet = 0
    ModificationModeAdd = 1
    ModificationModeRemove = 2
    ModificationModeRemoveAll = 3


class ScriptedEffect:
    """Properties and methods that Python effects may use."""

    def __init__(self, parent: Any = None) -> None:
        vars(self).update(
            name="",
            title="",
            perSegment=True,
            requireSegments=True,
            showEffectCursorInSliceView=True,
            showEffectCursorInThreeDView=False,
            _python=None,
            _node=None,
            _logic=None,
            _active=False,
            _frame=QtWidgets.QFrame(),
            actors=[],
        )
        vars(self)["_form"] = QtWidgets.QFormLayout(self._frame)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in _PROPERTIES:
            raise AttributeError(f"Attribute '{name}' does not exist on qSlicerSegmentEditorScriptedEffect")
        vars(self)[name] = value

    def self(self) -> Any:
        """The Python object, None before a source is set."""
        return self._python

    def _adopt(self, python: Any) -> None:
        vars(self)["_python"] = python

    def _connect(self, node: Any, logic: Any) -> None:
        vars(self).update(_node=node, _logic=logic)

    def call(self, method: str, *arguments: Any) -> Any:
        """Call a method of the Python object if it has one; exceptions are printed only, as in Slicer."""
        function = getattr(self._python, method, None)
        if function is None:
            return None
        try:
            return function(*arguments)
        except Exception:
            record.slot_error()
            return None

    def parameterSetNode(self) -> Any:
        """The vtkMRMLSegmentEditorNode, None while the options are set up."""
        return self._node

    def scene(self) -> Any:
        """The scene."""
        return self._node.GetScene() if self._node is not None else None

    def active(self) -> bool:
        """Whether this is the editor's effect."""
        return self._active

    # Parameters

    def parameter(self, name: str) -> str:
        """Text of an effect's or a common parameter; '' and a message if undefined."""
        value = self._node.GetAttribute(f"{self.name}.{name}")
        if value is None:
            value = self._node.GetAttribute(name)
        if value is None:
            record.message(f"Parameter named {name} cannot be found for effect {self.name}")
            return ""
        return value

    def integerParameter(self, name: str) -> int:
        """As a whole number, 0 for text such as 'True'."""
        try:
            return int(self.parameter(name))
        except ValueError:
            return 0

    def doubleParameter(self, name: str) -> float:
        """As a number, 0 for text."""
        try:
            return float(self.parameter(name))
        except ValueError:
            return 0.0

    def parameterDefined(self, name: str) -> bool:
        """Whether the effect has this parameter, and not as an empty text."""
        return bool(self._node is not None and self._node.GetAttribute(f"{self.name}.{name}"))

    def setParameter(self, name: str, value: Any) -> None:
        """Store as text: floats with 6 significant digits, True as 'True'."""
        text = f"{value:g}" if isinstance(value, float) else str(value)
        old = self._node.GetAttribute(f"{self.name}.{name}")
        # An empty text for what is undefined is "no change" in Slicer: it stays undefined.
        if old == text or (old is None and text == ""):
            return
        self._node.SetAttribute(f"{self.name}.{name}", text)
        if self._active:
            self.call("updateGUIFromMRML")

    def setParameterDefault(self, name: str, value: Any) -> None:
        """Store only if undefined."""
        if not self.parameterDefined(name):
            self.setParameter(name, value)

    def nodeReference(self, name: str) -> Any:
        """A node that the effect refers to."""
        return self._node.GetNodeReference(f"{self.name}.{name}")

    def setNodeReference(self, name: str, node: Any) -> None:
        """Refer to a node; counts as a changed parameter."""
        if node is self.nodeReference(name):
            return
        self._node.SetNodeReferenceID(f"{self.name}.{name}", node.GetID() if node is not None else None)
        if self._active:
            self.call("updateGUIFromMRML")

    # Images: the real logic's, brought up to date on request

    def defaultModifierLabelmap(self) -> Any:
        """Empty labelmap on the segmentation's reference geometry, in the segmentation's own frame."""
        return self._logic.GetModifierLabelmap() if self._logic.ResetModifierLabelmapToDefault() else None

    def sourceVolumeImageData(self) -> Any:
        """The source volume on that grid."""
        return self._logic.GetAlignedSourceVolume() if self._logic.UpdateAlignedSourceVolume() else None

    def selectedSegmentLabelmap(self) -> Any:
        """The selected segment on that grid."""
        return self._logic.GetSelectedSegmentLabelmap() if self._logic.UpdateSelectedSegmentLabelmap() else None

    # Editing

    def saveStateForUndo(self) -> None:
        """Remember the segmentation."""
        self._logic.SaveStateForUndo()

    def modifySegmentByLabelmap(
        self, node: Any, segment_id: str, labelmap: Any, mode: int, bypass: bool = False
    ) -> None:
        """Edit a segment; masks, overwriting and intensity mask as the real logic has them."""
        names = ("Set", "Add", "Remove", "RemoveAll")
        modification = getattr(slicer.vtkSlicerSegmentEditorLogic, f"ModificationMode{names[mode]}")
        self._logic.ModifySegmentByLabelmap(node, segment_id, labelmap, modification, self.perSegment, bypass)

    # Options

    def addOptionsWidget(self, widget: Any) -> None:
        """Add a widget or layout across the options."""
        self._form.addRow(unwrap(widget))

    def addLabeledOptionsWidget(self, label: str, widget: Any) -> Any:
        """Add a labelled row; returns the label's widget."""
        text = QtWidgets.QLabel(label)
        self._form.addRow(text, unwrap(widget))
        return wrap(text)

    def optionsFrame(self) -> Any:
        """The frame with all options."""
        return wrap(self._frame)

    # Views

    def renderer(self, view: Any) -> Any:
        """The view's renderer."""
        return view.renderer

    def addActor2D(self, view: Any, actor: Any) -> None:
        """Show an actor in a view; it is not taken away at deactivation."""
        view.renderer.AddViewProp(actor)
        self.actors.append((view, actor))

    def removeActor2D(self, view: Any, actor: Any) -> None:
        """Take it away."""
        view.renderer.RemoveViewProp(actor)
        self.actors.remove((view, actor))

    def scheduleRender(self, view: Any) -> None:
        """Draw the view soon."""

    def cursorOff(self, view: Any) -> None:
        """Hide the cursor."""

    def cursorOn(self, view: Any) -> None:
        """Show the cursor."""
