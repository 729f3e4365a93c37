"""Settings of the MR segmentation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MrSettings:
    """What counts as a deposit in MR.

    Attributes
    ----------
    core_darkness: signal of a void's middle as part of that of the tissue around it, 0 = noise, 1 = tissue.
    least_volume_mm3: smaller bodies are noise.
    least_voxels: likewise in voxels.
    join_mm: fragments closer than this in one compartment are one deposit.
    longest_tube_mm: a body longer than this and `tube_elongation` times its width is a tendon or a vessel.
    bone_margin_mm: rim around a given bone that belongs to its cortex, whatever its signal.
    bone_thickness_mm: without bones, a dark body as thick as this may be a bone in a gradient echo.
    bright_ratio: signal of paste as a multiple of that of the tissue around it.
    """

    core_darkness: float = 0.30
    least_volume_mm3: float = 2.0
    least_voxels: int = 4
    join_mm: float = 2.0
    longest_tube_mm: float = 14.0
    tube_elongation: float = 3.5
    bone_margin_mm: float = 0.7
    bone_thickness_mm: float = 6.5
    bright_ratio: float = 1.5
