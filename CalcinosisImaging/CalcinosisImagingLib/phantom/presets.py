"""How hard the synthetic images are."""

from __future__ import annotations

from dataclasses import dataclass

from ..analysis.errors import InputError


@dataclass(frozen=True)
class CtProtocol:
    """A CT scan.

    Attributes
    ----------
    pixel_mm, slice_mm: voxel in plane and along the table.
    blur_fwhm_mm: width of the point spread in plane and along the table.
    noise_hu: SD of the noise.
    both_hands: whether the other hand lies beside it in the scan.
    cut_mm: how much of the longest finger the field of view leaves out.
    sharpness: 0 for a soft kernel; a bone kernel's edges overshoot by about so much of a twentieth of their step.
    """

    pixel_mm: float = 0.4
    slice_mm: float = 0.4
    blur_fwhm_mm: tuple[float, float] = (0.7, 0.6)
    noise_hu: float = 28.0
    sharpness: float = 0.4
    both_hands: bool = False
    cut_mm: float = 0.0


@dataclass(frozen=True)
class MrProtocol:
    """An MR series.

    Attributes
    ----------
    weighting: t1 | t2fs (spin echo) | gre (gradient echo).
    snr: of the brightest ordinary tissue.
    bias: how far the receive field goes up and down (relative).
    ghost: share of the signal that motion puts elsewhere.
    cut_mm: how much of the longest finger the field of view leaves out.
    """

    weighting: str = "t1"
    pixel_mm: float = 0.5
    slice_mm: float = 1.0
    snr: float = 30.0
    bias: float = 0.2
    ghost: float = 0.0
    cut_mm: float = 0.0


@dataclass(frozen=True)
class FilmProtocol:
    """A radiograph.

    Attributes
    ----------
    photons: detected per pixel in air.
    scatter: share of the beam that comes back as haze.
    blur_fwhm_mm: detector and focal spot together.
    calcium_gain: contrast of calcium against its HU in CT, larger at the lower voltage.
    intensity: linear (air bright) | log (bone bright).
    curve: bend of the look-up table of a log film; 0 = straight.
    collimated: whether a collimator's shade frames the hand.
    tags: how complete the DICOM geometry is: full | imager (no magnification) | plain (PixelSpacing alone, as CR).
    """

    pixel_mm: float = 0.15
    source_detector_mm: float = 1000.0
    photons: float = 4000.0
    scatter: float = 0.06
    blur_fwhm_mm: float = 0.22
    calcium_gain: float = 1.35
    intensity: str = "log"
    curve: float = 0.0
    collimated: bool = False
    tags: str = "full"


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
    distractor_share: float = 0.0


PRESETS: dict[str, Preset] = {
    # Coarse and quick, for tests.
    "tiny": Preset(
        CtProtocol(0.9, 0.9, (1.2, 1.2), 12.0, 0.0),
        (MrProtocol("t1", 0.9, 1.8, 40.0, 0.1),),
        FilmProtocol(0.4, 1000.0, 20000.0, 0.03, 0.5, 1.2, "linear"),
        3.0,
        0.1,
        (3, 5),
        (600.0, 1500.0),
        60.0,
    ),
    "easy": Preset(
        CtProtocol(0.5, 0.5, (0.75, 0.7), 15.0, 0.0),
        (MrProtocol("t1", 0.6, 1.2, 40.0, 0.1),),
        FilmProtocol(0.2, 1000.0, 12000.0, 0.03, 0.25, 1.2, "linear"),
        4.0,
        0.2,
        (4, 9),
        (300.0, 2500.0),
        8.0,
    ),
    "typical": Preset(
        CtProtocol(),
        (MrProtocol("t1"), MrProtocol("t2fs", 0.6, 1.8, 25.0, 0.2)),
        FilmProtocol(),
        7.0,
        0.4,
        distractor_share=0.15,
    ),
    "hard": Preset(
        CtProtocol(0.45, 1.0, (0.65, 0.9), 60.0, 1.0, both_hands=True),
        (MrProtocol("t1", 0.5, 2.5, 16.0, 0.45, 0.04, cut_mm=20.0), MrProtocol("gre", 0.6, 1.0, 18.0, 0.35)),
        FilmProtocol(0.143, 1050.0, 1200.0, 0.2, 0.32, 1.5, "log", 0.5, True, "imager"),
        11.0,
        0.8,
        distractor_share=0.6,
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
