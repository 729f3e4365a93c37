"""Arteries of a hand whose wall is calcified (media sclerosis), and sesamoids besides the thumb's, for `mesh_hand`.

Media sclerosis makes rings and tubes of the wall: tram tracks, straight or tortuous, whole or in pieces of any length,
dense or faint. The vessels run where arteries run: two beside each finger, an arch across the palm, and the radial and
the ulnar artery at the wrist.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from mesh_deposits import Site, half_width, small_bone
from mesh_hand import Deposit, Pose
from scipy.interpolate import CubicSpline
from scipy.spatial import cKDTree

STYLES = ("whole", "broken", "pieces", "sparse", "rings", "one-sided")
STEP_MM = 0.1
DIGITS = (2, 3, 4, 5)


@dataclass(frozen=True, eq=False)
class Vessel:
    """A path (N, 3) every `STEP_MM`, mm, and the radius of the vessel's outside."""

    path: np.ndarray
    radius_mm: float

    @property
    def length_mm(self) -> float:
        """Along the path."""
        return len(self.path) * STEP_MM


def make_arteries(pose: Pose, seed: int, count: int = 3, styles: tuple[str, ...] = STYLES) -> tuple[Deposit, ...]:
    """Calcified pieces (``kind`` "artery") of ``count`` arteries, each of one style in turn."""
    rng = np.random.default_rng([seed, 79])
    site = Site(pose)
    routes = [f"digital-{d}" for d in DIGITS] * 2 + ["arch", "radial", "ulnar"]
    chosen = rng.permutation(len(routes))[:count]
    first = int(rng.integers(len(styles)))
    found: list[Deposit] = []
    for number, index in enumerate(chosen):
        vessel = _vessel(rng, site, routes[index], 1.0 if index < len(DIGITS) else -1.0)
        found += _calcified(rng, vessel, styles[(first + number) % len(styles)])
    return tuple(found)


def _vessel(rng: np.random.Generator, site: Site, route: str, side: float) -> Vessel:
    """A vessel on its route, swinging to and fro: hardly, or as tortuous as old arteries are."""
    name, _, digit = route.partition("-")
    if name == "digital":
        points, radius = _beside_finger(rng, site, digit, side), rng.uniform(0.5, 0.9)
    elif name == "arch":
        points, radius = _across_palm(rng, site), rng.uniform(0.8, 1.2)
    else:
        points, radius = _at_wrist(rng, site, name), rng.uniform(1.0, 1.5)
    steps = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    curve = CubicSpline(steps, points)
    along = np.arange(0.0, steps[-1], STEP_MM)
    path, ahead = curve(along), curve(along, 1)
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    across = np.cross(ahead, rng.normal(size=3))
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    swing = rng.choice([0.2, 0.6, 1.2]) * np.sin(2 * np.pi * along / rng.uniform(14, 25) + rng.uniform(0, 6.28))
    return Vessel(path + swing[:, None] * across, float(radius))


def _beside_finger(rng: np.random.Generator, site: Site, digit: str, side: float) -> np.ndarray:
    """From beside the proximal phalanx's base to beside the middle phalanx's head, on the volar side."""
    points = []
    out, up = rng.uniform(2.2, 3.2), rng.uniform(1.0, 2.5)
    for name in ("proximal", "middle"):
        centre, axis, volar, across = site.frame(f"{name}-{digit}")
        half = 0.5 * float(np.ptp((site.clouds[f"{name}-{digit}"] - centre) @ axis))
        width = half_width(site, f"{name}-{digit}", side * across) + out
        points += [centre + axis * half * share + side * across * width + volar * up for share in (-0.75, 0.0, 0.7)]
    return np.array(points)


def _across_palm(rng: np.random.Generator, site: Site) -> np.ndarray:
    """The superficial arch: from the hook of the hamate over the metacarpals, volar of the tendons."""
    points = [site.frame("hamate")[0] + site.frame("hamate")[2] * 13.0]
    for digit in (5, 4, 3, 2):
        centre, axis, volar, _ = site.frame(f"metacarpal-{digit}")
        points.append(centre + axis * rng.uniform(-2, 2) + volar * rng.uniform(11.5, 13.0))
    return np.array(points)


