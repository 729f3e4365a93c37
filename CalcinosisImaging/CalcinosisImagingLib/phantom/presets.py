"""How hard the synthetic images are."""

from __future__ import annotations

from dataclasses import dataclass

from ..analysis.errors import InputError


@dataclass(frozen=True)
class CtProtocol:
    """A CT scan: voxel in plane and along the table (mm), width of the point spread (FWHM, mm), noise (SD, HU)."""

    pixel_mm: float = 0.4
    slice_mm: float = 0.4
    blur_fwhm_mm: tuple[float, float] = (0.7, 0.6)
    noise_hu: float = 28.0


@dataclass(frozen=True)
class MrProtocol:
    """An MR series: weighting (t1 | t2fs | gre), voxel (mm), signal-to-noise ratio in fat, strength of the bias."""

    weighting: str = "t1"
    pixel_mm: float = 0.5
    slice_mm: float = 1.0
    snr: float = 30.0
    bias: float = 0.2


@dataclass(frozen=True)
class FilmProtocol:
    """A radiograph: pixel (mm), distance (mm), signal per pixel in air (photons), scatter share, and storage."""

    pixel_mm: float = 0.15
    source_detector_mm: float = 1000.0
    photons: float = 4000.0
    scatter: float = 0.06
    blur_fwhm_mm: float = 0.22
    calcium_gain: float = 1.35
    intensity: str = "log"


@dataclass(frozen=True)
class Preset:
    """All protocols of a study, and how freely hands move and how many deposits they have."""

    ct: CtProtocol
    mr: tuple[MrProtocol, ...]
    film: FilmProtocol
    turn_deg: float
    slack_mm: float
    deposit_count: tuple[int, int] = (1, 25)
    total_volume_mm3: tuple[float, float] = (5.0, 15000.0)
    least_volume_mm3: float = 1.0


PRESETS: dict[str, Preset] = {
    "easy": Preset(
        CtProtocol(0.5, 0.5, (0.75, 0.7), 15.0),
        (MrProtocol("t1", 0.6, 1.2, 40.0, 0.1),),
        FilmProtocol(0.2, 1000.0, 12000.0, 0.03, 0.25, 1.2, "linear"),
        4.0,
        0.2,
        (4, 9),
        (300.0, 2500.0),
        8.0,
    ),
    "typical": Preset(CtProtocol(), (MrProtocol(),), FilmProtocol(), 7.0, 0.4),
    "hard": Preset(
        CtProtocol(0.4, 0.8, (0.6, 0.8), 55.0),
        (MrProtocol("t1", 0.5, 2.1, 16.0, 0.45),),
        FilmProtocol(0.143, 1050.0, 1200.0, 0.15, 0.3, 1.5, "log"),
        11.0,
        0.8,
    ),
}


def preset_named(name: str) -> Preset:
    """The preset of that name.

    Raises
    ------
    InputError: there is none.
    """
    if name not in PRESETS:
        raise InputError(f"There is no preset {name!r}; choose one of {', '.join(PRESETS)}.")
    return PRESETS[name]
