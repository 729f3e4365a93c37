"""The effect's options: widgets only, each tied to a parameter of the parameter set node."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import ctk
import qt
from slicer.i18n import tr as _

from . import kinds
from .context import AUTOMATIC
from .tools import PART_BONE, PART_NEW, PART_OUT, tools

DEFAULTS: dict[str, object] = {
    "Tool": "in",
    "Sensitivity": 0.5,
    "MinimumSize": 1.0,
    "BoneSeparation": 1.0,
    "RegionRadius": 20.0,
    "WholeImage": 0,
    "CutPart": PART_NEW,
    "Layout": kinds.PER_DEPOSIT,
    "Modality": AUTOMATIC,
}
"""Parameters and their defaults; flags are whole numbers, because text True reads as 0."""
FOLDER = "EditsFolder"
"""Parameter without default: Slicer does not store an empty text."""
SLIDERS = ("Sensitivity", "MinimumSize", "BoneSeparation")
"""Those that the preview follows."""


def set_defaults(effect: Any) -> None:
    """Parameters that the parameter set node does not have yet.

    No options are needed: an editor that was there before the effect was registered asks for this first.
    """
    for name, value in DEFAULTS.items():
        effect.setParameterDefault(name, value)


class Handler(Protocol):
    """What the options call."""

    def choose_tool(self, name: str) -> None:
        """A tool was chosen."""

    def find(self) -> None:
        """Look for candidates."""

    def apply(self) -> None:
        """Take in all candidates."""

    def cancel(self) -> None:
        """Forget the candidates."""

    def save(self) -> None:
        """Save the deposits as a reader's edit."""


