"""Writing results: whole files or none, and numbers as text that is the same on every machine."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

CSV_DIGITS = 6
"""Significant digits in tables: what a Slicer table keeps in a saved scene, so that both say the same."""
JSON_DIGITS = 9
"""Significant digits in JSON files: enough for a matrix, few enough not to show the order of summation."""


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a name beside ``path`` to write to; it takes the place of ``path`` only when the block succeeds."""
    path = Path(path)
    suffix = "".join(path.suffixes[-2:])
    handle, name = tempfile.mkstemp(prefix=".writing-", suffix=suffix, dir=path.parent)
    os.close(handle)
    part = Path(name)
    try:
        yield part
        part.chmod(0o666 & ~_umask())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _umask() -> int:
    """The process's file mode mask (it can only be read by setting it)."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with ``\\n`` line ends, the whole file or none."""
    with whole_file(path) as part:
        part.write_bytes(text.encode("utf-8"))


def write_json(path: Path, content: Any) -> None:
    """Write JSON, numbers rounded to `JSON_DIGITS`, not-a-number as null, keys in the order given."""
    write_text(path, json_text(content) + "\n")


def json_text(content: Any, indent: int | None = 1) -> str:
    """JSON text of plain data and numpy values; see `write_json`."""
    return json.dumps(_plain(content), indent=indent, ensure_ascii=False, allow_nan=False)


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a table; a column that a row lacks, None and not-a-number become empty cells."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([cell_text(row.get(column)) for column in columns])
    write_text(path, buffer.getvalue())


def cell_text(value: Any) -> str:
    """A table cell: '' for None and not-a-number, true/false, whole numbers, `CSV_DIGITS` otherwise.

    >>> cell_text(1 / 3), cell_text(None), cell_text(True), cell_text(-0.0)
    ('0.333333', '', 'true', '0')
    """
    if value is None:
        return ""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, int | np.integer):
        return str(int(value))
    if isinstance(value, float | np.floating):
        if not math.isfinite(value):
            return ""
        text = f"{float(value):.{CSV_DIGITS}g}"
        return "0" if text == "-0" else text
    return str(value)


def _plain(value: Any) -> Any:
    """Numpy values, tuples and paths as what JSON knows, floats rounded."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(f"{float(value):.{JSON_DIGITS}g}") + 0.0 if math.isfinite(value) else None
    return value if value is None else str(value)
