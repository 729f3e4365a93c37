"""Settings of the MR segmentation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MrSettings:
    """What counts as a deposit in MR. Levels are signals relative to the soft tissue around: 0 a void, 1 that tissue.

    Attributes
    ----------
    dark_levels: thresholds at which dark bodies are looked for, high to low. The first is half contrast; the lower
        ones part a void from darker tissue beside it.
    bright_levels: likewise for bright bodies, low to high.
    core_level: a void's middle is at most this.
    paste_level: the brightest part of paste is at least this.
    least_contrast: the tissue around is brighter than a dark body (darker than a bright one) by at least this.
    least_enclosed: part of its surroundings that must differ so; a layer under the skin has air at one side.
    least_volume_mm3, least_voxels: smaller bodies are noise.
    most_volume_mm3: larger bodies are no deposits; a large tumoral deposit has some cubic centimetres.
    prior_reach_mm: how far a deposit may lie from where the CT has it: soft tissue moves, registration errs.
    join_mm: fragments closer than this in one compartment are one deposit.
    tube_mm, tube_elongation: a body longer than this and so many times as long as wide is a tendon or a vessel.
    bone_margin_mm: rim around a given bone that belongs to its cortex, whatever its signal.
    bone_thickness_mm, bone_volume_mm3: without bones, a dark body as thick and as large as this may be a bone in a
        gradient echo: the pisiform, the least of the carpal bones, has about 700 cubic millimetres.
    least_volume_alone_mm3, least_solidity_alone: what nothing else vouches for (dark bodies without bones, bright ones
        without CT) must be as large and as compact as this.
    least_listed_mm3: smaller bodies that were rejected are not even listed.
    least_lump_mm: thickness of a lump that is taken off a larger dark body.
    """

    dark_levels: tuple[float, ...] = (0.5, 0.42, 0.34, 0.26, 0.18)
    bright_levels: tuple[float, ...] = (1.25, 1.45, 1.7)
    core_level: float = 0.33
    paste_level: float = 1.55
    least_contrast: float = 0.4
    least_enclosed: float = 0.65
    least_volume_mm3: float = 2.0
    least_voxels: int = 4
    most_volume_mm3: float = 20000.0
    prior_reach_mm: float = 1.5
    join_mm: float = 2.0
    tube_mm: float = 12.0
    tube_elongation: float = 3.0
    bone_margin_mm: float = 0.7
    bone_thickness_mm: float = 6.5
    bone_volume_mm3: float = 500.0
    least_volume_alone_mm3: float = 10.0
    least_solidity_alone: float = 0.75
    least_listed_mm3: float = 8.0
    least_lump_mm: float = 2.2
