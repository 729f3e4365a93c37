"""Bodies that the border of the image cuts: parts of bones may look like deposits there."""

from __future__ import annotations

import numpy as np

from .grid import Box

ENCLOSED = 3.0
"""In so many of six directions the inside of a bone that is cut meets its shell; what lies on a bone in one or two."""


def is_cut(body: np.ndarray, box: Box, shape: tuple[int, int, int]) -> bool:
    """Whether the border of the image cuts a body (of a box): there it is as wide as half of its widest section.

    A whole body that lies close to the border only just reaches it, as the smoothing widens it.
    """
    for axis, (s, n) in enumerate(zip(box, shape, strict=True)):
        section = body.sum(axis=tuple(a for a in range(3) if a != axis))
        ends = [section[0]] * (s.start == 0) + [section[-1]] * (s.stop == n)
        if any(2 * end >= section.max() for end in ends):
            return True
    return False


def is_inside_cut_bone(body: np.ndarray, bones: np.ndarray, box: Box, shape: tuple[int, int, int]) -> bool:
    """Whether a body that reaches the border lies in the open shell of a bone: marrow that the outline left out.

    Parameters
    ----------
    body, bones: (K, J, I) of a crop around the body's ``box``; ``bones`` are labels.
    shape: of the image.
    """
    if not any(s.start == 0 or s.stop == n for s, n in zip(box, shape, strict=True)) or not bones.any():
        return False
    met = np.zeros(int(body.sum()))
    for axis in range(3):
        for turn in (slice(None), slice(None, None, -1)):
            view = tuple(turn if a == axis else slice(None) for a in range(3))
            met += np.maximum.accumulate(bones[view] > 0, axis=axis)[view][body]
    return float(met.mean()) >= ENCLOSED
