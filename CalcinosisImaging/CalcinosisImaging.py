"""The module as Slicer loads it: names, life cycle, self test. The panel is in CalcinosisImagingLib.ui.

Slicer loads this file at every start, used or not: what needs scipy or SimpleITK is imported at its first use.
"""

import slicer
from CalcinosisImagingLib import __version__
from CalcinosisImagingLib.ui.registration import register_effect
from CalcinosisImagingLib.ui.reloading import forget_library
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin


def __getattr__(name):
    """The logic, for ``from CalcinosisImaging import CalcinosisImagingLogic``."""
    if name == "CalcinosisImagingLogic":
        from CalcinosisImagingLib.logic.module_logic import CalcinosisImagingLogic

        return CalcinosisImagingLogic
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class CalcinosisImaging(ScriptedLoadableModule):
    """What Slicer shows about the module, and what happens at start-up."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("Calcinosis Imaging")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Quantification")]
        parent.dependencies = ["Segmentations", "SegmentEditor", "Volumes", "Tables", "Transforms"]
        parent.contributors = ["The CalcinosisImaging contributors"]
        parent.helpText = _(
            "Finds, measures and compares calcinosis of the hand in CT, MR and radiographs. "
            "Choose the images, run the steps from top to bottom, check the registration, correct the deposits in the "
            "Segment Editor with the effect Calcinosis, and read the tables. Version {version}."
        ).format(version=__version__)
        parent.acknowledgementText = _("Built on 3D Slicer, ITK, VTK, NumPy and SciPy.")
        slicer.app.connect("startupCompleted()", register_effect)


class CalcinosisImagingWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The life cycle of the panel: setup, enter, exit, scene close, cleanup, reload."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self.panel = None

    def setup(self):
        """Load the ``.ui`` and fill it from the scene."""
        from CalcinosisImagingLib.logic.module_logic import CalcinosisImagingLogic
        from CalcinosisImagingLib.ui.panel import Panel

        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/CalcinosisImaging.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = CalcinosisImagingLogic()
        self.panel = Panel(self.ui, self.logic)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.NodeAddedEvent, self.onNodesChanged)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.NodeRemovedEvent, self.onNodesChanged)
        self.panel.show(self.logic.getParameterNode())

    def enter(self):
        """The user opens the module: show the scene's parameters."""
        self.panel.show(self.logic.getParameterNode())

    def exit(self):
        """The user leaves the module: do not follow the scene any more."""
        self.panel.show(None)

    def cleanup(self):
        """The widget goes: release every observer."""
        self.removeObservers()
        if self.panel is not None:
            self.panel.cancel()
            self.panel.show(None)

    def onReload(self):
        """Developers: read the library's files again too."""
        forget_library()
        ScriptedLoadableModuleWidget.onReload(self)

    def onSceneStartClose(self, caller, event):
        """The scene is about to be emptied."""
        self.panel.scene_closes()

    def onSceneEndClose(self, caller, event):
        """The scene is empty: its parameters are the defaults again."""
        if self.parent.isEntered:
            self.panel.show(self.logic.getParameterNode())

    def onNodesChanged(self, caller, event):
        """An image came or went: what the panel advises may change."""
        if not slicer.mrmlScene.IsBatchProcessing():
            self.panel.refresh()


class CalcinosisImagingTest(ScriptedLoadableModuleTest):
    """Self test of the module inside Slicer: the steps on a small CT with two deposits of known volume."""

    def setUp(self):
        """Begin with an empty scene."""
        slicer.mrmlScene.Clear(0)

    def runTest(self):
        """Run the self test."""
        from CalcinosisImagingLib.logic.module_logic import CalcinosisImagingLogic
        from CalcinosisImagingLib.ui.self_test import check_measures, check_parameters

        self.setUp()
        check_parameters(self, CalcinosisImagingLogic())
        self.setUp()
        check_measures(self, CalcinosisImagingLogic())
