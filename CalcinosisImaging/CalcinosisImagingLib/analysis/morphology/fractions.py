"""Volume by voxel fractions: how much of every voxel in and around a deposit is deposit.

The image near a deposit is taken as background + contrast x (point spread * fractions). What is integrated is the
contrast-scaled image over the deposit and a shell around it, so that the result depends neither on a threshold nor
on the last voxel of the given mask. The background comes from a ring beyond the shell, the contrast from the voxels
that the point spread leaves (almost) full, or, where there are none (thin plates, small stones), from the sub-voxel
shape whose blurred picture fits the image best.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage, special

from .cut import Cut
from .scanner import Scanner
from .subvoxel import Fit, ShapeModel
from .surroundings import Surroundings, shell_mm, survey

FWHM_TO_SIGMA = 1 / (2 * np.sqrt(2 * np.log(2)))
FULL = 0.97
"""A voxel counts as full when the blurred shape fills this much of it."""
ENOUGH_FULL = 30
"""Number of full voxels that give the contrast by themselves..."""
FULL_PART = 0.15
"""...if they are at least this part of the deposit: those of a plate are not quite full and too few."""
MODEL_ERROR = 0.001
"""Part of the volume that the model is taken to be wrong by where full voxels give the contrast."""
FIT_ERROR = 0.08
"""The same for a fitted contrast, per missing part of a full voxel: a blurred plate never shows its contrast."""
CLUMPED_NOISE = 0.4
"""Noise as coarse as the point spread is taken for shape: the fit's error grows with the log of its grain."""
FULL_PSF_SENSITIVITY = 0.15
"""Change of log(contrast) per change of log(width) where a quarter of the voxels are full; falls with their square."""
INNER_FWHM, INNER_VOXELS = 0.4, 0.75
"""Depth under the mask's surface, in widths of the point spread, from which a voxel shows mostly the deposit."""
UNEVEN = 0.15
"""Spread of the inner voxels beyond the noise, relative to their mean, from which a deposit is uneven."""
HOPELESS = 0.7
"""Relative standard deviation above which the voxel count serves better."""
CONTACT_ERROR = 0.25
"""Doubt, in voxels, of every boundary voxel where the deposit meets bone or another deposit."""


@dataclass(frozen=True)
class PointSpread:
    """Width of the image's point spread.

    Attributes
    ----------
    fwhm_mm: full width at half maximum, mm, the voxel's own width not included.
    relative_sd: how well it is known.
    note: what a reader should know about it, '' for nothing.
    """

    fwhm_mm: float
    relative_sd: float
    note: str = ""


@dataclass(frozen=True, eq=False)
class Fractions:
    """The result for one deposit.

    Attributes
    ----------
    volume_mm3, lower_mm3, upper_mm3: the estimate and its 95 % interval.
    background, contrast: image values; ``background + contrast`` is the deposit's own value.
    noise_sd: of one voxel, in image values; ``clump`` is the number of voxels that share one draw of it.
    excess: image minus background, positive for deposit, zero outside the region; float32, shape of the cut.
    filled: fraction of every voxel that is deposit, blur and noise included; the mask where voxels were counted.
    region: bool, the voxels that belong to the deposit and its shell.
    smooth: the slightly smoothed excess whose level ``level`` encloses ``volume_mm3``.
    shape: fractions of the shape within that level, 0..1; ``blurred`` the same as the point spread shows them.
    known: bool, the voxels of the region that no neighbour's blur reaches.
    reason: why the voxel count had to serve, None if it had not to.
    """

    volume_mm3: float
    lower_mm3: float
    upper_mm3: float
    background: float
    contrast: float
    noise_sd: float
    clump: float
    excess: np.ndarray
    filled: np.ndarray
    region: np.ndarray
    smooth: np.ndarray
    level: float
    shape: np.ndarray
    blurred: np.ndarray
    known: np.ndarray
    reason: str | None


