"""Published dimensions of the hand's bones, and where each sits in a hand at rest.

Hand frame (right hand): x ulnar, y distal, z dorsal, mm; origin in the third carpometacarpal joint.
Lengths: Buryanov & Kotiuk, Int J Morphol 28:755 (2010), mean and SD of radiographs of 66 adults. No table of widths,
depths and carpal sizes was at hand: they are our own, in the usual proportion to the lengths.
"""

from __future__ import annotations

LENGTH_MM: dict[str, tuple[float, float]] = {
    "metacarpal-1": (46.22, 3.94),
    "metacarpal-2": (68.12, 6.27),
    "metacarpal-3": (64.60, 5.38),
    "metacarpal-4": (57.97, 5.06),
    "metacarpal-5": (53.69, 4.36),
    "proximal-1": (31.57, 3.13),
    "proximal-2": (39.78, 4.94),
    "proximal-3": (44.63, 3.81),
    "proximal-4": (41.37, 3.87),
    "proximal-5": (32.74, 2.77),
    "middle-2": (22.38, 2.51),
    "middle-3": (26.33, 3.00),
    "middle-4": (25.65, 3.29),
    "middle-5": (18.11, 2.54),
    "distal-1": (21.67, 1.60),
    "distal-2": (15.82, 2.26),
    "distal-3": (17.40, 1.85),
    "distal-4": (17.30, 2.22),
    "distal-5": (15.96, 2.45),
}
"""Mean and SD of the length of each long bone."""

WIDTHS_MM: dict[str, tuple[float, float, float, float, float, float]] = {
    "metacarpal-1": (7.8, 7.6, 5.7, 4.5, 7.6, 6.6),
    "metacarpal-2": (8.3, 8.2, 4.4, 4.6, 7.2, 7.3),
    "metacarpal-3": (7.4, 8.2, 4.4, 4.7, 7.2, 7.4),
    "metacarpal-4": (6.0, 6.9, 3.6, 4.0, 6.4, 6.7),
    "metacarpal-5": (6.6, 6.1, 4.0, 3.7, 6.2, 6.2),
    "proximal-1": (7.6, 5.9, 4.9, 3.8, 6.2, 4.3),
    "proximal-2": (7.2, 6.2, 4.7, 3.7, 5.6, 4.1),
    "proximal-3": (7.4, 6.4, 4.9, 3.9, 5.9, 4.4),
    "proximal-4": (7.0, 6.0, 4.5, 3.6, 5.5, 4.1),
    "proximal-5": (6.2, 5.3, 3.9, 3.1, 4.7, 3.5),
    "middle-2": (6.0, 4.7, 3.9, 3.0, 4.8, 3.0),
    "middle-3": (6.3, 5.0, 4.1, 3.2, 5.1, 3.2),
    "middle-4": (6.0, 4.8, 3.9, 3.1, 4.9, 3.1),
    "middle-5": (5.0, 4.0, 3.2, 2.6, 4.1, 2.6),
    "distal-1": (7.0, 4.6, 3.9, 2.8, 5.2, 2.4),
    "distal-2": (5.0, 3.4, 2.5, 2.1, 3.8, 1.9),
    "distal-3": (5.3, 3.6, 2.7, 2.2, 4.1, 2.0),
    "distal-4": (5.1, 3.4, 2.6, 2.1, 4.0, 1.9),
    "distal-5": (4.4, 3.0, 2.3, 1.8, 3.4, 1.7),
}
"""Half-width (x) and half-depth (z) of base, shaft and head or tuft."""

CARPALS_MM: dict[str, tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]] = {
    "scaphoid": ((-12.0, -20.0, -2.0), (7.2, 12.5, 6.8), (-25.0, 0.0, 28.0)),
    "lunate": ((0.0, -26.0, -1.0), (8.0, 7.5, 8.8), (0.0, 0.0, 0.0)),
    "triquetrum": ((12.0, -21.5, -1.0), (8.5, 7.0, 7.0), (0.0, 0.0, 30.0)),
    "pisiform": ((14.0, -19.5, -12.5), (4.6, 5.6, 4.2), (0.0, 0.0, 0.0)),
    "trapezium": ((-19.5, -7.5, -5.5), (7.5, 7.5, 7.8), (0.0, 20.0, 20.0)),
    "trapezoid": ((-9.8, -5.5, 0.0), (6.0, 7.0, 8.0), (0.0, 0.0, 10.0)),
    "capitate": ((0.0, -10.5, 0.0), (7.0, 13.0, 8.6), (0.0, 0.0, 0.0)),
    "hamate": ((11.0, -8.5, -2.0), (8.6, 10.0, 8.5), (0.0, 0.0, -10.0)),
}
"""Centre in the hand frame, half-axes, and rotation (degrees about x, y, z) of each carpal."""

METACARPAL_REST: dict[int, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    1: ((-25.0, -1.5, -10.5), (-24.0, -58.0, 36.0)),
    2: ((-10.5, 1.0, 0.0), (2.0, 0.0, 4.5)),
    3: ((0.5, 0.6, 0.0), (0.0, 0.0, 0.0)),
    4: ((9.6, -0.6, -1.2), (-2.0, -4.0, -6.0)),
    5: ((17.5, -2.6, -3.6), (-5.0, -10.0, -13.0)),
}
"""Apex of the base in the hand frame, and rotation at rest (flexion < 0 about x, roll about y, spread about z)."""

WRIST_CENTRE_MM = (0.0, -18.0, 0.0)
"""Head of the capitate: about the centre of the wrist's rotation (Youm et al., J Bone Joint Surg 60A:423, 1978)."""
WRIST_RADIUS_MM = 16.5
"""Radius of the arc of the proximal carpal row about it."""

JOINT_GAP_MM = {"carpometacarpal": 1.2, "metacarpal": 1.6, "proximal": 1.3, "middle": 1.0, "carpal": 1.5, "wrist": 1.0}
"""Width of the radiographic joint space, mm: metacarpophalangeal 1.6, PIP 1.3, DIP 1.0 as commonly given.

At the wrist the radius keeps so far from the arc on which the carpals lie; they end 1 mm short of it.
"""
