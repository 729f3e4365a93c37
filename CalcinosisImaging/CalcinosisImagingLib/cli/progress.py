"""Progress on standard error: one line that is rewritten on a terminal, a line per step elsewhere."""

from __future__ import annotations

from typing import TextIO


class ProgressLine:
    """A progress receiver: call it with a fraction and a message; it never asks to stop."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._terminal = stream.isatty()
        self._last = ""

    def __call__(self, fraction: float, message: str) -> bool:
        """Show the fraction in per cent and the message."""
        text = f"{100 * min(max(fraction, 0.0), 1.0):3.0f} % {message}"
        if text == self._last:
            return True
        if self._terminal:
            self._stream.write(f"\r\x1b[K{text}")
            self._stream.flush()
        elif text[4:] != self._last[4:]:
            self._stream.write(text + "\n")
            self._stream.flush()
        self._last = text
        return True

    def clear(self) -> None:
        """Take the line away before something else is printed."""
        if self._terminal and self._last:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
