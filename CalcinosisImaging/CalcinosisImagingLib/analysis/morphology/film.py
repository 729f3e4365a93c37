"""Deposits on a radiograph: area at the detector and in the object's plane, and the diameters readers measure."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist, squareform

from ..anatomy import digit_of
from ..view import View
from ..volume import transform_points
from .cut import Cut
from .mesh import mesh_vertices
from .place import Skeleton

PALM_HEIGHT_MM = 15.0
"""Height of a deposit above the detector where no pose is known: palm on the detector, middle of a hand."""
SMOOTH_PIXELS = 0.8
LEVELS = np.linspace(0.08, 0.7, 32)
"""Heights of a shadow's edge that are tried, as parts of the deposit's own contrast."""
REACH_PIXELS = 4
"""How far from the given outline the edge is looked for."""


def attenuation(values: np.ndarray, view: View | None) -> np.ndarray:
    """Pixel values as something that grows in proportion to the line integral; arbitrary unit and offset.

    Without a view the image is taken as it is, bright = dense.
    """
    values = values.astype(np.float32)
    if view is None:
        return values
    if view.intensity == "linear" and view.bright == "air":
        return -np.log(np.maximum(values, 1.0))
    return values if view.bright == "bone" else -values


def film_measures(
    cut: Cut, view: View | None, bones: Skeleton | None, magnification: float | None
) -> dict[str, object]:
    """Columns of a radiograph; lengths and areas of the object's plane unless their name says otherwise."""
    mask = cut.mask[0]
    spacing = cut.spacing_mm[1:] if view is None else np.array(view.pixel_spacing_mm[::-1])
    offset = np.array([s.start for s in cut.box[1:]], float)
    centre = np.argwhere(mask).mean(axis=0) + offset
    row: dict[str, object] = {"v_px": float(centre[0]), "u_px": float(centre[1])}
    place, plane = {}, "object"
    if magnification is None and view is not None:
        magnification, place, plane = _from_geometry(view, bones, centre[::-1])
    area = edge_area_pixels(attenuation(cut.values[0], view), mask) * float(np.prod(spacing))
    scale = 1.0 if magnification is None else magnification
    outline = mesh_vertices(cut.mask)
    outline = outline[outline[:, 0] == 0][:, 1:] * spacing / scale
    long, short = diameters_mm(outline)
    row |= place
    row |= {
        "area_detector_mm2": area,
        "area_mm2": area / scale**2,
        "size_plane": "detector" if magnification is None else plane,
        "magnification": magnification,
        "long_diameter_mm": long,
        "short_diameter_mm": short,
        "ellipse_area_mm2": np.pi / 4 * long * short,
        "max_diameter_mm": long,
    }
    points = np.argwhere(mask) * spacing / scale
    if len(points) > 1:
        values = np.maximum(np.linalg.eigvalsh(np.cov(points.T)), 0)
        major, minor = (4 * np.sqrt(values[::-1])).tolist()
        row |= {"major_axis_mm": major, "minor_axis_mm": minor, "elongation": minor / major}
    return row


def _from_geometry(view: View, bones: Skeleton | None, centre_px: np.ndarray) -> tuple[float, dict[str, object], str]:
    """Magnification, site and digit, and where the depth comes from: the nearest bone's shadow, else the palm."""
    if view.ct_to_view is None or bones is None:
        return view.source_detector_mm / (view.source_detector_mm - PALM_HEIGHT_MM), {}, "palm"
    points = np.asarray(bones.tree.data)
    shadow = view.project(points)
    distance = np.linalg.norm((shadow - centre_px) * view.pixel_spacing_mm, axis=1)
    near = distance <= distance.min() + 2.0
    depth = float(transform_points(view.ct_to_view, points[near])[:, 2].mean())
    name = bones.names[int(bones.owner[int(distance.argmin())])]
    return view.source_detector_mm / depth, {"site": name, "digit": digit_of(name)}, "object"


def edge_area_pixels(values: np.ndarray, mask: np.ndarray) -> float:
    """Area within the steepest outline near the mask, in pixels, with fractions.

    Neither a fixed threshold nor half the maximum finds a shadow's border: a sphere's fades to nothing, a plate's seen
    face-on is a step. In both the blurred profile is steepest within about half a point spread of the true border.
    """
    reach = ndimage.binary_dilation(mask, iterations=REACH_PIXELS)
    if not (mask.any() and (reach & ~mask).any()) or min(mask.shape) < 3:
        return float(mask.sum())
    smooth = ndimage.gaussian_filter(values, SMOOTH_PIXELS)
    rim = reach & ~ndimage.binary_dilation(mask, iterations=2)
    base = float(np.median(smooth[rim])) if rim.any() else float(smooth[reach & ~mask].min())
    inside = smooth[mask]
    contrast = float(np.percentile(inside, 90)) - base
    if contrast <= 0:
        return float(mask.sum())
    across = np.gradient(smooth)
    slope, step = np.hypot(*across), np.maximum(sum(np.abs(a) for a in across), 1e-9)
    near = reach & ~ndimage.binary_erosion(mask, iterations=REACH_PIXELS)
    height = (smooth - base) / contrast
    steepness = []
    for level in LEVELS:
        weight = np.maximum(1 - np.abs(height - level) / 0.06, 0)[near] * slope[near]
        steepness.append(float((weight * slope[near]).sum() / max(weight.sum(), 1e-9)))
    level = float(LEVELS[int(np.argmax(steepness))])
    part = np.clip(0.5 + (height - level) * contrast / step, 0, 1)
    part[~reach] = 0
    kept, _ = ndimage.label(part > 0, np.ones((3, 3)))
    own = np.unique(kept[mask & (kept > 0)])
    area = float(part[np.isin(kept, own) & (kept > 0)].sum())
    least, most = ndimage.binary_erosion(mask).sum(), ndimage.binary_dilation(mask, iterations=2).sum()
    return float(np.clip(area, least, most))


def diameters_mm(points: np.ndarray) -> tuple[float, float]:
    """Long diameter of an outline (N, 2) and the width across it."""
    corners = points[ConvexHull(points).vertices]
    apart = squareform(pdist(corners))
    first, second = np.unravel_index(int(apart.argmax()), apart.shape)
    direction = (corners[second] - corners[first]) / apart[first, second]
    across = corners @ np.array([-direction[1], direction[0]])
    return float(apart[first, second]), float(np.ptp(across))
