"""Repeatability: within-subject SD, within-subject coefficient of variation, repeatability coefficient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import stats

from .estimate import LEAST_ROWS, TAIL, Estimate, estimate, jackknife, no_estimate, repeated

KEYS = ("wsd", "wcv_rms", "wcv_pooled", "wcv_log", "rc", "rc_ratio")
RC_FACTOR = float(stats.norm.ppf(1 - TAIL) * np.sqrt(2))
"""1.96 √2: two measurements of one thing differ by less than this many within-subject SD, in 95 % of cases."""


def repeatability(table: np.ndarray, subjects: np.ndarray | None = None) -> dict[str, Any]:
    """Repeatability of measurements of one quantity, with chi-square intervals.

    Parameters
    ----------
    table: (n, k) complete: rows are things measured, columns repeats of the same measurement. With one column,
        rows of the same subject are the repeats.
    subjects: (n,). With several columns and several rows per subject, the errors of a subject's rows may go
        together: intervals then come from leaving out one subject at a time, on the log scale.

    Returns
    -------
    {key: estimate} for `KEYS`:
    wsd: √(mean within-row variance), by one-way analysis of variance: a shift between columns counts as error.
    wcv_rms: √(mean of (row SD / row mean)²). wcv_pooled: wsd / grand mean (interval for this mean, taken as fixed).
    wcv_log: √(exp(s²) − 1), s = within-row SD of logarithms.
    rc: 1.96 √2 wsd. rc_ratio: exp(1.96 √2 s): two measurements differ by less than this factor.
    """
    rows = _as_groups(table, subjects)
    reason = _reason(table, rows)
    if reason:
        return {key: no_estimate(reason) for key in KEYS}
    counts = np.array([len(row) for row in rows])
    freedoms = counts - 1
    means = np.array([row.mean() for row in rows])
    variances = np.array([row.var(ddof=1) for row in rows])
    clusters = subjects if table.shape[1] > 1 and repeated(subjects) else None
    results = {"wsd": _root(variances, freedoms, clusters)}
    positive = min(row.min() for row in rows) > 0
    grand_mean = float(np.concatenate(rows).mean())
    if np.all(means > 0):
        results["wcv_rms"] = _root(variances / means**2, freedoms, clusters)
    else:
        results["wcv_rms"] = no_estimate("a row's mean is 0 or less: it has no coefficient of variation")
    if grand_mean > 0:
        results["wcv_pooled"] = _scaled(results["wsd"], 1 / grand_mean)
    else:
        results["wcv_pooled"] = no_estimate("the mean is 0 or less: there is no coefficient of variation")
    results["rc"] = _scaled(results["wsd"], RC_FACTOR)
    if positive:
        log_sd = _root(np.array([np.log(row).var(ddof=1) for row in rows]), freedoms, clusters)
        results["wcv_log"] = _transformed(log_sd, lambda sd: np.sqrt(np.expm1(sd**2)))
        results["rc_ratio"] = _transformed(log_sd, lambda sd: np.exp(RC_FACTOR * sd))
    else:
        for key in ("wcv_log", "rc_ratio"):
            results[key] = no_estimate("values of 0 or less have no logarithm")
    return {key: results[key] for key in KEYS}


def chi_square_factors(freedom: float) -> tuple[float, float]:
    """Factors of a standard deviation's 95 % interval.

    >>> [round(factor, 2) for factor in chi_square_factors(6)]
    [0.64, 2.2]
    """
    return tuple(float(np.sqrt(freedom / stats.chi2.ppf(tail, freedom))) for tail in (1 - TAIL, TAIL))


def _as_groups(table: np.ndarray, subjects: np.ndarray | None) -> list[np.ndarray]:
    """Repeats of each thing measured: the rows of the table, or of one column the rows of each subject."""
    if table.shape[1] > 1:
        return list(table)
    if subjects is None:
        return []
    _, index = np.unique(subjects, return_inverse=True)
    groups = [table[index == number, 0] for number in range(int(index.max(initial=-1)) + 1)]
    return [values for values in groups if len(values) > 1]


def _reason(table: np.ndarray, rows: list[np.ndarray]) -> str | None:
    """Why there is nothing to compute."""
    if len(rows) < LEAST_ROWS:
        what = "rows" if table.shape[1] > 1 else "subjects with repeated measurements"
        return f"{len(rows)} complete {what}; at least {LEAST_ROWS} are needed"
    return None


def _root(variances: np.ndarray, freedoms: np.ndarray, clusters: np.ndarray | None) -> Estimate:
    """Root of the pooled variance with its chi-square interval, or, of ``clusters``, by leaving out one at a time."""
    total = float(freedoms.sum())
    pooled = float(freedoms @ variances / total)
    root = np.sqrt(pooled)
    if clusters is not None and pooled > 0:
        with np.errstate(divide="ignore", invalid="ignore"):
            lower, upper = jackknife(lambda rows: np.log(rows.mean()) / 2, variances[:, None], clusters)
        if not np.isfinite(lower):
            return estimate(root, None, None, "too few subjects, or one of them carries all the variance")
        return estimate(root, np.exp(lower), np.exp(upper))
    low, high = chi_square_factors(total)
    return estimate(root, root * low, root * high)


def _scaled(one: Estimate, factor: float) -> Estimate:
    """An estimate times a constant."""
    return _transformed(one, lambda value: value * factor)


def _transformed(one: Estimate, function: Callable[[float], float]) -> Estimate:
    """A growing function of an estimate and the ends of its interval."""
    with np.errstate(over="ignore"):
        ends = [None if one[key] is None else float(function(one[key])) for key in ("value", "lower95", "upper95")]
    return estimate(*ends, reason=one.get("reason"))
