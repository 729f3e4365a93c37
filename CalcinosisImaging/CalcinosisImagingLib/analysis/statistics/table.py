"""Tables of text in, columns of numbers out: what spreadsheets write, or one sentence on what is wrong."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..errors import InputError

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "-", "."})
"""Texts (in lower case) that mean: no value."""
_SHOWN = 3  # examples given in a message


def read_table(path: Path) -> dict[str, list[str]]:
    """Read a CSV or TSV file: column name -> cells as text, without blanks around them.

    Commas, semicolons and tabs are recognised as separators, as are UTF-8 (with or without mark), UTF-16 and
    Windows' western encoding, and Excel's ``sep=;`` line. Empty lines are left out.

    Raises
    ------
    InputError: no such file, empty, no rows, columns without name or twice, rows of another length.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such table; check the name.") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give a CSV file.") from error
    lines = _decoded(content, path).splitlines(keepends=True)
    separator = None
    if lines and lines[0].lower().startswith("sep=") and lines[0].strip():
        separator, lines = lines[0].rstrip("\r\n")[4:5] or None, lines[1:]
    try:
        text = io.StringIO("".join(lines))
        sign = separator or _separator(lines)
        rows = list(csv.reader(text, delimiter=sign, skipinitialspace=True, strict=True))
    except csv.Error as error:
        raise InputError(f"{path}: is not a proper table ({error}); save it as CSV again.") from error
    numbered = [(number, [cell.strip() for cell in row]) for number, row in enumerate(rows, 1)]
    numbered = [(number, row) for number, row in numbered if any(row)]
    if not numbered:
        raise InputError(f"{path}: the table is empty; it needs a line of column names and rows below.")
    (_, names), body = numbered[0], numbered[1:]
    _check(path, names, body)
    return {name: [row[index] for _, row in body] for index, name in enumerate(names)}


def text_column(table: dict[str, list[str]], name: str, path: Path) -> list[str]:
    """The cells of one column.

    Raises
    ------
    InputError: there is no such column.
    """
    _require(table, [name], path)
    return table[name]


def number_columns(table: dict[str, list[str]], names: Sequence[str], path: Path) -> dict[str, np.ndarray]:
    """Columns as numbers, not-a-number where a cell is empty (`MISSING`).

    A comma may be the decimal sign ("3,14"), as in spreadsheets of many countries, unless a column mixes commas and
    points or a comma could as well part thousands ("1,234").

    Raises
    ------
    InputError: naming all columns that are absent, or what is not a number.
    """
    _require(table, names, path)
    return {name: _numbers(table[name], name, path) for name in names}


def _numbers(cells: list[str], name: str, path: Path) -> np.ndarray:
    """One column of numbers."""
    filled = [cell for cell in cells if cell.lower() not in MISSING]
    commas = [cell for cell in filled if "," in cell]
    if commas and any("." in cell for cell in filled):
        raise InputError(
            f"{path}: column {name} mixes decimal points and commas (as in {_examples(commas)}); use one of them."
        )
    if commas and all(_could_be_thousands(cell) for cell in commas):
        raise InputError(
            f"{path}: the commas of column {name} (as in {_examples(commas)}) could part thousands or decimals; "
            "write numbers with a decimal point."
        )
    values, wrong = np.full(len(cells), np.nan), []
    for index, cell in enumerate(cells):
        if cell.lower() in MISSING:
            continue
        value = _number(cell.replace(",", "."))
        if value is None:
            wrong.append(cell)
        else:
            values[index] = value
    if wrong:
        raise InputError(f"{path}: column {name} holds {_examples(wrong)} where a number is due; correct those cells.")
    return values


def _number(text: str) -> float | None:
    """A finite number, or None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None


def _could_be_thousands(text: str) -> bool:
    """Whether a comma stands before a last group of three digits, after one to three that are not just 0."""
    head, _, tail = text.lstrip("+-").rpartition(",")
    return len(tail) == 3 and head.split(",")[0] not in ("0", "00", "000", "") and len(head.split(",")[0]) <= 3


def _require(table: dict[str, list[str]], names: Sequence[str], path: Path) -> None:
    """All columns are there, or one sentence that names those which are not and those which are."""
    absent = [name for name in dict.fromkeys(names) if name not in table]
    if absent:
        word = "column" if len(absent) == 1 else "columns"
        raise InputError(f"{path}: has no {word} {', '.join(absent)}; it has {', '.join(table)}.")


def _check(path: Path, names: list[str], body: list[tuple[int, list[str]]]) -> None:
    """Names are there and unique, rows are there and have as many cells as names."""
    while names and not names[-1] and all(len(row) < len(names) or not row[len(names) - 1] for _, row in body):
        names.pop()
        for _, row in body:
            del row[len(names) :]
    if not all(names):
        raise InputError(f"{path}: column {names.index('') + 1} has no name; name every column in the first line.")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"{path}: {', '.join(twice)} is the name of more than one column; make the names differ.")
    if not body:
        raise InputError(f"{path}: has column names but no rows; nothing can be computed.")
    for number, row in body:
        if len(row) != len(names):
            raise InputError(
                f"{path}: line {number} has {len(row)} cells, but there are {len(names)} columns "
                f"({', '.join(names)}); correct that line."
            )


def _decoded(content: bytes, path: Path) -> str:
    """Text of a file in one of the encodings that spreadsheets write."""
    if b"\0" in content and content[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        raise InputError(f"{path}: is not text; save the table as CSV.")
    for encoding in ("utf-16",) if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "cp1252"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InputError(f"{path}: is not text in UTF-8; save the table as CSV in UTF-8.")


def _separator(lines: list[str]) -> str:
    """The separator that occurs most in the first line that is not empty, outside quotes."""
    first = next((line for line in lines if line.strip()), "")
    unquoted = "".join(first.split('"')[::2])
    return max(",;\t", key=lambda sign: (unquoted.count(sign), sign == ","))


def _examples(cells: list[str]) -> str:
    """The first few different cells, quoted."""
    different = list(dict.fromkeys(cells))
    return ", ".join(repr(cell) for cell in different[:_SHOWN]) + (", …" if len(different) > _SHOWN else "")
