"""What Slicer would only print: kept, so that a test can say that there was none of it."""

from __future__ import annotations

import sys
import traceback

slot_errors: list[str] = []
"""Tracebacks of exceptions in slots. In Slicer they are printed, swallowed, and make ``--testing`` end with 1."""
console: list[str] = []
"""Messages of a wrong use that raises nothing: a signal that does not exist, an unknown class in a ``.ui``."""


def slot_error() -> None:
    """Record and print the exception that is being handled."""
    text = traceback.format_exc()
    slot_errors.append(text)
    sys.stderr.write(text)


def message(text: str) -> None:
    """Record and print a message."""
    console.append(text)
    sys.stderr.write(text + "\n")


def forget() -> None:
    """Start a new record."""
    slot_errors.clear()
    console.clear()
