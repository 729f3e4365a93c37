"""Registration of CT and MR of one hand, bone by bone: the entry of this package."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from ..errors import InputError
from ..progress import Progress, report, silent
from ..segmentation import Segmentation
from ..volume import Volume, transform_points
from .bone_model import BoneModel, BoneShape, bone_model, bone_shapes
from .consistency import CORE_SLACK_MM, JOINT_SLACK_MM, PER_OVERLAP, Anchor, HeldScore, overlap
from .joints import choose_parent, held_by, joint, motion_range, plain, rotations, search_order
from .mr_image import PreparedMr, prepare_mr
from .quality import Evidence, doubt_of_hand, judge
from .refine import Fit, refine
from .result import BoneRegistration, Registration
from .rigid import about
from .score import Samples, TemplateScore, climb, signals
from .settings import RegistrationSettings
from .whole_hand import core_bones, find_hand, overview

__all__ = ["register_ct_to_mr"]

SIGNAL_REACH_MM = 4.0


@dataclass
class _State:
    """What is known so far of one hand."""

    ct: Volume
    bones: Segmentation
    mr: PreparedMr
    settings: RegistrationSettings
    shapes: dict[str, BoneShape]
    tissue_signals: np.ndarray | None = None
    found: dict[str, BoneRegistration] = field(default_factory=dict)
    doubt: str = ""


def register_ct_to_mr(
    ct: Volume,
    mr: Volume,
    bones: Segmentation,
    settings: RegistrationSettings | None = None,
    progress: Progress = silent,
) -> Registration:
    """Where each bone of the CT is in the MR.

    Parameters
    ----------
    ct: HU.
    mr: any contrast.
    bones: named bones on the CT's grid; ``right:`` and ``left:`` before a name mark the hands where both are there.
    progress: see `progress.report`.

    Returns the motion of each bone, with its uncertainty and a flag. Raises `InputError` when there are no bones.
    The hand is found by its outline (`whole_hand`), then bone after bone along the joints (`joints`, `score`), each
    refined against the MR's own voxels (`refine`) and judged (`quality`).
    """
    settings = settings or RegistrationSettings()
    shapes = bone_shapes(bones)
    if not shapes:
        raise InputError("The CT holds no segmented bones to register: segment the bones first, or choose another CT.")
    report(progress, 0.0, "Preparing the MR")
    prepared = prepare_mr(mr, settings.search_spacing_mm, settings.silhouette_spacing_mm)
    hands = sorted({name[: len(name) - len(plain(name))] for name in shapes})
    found: dict[str, BoneRegistration] = {}
    for number, prefix in enumerate(hands):
        own = {name: shape for name, shape in shapes.items() if name[: len(name) - len(plain(name))] == prefix}
        state = _State(ct, bones, prepared, settings, own)
        _register_hand(state, lambda f, m, n=number: progress((0.03 + 0.97 * (n + f) / len(hands)), m))
        found.update(state.found)
    ordered = {name: found[name] for name in shapes}
    return Registration(ordered, bones, settings.field_spacing_mm)


def _register_hand(state: _State, progress: Progress) -> None:
    """Find the hand, then each of its bones."""
    report(progress, 0.0, "Finding the hand in the MR")
    core = core_bones(list(state.shapes))
    view = overview(state.ct, state.bones, core)
    start, score, rival = find_hand(view, state.mr, state.settings.rotations)
    state.doubt = doubt_of_hand(score, rival)
    order = search_order(core, state.shapes)
    models = {}
    for name in core:
        models[name] = bone_model(state.ct, state.bones, state.shapes[name])
    state.tissue_signals = _tissue_signals(models, state, start)
    for number, name in enumerate(order):
        report(progress, 0.15 + 0.85 * number / len(order), f"Registering {name}")
        model = models.pop(name, None) or bone_model(state.ct, state.bones, state.shapes[name])
        state.found[name] = _register_bone(state, model, start if name in core else None)


def _register_bone(state: _State, model: BoneModel, core_pose: np.ndarray | None) -> BoneRegistration:
    """Search from the neighbour's place, refine, judge."""
    shape, settings = state.shapes[model.name], state.settings
    done = [name for name, bone in state.found.items() if bone.flag != "failed"] or list(state.found)
    parent = choose_parent(model.name, done, state.shapes)
    links = [joint(state.shapes[name], shape) for name in held_by(model.name, parent, done)]
    anchors = [
        Anchor(link.centre, transform_points(_motion(state, link.parent), link.centre), JOINT_SLACK_MM)
        for link in links
        if state.found[link.parent].flag != "failed"
    ]
    if core_pose is not None:
        starts = core_pose[None]
        anchors.append(Anchor(shape.centre, transform_points(core_pose, shape.centre), CORE_SLACK_MM))
    else:
        turns = rotations(motion_range(plain(parent), plain(model.name)), shape)
        starts = _motion(state, parent) @ about(turns, links[0].centre)
    samples = _bone_samples(model, settings.search_samples)
    expected = samples.tissues @ state.tissue_signals
    template = TemplateScore(samples.points, expected, 0.1 * float(expected.var()) + 1e-6)
    pose, best, second = _search(state, HeldScore(template, tuple(anchors)), starts, shape, core_pose is not None)
    coverage = _coverage(state.mr.image, pose, shape)
    fit: Fit | None = None
    if coverage >= settings.least_coverage:
        reach, most = settings.refine_margin_mm, settings.refine_samples
        fit = refine(model, state.mr.image, pose, shape.centre, shape.radius_mm, reach, most)
    shared = 0.0
    if fit is not None:
        shared = float(overlap(fit.matrix[None], shape, state.found, state.shapes, state.bones)[0])
    neighbour = state.found[parent] if parent else None
    link = links[0] if links else None
    return judge(Evidence(shape, pose, fit, coverage, best, second, link, neighbour, shared, state.doubt), settings)


