"""Lines through two columns that both have errors: Deming and Passing–Bablok. y is the second column, x the first."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from .estimate import LEAST_ROWS, TAIL, estimate, jackknife_interval, no_estimate, repeated

MOST_ROWS = 5000
"""Passing–Bablok looks at every pair of rows: beyond this many rows memory would not do."""
_Z = float(stats.norm.ppf(1 - TAIL))


def deming(
    x: np.ndarray, y: np.ndarray, error_ratio: float = 1.0, subjects: np.ndarray | None = None
) -> dict[str, Any]:
    """Deming's regression of y on x with jackknife intervals (Linnet 1993).

    Parameters
    ----------
    error_ratio: variance of the error of x over variance of the error of y.
    subjects: (n,); rows of one subject are left out together.

    Returns
    -------
    {"intercept", "slope"}: estimates.
    """
    if len(x) < LEAST_ROWS:
        return _none(f"{len(x)} complete rows; at least {LEAST_ROWS} are needed")
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return _none("a column is constant: there is no line")
    groups = subjects if repeated(subjects) else np.arange(len(x))
    _, index = np.unique(groups, return_inverse=True)
    line, parts = _deming_lines(x, y, index, error_ratio)
    if not np.isfinite(line).all():
        return _none("the columns do not vary together: the line has no direction")
    ends = [jackknife_interval(line[n], parts[:, n], lost=2) for n in (0, 1)]
    unbounded = "too few rows or subjects, or one of them alone sets the direction"
    return {
        name: estimate(value, *end) if np.isfinite(end).all() else estimate(value, None, None, unbounded)
        for name, value, end in zip(("intercept", "slope"), line, ends, strict=True)
    }


def _deming_lines(x: np.ndarray, y: np.ndarray, index: np.ndarray, error_ratio: float) -> tuple[np.ndarray, np.ndarray]:
    """The line (intercept, slope) of all rows (2,), and those without one group each (groups, 2).

    ``index`` (n,) numbers the group of each row. All from sums, so that leaving out costs nothing.
    """
    middle_x, middle_y = x.mean(), y.mean()
    u, v = x - middle_x, y - middle_y
    sums = np.stack([np.bincount(index, values) for values in (np.ones_like(u), u, v, u * u, v * v, u * v)], axis=-1)
    lines = _lines_from_sums(np.vstack([sums.sum(axis=0), sums.sum(axis=0) - sums]), error_ratio)
    lines[:, 0] += middle_y - lines[:, 1] * middle_x
    return lines[0], lines[1:]


def _lines_from_sums(sums: np.ndarray, error_ratio: float) -> np.ndarray:
    """(L, 2) intercepts and slopes from sums (L, 6) of 1, x, y, x², y², xy; not-a-number without covariance."""
    count, x, y, xx, yy, xy = sums.T
    with np.errstate(divide="ignore", invalid="ignore"):
        sxx, syy, sxy = xx - x * x / count, yy - y * y / count, xy - x * y / count
        sxy = np.where(np.abs(sxy) <= 1e-12 * np.sqrt(np.abs(sxx * syy)), np.nan, sxy)
        excess = error_ratio * syy - sxx
        root = np.hypot(excess, 2 * np.sqrt(error_ratio) * sxy)
        # of two equal forms the one that does not subtract nearly equal numbers
        slope = np.where(excess >= 0, (excess + root) / (2 * error_ratio * sxy), 2 * sxy / (root - excess))
        return np.column_stack([(y - slope * x) / count, slope])


def passing_bablok(x: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    """Passing & Bablok's regression of y on x (1983) with their rank intervals.

    Returns
    -------
    {"intercept", "slope"}: estimates; intervals are absent where there are too few rows for the ranks to bound them.
    """
    count = len(x)
    if count < LEAST_ROWS:
        return _none(f"{count} complete rows; at least {LEAST_ROWS} are needed")
    if count > MOST_ROWS:
        return _none(f"{count} rows; more than {MOST_ROWS} are not worked out")
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return _none("a column is constant: there is no line")
    slopes = _pair_slopes(x, y)
    number = len(slopes)
    offset = int((slopes < -1).sum())
    lower, upper = (number - 1) // 2 + offset, number // 2 + offset
    if number == 0 or upper >= number:
        return _none("the columns run against each other: the method asks for a positive relation")
    slope = (slopes[lower] + slopes[upper]) / 2
    if not np.isfinite(slope):
        return _none("most pairs of rows share their x: the line is vertical")
    spread = _Z * np.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    rank = int(np.round((number - spread) / 2))
    first, last = rank + offset - 1, number - rank + offset
    result = {"intercept": _median_offset(x, y, slope), "slope": slope}
    if rank < 1 or last >= number or not np.isfinite(slopes[[first, last]]).all():
        reason = f"{count} rows: too few for the ranks to bound the line"
        return {name: estimate(value, None, None, reason) for name, value in result.items()}
    low, high = slopes[first], slopes[last]
    return {
        "intercept": estimate(result["intercept"], _median_offset(x, y, high), _median_offset(x, y, low)),
        "slope": estimate(slope, low, high),
    }


def _pair_slopes(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Sorted slopes of all pairs of rows; equal rows and slopes of exactly −1 say nothing and are left out."""
    upper = np.triu_indices(len(x), 1)
    dx, dy = (x[:, None] - x)[upper], (y[:, None] - y)[upper]
    known = (dx != 0) | (dy != 0)
    dx, dy = dx[known], dy[known]
    # between rows with the same x the slope is infinite, upwards or downwards as y goes
    slopes = np.where(dx != 0, dy / np.where(dx == 0, 1.0, dx), np.where(dy > 0, np.inf, -np.inf))
    return np.sort(slopes[slopes != -1])


def _median_offset(x: np.ndarray, y: np.ndarray, slope: float) -> float:
    """Median of y − slope·x."""
    return float(np.median(y - slope * x))


def _none(reason: str) -> dict[str, Any]:
    """No line."""
    return {"intercept": no_estimate(reason), "slope": no_estimate(reason)}