def measure_fractions(cut: Cut, psf: PointSpread, is_hu: bool, scanner: Scanner | None = None) -> Fractions:
    """Measure one deposit; where the ``scanner`` of a CT is known, as `ct.delineate` outlines it."""
    fwhm_mm = psf.fwhm_mm
    around = survey(cut, fwhm_mm, is_hu)
    if around is None:
        return _by_counting(cut, "no tissue around it from which to take the background")
    sign, excess = excess_over(cut, around)
    if excess[cut.mask].mean() < 2 * around.noise_sd * np.sqrt(around.clump / cut.mask.sum()) or excess.sum() <= 0:
        return _by_counting(cut, "it does not stand out from its surroundings")
    sigma = fwhm_mm * FWHM_TO_SIGMA / cut.spacing_mm
    model = ShapeModel(excess, around.region, around.contact, sigma)
    contrast, full = contrast_of_deep(cut, around, excess, fwhm_mm)
    deep = full >= enough_full(model, contrast)
    if not deep:
        contrast, full = contrast_of_full(model, cut.mask)
    if (around.contact & cut.mask).any():
        fill_contact(excess, cut.mask, around.contact, contrast)
        model = ShapeModel(excess, around.region, around.contact, sigma)
    if is_uneven(cut, around, excess, fwhm_mm):
        counted = _by_counting(cut, "it is of several densities")
        values = np.sort(excess[cut.mask])
        middle = float(np.median(values[values.size // 4 :]))
        return replace(
            counted,
            background=around.background,
            contrast=sign * middle,
            noise_sd=around.noise_sd,
            clump=around.clump,
            excess=excess,
            blurred=ndimage.gaussian_filter(counted.shape, sigma),
            known=around.region & ~around.contact,
        )
    fitted = None
    if full < enough_full(model, contrast):
        fitted = model.fit(contrast, around.noise_sd * float(np.sqrt(around.clump)))
        contrast = fitted.contrast
    voxels = model.total / contrast
    relative = _relative_sd(cut, around, contrast, voxels, full, fitted, 0.0 if deep else psf.relative_sd)
    if scanner is not None:
        outlined = scanner.outline(cut, around.background)
        voxels = outlined.volume_mm3 / cut.voxel_mm3
        relative = float(np.hypot(outlined.relative_sd, contact_sd(cut, around, voxels)))
        contrast = model.total / voxels
    level, shape = model.shape(contrast)
    if relative > HOPELESS:
        return _by_counting(cut, "too small or too faint for a sub-voxel estimate")
    spread = float(np.exp(1.96 * relative))
    volume = voxels * cut.voxel_mm3
    return Fractions(
        volume_mm3=volume,
        lower_mm3=volume / spread,
        upper_mm3=volume * spread,
        background=around.background,
        contrast=sign * contrast,
        noise_sd=around.noise_sd,
        clump=around.clump,
        excess=excess,
        filled=excess / np.float32(contrast),
        region=around.region,
        smooth=model.to_cut(model.smooth),
        level=level,
        shape=model.to_cut(shape),
        blurred=model.to_cut(model.blur(shape)),
        known=around.region & ~around.contact,
        reason=None,
    )


def closer(cut: Cut, fractions: Fractions) -> tuple[Cut, Fractions]:
    """Both without what lies beyond the region, which the measurements of shape and density need not see."""
    inner = ndimage.find_objects(fractions.region.astype(np.uint8))[0]
    arrays = {
        name: getattr(fractions, name)[inner]
        for name in ("excess", "filled", "region", "smooth", "shape", "blurred", "known")
    }
    return cut.part(inner), replace(fractions, **arrays)


def excess_over(cut: Cut, around: Surroundings) -> tuple[float, np.ndarray]:
    """Sign of the deposit's contrast, and the image minus background times that sign, zero outside the region.

    Beside bone, another deposit or the air the given boundary holds: voxels of the mask are full, others empty.
    """
    sign = 1.0 if float(cut.values[cut.mask].mean(dtype=np.float64)) >= around.background else -1.0
    excess = np.where(around.region, sign * (cut.values - np.float32(around.background)), 0).astype(np.float32)
    fill_contact(excess, cut.mask, around.contact, None)
    return sign, excess


def is_uneven(cut: Cut, around: Surroundings, excess: np.ndarray, fwhm_mm: float) -> bool:
    """Whether the deposit is of several densities: its inner voxels differ by more than noise and blur explain.

    A hard core in paste, or lime settled under fluid. One contrast for all would take the soft part for a partly filled
    one, and halve the volume.
    """
    # However sharp the image, the outermost voxels are filled in part: their centres are half a voxel deep.
    deep_mm = max(INNER_FWHM * fwhm_mm, INNER_VOXELS * float(np.max(cut.spacing_mm)))
    inner = cut.mask & ~around.contact & (around.distance_mm <= -deep_mm)
    if int(inner.sum()) < ENOUGH_FULL:
        return False
    # At that depth the blur has taken this much of a flat surface's value away.
    fullness = special.ndtr(-around.distance_mm[inner] / (fwhm_mm * FWHM_TO_SIGMA))
    own = excess[inner].astype(np.float64) / fullness
    noise = around.noise_sd**2 * float((1 / fullness**2).mean())
    # Three standard deviations of a variance from so many independent voxels.
    chance = 1 + 3 * np.sqrt(2 * around.clump / own.size)
    return bool(own.var() > noise * chance and own.var() - noise > (UNEVEN * own.mean()) ** 2)


def fill_contact(excess: np.ndarray, mask: np.ndarray, contact: np.ndarray, contrast: float | None) -> None:
    """Make the mask's voxels in the contact full and the others empty, in place.

    Without a contrast the brighter half of the mask's other voxels gives it.
    """
    inside, free = contact & mask, mask & ~contact
    excess[contact & ~mask] = 0
    if inside.any():
        if contrast is None:
            values = np.sort(excess[free] if free.any() else excess[inside])
            contrast = float(values[values.size // 2 :].mean(dtype=np.float64))
        excess[inside] = contrast


def enough_full(model: ShapeModel, contrast: float) -> float:
    """How many full voxels it takes to trust them."""
    return max(ENOUGH_FULL, FULL_PART * model.total / contrast)


def contrast_of_deep(cut: Cut, around: Surroundings, excess: np.ndarray, fwhm_mm: float) -> tuple[float, int]:
    """Contrast from the voxels so deep in the mask that no blur reaches them, and their number.

    Chosen by place and not by value: among many voxels those that noise makes dark would be left out else.
    """
    deep = cut.mask & ~around.contact & (around.distance_mm <= -shell_mm(fwhm_mm, cut.spacing_mm))
    count = int(deep.sum())
    return max(float(excess[deep].mean(dtype=np.float64)) if count else 0.0, 1e-6), count


def contrast_of_full(model: ShapeModel, mask: np.ndarray) -> tuple[float, int]:
    """Contrast from the full voxels and their number; too few of them: a first guess from the brighter half."""
    mask = model.of_cut(mask)
    mask = mask & model.judged if (mask & model.judged).any() else mask
    inside = np.sort(model.excess[mask])
    guess, count = max(float(inside[inside.size // 2 :].mean(dtype=np.float64)), 1e-6), 0
    for _ in range(2):
        blurred = model.blur(model.shape(guess)[1])
        full = (blurred > FULL) & mask
        count = int(full.sum())
        if count < enough_full(model, guess):
            break
        guess = float(model.excess[full].mean(dtype=np.float64) / blurred[full].mean(dtype=np.float64))
    return guess, count


def edge_misfit(cut: Cut, fwhm_mm: np.ndarray, is_hu: bool) -> np.ndarray | None:
    """How badly each point spread explains one deposit's image, in noise variances; None if it cannot tell.

    All widths are judged on the same region. Only deposits with full voxels can tell: in a thin one a wide point
    spread looks like a low contrast.
    """
    around = survey(cut, float(np.max(fwhm_mm)), is_hu)
    if around is None:
        return None
    _, excess = excess_over(cut, around)
    if excess.sum() <= 0:
        return None
    misfits = []
    for width in fwhm_mm.tolist():
        model = ShapeModel(excess, around.region, around.contact, width * FWHM_TO_SIGMA / cut.spacing_mm)
        contrast, full = contrast_of_full(model, cut.mask)
        if full < enough_full(model, contrast):
            break
        misfits.append(model.misfit(contrast) / around.noise_sd**2)
    # Best at the widest that could be tried: the true one may be wider still.
    if not misfits or (len(misfits) < len(fwhm_mm) and int(np.argmin(misfits)) == len(misfits) - 1):
        return None
    return np.array(misfits + [np.inf] * (len(fwhm_mm) - len(misfits)))


def contact_sd(cut: Cut, around: Surroundings, voxels: float) -> float:
    """Standard deviation of the logarithm of a volume (in voxels) that goes with the boundary to bone and others."""
    return CONTACT_ERROR * float((around.contact & cut.mask).sum()) / voxels


def _relative_sd(
    cut: Cut, around: Surroundings, contrast: float, voxels: float, full: int, fitted: Fit | None, psf_sd: float
) -> float:
    """Standard deviation of the logarithm of the volume: noise, background, contact, model, point spread.

    Volume = sum / contrast. Where full voxels give the contrast their noise is in both, and part of it cancels.
    """
    noise = around.clump * (around.noise_sd / contrast) ** 2
    region = int(around.region.sum())
    from_background = ((region - voxels) / voxels * around.background_error / contrast) ** 2
    from_contact = contact_sd(cut, around, voxels) ** 2
    from_sum = noise * region / voxels**2
    if fitted is None:
        from_contrast = noise * (1 / full - 2 / voxels) + MODEL_ERROR**2
    else:
        grain = 1 + CLUMPED_NOISE * float(np.log(around.clump))
        from_contrast = noise * (grain * contrast) ** 2 / max(fitted.stiffness, 1e-12)
        from_contrast += (MODEL_ERROR + FIT_ERROR * (1 - min(fitted.peak, 1.0))) ** 2
    if fitted is None:
        sensitivity = FULL_PSF_SENSITIVITY * min(1.0, 0.25 * voxels / full) ** 2
    else:
        sensitivity = fitted.psf_sensitivity
    from_psf = (sensitivity * psf_sd) ** 2
    return float(np.sqrt(max(from_sum + from_contrast, 0.0) + from_background + from_contact + from_psf))


def _by_counting(cut: Cut, reason: str) -> Fractions:
    """Voxel count with half a voxel of doubt on the boundary, where nothing better can be had."""
    volume = float(cut.mask.sum()) * cut.voxel_mm3
    inner = ndimage.binary_erosion(cut.mask)
    doubt = float((cut.mask & ~inner).sum()) * cut.voxel_mm3 / 2
    mask = cut.mask.astype(np.float32)
    return Fractions(
        volume_mm3=volume,
        lower_mm3=max(volume - doubt, 0.0),
        upper_mm3=volume + doubt,
        background=float("nan"),
        contrast=float("nan"),
        noise_sd=float("nan"),
        clump=1.0,
        excess=mask,
        filled=mask,
        region=ndimage.binary_dilation(cut.mask, iterations=2),
        smooth=ndimage.gaussian_filter(mask, 0.7),
        level=0.5,
        shape=mask,
        blurred=mask,
        known=cut.mask,
        reason=f"volume counted in voxels: {reason}",
    )
