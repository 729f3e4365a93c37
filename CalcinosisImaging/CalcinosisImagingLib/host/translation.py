"""Stand-in for ``slicer.i18n``: no language but the source's."""

from __future__ import annotations


def translate(context: str, text: str) -> str:
    """The text as it is; see ``slicer.i18n.translate``."""
    return text


def tr(text: str) -> str:
    """The text as it is; see ``slicer.i18n.tr``."""
    return text
