"""Radiograph of a posed hand: line integrals along true rays through the shapes, then the detector.

Nothing here knows a CT: shapes are sampled along the ray of each pixel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy import ndimage

from ..analysis.view import View
from .ct import FWHM_SIGMA
from .frames import MIRROR, rigid
from .hand import PosedHand
from .lattice import Box, Rays, box_of, distance_in, fraction, overlap, sample, within
from .paint import dense_share, marrow_values
from .paint_soft import paint_soft
from .presets import FilmProtocol
from .scanner import body_corners
from .tissues import attenuation_per_mm

SOFT_STRIDE = 3
"""Soft tissue has no fine detail: every third pixel has a ray of its own, the others are interpolated."""
STEP_MM = 0.5
DEPOSIT_STEP_MM = 0.25
COVER_MM = 2.0
"""Between the palm and the detector's sensitive layer."""


@dataclass(frozen=True, eq=False)
class Shadow:
    """A deposit on the film: pixels whose ray meets it, and the length of ray inside (mm)."""

    index: int
    box: tuple[slice, slice]
    mask: np.ndarray
    path_mm: np.ndarray


def film_placement(
    posed: PosedHand, protocol: FilmProtocol, rng: np.random.Generator, name: str
) -> tuple[PosedHand, View]:
    """Lay the hand palm down on the detector, central ray on the third MCP joint; its world is the view frame."""
    base = np.diag([1.0, -1.0, -1.0, 1.0])
    turn = rigid(np.clip(rng.standard_normal(3), -2, 2) * np.array([1.5, 2.0, 5.0]))
    placement = turn @ base @ (MIRROR if posed.hand.side == "left" else np.eye(4))
    laid = posed.placed(placement)
    knuckle = posed.hand.skeleton.bones["metacarpal-3"].shape.head_centre
    aim = laid.bone_to_world("metacarpal-3") @ np.append(knuckle, 1.0)
    aim[:2] += rng.normal(0.0, 4.0, 2)
    lowest = _lowest(laid)
    shift = np.array([-aim[0], -aim[1], protocol.source_detector_mm - COVER_MM - lowest])
    laid = posed.placed(rigid(shift_mm=shift) @ placement)
    corners = body_corners(laid)
    half = np.abs(corners[:, :2]).max(axis=0) * protocol.source_detector_mm / corners[:, 2].min() + 6.0
    columns, rows = (2 * int(np.ceil(h / protocol.pixel_mm)) for h in half)
    bright = "air" if protocol.intensity == "linear" else "bone"
    pixel = (protocol.pixel_mm, protocol.pixel_mm)
    centre = ((columns - 1) / 2.0, (rows - 1) / 2.0)
    view = View(name, rows, columns, pixel, protocol.source_detector_mm, centre, protocol.intensity, bright)
    return laid, view


def _lowest(posed: PosedHand) -> float:
    """Largest z (towards the detector) of the skin, apart from the forearm, which may hang over the edge."""
    lowest = -np.inf
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    for piece in posed.hand.skin:
        if piece.bone == "radius":
            continue
        limb = piece.shape
        to_world = posed.piece_to_world(piece)
        for t in (0.0, 0.5, 1.0):
            a = limb.start_mm[0] + (limb.end_mm[0] - limb.start_mm[0]) * t
            b = limb.start_mm[1] + (limb.end_mm[1] - limb.start_mm[1]) * t
            offset = limb.offset_mm[0] + (limb.offset_mm[1] - limb.offset_mm[0]) * t
            ring = np.column_stack(
                [limb.shift_mm + a * np.cos(angle), np.full(24, t * limb.length_mm), offset + b * np.sin(angle)]
            )
            lowest = max(lowest, float((ring @ to_world[:3, :3].T + to_world[:3, 3])[:, 2].max()))
    return lowest


def film_attenuation(hu: float, calcium_gain: float) -> float:
    """Attenuation per mm on film: calcium weighs more at the lower voltage than its HU in CT say."""
    return attenuation_per_mm(hu if hu < 120.0 else 120.0 + (hu - 120.0) * calcium_gain)


