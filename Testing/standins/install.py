"""Puts the stand-ins in place: ``qt``, ``ctk``, widgets and application of ``slicer``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import slicer
from CalcinosisImagingLib.host import start
from PySide6 import QtCore, QtGui, QtWidgets

from . import application, binding, ctk_widgets, effect_base, loading, mrml_widgets, scripted_effect
from .pythonqt import wrapper_class

QT_CLASSES = (
    "QApplication",
    "QCheckBox",
    "QComboBox",
    "QDoubleSpinBox",
    "QFile",
    "QGridLayout",
    "QHBoxLayout",
    "QIcon",
    "QLabel",
    "QLineEdit",
    "QMessageBox",
    "QPlainTextEdit",
    "QPushButton",
    "QTimer",
    "QVBoxLayout",
    "QWidget",
    "Qt",
)
"""What ``qt`` has; anything else raises AttributeError. The list in docs/panel.md says the same."""


class _Namespace(ModuleType):
    """A module whose unknown names raise with a hint."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"{self.__name__}.{name} is not stood in for: see the list in docs/panel.md")


def install() -> None:
    """Start the scene and the stand-ins; does nothing inside Slicer or when called again."""
    start()
    if "qt" in sys.modules:
        return
    qt, ctk = _Namespace("qt"), _Namespace("ctk")
    for name in QT_CLASSES:
        native = next(getattr(part, name) for part in (QtCore, QtGui, QtWidgets) if hasattr(part, name))
        setattr(qt, name, wrapper_class(native))
    qt.QUiLoader = loading.QUiLoader
    for native in ctk_widgets.CLASSES:
        setattr(ctk, native.__name__, wrapper_class(native))
    for native in mrml_widgets.CLASSES:
        setattr(slicer, native.__name__, wrapper_class(native))
    loading.register(ctk_widgets.CLASSES + mrml_widgets.CLASSES)
    sys.modules |= {"qt": qt, "ctk": ctk} | effect_base.modules()
    slicer.qSlicerSegmentEditorAbstractEffect = scripted_effect.EffectEnums
    slicer.app = application.Application(slicer.app)
    slicer.qSlicerScriptedLoadableModuleWidget = application.Representation
    base = slicer.ScriptedLoadableModule.ScriptedLoadableModuleWidget
    base.onReload = lambda self: slicer.util.reloadScriptedModule(self.moduleName)
    slicer.parameterNodeWrapper.guiConnector = binding.connect_gui
    slicer.parameterNodeWrapper.guiDisconnector = binding.disconnect_gui


def load_module(path: Path) -> application.ScriptedModule:
    """Install, load a module file, and complete the start-up."""
    install()
    module = application.load(Path(path))
    slicer.app.complete_startup()
    return module
