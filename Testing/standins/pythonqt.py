"""PySide6 dressed as PythonQt: properties are attributes, lists are tuples, unknown attributes raise.

Every native object is seen through a wrapper of a class generated from its native class, as PythonQt does it.
Behaviour as observed in Slicer 5.12; where the two could differ, this one refuses.
"""

from __future__ import annotations

import enum
import functools
import weakref
from collections.abc import Callable
from typing import Any

import shiboken6
from PySide6 import QtCore

from . import record
from .signals import Signal, connect_signature, disconnect_signature

_classes: dict[type, type] = {}
_wrappers: weakref.WeakValueDictionary[int, Wrapper] = weakref.WeakValueDictionary()


class Number(int):
    """An enum value: an int, as in PythonQt, that remembers which enum PySide6 wants."""

    member: enum.Enum

    def __new__(cls, member: enum.Enum) -> Number:
        """Dress an enum member or a combination of flags."""
        number = super().__new__(cls, member.value)
        number.member = member
        return number

    def __or__(self, other: int) -> int:
        """Combine flags of one kind."""
        return Number(self.member | other.member) if isinstance(other, Number) else int(self) | other

    def __and__(self, other: int) -> int:
        """Select flags."""
        return int(self) & int(other)


class _Scope:
    """A scoped enum, ``qt.QMessageBox.StandardButton``."""

    def __init__(self, native: type[enum.Enum]) -> None:
        self._native = native

    def __getattr__(self, name: str) -> Number:
        return Number(getattr(self._native, name))


class _WrapperType(type):
    """Gives wrapper classes the static methods and enums of their native class."""

    native_class: type

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        value = getattr(cls.native_class, name)
        if isinstance(value, enum.Enum):
            return Number(value)
        if isinstance(value, type) and issubclass(value, enum.Enum):
            return _Scope(value)
        return _caller(value)


class Wrapper(metaclass=_WrapperType):
    """A native object as PythonQt shows it."""

    native_class: type = object

    def __init__(self, *arguments: Any) -> None:
        native = type(self)._generated().native_class(*unwrap(arguments))
        _adopt(self, native)

    @classmethod
    def _generated(cls) -> type:
        """The generated class among the ancestors; the class itself unless a test made a subclass."""
        return next(c for c in cls.__mro__ if "native_class" in vars(c))

    def __getattr__(self, name: str) -> Any:
        native = _native(self)
        if name.startswith("_"):
            raise AttributeError(name)
        if isinstance(native, QtCore.QObject):
            if name == "name":
                return native.objectName()
            if name in property_names(type(native)):
                return wrap(native.property(name))
            if name in _OBJECT_METHODS:
                return _OBJECT_METHODS[name].__get__(self)
            overloads = [signature for signature in signal_signatures(native) if signature.split("(")[0] == name]
            if overloads:
                return Signal(native, overloads)
        if not hasattr(type(native), name) or name in getattr(native, "hidden_methods", ()):
            raise AttributeError(f"{type(native).__name__} has no attribute named '{name}'")
        value = getattr(native, name)
        return _caller(value) if callable(value) else wrap(value)

    def __setattr__(self, name: str, value: Any) -> None:
        native = _native(self)
        if isinstance(native, QtCore.QObject):
            name = "objectName" if name == "name" else name
            if name in property_names(type(native)):
                plain = unwrap(list(value) if isinstance(value, tuple) else value)
                if not native.setProperty(name, plain):
                    raise ValueError(f"Property '{name}' of type '{type(native).__name__}' cannot take {value!r}")
                return
        if "native_class" not in vars(type(self)):
            object.__setattr__(self, name, value)
            return
        raise AttributeError(
            f"Attribute '{name}' does not exist on {type(native).__name__} and creating new attributes on C++ objects "
            "is not allowed"
        )

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, Wrapper) and _native(self) == _native(other)

    def __hash__(self) -> int:
        return hash(id(_native(self)))

    def __bool__(self) -> bool:
        return True


def _native(wrapper: Wrapper) -> Any:
    return object.__getattribute__(wrapper, "_held")


def _adopt(wrapper: Wrapper, native: Any) -> None:
    object.__setattr__(wrapper, "_held", native)
    if isinstance(native, QtCore.QObject):
        pointer = shiboken6.getCppPointer(native)[0]
        _wrappers[pointer] = wrapper
        native.destroyed.connect(lambda: _wrappers.pop(pointer, None))


