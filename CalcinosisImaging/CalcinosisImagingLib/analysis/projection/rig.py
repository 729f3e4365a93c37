"""The films of one instant and how they stand to each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..xray.film import Film
from .levels import Level, PreparedFilm, prepare


@dataclass(frozen=True, eq=False)
class Rig:
    """Films whose relative geometry is known.

    Attributes
    ----------
    films: prepared films.
    rig_to_view: per film, 4x4 from the common frame to the view frame.
    start: 4x4, RAS of the CT -> rig frame, None if nobody gave one.
    places: position of each film in the list that was given.
    """

    films: tuple[PreparedFilm, ...]
    rig_to_view: tuple[np.ndarray, ...]
    start: np.ndarray | None
    places: tuple[int, ...]

    def levels(self, pixel_mm: float, coarse_mm: float, centre_rig: np.ndarray | None = None) -> list[Level]:
        """Every film at about the same pixel size in the plane of the hand (whose centre is at ``centre_rig``)."""
        return [
            film.level(pixel_mm, coarse_mm, magnification(film, matrix, centre_rig))
            for film, matrix in zip(self.films, self.rig_to_view, strict=True)
        ]


def magnification(film: PreparedFilm, rig_to_view: np.ndarray, centre_rig: np.ndarray | None) -> float:
    """How much larger the plane through ``centre_rig`` appears on the detector."""
    if centre_rig is None:
        return film.view.magnification or 1.0
    depth = float((rig_to_view[:3, :3] @ centre_rig + rig_to_view[:3, 3])[2])
    return film.view.source_detector_mm / depth if depth > 1 else 1.0


def rigs(films: Sequence[Film]) -> list[Rig]:
    """Films in groups of known relative geometry.

    Views with ``rig_to_view`` share one rig. Otherwise several views that all carry ``ct_to_view`` are taken as
    calibrated against each other (that pose is the common frame and the start). Any other film stands alone.

    Raises
    ------
    InputError: no film, or two of the same name.
    """
    names = [film.view.name for film in films]
    if not names:
        raise InputError("locate: there is no radiograph; give at least one.")
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        raise InputError(f"locate: two radiographs have the view name {double[0]!r}; give each view its own name.")
    prepared = [prepare(film) for film in films]
    joined = [i for i, film in enumerate(films) if film.view.rig_to_view is not None]
    result = []
    if joined:
        matrices = tuple(np.asarray(films[i].view.rig_to_view, float) for i in joined)
        starts = [
            np.linalg.inv(matrix) @ films[i].view.ct_to_view
            for i, matrix in zip(joined, matrices, strict=True)
            if films[i].view.ct_to_view is not None
        ]
        result.append(Rig(tuple(prepared[i] for i in joined), matrices, starts[0] if starts else None, tuple(joined)))
    alone = [i for i in range(len(films)) if i not in joined]
    if len(alone) > 1 and all(films[i].view.ct_to_view is not None for i in alone):
        matrices = tuple(np.asarray(films[i].view.ct_to_view, float) for i in alone)
        result.append(Rig(tuple(prepared[i] for i in alone), matrices, np.eye(4), tuple(alone)))
    else:
        result += [Rig((prepared[i],), (np.eye(4),), films[i].view.ct_to_view, (i,)) for i in alone]
    return result
