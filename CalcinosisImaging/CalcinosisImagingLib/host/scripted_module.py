"""Stand-in for ``slicer.ScriptedLoadableModule``: its four base classes, without Qt.

Behaviour as in Slicer 5.12, Base/Python/slicer/ScriptedLoadableModule.py.
"""

from __future__ import annotations

import unittest
from pathlib import Path

import slicer

__all__ = [
    "ScriptedLoadableModule",
    "ScriptedLoadableModuleLogic",
    "ScriptedLoadableModuleTest",
    "ScriptedLoadableModuleWidget",
]


class ScriptedLoadableModule:
    """Base of the module class: fills ``parent`` with placeholders and registers the self test."""

    def __init__(self, parent: object) -> None:
        self.parent = parent
        self.moduleName = self.__class__.__name__
        parent.title = ""
        parent.categories = []
        parent.dependencies = []
        parent.contributors = ["placeholder"]
        parent.helpText = "placeholder"
        parent.acknowledgementText = "placeholder"
        slicer.selfTests[self.moduleName] = self.runTest

    def resourcePath(self, filename: str) -> str:
        """Path under ``Resources/`` beside the module file; existence is not checked."""
        return str(Path(self.parent.path).parent / "Resources" / filename)

    def runTest(self, msec: int = 100, **kwargs: object) -> None:
        """Run the module's self test; the module overrides it."""


class ScriptedLoadableModuleWidget:
    """Base of the module's widget: ``parent``, ``layout``, ``moduleName``; no reload section."""

    def __init__(self, parent: object = None) -> None:
        self.moduleName = self.__class__.__name__.removesuffix("Widget")
        self.parent = parent
        self.layout = parent.layout() if parent is not None else None
        self.developerMode = False

    def resourcePath(self, filename: str) -> str:
        """Path under ``Resources/`` beside the module file; existence is not checked."""
        return str(Path(slicer.util.modulePath(self.moduleName)).parent / "Resources" / filename)

    def setup(self) -> None:
        """Make the widgets; without developer mode the base makes none."""

    def cleanup(self) -> None:
        """Release what ``setup`` took."""

    def enter(self) -> None:
        """The module is shown."""

    def exit(self) -> None:
        """The module is left."""


class ScriptedLoadableModuleLogic:
    """Base of the logic: finds or makes the module's singleton parameter node."""

    def __init__(self, parent: object = None) -> None:
        super().__init__()
        self.moduleName = self.__class__.__name__.removesuffix("Logic")
        self.isSingletonParameterNode = True

    def getParameterNode(self) -> object:
        """The module's vtkMRMLScriptedModuleNode in ``slicer.mrmlScene``, made if there is none."""
        node = slicer.mrmlScene.GetSingletonNode(self.moduleName, "vtkMRMLScriptedModuleNode")
        if node is None:
            node = slicer.mrmlScene.AddNode(self.createParameterNode())
        # A scene close removes the attribute.
        if node.GetAttribute("ModuleName") != self.moduleName:
            node.SetAttribute("ModuleName", self.moduleName)
        return node

    def createParameterNode(self) -> object:
        """A new parameter node, not in the scene yet."""
        node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLScriptedModuleNode")
        node.UnRegister(None)
        node.SetSingletonTag(self.moduleName)
        node.SetAttribute("ModuleName", self.moduleName)
        node.SetName(slicer.mrmlScene.GenerateUniqueName(self.moduleName))
        return node


class ScriptedLoadableModuleTest(unittest.TestCase):
    """Base of the self test."""

    def runTest(self) -> None:
        """The module overrides it."""

    def delayDisplay(self, message: str, requestedDelay: int | None = None, msec: int | None = None) -> None:
        """Nobody looks: no delay."""
