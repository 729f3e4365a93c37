"""The panel: joins the widgets of the ``.ui`` with the steps, the tables and the parameter node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import slicer
import vtk
from slicer.i18n import tr as _

from ..scene.volumes import get_view
from .correction import open_in_segment_editor
from .jumping import jump_to, place_of_row, row_of_selection
from .runner import Runner
from .step_rows import StepRows
from .steps import NO_FILE, PanelLogic, Step, missing, run_all, steps
from .tables import TableTab

DEPOSITS_OF = {"ctVolume": "ctDeposits", "mrVolume": "mrDeposits", "filmVolume": "filmDeposits"}


class Panel:
    """Everything below the module's widget; knows no life cycle of Slicer.

    ui: the children of ``CalcinosisImaging.ui`` by name. logic: see `PanelLogic`.
    """

    def __init__(self, ui: Any, logic: PanelLogic) -> None:
        self._ui, self._logic = ui, logic
        self._node: Any = None
        self._gui_tag: int | None = None
        self._observer: int | None = None
        self._runner = Runner(ui.progressBar, ui.messageLabel, ui.cancelButton, self.refresh)
        self._rows = StepRows(ui.stepsGrid, steps(), self.run, self.correct)
        self._tabs = (
            TableTab("depositTable", ui.depositsView, ui.depositsViewLabel, _("No measures yet: run step 6.")),
            TableTab("matchTable", ui.matchesView, ui.matchesViewLabel, _("No comparison yet: run step 7.")),
            TableTab(
                "registrationTable",
                ui.registrationView,
                ui.registrationViewLabel,
                _("No registration yet: run step 2 or 4."),
            ),
        )
        ui.progressBar.visible = False
        ui.depositsView.connect("selectionChanged()", self._show_deposit)
        ui.runAllButton.connect("clicked(bool)", lambda: self.run(run_all()))
        ui.cancelButton.connect("clicked(bool)", self._runner.cancel)
        # By hand: bound to the field, the empty path would be shown as a dot.
        ui.viewFileEdit.connect("currentPathChanged(QString)", self._choose_view_file)
        ui.allColumnsCheckBox.connect("toggled(bool)", self.refresh)
        self.refresh()

    @property
    def node(self) -> Any:
        """The parameter node that is shown, None while there is none."""
        return self._node

    def show(self, node: Any) -> None:
        """Show another parameter node, or none."""
        if self._node is not None:
            if self._gui_tag is not None:
                self._node.disconnectGui(self._gui_tag)
            self._node.RemoveObserver(self._observer)
        self._node, self._gui_tag, self._observer = node, None, None
        if node is not None:
            self._gui_tag = node.connectGui(self._ui)
            self._observer = node.AddObserver(vtk.vtkCommand.ModifiedEvent, self.refresh)
        self.refresh()

    def scene_closes(self) -> None:
        """Stop what runs and let go of the scene's nodes."""
        self._runner.cancel()
        self.show(None)
        self._runner.forget()

    def run(self, step: Step) -> bool:
        """Run a step; a message tells how it went."""
        with slicer.util.tryWithErrorDisplay(_("{step} failed.").format(step=step.title)):
            return self._runner.run(step, self._logic, self._node)

    def cancel(self) -> None:
        """Stop the running step."""
        self._runner.cancel()

    def correct(self, step: Step) -> None:
        """Open the deposits of an image in the Segment Editor."""
        volume = getattr(self._node, step.corrects)
        deposits = getattr(self._node, DEPOSITS_OF[step.corrects])
        open_in_segment_editor(deposits, volume)

    def refresh(self, *_arguments: object) -> None:
        """Show the state of everything."""
        node, running = self._node, self._runner.running
        self._rows.update(node, running, self._runner.failures)
        everything = run_all()
        self._ui.runAllButton.enabled = node is not None and not running and not missing(everything, node)
        self._show_view_file()
        self._ui.imagesHintLabel.text = images_hint(node)
        self._ui.imagesHintLabel.visible = bool(self._ui.imagesHintLabel.text)
        for part in (self._ui.imagesSection, self._ui.settingsSection, self._ui.nodesSection):
            part.enabled = not running
        for tab in self._tabs:
            tab.update(node, self._ui.allColumnsCheckBox.checked)

    def _show_deposit(self) -> None:
        """A row of the deposit table was chosen."""
        if self._node is not None and self._node.depositTable is not None:
            place = place_of_row(self._node, row_of_selection(self._ui.depositsView))
            if place is not None:
                jump_to(place)

    def _choose_view_file(self, path: str) -> None:
        """The user chose or typed a view file."""
        if self._node is not None and Path(path) != self._node.viewFile:
            self._node.viewFile = Path(path)

    def _show_view_file(self) -> None:
        """The parameter node's view file; nothing for none."""
        chosen = NO_FILE if self._node is None else self._node.viewFile
        if Path(self._ui.viewFileEdit.currentPath) != chosen:
            self._ui.viewFileEdit.currentPath = "" if chosen == NO_FILE else str(chosen)


def images_hint(node: Any) -> str:
    """What to do next about the images; '' if nothing."""
    if node is None:
        return ""
    chosen = [name for name in DEPOSITS_OF if getattr(node, name) is not None]
    if not chosen:
        if slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 0:
            return _("There are no images yet: load a CT, an MR or a radiograph (File, Add Data; or the DICOM module).")
        return _("Choose the images of one hand; one is enough to begin.")
    if node.filmVolume is not None and node.viewFile == NO_FILE and get_view(node.filmVolume) is None:
        return _("The radiograph needs a view file: it tells the distances and the size of a pixel.")
    return ""
