"""Synthetic deposits put into a real radiograph: the extra line integral of their shapes along true rays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from ..analysis.errors import InputError
from ..analysis.progress import Progress, report, silent
from ..analysis.segmentation import Segment, Segmentation
from ..analysis.view import View
from ..analysis.volume import Volume
from .deposit_kinds import Drawn, draw_shape
from .film import film_attenuation
from .frames import rigid
from .implanted import FWHM_VOXELS, KINDS, SIGMA_PER_FWHM, Implanted, as_type
from .lattice import Rays, fraction, sample

HAND_INTEGRAL = 0.4
"""Line integral of about 20 mm of soft tissue: the scale of a film whose look-up table is not known."""
BORDER_MM = 8.0
"""Width of the half shade along a collimator's edge."""
HEIGHT_MM = 15.0
"""Height above the detector, unless given: half a hand."""


@dataclass(frozen=True, eq=False)
class _Shadow:
    """A deposit on the film: pixels, its path length (mm), and the pixels whose ray meets it."""

    drawn: Drawn
    place: np.ndarray
    box: tuple[slice, slice]
    path_mm: np.ndarray
    mask: np.ndarray


def implant_film(
    film: Volume,
    view: View,
    seed: int = 0,
    count: int | None = None,
    progress: Progress = silent,
    *,
    height_mm: float | None = None,
    kinds: dict[str, float] | None = None,
) -> Implanted:
    """Put chalk and paste deposits into a radiograph.

    Parameters
    ----------
    film: K = 1, voxels (1, rows, columns).
    view: its geometry; `ct_to_view` is not used.
    count: 6 unless given.
    height_mm: of the deposits above the detector; for two calibrated views of one thing half the distance suits better.

    Raises
    ------
    InputError: the film and the view do not fit, or there is no soft tissue on the film.
    """
    if film.voxels.shape != (1, view.rows, view.columns):
        raise InputError(
            f"The film has {film.voxels.shape[-2]} x {film.voxels.shape[-1]} pixels, the view file says "
            f"{view.rows} x {view.columns}; give the view of this film."
        )
    rng = np.random.default_rng([seed, 20240116])
    report(progress, 0.0, "finding soft tissue on the film")
    pixels = film.voxels[0].astype(np.float32)
    free, per_unit = _soft_pixels(pixels, view)
    depth = view.source_detector_mm - (HEIGHT_MM if height_mm is None else height_mm)
    number = 6 if count is None else count
    shadows = []
    for index in range(number):
        report(progress, 0.1 + 0.8 * index / number, f"deposit {index + 1} of {number}")
        shadow = _place(rng, view, free, depth, kinds or KINDS)
        if shadow is not None:
            shadows.append(shadow)
            _keep_clear(free, shadow, view, depth)
    if not shadows:
        raise InputError("The film has no soft tissue with room for a deposit; check its view file and its brightness.")
    shadows.sort(key=lambda s: -s.drawn.solid.volume_mm3)
    labels = np.zeros(film.voxels.shape, np.uint16)
    rows = []
    for label, shadow in enumerate(shadows, start=1):
        paste = bool(rng.random() < 0.25)
        hu = float(rng.uniform(180.0, 400.0) if paste else rng.uniform(650.0, 1500.0))
        # The deposit takes the place of soft tissue, hence the difference to water.
        extra = (film_attenuation(hu, 1.35) - film_attenuation(0.0, 1.35)) * shadow.path_mm
        extra = ndimage.gaussian_filter(extra, FWHM_VOXELS * SIGMA_PER_FWHM, truncate=3.0)
        part = pixels[shadow.box]
        if view.intensity == "linear" and view.bright == "air":
            part *= np.exp(-extra)
        else:
            part += per_unit * extra
        labels[0][shadow.box][shadow.mask] = label
        rows.append(_row(label, shadow, "paste" if paste else "chalk", hu, view))
    report(progress, 1.0, "deposits implanted")
    segments = tuple(Segment(n, f"deposit-{n}", f"Deposit {n}") for n in range(1, len(rows) + 1))
    image = film.with_voxels(as_type(pixels[None], film.voxels.dtype))
    return Implanted(image, Segmentation(film.with_voxels(labels), segments), rows)


def _soft_pixels(pixels: np.ndarray, view: View) -> tuple[np.ndarray, float]:
    """Pixels of soft tissue alone, and how much a pixel value changes per unit of line integral."""
    smooth = ndimage.gaussian_filter(pixels, 0.5 / view.pixel_spacing_mm[0])
    height = smooth if view.bright == "bone" else -smooth
    if view.intensity == "linear" and view.bright == "air":
        height = -np.log(np.maximum(smooth, 1e-3 * float(smooth.max())))
    field = _exposed(smooth, view)
    values = sitk.GetImageFromArray(height[field][None])
    flt = sitk.OtsuMultipleThresholdsImageFilter()
    flt.SetNumberOfThresholds(2)
    flt.SetNumberOfHistogramBins(256)
    flt.Execute(values)
    low, high = flt.GetThresholds()
    body, count = ndimage.label(field & (height > low))
    bony = np.bincount(body[height >= high], minlength=count + 1)
    bony[0] = 0
    # Of the dense regions the hand is the one with most bone in it; a half-shaded edge has none.
    soft = (body == int(bony.argmax())) & (height < high)
    soft = ndimage.binary_opening(soft, iterations=max(1, round(0.6 / view.pixel_spacing_mm[0])))
    if not soft.any():
        raise InputError("The film shows no soft tissue between air and bone; check its view file and its brightness.")
    air = field & (height <= low)
    step = float(np.median(smooth[soft]) - np.median(smooth[air])) if air.any() else float(np.ptp(smooth)) / 2.0
    clear = ndimage.distance_transform_edt(soft, sampling=view.pixel_spacing_mm[::-1]).astype(np.float32)
    return clear, step / HAND_INTEGRAL


