"""Columns of the result tables. They are a file format: add, never rename."""

from __future__ import annotations

from ..analysis.morphology.registry import MEASURES

IDENTITY_COLUMNS = ("participant", "session", "hand", "modality", "view", "deposit_id", "source", "reader")
"""What a row of deposits.csv is about."""

DEPOSIT_COLUMNS = (*IDENTITY_COLUMNS, *(measure.key for measure in MEASURES))

STUDY_MATCH_COLUMNS = ("participant", "session", "hand")
MATCH_COLUMNS = (
    *STUDY_MATCH_COLUMNS,
    "view",
    "ct_id",
    "mr_id",
    "xray_id",
    "status",
    "dice_ct_mr",
    "hd95_ct_mr_mm",
    "assd_ct_mr_mm",
    "centroid_distance_ct_mr_mm",
    "dice_ct_xray",
    "volume_ct_mm3",
    "volume_mr_mm3",
    "area_xray_mm2",
    "area_ct_projected_mm2",
)
