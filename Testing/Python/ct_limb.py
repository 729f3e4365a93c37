"""A limb of soft tissue with deposits of every kind, as a CT shows it; independent of how the segmentation sees it.

The limb is an elliptic cylinder, tilted: skin, fat, muscle, mottled. Deposits are continuous shapes, half of them the
phantom's (stones, bent plates, nets, grains), half of them simpler ones (`morphology_shapes`). They are painted on a
grid at least four times as fine as the voxels, blurred there by the scanner's kernel and averaged into voxels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import morphology_shapes as simple
import numpy as np
from CalcinosisImagingLib.analysis.volume import Volume
from CalcinosisImagingLib.phantom.deposit_kinds import draw_shape
from CalcinosisImagingLib.phantom.lattice import true_share
from scipy import ndimage
from scipy.special import ndtr

FWHM_PER_SIGMA = 2.3548
KINDS = ("stone", "plate", "net", "stippled", "paste")
SLOT_MM = 17.0
"""Every deposit has a cube of its own of this size."""
FINEST_MM = 0.15
HALF_AXES_MM = (23.0, 18.0)
LAYERS = ((0.0, 1045.0), (1.2, -120.0), (3.0, 130.0))
"""Depth under the skin's surface (mm) and rise (HU): air to dermis, to fat, to muscle."""
MUSCLE_HU = 55.0

KERNELS: dict[str, tuple[tuple[float, float], ...]] = {
    "soft": ((1.0, 1.0),),
    "sharp": ((1.5, 1.0), (-0.5, 2.0)),
    "very sharp": ((2.1, 1.0), (-1.3, 1.6), (0.2, 3.0)),
}
"""Kernels as sums of Gaussians: weight, and sigma relative to the first one's."""


@dataclass(frozen=True)
class LimbScan:
    """How the CT looks at the limb.

    Attributes
    ----------
    spacing_mm: along i, j, k.
    fwhm_mm: of the kernel's first Gaussian in plane; along the table it is ``along`` times as wide.
    grain: blur of the noise relative to the kernel's sigma; 0 is white noise.
    kinds: one deposit each, drawn with ``seed``.
    """

    spacing_mm: tuple[float, float, float] = (0.4, 0.4, 0.4)
    fwhm_mm: float = 0.7
    kernel: str = "soft"
    along: float = 1.0
    noise_hu: float = 25.0
    grain: float = 0.7
    seed: int = 0
    kinds: tuple[str, ...] = KINDS * 3


@dataclass(frozen=True, eq=False)
class LimbDeposit:
    """Truth of one deposit.

    Attributes
    ----------
    slot: slices over K, J, I; the arrays have its shape.
    fraction: share of every voxel that is deposit.
    image: what the scan makes of it, for a contrast of 1.
    surface: change of ``fraction`` per mm of growth in all directions; None unless asked for.
    """

    kind: str
    origin: str
    slot: tuple[slice, slice, slice]
    fraction: np.ndarray
    contrast_hu: float
    volume_mm3: float
    image: np.ndarray
    surface: np.ndarray | None


