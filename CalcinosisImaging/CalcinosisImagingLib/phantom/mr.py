"""MR of a posed hand: signal equations, blooming, bias field, ghost of motion, Rician noise."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .ct import slices_per_slab, thicken
from .deposits import Content
from .hand import PosedHand
from .lattice import Grid
from .paint import Painted, deposit_voxels, paint
from .presets import MrProtocol
from .tissues import RELAXATION, Relaxation

FULL_SCALE = 1500.0
"""Stored value of the brightest ordinary tissue without bias; fluid is brighter in T2."""
SPIN_ECHO = {"t1": (600.0, 12.0), "t2fs": (4000.0, 60.0)}
"""TR and TE, ms, at 3 T."""
GRADIENT_ECHO = (20.0, 5.0, 20.0)
"""TR and TE, ms, and flip angle, degrees."""
FAT_LEFT = 0.07
"""Share of the fat signal that fat saturation leaves."""
BLOOM_MM, BLOOM = 0.7, 3.0
"""Reach and strength of the field of a deposit, which takes signal from the tissue around it in a gradient echo."""


def signal(tissue: Relaxation, weighting: str) -> float:
    """Signal of a tissue, relative to water with no decay (Bernstein et al., Handbook of MRI Pulse Sequences, 2004).

    Spin echo: PD (1 - exp(-TR/T1)) exp(-TE/T2); spoiled gradient echo: the Ernst equation with exp(-TE/T2*).
    """
    if weighting == "gre":
        tr, te, flip = GRADIENT_ECHO
        e1 = np.exp(-tr / tissue.t1_ms)
        steady = np.sin(np.radians(flip)) * (1.0 - e1) / (1.0 - np.cos(np.radians(flip)) * e1)
        return float(tissue.proton_density * steady * np.exp(-te / tissue.t2_star_ms))
    tr, te = SPIN_ECHO[weighting]
    result = tissue.proton_density * (1.0 - np.exp(-tr / tissue.t1_ms)) * np.exp(-te / tissue.t2_ms)
    if weighting == "t2fs":
        result *= 1.0 - (1.0 - FAT_LEFT) * tissue.fat
    return float(result)


def signals(weighting: str) -> dict[str, float]:
    """Stored value of each tissue."""
    values = {name: signal(tissue, weighting) for name, tissue in RELAXATION.items()}
    scale = FULL_SCALE / max(values[name] for name in ("fat", "muscle", "marrow", "skin"))
    return {name: value * scale for name, value in values.items()}


def image_mr(
    posed: PosedHand, grid: Grid, protocol: MrProtocol, rng: np.random.Generator
) -> tuple[np.ndarray, Painted]:
    """Magnitude image as int16 (K, J, I), and the truth on its grid."""
    values = signals(protocol.weighting)
    contents = [_content_signal(d.content, values) for d in posed.hand.deposits]
    distractors = [d for d in posed.hand.distractors if d.in_mr]
    times = slices_per_slab(protocol.pixel_mm, protocol.slice_mm)
    painted = thicken(paint(posed, grid.thinner(times), values, contents, distractors, rng), times)
    image = painted.values
    if protocol.weighting == "gre":
        _bloom(image, posed, grid)
    image = ndimage.gaussian_filter(image, (0.3, 0.42, 0.42), output=np.float32, truncate=3.0)
    image *= bias_field(image.shape, rng, protocol.bias)
    if protocol.ghost:
        image += protocol.ghost * np.roll(image, image.shape[1] // 3, axis=1)
    sd = FULL_SCALE / protocol.snr
    for plane in image:
        plane += sd * rng.standard_normal(plane.shape, dtype=np.float32)
        np.hypot(plane, sd * rng.standard_normal(plane.shape, dtype=np.float32), out=plane)
    return np.clip(np.rint(image), 0, 32767).astype(np.int16), painted


def _content_signal(content: Content, values: dict[str, float]) -> tuple[float, float]:
    """Signal of the dense and of the light part of a deposit."""
    if content.consistency == "chalk":
        return values["chalk"], values["chalk"]
    if content.consistency == "mixed":
        return values["chalk"], values["paste"]
    return (values["settled"], values["fluid"]) if content.level else (values["paste"], values["paste"])


def _bloom(image: np.ndarray, posed: PosedHand, grid: Grid) -> None:
    """Take signal from around chalk, in place: decay that falls off within a millimetre of its surface."""
    chalk = np.zeros(image.shape, np.float32)
    for voxels in deposit_voxels(posed, grid):
        if posed.hand.deposits[voxels.index].content.consistency != "paste":
            chalk[voxels.box] = np.maximum(chalk[voxels.box], voxels.share)
    spread = ndimage.gaussian_filter(chalk, BLOOM_MM / grid.spacing_mm[::-1], truncate=3.0)
    image *= np.exp(-BLOOM * spread)


def bias_field(shape: tuple[int, int, int], rng: np.random.Generator, strength: float) -> np.ndarray:
    """A smooth gain about 1, float32: as much as ``strength`` up and down across the image."""
    k, j, i = (np.linspace(-1.0, 1.0, n, dtype=np.float32) for n in shape)
    a = rng.normal(0.0, 0.5, 6)
    field = a[0] * j[None, :, None] + a[1] * i[None, None, :] + a[2] * k[:, None, None]
    field = field + a[3] * (j * j)[None, :, None] + a[4] * (i * i)[None, None, :] + a[5] * j[None, :, None] * i
    field = field - field.mean()
    return np.exp(strength * field / np.abs(field).max()).astype(np.float32)
