"""Calcified arteries: cords, also bent ones, and pieces that lie in line and make a cord together.

Lime of the media (Moenckeberg) makes rings and tubes of an artery's wall, whole or with gaps. No piece needs to be
long: short ones tell by each other that they belong to one vessel, as each lies where the other points. Deposits of
calcinosis lie beside each other, but not end to end in one line and equally wide.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

CORD, CORD_MM, CORD_LENGTH_MM = 5.0, 4.5, 12.0
"""A cord is so many times longer than wide, not wider than an artery of the hand with its wall, and no short chain."""
THIN, THIN_MM, THIN_LENGTH_MM = 3.5, 3.0, 5.0
"""As thin as the arteries of fingers it may be shorter: stones, plates and rows of grains so thin are not so long."""
PIECE = 1.5
"""So many times longer than wide a piece has a direction (a ball has 1.1); length is asked of all pieces together."""
ROW = 4
"""Grains that are one deposit make a cord from so many in a row on: two always lie in line, and three often do."""
BREAK_VOXELS = 2.0
"""A body is broken where its voxels leave so much out along its axis."""
SLAB_MM = 3.0
"""Width and direction are looked at in slabs across the longest axis: a bent cord is narrow in each of them."""
FAR_MM, FAR_TIMES = 14.0, 4.0
"""Pieces of one vessel are no farther apart than the first, nor than so many times the shorter one's length."""
SLACK_MM, SLACK = 1.2, 0.35
"""So far beside the other's axis, and so much more per mm of the gap: arteries bend."""
ALIKE = 1.8
"""Ratio of widths of one vessel's pieces."""
CRUMB_FAR_MM, CRUMB_SLACK, CRUMB_ALIKE = 3.5, 0.2, 1.3
"""A round piece has no direction: it belongs to a cord that points at it closely, and is not wider."""


@dataclass(frozen=True, eq=False)
class Piece:
    """A body as a piece of a cord.

    Attributes
    ----------
    length_mm: along its middle line.
    width_mm: of its widest slab (4 standard deviations across: a full section's diameter).
    run_mm: along its axis, the longest part of it that is not broken.
    parts: number of such parts.
    ends, ahead: (2, 3) mm its ends, and the directions (unit) in which it points there.
    """

    length_mm: float
    width_mm: float
    run_mm: float
    parts: int
    ends: np.ndarray
    ahead: np.ndarray

    @property
    def is_long(self) -> bool:
        """Whether it points somewhere."""
        drawn_out = self.run_mm >= PIECE * self.width_mm or self.parts >= ROW
        return drawn_out and self.width_mm < CORD_MM and self.length_mm >= PIECE * self.width_mm


def is_cord(length_mm: float, width_mm: float) -> bool:
    """Whether something so long and wide is a vessel, and no deposit."""
    thin = width_mm < THIN_MM and length_mm > max(THIN * width_mm, THIN_LENGTH_MM)
    return thin or (width_mm < CORD_MM and length_mm > max(CORD * width_mm, CORD_LENGTH_MM))


