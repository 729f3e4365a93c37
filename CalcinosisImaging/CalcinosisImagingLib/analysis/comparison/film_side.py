"""Deposits of CT and MR against those of one film: shadows, and who meets whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..segmentation import Segmentation
from ..view import View
from ..volume import transform_points
from .assign import Group, by_overlap, group
from .bodies import Bodies, find_bodies
from .measures import summed
from .pair import PairGeometry, mutual_coverage, thinned
from .shadow import FINER, Shadow, cast_shadow

Projection = Callable[[np.ndarray], np.ndarray]
"""Points (N, 3) RAS mm of the CT -> (N, 2) continuous pixel positions u, v of a film."""
Magnification = float | Callable[[np.ndarray], np.ndarray]
"""Factor from the object plane to the detector, or points (N, 3) RAS mm of the CT -> (N,) factors."""
Areas = Mapping[int, float | None] | None
"""Best estimates of area by label, None to count pixels."""


@dataclass(frozen=True)
class FilmMatch:
    """One row's worth: positions in CT, MR and film, and what the film says of them (None where it does not apply)."""

    ct: tuple[int, ...]
    mr: tuple[int, ...]
    film_ids: tuple[int, ...]
    dice_ct_xray: float | None
    area_xray_mm2: float | None
    area_ct_projected_mm2: float | None


@dataclass(frozen=True, eq=False)
class FilmSide:
    """One located film and the shadows on it.

    Attributes
    ----------
    film: its deposits. bodies: the same as pixels.
    solids: deposits of CT and MR that are one (``a``: positions in CT, ``b``: in MR).
    shadows: of each solid, by CT where it has one, else by MR; None where it cannot be projected.
    ct_shadows: by position in CT.
    factors: magnification at each solid.
    """

    film: Segmentation
    bodies: Bodies
    solids: tuple[Group, ...]
    shadows: tuple[Shadow | None, ...]
    ct_shadows: tuple[Shadow, ...]
    factors: np.ndarray

    @classmethod
    def of(
        cls,
        film: Segmentation,
        geometry: PairGeometry,
        solids: Sequence[Group],
        project: Projection,
        mr_to_ct: Callable[[np.ndarray], np.ndarray] | None,
        magnification: Magnification,
    ) -> FilmSide:
        """Project the deposits; ``geometry`` has the CT as A and the MR as B."""
        ct, mr = geometry.a, geometry.b
        ct_shadows = [cast_shadow(ct.ijk(i), ct.volume, project) for i in range(len(ct))]
        shadows: list[Shadow | None] = []
        for one in solids:
            if one.a:
                shadows.append(united([ct_shadows[i] for i in one.a]))
            elif mr_to_ct is not None:
                by_mr = [cast_shadow(mr.ijk(j), mr.volume, lambda ras: project(mr_to_ct(ras))) for j in one.b]
                shadows.append(united(by_mr))
            else:
                shadows.append(None)
        factors = _factors(geometry, solids, mr_to_ct, magnification)
        return cls(film, find_bodies(film), tuple(solids), tuple(shadows), tuple(ct_shadows), factors)

    def matches(self, tolerance_mm: float, areas_mm2: Areas = None) -> list[FilmMatch]:
        """All solids and deposits of the film, grouped; ``areas_mm2`` by the film's labels replaces pixel counts."""
        shown = [n for n, shadow in enumerate(self.shadows) if shadow is not None and len(shadow.points)]
        overlap = np.array([self._overlap(self.shadows[n]) for n in shown]).reshape(len(shown), len(self.bodies))
        sizes = np.array([self.shadows[n].area_px() for n in shown])
        clouds = [thinned(self.shadows[n].positions_px()) * self._spacing() for n in shown]
        film_clouds = [
            thinned(self.bodies.ijk(j)[:, :2].astype(float)) * self._spacing() for j in range(len(self.bodies))
        ]
        film_sizes = np.diff(self.bodies.starts).astype(float)
        coverage = mutual_coverage(clouds, film_clouds, tolerance_mm, ~by_overlap(sizes, film_sizes, overlap))
        groups = group(sizes, film_sizes, overlap, coverage)
        found = [self._match([shown[n] for n in one.a], one.b, areas_mm2) for one in groups]
        unseen = [self._match([n], (), areas_mm2) for n in range(len(self.solids)) if n not in set(shown)]
        return sorted(
            found + unseen, key=lambda one: (not (one.ct or one.mr), not one.ct, one.ct, one.mr, one.film_ids)
        )

    def _match(self, solids: Sequence[int], film: Sequence[int], areas_mm2: Areas) -> FilmMatch:
        """Measures of some solids together with some deposits of the film (positions)."""
        ct = tuple(sorted(i for n in solids for i in self.solids[n].a))
        mr = tuple(sorted(j for n in solids for j in self.solids[n].b))
        known = self.factors[list(solids)] if solids else self.factors
        factor = float(known.mean()) if len(known) else 1.0
        pixel_mm2 = float(np.prod(self._spacing())) / factor**2
        ids = tuple(int(self.bodies.labels[j]) for j in film)
        pixels = float(sum(np.diff(self.bodies.starts)[j] for j in film))
        dice = projected = area = None
        if film:
            area = summed(ids, areas_mm2, pixels * pixel_mm2)
        if ct:
            shadow = united([self.ct_shadows[i] for i in ct])
            projected = shadow.area_px() * pixel_mm2
            if film:
                shared = float(self._overlap(shadow)[list(film)].sum())
                dice = 2 * shared / (shadow.area_px() + pixels)
        return FilmMatch(ct, mr, ids, dice, area, projected)

    def _overlap(self, shadow: Shadow) -> np.ndarray:
        """(F,) pixels that a shadow shares with each deposit of the film."""
        u, v = shadow.pixels().T
        columns, rows, _ = self.film.volume.size
        inside = (u >= 0) & (u < columns) & (v >= 0) & (v < rows)
        labels = self.film.labels[0, v[inside], u[inside]]
        counts = np.bincount(labels, minlength=int(self.bodies.labels.max(initial=0)) + 1)
        return counts[self.bodies.labels] / FINER**2

    def _spacing(self) -> np.ndarray:
        """Pixel spacing (u, v) on the detector, mm."""
        return self.film.volume.spacing_mm[:2]


