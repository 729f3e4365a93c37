"""Deposits of one hand: how many, how large, of which kind, and where.

Counts and volumes follow Semin Arthritis Rheum 2019 (doi 10.1016/j.semarthrit.2019.03.001): 6.3 (6.5) per hand,
656.7 (1939.9) mm3 per hand, drawn as a negative binomial and a lognormal distribution.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..analysis.anatomy import BONE_NAMES, digit_of
from .deposit_kinds import draw_kind, draw_shape
from .frames import rigid
from .shapes import Shape
from .skeleton import Skeleton

COUNT_MEAN, COUNT_SD, COUNT_MAX = 6.3, 6.5, 25
VOLUME_MEAN_MM3, VOLUME_SD_MM3 = 656.7, 1939.9
TOUCHING_SHARE = 0.2
"""Share of deposits that touch or erode bone."""
SEPARATION_MM = 3.0
"""Deposits closer than 2 mm would count as one, so they keep further apart than that."""
DIGIT_SHARE = {1: 0.30, 2: 0.25, 3: 0.19, 4: 0.14, 5: 0.12}
"""Thumb > index > ... > little finger (Gauhar et al. 2016)."""


@dataclass(frozen=True, eq=False)
class Deposit:
    """One deposit.

    Attributes
    ----------
    shape: in its own frame.
    to_hand: 4x4, own frame -> hand frame at rest.
    carriers: bones that it follows, with weights.
    kind: stone | plate | net | stippled.
    consistency: chalk | paste | mixed.
    hu: its density in CT.
    site, digit, aspect: nearest bone at rest, its digit, and the side of the bone it lies on.
    region: where it was put: fingertip | sheath | joint | extensor | tunnel | palm.
    clearance_mm: distance to the nearest bone at rest; <= 0 touches or erodes.
    thickness_mm: of the sheet of a plate or the threads of a net; of a stone its smallest diameter.
    centroid: centre of mass in the shape's own frame, mm.
    """

    shape: Shape
    to_hand: np.ndarray
    carriers: Mapping[str, float]
    kind: str
    consistency: str
    hu: float
    site: str
    digit: int | None
    aspect: str
    region: str
    clearance_mm: float
    volume_mm3: float
    thickness_mm: float
    centroid: tuple[float, float, float] = (0.0, 0.0, 0.0)
    fragments: int = 1


def draw_count(rng: np.random.Generator) -> int:
    """Number of deposits of one hand."""
    p = COUNT_MEAN / COUNT_SD**2
    return int(min(rng.negative_binomial(COUNT_MEAN * p / (1.0 - p), p), COUNT_MAX))


def draw_total_volume(rng: np.random.Generator) -> float:
    """Volume of all deposits of one hand, mm3, lognormal."""
    sigma = np.sqrt(np.log1p((VOLUME_SD_MM3 / VOLUME_MEAN_MM3) ** 2))
    return float(np.exp(np.log(VOLUME_MEAN_MM3) - sigma**2 / 2.0 + sigma * rng.standard_normal()))


def split_volume(rng: np.random.Generator, total_mm3: float, count: int, least_mm3: float) -> np.ndarray:
    """Volumes of ``count`` deposits that sum to ``total_mm3`` (more, if each is to have ``least_mm3``)."""
    shares = rng.lognormal(0.0, 1.0, count)
    return np.maximum(total_mm3 * shares / shares.sum(), least_mm3)


REGIONS = {"fingertip": 0.38, "sheath": 0.2, "joint": 0.17, "extensor": 0.12, "palm": 0.08, "tunnel": 0.05}


def draw_deposits(
    rng: np.random.Generator, skeleton: Skeleton, rest: Mapping[str, np.ndarray], volumes_mm3: np.ndarray
) -> tuple[Deposit, ...]:
    """Deposits of the given volumes in a hand at rest, largest first."""
    placed: list[Deposit] = []
    clouds: list[np.ndarray] = []
    for volume in sorted(volumes_mm3.tolist(), reverse=True):
        for _ in range(40):
            found = _try_place(rng, skeleton, rest, volume)
            if found is None:
                continue
            deposit, cloud = found
            if all(_gap(cloud, other) > SEPARATION_MM for other in clouds):
                placed.append(deposit)
                clouds.append(cloud)
                break
    return tuple(placed)


def _gap(a: np.ndarray, b: np.ndarray) -> float:
    """Smallest distance between two clouds of surface points."""
    return float(np.sqrt(((a[:, None] - b[None]) ** 2).sum(axis=2).min()))


def _try_place(
    rng: np.random.Generator, skeleton: Skeleton, rest: Mapping[str, np.ndarray], volume: float
) -> tuple[Deposit, np.ndarray] | None:
    """One deposit at a random site, pushed away from bone until its clearance is the one drawn."""
    region = str(rng.choice(list(REGIONS), p=list(REGIONS.values())))
    digit = int(rng.choice(list(DIGIT_SHARE), p=list(DIGIT_SHARE.values())))
    bone, place, outward = _site(rng, skeleton, region, digit)
    touching = rng.random() < TOUCHING_SHARE
    clearance = rng.uniform(-0.8, 0.0) if touching else rng.uniform(0.5, 1.8)
    drawn = draw_shape(rng, draw_kind(rng), volume)
    shape, surface = drawn.shape, drawn.solid.surface
    turn = rigid(rng.normal(0.0, 12.0, 3))[:3, :3]
    to_bone = np.eye(4)
    to_bone[:3, :3] = turn
    to_bone[:3, 3] = place
    to_hand = rest[bone] @ to_bone
    push = rest[bone][:3, :3] @ outward
    for _ in range(25):
        distances = _bone_distances(skeleton, rest, surface @ to_hand[:3, :3].T + to_hand[:3, 3])
        nearest = min(distances, key=distances.get)
        missing = clearance - distances[nearest]
        if abs(missing) < 0.05:
            break
        to_hand[:3, 3] += push * missing
    else:
        return None
    carriers = _carriers(distances)
    paste = rng.random() < 0.25
    hu = rng.uniform(180.0, 400.0) if paste else rng.uniform(650.0, 1500.0)
    deposit = Deposit(
        shape=shape,
        to_hand=to_hand,
        carriers=carriers,
        kind=drawn.kind,
        consistency="paste" if paste else "chalk",
        hu=float(hu),
        site=nearest,
        digit=digit_of(nearest),
        aspect=_aspect(rest[nearest], to_hand[:3, 3], skeleton.bones[nearest].shape),
        region=region,
        clearance_mm=distances[nearest],
        volume_mm3=drawn.solid.volume_mm3,
        thickness_mm=drawn.thickness_mm,
        centroid=drawn.solid.centroid,
        fragments=drawn.fragments,
    )
    return deposit, surface @ to_hand[:3, :3].T + to_hand[:3, 3]


def _site(rng: np.random.Generator, skeleton: Skeleton, region: str, digit: int) -> tuple[str, np.ndarray, np.ndarray]:
    """Bone, starting place and outward direction (bone frame) of a region."""
    if region == "tunnel":
        return "capitate", np.array([rng.uniform(-5, 5), rng.uniform(-8, 4), -12.0]), np.array([0.0, 0.0, -1.0])
    if region == "palm":
        bone = f"metacarpal-{digit}"
        length = skeleton.bones[bone].shape.length_mm
        return bone, np.array([rng.uniform(-3, 3), rng.uniform(0.3, 0.8) * length, -9.0]), np.array([0.0, 0.0, -1.0])
    kinds = {
        "fingertip": ["distal"],
        "sheath": ["proximal", "middle"],
        "joint": ["proximal", "middle", "distal"],
        "extensor": ["proximal", "middle"],
    }
    kind = str(rng.choice([k for k in kinds[region] if not (k == "middle" and digit == 1)]))
    bone = f"{kind}-{digit}"
    length = skeleton.bones[bone].shape.length_mm
    along = {"fingertip": (0.45, 1.0), "sheath": (0.2, 0.8), "joint": (0.0, 0.15), "extensor": (0.2, 0.9)}[region]
    angle = {
        "fingertip": rng.normal(-90, 25),
        "sheath": rng.normal(-90, 15),
        "joint": rng.choice([0.0, 180.0]) + rng.normal(0, 20),
        "extensor": rng.normal(90, 15),
    }[region]
    outward = np.array([np.cos(np.radians(angle)), 0.0, np.sin(np.radians(angle))])
    start = outward * 6.0
    start[1] = rng.uniform(*along) * length
    return bone, start, outward


def _bone_distances(skeleton: Skeleton, rest: Mapping[str, np.ndarray], points: np.ndarray) -> dict[str, float]:
    """Smallest signed distance of the points (hand frame) to each bone that is near."""
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
    if distances[nearest] <= 0.1:
        return {nearest: 1.0}
    weights = {name: 1.0 / max(d, 0.3) ** 2 for name, d in distances.items() if d < 6.0}
    weights.setdefault(nearest, 1.0)
    return {name: w for name, w in weights.items() if w > 0.15 * max(weights.values())}


def _aspect(bone_to_hand: np.ndarray, centre: np.ndarray, shape: Shape) -> str:
    """Side of the bone on which a point of the hand frame lies."""
    inverse = np.linalg.inv(bone_to_hand)
    x, _, z = inverse[:3, :3] @ centre + inverse[:3, 3]
    if abs(z) >= abs(x):
        return "dorsal" if z > 0 else "volar"
    return "ulnar" if x > 0 else "radial"
