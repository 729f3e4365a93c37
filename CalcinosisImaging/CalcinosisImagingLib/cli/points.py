"""Point files: CSV with columns id, r, a, s in RAS millimetres."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from ..analysis.errors import InputError

POINT_COLUMNS = ("id", "r", "a", "s")


def read_points(path: Path) -> tuple[list[str], np.ndarray]:
    """IDs and RAS positions (N, 3).

    Raises
    ------
    InputError: missing file, missing columns, or a coordinate that is no finite number.
    """
    path = Path(path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as a point file; give a CSV with columns id,r,a,s.") from error
    if not rows or any(column not in rows[0] for column in POINT_COLUMNS):
        found = ", ".join(k or "" for k in rows[0]) if rows else "no rows"
        raise InputError(f"{path}: has {found}; give a CSV with columns id,r,a,s and at least one point.")
    try:
        points = np.array([[float(row[axis]) for axis in "ras"] for row in rows])
    except (TypeError, ValueError):
        points = np.array([[np.nan]])
    if not np.isfinite(points).all():
        raise InputError(f"{path}: has a coordinate that is not a finite number; correct columns r, a and s.")
    return [row["id"] for row in rows], points
