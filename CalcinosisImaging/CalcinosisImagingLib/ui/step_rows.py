"""One row of the panel per step: its name, its state in words and colour, its buttons."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import qt
from slicer.i18n import tr as _

from .steps import Step, is_done, needs_text, result_text

COLOURS = {"missing": "#8a8a8a", "ready": "#3b7dd8", "running": "#3b7dd8", "done": "#2e9e4f", "failed": "#d0433b"}
"""Legible on Slicer's light and dark style; the words say the same."""

BUTTON_WIDTH_PX = 64
"""The module panel is narrow: the words need the room."""


@dataclass(frozen=True)
class StepState:
    """kind: a key of `COLOURS`; text: what the user reads; detail: the tool tip."""

    kind: str
    text: str
    detail: str = ""


class StepRows:
    """The grid of steps."""

    def __init__(
        self, grid: Any, steps: Sequence[Step], on_run: Callable[[Step], None], on_correct: Callable[[Step], None]
    ) -> None:
        self._steps = tuple(steps)
        self._states: dict[str, Any] = {}
        self._run: dict[str, Any] = {}
        self._correct: dict[str, Any] = {}
        grid.setColumnStretch(1, 1)
        for row, step in enumerate(self._steps):
            self._add(grid, row, step, on_run, on_correct)

    def _add(self, grid: Any, row: int, step: Step, on_run: Callable, on_correct: Callable) -> None:
        state = qt.QLabel("")
        state.wordWrap = True
        state.objectName = f"{step.key}State"
        run = qt.QPushButton(_("Run"))
        run.maximumWidth = BUTTON_WIDTH_PX
        run.objectName = f"{step.key}RunButton"
        run.connect("clicked(bool)", lambda: on_run(step))
        grid.addWidget(qt.QLabel(f"{row + 1}. {step.title}"), row, 0)
        grid.addWidget(state, row, 1)
        grid.addWidget(run, row, 3)
        self._states[step.key], self._run[step.key] = state, run
        if step.corrects:
            correct = qt.QPushButton(_("Correct"))
            correct.maximumWidth = BUTTON_WIDTH_PX
            correct.objectName = f"{step.key}CorrectButton"
            correct.toolTip = _("Open these deposits in the Segment Editor, with the effect Calcinosis.")
            correct.connect("clicked(bool)", lambda: on_correct(step))
            grid.addWidget(correct, row, 2)
            self._correct[step.key] = correct

    def update(self, node: Any, running: str, failures: dict[str, str]) -> None:
        """Show every step's state; while one runs, no button works."""
        for step in self._steps:
            state = state_of(step, node, running, failures)
            label = self._states[step.key]
            label.text = state.text
            label.toolTip = state.detail
            label.styleSheet = f"color: {COLOURS[state.kind]}"
            idle = node is not None and not running
            self._run[step.key].enabled = idle and state.kind != "missing"
            if step.key in self._correct:
                self._correct[step.key].enabled = idle and is_done(step, node)


def state_of(step: Step, node: Any, running: str, failures: dict[str, str]) -> StepState:
    """The state of a step; a failure stays until the step is run again or its input goes."""
    if node is None:
        return StepState("missing", "")
    lacking = needs_text(step, node)
    if running == step.key:
        return StepState("running", _("running"))
    if lacking and not is_done(step, node):
        return StepState("missing", lacking)
    if step.key in failures:
        return StepState("failed", _("failed: see below"), failures[step.key])
    if is_done(step, node):
        return StepState("done", result_text(step, node))
    return StepState("ready", _("ready"))
