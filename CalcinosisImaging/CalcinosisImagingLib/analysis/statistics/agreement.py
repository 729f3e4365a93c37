"""All statistics of agreement of two or more columns: the content of agreement.json and repeatability.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from ..errors import InputError
from .bland_altman import KEYS as LIMIT_KEYS
from .bland_altman import bland_altman, bland_altman_log
from .correlation import lin_ccc, pearson, spearman
from .estimate import CONFIDENCE, no_estimate, nothing, repeated
from .icc import icc
from .regression import deming, passing_bablok
from .repeatability import repeatability

PAIR_KEYS = ("bland_altman", "bland_altman_log", "lin_ccc", "pearson", "spearman", "deming", "passing_bablok")
_CLUSTER_NOTE = (
    "several rows per subject: intervals of limits, ICC, concordance, correlations and Deming's line allow for it; "
    "those of Passing-Bablok treat rows as independent and are too narrow"
)


def agreement(
    columns: Mapping[str, np.ndarray],
    subjects: Sequence[str] | np.ndarray | None = None,
    error_ratio: float = 1.0,
) -> dict[str, Any]:
    """Agreement and repeatability of columns of numbers.

    Parameters
    ----------
    columns: name -> (n,) numbers, not-a-number where missing. Rows that lack any of them are left out.
    subjects: (n,) who each row belongs to; needed where a subject has several rows (deposits, repeats). With one
        column, rows of a subject are repeats of one measurement.
    error_ratio: of Deming's regression: variance of the error of the first column over that of the second.

    Returns
    -------
    dict ready for `files.write_json`. The statistics of two columns (differences first − second; lines of the second
    on the first) are those of the first two; with more, "pairs" holds them for each pair. A statistic that cannot be
    computed is None, with a "reason" beside it.

    Raises
    ------
    InputError: no column, columns of different length, an error ratio that is not above 0, infinite values.
    """
    names = list(columns)
    table = _table(columns, subjects, error_ratio)
    complete = np.isfinite(table).all(axis=1)
    names_of_subjects = None if subjects is None else np.asarray([str(one) for one in subjects])[complete]
    rows = table[complete]
    result: dict[str, Any] = {
        "n": len(rows),
        "columns": names,
        "rows_left_out": int((~complete).sum()),
        "confidence": CONFIDENCE,
        "error_ratio": error_ratio,
    }
    if names_of_subjects is not None:
        result["subjects"] = len(np.unique(names_of_subjects))
        if repeated(names_of_subjects) and len(names) > 1:
            result["note"] = _CLUSTER_NOTE
    first_pair = rows[:, :2] if len(names) > 1 else None
    result |= pair_statistics(first_pair, names_of_subjects, error_ratio)
    result["icc"] = icc(rows, names_of_subjects)
    result["repeatability"] = repeatability(rows, names_of_subjects)
    if len(names) > 2:
        result["pairs"] = [
            {"columns": [names[i], names[j]], **pair_statistics(rows[:, [i, j]], names_of_subjects, error_ratio)}
            for i, j in combinations(range(len(names)), 2)
        ]
    return result


def pair_statistics(rows: np.ndarray | None, subjects: np.ndarray | None, error_ratio: float) -> dict[str, Any]:
    """The statistics `PAIR_KEYS` of two columns (n, 2); None where there is only one column."""
    if rows is None:
        reason = "one column; at least two are needed"
        lines = {"intercept": no_estimate(reason), "slope": no_estimate(reason)}
        limits = {
            "bland_altman": nothing(LIMIT_KEYS, reason),
            "bland_altman_log": nothing((*LIMIT_KEYS, "ratio"), reason),
        }
        coefficients = {key: no_estimate(reason) for key in ("lin_ccc", "pearson", "spearman")}
        return {**limits, **coefficients, "deming": lines, "passing_bablok": dict(lines)}
    first, second = rows.T
    return {
        "bland_altman": bland_altman(first, second, subjects),
        "bland_altman_log": bland_altman_log(first, second, subjects),
        "lin_ccc": lin_ccc(first, second, subjects),
        "pearson": pearson(first, second, subjects),
        "spearman": spearman(first, second, subjects),
        "deming": deming(first, second, error_ratio, subjects),
        "passing_bablok": passing_bablok(first, second),
    }


def _table(columns: Mapping[str, np.ndarray], subjects: Any, error_ratio: float) -> np.ndarray:
    """The columns side by side (n, k), checked."""
    if not columns:
        raise InputError("No column was named; name at least two to compare, or one with a subject.")
    arrays = [np.asarray(values, float) for values in columns.values()]
    lengths = {len(values) for values in arrays} | ({len(subjects)} if subjects is not None else set())
    if len(lengths) > 1:
        raise InputError(f"The columns {', '.join(columns)} and the subjects differ in length; give one value per row.")
    if not (np.isfinite(error_ratio) and error_ratio > 0):
        raise InputError(f"The error ratio is {error_ratio}, not a number above 0; give the ratio of two variances.")
    for name, values in zip(columns, arrays, strict=True):
        if np.isinf(values).any():
            raise InputError(f"Column {name} holds infinite values; correct or empty those cells.")
    return np.column_stack(arrays)
