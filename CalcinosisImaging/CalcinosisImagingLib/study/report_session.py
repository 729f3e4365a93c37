"""The report of one visit."""

from __future__ import annotations

from pathlib import Path

from ..analysis.files import write_text
from .session_run import SessionResult


def write_session_report(path: Path, result: SessionResult) -> None:
    """Write a self-contained HTML page."""
    write_text(path, f"<!doctype html><title>{result.participant} {result.session}</title>")
