"""``slicer.app`` with Qt, and modules as Slicer loads them: ``__init__``, start-up, then the widget when asked for."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import slicer
from CalcinosisImagingLib.host import application
from PySide6 import QtCore, QtWidgets

from . import record
from .mrml_widgets import qMRMLWidget
from .pythonqt import wrap


class _Signals(QtCore.QObject):
    startupCompleted = QtCore.Signal()
    aboutToQuit = QtCore.Signal()
    moduleAboutToBeUnloaded = QtCore.Signal(str)


class Application(application.Application):
    """The host's application plus signals, events and cursors."""

    def __init__(self, host: application.Application) -> None:
        vars(self).update(vars(host))
        self._qt = QtWidgets.QApplication.instance() or QtWidgets.QApplication(["tests"])
        self._signals = wrap(_Signals(self._qt))
        self.cursors: list[int] = []

    def connect(self, signature: str, receiver: Any) -> bool:
        """Connect a signal of the application."""
        return self._signals.connect(signature, receiver)

    def disconnect(self, signature: str, receiver: Any) -> bool:
        """Undo `connect`."""
        return self._signals.disconnect(signature, receiver)

    def moduleManager(self) -> Any:
        """Only its signal ``moduleAboutToBeUnloaded``."""
        return self._signals

    def processEvents(self) -> None:
        """Handle what waits: clicks, timers, repaints."""
        self._qt.processEvents()

    def setOverrideCursor(self, shape: int) -> None:
        """Remember the cursor."""
        self.cursors.append(shape)

    def restoreOverrideCursor(self) -> None:
        """Forget the last cursor."""
        self.cursors.pop()

    def complete_startup(self) -> None:
        """Emit ``startupCompleted``: all modules exist now."""
        self._signals._held.startupCompleted.emit()


class ModuleParent:
    """The module's ``parent``: properties, lists that read back as tuples, nothing else to assign."""

    _PROPERTIES = (
        "name",
        "title",
        "path",
        "categories",
        "dependencies",
        "contributors",
        "helpText",
        "acknowledgementText",
        "icon",
        "hidden",
        "index",
    )

    def __init__(self, path: Path) -> None:
        vars(self).update(path=str(path), name=path.stem, hidden=False, index=-1)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self._PROPERTIES:
            raise AttributeError(f"Attribute '{name}' does not exist on qSlicerScriptedLoadableModule")
        vars(self)[name] = tuple(value) if isinstance(value, list) else value


class WidgetParent(qMRMLWidget):
    """The widget representation: a box with a layout that says whether the module is shown."""

    def __init__(self, remake: Callable[[], None]) -> None:
        super().__init__()
        QtWidgets.QVBoxLayout(self)
        self._entered = False
        self._remake = remake

    def reload(self) -> None:
        """Make the Python widget anew; ``slicer.util.reloadScriptedModule`` calls it last."""
        self._remake()

    isEntered = QtCore.Property(bool, lambda self: self._entered)


class ScriptedModule:
    """``slicer.modules.<lower case name>`` of a scripted module."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.name = path.stem
        self.parent = ModuleParent(path)
        self._representation: Any = None
        self.python = _execute(path)
        self.instance = getattr(self.python, self.name)(self.parent)

    def widgetRepresentation(self) -> Representation:
        """Made, with the Python widget, on the first call."""
        if self._representation is None:
            self._representation = Representation(self)
            self._representation.make()
        return self._representation

    def logic(self) -> None:
        """A scripted module has no C++ logic."""
        return None


class Representation:
    """``widgetRepresentation()``: the Python widget, entering and leaving it, reloading it."""

    def __init__(self, module: ScriptedModule) -> None:
        self.module = module
        self._box = wrap(WidgetParent(self.make))

    def self(self) -> Any:
        """The Python widget."""
        return self._widget

    def make(self) -> None:
        """``__init__`` then ``setup``."""
        name = self.module.name
        self._widget = getattr(sys.modules[name], name + "Widget")(self._box)
        setattr(slicer.modules, name + "Widget", self._widget)
        self._widget.setup()

    def children(self) -> tuple[Any, ...]:
        """The box's children."""
        return self._box.children()

    def layout(self) -> Any:
        """The box's layout."""
        return self._box.layout()

    def enter(self) -> None:
        """The user opens the module."""
        self._box._held._entered = True
        self._call("enter")

    def exit(self) -> None:
        """The user leaves the module."""
        self._box._held._entered = False
        self._call("exit")

    def close(self) -> None:
        """The application ends: ``exit`` if entered, then ``cleanup``."""
        if self._box.isEntered:
            self.exit()
        self._call("cleanup")

    def grab(self) -> Any:
        """A picture of the widget."""
        return self._box.grab()

    def _call(self, name: str) -> None:
        try:
            getattr(self._widget, name)()
        except Exception:
            record.slot_error()


def load(path: Path) -> ScriptedModule:
    """Load a module file as Slicer does at start-up; `Application.complete_startup` comes after all are loaded."""
    folder = str(path.parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    module = ScriptedModule(path)
    setattr(slicer.modules, module.name.lower(), module)
    setattr(slicer.modules, module.name + "Instance", module.instance)
    return module


def _execute(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    python = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = python
    spec.loader.exec_module(python)
    if not hasattr(python, path.stem):
        raise RuntimeError(f"class {path.stem} was not found in {path.name}")
    return python
