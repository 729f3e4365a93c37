"""The application's parts that the logic needs, outside Slicer only; inside Slicer `start` does nothing.

`slicer-core` brings the real MRML scene, nodes and logics. Stood in for here, and nothing else:

==============================  =====================================================
``slicer.mrmlScene``            a real scene, booted in `engine`
``slicer.app``                  `application.Application`: temporary path, logic, no Qt
``slicer.modules.<name>``       `application.Modules`: ``.logic()`` of the real logics
``slicer.ScriptedLoadableModule``  `scripted_module`: its four base classes
``slicer.parameterNodeWrapper``    `parameter_node`: the field types that we use
``slicer.i18n``                 `translation`: the text as it is
==============================  =====================================================
"""

from __future__ import annotations

from .engine import inside_slicer, start

__all__ = ["inside_slicer", "start"]
