"""Deposits of every kind, and dense things that are none, for the hands of `mesh_hand`.

Independent of the phantom package: other shapes, other sites, other densities. Everything is a signed distance (mm,
negative inside) in the posed hand's frame.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from CalcinosisImagingLib.analysis.anatomy import BONE_NAMES
from mesh_hand import Deposit, Pose, shapes, transforms
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

Distance = Callable[[np.ndarray], np.ndarray]
KINDS = ("stone", "paste", "plate", "net", "stippled", "stone touching", "paste touching", "plate touching")
PAIR = "pair of stones"
APART_MM = 3.5
DISTRACTORS = ("sesamoid", "nail", "ring", "wire", "artery", "sliver")
METAL_HU = 9000.0


class Site:
    """Clouds of the posed bones' surfaces, and free places beside them."""

    def __init__(self, pose: Pose) -> None:
        self.placed = transforms(pose)
        self.clouds = {n: self._move(n, shapes()[n].surface()) for n in BONE_NAMES}
        self.names = [n for n in BONE_NAMES if n not in ("radius", "ulna")]
        self.tree = cKDTree(np.concatenate([c[::3] for c in self.clouds.values()]))
        self.owner = np.concatenate([np.full(len(c[::3]), i) for i, c in enumerate(self.clouds.values())])

    def _move(self, name: str, points: np.ndarray) -> np.ndarray:
        return points @ self.placed[name][:3, :3].T + self.placed[name][:3, 3]

    def point_and_normal(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """A point on a bone's surface and the direction away from the bone's axis."""
        name = self.names[rng.integers(len(self.names))]
        cloud = self.clouds[name]
        point = cloud[rng.integers(len(cloud))]
        axis = self.placed[name][:3, :3] @ shapes()[name].axis
        normal = point - cloud.mean(0)
        normal = normal - axis * (normal @ axis) * 0.8
        return point, normal / np.linalg.norm(normal)

    def gap(self, surface: np.ndarray) -> float:
        """Distance from a body's surface to the next bone."""
        return float(self.tree.query(surface)[0].min())

    def owners(self, surface: np.ndarray, within: float) -> int:
        """How many bones are within a distance."""
        near = self.tree.query_ball_point(surface[::5], within)
        return len({int(self.owner[i]) for some in near for i in some})

    def frame(self, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Centre, axis (distal), volar and sideways directions of a posed bone."""
        turn = self.placed[name][:3, :3]
        axis = turn @ shapes()[name].axis
        volar = turn @ np.array([-1.0, 0.3, 0.0] if name.endswith("-1") else [0.0, 1.0, 0.0])
        volar = volar - axis * (volar @ axis)
        volar /= np.linalg.norm(volar)
        return self.clouds[name].mean(0), axis, volar, np.cross(axis, volar)


def make_deposits(
    pose: Pose, seed: int, count: int = 24, pairs: int = 2, clear_of: tuple[Deposit, ...] = ()
) -> tuple[Deposit, ...]:
    """``count`` deposits of all kinds in turn and ``pairs`` of touching stones (two each), clear of each other."""
    rng = np.random.default_rng([seed, 77])
    site = Site(pose)
    found: list[Deposit] = []
    kinds = [KINDS[i % len(KINDS)] for i in range(count)] + [PAIR] * pairs
    for kind in kinds:
        for _ in range(400):
            bodies = _try(rng, site, kind)
            if bodies and all(
                np.linalg.norm(b.centre - d.centre) > b.reach + d.reach + APART_MM
                for b in bodies
                for d in [*found, *clear_of]
            ):
                found += bodies
                break
    return tuple(found)


def _try(rng: np.random.Generator, site: Site, kind: str) -> list[Deposit]:
    """One deposit (two of a pair) at random; nothing if there is no room."""
    point, normal = site.point_and_normal(rng)
    turn = Rotation.random(random_state=int(rng.integers(2**31))).as_matrix()
    shape = kind.split()[0]
    if kind == PAIR:
        return _pair(rng, site, point, normal)
    own, reach = SHAPES[shape](rng)
    hu = float(rng.uniform(150, 400) if shape == "paste" else rng.uniform(500, 1900))
    touching = kind.endswith("touching")
    if touching and shape == "plate":
        turn = np.stack([np.cross(normal, [0.3, 0.5, 0.8]), np.zeros(3), normal], 1)
        turn[:, 0] /= np.linalg.norm(turn[:, 0])
        turn[:, 1] = np.cross(normal, turn[:, 0])
    surface = _surface(own, reach) @ turn.T
    wanted = rng.uniform(-0.5, 0.0) if touching else rng.uniform(0.9, 2.2)
    centre = point + normal * reach
    for _ in range(25):
        gap = site.gap(surface + centre)
        low = float(((surface + centre - point) @ normal).min())
        missing = wanted - (low if touching else gap)
        if abs(missing) < 0.1:
            break
        centre = centre + normal * missing
    else:
        return []
    if touching and (site.owners(surface + centre, 1.2) > 1 or site.gap(surface + centre) > 0.4):
        return []
    if not touching and site.gap(surface + centre) < 0.7:
        return []
    return [Deposit(kind, lambda x: own((x - centre) @ turn), hu, centre, reach)]


def _pair(rng: np.random.Generator, site: Site, point: np.ndarray, normal: np.ndarray) -> list[Deposit]:
    """Two round stones whose surfaces just meet, free of bone."""
    first, second = rng.uniform(1.4, 2.8, 2)
    direction = np.cross(normal, rng.normal(size=3))
    direction /= np.linalg.norm(direction)
    centre = point + normal * (max(first, second) + 1.5)
    other = centre + direction * (first + second)
    if site.gap(centre[None]) < first + 0.8 or site.gap(other[None]) < second + 0.8:
        return []
    hu = float(rng.uniform(600, 1500))
    parts = ((centre, first), (other, second))
    return [
        Deposit(PAIR, lambda x, c=c, r=r: np.linalg.norm(x - c, axis=1) - r, hu * rng.uniform(0.9, 1.1), c, r)
        for c, r in parts
    ]


def _surface(own: Distance, reach: float) -> np.ndarray:
    """Points near the surface of a shape, on a grid of a third of a millimetre."""
    side = np.arange(-reach - 0.3, reach + 0.3, 0.33)
    grid = np.stack(np.meshgrid(side, side, side, indexing="ij"), -1).reshape(-1, 3)
    d = own(grid)
    return grid[(d < 0.0) & (d > -0.45)]


def _stone(rng: np.random.Generator) -> tuple[Distance, float]:
    """Two or three balls run into each other, one clearly the largest."""
    radius = float(np.exp(rng.uniform(np.log(0.95), np.log(3.8))))
    balls = [(np.zeros(3), radius)]
    for _ in range(int(rng.integers(1, 3))):
        direction = rng.normal(size=3)
        direction /= np.linalg.norm(direction)
        balls.append((direction * radius * rng.uniform(0.45, 0.7), radius * rng.uniform(0.6, 0.8)))

    def distance(x: np.ndarray) -> np.ndarray:
        return np.min([np.linalg.norm(x - c, axis=1) - r for c, r in balls], axis=0)

    return distance, max(float(np.linalg.norm(c)) + r for c, r in balls)


def _paste(rng: np.random.Generator) -> tuple[Distance, float]:
    """An ellipsoid."""
    half = float(np.exp(rng.uniform(np.log(1.2), np.log(4.0)))) * np.array([1.0, rng.uniform(0.6, 1.0), 0.7])

    def distance(x: np.ndarray) -> np.ndarray:
        return (np.linalg.norm(x / half, axis=1) - 1.0) * half.min()

    return distance, float(half.max())


def _plate(rng: np.random.Generator) -> tuple[Distance, float]:
    """A cap of a hollow sphere, 0.6 to 2 mm thick, bent over the origin (its hollow towards negative z)."""
    thick, bend, reach = rng.uniform(0.6, 2.0), rng.uniform(6.0, 14.0), rng.uniform(2.2, 4.5)
    long = rng.uniform(0.6, 1.0)

    def distance(x: np.ndarray) -> np.ndarray:
        shell = np.abs(np.linalg.norm(x + np.array([0.0, 0.0, bend]), axis=1) - bend) - thick / 2
        rim = np.hypot(x[:, 0], x[:, 1] / long) - (reach - 0.5)
        return np.maximum(np.maximum(shell, rim * long), -x[:, 2] - 0.5 * bend)

    return distance, float(np.hypot(reach, thick))


def _net(rng: np.random.Generator) -> tuple[Distance, float]:
    """A cubic lattice of threads, cut by a flat ellipsoid."""
    step, thread, reach = rng.uniform(1.5, 2.0), rng.uniform(0.3, 0.42), rng.uniform(2.2, 4.2)
    offset, flat = rng.uniform(0, 1, 3), rng.uniform(0.5, 0.9)

    def distance(x: np.ndarray) -> np.ndarray:
        away = np.sort(np.abs((x / step + offset) % 1.0 - 0.5) * step, axis=1)
        lines = np.hypot(away[:, 0], away[:, 1]) - thread
        ball = np.linalg.norm(x / [1.0, 1.0, flat], axis=1) - reach
        return np.maximum(lines, ball * flat)

    return distance, float(reach)


def _stippled(rng: np.random.Generator) -> tuple[Distance, float]:
    """A chain of grains, each 0.4 to 1.2 mm from its neighbour."""
    centres, radii = [np.zeros(3)], [float(rng.uniform(0.5, 0.8))]
    for _ in range(int(rng.integers(5, 11))):
        host = int(rng.integers(len(radii)))
        radius = float(rng.uniform(0.45, 0.8))
        direction = rng.normal(size=3)
        direction /= np.linalg.norm(direction)
        centre = centres[host] + direction * (radii[host] + radius + rng.uniform(0.4, 1.2))
        if (np.linalg.norm(np.array(centres) - centre, axis=1) - np.array(radii) - radius).min() > 0.35:
            centres.append(centre)
            radii.append(radius)
    middle = np.mean(centres, axis=0)
    cloud, sizes = np.array(centres) - middle, np.array(radii)

    def distance(x: np.ndarray) -> np.ndarray:
        return np.min([np.linalg.norm(x - c, axis=1) - r for c, r in zip(cloud, sizes, strict=True)], axis=0)

    return distance, float((np.linalg.norm(cloud, axis=1) + sizes).max())


SHAPES = {"stone": _stone, "paste": _paste, "plate": _plate, "net": _net, "stippled": _stippled}


def make_distractors(pose: Pose, seed: int, names: tuple[str, ...] = DISTRACTORS) -> tuple[Deposit, ...]:
    """Dense things that are no deposits (``kind`` = what they are)."""
    rng = np.random.default_rng([seed, 78])
    site = Site(pose)
    makers = {
        "sesamoid": _sesamoids,
        "nail": _nails,
        "ring": _ring,
        "wire": _wire,
        "artery": _artery,
        "sliver": _sliver,
    }
    return tuple(body for name in names for body in makers[name](rng, site))


def half_width(site: Site, name: str, direction: np.ndarray) -> float:
    """From a bone's centre to its surface in a direction (90th percentile of its middle)."""
    centre, axis, _, _ = site.frame(name)
    offsets = site.clouds[name] - centre
    middle = np.abs(offsets @ axis) < 3.0
    return float(np.percentile(offsets[middle] @ direction, 97))


def small_bone(place: np.ndarray, axes: np.ndarray, half: np.ndarray, shell_mm: float) -> list[Deposit]:
    """A sesamoid: an ellipsoid of cortex (half axes, mm, along the columns of ``axes``) and what it encloses."""
    return [
        Deposit(
            "sesamoid",
            lambda x, s=half - shrink: (np.linalg.norm((x - place) @ axes / s, axis=1) - 1) * s.min(),
            hu,
            place,
            float(half.max()),
        )
        for shrink, hu in ((0.0, 1100.0), (shell_mm, 330.0))
    ]


def _sesamoids(rng: np.random.Generator, site: Site) -> list[Deposit]:
    """Two shells with spongy bone inside, on the volar side of the thumb's metacarpal head."""
    centre, axis, volar, side = site.frame("metacarpal-1")
    offsets = site.clouds["metacarpal-1"] - centre
    head = centre + axis * (float((offsets @ axis).max()) - 4.0)
    found = []
    for sign in (-1.0, 1.0):
        place = head + sign * 4.3 * side
        near = np.linalg.norm(np.cross(site.clouds["metacarpal-1"] - place, volar), axis=1) < 3.0
        top = float(((site.clouds["metacarpal-1"] - place) @ volar)[near].max(initial=5.0))
        place = place + volar * (top + 3.2)
        axes = np.stack([side, axis, volar], 1)
        half = np.array([2.4, 3.2, 2.0]) * rng.uniform(0.9, 1.15)
        found += small_bone(place, axes, half, 0.6)
    return found


def _nails(rng: np.random.Generator, site: Site) -> list[Deposit]:
    """Bent plates of half a millimetre in the dorsal skin (7 mm from the bone) of all fingertips."""
    found = []
    for digit in range(1, 6):
        centre, axis, volar, side = site.frame(f"distal-{digit}")
        radius = half_width(site, f"distal-{digit}", -volar) + 6.4
        hu = float(rng.uniform(150, 210))
        middle = centre + axis * 3.0

        def distance(x: np.ndarray, c=middle, a=axis, v=volar, s=side, r=radius) -> np.ndarray:
            y = x - c
            up, across, along = -(y @ v), y @ s, y @ a
            shell = np.abs(np.hypot(up, across) - r) - 0.25
            return np.maximum(np.maximum(shell, np.abs(along) - 6.0), np.abs(across) - 5.0 + np.where(up < 0, 9.0, 0.0))

        found.append(Deposit("nail", distance, hu, middle - volar * radius, 9.0))
    return found


def _ring(rng: np.random.Generator, site: Site) -> list[Deposit]:
    """A gold band around the fourth finger, outside the skin's usual place."""
    centre, axis, volar, side = site.frame("proximal-4")
    radius = 11.5

    def distance(x: np.ndarray) -> np.ndarray:
        y = x - centre
        out = np.hypot(y @ volar, y @ side) - radius
        return np.hypot(out / 0.8, (y @ axis) / 2.0) - 1.0

    return [Deposit("ring", distance, METAL_HU, centre, radius + 2.0)]


def _wire(rng: np.random.Generator, site: Site) -> list[Deposit]:
    """A pin in the middle phalanx of the third finger, a little askew."""
    centre, axis, _, side = site.frame("middle-3")
    direction = axis + 0.1 * side
    direction /= np.linalg.norm(direction)
    half = 0.5 * shapes()["middle-3"].length - 1.0

    def distance(x: np.ndarray) -> np.ndarray:
        y = x - centre
        along = y @ direction
        return np.maximum(np.linalg.norm(y - along[:, None] * direction, axis=1) - 0.5, np.abs(along) - half)

    return [Deposit("wire", distance, METAL_HU, centre, half + 1.0)]


def _artery(rng: np.random.Generator, site: Site) -> list[Deposit]:
    """The calcified wall of the digital artery beside the second proximal phalanx, broken here and there."""
    centre, axis, volar, side = site.frame("proximal-2")
    out = half_width(site, "proximal-2", side) + 3.0
    start = centre + side * out + 2.0 * volar
    half, phase = 0.45 * shapes()["proximal-2"].length, float(rng.uniform(0, 6.28))
    radius, wall, hu = float(rng.uniform(0.8, 1.1)), float(rng.uniform(0.35, 0.5)), float(rng.uniform(500, 900))

    def distance(x: np.ndarray) -> np.ndarray:
        y = x - start
        along = y @ axis
        swing = 0.8 * np.sin(along / 6.0 + phase)
        rho = np.hypot(y @ side - swing, y @ volar)
        tube = np.abs(rho - radius + wall / 2) - wall / 2
        broken = np.sin(along * 1.3 + phase) + 0.6 * np.sin(along * 3.3) - 1.1
        return np.maximum(np.maximum(tube, np.abs(along) - half), 0.5 * broken)

    return [Deposit("artery", distance, hu, start, half + 2.0)]


def _sliver(rng: np.random.Generator, site: Site) -> list[Deposit]:
    """A splinter of metal in the pad of the second finger."""
    centre, _, volar, _ = site.frame("distal-2")
    middle = centre + volar * (half_width(site, "distal-2", volar) + 3.0)
    direction = rng.normal(size=3)
    direction /= np.linalg.norm(direction)

    def distance(x: np.ndarray) -> np.ndarray:
        y = x - middle
        along = y @ direction
        return np.maximum(np.linalg.norm(y - along[:, None] * direction, axis=1) - 0.3, np.abs(along) - 1.5)

    return [Deposit("sliver", distance, METAL_HU, middle, 2.5)]
