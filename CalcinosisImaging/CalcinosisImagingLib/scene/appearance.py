"""Colours and terminology: CT deposits orange, MR cyan, film magenta, bones ivory, rejected grey.

Every colour is set: Slicer's defaults differ between the application and slicer-core.
"""

from __future__ import annotations

import colorsys

_HUES = {"ct": 0.08, "mr": 0.52, "xray": 0.86}
BONE_COLOUR = (0.93, 0.89, 0.78)
REJECTED_COLOUR = (0.55, 0.55, 0.55)

_CATEGORIES = "Segmentation category and type - DICOM master list"
_REGIONS = "Anatomic codes - DICOM master list"
DEPOSIT_TERMINOLOGY = (
    f"{_CATEGORIES}~SCT^49755003^Morphologically Abnormal Structure~SCT^18115005^Pathologic calcification~^^"
    f"~{_REGIONS}~SCT^85562004^Hand~^^"
)
BONE_TERMINOLOGY = f"{_CATEGORIES}~SCT^123037004^Anatomical Structure~SCT^272673000^Bone~^^~{_REGIONS}~^^~^^"


def deposit_colour(modality: str, label: int) -> tuple[float, float, float]:
    """One hue per modality; neighbours in number differ in shade, so touching deposits can be told apart."""
    hue = _HUES[modality] + 0.03 * ((label * 7) % 5 - 2) / 2
    return colorsys.hsv_to_rgb(hue % 1.0, 0.55 + 0.15 * (label % 4), 1.0 - 0.12 * ((label // 4) % 3))
