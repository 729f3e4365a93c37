"""Limits of agreement with exact intervals, on the scale of the data and on the log scale."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from .estimate import LEAST_ROWS, TAIL, nothing, repeated

KEYS = (
    "bias",
    "bias_lower95",
    "bias_upper95",
    "sd",
    "lower_limit",
    "lower_limit_lower95",
    "lower_limit_upper95",
    "upper_limit",
    "upper_limit_lower95",
    "upper_limit_upper95",
)
_Z = float(stats.norm.ppf(1 - TAIL))
_EXACT = "limits at bias ± 1.96 SD; intervals of the limits exact (Carkeet 2015), of the bias by t"
_REPEATED = (
    "several rows per subject: SD from variance between and within subjects (Bland & Altman 2007), interval of the "
    "bias by the subjects' means, of the limits by MOVER (Zou 2013)"
)


def bland_altman(first: np.ndarray, second: np.ndarray, subjects: np.ndarray | None = None) -> dict[str, Any]:
    """Limits of agreement of the differences first − second.

    Parameters
    ----------
    first, second: (n,) finite numbers.
    subjects: (n,) names; where one occurs more than once, the rows of a subject are treated as related.

    Returns
    -------
    dict with `KEYS`, "method", and "reason" where something is None. No differences at all give limits of width 0.
    """
    differences = first - second
    if len(differences) < LEAST_ROWS:
        return nothing(KEYS, f"{len(differences)} complete rows; at least {LEAST_ROWS} are needed")
    if repeated(subjects):
        return _of_repeated(differences, subjects)
    return _of_independent(differences)


def bland_altman_log(first: np.ndarray, second: np.ndarray, subjects: np.ndarray | None = None) -> dict[str, Any]:
    """Limits of agreement of ln(first) − ln(second); "ratio" holds the same as ratios first/second.

    In "ratio" the SD is absent: the exponential of a standard deviation is no standard deviation.
    """
    keys = (*KEYS, "ratio")
    smallest = min(first.min(initial=1.0), second.min(initial=1.0))
    if smallest <= 0:
        return nothing(keys, "values of 0 or less have no logarithm")
    result = bland_altman(np.log(first), np.log(second), subjects)
    ratios = {key: None if result[key] is None else float(np.exp(result[key])) for key in KEYS if key != "sd"}
    result["ratio"] = None if result["bias"] is None else ratios
    return result


def limit_factors(count: int) -> tuple[float, float]:
    """Factors c_low < 1.96 < c_high: the upper limit's 95 % interval is bias + c_low SD to bias + c_high SD.

    From the non-central t distribution with n − 1 degrees of freedom and non-centrality 1.96 √n (Carkeet 2015);
    exact for normal differences. The lower limit's interval mirrors it.
    """
    root = np.sqrt(count)
    return tuple(float(stats.nct.ppf(tail, count - 1, _Z * root) / root) for tail in (TAIL, 1 - TAIL))


def _of_independent(differences: np.ndarray) -> dict[str, Any]:
    """One row per subject."""
    count = len(differences)
    bias, sd = float(differences.mean()), float(differences.std(ddof=1))
    reach = float(stats.t.ppf(1 - TAIL, count - 1)) * sd / np.sqrt(count)
    low, high = limit_factors(count)
    values = (
        *(bias, bias - reach, bias + reach, sd),
        *(bias - _Z * sd, bias - high * sd, bias - low * sd),
        *(bias + _Z * sd, bias + low * sd, bias + high * sd),
    )
    return {**dict(zip(KEYS, map(float, values), strict=True)), "method": _EXACT}


def _of_repeated(differences: np.ndarray, subjects: np.ndarray) -> dict[str, Any]:
    """Several rows for some subjects, whose true value may differ from row to row."""
    _, index = np.unique(subjects, return_inverse=True)
    counts = np.bincount(index)
    groups, rows = len(counts), len(differences)
    if groups < LEAST_ROWS:
        return nothing(KEYS, f"{groups} subjects; at least {LEAST_ROWS} are needed where subjects have several rows")
    means = np.bincount(index, differences) / counts
    bias = float(differences.mean())
    within = ((differences - means[index]) ** 2).sum() / (rows - groups)
    between = (counts * (means - bias) ** 2).sum() / (groups - 1)
    typical = (rows - (counts**2).sum() / rows) / (groups - 1)
    sd = float(np.sqrt(max(0.0, (between - within) / typical) + within))
    low, high = _sd_factors(means.var(ddof=1), (1 - (1 / counts).mean()) * within, groups, rows)
    lower, upper = sd * low, sd * high
    spread = np.sqrt(groups / (groups - 1) * ((counts / rows * (means - bias)) ** 2).sum())
    reach = float(stats.t.ppf(1 - TAIL, groups - 1)) * spread
    inner, outer = np.hypot(reach, _Z * (sd - lower)), np.hypot(reach, _Z * (upper - sd))
    values = (
        *(bias, bias - reach, bias + reach, sd),
        *(bias - _Z * sd, bias - _Z * sd - outer, bias - _Z * sd + inner),
        *(bias + _Z * sd, bias + _Z * sd - inner, bias + _Z * sd + outer),
    )
    return {**dict(zip(KEYS, map(float, values), strict=True)), "method": _REPEATED, "subjects": groups}


def _sd_factors(of_means: float, within: float, groups: int, rows: int) -> tuple[float, float]:
    """Factors of the 95 % interval of a total SD, from two independent parts of its variance (MOVER, Zou 2013).

    of_means: variance of the subjects' means, with groups − 1 degrees of freedom; within: the share of the variance
    within subjects that those means lack, with rows − groups.
    """
    total = of_means + within
    if total == 0:
        return 1.0, 1.0
    parts = ((of_means, groups - 1), (within, rows - groups))
    under, over = (
        np.hypot(*[variance * (1 - df / stats.chi2.ppf(tail, df)) for variance, df in parts])
        for tail in (1 - TAIL, TAIL)
    )
    return float(np.sqrt(max(0.0, 1 - under / total))), float(np.sqrt(1 + over / total))