def _at_wrist(rng: np.random.Generator, site: Site, name: str) -> np.ndarray:
    """The radial artery volar of the radius, or the ulnar artery beside the pisiform, from the forearm on."""
    start = "radius" if name == "radial" else "ulna"
    end = "scaphoid" if name == "radial" else "pisiform"
    volar = np.array([0.0, 1.0, 0.0])
    outwards = np.array([1.0 if name == "radial" else -1.0, 0.0, 0.0])
    low = np.percentile(site.clouds[start], 5, axis=0)[2]
    cloud = site.clouds[start]
    near = cloud[np.abs(cloud[:, 2] - low) < 8]
    first = np.array([near[:, 0].mean(), near[:, 1].max() + rng.uniform(3.0, 4.0), low + 22.0])
    target = site.clouds[end].mean(0)
    last = target + (outwards * 8.0 + volar * 3.0 if name == "radial" else volar - outwards * 8.5)
    middle = 0.5 * (first + last) + volar * 1.5
    return np.array([first, middle, last])


def _calcified(rng: np.random.Generator, vessel: Vessel, style: str) -> list[Deposit]:
    """The pieces of a vessel's wall that are calcified."""
    wall = float(rng.uniform(0.3, min(0.6, 0.7 * vessel.radius_mm)))
    level = float(rng.uniform(350, 1000))
    found = []
    for start, length in _extents(rng, style, vessel.length_mm):
        hu = level if style in ("whole", "rings") else level * float(rng.uniform(0.75, 1.25))
        part = vessel.path[int(start / STEP_MM) : int((start + length) / STEP_MM) + 1]
        if len(part) > 2:
            towards = rng.normal(size=3) if style == "one-sided" else None
            found.append(_wall(part, vessel.radius_mm, wall, hu, towards))
    return found


def _extents(rng: np.random.Generator, style: str, length_mm: float) -> list[tuple[float, float]]:
    """Start and length of each calcified piece along a vessel."""
    ranges = {
        "whole": ((60.0, 60.0), (0.0, 0.0)),
        "broken": ((3.0, 9.0), (1.0, 3.0)),
        "pieces": ((4.0, 14.0), (2.5, 8.0)),
        "sparse": ((3.0, 7.0), (4.0, 12.0)),
        "rings": ((1.0, 1.6), (0.8, 2.2)),
        "one-sided": ((3.0, 10.0), (1.5, 5.0)),
    }
    piece, gap = ranges[style]
    found, at = [], float(rng.uniform(0, 3))
    while at < length_mm:
        size = float(rng.uniform(*piece))
        found.append((at, min(size, length_mm - at)))
        at += size + float(rng.uniform(*gap))
    return found


def _wall(path: np.ndarray, radius: float, wall: float, hu: float, towards: np.ndarray | None) -> Deposit:
    """A piece of a vessel's wall with square ends; with ``towards`` only the half on that side."""
    tree = cKDTree(path)
    ahead = np.gradient(path, axis=0)
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    centre = 0.5 * (path[0] + path[-1])
    reach = float(np.linalg.norm(path - centre, axis=1).max()) + radius

    def distance(x: np.ndarray) -> np.ndarray:
        away, index = tree.query(x)
        offset = x - path[index]
        along = (offset * ahead[index]).sum(1)
        d = np.abs(away - radius + wall / 2) - wall / 2
        # Beyond the ends the nearest point is an end, and the offset has a part along the path.
        d = np.maximum(d, np.where((index == 0) | (index == len(path) - 1), np.abs(along) - 0.05, -1.0))
        return d if towards is None else np.maximum(d, -(offset @ (towards / np.linalg.norm(towards))) - 0.2 * radius)

    return Deposit("artery", distance, hu, centre, reach)


def make_small_sesamoids(pose: Pose, seed: int) -> tuple[Deposit, ...]:
    """Shells with spongy bone inside before the heads of the second and fifth metacarpal and the thumb's last joint."""
    rng = np.random.default_rng([seed, 80])
    site = Site(pose)
    found = []
    for name in ("metacarpal-2", "metacarpal-5", "proximal-1"):
        if rng.random() < 0.3:
            continue
        centre, axis, volar, side = site.frame(name)
        offsets = site.clouds[name] - centre
        place = centre + axis * (float((offsets @ axis).max()) - 3.0) + side * rng.uniform(-2.0, 2.0)
        near = np.linalg.norm(np.cross(site.clouds[name] - place, volar), axis=1) < 3.0
        place = place + volar * (float(((site.clouds[name] - place) @ volar)[near].max(initial=4.0)) + 2.9)
        axes = np.stack([side, axis, volar], 1)
        half = np.array([1.8, 2.2, 1.7]) * rng.uniform(0.9, 1.2)
        found += small_bone(place, axes, half, 0.5)
    return tuple(found)
