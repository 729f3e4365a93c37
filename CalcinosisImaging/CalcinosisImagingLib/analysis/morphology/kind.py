"""What kind of deposit it is: form and consistency, by a handful of measures that a reader can check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

FORMS = ("stone", "plate", "net", "stippled")
CONSISTENCIES = ("chalk", "paste", "mixed")
SURE = 0.6
"""Least probability of an answer other than 'unknown'."""
LEAST_MM3 = 5.0
"""Below this volume the form is not told."""
OPEN_SOLIDITY = 0.26
"""Mesh volume over hull volume at which a body is as likely open (net, stippled) as closed (stone, plate)."""
NET_LOOPS = 2.5
"""Loops from which a body is a net..."""
NET_SOLIDITY = 0.6
"""...if it fills no more than this of its hull."""
SHEET = 0.72
"""Thickness over the cube root of the volume at which plate and stone are equally likely."""
GRAINS = 5.0
"""Number of fragments, the largest holding 40 %, at which stippling and net are equally likely."""
ROD = 0.74
"""Roundness of fragments at which they speak neither for grains nor for pieces of thread."""
MIXED_SHARE = 0.12
"""Share of the rarer of dense and soft from which a deposit is mixed..."""
MIXED_UNEVEN = 0.15
"""...if its heterogeneity is at least this."""
PASTE_HU = 400.0
CHALK_HU = 600.0
P90_OF_NOISE = 1.28
"""Standard deviations of noise by which the 90th percentile lies above the mean."""
VOID_RATIO = 0.5
BRIGHT_RATIO = 1.25


def form_of(row: Mapping[str, object]) -> tuple[str, float | None]:
    """Form and probability from the measured columns; 'unknown' where they do not decide."""
    known = [row.get(key) for key in ("fragments", "solidity", "thickness_mm", "volume_mm3", "largest_fragment")]
    if any(value is None for value in known) or row["volume_mm3"] < LEAST_MM3:
        return "unknown", None
    pieces, solidity, thickness, volume, largest = (float(value) for value in known)
    meshes = _rise(float(row["loops"]) - NET_LOOPS, 0.6) * _rise(np.log(NET_SOLIDITY / max(solidity, 1e-3)), 0.1)
    loose = max(_rise(np.log(OPEN_SOLIDITY / max(solidity, 1e-3)), 0.2), meshes)
    round_pieces = row.get("fragment_roundness")
    rods = 0.0 if round_pieces is None else 45 * (1 - largest) * (ROD - float(round_pieces))
    grains = _rise(np.log(pieces / GRAINS) - 4 * (largest - 0.4) - 2 * (float(row["loops"]) > 0) - rods, 0.5)
    sheet = _rise(np.log(SHEET / (thickness / volume ** (1 / 3))), 0.08)
    return _most_likely(
        {
            "stone": (1 - loose) * (1 - sheet),
            "plate": (1 - loose) * sheet,
            "net": loose * (1 - grains),
            "stippled": loose * grains,
        }
    )


def consistency_of(row: Mapping[str, object], modality: str) -> tuple[str, float | None]:
    """Consistency and probability by what one modality (ct or mr) measured; 'unknown' where it does not decide."""
    return _answer(_ct_odds(row) if modality == "ct" else signal_odds(row.get("signal_ratio")))


def _ct_odds(row: Mapping[str, object]) -> dict[str, float]:
    """Probabilities from the CT number of the full deposit, the part of it that is dense, and its heterogeneity.

    Blur can only lower a thin deposit's values: its own CT number is not below those of its brightest tenth, and where
    it is not known, what is dense all the same is chalk.
    """
    plateau, upper = row.get("plateau_hu"), row.get("p90_hu")
    if upper is not None:
        upper -= P90_OF_NOISE * (row.get("noise_hu") or 0.0)
        if plateau is not None:
            plateau = max(plateau, upper)
        elif upper > CHALK_HU:
            plateau = upper
    return hu_odds(plateau, row.get("dense_share"), row.get("heterogeneity"))


def hu_odds(plateau_hu: float | None, dense_share: float | None, uneven: float | None) -> dict[str, float]:
    """Probability of each consistency by CT; empty where CT does not tell."""
    if plateau_hu is None:
        return {}
    chalk = _rise(plateau_hu - (PASTE_HU + CHALK_HU) / 2, (CHALK_HU - PASTE_HU) / 6)
    mixed = 0.05
    if dense_share is not None and uneven is not None:
        mixed = _rise(min(dense_share, 1 - dense_share) - MIXED_SHARE, 0.03) * _rise(uneven - MIXED_UNEVEN, 0.03)
    return {"chalk": (1 - mixed) * chalk, "paste": (1 - mixed) * (1 - chalk), "mixed": mixed}


def signal_odds(signal_ratio: float | None) -> dict[str, float]:
    """Probability of each consistency by MR; what they lack to 1 is 'no telling'; empty where there is no signal."""
    if signal_ratio is None:
        return {}
    return {"chalk": _rise(VOID_RATIO - signal_ratio, 0.08), "paste": _rise(signal_ratio - BRIGHT_RATIO, 0.08)}


def consistency_from_both(
    ct_row: Mapping[str, object] | None, mr_rows: Sequence[Mapping[str, object]]
) -> tuple[str, float | None]:
    """Consistency of one deposit seen in CT and in any number of MR series: their probabilities multiplied.

    An MR series can speak for chalk (void) or paste (bright) only as far as it is neither grey nor a void by itself;
    what it leaves open counts alike for all.
    """
    odds = dict.fromkeys(CONSISTENCIES, 1.0)
    seen = [] if ct_row is None else [_ct_odds(ct_row)]
    for row in mr_rows:
        told = signal_odds(row.get("signal_ratio"))
        open_part = max(1 - sum(told.values()), 0.05) / len(CONSISTENCIES)
        seen.append({name: told.get(name, 0.0) + open_part for name in CONSISTENCIES} if told else {})
    seen = [told for told in seen if told]
    if not seen:
        return "unknown", None
    for told in seen:
        odds = {name: value * told[name] for name, value in odds.items()}
    total = sum(odds.values())
    return _answer({name: value / total for name, value in odds.items()} if total > 0 else {})


def _answer(odds: Mapping[str, float]) -> tuple[str, float | None]:
    """The likeliest, or unknown."""
    return _most_likely(odds) if odds else ("unknown", None)


def _rise(distance: float, width: float) -> float:
    """Logistic step: 0.5 at zero distance."""
    return float(1 / (1 + np.exp(-np.clip(distance / width, -50, 50))))


def _most_likely(probability: Mapping[str, float]) -> tuple[str, float]:
    """The likeliest name, or 'unknown' with the probability of the best guess."""
    best = max(probability, key=lambda name: probability[name])
    value = float(probability[best])
    return (best if value >= SURE else "unknown"), value
