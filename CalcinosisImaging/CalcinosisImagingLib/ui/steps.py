"""The steps of an analysis: what each needs, what it leaves in the parameter node, and how the logic runs it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from slicer.i18n import tr as _

from ..analysis.progress import Progress

NO_FILE = Path()
"""The parameter node's value for "no view file"."""


class PanelLogic(Protocol):
    """What the panel asks of the logic; each fills fields of the parameter node or raises `CalcinosisError`."""

    def segment(self, parameterNode: Any, modality: str, progress: Progress) -> object:
        """Deposits of one image; in a CT the bones too."""

    def register(self, parameterNode: Any, progress: Progress) -> object:
        """CT to MR, bone by bone."""

    def locate(self, parameterNode: Any, progress: Progress) -> object:
        """The CT's bones in the radiograph."""

    def quantify(self, parameterNode: Any, progress: Progress) -> object:
        """Measures of every deposit."""

    def compare(self, parameterNode: Any, progress: Progress) -> object:
        """Which deposits are the same."""

    def runAll(self, parameterNode: Any, progress: Progress) -> object:
        """Everything that the chosen images allow."""


Run = Callable[[PanelLogic, Any, Progress], object]


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes
    ----------
    key: name for code and tests.
    title: name for the user.
    needs: fields that must be filled.
    needs_count: at least so many of ``needs``; None = all of them.
    gives: fields that are filled once the step is done.
    run: calls the logic.
    corrects: the image whose deposits the user may correct after this step, a field; '' if none.
    """

    key: str
    title: str
    needs: tuple[str, ...]
    gives: tuple[str, ...]
    run: Run
    needs_count: int | None = None
    corrects: str = ""


def steps() -> tuple[Step, ...]:
    """All steps in the order in which they are run."""
    deposits = ("ctDeposits", "mrDeposits", "filmDeposits")
    registered = ("ctVolume", "mrVolume", "bones")
    located = ("ctVolume", "filmVolume", "bones")
    return (
        _finding("ct", _("Deposits and bones in CT"), "ctVolume", ("bones", "ctDeposits")),
        Step("register", _("CT to MR"), registered, ("ctToMr",), lambda g, p, r: g.register(p, r)),
        _finding("mr", _("Deposits in MR"), "mrVolume", ("mrDeposits",)),
        Step("locate", _("CT in radiograph"), located, ("filmPlacement",), lambda g, p, r: g.locate(p, r)),
        _finding("xray", _("Deposits in radiograph"), "filmVolume", ("filmDeposits",)),
        Step("quantify", _("Measure"), deposits, ("depositTable",), lambda g, p, r: g.quantify(p, r), 1),
        Step("compare", _("Compare"), deposits, ("matchTable",), lambda g, p, r: g.compare(p, r), 2),
    )


def _finding(modality: str, title: str, volume: str, gives: tuple[str, ...]) -> Step:
    """The step that finds the deposits of one image."""
    return Step(
        modality, title, (volume,), gives, lambda g, p, r: g.segment(p, modality, r), needs_count=None, corrects=volume
    )


def run_all() -> Step:
    """Everything at once, as one step."""
    return Step("all", _("Everything"), ("ctVolume", "mrVolume", "filmVolume"), (), lambda g, p, r: g.runAll(p, r), 1)


def field_titles() -> dict[str, str]:
    """How a field that a step needs is called."""
    return {
        "ctVolume": _("CT"),
        "mrVolume": _("MR"),
        "filmVolume": _("radiograph"),
        "bones": _("bones (step 1)"),
    }


def missing(step: Step, node: Any) -> list[str]:
    """Fields that the step still needs; with ``needs_count``, those that could make it up."""
    empty = [name for name in step.needs if getattr(node, name) is None]
    if step.needs_count is not None and len(step.needs) - len(empty) >= step.needs_count:
        return []
    return empty


def is_done(step: Step, node: Any) -> bool:
    """Whether the parameter node holds everything that the step gives."""
    return bool(step.gives) and all(getattr(node, name) is not None for name in step.gives)


def needs_text(step: Step, node: Any) -> str:
    """What is missing, as the step's state: ``needs CT, MR``; '' if nothing is."""
    lacking = missing(step, node)
    if not lacking:
        return ""
    if step.needs_count is None:
        titles = field_titles()
        return _("needs {what}").format(what=", ".join(titles[name] for name in lacking))
    return _("needs deposits in two images") if step.needs_count > 1 else _("needs deposits")


def result_text(step: Step, node: Any) -> str:
    """What the step found: number of deposits, bones, rows."""
    counts = []
    for name in step.gives:
        found = getattr(node, name)
        if found.IsA("vtkMRMLSegmentationNode"):
            count = found.GetSegmentation().GetNumberOfSegments()
            text = _("{n} bones") if name == "bones" else _("{n} deposits")
            counts.append(text.format(n=count))
        elif found.IsA("vtkMRMLTableNode"):
            counts.append(_("{n} rows").format(n=found.GetNumberOfRows()))
    return ", ".join(counts) or _("done")
