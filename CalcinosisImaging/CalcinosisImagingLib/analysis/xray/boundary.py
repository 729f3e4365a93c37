"""The boundary of one compact density on a film, and what tells a deposit from a bone's edge."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage
from scipy.spatial import ConvexHull

RIM_MM = (0.8, 2.0)
"""Background is taken from this far outside the first outline, in the plane of the hand."""
METAL_CONTRAST = 1.6
"""Metal's peak is beyond this many times the hand's own densest parts (their 99.5th percentile over air)."""
STEEP = 0.3
"""A sector of the outline is an edge if the density falls by this part of the contrast within about 0.8 mm."""
CLOSED = 0.8
"""Least part of the outline that is such an edge."""
SOLID = 0.8
"""Least part of its convex hull that a deposit fills; trabeculae and pieces of edges are ragged."""
SHELL = 0.15
"""A rim brighter than the core by this part of the contrast is a bone's cortex around marrow."""
LONGEST = 3.0
"""A compact density more elongated than this over bone is a bone's edge or two bones crossing."""


@dataclass(frozen=True, eq=False)
class Spot:
    """A candidate on the film.

    Attributes
    ----------
    box, mask: its pixels (mask within box).
    row, column: its peak.
    area_mm2: in the plane of the hand.
    contrast: mean height over the local background, film units.
    contrast_to_noise: contrast / noise x square root of the pixels.
    closed: part of the outline that is a steep edge.
    solidity: part of its convex hull that it fills.
    shell: rim over core, as part of the contrast; positive if the rim is brighter.
    elongation: long over short axis.
    over_bone: part of it in the bones' shadow; nan if that is not known.
    relative: contrast over the hand's densest parts.
    """

    box: tuple[slice, slice]
    mask: np.ndarray
    row: int
    column: int
    area_mm2: float = 0.0
    contrast: float = 0.0
    contrast_to_noise: float = 0.0
    closed: float = 0.0
    solidity: float = 1.0
    shell: float = 0.0
    elongation: float = 1.0
    over_bone: float = float("nan")
    relative: float = 0.0
    reason: str = ""

    @property
    def confidence(self) -> float:
        """0..1: how much it looks like a deposit (contrast, closed outline, compactness)."""
        strength = self.contrast_to_noise / (self.contrast_to_noise + 12.0)
        outline = np.clip((self.closed - 0.4) / 0.5, 0, 1)
        shape = np.clip(1.4 - self.elongation / 8.0, 0.2, 1)
        return float(strength * outline * shape)

    def objection(self, least_area_mm2: float, least_contrast_to_noise: float, sensitivity: float) -> str:
        """Why it is no deposit; empty if it is one."""
        ease = 2.0 ** (1 - 2 * sensitivity)
        if self.relative > METAL_CONTRAST:
            return "metal: denser than any calcification"
        if self.area_mm2 < least_area_mm2:
            return f"too small ({self.area_mm2:.2f} mm²)"
        if self.contrast_to_noise < least_contrast_to_noise * ease:
            return f"too faint (contrast to noise {self.contrast_to_noise:.1f})"
        if self.closed < min(0.95, CLOSED * ease**0.25):
            return f"no edge all around ({100 * self.closed:.0f} %): bone edge or crossing bones"
        if self.solidity < SOLID:
            return f"ragged (fills {100 * self.solidity:.0f} % of its hull)"
        if self.shell > SHELL:
            return "bright rim around a darker core: a bone"
        if self.elongation > LONGEST and not self.over_bone < 0.2:
            return "long and thin like a bone's edge"
        return ""

    def because(self, reason: str) -> Spot:
        """The same candidate, rejected for a reason."""
        return replace(self, reason=reason)

    def overlaps(self, other: Spot) -> bool:
        """Whether at least a third of the smaller one lies in the other."""
        common = _common(self.box, other.box)
        if common is None:
            return False
        both = self.mask[_inside(common, self.box)] & other.mask[_inside(common, other.box)]
        return bool(both.sum() * 3 >= min(self.mask.sum(), other.mask.sum()))

    def near(self, other: Spot, distance_px: float) -> bool:
        """Whether pixels of both are closer than ``distance_px``."""
        for a, b in zip(self.box, other.box, strict=True):
            if max(a.start, b.start) - min(a.stop, b.stop) > distance_px:
                return False
        a, b = self.outline(), other.outline()
        return bool(((a[:, None] - b[None]) ** 2).sum(axis=2).min() < distance_px**2)

    def outline(self) -> np.ndarray:
        """Film positions (row, column) of its border pixels (N, 2)."""
        edge = self.mask & ~ndimage.binary_erosion(self.mask)
        return np.argwhere(edge) + [s.start for s in self.box]