def measure(points: np.ndarray, spacing: np.ndarray) -> Piece:
    """The middle line of a body's voxels, (N, 3) mm, slab by slab across its longest axis."""
    middle = points.mean(0)
    axis = np.linalg.eigh(np.cov(points.T) + 1e-9 * np.eye(3))[1][:, -1] if len(points) > 3 else np.eye(3)[0]
    axis = axis * np.sign(axis[np.argmax(np.abs(axis))])
    along = (points - middle) @ axis
    voxel = float(np.abs(axis) @ spacing)
    low, high = along.min() - voxel / 2, along.max() + voxel / 2
    count = max(int((high - low) / SLAB_MM), 2)
    slab = np.minimum(((along - low) / (high - low) * count).astype(int), count - 1)
    sizes = np.bincount(slab, minlength=count)
    sums = np.stack([np.bincount(slab, weights=points[:, d], minlength=count) for d in range(3)], 1)
    line = sums[sizes > 0] / sizes[sizes > 0, None]
    if len(line) < 2:
        line = np.stack([middle - axis * voxel / 4, middle + axis * voxel / 4])
    steps = np.diff(line, axis=0)
    reaches = np.linalg.norm(steps, axis=1)
    ahead = np.stack([-steps[0] / reaches[0], steps[-1] / reaches[-1]])
    # From the middle of the last slab to its end.
    tips = [abs(low - (line[0] - middle) @ axis), abs(high - (line[-1] - middle) @ axis)]
    tips = np.minimum(np.array(tips) / np.maximum(np.abs(ahead @ axis), 0.5), SLAB_MM)
    ends = np.stack([line[0] + ahead[0] * tips[0], line[-1] + ahead[1] * tips[1]])
    number = (np.cumsum(sizes > 0) - 1)[slab]
    length, width = float(reaches.sum() + tips.sum()), _width_mm(points, number, line, spacing)
    runs = _runs_mm(along, voxel)
    # Along its middle line a bent body is longer than along its axis.
    return Piece(length, width, float(runs.max()) * length / (high - low), len(runs), ends, ahead)


def _runs_mm(along: np.ndarray, voxel: float) -> np.ndarray:
    """Lengths of a body's unbroken parts, by the places (N,) of its voxels along its axis."""
    places = np.sort(along)
    breaks = np.flatnonzero(np.diff(places) > BREAK_VOXELS * voxel)
    return places[np.r_[breaks, len(places) - 1]] - places[np.r_[0, breaks + 1]] + voxel


def _width_mm(points: np.ndarray, slab: np.ndarray, line: np.ndarray, spacing: np.ndarray) -> float:
    """The greatest width of a slab across the middle line; of a voxel alone its own."""
    tangents = np.gradient(line, axis=0)
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
    offset = points - line[slab]
    offset = offset - (offset * tangents[slab]).sum(1, keepdims=True) * tangents[slab]
    # A voxel is a box, not a point.
    of_voxel = np.diag(spacing**2 / 12.0)
    widest = 0.0
    for number in np.unique(slab):
        own = offset[slab == number]
        spread = own.T @ own / len(own) + of_voxel
        widest = max(widest, 4.0 * float(np.sqrt(np.linalg.eigvalsh(spread)[-1])))
    return widest


def vessel_labels(
    labels: np.ndarray, cores: np.ndarray, spacing: np.ndarray, known: set[int] = frozenset()
) -> set[int]:
    """Labels of the bodies that are vessels; ``known`` are among them.

    Parameters
    ----------
    labels: (K, J, I).
    cores: flat positions of the voxels that count: as wide as the bodies are without their blur.
    """
    if not len(cores):
        return set(known)
    where = np.stack(np.unravel_index(cores, labels.shape), 1)
    values = labels[tuple(where.T)]
    order = np.argsort(values, kind="stable")
    numbers, starts = np.unique(values[order], return_index=True)
    parts = np.split(where[order] * spacing, starts[1:])
    pieces = {n: measure(part, spacing) for n, part in zip(numbers.tolist(), parts, strict=True) if n > 0}
    return find_vessels(pieces, known & pieces.keys())


def find_vessels(pieces: dict[int, Piece], known: Iterable[int] = ()) -> set[int]:
    """Labels of the pieces that are vessels, by themselves or in line with others; ``known`` are among them."""
    found = set(known)
    field = _Field.of(pieces)
    for start in sorted(set(pieces) & found | {label for label, piece in pieces.items() if piece.is_long}):
        chain = _chain(start, pieces, field)
        if chain & found or _is_vessel([pieces[label] for label in sorted(chain)]):
            found |= chain
    return found


def _is_vessel(chain: list[Piece]) -> bool:
    """Whether pieces in line are a cord together: three that point at each other, or fewer of some length.

    Round ones between them add to a long cord alone: grains of one deposit may lie in a short row. The widest tells the
    cord's width: two bodies of which one is no thin cord may be deposits.
    """
    pointing = [piece for piece in chain if piece.is_long]
    width = max(piece.width_mm for piece in pointing)
    length = sum(piece.length_mm for piece in pointing)
    crumbs = sum(piece.length_mm for piece in chain) - length
    return len(pointing) > 2 or is_cord(length, width) or length + crumbs > max(CORD * width, CORD_LENGTH_MM)


