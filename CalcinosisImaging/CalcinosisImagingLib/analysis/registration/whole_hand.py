"""Where the hand as a whole is: outlines first, then what lies under the skin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft, ndimage

from ..anatomy import CARPALS, FOREARM, METACARPALS, PROXIMALS
from ..blocks import block_mean
from ..segmentation import Segmentation
from ..volume import Volume
from .bone_model import tissue_maps
from .mr_image import PreparedMr
from .rigid import about, all_rotations, angle_degrees
from .score import ExplainedScore, Samples, climb

OVERVIEW_MM = 1.5
NEAR_MM = 20.0
BODY_HU = -350.0
LEAST_COMPARED = 0.3
"""Part of the outline that must lie within the MR for a pose to be looked at."""
DISTAL_ROW = CARPALS[4:]


@dataclass(frozen=True, eq=False)
class Overview:
    """The CT at `OVERVIEW_MM`.

    Attributes
    ----------
    hu: float32 HU.
    bone: fraction of any bone.
    core: distance to the bones that are taken to move as one, mm.
    centre: (3,) RAS, middle of those bones.
    radius_mm: their extent (root mean square distance from the centre).
    """

    hu: Volume
    bone: np.ndarray
    core: np.ndarray
    centre: np.ndarray
    radius_mm: float


def core_bones(names: list[str]) -> list[str]:
    """The bones that keep their places to each other when fingers and wrist bend: palm and distal carpal row.

    Where the image has no palm: the carpals and what joins them, else the proximal phalanges, else all there is.
    """
    plain = {name: name.rpartition(":")[2] for name in names}
    for wanted in (METACARPALS[1:] + DISTAL_ROW, CARPALS + FOREARM, PROXIMALS):
        core = [name for name in names if plain[name] in wanted]
        if len(core) >= 2:
            return core
    return list(names)


def overview(ct: Volume, bones: Segmentation, core: list[str]) -> Overview:
    """Coarse CT with its bones."""
    hu = block_mean(ct, OVERVIEW_MM)
    bone = block_mean(bones.volume.with_voxels(bones.labels > 0), OVERVIEW_MM).voxels
    chosen = np.isin(bones.labels, [bones.by_id(name).label for name in core])
    inside = block_mean(bones.volume.with_voxels(chosen), OVERVIEW_MM).voxels > 0.3
    sampling = hu.spacing_mm[::-1]
    points = hu.to_ras(np.argwhere(inside)[:, ::-1])
    centre = points.mean(0)
    radius = float(np.sqrt(((points - centre) ** 2).sum(1).mean()))
    return Overview(hu, bone, ndimage.distance_transform_edt(~inside, sampling=sampling), centre, radius)


def find_hand(view: Overview, mr: PreparedMr, rotations: int) -> tuple[np.ndarray, float, float]:
    """Pose of the core (4x4 CT -> MR), its score, and the score of the best that is another pose altogether."""
    starts = _outline_starts(view, mr.body, rotations)
    coarse = ExplainedScore.of(_samples(view, 12.0, 1500), floor=0.01)
    poses, scores = climb(coarse, mr.search, starts, view.centre, view.radius_mm, (8.0, 4.0, 2.0))
    poses = _distinct(poses, scores, view, 10)
    fine = ExplainedScore.of(_samples(view, 4.0, 3000), floor=0.01)
    poses, scores = climb(fine, mr.search, poses, view.centre, view.radius_mm, (3.0, 1.5, 0.8))
    order = np.argsort(-scores, kind="stable")
    best = poses[order[0]]
    others = [scores[i] for i in order[1:] if _apart_mm(best, poses[i], view) > 8.0]
    return best, float(scores[order[0]]), float(max(others, default=0.0))


def _samples(view: Overview, reach_mm: float, count: int) -> Samples:
    """Points within ``reach_mm`` of the core with the tissues there, all bones counted as bone."""
    where = np.argwhere(view.core <= reach_mm)
    chosen = where[np.sort(np.random.default_rng(0).permutation(len(where))[:count])]
    maps = tissue_maps(view.hu.voxels, view.bone)
    return Samples(view.hu.to_ras(chosen[:, ::-1]), maps[(slice(None), *chosen.T)].T)


def _outline_starts(view: Overview, body: Volume, rotations: int, keep: int = 24) -> np.ndarray:
    """The most promising poses by agreement of outlines, each rotation with its best shifts; (P, 4, 4).

    Agreement is the sum over voxels of +1 where both say body or both say air, -1 where they differ; outside
    either image nothing is counted. All shifts at once by FFT. Half of the poses are the best by the sum, half by
    the sum over the root of what could be compared: the first favours poses that lie within the MR, the second
    finds a hand of which the MR shows a part.
    """
    template = _outline(view)
    spacing = body.spacing_mm
    directions = body.ijk_to_ras[:3, :3] / spacing
    half = np.ceil((NEAR_MM + 2.2 * view.radius_mm) / spacing).astype(int)
    offsets = np.meshgrid(*[np.arange(-h, h + 1) for h in half[::-1]], indexing="ij")
    world = (np.stack(offsets[::-1], -1) * spacing) @ directions.T
    shape = [fft.next_fast_len(n + o - 1, real=True) for n, o in zip(body.voxels.shape, offsets[0].shape, strict=True)]
    image = fft.rfftn((2 * body.voxels - 1).astype(np.float32), shape)
    field = fft.rfftn(np.ones(body.voxels.shape, np.float32), shape)
    least = LEAST_COMPARED * float(np.abs(template.voxels).sum()) * template.voxel_volume_mm3 / body.voxel_volume_mm3
    turns = np.concatenate([np.eye(3)[None], all_rotations(rotations)])
    best: tuple[list, list] = ([], [])
    for number, turn in enumerate(turns):
        index = template.to_ijk(world @ turn + view.centre)[..., ::-1]
        trial = ndimage.map_coordinates(template.voxels, np.moveaxis(index, -1, 0), order=1, output=np.float32)
        agreement = fft.irfftn(image * np.conj(fft.rfftn(trial, shape)), shape)
        compared = fft.irfftn(field * np.conj(fft.rfftn(np.abs(trial), shape)), shape)
        relative = np.where(compared > least, agreement / np.sqrt(np.maximum(compared, least)), -np.inf)
        for values, ranking in zip((agreement, relative), best, strict=True):
            place = int(values.argmax())
            ranking.append((-float(values.ravel()[place]), number, place))
    poses = []
    for _, number, flat in [entry for ranking in best for entry in sorted(ranking)[:keep]]:
        place = np.array(np.unravel_index(flat, shape))
        place = np.where(place < body.voxels.shape, place, place - shape)
        middle = body.to_ras((place + half[::-1])[::-1])
        poses.append(about(turns[number], view.centre, middle - view.centre))
    return np.array(poses)


def _outline(view: Overview) -> Volume:
    """+1 body, -1 air, 0 far from the core; on a grid of about 4 mm."""
    body = np.where(view.hu.voxels > BODY_HU, 1.0, -1.0).astype(np.float32)
    body *= np.clip((NEAR_MM - view.core) / 5.0, 0.0, 1.0).astype(np.float32)
    return block_mean(view.hu.with_voxels(body), 4.0)


def _distinct(poses: np.ndarray, scores: np.ndarray, view: Overview, count: int) -> np.ndarray:
    """The best poses that are not the same as a better one."""
    chosen: list[np.ndarray] = []
    for index in np.argsort(-scores, kind="stable"):
        if all(_apart_mm(poses[index], other, view) > 4.0 for other in chosen):
            chosen.append(poses[index])
        if len(chosen) == count:
            break
    return np.array(chosen)


def _apart_mm(a: np.ndarray, b: np.ndarray, view: Overview) -> float:
    """How far two poses carry the core apart."""
    between = np.linalg.inv(a) @ b
    shift = np.linalg.norm(between[:3, :3] @ view.centre + between[:3, 3] - view.centre)
    return float(shift + np.radians(angle_degrees(between)) * view.radius_mm)
