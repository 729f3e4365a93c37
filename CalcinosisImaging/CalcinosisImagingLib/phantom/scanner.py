"""The grids of CT and MR scans around a posed hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .hand import PosedHand
from .lattice import Grid

WRIST_CUT_MM = -52.0
"""Scans end this far (hand frame y) down the forearm."""
MARGIN_MM = 4.0


def body_corners(posed: PosedHand, forearm: bool = True) -> np.ndarray:
    """Points (N, 3) in the world whose box holds the hand, forearm cut at `WRIST_CUT_MM`."""
    clouds = []
    for piece in posed.hand.skin:
        low, high = piece.shape.bounds
        corners = np.array(np.meshgrid(*zip(low, high, strict=True))).reshape(3, -1).T
        to_hand = np.linalg.inv(posed.placement) @ posed.piece_to_world(piece)
        in_hand = corners @ to_hand[:3, :3].T + to_hand[:3, 3]
        if piece.bone == "radius" and not forearm:
            continue
        in_hand[:, 1] = np.maximum(in_hand[:, 1], WRIST_CUT_MM)
        clouds.append(in_hand)
    points = np.concatenate(clouds)
    return points @ posed.placement[:3, :3].T + posed.placement[:3, 3]


def ct_grid(hands: Sequence[PosedHand], pixel_mm: float, slice_mm: float, cut_mm: float = 0.0) -> Grid:
    """Axial slices, i to the left, j to the back, k to the head, as scanners store them."""
    axes = np.diag([-pixel_mm, -pixel_mm, slice_mm])
    return _around(np.concatenate([body_corners(hand) for hand in hands]), axes, cut_mm)


def mr_grid(posed: PosedHand, pixel_mm: float, slice_mm: float, tilt: np.ndarray, cut_mm: float = 0.0) -> Grid:
    """Coronal slices of the hand, i to the left, j to the feet, k to the back, turned by the 3x3 ``tilt``."""
    axes = tilt @ np.array([[-pixel_mm, 0.0, 0.0], [0.0, 0.0, -slice_mm], [0.0, -pixel_mm, 0.0]])
    return _around(body_corners(posed), axes, cut_mm)


def _around(corners: np.ndarray, axes: np.ndarray, cut_mm: float) -> Grid:
    """The smallest grid with these axes (columns: steps along i, j, k) that holds the points with a margin.

    ``cut_mm`` of it at the top, where the fingertips are, are left out.
    """
    corners = corners.copy()
    if cut_mm:
        corners[:, 2] = np.minimum(corners[:, 2], corners[:, 2].max() - MARGIN_MM - cut_mm)
    spacing = np.linalg.norm(axes, axis=0)
    steps = corners @ np.linalg.inv(axes).T
    low = np.floor(steps.min(axis=0) - MARGIN_MM / spacing)
    high = np.ceil(steps.max(axis=0) + MARGIN_MM / spacing)
    matrix = np.eye(4)
    matrix[:3, :3] = axes
    matrix[:3, 3] = axes @ low
    return Grid(tuple(int(n) for n in high - low + 1), matrix)
