"""Sizes of deposits that belong together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np


def summed(ids: Sequence[int], measures: Mapping[int, float | None] | None, counted: float) -> float | None:
    """Sum of a measure over some labels, None if it is not known of one of them.

    ``measures``: the best estimates by label; None where there are none: then ``counted`` is the answer.
    """
    if measures is None:
        return counted
    values = [measures.get(label) for label in ids]
    return None if any(value is None or not np.isfinite(value) for value in values) else float(sum(values))
