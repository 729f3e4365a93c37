"""``connectGui`` of a wrapped parameter node: which widget binds which field, and what Slicer refuses.

Rules as in Slicer 5.12, parameterNodeWrapper/guiConnectors.py and wrapper.py.
"""

from __future__ import annotations

import enum
import pathlib
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import slicer
import vtk

PROPERTY = "SlicerParameterName"


@dataclass(frozen=True)
class _Binding:
    """How a widget's value is read and written, and which signal tells of a change (none for a label)."""

    widget: Any
    read: Callable[[], Any]
    write: Callable[[Any], None]
    signal: Any


def connect_gui(wrapper: Any, gui: Any) -> int:
    """Connect every child that carries the property; the node's values go to the widgets. Returns a tag."""
    widgets = gui.findChildren(None) if hasattr(gui, "isWidgetType") else vars(gui).values()
    named = {widget.property(PROPERTY): widget for widget in widgets if widget.property(PROPERTY)}
    unknown = [name for name in named if name not in wrapper.allParameters]
    if unknown:
        known = ", ".join(wrapper.allParameters)
        raise ValueError(f"Cannot find a param with the given name: {unknown[0]}; found parameters {known}")
    bindings = {name: _binding(widget, wrapper.dataType(name)) for name, widget in named.items()}
    state = vars(wrapper).setdefault("_gui", {})
    tag = len(state)
    for name, binding in bindings.items():
        binding.write(wrapper.getValue(name))
    slots = {name: _to_node(wrapper, name, binding) for name, binding in bindings.items()}
    for name, binding in bindings.items():
        if binding.signal is not None:
            binding.signal.connect(slots[name])
    observer = wrapper.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: _to_widgets(wrapper, bindings))
    state[tag] = (bindings, slots, observer)
    return tag


def disconnect_gui(wrapper: Any, tag: int) -> None:
    """Undo `connect_gui`; an unknown tag is ignored."""
    bindings, slots, observer = vars(wrapper).get("_gui", {}).get(tag) or ({}, {}, None)
    for name, binding in bindings.items():
        if binding.signal is not None:
            binding.signal.disconnect(slots[name])
    if observer is not None:
        wrapper.RemoveObserver(observer)
        vars(wrapper)["_gui"][tag] = None


def _to_node(wrapper: Any, name: str, binding: _Binding) -> Callable[[], None]:
    def changed() -> None:
        if not vars(wrapper).get("_updating"):
            with slicer.util.NodeModify(wrapper):
                wrapper.setValue(name, binding.read())

    return changed


def _to_widgets(wrapper: Any, bindings: dict[str, _Binding]) -> None:
    if vars(wrapper).get("_updating"):
        return
    vars(wrapper)["_updating"] = True
    try:
        with slicer.util.NodeModify(wrapper):
            for name, binding in bindings.items():
                binding.write(wrapper.getValue(name))
    finally:
        vars(wrapper)["_updating"] = False


def _binding(widget: Any, hint: Any) -> _Binding:
    """The binding for this kind of widget and field, RuntimeError where Slicer has none."""
    plain, notes = hint, ()
    if typing.get_origin(hint) is typing.Annotated:
        plain, *notes = typing.get_args(hint)
    bounds = next((note for note in notes if hasattr(note, "minimum") and hasattr(note, "maximum")), None)
    kind = type(widget).__name__
    nodes = _node_types(plain)
    if kind == "qMRMLNodeComboBox" and nodes:
        widget.nodeTypes = nodes
        return _Binding(widget, widget.currentNode, widget.setCurrentNode, widget.currentNodeChanged)
    if kind in ("ctkSliderWidget", "QDoubleSpinBox") and plain in (int, float):
        return _number(widget, plain, bounds)
    if kind in ("QCheckBox", "QPushButton") and plain is bool:
        signal = widget.stateChanged if kind == "QCheckBox" else widget.toggled
        return _Binding(widget, lambda: widget.checked, lambda value: setattr(widget, "checked", value), signal)
    if kind == "QComboBox" and isinstance(plain, type) and issubclass(plain, enum.Enum):
        return _enum(widget, plain)
    if kind == "QLineEdit" and plain is str:
        return _Binding(widget, lambda: widget.text, lambda value: setattr(widget, "text", value), widget.textChanged)
    if kind == "QLabel" and plain is str:
        return _Binding(widget, lambda: widget.text, lambda value: setattr(widget, "text", value), None)
    if kind == "ctkPathLineEdit" and plain in (pathlib.Path, pathlib.PurePath):
        return _Binding(
            widget,
            lambda: plain(widget.currentPath),
            lambda value: setattr(widget, "currentPath", str(value)),
            widget.currentPathChanged,
        )
    raise RuntimeError(f"Unable to create GUI connector from datatype '{hint}' to widget type '{kind}'")


def _node_types(plain: Any) -> list[str]:
    kinds = [kind for kind in (typing.get_args(plain) or (plain,)) if kind is not type(None)]
    if not all(isinstance(kind, type) and issubclass(kind, slicer.vtkMRMLNode) for kind in kinds):
        return []
    return [kind.__name__ for kind in kinds]


def _number(widget: Any, plain: type, bounds: Any) -> _Binding:
    if type(widget).__name__ == "ctkSliderWidget" and bounds is None:
        raise RuntimeError("Cannot have a connection to ctkSliderWidget where the float types is unbounded.")
    if plain is int:
        widget.decimals = 0
    if bounds is not None:
        widget.minimum, widget.maximum = bounds.minimum, bounds.maximum
    return _Binding(
        widget,
        lambda: plain(widget.value),
        lambda value: setattr(widget, "value", plain(value)),
        widget.valueChanged,
    )


def _enum(widget: Any, plain: type[enum.Enum]) -> _Binding:
    members = list(plain)
    widget.clear()
    for member in members:
        widget.addItem(member.name)
    return _Binding(
        widget,
        lambda: members[widget.currentIndex],
        lambda value: setattr(widget, "currentIndex", members.index(value)),
        widget.currentIndexChanged,
    )
