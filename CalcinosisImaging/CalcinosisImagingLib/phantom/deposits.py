"""Deposits of one hand: how many, how large, of which kind and consistency.

Counts and volumes follow Semin Arthritis Rheum 2019 (doi 10.1016/j.semarthrit.2019.03.001): 6.3 (6.5) per hand,
656.7 (1939.9) mm3 per hand, drawn as a negative binomial and a lognormal distribution.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats

from .deposit_kinds import draw_kind, draw_shape
from .deposit_shapes import Stone
from .deposit_sites import Site, place_apart
from .shapes import Shape
from .skeleton import Skeleton

COUNT_MEAN, COUNT_SD, COUNT_MAX = 6.3, 6.5, 25
VOLUME_MEAN_MM3, VOLUME_SD_MM3 = 656.7, 1939.9
BURDEN_CORRELATION = 0.7
"""Between number and volume (on their normal scales); not published, chosen so that few hands are all specks."""
QUANTILE_STEPS = (0.6180339887498949, 0.7548776662466927)
"""The golden section, and the inverse of the plastic number."""
CONSISTENCY_SHARE = {"chalk": 0.65, "paste": 0.25, "mixed": 0.1}
"""Hard like chalk or soft like toothpaste; no published shares were found, these are our own."""
LEVEL_SHARE = 0.3
"""Share of paste deposits in which the lime has settled: milk of calcium with a fluid level."""
CORE = 0.62
"""Size of the hard core of a mixed deposit, relative to the whole."""


@dataclass(frozen=True)
class Content:
    """What a deposit is made of.

    Attributes
    ----------
    consistency: chalk | paste | mixed.
    dense_hu, light_hu: HU of its dense part (chalk, settled lime) and of the rest (paste, fluid).
    level: whether the dense part has settled below a horizontal plane through the middle.
    """

    consistency: str
    dense_hu: float
    light_hu: float
    level: bool = False


@dataclass(frozen=True, eq=False)
class Deposit:
    """One deposit.

    Attributes
    ----------
    shape: in its own frame.
    core: the dense part of a mixed deposit, own frame; None otherwise.
    site: where it lies and what carries it.
    kind: stone | plate | net | stippled.
    thickness_mm: of the sheet of a plate or the threads of a net; of a stone its smallest diameter.
    centroid: centre of mass in the shape's own frame, mm.
    """

    shape: Shape
    core: Shape | None
    content: Content
    site: Site
    kind: str
    volume_mm3: float
    thickness_mm: float
    centroid: tuple[float, float, float]
    fragments: int

    @property
    def mean_hu(self) -> float:
        """Mean HU over its volume."""
        share = {"mixed": CORE**3}.get(self.content.consistency, 0.5 if self.content.level else 1.0)
        return self.content.light_hu + share * (self.content.dense_hu - self.content.light_hu)


def burden(normals: np.ndarray) -> tuple[int, float]:
    """Number of deposits of one hand, and their volume together (mm3), from two standard normals.

    A hand with more deposits has more volume: the first normal gives the number, both give the volume.
    """
    first, second = normals
    other = BURDEN_CORRELATION * first + np.sqrt(1.0 - BURDEN_CORRELATION**2) * second
    p = COUNT_MEAN / COUNT_SD**2
    count = int(min(stats.nbinom.ppf(stats.norm.cdf(first), COUNT_MEAN * p / (1.0 - p), p), COUNT_MAX))
    sigma = np.sqrt(np.log1p((VOLUME_SD_MM3 / VOLUME_MEAN_MM3) ** 2))
    return count, float(np.exp(np.log(VOLUME_MEAN_MM3) - sigma**2 / 2.0 + sigma * other))


def spread_out(normals: np.ndarray, number: int) -> np.ndarray:
    """The normals of `burden` for the hand ``number`` places after this one in the same study.

    Quantiles of the volume, and of what the number has of its own, go on by an irrational step (Weyl's sequence): each
    hand alone has the same law, but the hands of a study are spread evenly over it, from few specks to full of lime.
    """
    along, across = BURDEN_CORRELATION, np.sqrt(1.0 - BURDEN_CORRELATION**2)
    turn = np.array([[along, across], [across, -along]])
    quantiles = stats.norm.cdf(turn @ normals) + number * np.array(QUANTILE_STEPS)
    return turn @ stats.norm.ppf(quantiles % 1.0)


def split_volume(rng: np.random.Generator, total_mm3: float, count: int, least_mm3: float) -> np.ndarray:
    """Volumes of ``count`` deposits that sum to ``total_mm3`` (more, if each is to have ``least_mm3``)."""
    shares = rng.lognormal(0.0, 1.0, count)
    return np.maximum(total_mm3 * shares / shares.sum(), least_mm3)


def draw_content(rng: np.random.Generator, kind: str) -> Content:
    """Consistency and densities: no published HU exist; paste 100 to 400, chalk above 600 (expert judgement)."""
    names = list(CONSISTENCY_SHARE)
    consistency = str(rng.choice(names, p=list(CONSISTENCY_SHARE.values()))) if kind == "stone" else "chalk"
    chalk, paste = float(rng.uniform(650.0, 1500.0)), float(rng.uniform(160.0, 400.0))
    if consistency == "paste" and rng.random() < LEVEL_SHARE:
        return Content("paste", float(rng.uniform(350.0, 600.0)), float(rng.uniform(60.0, 150.0)), True)
    if consistency == "paste":
        return Content("paste", paste, paste)
    return Content(consistency, chalk, paste if consistency == "mixed" else chalk)


def draw_deposits(
    rng: np.random.Generator, skeleton: Skeleton, rest: Mapping[str, np.ndarray], volumes_mm3: np.ndarray
) -> tuple[Deposit, ...]:
    """Deposits of the given volumes in a hand at rest, largest first; one that finds no room is left out."""
    volumes = sorted(volumes_mm3.tolist(), reverse=True)
    drawn = [draw_shape(rng, draw_kind(rng), volume) for volume in volumes]
    sites = place_apart(rng, skeleton, rest, [d.solid.surface for d in drawn])
    deposits = []
    for item, site in zip(drawn, sites, strict=True):
        if site is None:
            continue
        content = draw_content(rng, item.kind)
        hollow = content.consistency == "mixed" and isinstance(item.shape, Stone)
        deposits.append(
            Deposit(
                shape=item.shape,
                core=item.shape.scaled(CORE) if hollow else None,
                content=content,
                site=site,
                kind=item.kind,
                volume_mm3=item.solid.volume_mm3,
                thickness_mm=item.thickness_mm,
                centroid=item.solid.centroid,
                fragments=item.fragments,
            )
        )
    return tuple(sorted(deposits, key=lambda d: -d.volume_mm3))