def _exposed(smooth: np.ndarray, view: View) -> np.ndarray:
    """The field inside the collimator: without what is as dense as can be and reaches a corner of the picture."""
    low, high = float(smooth.min()), float(smooth.max())
    dark = smooth < 0.08 * high if view.bright == "air" else smooth > low + 0.97 * (high - low)
    labels, _ = ndimage.label(dark)
    corners = np.unique(labels[[0, 0, -1, -1], [0, -1, 0, -1]])
    outside = np.isin(labels, corners[corners > 0])
    if not outside.any():
        return np.ones(smooth.shape, bool)
    return ndimage.distance_transform_edt(~outside, sampling=view.pixel_spacing_mm[::-1]) > BORDER_MM


def _place(
    rng: np.random.Generator, view: View, free: np.ndarray, depth: float, kinds: dict[str, float]
) -> _Shadow | None:
    """A deposit whose middle lies over soft tissue and at most a fifth of its shadow over anything else."""
    names, shares = list(kinds), np.array(list(kinds.values()))
    widest = float(free.max()) * depth / view.source_detector_mm
    for attempt in range(15):
        limit = 4.0 / 3.0 * np.pi * (0.9 * widest) ** 3 * 0.8**attempt
        size = float(np.clip(rng.lognormal(np.log(30.0), 1.2), min(2.0, limit), limit))
        drawn = draw_shape(rng, str(rng.choice(names, p=shares / shares.sum())), size)
        turn = rigid(rng.uniform(-180.0, 180.0, 3))
        candidates = np.flatnonzero(free >= min(0.6, 0.7 * float(free.max())))
        for _ in range(30):
            v, u = np.unravel_index(int(candidates[rng.integers(len(candidates))]), free.shape)
            shadow = _cast(drawn, turn, view, np.array([u, v], float), depth)
            if shadow is not None and (free[shadow.box][shadow.mask] > 0).mean() > 0.8:
                return shadow
    return None


def _cast(drawn: Drawn, turn: np.ndarray, view: View, uv: np.ndarray, depth: float) -> _Shadow | None:
    """The shadow of a shape whose centre lies on the ray of a pixel; None if it leaves the film."""
    spacing, centre = np.array(view.pixel_spacing_mm), np.array(view.principal_point_px)
    goal = np.append((uv - centre) * spacing / view.source_detector_mm * depth, depth)
    place = turn.copy()
    place[:3, 3] = goal - turn[:3, :3] @ np.array(drawn.solid.centroid)
    reach = float(np.abs(np.array(drawn.shape.bounds)).max()) * 1.8 + 1.0
    step = float(np.clip(drawn.thickness_mm / 8.0, 0.05, 0.2))
    rays = Rays(view, depth - reach, step, int(2 * reach / step) + 1)
    found = sample(rays, drawn.shape, place, 0.6)
    if found is None:
        return None
    box, d = found
    if min(box[1].start, box[2].start) <= 0 or box[1].stop >= view.rows or box[2].stop >= view.columns:
        return None
    mask = (d < 0).any(axis=0)
    path = fraction(d, step).sum(axis=0) * rays.path_mm(box)
    return _Shadow(drawn, place, box[1:], path.astype(np.float32), mask) if mask.any() else None


def _keep_clear(free: np.ndarray, shadow: _Shadow, view: View, depth: float) -> None:
    """Take a deposit's shadow and 3 mm about it out of the free pixels, in place."""
    margin = int(np.ceil(3.0 * view.source_detector_mm / depth / view.pixel_spacing_mm[0]))
    box = tuple(slice(max(s.start - margin, 0), s.stop + margin) for s in shadow.box)
    taken = np.zeros(free[box].shape, bool)
    inner = tuple(slice(s.start - b.start, s.stop - b.start) for s, b in zip(shadow.box, box, strict=True))
    taken[inner] = shadow.mask
    free[box][ndimage.distance_transform_edt(~taken) < margin] = 0.0


def _row(label: int, shadow: _Shadow, consistency: str, hu: float, view: View) -> dict[str, object]:
    """The truth of one deposit on the film."""
    solid = shadow.drawn.solid
    centre = shadow.place[:3, :3] @ np.array(solid.centroid) + shadow.place[:3, 3]
    u, v = view.project(centre, np.eye(4))
    area = float(shadow.mask.sum()) * view.pixel_spacing_mm[0] * view.pixel_spacing_mm[1]
    return {
        "deposit_id": label,
        "kind": shadow.drawn.kind,
        "consistency": consistency,
        "fragments": shadow.drawn.fragments,
        "volume_mm3": solid.volume_mm3,
        "thickness_mm": shadow.drawn.thickness_mm,
        "hu": hu,
        "area_mm2": area * float(centre[2] / view.source_detector_mm) ** 2,
        "area_detector_mm2": area,
        "u_px": float(u),
        "v_px": float(v),
    }