def _common(a: tuple[slice, slice], b: tuple[slice, slice]) -> tuple[slice, slice] | None:
    result = tuple(slice(max(x.start, y.start), min(x.stop, y.stop)) for x, y in zip(a, b, strict=True))
    return result if all(s.stop > s.start for s in result) else None


def _inside(part: tuple[slice, slice], box: tuple[slice, slice]) -> tuple[slice, slice]:
    return tuple(slice(p.start - b.start, p.stop - b.start) for p, b in zip(part, box, strict=True))


def measure(
    image: np.ndarray,
    hand: np.ndarray,
    seed: tuple[int, int, np.ndarray, tuple[slice, slice]],
    size_mm: float,
    pixel_mm: float,
    noise: float,
    bone_shadow: np.ndarray | None,
    dense: float,
) -> Spot:
    """Draw the half-height boundary around a seed over the local background and measure it.

    image: log image. seed: peak row and column, first mask and its box. size_mm: of the line that found it.
    dense: height of the hand's densest parts over air.
    """
    row, column, first, first_box = seed
    reach = int(np.ceil((RIM_MM[1] + 0.3 * size_mm) / pixel_mm)) + 2
    box = tuple(
        slice(max(s.start - reach, 0), min(s.stop + reach, n)) for s, n in zip(first_box, image.shape, strict=True)
    )
    core = np.zeros([s.stop - s.start for s in box], bool)
    core[_inside(first_box, box)] = first
    values, inside = image[box], hand[box]
    mask = core
    for _ in range(2):
        mask = _half_height(values, mask, inside, (row - box[0].start, column - box[1].start), size_mm, pixel_mm)
        if not mask.any():
            return Spot(box, mask, row, column)
    excess = values - _background(values, mask, inside, pixel_mm)
    return _described(Spot(box, mask, row, column), excess, pixel_mm, noise, bone_shadow, dense)


def _background(values: np.ndarray, mask: np.ndarray, inside: np.ndarray, pixel_mm: float) -> np.ndarray:
    """A plane fitted robustly to the rim around the mask."""
    distance = ndimage.distance_transform_edt(~mask) * pixel_mm
    rim = (distance >= RIM_MM[0]) & (distance <= RIM_MM[1]) & inside
    if rim.sum() < 10:
        rim = (distance > 0) & (distance <= RIM_MM[1])
    rows, columns = np.nonzero(rim)
    design = np.stack([np.ones(len(rows)), rows - rows.mean(), columns - columns.mean()], axis=1)
    target = values[rim].astype(float)
    weight = np.ones(len(target))
    for _ in range(4):
        fit = np.linalg.lstsq(design * weight[:, None], target * weight, rcond=None)[0]
        residual = target - design @ fit
        scale = 1.4826 * np.median(np.abs(residual)) + 1e-9
        weight = 1 / np.sqrt(1 + (residual / (2 * scale)) ** 2)
    grid_r, grid_c = np.indices(values.shape)
    return fit[0] + fit[1] * (grid_r - rows.mean()) + fit[2] * (grid_c - columns.mean())


