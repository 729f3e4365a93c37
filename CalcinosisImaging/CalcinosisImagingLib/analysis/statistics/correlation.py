"""Concordance and correlation of two columns, with intervals."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import stats

from .estimate import LEAST_ROWS, TAIL, Estimate, estimate, fisher_z, jackknife, no_estimate, repeated

_Z = float(stats.norm.ppf(1 - TAIL))


def lin_ccc(first: np.ndarray, second: np.ndarray, subjects: np.ndarray | None = None) -> Estimate:
    """Lin's concordance correlation (1989, variances by n) with the interval of his z transform (corrected 2000)."""
    reason = _reason(first, second, both=False)
    if reason:
        return no_estimate(reason)
    value = concordance(np.column_stack([first, second]))
    if repeated(subjects):
        return _by_subject(concordance, first, second, subjects)
    if abs(value) >= 1 - 1e-12:
        return estimate(value, value, value)
    deviations = first.std(), second.std()
    if min(deviations) == 0:
        return estimate(value, None, None, "one column is constant: the interval is not defined")
    rho = float(np.corrcoef(first, second)[0, 1])
    # value = rho * accuracy; written with the accuracy, nothing divides by rho, which may be 0
    accuracy = 2 * np.prod(deviations) / (np.sum(np.square(deviations)) + (first.mean() - second.mean()) ** 2)
    shift = (first.mean() - second.mean()) ** 2 / np.prod(deviations)
    rest = 1 - value**2
    variance = (
        (1 - rho**2) * accuracy**2 / rest
        + 2 * accuracy * value**2 * (1 - value) * shift / rest**2
        - accuracy**2 * value**2 * shift**2 / (2 * rest**2)
    ) / (len(first) - 2)
    reach = _Z * np.sqrt(max(variance, 0.0))
    return estimate(value, np.tanh(np.arctanh(value) - reach), np.tanh(np.arctanh(value) + reach))


def pearson(first: np.ndarray, second: np.ndarray, subjects: np.ndarray | None = None) -> Estimate:
    """Pearson's correlation, interval by Fisher's z."""
    reason = _reason(first, second)
    if reason:
        return no_estimate(reason)
    if repeated(subjects):
        return _by_subject(_pearson, first, second, subjects)
    return _fisher(_pearson(np.column_stack([first, second])), len(first), 1.0)


def spearman(first: np.ndarray, second: np.ndarray, subjects: np.ndarray | None = None) -> Estimate:
    """Spearman's rank correlation, interval by Fisher's z with the variance of Bonett & Wright (2000)."""
    reason = _reason(first, second)
    if reason:
        return no_estimate(reason)
    if repeated(subjects):
        return _by_subject(_spearman, first, second, subjects)
    value = _spearman(np.column_stack([first, second]))
    return _fisher(value, len(first), 1 + value**2 / 2)


def concordance(table: np.ndarray) -> float:
    """Lin's coefficient of a table (n, 2)."""
    first, second = table.T
    covariance = ((first - first.mean()) * (second - second.mean())).mean()
    return float(2 * covariance / (first.var() + second.var() + (first.mean() - second.mean()) ** 2))


def _pearson(table: np.ndarray) -> float:
    """Pearson's correlation of a table (n, 2)."""
    centred = table - table.mean(axis=0)
    value = float((centred / np.linalg.norm(centred, axis=0)).prod(axis=1).sum())
    return float(round(value)) if abs(value) > 1 - 1e-12 else value


def _spearman(table: np.ndarray) -> float:
    """Spearman's correlation of a table (n, 2): Pearson's of the ranks, ties at their mean rank."""
    return _pearson(stats.rankdata(table, axis=0))


def _fisher(value: float, count: int, variance: float) -> Estimate:
    """Interval by Fisher's z; a correlation of ±1 has no width, three rows have no bound."""
    if abs(value) >= 1 - 1e-12:
        return estimate(value, value, value)
    if count <= 3:
        return estimate(value, None, None, "3 rows: an interval needs at least 4")
    reach = _Z * np.sqrt(variance / (count - 3))
    return estimate(value, np.tanh(np.arctanh(value) - reach), np.tanh(np.arctanh(value) + reach))


def _by_subject(
    statistic: Callable[[np.ndarray], float], first: np.ndarray, second: np.ndarray, subjects: np.ndarray
) -> Estimate:
    """Interval by leaving out one subject at a time, on the scale of Fisher's z."""
    table = np.column_stack([first, second])
    value = statistic(table)
    if abs(value) >= 1 - 1e-12:
        return estimate(value, value, value)
    with np.errstate(invalid="ignore", divide="ignore"):
        lower, upper = jackknife(lambda rows: fisher_z(statistic(rows)), table, subjects)
    if not np.isfinite(lower):
        return estimate(value, None, None, "too few subjects, or one of them carries all the variance")
    return estimate(value, np.tanh(lower), np.tanh(upper))


def _reason(first: np.ndarray, second: np.ndarray, both: bool = True) -> str | None:
    """Why there is no coefficient; ``both``: each column needs variance, not just one."""
    if len(first) < LEAST_ROWS:
        return f"{len(first)} complete rows; at least {LEAST_ROWS} are needed"
    flat = [np.ptp(first) == 0, np.ptp(second) == 0]
    if any(flat) if both else all(flat):
        return "a column is constant: there is no variance to correlate"
    return None
