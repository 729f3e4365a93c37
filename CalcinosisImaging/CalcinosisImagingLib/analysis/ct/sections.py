"""What is usual in the same cross-section of a bone: medians over slabs across its longest axis."""

from __future__ import annotations

import numpy as np

SLICE_MM = 3.0
ENOUGH = 10


class Sections:
    """Slabs of `SLICE_MM` across the longest axis of a mask (K, J, I)."""

    def __init__(self, mask: np.ndarray, spacing: np.ndarray) -> None:
        self._mask = mask
        points = np.argwhere(mask) * spacing
        self._centre = points.mean(0)
        offsets = points - self._centre
        self._axis = np.linalg.eigh(offsets.T @ offsets)[1][:, -1] * spacing
        self._start = float((offsets @ (self._axis / spacing)).min())
        self._spacing = spacing

    def medians(self, values: np.ndarray, where: np.ndarray) -> np.ndarray:
        """For each voxel of the array the median of ``values`` at ``where`` (bool) in its slab and the two beside it.

        A slab with too few of them gets the median of all.
        """
        slab = self._slabs(values.shape)
        number, some = slab[where], values[where]
        whole = float(np.median(some)) if some.size else 0.0
        table = np.full(int(slab.max()) + 1, whole, np.float32)
        for index in range(len(table)):
            near = some[np.abs(number - index) <= 1]
            if len(near) >= ENOUGH:
                table[index] = np.median(near)
        return table[slab]

    def _slabs(self, shape: tuple[int, ...]) -> np.ndarray:
        """Number of each voxel's slab; what lies before the first belongs to it."""
        along = sum(
            ((np.arange(n) - c / h) * a).reshape([-1 if axis == d else 1 for d in range(3)])
            for axis, (n, c, h, a) in enumerate(zip(shape, self._centre, self._spacing, self._axis, strict=True))
        )
        return np.maximum(np.floor((along - self._start) / SLICE_MM), 0).astype(np.int32)
