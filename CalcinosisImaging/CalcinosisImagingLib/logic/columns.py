"""Columns of the result tables. They are a file format: add, never rename."""

from __future__ import annotations

from ..analysis.comparison import modalities, visits
from ..analysis.morphology.registry import MEASURES

IDENTITY_COLUMNS = ("participant", "session", "hand", "modality", "view", "deposit_id", "source", "reader")
"""What a row of deposits.csv is about."""

FOUND_COLUMNS = ("confidence",)
"""What the segmentation says of a deposit that it found: how sure it is one, 0..1 (no probability, see docs/ct.md);
empty if a person drew or changed it."""

DEPOSIT_COLUMNS = (*IDENTITY_COLUMNS, *(measure.key for measure in MEASURES), *FOUND_COLUMNS)

STUDY_COLUMNS = ("participant", "session", "hand")
KIND_COLUMNS = ("consistency_ct_mr", "consistency_ct_mr_probability")
"""Consistency of a deposit by CT and MR together."""
MATCH_COLUMNS = (*STUDY_COLUMNS, *modalities.COLUMNS, *KIND_COLUMNS)
VISIT_MATCH_COLUMNS = ("participant", "first_session", "second_session", "hand", *visits.COLUMNS)
