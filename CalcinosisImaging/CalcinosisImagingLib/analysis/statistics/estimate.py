"""How a result looks: a value with its 95 % interval, or nothing and the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
TAIL = (1 - CONFIDENCE) / 2
LEAST_ROWS = 3
"""Fewer rows than this give no statistic."""

Estimate = dict[str, Any]
"""{"value", "lower95", "upper95"} and, where one of them is None, "reason"."""


def estimate(value: float, lower: float | None, upper: float | None, reason: str | None = None) -> Estimate:
    """A value with its interval; an end that is not finite becomes None."""
    result: Estimate = {"value": _finite(value), "lower95": _finite(lower), "upper95": _finite(upper)}
    if reason is not None:
        result["reason"] = reason
    elif None in result.values():
        result["reason"] = "a value or an end of its interval is not finite for these data"
    return result


def no_estimate(reason: str) -> Estimate:
    """No value, because of ``reason``."""
    return {"value": None, "lower95": None, "upper95": None, "reason": reason}


def nothing(keys: Iterable[str], reason: str) -> dict[str, Any]:
    """A block whose ``keys`` are all None, because of ``reason``."""
    return {**dict.fromkeys(keys), "reason": reason}


def jackknife(
    statistic: Callable[[np.ndarray], float], rows: np.ndarray, groups: np.ndarray, lost: int = 1
) -> tuple[float, float]:
    """95 % interval of a statistic by leaving out one group of rows at a time (Tukey 1958).

    Parameters
    ----------
    statistic: of some rows (n, columns) -> a number on a scale where it is about normal.
    groups: (n,) what is left out together: rows themselves, or subjects with several rows.
    lost: degrees of freedom lost, of the number of groups.

    Returns
    -------
    (lower, upper), not-a-number where there are fewer than `LEAST_ROWS` groups or a part has no statistic.
    """
    _, index = np.unique(groups, return_inverse=True)
    count = int(index.max()) + 1
    if count < LEAST_ROWS:
        return np.nan, np.nan
    parts = np.array([statistic(rows[index != left_out]) for left_out in range(count)])
    return jackknife_interval(statistic(rows), parts, lost)


def jackknife_interval(whole: float, parts: np.ndarray, lost: int = 1) -> tuple[float, float]:
    """The interval from the statistic of all data and those (groups,) with one group left out each."""
    count = len(parts)
    if count <= lost:
        return np.nan, np.nan
    error = np.sqrt((count - 1) / count * ((parts - parts.mean()) ** 2).sum())
    reach = stats.t.ppf(1 - TAIL, count - lost) * error
    return whole - reach, whole + reach


def fisher_z(value: float) -> float:
    """Artanh of a coefficient; ±1 and beyond, of which it is infinite, count as a hair less."""
    return float(np.arctanh(np.clip(value, -0.999999, 0.999999)))


def repeated(subjects: np.ndarray | None) -> bool:
    """Whether some subject has more than one row, so that rows are not independent."""
    return subjects is not None and len(np.unique(subjects)) < len(subjects)


def _finite(value: float | None) -> float | None:
    """A plain float, None for None and not-finite numbers."""
    return None if value is None or not np.isfinite(value) else float(value)
