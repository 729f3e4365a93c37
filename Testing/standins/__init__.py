"""Stand-ins for Slicer's Qt side (``qt``, ``ctk``, qMRML widgets, the scripted effect) on PySide6. Tests only.

As strict as Slicer 5.12 is, where it is strict; what is stood in for is listed in docs/panel.md, and a thing that
is not on the list raises. Everything below the widgets is real: the scene, the nodes, the editor's logic.
"""

from __future__ import annotations

from .install import install, load_module
from .record import console, slot_errors

__all__ = ["console", "install", "load_module", "slot_errors"]
