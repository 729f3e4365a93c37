"""Lesions per hand by modality, and size against size, as the published study reports them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from scipy import stats

from .correlation import spearman
from .estimate import LEAST_ROWS, TAIL, estimate, no_estimate


def lesion_counts(counts: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    """Number of lesions per hand by modality.

    Parameters
    ----------
    counts: modality -> lesions of each hand, the same hands in the same order.

    Returns
    -------
    {"n", "modalities": {name: {"mean", "mean_lower95", "mean_upper95", "sd", "median", "total"}}, "friedman": {"p",
    "statistic", "method"}, "differences": {"a-b": mean of the paired differences as an estimate}}. Intervals of means
    by t; Friedman's test by the chi-square approximation, which with few hands is rough.
    """
    names = list(counts)
    columns = [np.asarray(counts[name], float) for name in names]
    table = np.stack(columns, axis=-1) if columns else np.zeros((0, 0))
    differences = {
        f"{names[i]}-{names[j]}": mean_estimate(table[:, i] - table[:, j])
        for i, j in combinations(range(len(names)), 2)
    }
    return {
        "n": len(table),
        "modalities": {name: _described(column) for name, column in zip(names, table.T, strict=True)},
        "friedman": friedman(table),
        "differences": differences,
    }


def friedman(table: np.ndarray) -> dict[str, Any]:
    """Friedman's test that the columns (n, k) do not differ (of two columns: the sign test in its rank form)."""
    rows, columns = table.shape
    if columns < 2 or rows < LEAST_ROWS:
        return _no_test(f"{rows} hands and {columns} modalities; at least {LEAST_ROWS} and 2 are needed")
    ranks = stats.rankdata(table, axis=1)
    spread = ((ranks - (columns + 1) / 2) ** 2).sum()
    if spread == 0:
        return _no_test("every hand has the same number in all modalities")
    # the form with ties: its expectation is k − 1 whatever the ties
    sums = ranks.sum(axis=0) - rows * (columns + 1) / 2
    statistic = float((columns - 1) * (sums**2).sum() / spread)
    return {"p": float(stats.chi2.sf(statistic, columns - 1)), "statistic": statistic, "method": "chi-square"}


def area_against_volume(
    area_mm2: np.ndarray, volume_mm3: np.ndarray, subjects: np.ndarray | None = None
) -> dict[str, Any]:
    """Spearman's correlation of the films' areas with volumes; pairs that lack one are left out."""
    area, volume = np.asarray(area_mm2, float), np.asarray(volume_mm3, float)
    known = np.isfinite(area) & np.isfinite(volume)
    names = None if subjects is None else np.asarray(subjects)[known]
    return {"n": int(known.sum()), **spearman(area[known], volume[known], names)}


def mean_estimate(values: np.ndarray) -> dict[str, Any]:
    """Mean with its t interval."""
    if len(values) < 2:
        return no_estimate(f"{len(values)} values; at least 2 are needed")
    reach = stats.t.ppf(1 - TAIL, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return estimate(values.mean(), values.mean() - reach, values.mean() + reach)


def _described(values: np.ndarray) -> dict[str, Any]:
    """Mean, SD, median and sum of one modality's counts."""
    if not len(values):
        return {"mean": None, "mean_lower95": None, "mean_upper95": None, "sd": None, "median": None, "total": 0}
    mean = mean_estimate(values)
    return {
        "mean": float(values.mean()),
        "mean_lower95": mean["lower95"],
        "mean_upper95": mean["upper95"],
        "sd": float(values.std(ddof=1)) if len(values) > 1 else None,
        "median": float(np.median(values)),
        "total": int(values.sum()),
    }


def _no_test(reason: str) -> dict[str, Any]:
    """No test, because of ``reason``."""
    return {"p": None, "statistic": None, "reason": reason}