def line_integrals(posed: PosedHand, view: View, calcium_gain: float) -> tuple[np.ndarray, list[Shadow]]:
    """Integral of attenuation along the ray of each pixel, float32 (rows, columns), and the deposits' shadows."""
    mu = {name: film_attenuation(value, calcium_gain) for name, value in posed.hand.materials.hu.items()}
    corners = body_corners(posed)
    first, last = corners[:, 2].min() - 2.0, corners[:, 2].max() + 2.0
    soft = _sample_soft(posed, view, mu, first, last)
    total = soft.integral()
    rays = Rays(view, first, STEP_MM, int((last - first) / STEP_MM) + 1)
    for name in posed.hand.skeleton.bones:
        _add_bone(total, posed, rays, name, mu, soft)
    for distractor in posed.hand.distractors:
        found = sample(rays, distractor.shape, posed.distractor_to_world(distractor), STEP_MM)
        if found is not None:
            box, d = found
            before = soft.near(rays, box) if distractor.over == "soft" else np.float32(mu[distractor.over])
            gained = _share(d, view.pixel_spacing_mm[0]) * (np.float32(mu[distractor.tissue]) - before)
            total[box[1:]] += gained.sum(axis=0) * rays.path_mm(box)
    shadows = []
    for index in range(len(posed.hand.deposits)):
        shadow = _add_deposit(total, posed, index, soft, calcium_gain)
        if shadow is not None:
            shadows.append(shadow)
    return total, shadows


