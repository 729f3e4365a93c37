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
    "several rows per subject: bias is the mean of the subjects' means, SD from variance between and within subjects "
    "(Bland & Altman 2007), intervals by MOVER (Zou 2013)"
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
    within = ((differences - means[index]) ** 2).sum() / (rows - groups)
    of_means = means.var(ddof=1)
    harmonic = groups / (1 / counts).sum()
    share = 1 - 1 / harmonic
    variance = of_means + share * within
    bias, sd = float(means.mean()), float(np.sqrt(variance))
    parts = ((of_means, groups - 1), (share * within, rows - groups))
    lower = np.sqrt(max(0.0, variance - _excess(parts, 1 - TAIL)))
    upper = np.sqrt(variance + _excess(parts, TAIL))
    reach = float(stats.t.ppf(1 - TAIL, groups - 1)) * np.sqrt(of_means / groups)
    inner, outer = np.hypot(reach, _Z * (sd - lower)), np.hypot(reach, _Z * (upper - sd))
    values = (
        *(bias, bias - reach, bias + reach, sd),
        *(bias - _Z * sd, bias - _Z * sd - outer, bias - _Z * sd + inner),
        *(bias + _Z * sd, bias + _Z * sd - inner, bias + _Z * sd + outer),
    )
    return {**dict(zip(KEYS, map(float, values), strict=True)), "method": _REPEATED, "subjects": groups}


def _excess(parts: tuple[tuple[float, int], ...], tail: float) -> float:
    """How far a sum of independent (variance, degrees of freedom) may be out towards one end of its interval."""
    return float(np.hypot(*[variance * (1 - df / stats.chi2.ppf(tail, df)) for variance, df in parts]))