def wrapper_class(native_class: type) -> type:
    """The class under which objects of a native class appear; made once, with the same ancestors."""
    if native_class not in _classes:
        base = native_class.__bases__[0]
        parent = Wrapper if base in (object, shiboken6.Shiboken.Object) else wrapper_class(base)
        _classes[native_class] = _WrapperType(native_class.__name__, (parent,), {"native_class": native_class})
    return _classes[native_class]


def wrap(value: Any) -> Any:
    """What PythonQt would hand out for a native value."""
    if isinstance(value, enum.Enum):
        return Number(value)
    if value is None or isinstance(value, bool | int | float | str | bytes | dict):
        return value
    if isinstance(value, list | tuple):
        return tuple(wrap(item) for item in value)
    if isinstance(value, QtCore.QObject):
        known = _wrappers.get(shiboken6.getCppPointer(value)[0])
        if known is not None:
            return known
    if isinstance(value, shiboken6.Shiboken.Object):
        generated = wrapper_class(type(value))
        wrapper = generated.__new__(generated)
        _adopt(wrapper, value)
        return wrapper
    return value


def unwrap(value: Any) -> Any:
    """What PySide6 wants for a value of ours."""
    if isinstance(value, Wrapper):
        return _native(value)
    if isinstance(value, Number):
        return value.member
    if isinstance(value, tuple):
        return tuple(unwrap(item) for item in value)
    if isinstance(value, list):
        return [unwrap(item) for item in value]
    return value


def guarded(function: Callable[..., Any]) -> Callable[..., None]:
    """A function whose exceptions are printed and recorded, as of `QTimer.singleShot`."""

    def run(*arguments: Any) -> None:
        try:
            function(*arguments)
        except Exception:
            record.slot_error()

    return run


def _caller(method: Callable[..., Any]) -> Callable[..., Any]:
    """A native method that takes and gives wrapped values."""

    def call(*arguments: Any) -> Any:
        plain = [guarded(a) if callable(a) and not isinstance(a, Wrapper | type) else unwrap(a) for a in arguments]
        return wrap(method(*plain))

    return call


@functools.cache
def property_names(native_class: type) -> frozenset[str]:
    """Names of the static properties of a native class."""
    meta = native_class.staticMetaObject
    return frozenset(meta.property(index).name() for index in range(meta.propertyCount()))


def signal_signatures(native: QtCore.QObject) -> tuple[str, ...]:
    """C++ signatures of the object's signals; Python-made ones under the names that their class declares."""
    return _class_signals(type(native))


@functools.cache
def _class_signals(native_class: type) -> tuple[str, ...]:
    meta = native_class.staticMetaObject
    methods = (meta.method(index) for index in range(meta.methodCount()))
    found = [
        bytes(method.methodSignature()).decode()
        for method in methods
        if method.methodType() == QtCore.QMetaMethod.MethodType.Signal
    ]
    declared: dict[str, str] = getattr(native_class, "cxx_signals", {})
    renamed = {signature.split("(")[0] for signature in declared}
    return (*(s for s in found if s.split("(")[0] not in renamed), *declared)


def _connect(self: Wrapper, signature: str, receiver: Any) -> bool:
    native = _native(self)
    return connect_signature(native, signature, receiver, signal_signatures(native))


def _disconnect(self: Wrapper, *arguments: Any) -> bool:
    if not arguments:
        raise ValueError("disconnect() called without arguments")
    return disconnect_signature(_native(self), *arguments)


def _descendants(self: Wrapper) -> list[Any]:
    found: list[Any] = []
    pending = list(_native(self).children())
    while pending:
        child = pending.pop(0)
        found.append(child)
        pending += child.children()
    return found


def _find_children(self: Wrapper, kind: Any = None, name: str = "") -> tuple[Any, ...]:
    wanted = kind.native_class if isinstance(kind, type) else None
    chosen = [
        child
        for child in _descendants(self)
        if (wanted is None or isinstance(child, wanted))
        and (not isinstance(kind, str) or type(child).staticMetaObject.className() == kind)
        and (not name or child.objectName() == name)
    ]
    return wrap(chosen)


def _find_child(self: Wrapper, kind: Any, name: str = "") -> Any:
    found = _find_children(self, kind, name)
    return found[0] if found else None


def _class_name(self: Wrapper) -> str:
    return type(_native(self)).staticMetaObject.className()


_OBJECT_METHODS: dict[str, Any] = {
    "connect": _connect,
    "disconnect": _disconnect,
    "findChildren": _find_children,
    "findChild": _find_child,
    "className": _class_name,
}
