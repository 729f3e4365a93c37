"""The Segment Editor effect "Calcinosis". A thin skin: what it does is in CalcinosisImagingLib.ui.editing.

Slicer loads this file without a package, under the name of its folder: absolute imports only, and no other file here.
"""

import os

import qt
from CalcinosisImagingLib.ui.editing.options import set_defaults
from CalcinosisImagingLib.ui.editing.session import EffectSession
from SegmentEditorEffects import AbstractScriptedSegmentEditorEffect
from slicer.i18n import tr as _

ICON = os.path.join(os.path.dirname(os.path.dirname(__file__)), "Resources", "Icons", "CalcinosisEffect.png")


class SegmentEditorCalcinosisEffect(AbstractScriptedSegmentEditorEffect):
    """Finds deposits, and corrects them by a click or a line."""

    def __init__(self, scriptedEffect):
        scriptedEffect.name = "Calcinosis"  # not translated: modules find effects by name
        scriptedEffect.title = _("Calcinosis")
        scriptedEffect.perSegment = False
        scriptedEffect.requireSegments = False
        AbstractScriptedSegmentEditorEffect.__init__(self, scriptedEffect)
        self.session = None

    def clone(self):
        """A new effect for an editor."""
        import qSlicerSegmentationsEditorEffectsPythonQt as effects

        clonedEffect = effects.qSlicerSegmentEditorScriptedEffect(None)
        clonedEffect.setPythonSource(__file__.replace("\\", "/"))
        return clonedEffect

    def icon(self):
        """The effect's icon, on its button and beside the cursor."""
        return qt.QIcon(ICON) if os.path.exists(ICON) else qt.QIcon()

    def helpText(self):
        """What the editor shows below the effect's name."""
        return "<html>" + _(
            "Find deposits of calcinosis and correct them in CT, MR and radiographs.<br>"
            "<b>Find</b> shows candidates where the slices meet; move the sliders, then <b>Apply</b>.<br>"
            "Or choose a tool and click in a slice: <b>Take in</b> (A), <b>Throw out</b> (X), <b>Bone</b> (N), "
            "<b>Cut</b> by a line (C), <b>Regrow</b> (S), <b>Refine</b> (D).<br>"
            "Masking, overwriting, undo and redo of the Segment Editor hold for every step."
        )

    def setupOptionsFrame(self):
        """Make the options; there is no parameter set node yet."""
        self.session = EffectSession(self)

    def cleanup(self):
        """The editor is deleted: release connections."""
        if self.session is not None:
            self.session.cleanup()
            self.session = None

    def deactivate(self):
        """Another effect is chosen."""
        if self.session is not None:
            self.session.deactivate()

    def sourceVolumeNodeChanged(self):
        """Candidates belong to a volume."""
        if self.session is not None:
            self.session.cancel()

    def setMRMLDefaults(self):
        """Parameters that are not defined yet; an editor older than the effect asks for them before its options."""
        set_defaults(self.scriptedEffect)

    def updateGUIFromMRML(self):
        """Parameters to options."""
        self.session.show()

    def updateMRMLFromGUI(self):
        """Options to parameters."""
        self.session.options.store()

    def processInteractionEvents(self, callerInteractor, eventId, viewWidget):
        """Clicks, strokes and keys in slice views."""
        return self.session.interact(callerInteractor, eventId, viewWidget)
