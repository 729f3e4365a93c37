"""Registers the Segment Editor effect; to be called once the application has started."""

from __future__ import annotations

from pathlib import Path

EFFECT_SOURCE = Path(__file__).resolve().parents[2] / "CalcinosisImagingEffect" / "SegmentEditorCalcinosisEffect.py"


def register_effect() -> None:
    """Make the effect known to every Segment Editor made from now on; a second call changes nothing in Slicer.

    Before start-up is complete the plug-in library cannot be counted on, hence the import here.
    """
    import qSlicerSegmentationsEditorEffectsPythonQt as effects

    effect = effects.qSlicerSegmentEditorScriptedEffect(None)
    effect.setPythonSource(str(EFFECT_SOURCE))
    effect.self().register()