@dataclass(frozen=True, eq=False)
class Soft:
    """Attenuation of soft tissue along every third ray, as if there were neither bones nor deposits.

    Attributes
    ----------
    values: float32 (depth, rows, columns) on ``rays``.
    """

    rays: Rays
    values: np.ndarray

    def integral(self) -> np.ndarray:
        """Along the ray of each pixel of the film, float32 (rows, columns)."""
        whole = tuple(slice(0, n) for n in self.rays.shape)
        coarse = self.values.sum(axis=0) * self.rays.path_mm(whole)
        stride, view = self.rays.stride, self.rays.view
        rows, columns = ((np.arange(n) - (stride - 1) / 2.0) / stride for n in (view.rows, view.columns))
        where = np.meshgrid(rows, columns, indexing="ij")
        return ndimage.map_coordinates(coarse.astype(np.float32), where, order=1, mode="nearest", output=np.float32)

    def near(self, fine: Rays, box: Box) -> np.ndarray:
        """The value nearest to each point of a part of the film's own rays: what a solid takes the place of."""
        depth = np.arange(box[0].start, box[0].stop) * fine.step_mm / self.rays.step_mm
        k = np.minimum(np.rint(depth).astype(int), self.values.shape[0] - 1)
        j, i = (np.arange(s.start, s.stop) // self.rays.stride for s in box[1:])
        return self.values[np.ix_(k, j, i)]


def _sample_soft(posed: PosedHand, view: View, mu: Mapping[str, float], first: float, last: float) -> Soft:
    """Soft tissue without the solids in it."""
    rays = Rays(view, first, STEP_MM, int((last - first) / STEP_MM) + 1, SOFT_STRIDE)
    return Soft(rays, paint_soft(posed, rays, mu, partial(_share, pixel_mm=view.pixel_spacing_mm[0])))


def _add_deposit(total: np.ndarray, posed: PosedHand, index: int, soft: Soft, calcium_gain: float) -> Shadow | None:
    """Put one deposit in the place of soft tissue; its shadow, or None where no ray may meet it."""
    view, deposit = soft.rays.view, posed.hand.deposits[index]
    deep = soft.rays.count * soft.rays.step_mm
    rays = Rays(view, soft.rays.first_mm, DEPOSIT_STEP_MM, int(deep / DEPOSIT_STEP_MM))
    found = sample(rays, deposit.shape, posed.deposit_to_world(index), 1.0)
    if found is None:
        return None
    box, d = found
    share, length = _share(d, view.pixel_spacing_mm[0]), rays.path_mm(box)
    dense = dense_share(posed, rays, index, box, posed.deposit_to_world(index))
    content = deposit.content
    strong, weak = (film_attenuation(hu, calcium_gain) for hu in (content.dense_hu, content.light_hu))
    gained = share * (np.float32(weak) + np.float32(strong - weak) * dense - soft.near(rays, box))
    total[box[1:]] += gained.sum(axis=0) * length
    return Shadow(index, box[1:], (d < 0).any(axis=0), share.sum(axis=0) * length)


def _add_bone(total: np.ndarray, posed: PosedHand, rays: Rays, name: str, mu: Mapping[str, float], soft: Soft) -> None:
    """Put one bone in the place of soft tissue; where a deposit has eroded it, the deposit's room is left out."""
    shape, to_world = posed.hand.skeleton.bones[name].shape, posed.bone_to_world(name)
    box = box_of(rays, shape, to_world, STEP_MM)
    if box is None:
        return
    local = rays.local(np.linalg.inv(to_world), box)
    pixel = rays.view.pixel_spacing_mm[0]
    d = shape.distance(*local)
    inner = d + shape.cortex(local[1])
    image = _share(d, pixel) * (np.float32(mu["cortex"]) - soft.near(rays, box))
    image += _share(inner, pixel) * (marrow_values(inner < STEP_MM, local, shape, mu) - np.float32(mu["cortex"]))
    for index, deposit in enumerate(posed.hand.deposits):
        place = posed.deposit_to_world(index)
        room = box_of(rays, deposit.shape, place, STEP_MM)
        common = None if room is None else overlap(box, room)
        if common is not None:
            image[within(common, box)] *= 1.0 - _share(distance_in(rays, deposit.shape, place, common), pixel)
    total[box[1:]] += image.sum(axis=0) * rays.path_mm(box)


def _share(d: np.ndarray, pixel_mm: float) -> np.ndarray:
    """Share of each step along a ray that is inside, from the distance and how fast it changes along the ray."""
    if d.shape[0] < 2:
        return fraction(d, STEP_MM)
    # A distance changes by no more than the step; where its array was cut it may seem to.
    along = np.minimum(np.abs(np.gradient(d, axis=0)), STEP_MM)
    return fraction(d, np.sqrt(along * along + pixel_mm * pixel_mm))


def expose(integrals: np.ndarray, view: View, protocol: FilmProtocol, rng: np.random.Generator) -> np.ndarray:
    """The stored picture, uint16 (rows, columns), 12 bits: blur, scatter, quantum noise, then the look-up table."""
    beam = np.exp(-integrals)
    sigma = protocol.blur_fwhm_mm / FWHM_SIGMA / view.pixel_spacing_mm[0]
    beam = ndimage.gaussian_filter(beam, sigma, truncate=3.0)
    beam += protocol.scatter * ndimage.gaussian_filter(1.0 - beam, 8.0 / view.pixel_spacing_mm[0], truncate=2.0)
    if protocol.collimated:
        beam *= _collimator(beam.shape, view.pixel_spacing_mm[0], rng)
    counts = rng.poisson(beam.astype(np.float64) * protocol.photons) / protocol.photons
    if view.intensity == "linear":
        return np.clip(np.rint(3600.0 * counts), 0, 4095).astype(np.uint16)
    density = -np.log(np.maximum(counts, 1e-3)) / 2.6
    bent = np.tanh(protocol.curve * 2.5 * (density - 0.4)) if protocol.curve else density
    if protocol.curve:
        low, high = np.tanh(protocol.curve * 2.5 * np.array([-0.4, 0.6]))
        bent = (bent - low) / (high - low)
    return np.clip(np.rint(200.0 + 3800.0 * bent), 0, 4095).astype(np.uint16)


def _collimator(shape: tuple[int, int], pixel_mm: float, rng: np.random.Generator) -> np.ndarray:
    """Transmission of a rectangular collimator: 1 in the field, 0.4 % in its shade, soft edges, a little askew."""
    rows, columns = shape
    v, u = np.arange(rows, dtype=np.float32)[:, None], np.arange(columns, dtype=np.float32)[None]
    slant = float(rng.uniform(-0.02, 0.02))
    left, right, top, bottom = rng.uniform(1.5, 4.0, 4) / pixel_mm
    inside = np.minimum(
        np.minimum(u - left + slant * v, columns - right - u - slant * v), np.minimum(v - top, rows - bottom - v)
    )
    return np.clip(inside * pixel_mm / 0.8 + 0.5, 0.004, 1.0)
