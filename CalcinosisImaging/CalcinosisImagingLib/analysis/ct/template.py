"""Typical sizes and places of the bones of a hand, as priors for naming; rounded, and used with wide tolerances.

Lengths of the bones of the rays: Buryanov & Kotiuk, Proportions of hand segments, Int J Morphol 28 (2010) 755.
Places and volumes: rounded after the arm model of OpenSim (CC BY 3.0, Holzbaur 2005). Frame of `CENTRES_MM`: origin
at the mean of the bases of metacarpals 2-5; axes radial, volar, distal; the fingers straight.
"""

from __future__ import annotations

LENGTHS_MM = {
    "metacarpal-1": 46.0,
    "metacarpal-2": 67.0,
    "metacarpal-3": 64.5,
    "metacarpal-4": 59.0,
    "metacarpal-5": 54.0,
    "proximal-1": 31.5,
    "proximal-2": 40.0,
    "proximal-3": 44.0,
    "proximal-4": 41.0,
    "proximal-5": 33.0,
    "middle-2": 23.0,
    "middle-3": 27.0,
    "middle-4": 25.5,
    "middle-5": 18.5,
    "distal-1": 21.0,
    "distal-2": 16.0,
    "distal-3": 17.5,
    "distal-4": 17.5,
    "distal-5": 15.5,
}

VOLUMES_MM3 = {
    "metacarpal-1": 3400.0,
    "metacarpal-2": 4400.0,
    "metacarpal-3": 3900.0,
    "metacarpal-4": 3000.0,
    "metacarpal-5": 2800.0,
    "proximal-1": 1500.0,
    "proximal-2": 2000.0,
    "proximal-3": 2100.0,
    "proximal-4": 1700.0,
    "proximal-5": 1250.0,
    "middle-2": 650.0,
    "middle-3": 800.0,
    "middle-4": 650.0,
    "middle-5": 450.0,
    "distal-1": 420.0,
    "distal-2": 220.0,
    "distal-3": 250.0,
    "distal-4": 220.0,
    "distal-5": 150.0,
    "scaphoid": 1400.0,
    "lunate": 1200.0,
    "triquetrum": 950.0,
    "pisiform": 400.0,
    "trapezium": 1300.0,
    "trapezoid": 800.0,
    "capitate": 1850.0,
    "hamate": 1400.0,
}

CENTRES_MM = {
    "scaphoid": (12.0, 5.0, -19.0),
    "lunate": (0.5, 1.0, -23.0),
    "triquetrum": (-11.0, 1.0, -16.0),
    "pisiform": (-14.0, 10.0, -14.0),
    "trapezium": (18.0, 12.0, -5.0),
    "trapezoid": (13.0, 4.0, -4.0),
    "capitate": (4.0, 0.5, -8.0),
    "hamate": (-7.0, 0.0, -6.0),
    "metacarpal-1": (31.0, 22.0, 14.0),
    "metacarpal-2": (20.0, 1.0, 30.0),
    "metacarpal-3": (6.5, -4.0, 32.0),
    "metacarpal-4": (-7.0, -2.0, 32.0),
    "metacarpal-5": (-18.0, 3.0, 27.0),
}

FOREARM_END_MM = {"radius": (9.0, 2.0, -31.0), "ulna": (-14.0, -4.0, -31.0)}
"""Where the distal ends of the forearm's bones lie."""
