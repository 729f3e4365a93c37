"""What kind of deposit it is: form and consistency, by a handful of measures that a reader can check."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

FORMS = ("stone", "plate", "net", "stippled")
CONSISTENCIES = ("chalk", "paste", "mixed")
SURE = 0.6
"""Least probability of an answer other than 'unknown'."""
STIPPLED_FRAGMENTS = 5
NET_SOLIDITY = 0.35
NET_LOOPS = 2
PLATE_RATIO = 0.35
"""Thickness over width (middle side of the box) at which plate and stone are equally likely."""
PASTE_HU = 400.0
CHALK_HU = 600.0
VOID_RATIO = 0.5
BRIGHT_RATIO = 1.25


def form_of(row: Mapping[str, object]) -> tuple[str, float | None]:
    """Form and probability from the measured columns; 'unknown' where they do not decide."""
    if row["fragments"] is None or row["solidity"] is None or row.get("thickness_mm") is None:
        return "unknown", None
    odds = {
        "stippled": _rise(np.log(row["fragments"] / STIPPLED_FRAGMENTS), 0.25),
        "net": max(_rise(np.log(NET_SOLIDITY / row["solidity"]), 0.2), _rise(row["loops"] - NET_LOOPS, 1.0)),
        "plate": _rise(np.log(PLATE_RATIO / (row["thickness_mm"] / row["box_width_mm"])), 0.15),
    }
    left = 1.0
    probability = {}
    for name in ("stippled", "net", "plate"):
        probability[name] = left * odds[name]
        left *= 1 - odds[name]
    probability["stone"] = left
    return _most_likely(probability)


def consistency_from_hu(plateau_hu: float | None, heterogeneity: float | None) -> tuple[str, float | None]:
    """Consistency from the CT number of the full deposit."""
    if plateau_hu is None:
        return "unknown", None
    chalk = _rise(plateau_hu - (PASTE_HU + CHALK_HU) / 2, (CHALK_HU - PASTE_HU) / 6)
    mixed = 0.0 if heterogeneity is None else _rise(heterogeneity - 0.3, 0.05)
    return _most_likely({"mixed": mixed, "chalk": (1 - mixed) * chalk, "paste": (1 - mixed) * (1 - chalk)})


def consistency_from_signal(signal_ratio: float | None) -> tuple[str, float | None]:
    """Consistency from the MR signal over that of the tissue around: a void is chalk, bright is paste."""
    if signal_ratio is None:
        return "unknown", None
    chalk = _rise(VOID_RATIO - signal_ratio, 0.08)
    paste = _rise(signal_ratio - BRIGHT_RATIO, 0.08)
    return _most_likely({"chalk": chalk, "paste": paste})


def _rise(distance: float, width: float) -> float:
    """Logistic step: 0.5 at zero distance."""
    return float(1 / (1 + np.exp(-np.clip(distance / width, -50, 50))))


def _most_likely(probability: Mapping[str, float]) -> tuple[str, float]:
    """The likeliest name, or 'unknown' with the probability of the best guess."""
    best = max(probability, key=lambda name: probability[name])
    value = float(probability[best])
    return (best if value >= SURE else "unknown"), value
