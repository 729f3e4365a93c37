"""Calcific deposits in a radiograph, from the film alone.

Compact extra density is looked for at several sizes (`background`, `candidates`), given an outline at half its height
and judged: a deposit stands out of the noise and of what is usual around it, and falls off all around; a bone's
corner, two bones crossing, a vessel or metal do not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..progress import Progress, report, silent
from ..segmentation import CONFIDENCE_TAG, REASON_TAG, Segment, Segmentation
from .candidates import DENSE, Candidate, bone_candidates, flesh_candidates
from .film import Film
from .scenery import Scenery, scenery_of

METAL = 2.0
"""Contrast over a bone's beyond which it is metal: a deposit as thick as a finger would be needed otherwise."""
BEAD_MM2 = 4.0
"""A body of metal up to this area is kept: it may be a bead or a shot, which a reader can tell at a glance."""
HIDDEN_LEAST = 0.48
"""At least this share of the outline of a body beside a bone has to be clear: what is left of a ball half hidden."""
HIDDEN_LONGEST = 2.8
"""A longer body beside a bone is a gap between bones or a fold."""
DENSER_THAN_BONE = 1.0
"""A body beyond this contrast over a bone's is judged by the part of its outline that air or bone do not hide."""
SMALL_BONE_MM = 6.5
"""A body as wide as this over bone and no denser than one is a carpal bone, the pisiform, or two bones that cross."""
SMALL_MM2, SMALL_PROMINENCE = 5.0, 5.0
"""A body in the flesh below this area has to stand out by this factor: vessels and tendons seen end-on do not."""
BESIDE_METAL_MM = 12.0
"""What is found so near to larger metal is a part of it."""


@dataclass(frozen=True)
class FilmSettings:
    """What a user may set.

    Attributes
    ----------
    sensitivity: 0 (few, sure) to 1 (all, some false), without unit.
    minimum_area_mm2: smaller shadows, at the detector, are left out.
    largest_mm: a deposit in the flesh is found if it is shorter than this in some direction, at the detector.
    sizes_over_bone_mm: likewise over bones, where each length of line sees bodies a little smaller than itself best.
    contrast_to_noise: least height over the noise of a square millimetre (Rose's criterion asks for 5).
    prominence: least height over the compact excess that is usual around it; over bones it has to be twice that
        in the end. In the flesh there is less: ``prominence_in_flesh``.
    closed, closed_over_bone: least share of the outline with a clear edge; beside a bone a part of it cannot be seen.
    significance: least contrast to noise times the root of the area in mm², of a body in the flesh.
    over_bone: least contrast of a body over bone, as a share of a bone's own: texture and marrow vary by a tenth.
    larger_over_bone: likewise of one as wide as a small carpal bone.
    solid: least area over that of the convex hull, of a body over bone; in the flesh a tenth less.
    longest: most length over width.
    fragments_closer_than_mm: bodies nearer to each other than this are fragments of one deposit.
    """

    sensitivity: float = 0.5
    minimum_area_mm2: float = 0.3
    largest_mm: float = 20.0
    sizes_over_bone_mm: tuple[float, ...] = (6.0, 10.0, 16.0)
    contrast_to_noise: float = 5.0
    prominence: float = 4.0
    prominence_in_flesh: float = 2.5
    closed: float = 0.72
    closed_over_bone: float = 0.82
    significance: float = 14.0
    over_bone: float = 0.12
    larger_over_bone: float = 0.8
    solid: float = 0.82
    longest: float = 3.5
    fragments_closer_than_mm: float = 2.0

    @property
    def demand(self) -> float:
        """Factor on what is asked for: 2 at sensitivity 0, 1 at 0.5, 0.5 at 1."""
        return 2.0 ** (1.0 - 2.0 * self.sensitivity)


@dataclass(frozen=True, eq=False)
class FilmSegmentation:
    """Deposits, and the candidates that were not taken for one (tag `REASON_TAG`); both on the film's grid."""

    deposits: Segmentation
    rejected: Segmentation


