"""Boots one MRML scene with the module logics that our logic uses."""

from __future__ import annotations

import atexit
import shutil
import sys
import tempfile
from types import ModuleType

import slicer

from . import application, parameter_node, scripted_module, translation

MODULE_LOGICS = {
    "SubjectHierarchy": "vtkSlicerSubjectHierarchyModuleLogic",
    "Volumes": "vtkSlicerVolumesLogic",
    "Segmentations": "vtkSlicerSegmentationsModuleLogic",
    "Tables": "vtkSlicerTablesLogic",
    "Plots": "vtkSlicerPlotsLogic",
    "Transforms": "vtkSlicerTransformLogic",
    "Texts": "vtkSlicerTextsLogic",
    "Models": "vtkSlicerModelsLogic",
    "Markups": "vtkSlicerMarkupsLogic",
}
"""Modules whose logic is available as ``slicer.modules.<lower case name>.logic()``."""

STAND_INS: dict[str, ModuleType] = {
    "slicer.ScriptedLoadableModule": scripted_module,
    "slicer.parameterNodeWrapper": parameter_node,
    "slicer.i18n": translation,
}
"""Python modules of Slicer that slicer-core does not have, by the name under which they are imported."""


def inside_slicer() -> bool:
    """Whether this process is the Slicer application itself."""
    return hasattr(slicer, "app") and not isinstance(slicer.app, application.Application)


def start() -> None:
    """Make ``slicer.mrmlScene`` and the stand-ins; does nothing inside Slicer or when called again."""
    if hasattr(slicer, "app"):
        return
    temporary = tempfile.mkdtemp(prefix="calcinosis-")
    atexit.register(shutil.rmtree, temporary, ignore_errors=True)
    logic, scene, keep = _boot(temporary)
    modules = {name: _module_logic(name, class_name, logic, scene) for name, class_name in MODULE_LOGICS.items()}
    # `slicer.util` asks for it when it imports a labelmap.
    modules["Colors"] = logic.GetColorLogic()
    logic.SetModuleLogic("Colors", modules["Colors"])
    # The application logic and the managers must live as long as the process: Python owns them.
    slicer.app = application.Application(logic, temporary, keep)
    slicer.modules = application.Modules(modules)
    slicer.mrmlScene = scene
    slicer.selfTests = {}
    for name, module in STAND_INS.items():
        sys.modules[name] = module
        setattr(slicer, name.rpartition(".")[2], module)


def _boot(temporary: str) -> tuple[object, object, tuple[object, ...]]:
    """An application logic with its scene, colours, and the managers without which ``ReadFromMRB`` just fails."""
    logic = slicer.vtkSlicerApplicationLogic()
    scene = slicer.vtkMRMLScene()
    scene.SetRootDirectory(temporary)
    logic.SetMRMLScene(scene)
    logic.SetTemporaryPath(temporary)
    logic.GetColorLogic().SetMRMLScene(scene)
    logic.GetColorLogic().AddDefaultColorNodes()
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene)
    cache = slicer.vtkCacheManager()
    cache.SetRemoteCacheDirectory(temporary)
    cache.SetMRMLScene(scene)
    manager = slicer.vtkDataIOManager()
    manager.SetCacheManager(cache)
    scene.SetCacheManager(cache)
    scene.SetDataIOManager(manager)
    remote = slicer.vtkMRMLRemoteIOLogic()
    remote.SetMRMLScene(scene)
    reading = slicer.vtkDataIOManagerLogic()
    reading.SetMRMLApplicationLogic(logic)
    reading.SetAndObserveDataIOManager(manager)
    return logic, scene, (cache, manager, remote, reading)


def _module_logic(name: str, class_name: str, application_logic: object, scene: object) -> object:
    """One module's logic on the scene, known to the application logic under the module's name."""
    logic = getattr(slicer, class_name)()
    logic.SetMRMLApplicationLogic(application_logic)
    logic.SetMRMLScene(scene)
    application_logic.SetModuleLogic(name, logic)
    return logic
