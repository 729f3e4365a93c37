"""The files of one visit: segmentations, transforms, registration.json, provenance, the scene."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import slicer

from .. import __version__
from ..analysis.files import json_text, whole_file, write_json
from ..analysis.itk_bridge import to_itk_affine
from ..analysis.segmentation_file import write_segmentation
from ..logic.comparison_step import match_table
from ..logic.quantify_step import deposit_table
from ..logic.segmentation_step import SegmentationOptions
from ..scene.bundle import save_bundle
from ..scene.hierarchy import participant_item, place, subject_hierarchy, visit_item
from ..scene.segmentations import segmentation_from_node
from ..scene.tables import scatter_plot, text_node
from ..scene.volumes import volume_from_node
from .session_run import SessionResult


def write_session(result: SessionResult, folder: Path) -> None:
    """Write everything that a visit gives, except its report, into an existing folder."""
    _write_segmentations(result, folder)
    _write_transforms(result, folder / "transforms")
    write_json(folder / "registration.json", registration_content(result))
    provenance = session_provenance(result)
    write_json(folder / "provenance.json", provenance)
    complete_scene(result, provenance)
    save_bundle(slicer.mrmlScene, folder / "scene.mrb")


def _write_segmentations(result: SessionResult, folder: Path) -> None:
    for image in result.own_images:
        stems = [image.file_stem]
        if image is result.primary_mr:
            stems = ["mr"] if len(result.mrs) == 1 else ["mr", image.file_stem]
        for stem in stems:
            write_segmentation(folder / f"{stem}.seg.nrrd", image.used_segmentation())
        if image.rejected is not None:
            write_segmentation(folder / f"{stems[0]}.rejected.seg.nrrd", image.rejected)
    if result.ct is not None and not result.ct_is_baseline:
        bones = segmentation_from_node(result.bones, volume_from_node(result.ct.volume))
        write_segmentation(folder / "bones.seg.nrrd", bones)


def _write_transforms(result: SessionResult, folder: Path) -> None:
    """``ct-to-mr[-series].h5`` for all points, one ``.tfm`` per bone, ``pose.json`` for the films."""
    folder.mkdir()
    for series, registration in result.registrations.items():
        stem = "ct-to-mr" if len(result.mrs) == 1 else f"ct-to-mr-{series}"
        with whole_file(folder / f"{stem}.h5") as part:
            sitk.WriteTransform(registration.to_itk(), str(part))
        (folder / stem).mkdir()
        for bone, found in registration.to_json()["bones"].items():
            affine = to_itk_affine(np.array(found["matrix_ct_to_mr_ras"], float))
            with whole_file(folder / stem / f"{bone.replace(':', '-')}.tfm") as part:
                sitk.WriteTransform(affine, str(part))
    if result.poses:
        write_json(folder / "pose.json", result.located_views)


def registration_content(result: SessionResult) -> dict[str, Any]:
    """registration.json: the bones of the MR that is compared; of all series where there are several."""
    if result.primary_mr is None or result.primary_mr.name not in result.registrations:
        return {"bones": {}}
    every = {series: registration.to_json()["bones"] for series, registration in result.registrations.items()}
    content: dict[str, Any] = {"bones": every[result.primary_mr.name]}
    return content if len(every) == 1 else {**content, "series": every}


def session_provenance(result: SessionResult) -> dict[str, Any]:
    """What the numbers of this visit rest on; no clock, no path, no name."""
    options = SegmentationOptions()
    return {
        "software": f"CalcinosisImaging {__version__}",
        "participant": result.participant,
        "session": result.session,
        "hand": result.hand,
        "ct_session": result.ct_session,
        "parameters": {
            "sensitivity": options.sensitivity,
            "minimum_volume_mm3": options.minimum_volume_mm3 or "by modality",
            "psf_fwhm_mm": options.psf_fwhm_mm or "estimated",
        },
        "images": {image.file_stem: _image_provenance(image) for image in result.own_images},
        "registration": {series: _summary(r.to_json()["bones"]) for series, r in result.registrations.items()},
        "film_registration": {view["name"]: _summary(view["bones"]) for view in result.located_views},
        "notes": result.notes,
    }


def _image_provenance(image: Any) -> dict[str, Any]:
    """Hash and facts of an image, and whose deposits count."""
    view = image.source.view
    return {
        "sha256": image.source.sha256,
        "size_voxels": list(image.source.volume.size),
        "spacing_mm": image.source.volume.spacing_mm,
        "acquisition": dict(image.source.contrast),
        **({"pixel_spacing_from": view.spacing_trust} if view is not None else {}),
        "deposits": sorted(f"edited {reader}".strip() for reader in image.readers) or ["auto"],
    }


def _summary(bones: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """How many bones are how good."""
    flags = [bone["flag"] for bone in bones.values()]
    errors = [bone["expected_error_mm"] for bone in bones.values() if bone["flag"] != "failed"]
    errors = [error for error in errors if error is not None]
    return {
        **{flag: flags.count(flag) for flag in ("ok", "check", "failed")},
        "median_expected_error_mm": float(np.median(errors)) if errors else None,
    }


def complete_scene(result: SessionResult, provenance: dict[str, Any]) -> None:
    """Add tables, plots and texts, and put every node in its place in the subject hierarchy."""
    scene = slicer.mrmlScene
    title = f"{result.participant} {result.session}"
    deposit_table(scene, f"{title} deposits", result.deposits)
    match_table(scene, f"{title} matches", result.matches)
    text_node(scene, f"{title} provenance", json_text(provenance))
    both = [row for row in result.matches if row.get("volume_ct_mm3") and row.get("volume_mr_mm3")]
    if both:
        scatter_plot(
            scene,
            f"{title} volume in CT and MR",
            ("CT volume (mm³)", np.array([row["volume_ct_mm3"] for row in both])),
            ("MR volume (mm³)", np.array([row["volume_mr_mm3"] for row in both])),
            (0.85, 0.4, 0.1),
        )
    _arrange(scene, result)


def _arrange(scene: object, result: SessionResult) -> None:
    """Participant, visit, then the visit's nodes; the hand is an attribute of the visit."""
    tree = subject_hierarchy(scene)
    participant_item(scene, result.participant)
    visit = visit_item(scene, result.participant, result.session)
    if result.hand:
        tree.SetItemAttribute(visit, "Calcinosis.Hand", result.hand)
    for index in range(scene.GetNumberOfNodes()):
        node = scene.GetNthNode(index)
        stored = node.IsA("vtkMRMLStorableNode") and node.GetSaveWithScene() and not node.GetHideFromEditors()
        if stored or node.IsA("vtkMRMLPlotChartNode") or node.IsA("vtkMRMLPlotSeriesNode"):
            place(scene, visit, node)