def _half_height(
    values: np.ndarray,
    mask: np.ndarray,
    inside: np.ndarray,
    peak: tuple[int, int],
    size_mm: float,
    pixel_mm: float,
) -> np.ndarray:
    """Pixels above half the plateau's height over the background, connected to the peak, not far from the mask."""
    excess = values - _background(values, mask, inside, pixel_mm)
    plateau = np.percentile(excess[mask], 80)
    if plateau <= 0:
        return np.zeros_like(mask)
    near = ndimage.distance_transform_edt(~mask) * pixel_mm <= 0.15 * size_mm + 0.3
    labels, count = ndimage.label((excess > 0.5 * plateau) & near)
    if count == 0:
        return np.zeros_like(mask)
    label = labels[peak] or int(np.argmax(np.bincount(labels[mask], minlength=count + 1)[1:])) + 1
    return ndimage.binary_fill_holes(labels == label)


def _described(
    spot: Spot,
    excess: np.ndarray,
    pixel_mm: float,
    noise: float,
    bone_shadow: np.ndarray | None,
    dense: float,
) -> Spot:
    """The spot with its measures."""
    mask = spot.mask
    count = int(mask.sum())
    contrast = float(excess[mask].mean())
    outside = ndimage.distance_transform_edt(~mask) * pixel_mm
    rows, columns = np.nonzero(mask)
    scatter = np.cov(np.stack([rows, columns])) + np.eye(2) / 12 if count > 2 else np.eye(2)
    axes = np.sqrt(np.linalg.eigvalsh(scatter))
    shadow = float(bone_shadow[spot.box][mask].mean()) if bone_shadow is not None else float("nan")
    return replace(
        spot,
        area_mm2=count * pixel_mm**2,
        contrast=contrast,
        contrast_to_noise=contrast / noise * np.sqrt(count),
        closed=_closed(excess, mask, outside, contrast, pixel_mm),
        solidity=_solidity(mask),
        shell=_shell(excess, mask, contrast, pixel_mm),
        elongation=float(axes[1] / axes[0]),
        over_bone=shadow,
        relative=float(excess[mask].max()) / (dense + 1e-9),
    )


def _closed(
    excess: np.ndarray, mask: np.ndarray, outside: np.ndarray, contrast: float, pixel_mm: float, sectors: int = 24
) -> float:
    """Part of the directions from the middle in which the outline is a steep edge."""
    depth = ndimage.distance_transform_edt(mask) * pixel_mm
    centre = np.argwhere(mask).mean(axis=0)
    rows, columns = np.indices(mask.shape)
    angle = np.arctan2(rows - centre[0], columns - centre[1])
    sector = ((angle + np.pi) / (2 * np.pi) * sectors).astype(int) % sectors
    inner = mask & (depth <= 0.5)
    outer = (outside > 0.2) & (outside <= 0.6)
    high = _mean_by(sector, excess, inner, sectors)
    low = _mean_by(sector, excess, outer, sectors)
    return float(((high - low) > STEEP * contrast).sum() / sectors)


def _mean_by(sector: np.ndarray, values: np.ndarray, where: np.ndarray, sectors: int) -> np.ndarray:
    """Mean of values per sector; nan where there is none."""
    count = np.bincount(sector[where], minlength=sectors)
    total = np.bincount(sector[where], values[where], minlength=sectors)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _solidity(mask: np.ndarray) -> float:
    """Area over that of the convex hull of the pixels' corners."""
    points = np.argwhere(mask & ~ndimage.binary_erosion(mask))
    corners = np.concatenate([points + offset for offset in ((0, 0), (0, 1), (1, 0), (1, 1))])
    return float(mask.sum() / ConvexHull(corners).volume)


def _shell(excess: np.ndarray, mask: np.ndarray, contrast: float, pixel_mm: float) -> float:
    """How much brighter the band 0.4 to 1.2 mm within the outline is than what lies deeper; 0 for small bodies."""
    depth = ndimage.distance_transform_edt(mask) * pixel_mm
    core = depth > max(1.5, 0.5 * float(depth.max()))
    band = (depth > 0.3) & (depth <= 1.2)
    if core.sum() < 10 or band.sum() < 10:
        return 0.0
    return float((excess[band].mean() - excess[core].mean()) / contrast)
