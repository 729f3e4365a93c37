"""Drawing a deposit's shape of each kind at random, with the volume asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .deposit_shapes import Grains, Plate, Solid, Stone, Threads, measure
from .shapes import Shape

KIND_SHARE = {"stone": 0.884, "plate": 0.048, "net": 0.038, "stippled": 0.03}
"""Stones 91.4 %, plates 4.8 %, nets 3.8 % of 316 patients (Bartoli et al. 2016); some of the stones stippled."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """A shape with what is known of it.

    Attributes
    ----------
    thickness_mm: of the sheet or threads; of a stone its smallest diameter; of grains the mean diameter.
    fragments: separate pieces.
    """

    kind: str
    shape: Shape
    solid: Solid
    thickness_mm: float
    fragments: int = 1


def draw_kind(rng: np.random.Generator) -> str:
    """A kind, by the published shares."""
    return str(rng.choice(list(KIND_SHARE), p=list(KIND_SHARE.values())))


def draw_shape(rng: np.random.Generator, kind: str, volume_mm3: float) -> Drawn:
    """A shape of that kind whose volume is as asked (nets and grains: nearly)."""
    if kind == "plate":
        return _plate(rng, volume_mm3)
    if kind == "net":
        return _net(rng, volume_mm3)
    if kind == "stippled":
        return _grains(rng, volume_mm3)
    return _stone(rng, volume_mm3, 0.0 if rng.random() < 0.4 else 1.0)


def _stone(rng: np.random.Generator, volume_mm3: float, lobulated: float) -> Drawn:
    """A stone, longest along y; ``lobulated`` 0 (smooth) .. 1. Its volume is known in closed form."""
    long, flat = rng.uniform(1.0, 1.8), rng.uniform(0.7, 1.0)
    k = rng.normal(size=(4, 3))
    k *= rng.uniform(2.5, 4.5, (4, 1)) / np.linalg.norm(k, axis=1, keepdims=True)
    waves = np.column_stack([k, rng.uniform(0, 2 * np.pi, 4), lobulated * rng.uniform(0.03, 0.09, 4)])
    stone = Stone((1.0, long, flat), waves)
    stone = stone.scaled((volume_mm3 / stone.volume_mm3) ** (1.0 / 3.0))
    found = measure(stone, 60_000)
    return Drawn("stone", stone, Solid(stone.volume_mm3, found.centroid, found.surface), 2.0 * min(stone.half_axes_mm))


def _plate(rng: np.random.Generator, volume_mm3: float) -> Drawn:
    """A plate of 0.6 to 2 mm."""
    thickness = float(np.clip(rng.uniform(0.6, 2.0), 0.6, 0.45 * volume_mm3 ** (1 / 3) + 0.3))
    area = volume_mm3 / thickness
    aspect = rng.uniform(1.2, 2.4)
    width = float(np.sqrt(area / np.pi / aspect))
    bend = float(max(rng.uniform(4.0, 12.0), width * 0.9))
    plate = Plate(width, width * aspect, thickness, bend, (rng.uniform(0.0, 0.15), rng.uniform(0.0, 6.28)))
    for _ in range(3):
        plate = plate.scaled(float(np.sqrt(volume_mm3 / measure(plate, 300_000).volume_mm3)))
    return Drawn("plate", plate, measure(plate), thickness)


def _net(rng: np.random.Generator, volume_mm3: float) -> Drawn:
    """A net: a bent sheet of meshes a few millimetres wide, some threads missing, all connected."""
    radius = float(np.clip(0.28 + 0.02 * volume_mm3 ** (1 / 3), 0.3, 0.6))
    mesh = rng.uniform(2.0, 3.2)
    length = volume_mm3 / (np.pi * radius**2)
    count = max(2, round(np.sqrt(length / mesh / 2.0)) + 1)
    columns = max(2, count - 1)
    grid = np.array([(i, j) for i in range(columns) for j in range(count)], float)
    flat = (grid - grid.mean(axis=0)) * mesh + rng.normal(0.0, 0.18 * mesh, grid.shape)
    bend = rng.uniform(6.0, 14.0)
    angle = flat[:, 0] / bend
    lift = rng.normal(0.0, 0.25, len(flat))
    knots = np.stack([(bend + lift) * np.sin(angle), flat[:, 1], (bend + lift) * np.cos(angle) - bend], axis=1)
    pairs = []
    for i in range(columns):
        for j in range(count):
            if j + 1 < count:
                pairs.append((i * count + j, i * count + j + 1))
            if i + 1 < columns and (j == 0 or rng.random() < 0.75):
                pairs.append((i * count + j, (i + 1) * count + j))
    starts, ends = (knots[list(side)] for side in zip(*pairs, strict=True))
    net = Threads(starts, ends, radius)
    for _ in range(2):
        net = net.scaled(float(np.clip(volume_mm3 / measure(net, 200_000).volume_mm3, 0.75, 1.3)))
    return Drawn("net", net, measure(net), 2 * radius)


def _grains(rng: np.random.Generator, volume_mm3: float) -> Drawn:
    """Grains of 0.5 to 2 mm, each 0.4 to 1.6 mm from another, so that they are one deposit in many fragments."""
    mean = float(np.clip(0.5 * (volume_mm3 / 12.0) ** (1 / 3), 0.3, 1.0))
    centres, radii, total = [np.zeros(3)], [mean], 4.19 * mean**3
    while total < volume_mm3 and len(radii) < 60:
        radius = mean * rng.uniform(0.6, 1.3)
        for _ in range(50):
            host = int(rng.integers(len(radii)))
            direction = rng.normal(size=3) * np.array([1.0, 1.6, 0.6])
            direction /= np.linalg.norm(direction)
            centre = centres[host] + direction * (radii[host] + radius + rng.uniform(0.4, 1.6))
            gaps = np.linalg.norm(np.array(centres) - centre, axis=1) - np.array(radii) - radius
            if gaps.min() > 0.35:
                centres.append(centre)
                radii.append(radius)
                total += 4.19 * radius**3
                break
    grains = Grains(np.array(centres) - np.mean(centres, axis=0), np.array(radii))
    found = measure(grains, 400_000)
    solid = Solid(grains.volume_mm3, found.centroid, found.surface)
    return Drawn("stippled", grains, solid, float(2.0 * np.mean(radii)), len(radii))
