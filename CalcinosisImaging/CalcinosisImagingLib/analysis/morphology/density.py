"""How dense a deposit is: CT numbers, what they add up to, and milligrams where there is a calibration."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .calibration import Calibration
from .cut import Cut
from .fractions import Fractions

GRADES_HU = (150.0, 400.0, 800.0)
"""Density grade 1, 2, 3 from these plateau values on (grade 0 below the first)."""

DENSE_HU = 500.0
"""Between paste (to 400 HU) and chalk (from 600 HU)."""
OWN_SMOOTH_VOXELS = 0.8
"""Smoothing of the values in which soft and dense parts are told apart."""
LEAST_INNER = 12
"""Fewest inner voxels from which a spread is told."""


def ct_density(cut: Cut, fractions: Fractions, calibration: Calibration | None) -> dict[str, object]:
    """Columns of density in CT."""
    values = cut.values[cut.mask].astype(np.float64)
    low, middle, high = np.percentile(values, [10, 50, 90]).tolist()
    row: dict[str, object] = {
        "mean_hu": float(values.mean()),
        "max_hu": float(values.max()),
        "min_hu": float(values.min()),
        "sd_hu": float(values.std(ddof=1)) if values.size > 1 else None,
        "median_hu": middle,
        "p10_hu": low,
        "p90_hu": high,
    }
    if np.isfinite(fractions.contrast):
        plateau = fractions.background + fractions.contrast
        own = own_values(cut, fractions)
        row |= {
            "background_hu": fractions.background,
            "plateau_hu": plateau,
            "noise_hu": fractions.noise_sd,
            "density_grade": int(np.searchsorted(GRADES_HU, plateau, side="right")),
            "heterogeneity": heterogeneity(own, fractions),
            "dense_share": float((own > DENSE_HU).mean()) if own.size else None,
            **_integral(cut, fractions, calibration),
        }
    return row


def own_values(cut: Cut, fractions: Fractions) -> np.ndarray:
    """The deposit's own value in each of its inner voxels, partial volume and noise taken out; empty if too few.

    Averaged over neighbours, weighted by fullness.
    """
    inner = cut.mask & fractions.known
    fullness = np.where(inner, np.clip(fractions.blurred, 0, 1), 0)
    for full in (0.8, 0.6):
        chosen = inner & (fullness > full)
        if int(chosen.sum()) >= LEAST_INNER:
            weight = ndimage.gaussian_filter(fullness, OWN_SMOOTH_VOXELS)
            excess = ndimage.gaussian_filter(np.where(inner, fractions.excess, 0), OWN_SMOOTH_VOXELS)
            return fractions.background + np.sign(fractions.contrast) * excess[chosen] / weight[chosen]
    return np.zeros(0, np.float32)


def heterogeneity(values: np.ndarray, fractions: Fractions) -> float | None:
    """Spread of the deposit's own values over its contrast; None without inner voxels."""
    if values.size == 0:
        return None
    return float(values.std(dtype=np.float64) / abs(fractions.contrast))


def _integral(cut: Cut, fractions: Fractions, calibration: Calibration | None) -> dict[str, object]:
    """HU·mm³ above the background, and mg with its interval."""
    integral = float(fractions.excess.sum(dtype=np.float64)) * cut.voxel_mm3
    row: dict[str, object] = {"integrated_hu_mm3": integral}
    if calibration is not None:
        mass = calibration.slope_mg_per_mm3_hu * integral
        relative = np.hypot(
            calibration.slope_sd / calibration.slope_mg_per_mm3_hu,
            np.log(fractions.upper_mm3 / fractions.volume_mm3) / 1.96,
        )
        spread = float(np.exp(1.96 * relative))
        row |= {"mass_mg": mass, "mass_lower_mg": mass / spread, "mass_upper_mg": mass * spread}
    return row


def mr_signal(cut: Cut, fractions: Fractions) -> dict[str, object]:
    """Columns of signal in MR: the deposit's own against the tissue around it."""
    row: dict[str, object] = {"mean_signal": float(cut.values[cut.mask].mean(dtype=np.float64))}
    if np.isfinite(fractions.contrast):
        row["background_signal"] = fractions.background
        row["heterogeneity"] = heterogeneity(own_values(cut, fractions), fractions)
        if fractions.background > 0:
            row["signal_ratio"] = (fractions.background + fractions.contrast) / fractions.background
    return row
