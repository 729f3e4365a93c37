"""Settings of the CT-MR registration."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RegistrationSettings:
    """How far to look and how fine.

    Attributes
    ----------
    rotations: number of orientations of the whole hand that are tried, spread evenly over all rotations.
    silhouette_spacing_mm: voxel at which outlines of CT and MR are correlated.
    search_spacing_mm: MR voxel at which joints are searched (an MR that is coarser stays as it is).
    search_samples: points per bone in the joint search.
    refine_samples: most MR voxels per bone in the refinement.
    refine_margin_mm: tissue around the bone, in CT, that takes part in the refinement.
    field_spacing_mm: voxel of the displacement field that is written for other programs.
    check_error_mm: expected error above which a bone is flagged 'check'.
    failed_error_mm: expected error above which it is flagged 'failed'.
    least_coverage: part of a bone that must lie inside the MR.
    """

    rotations: int = 800
    silhouette_spacing_mm: float = 5.0
    search_spacing_mm: float = 1.2
    search_samples: int = 700
    refine_samples: int = 9000
    refine_margin_mm: float = 2.5
    field_spacing_mm: float = 2.0
    check_error_mm: float = 1.0
    failed_error_mm: float = 3.0
    least_coverage: float = 0.35
