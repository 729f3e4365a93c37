"""Intra-class correlation: the six forms of Shrout & Fleiss (1979) with their F intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from .estimate import LEAST_ROWS, TAIL, Estimate, estimate, fisher_z, jackknife, no_estimate, repeated

FORMS = ("ICC(1,1)", "ICC(2,1)", "ICC(3,1)", "ICC(1,k)", "ICC(2,k)", "ICC(3,k)")


def icc(table: np.ndarray, subjects: np.ndarray | None = None) -> dict[str, Any]:
    """All six forms.

    Parameters
    ----------
    table: (n, k) complete; rows are what is measured, columns are who or what measures.
    subjects: (n,); where one occurs more than once, intervals come from leaving out one subject at a time, on the
        scale of Fisher's z.

    Returns
    -------
    {form: estimate}: (1,·) rows measured by different raters; (2,·) absolute agreement, raters a sample of raters;
    (3,·) consistency, these raters only; (·,k) of the mean of the k columns.
    """
    rows, columns = table.shape
    if columns < 2:
        return _none("one column; at least two are needed")
    if rows < LEAST_ROWS:
        return _none(f"{rows} complete rows; at least {LEAST_ROWS} are needed")
    if np.ptp(table, axis=0).max() == 0:
        return _none("all rows are equal: there is no variance between them")
    values = forms(table)
    if repeated(subjects):
        return {form: _jackknifed(table, subjects, form) for form in FORMS}
    with np.errstate(divide="ignore", invalid="ignore"):
        singles = _intervals(table)
    results = {form: estimate(values[form], *singles[form]) for form in FORMS[:3]}
    for single, mean in zip(FORMS[:3], FORMS[3:], strict=True):
        results[mean] = estimate(values[mean], *(_stepped_up(end, columns) for end in singles[single]))
    return results


def forms(table: np.ndarray) -> dict[str, float]:
    """The six point estimates of a table (n, k)."""
    rows, columns = table.shape
    between, within, raters, error = mean_squares(table)
    # rows of equal means, for one, have no finite form for the mean of k: not-a-number and infinity are told later
    with np.errstate(divide="ignore", invalid="ignore"):
        return _forms(rows, columns, between, within, raters, error)


def _forms(rows: int, columns: int, between: float, within: float, raters: float, error: float) -> dict[str, float]:
    """The six forms from the mean squares."""
    single = {
        "ICC(1,1)": (between - within) / (between + (columns - 1) * within),
        "ICC(2,1)": (between - error) / (between + (columns - 1) * error + columns * (raters - error) / rows),
        "ICC(3,1)": (between - error) / (between + (columns - 1) * error),
    }
    mean = {
        "ICC(1,k)": (between - within) / between,
        "ICC(2,k)": (between - error) / (between + (raters - error) / rows),
        "ICC(3,k)": (between - error) / between,
    }
    return {**single, **mean}


def mean_squares(table: np.ndarray) -> tuple[float, float, float, float]:
    """Mean squares between rows, within rows, between columns, and of the residual."""
    rows, columns = table.shape
    row_means, column_means, mean = table.mean(axis=1), table.mean(axis=0), table.mean()
    between = columns * ((row_means - mean) ** 2).sum() / (rows - 1)
    within = ((table - row_means[:, None]) ** 2).sum() / (rows * (columns - 1))
    raters = rows * ((column_means - mean) ** 2).sum() / (columns - 1)
    residual = table - row_means[:, None] - column_means + mean
    return between, within, raters, (residual**2).sum() / ((rows - 1) * (columns - 1))


def _intervals(table: np.ndarray) -> dict[str, tuple[float, float]]:
    """F intervals of the single-measure forms; without any error both ends are 1."""
    rows, columns = table.shape
    between, within, raters, error = mean_squares(table)
    residual_df = (rows - 1) * (columns - 1)
    return {
        "ICC(1,1)": _f_interval(between, within, rows - 1, rows * (columns - 1), columns),
        "ICC(2,1)": _agreement_interval(between, raters, error, rows, columns),
        "ICC(3,1)": _f_interval(between, error, rows - 1, residual_df, columns),
    }


def _f_interval(between: float, error: float, df1: int, df2: int, columns: int) -> tuple[float, float]:
    """Interval of (F − 1) / (F + k − 1) for F = between / error."""
    if error <= 0:
        return 1.0, 1.0
    ratio = between / error
    low, high = ratio / stats.f.ppf(1 - TAIL, df1, df2), ratio * stats.f.ppf(1 - TAIL, df2, df1)
    return (low - 1) / (low + columns - 1), (high - 1) / (high + columns - 1)


def _agreement_interval(between: float, raters: float, error: float, rows: int, columns: int) -> tuple[float, float]:
    """Interval of ICC(2,1): Satterthwaite's degrees of freedom for the mixture of raters and error."""
    value = (between - error) / (between + (columns - 1) * error + columns * (raters - error) / rows)
    if error <= 0 and raters <= 0:
        return 1.0, 1.0
    if error <= 0:
        # no residual: the mixture is raters alone, with their degrees of freedom
        freedom = float(columns - 1)
    else:
        ratio = raters / error
        weight = rows * (1 + (columns - 1) * value) - columns * value
        top = (columns - 1) * (rows - 1) * (columns * value * ratio + weight) ** 2
        freedom = top / ((rows - 1) * columns**2 * value**2 * ratio**2 + weight**2)
    f_low, f_high = stats.f.ppf(1 - TAIL, rows - 1, freedom), stats.f.ppf(1 - TAIL, freedom, rows - 1)
    mixture = columns * raters + (columns * rows - columns - rows) * error
    low = rows * (between - f_low * error) / (f_low * mixture + rows * between)
    high = rows * (f_high * between - error) / (mixture + rows * f_high * between)
    return low, high


def _stepped_up(value: float, columns: int) -> float:
    """Spearman–Brown: from one measurement to the mean of k.

    From −1/(k − 1) downwards the mean of k has no finite value: the end of the interval is open.
    """
    below = 1 + (columns - 1) * value
    return columns * value / below if below > 0 else -np.inf


def _jackknifed(table: np.ndarray, subjects: np.ndarray, form: str) -> Estimate:
    """One form with an interval that allows for several rows of a subject."""
    value = forms(table)[form]
    if value >= 1:
        return estimate(value, 1.0, 1.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        lower, upper = jackknife(lambda rows: fisher_z(forms(rows)[form]), table, subjects)
    return estimate(value, np.tanh(lower), np.tanh(upper))


def _none(reason: str) -> dict[str, Any]:
    """No form at all."""
    return {form: no_estimate(reason) for form in FORMS}
