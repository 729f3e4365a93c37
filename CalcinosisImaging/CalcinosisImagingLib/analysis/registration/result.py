"""The result of a CT-MR registration: a motion per bone, and a smooth map for all that lies between."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from ..segmentation import Segmentation
from .field import BlendedMotion, displacement_transform

if TYPE_CHECKING:
    import SimpleITK as sitk

Flag = Literal["ok", "check", "failed"]


@dataclass(frozen=True, eq=False)
class BoneRegistration:
    """Motion of one bone.

    Attributes
    ----------
    matrix_ct_to_mr_ras: 4x4 rigid, CT RAS mm -> MR RAS mm.
    expected_error_mm: mean displacement to be expected over the bone's surface.
    upper95_mm: the displacement is smaller than this in 95 of 100 cases.
    flag: 'ok', 'check' (look at it) or 'failed' (the matrix is only a guess from the neighbours).
    reason: why it is not 'ok', else ''.
    """

    matrix_ct_to_mr_ras: np.ndarray
    expected_error_mm: float
    upper95_mm: float
    flag: Flag
    reason: str


@dataclass(frozen=True, eq=False)
class Registration:
    """Motions of all bones, CT -> MR.

    Attributes
    ----------
    bones: by segment ID, in the order of the segmentation.
    segmentation: the bones on the CT's grid.
    field_spacing_mm: voxel of `to_itk`'s displacement field.
    """

    bones: dict[str, BoneRegistration]
    segmentation: Segmentation
    field_spacing_mm: float = 2.0

    @cached_property
    def motion(self) -> BlendedMotion:
        """The blended map."""
        return BlendedMotion.of(self.segmentation, {n: b.matrix_ct_to_mr_ras for n, b in self.bones.items()})

    def map_points(self, ct_ras: np.ndarray) -> np.ndarray:
        """CT points (N, 3) RAS -> MR points (N, 3) RAS; inside a bone exactly as that bone moves."""
        return self.motion.forward(ct_ras)

    def map_points_to_ct(self, mr_ras: np.ndarray) -> np.ndarray:
        """MR points (N, 3) RAS -> CT points (N, 3) RAS: the inverse of `map_points`."""
        return self.motion.backward(mr_ras)

    @cached_property
    def _displacements(self) -> sitk.Transform:
        # Seconds of work, and both the scene and the file need it.
        return displacement_transform(self.motion, self.segmentation, self.field_spacing_mm)

    def to_itk(self) -> sitk.Transform:
        """CT points -> MR points in LPS, as ITK wants it for fixed = CT, moving = MR: a displacement field.

        Linear interpolation between the field's voxels cannot follow two bones that part within one voxel: see
        `field.displacement_transform`.
        """
        return self._displacements

    def to_json(self) -> dict:
        """Content of ``registration.json``."""
        return {
            "bones": {
                name: {
                    "matrix_ct_to_mr_ras": bone.matrix_ct_to_mr_ras.tolist(),
                    "expected_error_mm": bone.expected_error_mm,
                    "upper95_mm": bone.upper95_mm,
                    "flag": bone.flag,
                    "reason": bone.reason,
                }
                for name, bone in self.bones.items()
            }
        }
