"""Segmentations of simple bodies on any grid, for the tests and benchmarks of matching."""

import numpy as np
from CalcinosisImagingLib.analysis.segmentation import Segment, Segmentation
from CalcinosisImagingLib.analysis.volume import Volume


def grid(size, spacing, offset_mm=(0.0, 0.0, 0.0), rotation=None):
    """An empty grid of ``size`` (i, j, k) centred on the origin, moved by ``offset_mm``; labels are all 0."""
    spacing = np.broadcast_to(np.asarray(spacing, float), 3)
    matrix = np.eye(4)
    matrix[:3, :3] = (np.eye(3) if rotation is None else rotation) * spacing
    matrix[:3, 3] = np.asarray(offset_mm) - matrix[:3, :3] @ ((np.asarray(size) - 1) / 2)
    return Volume(np.zeros(tuple(size)[::-1], np.uint16), matrix)


def ball(centre, radius):
    """(centre, radius of the box around it, function of points that tells what is inside)."""
    centre = np.asarray(centre, float)
    return centre, radius, lambda points: ((points - centre) ** 2).sum(axis=-1) <= radius**2


def box(centre, half):
    """A box with its sides along R, A, S; ``half`` sides in mm."""
    centre, half = np.asarray(centre, float), np.asarray(half, float)
    return centre, float(np.linalg.norm(half)), lambda points: (np.abs(points - centre) <= half).all(axis=-1)


def draw(volume, bodies):
    """Label 1, 2, … for the bodies, in order; a voxel belongs to a body if its centre does."""
    for label, (centre, radius, inside) in enumerate(bodies, 1):
        reach = radius / volume.spacing_mm + 1
        middle = volume.to_ijk(centre)
        low = np.maximum(np.floor(middle - reach), 0).astype(int)
        high = np.minimum(np.ceil(middle + reach) + 1, volume.size).astype(int)
        ijk = np.stack(np.meshgrid(*[np.arange(a, b) for a, b in zip(low, high, strict=True)], indexing="ij"), axis=-1)
        i, j, k = ijk[inside(volume.to_ras(ijk))].T
        volume.voxels[k, j, i] = label
    segments = tuple(Segment(n, f"deposit-{n}", f"Deposit {n}") for n in range(1, len(bodies) + 1))
    return Segmentation(volume, segments)
