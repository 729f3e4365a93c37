"""The three result tables: which columns are shown, what stands there while there is no table."""

from __future__ import annotations

from collections import Counter
from typing import Any

from slicer.i18n import tr as _

MAIN_COLUMNS = {
    "depositTable": (
        "modality",
        "deposit_id",
        "site",
        "digit",
        "aspect",
        "volume_mm3",
        "volume_lower_mm3",
        "volume_upper_mm3",
        "area_mm2",
        "max_diameter_mm",
        "form",
        "consistency",
    ),
    "matchTable": ("ct_id", "mr_id", "xray_id", "status", "dice_ct_mr", "centroid_distance_ct_mr_mm"),
    "registrationTable": ("view", "bone", "flag", "expected_error_mm", "upper95_mm", "reason"),
}
"""Columns that are shown unless the user asks for all; names as in the result files."""
FLAGS = ("ok", "check", "failed")


class TableTab:
    """One table with the line above it."""

    def __init__(self, field: str, view: Any, label: Any, empty_text: str) -> None:
        self.field = field
        self._view, self._label, self._empty_text = view, label, empty_text

    def update(self, node: Any, all_columns: bool) -> None:
        """Show the table of the parameter node, or say what to do to get one."""
        table = getattr(node, self.field) if node is not None else None
        if self._view.mrmlTableNode() is not table:
            self._view.setMRMLTableNode(table)
        self._view.visible = table is not None
        self._label.text = self._empty_text if table is None else self._summary(table)
        if table is not None:
            self._choose_columns(table, all_columns)

    def _choose_columns(self, table: Any, all_columns: bool) -> None:
        names = [table.GetColumnName(column) for column in range(table.GetNumberOfColumns())]
        main = [name for name in names if name in MAIN_COLUMNS[self.field]]
        for column, name in enumerate(names):
            hidden = bool(main) and not all_columns and name not in main
            self._view.setColumnHidden(column, hidden)

    def _summary(self, table: Any) -> str:
        if self.field == "registrationTable":
            return registration_summary(column_values(table, "bone"), column_values(table, "flag"))
        return _("{n} rows").format(n=table.GetNumberOfRows())


def column_values(table: Any, name: str) -> list[str]:
    """Texts of one column of a table node, [] if there is none."""
    column = table.GetTable().GetColumnByName(name)
    if column is None:
        return []
    return [column.GetVariantValue(row).ToString() for row in range(column.GetNumberOfValues())]


def registration_summary(bones: list[str], flags: list[str]) -> str:
    """How many bones are ok, and by name those that are not.

    >>> registration_summary(["radius", "ulna", "lunate"], ["ok", "failed", "check"])
    'ok: 1. To check: lunate. Failed: ulna.'
    """
    count = Counter(flags)
    parts = [_("ok: {n}.").format(n=count["ok"])]
    for flag, text in (("check", _("To check: {names}.")), ("failed", _("Failed: {names}."))):
        names = [bone for bone, found in zip(bones, flags, strict=False) if found == flag]
        if names:
            parts.append(text.format(names=", ".join(names)))
    return " ".join(parts)
