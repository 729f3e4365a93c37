"""``qt.QUiLoader`` with Slicer's own widgets, and the connections of the ``.ui`` checked as Qt checks them."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from typing import Any

from PySide6 import QtCore, QtUiTools

from . import record
from .pythonqt import unwrap, wrap

_custom: dict[str, type] = {}


def register(classes: tuple[type, ...]) -> None:
    """Make these native classes available to ``.ui`` files, under their own names."""
    _custom.update({native.__name__: native for native in classes})


class _Loader(QtUiTools.QUiLoader):
    def createWidget(self, class_name: str, parent: Any = None, name: str = "") -> Any:
        if class_name in _custom:
            widget = _custom[class_name](parent)
            widget.setObjectName(name)
            return widget
        if class_name[:3] in ("ctk", "qMR", "qSl"):
            record.message(f"QFormBuilder was unable to create a widget of the class '{class_name}'.")
            return None
        return super().createWidget(class_name, parent, name)


class QUiLoader:
    """Loads a ``.ui`` file; None for an unloadable root."""

    def load(self, file: Any) -> Any:
        """The root widget, its children made, properties set and connections of the file in place."""
        content = bytes(unwrap(file).readAll().data())
        tree = ElementTree.fromstring(content)
        connections = tree.find("connections")
        if connections is not None:
            tree.remove(connections)
        buffer = QtCore.QBuffer()
        buffer.setData(ElementTree.tostring(tree))
        buffer.open(QtCore.QIODevice.OpenModeFlag.ReadOnly)
        native = _Loader().load(buffer)
        if native is None:
            return None
        root = wrap(native)
        for connection in connections if connections is not None else ():
            _apply(root, *(connection.findtext(key, "") for key in ("sender", "signal", "receiver", "slot")))
        return root


def _apply(root: Any, sender: str, signal: str, receiver: str, slot: str) -> None:
    """One ``<connection>``; what does not exist is a message, as in Qt."""
    ends = [root if root.objectName == name else _named(root, name) for name in (sender, receiver)]
    if None in ends:
        record.message(f"connection of the .ui names an unknown object: {sender} or {receiver}")
        return
    method = getattr(ends[1], slot.split("(")[0], None)
    if method is None:
        record.message(f"QObject::connect: No such slot {receiver}::{slot}")
        return
    ends[0].connect(signal, method)


def _named(root: Any, name: str) -> Any:
    found = root.findChildren(None, name)
    return found[0] if found else None