def scan_limb(scan: LimbScan, surfaces: bool = False) -> tuple[Volume, list[LimbDeposit]]:
    """The CT (int16) and its truth, with the surfaces of the deposits if asked for."""
    rng = np.random.default_rng(scan.seed)
    spacing = np.array(scan.spacing_mm[::-1])
    rows = -(-len(scan.kinds) // 2)
    extent = np.array([rows * SLOT_MM + 12.0, 2 * HALF_AXES_MM[1] + 10.0, 2 * HALF_AXES_MM[0] + 10.0])
    size = np.ceil(extent / spacing).astype(int)
    hu = _tissue(size, spacing, scan, rng)
    deposits = []
    for number, kind in enumerate(scan.kinds):
        row, side = divmod(number, 2)
        centre = extent / 2
        centre[0] = 6.0 + SLOT_MM * (row + 0.5)
        centre[2] += (side - 0.5) * SLOT_MM
        start = np.round((centre - SLOT_MM / 2) / spacing).astype(int)
        count = np.floor(SLOT_MM / spacing).astype(int)
        slot = tuple(slice(int(a), int(a + n)) for a, n in zip(start, count, strict=True))
        deposit = _deposit(kind, slot, spacing, scan, rng, surfaces)
        hu[slot] += deposit.contrast_hu * deposit.image
        deposits.append(deposit)
    noise = grained(rng.standard_normal(hu.shape, dtype=np.float32), scan)
    hu += noise * (scan.noise_hu / noise.std())
    voxels = np.clip(np.round(hu), -1024, 3071).astype(np.int16)
    return Volume(voxels, np.diag([-spacing[2], -spacing[1], spacing[0], 1.0])), deposits


def grained(white: np.ndarray, scan: LimbScan) -> np.ndarray:
    """White noise (K, J, I) as coarse as the scan's; its size is not kept."""
    if not scan.grain:
        return white
    spacing = np.array(scan.spacing_mm[::-1])
    first, *wider = sigmas_mm(scan)
    noise = ndimage.gaussian_filter(white, scan.grain * first[1] / spacing)
    for weight, wide in wider:
        noise += weight * ndimage.gaussian_filter(noise, wide / spacing)
    return noise


def sigmas_mm(scan: LimbScan) -> list[tuple[float, np.ndarray]]:
    """Weight and sigma (mm along k, j, i) of the kernel's Gaussians."""
    first = scan.fwhm_mm / FWHM_PER_SIGMA * np.array([scan.along, 1.0, 1.0])
    return [(weight, wide * first) for weight, wide in KERNELS[scan.kernel]]


def _tissue(size: np.ndarray, spacing: np.ndarray, scan: LimbScan, rng: np.random.Generator) -> np.ndarray:
    """Air, skin, fat and muscle as the kernel shows their edges (flat on the scale of the blur), mottled."""
    k, j, i = (np.arange(n, dtype=np.float32) * h for n, h in zip(size, spacing, strict=True))
    lean = rng.uniform(-0.03, 0.03, 2)
    y = j[None, :, None] - j.mean() + lean[0] * (k - k.mean())[:, None, None]
    x = i[None, None, :] - i.mean() + lean[1] * (k - k.mean())[:, None, None]
    a, b = HALF_AXES_MM
    radius = np.sqrt((x / a) ** 2 + (y / b) ** 2) + 1e-6
    slope = np.sqrt((x / a**2) ** 2 + (y / b**2) ** 2) / radius + 1e-6
    depth = (1 - radius) / slope
    hu = np.full(depth.shape, -1000.0, np.float32)
    box = float(spacing[1:].mean()) ** 2 / 12
    for at, rise in LAYERS:
        for weight, sigma in sigmas_mm(scan):
            hu += (weight * rise) * ndtr((depth - at) / np.float32(np.sqrt(sigma[1] ** 2 + box)))
    knots = rng.normal(0, 10, [int(n * h / 5) + 3 for n, h in zip(size, spacing, strict=True)])
    mottle = ndimage.zoom(knots, 5, order=1)
    index = [(np.arange(n) * h).astype(int) for n, h in zip(size, spacing, strict=True)]
    hu += np.where(depth > 3.5, mottle[np.ix_(*index)], 0)
    return hu


def _deposit(
    kind: str, slot: tuple[slice, ...], spacing: np.ndarray, scan: LimbScan, rng: np.random.Generator, surfaces: bool
) -> LimbDeposit:
    """Draw one deposit and paint it in its slot."""
    hu = rng.uniform(150, 400) if kind == "paste" else float(np.exp(rng.uniform(np.log(350), np.log(1500))))
    origin = "phantom" if rng.random() < 0.5 else "simple"
    outside, soft = (_phantom_shape if origin == "phantom" else _simple_shape)(kind, rng)
    times = max(4, int(np.ceil(spacing.max() / FINEST_MM)))
    step = spacing / times
    turn = simple.random_rotation(rng)
    count = np.array([s.stop - s.start for s in slot])
    centre = (count * spacing) / 2 + rng.uniform(-0.5, 0.5, 3) * spacing
    box = _occupied(outside, turn, centre, count, spacing, max(wide[0] for _, wide in sigmas_mm(scan)))
    axes = [(np.arange(s.start * times, s.stop * times) + 0.5) * h for s, h in zip(box, step, strict=True)]
    fine = np.empty([len(a) for a in axes], np.float32)
    for index, z in enumerate(axes[0]):
        d = _distance(outside, turn, centre, [np.array([z]), *axes[1:]])[0]
        fine[index] = true_share(d, float(step.mean())) if soft else d < 0
    shape, widths = tuple(count.tolist()), [(weight, sigma / step) for weight, sigma in sigmas_mm(scan)]
    fraction = _placed(_voxels(fine, times), box, shape)
    image = _placed(_imaged(fine, widths, times), box, shape)
    # The surface of a body is where its indicator has a gradient (co-area formula).
    surface = _placed(_voxels(_gradient(fine, step), times), box, shape) if surfaces else None
    volume = float(fraction.sum(dtype=np.float64) * np.prod(spacing))
    return LimbDeposit(kind, origin, slot, fraction, hu - MUSCLE_HU, volume, image, surface)


def _imaged(fine: np.ndarray, widths: list[tuple[float, np.ndarray]], times: int) -> np.ndarray:
    """Blurred by the kernel (weights, and sigmas in finer voxels) and averaged into voxels."""
    return sum(weight * _voxels(ndimage.gaussian_filter(fine, sigma, truncate=4.0), times) for weight, sigma in widths)


def _gradient(fine: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Size of the gradient, per mm, smoothed over a finer voxel."""
    return np.sqrt(sum((ndimage.gaussian_filter1d(fine, 1.0, a, order=1) / h) ** 2 for a, h in enumerate(step)))


def _placed(part: np.ndarray, box: tuple[slice, ...], shape: tuple[int, ...]) -> np.ndarray:
    """A box of an array that is zero elsewhere."""
    whole = np.zeros(shape, np.float32)
    whole[box] = part
    return whole


def _distance(outside: Callable, turn: np.ndarray, centre: np.ndarray, axes: list[np.ndarray]) -> np.ndarray:
    """Distance at the points of a grid (mm along k, j, i of the slot)."""
    points = np.stack(np.meshgrid(*axes, indexing="ij"), -1) - centre
    return outside((points @ turn).astype(np.float32))


def _occupied(
    outside: Callable, turn: np.ndarray, centre: np.ndarray, count: np.ndarray, spacing: np.ndarray, sigma_mm: float
) -> tuple[slice, ...]:
    """The part of the slot that the body and its blur reach."""
    d = _distance(outside, turn, centre, [(np.arange(n) + 0.5) * h for n, h in zip(count, spacing, strict=True)])
    tight = ndimage.find_objects((d < float(np.linalg.norm(spacing))).astype(np.uint8))[0]
    margin = np.ceil(4 * sigma_mm / spacing).astype(int)
    return tuple(slice(max(s.start - m, 0), min(s.stop + m, n)) for s, m, n in zip(tight, margin, count, strict=True))


def _voxels(fine: np.ndarray, times: int) -> np.ndarray:
    """Means over blocks."""
    k, j, i = (n // times for n in fine.shape)
    return fine.reshape(k, times, j, times, i, times).mean(axis=(1, 3, 5))


def _volume(kind: str, rng: np.random.Generator) -> float:
    """10 to 200 mm3 (what is thin: to 90), as many small ones as large ones."""
    most = 90.0 if kind in ("plate", "net", "stippled") else 200.0
    return float(np.exp(rng.uniform(np.log(10.0), np.log(most))))


def _phantom_shape(kind: str, rng: np.random.Generator) -> tuple[Callable[[np.ndarray], np.ndarray], bool]:
    """Distance function of points (..., 3), and whether it is a true distance near the surface."""
    shape = draw_shape(rng, "stone" if kind == "paste" else kind, _volume(kind, rng)).shape
    middle = np.mean([np.asarray(v, float) for v in shape.bounds], axis=0).astype(np.float32)

    def outside(p: np.ndarray) -> np.ndarray:
        q = p + middle
        return shape.distance(*(np.ascontiguousarray(q[..., a]) for a in range(3)))

    return outside, True


def _simple_shape(kind: str, rng: np.random.Generator) -> tuple[Callable[[np.ndarray], np.ndarray], bool]:
    """The same from balls, boxes, tubes and pieces of cylinder walls."""
    volume = _volume(kind, rng)
    if kind in ("stone", "paste"):
        a, b, c = rng.uniform(0.6, 1.0), rng.uniform(0.8, 1.2), rng.uniform(1.0, 1.7)
        scale = (volume / (4.19 * a * b * c)) ** (1 / 3)
        if rng.random() < 0.3:
            scale = (volume / (8 * a * b * c)) ** (1 / 3)
            return simple.box(2 * a * scale, 2 * b * scale, 2 * c * scale).outside, False
        return simple.ellipsoid(a * scale, b * scale, c * scale).outside, False
    if kind == "plate":
        thickness = rng.uniform(0.6, 2.0)
        side = np.sqrt(volume / thickness)
        radius = max(rng.uniform(5.0, 15.0), side / 2)
        return simple.bent_plate(radius, side / radius, side, thickness).outside, False
    if kind == "net":
        radius = rng.uniform(0.35, 0.6)
        length = volume / (np.pi * radius**2)
        mesh = rng.uniform(2.2, 3.2)
        lines = max(2, round(np.sqrt(length / 2 / mesh)))
        span = length / (2 * lines)
        turned = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]], np.float32)
        tube = simple.tube(radius, span).outside
        places = (np.arange(lines) - (lines - 1) / 2) * min(mesh, span / max(lines - 1, 1))

        def outside(p: np.ndarray) -> np.ndarray:
            along = [tube(p - np.array([0, v, 0], np.float32)) for v in places]
            across = [tube((p - np.array([0, 0, v], np.float32)) @ turned) for v in places]
            return np.minimum.reduce(along + across)

        return outside, False
    radius = rng.uniform(0.6, 1.0)
    count = max(3, round(volume / (4.19 * radius**3)))
    centres = [np.zeros(3)]
    while len(centres) < count:
        new = centres[rng.integers(len(centres))] + rng.normal(size=3) * (2 * radius + 0.4)
        gap = np.linalg.norm(np.array(centres) - new, axis=1).min() - 2 * radius
        if 0.4 < gap < 1.4 and np.linalg.norm(new) < 0.4 * SLOT_MM:
            centres.append(new)
    middle = np.mean(centres, axis=0)
    return simple.union([(simple.sphere(radius), c - middle) for c in centres]).outside, False