def united(shadows: Sequence[Shadow]) -> Shadow:
    """The union of some shadows."""
    if len(shadows) == 1:
        return shadows[0]
    return Shadow(np.unique(np.concatenate([shadow.points for shadow in shadows]), axis=0))


def magnification_in(view: View | None) -> Magnification:
    """Magnification by a view's geometry: by the depth of each point where the pose of the CT is known, else by the
    magnification that the file tells, else 1 (sizes at the detector).
    """
    if view is None:
        return 1.0
    if view.ct_to_view is not None:
        pose = view.ct_to_view
        return lambda points_ras: view.source_detector_mm / transform_points(pose, points_ras)[..., 2]
    return view.magnification or 1.0


def _factors(
    geometry: PairGeometry,
    solids: Sequence[Group],
    mr_to_ct: Callable[[np.ndarray], np.ndarray] | None,
    magnification: Magnification,
) -> np.ndarray:
    """Magnification at each solid: at its CT deposits, else at those of the MR, carried over."""
    if not callable(magnification):
        return np.full(len(solids), float(magnification))
    centres_ct = geometry.a.centroids_ras()
    at_ct = np.asarray(magnification(centres_ct), float) if len(centres_ct) else np.zeros(0)
    centres_mr = geometry.centroids_b
    at_mr = np.full(len(centres_mr), float(at_ct.mean()) if len(at_ct) else 1.0)
    if mr_to_ct is not None and len(centres_mr):
        at_mr = np.asarray(magnification(mr_to_ct(centres_mr)), float)
    return np.array([at_ct[list(one.a)].mean() if one.a else at_mr[list(one.b)].mean() for one in solids])
