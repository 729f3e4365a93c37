"""Where deposits lie: the sites of systemic sclerosis, clear of bone or touching it, apart from each other.

Sites after Hsu (ARD 73 Suppl 2:571) and Gauhar (2016): fingertip pads, tendon sheaths, beside joints, extensor side,
carpal tunnel; thumb > index > ... > little finger.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..analysis.anatomy import BONE_NAMES, digit_of
from .frames import rigid
from .skeleton import Skeleton

TOUCHING_SHARE = 0.2
"""Share of deposits that touch or erode bone."""
TOUCHING_MM = 0.1
"""Nearer than this counts as touching."""
SEPARATION_MM = 3.0
"""Deposits closer than 2 mm would count as one, so they keep further apart than that."""
LARGE_MM3_REACH = 9.0
"""A deposit that reaches further than this from its middle (mm) finds room only in the palm, wrist or thumb."""
REGION_SHARE = {"fingertip": 0.38, "sheath": 0.2, "joint": 0.17, "extensor": 0.12, "palm": 0.08, "tunnel": 0.05}
DIGIT_SHARE = {1: 0.30, 2: 0.25, 3: 0.19, 4: 0.14, 5: 0.12}
PHALANGES = {
    "fingertip": ("distal",),
    "sheath": ("proximal", "middle"),
    "joint": ("proximal", "middle", "distal"),
    "extensor": ("proximal", "middle"),
}
ALONG = {"fingertip": (0.45, 1.0), "sheath": (0.2, 0.8), "joint": (0.0, 0.15), "extensor": (0.2, 0.9)}
"""Range of places along the bone, relative to its length."""


@dataclass(frozen=True, eq=False)
class Site:
    """Where a deposit lies in the hand at rest.

    Attributes
    ----------
    to_hand: 4x4, the deposit's own frame -> hand frame.
    carriers: bones that it follows, with weights.
    bone: the nearest one; ``digit`` its digit, ``aspect`` the side of it: volar | dorsal | radial | ulnar.
    region: fingertip | sheath | joint | extensor | palm | tunnel.
    clearance_mm: distance to the nearest bone; negative where it has eroded it.
    """

    to_hand: np.ndarray
    carriers: Mapping[str, float]
    bone: str
    digit: int | None
    aspect: str
    region: str
    clearance_mm: float

    @property
    def touches(self) -> bool:
        """Whether it touches or erodes bone."""
        return self.clearance_mm <= TOUCHING_MM


def place_apart(
    rng: np.random.Generator, skeleton: Skeleton, rest: Mapping[str, np.ndarray], surfaces: Sequence[np.ndarray]
) -> list[Site | None]:
    """A site for each cloud of surface points (N, 3; own frame); None where 60 attempts found no room."""
    sites: list[Site | None] = []
    taken: list[np.ndarray] = []
    for surface in surfaces:
        clearance = float(rng.uniform(-0.8, 0.0) if rng.random() < TOUCHING_SHARE else rng.uniform(0.5, 1.8))
        site = None
        for _ in range(60):
            site = _try(rng, skeleton, rest, surface, clearance)
            if site is None:
                continue
            cloud = surface @ site.to_hand[:3, :3].T + site.to_hand[:3, 3]
            if all(_gap(cloud, other) > SEPARATION_MM for other in taken):
                taken.append(cloud)
                break
            site = None
        sites.append(site)
    return sites


def _gap(a: np.ndarray, b: np.ndarray) -> float:
    """Smallest distance between two clouds of surface points."""
    return float(np.sqrt(((a[:, None] - b[None]) ** 2).sum(axis=2).min()))


def _try(
    rng: np.random.Generator, skeleton: Skeleton, rest: Mapping[str, np.ndarray], surface: np.ndarray, clearance: float
) -> Site | None:
    """One site at random, pushed outward until its clearance is the one asked for."""
    shares = REGION_SHARE
    if np.linalg.norm(surface - surface.mean(axis=0), axis=1).max() > LARGE_MM3_REACH:
        shares = {"palm": 0.5, "tunnel": 0.3, "sheath": 0.2}
    region = str(rng.choice(list(shares), p=list(shares.values())))
    digit = int(rng.choice(list(DIGIT_SHARE), p=list(DIGIT_SHARE.values())))
    bone, to_bone, outward = _start(rng, skeleton, region, digit)
    to_hand = rest[bone] @ to_bone
    push = rest[bone][:3, :3] @ outward
    for _ in range(30):
        distances = bone_distances(skeleton, rest, surface @ to_hand[:3, :3].T + to_hand[:3, 3])
        nearest = min(distances, key=lambda name: distances[name])
        missing = clearance - distances[nearest]
        if abs(missing) < 0.05:
            break
        to_hand[:3, 3] += push * missing
    else:
        return None
    aspect = _aspect(rest[nearest], (to_hand @ np.append(surface.mean(axis=0), 1.0))[:3])
    return Site(to_hand, _carriers(distances), nearest, digit_of(nearest), aspect, region, distances[nearest])


def _start(rng: np.random.Generator, skeleton: Skeleton, region: str, digit: int) -> tuple[str, np.ndarray, np.ndarray]:
    """Bone, 4x4 deposit -> bone with the deposit's z outward, and the outward direction, of a region."""
    wobble = rigid(rng.normal(0.0, 10.0, 3))
    if region in ("tunnel", "palm"):
        bone = "capitate" if region == "tunnel" else f"metacarpal-{digit}"
        length = 8.0 if region == "tunnel" else skeleton.bones[bone].shape.length_mm
        along = rng.uniform(-1.0, 0.5) if region == "tunnel" else rng.uniform(0.3, 0.8)
        place = np.array([rng.uniform(-4, 4), along * length, -11.0])
        angle = -90.0
    else:
        kind = str(rng.choice([k for k in PHALANGES[region] if not (k == "middle" and digit == 1)]))
        bone = f"{kind}-{digit}"
        middle, spread = {"fingertip": (-90, 25), "sheath": (-90, 15), "extensor": (90, 15)}.get(region, (0, 20))
        if region == "joint" and rng.random() < 0.5:
            middle = 180
        angle = float(rng.normal(middle, spread))
        place = 6.0 * np.array([np.cos(np.radians(angle)), 0.0, np.sin(np.radians(angle))])
        place[1] = rng.uniform(*ALONG[region]) * skeleton.bones[bone].shape.length_mm
    outward = np.array([np.cos(np.radians(angle)), 0.0, np.sin(np.radians(angle))])
    to_bone = rigid((0.0, 90.0 - angle, 0.0), place) @ wobble
    return bone, to_bone, outward


