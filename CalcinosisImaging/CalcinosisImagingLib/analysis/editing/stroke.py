"""The line that a reader draws across a body in a slice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Stroke:
    """A straight line drawn in a slice.

    Attributes
    ----------
    start, end: (3,) RAS mm (or any frame in mm that is shared with ``to_mm`` of the cut).
    normal: (3,) unit vector, perpendicular to the slice.
    """

    start: np.ndarray
    end: np.ndarray
    normal: np.ndarray
