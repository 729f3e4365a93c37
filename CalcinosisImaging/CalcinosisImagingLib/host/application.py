"""Stand-ins for ``slicer.app`` and ``slicer.modules``: what of them works without Qt and a window."""

from __future__ import annotations

from collections.abc import Mapping


class Application:
    """``slicer.app`` without Qt: there is no window, no layout, no event loop."""

    applicationName = "CalcinosisImaging"

    def __init__(self, logic: object, temporary_path: str, keep: tuple[object, ...]) -> None:
        self._logic = logic
        self._keep = keep
        self.temporaryPath = temporary_path

    def applicationLogic(self) -> object:
        """The real vtkSlicerApplicationLogic."""
        return self._logic

    def layoutManager(self) -> None:
        """None, as in Slicer without a main window."""
        return None

    def processEvents(self) -> None:
        """Nothing to process."""

    def pauseRender(self) -> None:
        """Nothing is rendered."""

    def resumeRender(self) -> None:
        """Nothing is rendered."""

    def testingEnabled(self) -> bool:
        """True: nobody is there to close a dialog."""
        return True

    def translate(self, context: str, text: str) -> str:
        """The text as it is."""
        return text


class Module:
    """``slicer.modules.<name>``: its logic only."""

    def __init__(self, name: str, logic: object) -> None:
        self.name = name
        self._logic = logic

    def logic(self) -> object:
        """The module's real logic."""
        return self._logic


class Modules:
    """``slicer.modules``: one attribute per module, in lower case; others may be added, as Slicer does."""

    def __init__(self, logics: Mapping[str, object]) -> None:
        for name, logic in logics.items():
            setattr(self, name.lower(), Module(name, logic))