def segment_film(
    film: Film,
    settings: FilmSettings = FilmSettings(),
    progress: Progress = silent,
) -> FilmSegmentation:
    """Find the deposits of a film.

    Nothing of a CT is used: a film has to say alone what it can say, or it could not be compared with CT and MR.

    Raises
    ------
    InputError: the film is empty.
    """
    report(progress, 0.0, "hand, bones and noise of the film")
    scenery = scenery_of(film)
    found: list[Candidate] = []
    least = 3.0 * settings.demand, settings.prominence * settings.demand
    report(progress, 0.3, "dense bodies in the flesh")
    found += flesh_candidates(scenery, settings.largest_mm, least[0], settings.prominence_in_flesh * settings.demand)
    report(progress, 0.6, "dense bodies over bones")
    for size_mm in settings.sizes_over_bone_mm:
        found += bone_candidates(scenery, size_mm, *least)
    report(progress, 0.9, "judging the candidates")
    deposits, rejected = judged(found, settings)
    result = FilmSegmentation(_deposits(film, scenery, deposits, settings), _rejected(film, scenery, rejected))
    report(progress, 1.0, "deposits of the film found")
    return result


def judged(found: list[Candidate], settings: FilmSettings) -> tuple[list[Candidate], list[tuple[Candidate, str]]]:
    """Deposits, and the others with the reason; of two that share pixels the larger one that passes is kept."""
    order = sorted(found, key=lambda c: (-c.closed * c.contrast * c.pixels, c.box[0].start, c.box[1].start))
    metal = [c.centre_px for c in order if c.relative > METAL and c.area_mm2 > BEAD_MM2]
    deposits: list[Candidate] = []
    rejected: list[tuple[Candidate, str]] = []
    for candidate in order:
        reason = objection(candidate, settings)
        if not reason and any(candidate.distance_mm(place) < BESIDE_METAL_MM for place in metal):
            reason = "beside metal: part of a ring, wire or screw"
        rivals = [*deposits, *(c for c, _ in rejected)] if reason else deposits
        if any(3 * candidate.common(c) >= min(candidate.pixels, c.pixels) for c in rivals):
            continue
        if reason:
            rejected.append((candidate, reason))
        else:
            deposits.append(candidate)
    return deposits, rejected


def objection(candidate: Candidate, settings: FilmSettings) -> str:
    """Why a candidate is no deposit; empty if it is one."""
    over = candidate.over_bone > 0.3
    demand = settings.demand
    closed = settings.closed_over_bone if over else settings.closed
    if candidate.area_mm2 < settings.minimum_area_mm2:
        return f"too small ({candidate.area_mm2:.2f} mm2)"
    if candidate.relative > METAL and candidate.area_mm2 > BEAD_MM2:
        return "metal: denser than any calcification"
    if candidate.contrast_to_noise < settings.contrast_to_noise * demand:
        return f"too faint ({candidate.contrast_to_noise:.1f} times the noise)"
    if _partly_hidden(candidate, settings):
        closed = min(closed, max(HIDDEN_LEAST, 0.9 * candidate.seen))
    if candidate.closed < min(0.98, closed * demand**0.2):
        return "no edge all around: part of a bone, or bones that cross"
    if not over and candidate.contrast_to_noise * np.sqrt(candidate.area_mm2) < settings.significance * demand:
        return "too faint for its size"
    if _usual(candidate, settings):
        return "no more than the structure around it"
    if candidate.elongation > settings.longest:
        return "long and narrow: edge of a bone, vessel or wire"
    if candidate.solidity < settings.solid - (0.0 if over else 0.1):
        return "ragged: part of a bone, or bones that cross"
    # Where two bones overlap there is a lens: the longer a body, the denser it has to be.
    if over and candidate.relative < settings.over_bone * demand * max(1.0, 2 * (candidate.elongation - 1)):
        return "no denser than the texture of bone"
    if over and candidate.width_mm > SMALL_BONE_MM and candidate.relative < settings.larger_over_bone * demand:
        return "as large and as dense as a small bone"
    return ""


