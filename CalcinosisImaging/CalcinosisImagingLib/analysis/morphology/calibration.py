"""From HU to milligrams of hydroxyapatite: only with a calibration."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import InputError


@dataclass(frozen=True)
class Calibration:
    """Mass of hydroxyapatite per HU·mm³ above water (or above tissue, whose own mineral is none).

    Attributes
    ----------
    slope_mg_per_mm3_hu: c = density / (HU of the insert - HU of water).
    slope_sd: its standard deviation, same unit.
    """

    slope_mg_per_mm3_hu: float
    slope_sd: float = 0.0


def calibrate(insert_hu: Sequence[float], insert_mg_per_cm3: Sequence[float]) -> Calibration:
    """Straight line through the inserts of a phantom (water is an insert of 0 mg/cm³), with the slope's uncertainty.

    Two inserts give a slope without uncertainty.

    Raises
    ------
    InputError: fewer than two different inserts, or density that does not grow with HU.
    """
    hu, density = np.asarray(insert_hu, float), np.asarray(insert_mg_per_cm3, float) / 1000
    if hu.size < 2 or hu.size != density.size or np.ptp(hu) == 0 or not np.isfinite([hu, density]).all():
        raise InputError("calibration: needs at least two inserts of different HU; add the water value (0 mg/cm³).")
    centred = hu - hu.mean()
    slope = float(centred @ density / (centred @ centred))
    if slope <= 0:
        raise InputError("calibration: density does not grow with HU; check the order of the columns.")
    residual = density - density.mean() - slope * centred
    sd = float(np.sqrt(residual @ residual / (hu.size - 2) / (centred @ centred))) if hu.size > 2 else 0.0
    return Calibration(slope, sd)


def read_calibration(path: Path) -> Calibration:
    """Read a calibration: JSON with ``slope_mg_per_mm3_hu`` (and ``slope_sd``), or a CSV with hu, mg_per_cm3.

    Raises
    ------
    InputError: missing or unreadable file, missing keys, values that are no numbers.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: the calibration cannot be read; give a JSON or CSV text file.") from error
    try:
        if path.suffix.lower() == ".json":
            content = json.loads(text)
            return Calibration(*_checked(content["slope_mg_per_mm3_hu"], content.get("slope_sd", 0.0)))
        rows = list(csv.DictReader(text.splitlines()))
        return calibrate([float(row["hu"]) for row in rows], [float(row["mg_per_cm3"]) for row in rows])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{path}: is not a calibration ({error}); give JSON with slope_mg_per_mm3_hu, or CSV with the columns "
            "hu and mg_per_cm3, one line per insert."
        ) from error


def _checked(slope: object, sd: object) -> tuple[float, float]:
    """Two finite numbers, the first positive."""
    numbers = float(slope), float(sd)
    if not np.isfinite(numbers).all() or numbers[0] <= 0 or numbers[1] < 0:
        raise ValueError("the slope is not a positive number")
    return numbers
