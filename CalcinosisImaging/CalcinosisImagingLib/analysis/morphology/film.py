"""Deposits on a radiograph: area at the detector and in the object's plane, and the diameters readers measure."""

from __future__ import annotations

import numpy as np
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist, squareform

from ..anatomy import digit_of
from ..view import View
from ..volume import transform_points
from .cut import Cut
from .fractions import FWHM_TO_SIGMA
from .mesh import mesh_vertices
from .place import Skeleton
from .shadow import shadow_area_pixels

PALM_HEIGHT_MM = 15.0
"""Height of a deposit above the detector where no pose is known: palm on the detector, middle of a hand."""
BLUR_PIXELS = 0.85
"""Standard deviation of detector and focal spot together where it is not given: two pixels wide at half height."""


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
    cut: Cut,
    view: View | None,
    bones: Skeleton | None,
    magnification: float | None,
    psf_fwhm_mm: float | None = None,
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
    blur = BLUR_PIXELS if psf_fwhm_mm is None else psf_fwhm_mm * FWHM_TO_SIGMA / float(np.sqrt(np.prod(spacing)))
    area = shadow_area_pixels(attenuation(cut.values[0], view), mask, blur) * float(np.prod(spacing))
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


def diameters_mm(points: np.ndarray) -> tuple[float, float]:
    """Long diameter of an outline (N, 2) and the width across it."""
    corners = points[ConvexHull(points).vertices]
    apart = squareform(pdist(corners))
    first, second = np.unravel_index(int(apart.argmax()), apart.shape)
    direction = (corners[second] - corners[first]) / apart[first, second]
    across = corners @ np.array([-direction[1], direction[0]])
    return float(apart[first, second]), float(np.ptp(across))