def _partly_hidden(candidate: Candidate, settings: FilmSettings) -> bool:
    """Whether the part of the outline that can be seen decides: a bone or the skin hides a part of a round body's."""
    shows = candidate.over_bone <= 0.3 or candidate.relative > DENSER_THAN_BONE
    return shows and candidate.solidity >= settings.solid and candidate.elongation <= HIDDEN_LONGEST


def _usual(candidate: Candidate, settings: FilmSettings) -> bool:
    """Whether a body stands out of its surroundings no more than other things there do."""
    if candidate.over_bone > 0.3:
        return candidate.relative < DENSE and candidate.prominence < 2 * settings.prominence * settings.demand
    return candidate.area_mm2 < SMALL_MM2 and candidate.prominence < SMALL_PROMINENCE * settings.demand


def confidence(candidate: Candidate) -> float:
    """0..1, how much a candidate looks like a deposit: height over noise and surroundings, outline, compactness."""
    strength = min(candidate.contrast_to_noise, 2 * candidate.prominence)
    strength = strength / (strength + 5.0)
    outline = float(np.clip((candidate.closed - 0.3) / 0.6, 0, 1))
    shape = float(np.clip(1.2 - candidate.elongation / 10.0, 0.2, 1))
    return strength * outline * shape


def _deposits(film: Film, scenery: Scenery, found: list[Candidate], settings: FilmSettings) -> Segmentation:
    """Labels of the deposits, fragments joined."""
    number = np.zeros(film.pixels.shape, np.int32)
    for index, candidate in enumerate(found, start=1):
        part = number[candidate.box]
        part[candidate.mask & (part == 0)] = index
    near = ndimage.distance_transform_edt(number == 0) * scenery.pixel_mm < settings.fragments_closer_than_mm / 2
    body, count = ndimage.label(near, structure=np.ones((3, 3)))
    body[number == 0] = 0
    best = np.zeros(count + 1)
    for candidate in found:
        bodies = np.unique(body[candidate.box][candidate.mask])
        best[bodies] = np.maximum(best[bodies], confidence(candidate))
    return _labelled(film, body, "deposit", "Deposit", lambda n: {CONFIDENCE_TAG: f"{best[n]:.2f}"})


def _rejected(film: Film, scenery: Scenery, found: list[tuple[Candidate, str]]) -> Segmentation:
    """Labels of the rejected candidates and of what lies outside the hand."""
    number = np.zeros(film.pixels.shape, np.int32)
    tags = [{}]
    for candidate, reason in found:
        tags.append({CONFIDENCE_TAG: f"{confidence(candidate):.2f}", REASON_TAG: reason})
        part = number[candidate.box]
        part[candidate.mask & (part == 0)] = len(tags) - 1
    rows, columns = film.pixels.shape
    outside = np.kron(scenery.outside, np.ones((scenery.factor, scenery.factor), bool))[:rows, :columns]
    others, count = ndimage.label(outside)
    number[outside] = others[outside] + len(tags) - 1
    tags += [{CONFIDENCE_TAG: "0.00", REASON_TAG: "outside the hand: letter, marker or edge"}] * count
    return _labelled(film, number, "rejected", "Rejected", lambda n: tags[n])


def _labelled(film: Film, number: np.ndarray, kind: str, title: str, tags_of) -> Segmentation:
    """Bodies numbered anew by descending area, then position of their first pixel."""
    size = np.bincount(number.ravel())
    size[0] = 0
    first = np.full(len(size), number.size)
    present, where = np.unique(number, return_index=True)
    first[present] = where
    order = [int(n) for n in np.lexsort((first, -size)) if size[n]]
    lookup = np.zeros(len(size), np.uint16)
    lookup[order] = np.arange(1, len(order) + 1)
    segments = tuple(
        Segment(n, f"{kind}-{n}", f"{title} {n}", tags=tags_of(old)) for n, old in enumerate(order, start=1)
    )
    return Segmentation(film.volume.with_voxels(lookup[number][None]), segments)