def bone_distances(skeleton: Skeleton, rest: Mapping[str, np.ndarray], points: np.ndarray) -> dict[str, float]:
    """Smallest signed distance of the points (hand frame) to each bone within about 8 mm."""
    distances = {}
    centre = points.mean(axis=0)
    reach = np.linalg.norm(points - centre, axis=1).max() + 8.0
    for name in BONE_NAMES:
        low, high = skeleton.bones[name].shape.bounds
        inverse = np.linalg.inv(rest[name])
        local_centre = inverse[:3, :3] @ centre + inverse[:3, 3]
        if np.any(local_centre < low - reach) or np.any(local_centre > high + reach):
            continue
        local = points @ inverse[:3, :3].T + inverse[:3, 3]
        distances[name] = float(skeleton.bones[name].shape.distance(*local.T.astype(np.float32)).min())
    return distances or {"metacarpal-3": 99.0}


def _carriers(distances: Mapping[str, float]) -> dict[str, float]:
    """What the deposit follows: the bone it touches alone, else near bones with falling weight."""
    nearest = min(distances, key=lambda name: distances[name])
    if distances[nearest] <= TOUCHING_MM:
        return {nearest: 1.0}
    weights = {name: 1.0 / max(d, 0.3) ** 2 for name, d in distances.items() if d < 6.0}
    weights.setdefault(nearest, 1.0)
    return {name: w for name, w in weights.items() if w > 0.15 * max(weights.values())}


def _aspect(bone_to_hand: np.ndarray, centre: np.ndarray) -> str:
    """Side of the bone on which a point of the hand frame lies."""
    inverse = np.linalg.inv(bone_to_hand)
    x, _, z = inverse[:3, :3] @ centre + inverse[:3, 3]
    if abs(z) >= abs(x):
        return "dorsal" if z > 0 else "volar"
    return "ulnar" if x > 0 else "radial"
