"""Signals as PythonQt connects them: by C++ signature or by attribute, misspelt ones only printed."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import shiboken6
from PySide6 import QtCore

from . import record

_connections: dict[tuple[int, str, str], list[tuple[Any, Any, Callable[..., None]]]] = {}
"""(object, form, signature) -> (receiver, bound signal or None, what is connected). By form: see `Signal`."""


class Signal:
    """``widget.clicked``. What is connected here is not removed by ``widget.disconnect('clicked(bool)', f)``."""

    def __init__(self, native: QtCore.QObject, signatures: list[str]) -> None:
        self._native = native
        self._signature = signatures[0]

    def connect(self, receiver: Any) -> bool:
        """Connect the first overload (bool for ``clicked``, int for ``valueChanged``)."""
        return _connect(self._native, "attribute", self._signature, receiver)

    def disconnect(self, receiver: Any) -> bool:
        """Remove one connection of this receiver."""
        return _disconnect(self._native, "attribute", self._signature, receiver)


def connect_signature(native: QtCore.QObject, signature: str, receiver: Any, known: tuple[str, ...]) -> bool:
    """``widget.connect('clicked(bool)', f)``; False and a message for a signal that is not among ``known``."""
    normal = _normal(signature)
    if normal not in known:
        record.message(f"{type(native).__name__}: signal '{signature}' does not exist")
        return False
    return _connect(native, "signature", normal, receiver)


def disconnect_signature(native: QtCore.QObject, signature: str, receiver: Any = None) -> bool:
    """Remove one connection of the receiver, or all of the signal; False if there is none."""
    return _disconnect(native, "signature", _normal(signature), receiver)


def _normal(signature: str) -> str:
    return QtCore.QMetaObject.normalizedSignature(signature).data().decode()


def _connect(native: QtCore.QObject, form: str, signature: str, receiver: Any) -> bool:
    slot = _slot(receiver)
    declared: dict[str, str] = getattr(type(native), "cxx_signals", {})
    bound = getattr(native, declared[signature]) if signature in declared else None
    if bound is None:
        QtCore.QObject.connect(native, QtCore.SIGNAL(signature), slot)
    else:
        bound.connect(slot)
    key = (shiboken6.getCppPointer(native)[0], form, signature)
    if key not in _connections:
        _connections[key] = []
        native.destroyed.connect(lambda: _connections.pop(key, None))
    _connections[key].append((receiver, bound, slot))
    return True


def _disconnect(native: QtCore.QObject, form: str, signature: str, receiver: Any) -> bool:
    held = _connections.get((shiboken6.getCppPointer(native)[0], form, signature), [])
    matching = [entry for entry in held if receiver is None or entry[0] == receiver]
    for entry in matching if receiver is None else matching[-1:]:
        held.remove(entry)
        _, bound, slot = entry
        if bound is None:
            QtCore.QObject.disconnect(native, QtCore.SIGNAL(signature), slot)
        else:
            bound.disconnect(slot)
    return bool(matching)


def _slot(receiver: Any) -> Callable[..., None]:
    """The receiver, given as many arguments as it takes; its exceptions printed, recorded and swallowed."""
    from .pythonqt import wrap

    limit = _accepted(receiver)

    def slot(*arguments: Any) -> None:
        try:
            receiver(*[wrap(argument) for argument in arguments[:limit]])
        except Exception:
            record.slot_error()

    return slot


def _accepted(receiver: Any) -> int | None:
    """How many positional arguments a callable takes; None for any number."""
    try:
        parameters = inspect.signature(receiver).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return None
    return sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)
