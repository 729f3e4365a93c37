"""The shared biplane radiographs of a wrist, with CT of its radius and third metacarpal, in our files' terms.

Camera files: pixel ~ K (R X + T), origin at the top left, v down. Only focal length / pixel size is known, so the
pixel size is set to a plausible value; nothing in the plane of the object depends on it.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from calcinosis_testing import SHARED_DATA
from CalcinosisImagingLib.analysis.anatomy import BONE_LABELS
from CalcinosisImagingLib.analysis.itk_bridge import to_itk
from CalcinosisImagingLib.analysis.segmentation import Segment, Segmentation
from CalcinosisImagingLib.analysis.segmentation_file import write_segmentation
from CalcinosisImagingLib.analysis.view import View, view_to_json
from CalcinosisImagingLib.analysis.volume import Volume
from CalcinosisImagingLib.analysis.xray.film import Film

FOLDER = "wrist_biplane"
PIXEL_MM = 0.2
HU_OFFSET = 1024
"""The CT's values are 12 bits from 0 to 4095: HU + 1024, as scanners write them."""
CT_FILES = {"radius": "rad_dcm_cropped.tif", "metacarpal-3": "mc3_dcm_cropped.tif"}
CT_SPACING_MM = (0.39625, 0.39625, 0.625)


def camera(index: int) -> tuple[np.ndarray, np.ndarray]:
    """K (3x3) and the 4x4 from the calibration's frame to the camera (index 1 or 2)."""
    text = (SHARED_DATA / FOLDER / f"xr_calib_wrist_cam{index:02d}.txt").read_text()
    lines = [line.strip() for line in text.splitlines()]

    def block(name: str, count: int) -> np.ndarray:
        start = lines.index(name) + 1
        return np.array([[float(x) for x in line.split(",")] for line in lines[start : start + count]])

    matrix = np.eye(4)
    matrix[:3, :3] = block("rotation", 3)
    matrix[:3, 3] = block("translation", 3)[:, 0]
    return block("camera matrix", 3), matrix


def biplane_film(index: int, with_rig: bool = True) -> Film:
    """One of the two films; ``with_rig`` tells how both stand to each other."""
    k, matrix = camera(index)
    name = f"xr_rad_uln_cam{index:02d}_UND.0099.tif"
    pixels = sitk.GetArrayFromImage(sitk.ReadImage(str(SHARED_DATA / FOLDER / name)))
    distance = k[0, 0] * PIXEL_MM
    spacing = (PIXEL_MM, distance / k[1, 1])
    rows, columns = pixels.shape
    u, _, vt = np.linalg.svd(matrix[:3, :3])  # six printed digits leave the rotation a little off
    matrix[:3, :3] = u @ vt
    view = View(
        name=f"cam{index:02d}",
        rows=rows,
        columns=columns,
        pixel_spacing_mm=spacing,
        source_detector_mm=distance,
        principal_point_px=(k[0, 2], k[1, 2]),
        rig_to_view=matrix if with_rig else None,
    )
    return Film(Volume(pixels[None], np.diag([-spacing[0], -spacing[1], 1.0, 1.0])), view)


def bone_ct(bone: str) -> tuple[Volume, Segmentation]:
    """CT of one bone, masked to it (the rest is air), and its segmentation."""
    values = sitk.GetArrayFromImage(sitk.ReadImage(str(SHARED_DATA / FOLDER / CT_FILES[bone])))
    sx, sy, sz = CT_SPACING_MM
    matrix = np.diag([-sx, -sy, sz, 1.0])
    hu = np.where(values > 0, values.astype(np.int16) - HU_OFFSET, -1000).astype(np.int16)
    labels = np.where(values > 0, BONE_LABELS[bone], 0).astype(np.uint16)
    segments = (Segment(BONE_LABELS[bone], bone, bone),)
    return Volume(hu, matrix), Segmentation(Volume(labels, matrix), segments)


def write_biplane(folder: Path) -> dict[str, Path]:
    """Write CT, bones and films with their view files as NRRD and JSON; name -> path."""
    paths = {}
    for bone in CT_FILES:
        ct, bones = bone_ct(bone)
        paths[bone] = folder / f"{bone}.nrrd"
        sitk.WriteImage(to_itk(ct), str(paths[bone]), useCompression=True)
        paths[f"{bone}-bones"] = folder / f"{bone}.seg.nrrd"
        write_segmentation(paths[f"{bone}-bones"], bones)
    for index in (1, 2):
        film = biplane_film(index)
        paths[film.view.name] = folder / f"{film.view.name}.nrrd"
        sitk.WriteImage(to_itk(film.volume), str(paths[film.view.name]), useCompression=True)
        paths[f"{film.view.name}-view"] = folder / f"{film.view.name}.json"
        paths[f"{film.view.name}-view"].write_text(json.dumps(view_to_json(film.view)), encoding="utf-8")
    return paths
