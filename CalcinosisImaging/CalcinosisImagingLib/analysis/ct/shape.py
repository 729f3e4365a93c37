"""Size, axis and ends of each body."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..volume import transform_points

END_MM = 3.0


@dataclass(frozen=True, eq=False)
class Body:
    """A body on the working grid, in RAS mm.

    Attributes
    ----------
    label: its value in the labels.
    volume_mm3: filled volume.
    centre: (3,) centroid.
    axis: (3,) unit vector of its greatest extent.
    length_mm, width_mm, thickness_mm: extents along the principal axes, longest first.
    ends: (2, 3) mean of the last `END_MM` at the negative and positive end of the axis.
    end_widths_mm: root mean square radius at the two ends.
    at_border: whether it is cut by the border of the image.
    """

    label: int
    volume_mm3: float
    centre: np.ndarray
    axis: np.ndarray
    length_mm: float
    width_mm: float
    thickness_mm: float
    ends: np.ndarray
    end_widths_mm: tuple[float, float]
    at_border: bool

    @property
    def slenderness(self) -> float:
        """Length over width."""
        return self.length_mm / max(self.width_mm, 1e-6)


def measure_bodies(labels: np.ndarray, ijk_to_ras: np.ndarray, border: np.ndarray) -> list[Body]:
    """One `Body` per label that occurs, in order of label.

    Parameters
    ----------
    labels: (K, J, I) int.
    border: (K, J, I) bool, voxels beside the border of the image or of the scanned field.
    """
    index = np.flatnonzero(labels)
    values = labels.ravel()[index]
    order = np.argsort(values, kind="stable")
    index, values = index[order], values[order]
    starts = np.flatnonzero(np.r_[True, values[1:] != values[:-1]])
    stops = np.r_[starts[1:], len(values)]
    voxel_mm3 = float(abs(np.linalg.det(ijk_to_ras[:3, :3])))
    result = []
    for start, stop in zip(starts, stops, strict=True):
        if stop - start < 8:
            continue
        part = index[start:stop]
        kji = np.stack(np.unravel_index(part, labels.shape), 1)
        points = transform_points(ijk_to_ras, kji[:, ::-1])
        cut = bool(border.ravel()[part].sum() > 10)
        result.append(_body(int(values[start]), points, voxel_mm3, cut))
    return result


def _body(label: int, points: np.ndarray, voxel_mm3: float, cut: bool) -> Body:
    """Measure one cloud of voxel centres."""
    centre = points.mean(0)
    offsets = points - centre
    vectors = np.linalg.eigh(offsets.T @ offsets)[1][:, ::-1]
    # A fixed sign, so that the order of the ends does not depend on the eigenvector's.
    vectors = vectors * np.where(vectors[np.abs(vectors).argmax(0), range(3)] < 0, -1.0, 1.0)
    along = offsets @ vectors
    step = voxel_mm3 ** (1 / 3)
    low, high = along.min(0), along.max(0)
    extents = high - low + step
    t = along[:, 0]
    band = min(END_MM, 0.3 * extents[0])
    ends, widths = [], []
    for chosen in (t <= low[0] + band, t >= high[0] - band):
        ends.append(centre + vectors @ np.array([low[0] if not ends else high[0], *along[chosen, 1:].mean(0)]))
        widths.append(float(np.sqrt(along[chosen, 1:].var(0).sum())))
    return Body(
        label,
        len(points) * voxel_mm3,
        centre,
        vectors[:, 0],
        float(extents[0]),
        float(extents[1]),
        float(extents[2]),
        np.array(ends),
        (widths[0], widths[1]),
        cut,
    )
