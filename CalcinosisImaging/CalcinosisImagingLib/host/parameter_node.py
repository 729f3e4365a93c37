"""Stand-in for ``slicer.parameterNodeWrapper``: the field types that we use, with Slicer's text forms and checks.

Fields: bool, int, float, str, Path, Enum, an MRML node class (or ``X | None``), with ``Annotated`` validators.
Stricter than Slicer on two points where Slicer harms silently: an int field refuses True, and an unknown
attribute is refused. Text forms as in Slicer 5.12, parameterNodeWrapper/serializers.py.
"""

from __future__ import annotations

import enum
import math
import types
import typing
from dataclasses import dataclass
from pathlib import Path

import slicer

guiConnector: typing.Callable[[object, object], int] | None = None
"""``(wrapper, widget) -> tag``; None without Qt. The tests' Qt stand-ins set it."""
guiDisconnector: typing.Callable[[object, int], None] | None = None


@dataclass(frozen=True)
class Default:
    """Default value of a field."""

    value: object


@dataclass(frozen=True)
class WithinRange:
    """Validator: minimum <= value <= maximum."""

    minimum: float
    maximum: float

    def validate(self, value: float) -> None:
        """Raise ValueError outside the range, also for not-a-number."""
        if math.isnan(value) or not self.minimum <= value <= self.maximum:
            raise ValueError(f"Value must be within range [{self.minimum}, {self.maximum}], is {value}")


@dataclass(frozen=True)
class Choice:
    """Validator: value is one of ``choices``."""

    choices: list[object]

    def validate(self, value: object) -> None:
        """Raise ValueError for anything else."""
        if value not in self.choices:
            raise ValueError(f"Value is {value}, but must be in one of the following: {self.choices}")


class _Field:
    """One typed field: a property that reads from and writes to the wrapped node."""

    def __init__(self, name: str, hint: object, assigned: object) -> None:
        self.name, self.hint = name, hint
        plain, notes = hint, ()
        if typing.get_origin(hint) is typing.Annotated:
            plain, *notes = typing.get_args(hint)
        arguments = typing.get_args(plain)
        self.optional = isinstance(plain, types.UnionType) and type(None) in arguments
        self.kind = next(a for a in arguments if a is not type(None)) if self.optional else plain
        if not (self.is_node or self.kind in _TO_TEXT or self.is_enum):
            raise Exception(f"Unable to create serializer for member {name}")
        self.validators = [note for note in notes if hasattr(note, "validate")]
        declared = [note for note in notes if isinstance(note, Default)]
        self.default = declared[0] if declared else Default(self._plain_default() if assigned is None else assigned)

    @property
    def is_node(self) -> bool:
        return isinstance(self.kind, type) and issubclass(self.kind, slicer.vtkMRMLNode)

    @property
    def is_enum(self) -> bool:
        return isinstance(self.kind, type) and issubclass(self.kind, enum.Enum)

    def _plain_default(self) -> object:
        if self.optional or self.is_node:
            return None
        return next(iter(self.kind)) if self.is_enum else self.kind()

    def check(self, value: object) -> None:
        if value is None:
            if self.is_node or self.optional:
                return
            raise ValueError("Value must not be None")
        accepted = (int, float) if self.kind is float else self.kind
        if not isinstance(value, accepted) or (isinstance(value, bool) and self.kind is not bool):
            raise TypeError(f"Value must be of type '{self.kind}', is type '{type(value)}' value '{value}'")
        for validator in self.validators:
            validator.validate(value)

    def write(self, node: object, value: object) -> None:
        self.check(value)
        if self.is_node:
            modified = node.StartModify()
            node.SetParameter(self.name, "")
            node.SetNodeReferenceID(self.name, value.GetID() if value is not None else None)
            node.EndModify(modified)
        else:
            node.SetParameter(self.name, value.name if self.is_enum else _TO_TEXT[self.kind](value))

    def read(self, node: object) -> object:
        if self.is_node:
            return node.GetNodeReference(self.name)
        if self.name not in node.GetParameterNames():
            self.write(node, self.default.value)
        text = node.GetParameter(self.name)
        return self.kind[text] if self.is_enum else _FROM_TEXT[self.kind](text)


_TO_TEXT = {bool: str, int: str, float: str, str: str, Path: lambda path: path.as_posix()}
_FROM_TEXT = {bool: lambda text: text == "True", int: int, float: float, str: str, Path: Path}


class _Wrapper:
    """What every wrapped class offers; see Slicer's parameterNodeWrapper/wrapper.py."""

    allParameters: typing.ClassVar[dict[str, _Field]] = {}

    def __init__(self, parameterNode: object) -> None:
        object.__setattr__(self, "parameterNode", parameterNode)
        for field in self.allParameters.values():
            field.check(field.default.value)
            if field.name not in parameterNode.GetParameterNames():
                field.write(parameterNode, field.default.value)

    def __setattr__(self, name: str, value: object) -> None:
        if name not in self.allParameters:
            raise AttributeError(f"{type(self).__name__} has no field {name}")
        super().__setattr__(name, value)

    def default(self, name: str) -> Default:
        return self.allParameters[name].default

    def dataType(self, name: str) -> object:
        return self.allParameters[name].hint

    def getValue(self, name: str) -> object:
        return getattr(self, name)

    def setValue(self, name: str, value: object) -> None:
        setattr(self, name, value)

    def StartModify(self) -> int:
        return self.parameterNode.StartModify()

    def EndModify(self, wasModified: int) -> int:
        return self.parameterNode.EndModify(wasModified)

    def AddObserver(self, event: object, callback: object, priority: float = 0.0) -> int:
        return self.parameterNode.AddObserver(event, callback, priority)

    def RemoveObserver(self, tag: int) -> None:
        self.parameterNode.RemoveObserver(tag)

    def connectGui(self, gui: object) -> int:
        if guiConnector is None:
            raise RuntimeError("there are no widgets without Qt")
        return guiConnector(self, gui)

    def disconnectGui(self, tag: int) -> None:
        if guiDisconnector is None:
            raise RuntimeError("there are no widgets without Qt")
        guiDisconnector(self, tag)


def parameterNodeWrapper(classtype: type) -> type:
    """Class decorator: typed access to a vtkMRMLScriptedModuleNode, one property per annotated field."""
    hints = typing.get_type_hints(classtype, include_extras=True)
    fields = {name: _Field(name, hint, getattr(classtype, name, None)) for name, hint in hints.items()}
    properties = {name: _property(field) for name, field in fields.items()}
    body = {key: value for key, value in vars(classtype).items() if key not in ("__dict__", "__weakref__")}
    return type(classtype.__name__, (_Wrapper,), body | properties | {"allParameters": fields})


def _property(field: _Field) -> property:
    """Access to the field on the wrapper's node."""
    return property(
        lambda self: field.read(self.parameterNode), lambda self, value: field.write(self.parameterNode, value)
    )
