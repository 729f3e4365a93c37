"""``calcinosis agree``: agreement or repeatability of columns of a table."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ...analysis.errors import InputError
from ...analysis.files import write_json
from ...analysis.output import writable_file
from ...analysis.progress import Progress

HELP = "agreement and repeatability statistics with intervals"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """TABLE --columns --subject --error-ratio --out."""
    parser.add_argument("table", type=Path, metavar="TABLE.csv")
    parser.add_argument(
        "--columns", required=True, nargs="+", metavar="COLUMN", help="columns of numbers; one with --subject"
    )
    parser.add_argument("--subject", metavar="S", help="column that says which rows belong to one subject")
    parser.add_argument(
        "--error-ratio",
        type=float,
        default=1.0,
        help="variance of the first column's errors over the second's, for Deming; default 1",
    )
    parser.add_argument("--out", required=True, type=Path, metavar="agreement.json")


def run(arguments: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Compute, write, summarise."""
    out = writable_file(arguments.out, (".json",))
    if len(arguments.columns) < 2 and arguments.subject is None:
        raise InputError("--columns: one column needs --subject to tell repeats apart; name two columns or a subject.")
    if not arguments.error_ratio > 0:
        raise InputError(f"--error-ratio {arguments.error_ratio}: must be greater than 0.")

    from ...analysis.statistics.agreement import agreement
    from ...analysis.statistics.table import number_columns, read_table, text_column

    table = read_table(arguments.table)
    columns = number_columns(table, arguments.columns, arguments.table)
    subjects = None if arguments.subject is None else text_column(table, arguments.subject, arguments.table)
    result = agreement(columns, subjects, arguments.error_ratio)
    write_json(out, result)
    return {"text": f"n = {result['n']}: {out}", "n": result["n"]}
