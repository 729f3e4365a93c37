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
HEIGHT = 0.45
"""The outline runs where the density has this part of its plateau: half for a flat body, a little lower because the
shadow of a rounded one falls off towards its rim."""
STEEP, FALL = 0.35, 0.3
"""A sector of the outline is an edge if the density falls by the first part of the contrast over about the second
part of the radius (at least 1 mm, at most 2 mm in all: muscle and fat change more slowly)."""
CLOSED, CLOSED_LEFT = 0.8, 0.9
"""Least part of the outline that is such an edge, with bones in the image and with bones taken out."""
SOLID = 0.82
"""Least part of its convex hull that a deposit fills; trabeculae and pieces of edges are ragged."""
SHELL = -0.05
"""A large body whose rim is about as bright as its core (difference over contrast) is cortex around marrow."""
SHARE_SOFT, SHARE_ANYWHERE = 0.05, 0.15
"""A deposit adds at least this part of the density behind it, over known soft tissue and elsewhere: what trabeculae,
edges and overlaps of bones add grows with the density and is rarely more (real films of a wrist).
"""
CONTINUES, LONG = 0.6, 1.6
"""What is longer than this and goes on beyond an end with this part of its contrast is a piece of a bone's edge."""
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
    shell: rim over core, as part of the contrast; positive if the rim is brighter; -1 for small bodies.
    continues: density beyond the ends of the long axis, as part of the contrast.
    elongation: long over short axis.
    over_bone: part of it in the bones' shadow; nan if that is not known.
    share: contrast over the density behind it (background over air).
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
    shell: float = -1.0
    continues: float = 0.0
    elongation: float = 1.0
    over_bone: float = float("nan")
    share: float = np.inf
    relative: float = 0.0
    reason: str = ""

    @property
    def confidence(self) -> float:
        """0..1: how much it looks like a deposit (contrast, closed outline, compactness)."""
        strength = self.contrast_to_noise / (self.contrast_to_noise + 12.0)
        outline = np.clip((self.closed - 0.4) / 0.5, 0, 1)
        shape = np.clip(1.4 - self.elongation / 8.0, 0.2, 1)
        return float(strength * outline * shape)

    def objection(
        self, least_area_mm2: float, least_contrast_to_noise: float, sensitivity: float, bones_removed: bool = False
    ) -> str:
        """Why it is no deposit; empty if it is one."""
        ease = 2.0 ** (1 - 2 * sensitivity)
        if self.relative > METAL_CONTRAST:
            return "metal: denser than any calcification"
        if self.area_mm2 < least_area_mm2:
            return f"too small ({self.area_mm2:.2f} mm²)"
        if self.contrast_to_noise < least_contrast_to_noise * ease:
            return f"too faint (contrast to noise {self.contrast_to_noise:.1f})"
        least_share = SHARE_SOFT if bones_removed or self.over_bone < 0.2 else SHARE_ANYWHERE
        if self.share < least_share * ease:
            return f"no denser than bones vary (adds {100 * self.share:.0f} % to what is behind it)"
        if self.closed < min(0.98, (CLOSED_LEFT if bones_removed else CLOSED) * ease**0.25):
            return f"no edge all around ({100 * self.closed:.0f} %): bone edge or crossing bones"
        if self.solidity < SOLID:
            return f"ragged (fills {100 * self.solidity:.0f} % of its hull)"
        if self.continues > CONTINUES and self.elongation > LONG:
            return "goes on beyond its end: a piece of a bone's edge"
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
    behind: np.ndarray,
) -> Spot:
    """Draw the half-height boundary around a seed over the local background and measure it.

    image: log image. seed: peak row and column, first mask and its box. size_mm: of the line that found it.
    dense: height of the hand's densest parts over air. behind: log image with all bones.
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
    return _described(Spot(box, mask, row, column), excess, behind[box], inside, pixel_mm, noise, bone_shadow, dense)


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
    labels, count = ndimage.label((excess > HEIGHT * plateau) & near)
    if count == 0:
        return np.zeros_like(mask)
    label = labels[peak] or int(np.argmax(np.bincount(labels[mask], minlength=count + 1)[1:])) + 1
    return ndimage.binary_fill_holes(labels == label)


def _described(
    spot: Spot,
    excess: np.ndarray,
    values: np.ndarray,
    inside: np.ndarray,
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
        closed=_closed(excess, mask, outside, inside, contrast, pixel_mm),
        solidity=_solidity(mask),
        shell=_shell(excess, mask, contrast, pixel_mm),
        continues=_continues(excess, mask, outside, contrast, pixel_mm),
        elongation=float(axes[1] / axes[0]),
        over_bone=shadow,
        share=contrast / max(float((values - excess)[mask].mean()), 1e-9),
        relative=float(excess[mask].max()) / (dense + 1e-9),
    )


def _closed(
    excess: np.ndarray,
    mask: np.ndarray,
    outside: np.ndarray,
    inside: np.ndarray,
    contrast: float,
    pixel_mm: float,
    sectors: int = 24,
) -> float:
    """Part of the directions from the middle in which the outline is a steep edge; the skin's own edge is none."""
    depth = ndimage.distance_transform_edt(mask) * pixel_mm
    centre = np.argwhere(mask).mean(axis=0)
    rows, columns = np.indices(mask.shape)
    angle = np.arctan2(rows - centre[0], columns - centre[1])
    sector = ((angle + np.pi) / (2 * np.pi) * sectors).astype(int) % sectors
    # The shadow of a rounded body falls over a part of its radius, of a flat or small one over the blur.
    reach = float(np.clip(FALL * np.sqrt(mask.sum() / np.pi) * pixel_mm, 0.5, 1.0))
    inner = mask & (depth <= reach)
    outer = (outside > 0.4 * reach) & (outside <= 1.2 * reach) & inside
    high = _mean_by(sector, excess, inner, sectors)
    low = _mean_by(sector, excess, outer, sectors)
    seen = np.isfinite(high)
    return float(((high - low)[seen] > STEEP * contrast).mean()) if seen.any() else 0.0


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
    """How much brighter the band 0.4 to 1.2 mm within the outline is than what lies deeper; -1 for small bodies."""
    depth = ndimage.distance_transform_edt(mask) * pixel_mm
    core = depth > max(1.6, 0.5 * float(depth.max()))
    band = (depth > 0.3) & (depth <= 1.2)
    if core.sum() < 10 or band.sum() < 10:
        return -1.0
    return float((excess[band].mean() - excess[core].mean()) / contrast)


def _continues(excess: np.ndarray, mask: np.ndarray, outside: np.ndarray, contrast: float, pixel_mm: float) -> float:
    """Highest mean density just beyond either end of the long axis, within the body's width, over the contrast."""
    points = np.argwhere(mask)
    if len(points) < 4:
        return 0.0
    centre = points.mean(axis=0)
    scatter = np.cov((points - centre).T)
    axes = np.linalg.eigh(scatter)[1]
    half_width = max(float(np.sqrt(np.linalg.eigvalsh(scatter)[0])), 0.15 / pixel_mm)
    beyond = (outside > 0.3) & (outside <= 1.0)
    offset = np.argwhere(beyond) - centre
    along, across = offset @ axes[:, 1], offset @ axes[:, 0]
    values = excess[beyond]
    ends = [values[(np.abs(across) <= half_width) & (sign * along > 0)] for sign in (1, -1)]
    return max((float(v.mean()) / contrast for v in ends if len(v)), default=0.0)