class Options:
    """The widgets below the effect's buttons."""

    def __init__(self, effect: Any, handler: Handler, changed: Callable[[], None]) -> None:
        self._effect, self._changed = effect, changed
        self._sliders: dict[str, Any] = {}
        self._combos: dict[str, Any] = {}
        self._connections: list[tuple[Any, str, Callable[..., None]]] = []
        self._tool_buttons: dict[str, Any] = {}
        self._add_tools(handler)
        self._add_combo(
            "CutPart",
            _("Cut-off part:"),
            ((PART_NEW, _("new deposit")), (PART_BONE, _("bone")), (PART_OUT, _("thrown out"))),
        )
        self._add_finding(handler)
        layouts = ((kinds.PER_DEPOSIT, _("one per deposit")), (kinds.PER_CLASS, _("one per class")))
        self._add_combo("Layout", _("New segments:"), layouts)
        images = ((AUTOMATIC, _("as the volume says")), ("ct", "CT"), ("mr", "MR"), ("xray", _("radiograph")))
        self._add_combo("Modality", _("Kind of image:"), images)
        self._add_saving(handler)
        self.status = qt.QLabel("")
        self.status.wordWrap = True
        effect.addOptionsWidget(self.status)

    def show(self) -> None:
        """Parameters to widgets, without a signal."""
        parameter = self._effect.parameter
        for name, slider in self._sliders.items():
            self._quietly(slider, "value", self._effect.doubleParameter(name))
        self._quietly(self._whole, "checked", bool(self._effect.integerParameter("WholeImage")))
        for name, combo in self._combos.items():
            self._quietly(combo, "currentIndex", combo.findData(parameter(name)))
        self._sliders["RegionRadius"].enabled = not self._whole.checked
        tool = parameter("Tool")
        for name, button in self._tool_buttons.items():
            self._quietly(button, "checked", name == tool)
        self._hint.text = next((t.hint for t in tools() if t.name == tool), "")
        self._combos["CutPart"].enabled = tool == "cut"
        folder = folder_of(self._effect)
        if self._folder.currentPath != folder:
            self._quietly(self._folder, "currentPath", folder)

    def store(self) -> None:
        """Widgets to parameters."""
        for name, slider in self._sliders.items():
            self._effect.setParameter(name, float(slider.value))
        self._effect.setParameter("WholeImage", int(self._whole.checked))
        for name, combo in self._combos.items():
            self._effect.setParameter(name, str(combo.currentData))
        self._effect.setParameter(FOLDER, self._folder.currentPath)

    def show_preview_buttons(self, on: bool) -> None:
        """Apply and Cancel work only while there is a preview."""
        self._apply.enabled = on
        self._cancel.enabled = on

    def disconnect(self) -> None:
        """Release every connection."""
        for widget, signal, slot in self._connections:
            widget.disconnect(signal, slot)
        self._connections.clear()

    def _connect(self, widget: Any, signal: str, slot: Callable[..., None]) -> None:
        widget.connect(signal, slot)
        self._connections.append((widget, signal, slot))

    def _quietly(self, widget: Any, name: str, value: object) -> None:
        blocked = widget.blockSignals(True)
        setattr(widget, name, value)
        widget.blockSignals(blocked)

    def _add_tools(self, handler: Handler) -> None:
        row = qt.QWidget()
        grid = qt.QGridLayout(row)
        grid.setContentsMargins(0, 0, 0, 0)
        for number, tool in enumerate(tools()):
            button = qt.QPushButton(tool.title)
            button.objectName = f"{tool.name}ToolButton"
            button.checkable = True
            button.toolTip = f"{tool.hint} ({tool.key.upper()})"
            self._connect(button, "clicked(bool)", _chooser(handler, tool.name))
            grid.addWidget(button, number // 3, number % 3)
            self._tool_buttons[tool.name] = button
        self._effect.addOptionsWidget(row)
        self._hint = qt.QLabel("")
        self._hint.wordWrap = True
        self._effect.addOptionsWidget(self._hint)

    def _add_finding(self, handler: Handler) -> None:
        self._add_slider(
            "Sensitivity", _("Sensitivity:"), 0.0, 1.0, 0.05, 2, "", _("0: few, sure. 1: all, some false.")
        )
        self._add_slider("MinimumSize", _("Smallest:"), 0.0, 50.0, 0.5, 1, _(" mm³"), _("Radiographs: mm²."))
        self._add_slider(
            "BoneSeparation",
            _("Bone separation:"),
            0.0,
            6.0,
            0.1,
            1,
            _(" mm"),
            _("CT: necks to bone up to this are cut."),
        )
        self._add_slider("RegionRadius", _("Region:"), 5.0, 60.0, 1.0, 0, _(" mm"), _("Around where the slices meet."))
        self._whole = qt.QCheckBox(_("Whole image"))
        self._connect(self._whole, "toggled(bool)", self._changed)
        self._effect.addOptionsWidget(self._whole)
        row = qt.QWidget()
        line = qt.QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        self._find = self._button(
            line, "findButton", _("Find"), _("Look for candidates; nothing is changed yet."), handler.find
        )
        self._apply = self._button(
            line, "applyButton", _("Apply"), _("Make a deposit of each candidate."), handler.apply
        )
        self._cancel = self._button(line, "cancelButton", _("Cancel"), _("Forget the candidates."), handler.cancel)
        self._effect.addOptionsWidget(row)
        self.show_preview_buttons(False)

    def _add_saving(self, handler: Handler) -> None:
        row = qt.QWidget()
        line = qt.QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        self._folder = ctk.ctkPathLineEdit()
        self._folder.filters = ctk.ctkPathLineEdit.Dirs  # without it the button offers files only
        self._folder.toolTip = _("Folder 'edits' of the visit in the study, or a reader's folder in it.")
        self._connect(self._folder, "currentPathChanged(QString)", self._changed)
        line.addWidget(self._folder)
        self._button(
            line, "saveButton", _("Save"), _("Save the deposits where the study looks for corrections."), handler.save
        )
        self._effect.addLabeledOptionsWidget(_("Edits folder:"), row)

    def _button(self, line: Any, name: str, text: str, tip: str, slot: Callable[[], None]) -> Any:
        button = qt.QPushButton(text)
        button.objectName = name
        button.toolTip = tip
        self._connect(button, "clicked(bool)", lambda: slot())
        line.addWidget(button)
        return button

    def _add_slider(
        self, name: str, label: str, low: float, high: float, step: float, decimals: int, suffix: str, tip: str
    ) -> None:
        slider = ctk.ctkSliderWidget()
        slider.objectName = f"{name}Slider"
        slider.minimum, slider.maximum = low, high
        slider.singleStep, slider.decimals, slider.suffix = step, decimals, suffix
        slider.toolTip = tip
        self._connect(slider, "valueChanged(double)", self._changed)
        self._effect.addLabeledOptionsWidget(label, slider)
        self._sliders[name] = slider

    def _add_combo(self, name: str, label: str, items: tuple[tuple[str, str], ...]) -> None:
        combo = qt.QComboBox()
        combo.objectName = f"{name}Combo"
        for value, text in items:
            combo.addItem(text, value)
        self._connect(combo, "currentIndexChanged(int)", self._changed)
        self._effect.addLabeledOptionsWidget(label, combo)
        self._combos[name] = combo


def _chooser(handler: Handler, name: str) -> Callable[[], None]:
    """A slot without arguments: one with a default would be given the button's state."""
    return lambda: handler.choose_tool(name)


def folder_of(effect: Any) -> str:
    """The edits folder that was chosen, '' if none was."""
    return effect.parameter(FOLDER) if effect.parameterDefined(FOLDER) else ""
