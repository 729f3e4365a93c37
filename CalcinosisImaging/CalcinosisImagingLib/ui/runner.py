"""Runs one step at a time, with progress on the panel and a Cancel that works."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer
from slicer.i18n import tr as _

from ..analysis.errors import CalcinosisError, OperationCancelled
from .steps import PanelLogic, Step


class Runner:
    """Holds which step runs, what failed and why.

    While a step runs, events are handled between its reports: that is how Cancel arrives, and why no other step may
    start meanwhile.
    """

    def __init__(self, bar: Any, message: Any, cancel_button: Any, on_change: Callable[[], None]) -> None:
        self._bar, self._message, self._cancel_button = bar, message, cancel_button
        self._on_change = on_change
        self._cancelled = False
        self.running = ""
        self.failures: dict[str, str] = {}

    def run(self, step: Step, logic: PanelLogic, node: Any) -> bool:
        """Run a step to its end; True if it succeeded. An error that is not ours passes on, after cleaning up."""
        if self.running:
            return False
        self._start(step)
        outcome = _("{step}: stopped by an error.").format(step=step.title)
        try:
            step.run(logic, node, self._report)
            outcome = _("{step}: finished.").format(step=step.title)
            return True
        except OperationCancelled:
            outcome = _("{step}: cancelled, nothing of it was kept.").format(step=step.title)
        except CalcinosisError as error:
            outcome = self.failures[step.key] = str(error)
            slicer.util.errorDisplay(outcome)
        finally:
            self._finish(outcome)
        return False

    def cancel(self) -> None:
        """Ask the running step to stop at its next report."""
        self._cancelled = True
        self._cancel_button.enabled = False
        if self.running:
            self._message.text = _("Stopping …")

    def forget(self) -> None:
        """Drop failures and message: the scene is another one."""
        self.failures.clear()
        self._message.text = ""

    def _start(self, step: Step) -> None:
        self._cancelled = False
        self.running = step.key
        self.failures.pop(step.key, None)
        self._bar.value = 0
        self._bar.visible = True
        self._cancel_button.enabled = True
        self._message.text = step.title
        self._on_change()

    def _finish(self, outcome: str) -> None:
        self.running = ""
        self._bar.visible = False
        self._cancel_button.enabled = False
        self._message.text = outcome
        self._on_change()

    def _report(self, fraction: float, message: str) -> bool:
        """The step's progress receiver: shows it, handles what waits, and says whether to go on."""
        self._bar.value = round(100 * fraction)
        if not self._cancelled:
            self._message.text = message
        slicer.app.processEvents()
        return not self._cancelled
