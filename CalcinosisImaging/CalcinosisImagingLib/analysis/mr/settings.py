"""Settings of the MR segmentation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MrSettings:
    """What counts as a deposit in MR. Levels are signals relative to the soft tissue around: 0 a void, 1 that tissue.

    Attributes
    ----------
    void_level: chalk is darker than this; muscle on T1 has a fifth of the signal of fat.
    faint_levels: thresholds for bodies so small that no voxel of them is a void.
    expected_level: where the CT has a deposit, what is darker than this belongs to it.
    core_level: a void's darkest twentieth is at most this.
    most_left: ringing and ghosts leave so much of the tissue's signal in the middle of a void; noise adds to it.
    most_faint_mm: what is thicker and no void in its middle is muscle or a vessel.
    most_tube: a void of which no more than this part goes on (`tubes.goes_on`) stands alone.
    lump_opening_mm: what is thinner than twice this beside something that goes on is its edge.
    bright_levels: thresholds at which paste is looked for, low to high.
    paste_level: the brightest part of paste is at least this.
    least_contrast: the tissue around is darker than paste by at least this.
    least_enclosed: part of the surroundings of paste, and of what is no void, that must differ clearly.
    least_ring: the tissue around what is no void has this level at least.
    least_confidence: what is less sure is rejected. Chosen where the F1 of the bench's development seeds is largest.
    least_volume_mm3, least_core_mm3, least_voxels: smaller bodies (their void cores) are noise.
    least_thickness_mm, least_lump_mm: diameter of the largest ball in a void that stands alone, in a lump.
    least_height_mm: a void that stands alone may be thinner if its least axis is no shorter than this.
    least_solidity: volume over that of the ellipsoid with the same axes.
    least_lump_enclosed: likewise for a lump where no bones are given.
    most_volume_mm3: larger bodies are no deposits; a large tumoral deposit has some cubic centimetres.
    prior_reach_mm: how far a deposit may lie from where the CT has it: soft tissue moves, registration errs.
    join_mm: fragments closer than this in one compartment are one deposit.
    tube_mm, tube_elongation: a body longer than this and so many times as long as wide is a tendon or a vessel.
    bone_margin_mm: rim around a given bone that belongs to its cortex, whatever its signal.
    bone_thickness_mm, bone_volume_mm3: without bones, a void as thick and as large as this may be a bone in a
        gradient echo: the pisiform, the least of the carpal bones, has about 700 cubic millimetres.
    bone_core_mm3: likewise for the void core of a bone, which its blurred edge is no part of.
    least_alone_mm3: without bones, smaller voids are fat or vessels.
    least_paste_mm3: smaller bright bodies are vessels.
    least_listed_mm3: smaller bodies that were rejected are not even listed.
    """

    void_level: float = 0.15
    faint_levels: tuple[float, ...] = (0.3, 0.45)
    expected_level: float = 0.5
    core_level: float = 0.33
    most_left: float = 0.05
    most_faint_mm: float = 2.5
    most_tube: float = 0.2
    lump_opening_mm: float = 0.8
    bright_levels: tuple[float, ...] = (1.25, 1.45, 1.7, 2.1, 2.6)
    paste_level: float = 1.55
    least_contrast: float = 0.4
    least_enclosed: float = 0.65
    least_ring: float = 0.7
    least_confidence: float = 0.5
    least_volume_mm3: float = 2.0
    least_core_mm3: float = 2.0
    least_voxels: int = 4
    least_thickness_mm: float = 1.0
    least_lump_mm: float = 2.0
    least_height_mm: float = 1.6
    least_solidity: float = 0.7
    least_lump_enclosed: float = 0.8
    most_volume_mm3: float = 20000.0
    prior_reach_mm: float = 1.5
    join_mm: float = 2.0
    tube_mm: float = 6.0
    tube_elongation: float = 2.8
    bone_margin_mm: float = 0.7
    bone_thickness_mm: float = 6.0
    bone_volume_mm3: float = 450.0
    bone_core_mm3: float = 300.0
    least_alone_mm3: float = 8.0
    least_paste_mm3: float = 10.0
    least_listed_mm3: float = 8.0