@dataclass(frozen=True, eq=False)
class _Field:
    """All pieces, to tell at once which of them are near enough to a point to go on from there.

    Attributes
    ----------
    labels: (N,) in the order of the pieces.
    middles: (N, 3) mm.
    reach: (N,) mm from the middle.
    """

    labels: np.ndarray
    middles: np.ndarray
    reach: np.ndarray

    @classmethod
    def of(cls, pieces: dict[int, Piece]) -> _Field:
        """The field of these pieces."""
        ends = np.array([piece.ends for piece in pieces.values()]).reshape(-1, 2, 3)
        halves = np.array([piece.length_mm / 2 for piece in pieces.values()])
        reach = np.where(
            [piece.is_long for piece in pieces.values()],
            FAR_MM + np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1) / 2,
            CRUMB_FAR_MM + halves,
        )
        return cls(np.array(list(pieces), int), ends.mean(1), reach + 1e-6)

    def near(self, point: np.ndarray) -> list[int]:
        """Labels of the pieces that are near enough."""
        return self.labels[np.linalg.norm(self.middles - point, axis=1) <= self.reach].tolist()


def _chain(start: int, pieces: dict[int, Piece], field: _Field) -> set[int]:
    """What lies in line with a piece, from one to the next."""
    chain = {start}
    front = [(pieces[start], i) for i in range(2)]
    while front:
        last, side = front.pop()
        for label in field.near(last.ends[side]):
            if label not in chain and (onwards := _goes_on(last, side, pieces[label])) is not None:
                chain.add(label)
                front.append(onwards)
    return chain


def _goes_on(last: Piece, side: int, piece: Piece) -> tuple[Piece, int] | None:
    """The piece, and its farther end, if it goes on where ``last`` points to at its end ``side``."""
    if not piece.is_long:
        return _crumb(last, side, piece)
    if max(last.width_mm, piece.width_mm) > ALIKE * min(last.width_mm, piece.width_mm):
        return None
    farthest = min(FAR_MM, FAR_TIMES * min(last.length_mm, piece.length_mm))
    for near in range(2):
        gap = piece.ends[near] - last.ends[side]
        leads = _leads(gap, last.ahead[side], SLACK) and _leads(-gap, piece.ahead[near], SLACK)
        if leads and float(np.linalg.norm(gap)) <= farthest:
            return piece, 1 - near
    return None


def _crumb(last: Piece, side: int, piece: Piece) -> tuple[Piece, int] | None:
    """The same for a round piece, as one that points away from ``last`` and is as wide."""
    if max(piece.width_mm, piece.length_mm / PIECE) > CRUMB_ALIKE * last.width_mm:
        return None
    middle = piece.ends.mean(0)
    gap = middle - last.ends[side]
    far = float(np.linalg.norm(gap))
    if far - piece.length_mm / 2 > CRUMB_FAR_MM or not _leads(gap, last.ahead[side], CRUMB_SLACK):
        return None
    # Its own direction is chance: it leads on between where the last one points to and where it lies.
    onwards = gap / max(far, 1e-6) + last.ahead[side]
    onwards /= np.linalg.norm(onwards)
    reach = onwards * piece.length_mm / 2
    ahead = np.stack([-onwards, onwards])
    ends = np.stack([middle - reach, middle + reach])
    return replace(last, ends=ends, ahead=ahead), 1


def _leads(gap: np.ndarray, ahead: np.ndarray, slack: float) -> bool:
    """Whether a gap leads on from an end: not backwards, and not far beside its direction."""
    along = float(gap @ ahead)
    beside = float(np.linalg.norm(gap - along * ahead))
    return along > -SLACK_MM and beside <= SLACK_MM + slack * max(along, 0.0)