def _motion(state: _State, name: str) -> np.ndarray:
    return state.found[name].matrix_ct_to_mr_ras


def _search(
    state: _State, score: HeldScore, starts: np.ndarray, shape: BoneShape, near: bool
) -> tuple[np.ndarray, float, float]:
    """Best pose, its score, and the best score of a pose that is clearly another one."""
    mr = state.mr.search
    values = score(mr, starts)
    order = np.argsort(-values, kind="stable")[:16]
    steps = (2.0, 1.0, 0.5, 0.25) if near else (3.0, 1.5, 0.7, 0.3)
    poses, values = climb(score, mr, starts[order], shape.centre, shape.radius_mm, steps)
    values = values - PER_OVERLAP * overlap(poses, shape, state.found, state.shapes, state.bones)
    order = np.argsort(-values, kind="stable")
    best = poses[order[0]]
    moved = transform_points(best, shape.surface)
    apart = [np.linalg.norm(transform_points(poses[i], shape.surface) - moved, axis=1).mean() for i in order]
    others = [values[i] for i, distance in zip(order, apart, strict=True) if distance > 3.0]
    return best, float(values[order[0]]), float(max(others, default=0.0))


def _coverage(mr: Volume, pose: np.ndarray, shape: BoneShape) -> float:
    """Part of the bone's surface that lies within the MR."""
    index = mr.to_ijk(transform_points(pose, shape.surface))
    return float(np.mean(np.all((index >= 0) & (index <= np.array(mr.size) - 1), axis=1)))


def _bone_samples(model: BoneModel, count: int) -> Samples:
    """Points in and around one bone, none near another, with the tissues there (averaged as the MR averages)."""
    where = np.argwhere((model.coarse.voxels <= SIGNAL_REACH_MM) & ((model.other > 0.8) | (model.coarse.voxels < 0)))
    chosen = where[np.sort(np.random.default_rng(0).permutation(len(where))[:count])]
    points = model.coarse.to_ras(chosen[:, ::-1])
    place = model.grid.to_ijk(points)[:, ::-1].T
    sigma = 0.5 / model.grid.spacing_mm[::-1]
    tissues = [
        ndimage.map_coordinates(ndimage.gaussian_filter(m, sigma), place, order=1, mode="nearest") for m in model.maps
    ]
    return Samples(points, np.stack(tissues, axis=1))


def _tissue_signals(models: dict[str, BoneModel], state: _State, pose: np.ndarray) -> np.ndarray:
    """Signal of marrow, dense matter, fat and air relative to muscle, (4,), fitted over the core where it was found."""
    values, tissues = [], []
    for model in models.values():
        samples = _bone_samples(model, state.settings.search_samples)
        sampled = signals(state.mr.search, pose[None], samples.points)[0]
        seen = np.isfinite(sampled)
        values.append(sampled[seen])
        tissues.append(samples.tissues[seen])
    values, tissues = np.concatenate(values), np.concatenate(tissues)
    design = np.column_stack([np.ones(len(values)), tissues])
    # A weak pull to zero: a tissue that hardly occurs near the palm must not get a wild signal.
    ridge = 1e-3 * len(values) * np.diag([0.0, 1.0, 1.0, 1.0, 1.0])
    return np.linalg.solve(design.T @ design + ridge, design.T @ values)[1:]
