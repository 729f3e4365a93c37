"""``SegmentEditorEffects`` and ``qSlicerSegmentationsEditorEffectsPythonQt``: base class and loader of effects.

Behaviour as in Slicer 5.12, Modules/Loadable/Segmentations/EditorEffects/Python/SegmentEditorEffects.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import slicer

from . import record
from .scripted_effect import ScriptedEffect

registered: dict[str, ScriptedEffect] = {}
"""Effects by name; a second one of the same name is ignored, as in Slicer."""


class AbstractScriptedSegmentEditorEffect:
    """Base of scripted effects."""

    def __init__(self, scriptedEffect: ScriptedEffect) -> None:
        self.scriptedEffect = scriptedEffect

    def register(self) -> None:
        """Make the effect known to editors that are made afterwards."""
        registered.setdefault(self.scriptedEffect.name, self.scriptedEffect)

    def cleanup(self) -> None:
        """Release observers and connections; effects override it."""

    def xyToRas(self, xy: Any, viewWidget: Any) -> list[float]:
        """Position in a slice view -> RAS mm."""
        ras = [0.0, 0.0, 0.0]
        slicer.vtkSlicerSegmentEditorLogic.XyToRas([int(xy[0]), int(xy[1])], ras, viewWidget.mrmlSliceNode())
        return ras

    def xyToIjk(self, xy: Any, viewWidget: Any, image: Any, parentTransformNode: Any = None) -> list[int]:
        """Position in a slice view -> voxel of the image, whole numbers; wrong without the parent transform."""
        ijk = [0, 0, 0]
        logic = slicer.vtkSlicerSegmentEditorLogic
        logic.XyToIjk([int(xy[0]), int(xy[1])], ijk, viewWidget.mrmlSliceNode(), image, parentTransformNode)
        return ijk


class qSlicerSegmentEditorScriptedEffect(ScriptedEffect):  # noqa: N801
    """Loads the effect's class from its file, under the name of the file's folder."""

    def setPythonSource(self, path: str) -> bool:
        """Make the Python object; False and a message if there is no such file or class."""
        source = Path(path)
        name = source.stem if source.stem.endswith("Effect") else source.stem + "Effect"
        module = sys.modules.get(source.parent.name)
        if module is None or not hasattr(module, name):
            module = _execute(source)
        if module is None or not hasattr(module, name):
            record.message(f"Failed to load segment editor scripted effect: class {name} was not found in {path}")
            return False
        self._adopt(getattr(module, name)(self))
        return True


def _execute(source: Path) -> ModuleType | None:
    """Run the file as a module named like its folder, without a package, as Slicer does."""
    if not source.is_file():
        return None
    spec = importlib.util.spec_from_file_location(source.parent.name, source)
    module = importlib.util.module_from_spec(spec)
    module.__package__ = ""
    sys.modules[source.parent.name] = module
    spec.loader.exec_module(module)
    return module


def modules() -> dict[str, ModuleType]:
    """The two modules that effects import, by name."""
    base = ModuleType("SegmentEditorEffects")
    base.AbstractScriptedSegmentEditorEffect = AbstractScriptedSegmentEditorEffect
    plugin = ModuleType("qSlicerSegmentationsEditorEffectsPythonQt")
    plugin.qSlicerSegmentEditorScriptedEffect = qSlicerSegmentEditorScriptedEffect
    return {module.__name__: module for module in (base, plugin)}
