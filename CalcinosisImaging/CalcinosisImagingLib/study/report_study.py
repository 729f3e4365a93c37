"""The report of a whole study."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..analysis.files import write_text


def write_study_report(
    path: Path,
    name: str,
    results: Mapping[str, dict[str, Any]],
    agreement: dict[str, Any],
    repeatability: dict[str, Any],
) -> None:
    """Write a self-contained HTML page."""
    write_text(path, f"<!doctype html><title>{name}</title>")
