"""Progress of long operations, and the way to stop them."""

from __future__ import annotations

from collections.abc import Callable

from .errors import OperationCancelled

Progress = Callable[[float, str], bool]
"""``progress(fraction, message)`` with fraction in 0..1; returns False to ask the operation to stop."""


def silent(fraction: float, message: str) -> bool:
    """Report to nobody, never stop."""
    return True


def report(progress: Progress, fraction: float, message: str) -> None:
    """Report, and raise `OperationCancelled` if the receiver asks to stop."""
    if not progress(fraction, message):
        raise OperationCancelled(f"Cancelled while: {message}.")


def part(progress: Progress, start: float, end: float) -> Progress:
    """The slice ``start..end`` of a longer operation, as a progress receiver of its own."""
    return lambda fraction, message: progress(start + (end - start) * fraction, message)
