"""Step 2: CT to MR, each bone on its own; the MR is hung under the transform so that it lies on the CT."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from ..analysis.itk_bridge import to_itk
from ..analysis.progress import Progress, silent
from ..analysis.registration.register import Registration, register_ct_to_mr
from ..analysis.volume import Volume
from ..scene import links
from ..scene.segmentations import segmentation_from_node
from ..scene.tables import table_node
from ..scene.transforms import displacement_transform_node
from ..scene.volumes import volume_from_node

FIELD_SPACING_MM = 2.0
QUALITY_COLUMNS = ("bone", "flag", "expected_error_mm", "upper95_mm", "reason")


@dataclass(frozen=True)
class RegistrationNodes:
    """What registration leaves in the scene, and the result itself."""

    transform: object
    quality: object
    result: Registration


def register_volumes(
    scene: object, ct_node: object, mr_node: object, bones_node: object, progress: Progress = silent
) -> RegistrationNodes:
    """Register; the MR node goes under a new transform node, registration.json is kept with the MR node."""
    ct, mr = volume_from_node(ct_node), volume_from_node(mr_node)
    result = register_ct_to_mr(ct, mr, segmentation_from_node(bones_node, ct), progress=progress)
    transform = displacement_transform_node(scene, f"{mr_node.GetName()} to CT", displacement_field(result, ct))
    mr_node.SetAndObserveTransformNodeID(transform.GetID())
    mr_node.SetNodeReferenceID(links.TRANSFORM_ROLE, transform.GetID())
    content = result.to_json()
    links.set_json(scene, mr_node, links.REGISTRATION_ROLE, f"{mr_node.GetName()} registration", content)
    quality = quality_table(scene, f"{mr_node.GetName()} registration quality", content["bones"])
    return RegistrationNodes(transform, quality, result)


def quality_table(scene: object, name: str, bones: dict[str, dict[str, object]]) -> object:
    """A table node with one row per bone."""
    rows = [{"key": bone, "bone": bone, **values} for bone, values in bones.items()]
    return table_node(scene, name, QUALITY_COLUMNS, rows)


def displacement_field(registration: Registration, ct: Volume) -> sitk.Image:
    """CT to MR as displacements (LPS, mm) on a grid of `FIELD_SPACING_MM` over the CT."""
    reference = to_itk(Volume(np.zeros((2, 2, 2), np.uint8), ct.ijk_to_ras))
    length = (np.array(ct.size) - 1) * ct.spacing_mm
    size = np.maximum(np.ceil(length / FIELD_SPACING_MM).astype(int) + 1, 4)
    return sitk.TransformToDisplacementField(
        registration.to_itk(),
        sitk.sitkVectorFloat64,
        size.tolist(),
        reference.GetOrigin(),
        np.maximum(length / (size - 1), 1e-3).tolist(),
        reference.GetDirection(),
    )
