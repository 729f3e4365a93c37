"""How a hand is held in each image: joint angles within their limits, and its place in the scanner."""

from __future__ import annotations

import numpy as np

from ..analysis.anatomy import BONE_NAMES
from .frames import MIRROR, rigid

LIMITS_DEG: dict[str, tuple[tuple[float, float], tuple[float, float]]] = {
    "radius": ((-70.0, 75.0), (-20.0, 35.0)),
    "proximal": ((-90.0, 45.0), (-20.0, 20.0)),
    "middle": ((-100.0, 0.0), (0.0, 0.0)),
    "distal": ((-80.0, 0.0), (0.0, 0.0)),
    "proximal-1": ((-55.0, 10.0), (-10.0, 10.0)),
    "distal-1": ((-80.0, 15.0), (0.0, 0.0)),
    "metacarpal-1": ((-20.0, 20.0), (-20.0, 20.0)),
    "metacarpal-2": ((-2.0, 2.0), (-1.0, 1.0)),
    "metacarpal-3": ((-2.0, 2.0), (-1.0, 1.0)),
    "metacarpal-4": ((-10.0, 4.0), (-2.0, 2.0)),
    "metacarpal-5": ((-20.0, 5.0), (-3.0, 3.0)),
}
"""Range of extension (> 0) and spread of each joint, by bone or kind of bone.

Wrist, MCP, PIP and DIP joints: normal ranges of motion as the Electronic Textbook of Hand Surgery gives them
(e-hand.com); spread of the fingers, 20 degrees: American Academy of Orthopaedic Surgeons, Joint Motion (1965). The
forearm moves under the hand: dorsal extension of the radius is flexion of the wrist. Carpometacarpal ranges are ours.
"""

HELD: dict[str, dict[str, tuple[float, float, float, float]]] = {
    # extension mean and SD, spread mean and SD, in degrees
    "ct": {
        "radius": (0, 5, 0, 3),
        "metacarpal-1": (0, 5, -4, 5),
        "proximal": (-14, 5, 0, 0.5),
        "middle": (-18, 7, 0, 0),
        "distal": (-9, 4, 0, 0),
    },
    "mr": {
        "radius": (0, 4, 2, 3),
        "metacarpal-1": (-3, 5, -8, 5),
        "proximal": (-8, 5, 0, 0.5),
        "middle": (-11, 6, 0, 0),
        "distal": (-6, 4, 0, 0),
    },
    "film": {
        "radius": (0, 1.5, 0, 2),
        "metacarpal-1": (6, 4, 6, 4),
        "proximal": (-2, 1.5, 0, 0.6),
        "middle": (-3, 1.5, 0, 0),
        "distal": (-1.5, 1.5, 0, 0),
    },
}
"""How the hand lies for each kind of image: relaxed on the scanner's table, in the coil, flat on the detector."""
FAN_DEG = {"ct": (1.5, 1.2), "mr": (1.0, 0.8), "film": (3.0, 1.5)}
"""Mean and SD of how far the fingers are spread, per step between neighbours."""
FAN_SHARE = {2: 1.0, 3: 0.2, 4: -0.7, 5: -1.8}
"""How far each finger goes with the fan, towards the thumb > 0."""
FILM_THUMB_ROLL_DEG = 14.0
"""On a flat hand the thumb rolls back from its resting 58 degrees to about 45."""


def draw_angles(rng: np.random.Generator, held: str) -> dict[str, tuple[float, float, float]]:
    """Joint angles (extension, spread, roll; degrees) for one image, each clipped to its joint's range."""
    angles = {}
    for name in BONE_NAMES:
        kind = name.split("-")[0]
        mean = HELD[held].get(name, HELD[held].get(kind if name != "metacarpal-1" else name))
        noise = rng.standard_normal(2)
        if mean is None:
            mean = (0.0, 1.0, 0.0, 0.5) if kind == "metacarpal" else None
        if mean is None:
            continue
        (low, high), (left, right) = LIMITS_DEG.get(name, LIMITS_DEG.get(kind))
        extension = float(np.clip(mean[0] + mean[1] * np.clip(noise[0], -2, 2), low, high))
        spread = float(np.clip(mean[2] + mean[3] * np.clip(noise[1], -2, 2), left, right))
        angles[name] = (extension, spread, 0.0)
    fan = float(np.clip(FAN_DEG[held][0] + FAN_DEG[held][1] * rng.standard_normal(), 0.0, 6.0))
    for digit, share in FAN_SHARE.items():
        extension, jitter, _ = angles[f"proximal-{digit}"]
        angles[f"proximal-{digit}"] = (extension, jitter + share * fan, 0.0)
    if held == "film":
        extension, spread, _ = angles["metacarpal-1"]
        angles["metacarpal-1"] = (extension, spread, FILM_THUMB_ROLL_DEG)
    return angles


def draw_placement(
    rng: np.random.Generator, held: str, side: str, turn_deg: float, aside_mm: float = 0.0
) -> np.ndarray:
    """4x4 hand frame -> RAS of the scanner: prone, arm overhead, palm down, turned a little at random.

    For a left hand the matrix contains the mirroring of the right-handed model. With ``aside_mm`` the right hand lies
    so far to the right of the middle, and the left one to the left.
    """
    # x (ulnar) -> R, y (distal) -> S, z (dorsal) -> P
    base = np.eye(4)
    base[:3, :3] = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
    turn = rigid(np.clip(rng.standard_normal(3), -2, 2) * turn_deg, rng.uniform(-15.0, 15.0, 3))
    shift = {"ct": (0.0, 40.0, 150.0), "mr": (10.0, -5.0, 20.0)}[held]
    aside = rigid(shift_mm=(aside_mm if side == "right" else -aside_mm, 0.0, 0.0))
    placed = aside @ rigid(shift_mm=shift) @ turn @ base
    return placed @ MIRROR if side == "left" else placed
