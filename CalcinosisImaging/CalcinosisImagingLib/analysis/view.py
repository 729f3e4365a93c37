"""Geometry of one radiograph: a point source, a flat detector, and where the CT lies between them.

View frame: origin at the source, x along columns (u), y along rows (v), z from source to detector, mm.
Pixel centres are whole numbers from 0: u = c_u + D x / z / spacing_u, likewise v.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .errors import InputError
from .volume import transform_points

INTENSITIES = ("linear", "log")
BRIGHT = ("air", "bone")


@dataclass(frozen=True, eq=False)
class View:
    """A radiograph's geometry; the fields are those of a view file.

    Attributes
    ----------
    pixel_spacing_mm: (u, v) on the detector. DICOM's order is the reverse.
    source_detector_mm: D, distance from source to detector.
    principal_point_px: (u, v) where the perpendicular from the source meets the detector.
    intensity: "linear" (detected signal) or "log" (line integrals up to a factor).
    bright: which end of the pixel values is high, "air" or "bone".
    ct_to_view: 4x4, RAS of the CT -> view frame; None where it is not known.
    spacing_trust: where the pixel spacing comes from, see `SPACING_TRUST`.
    magnification: how much larger the object's plane appears on the detector (>= 1); None where it is not known.
    rig_to_view: 4x4, a frame common to several views of one instant (the calibration's) -> view frame; None for a
        view that stands alone.
    """

    name: str
    rows: int
    columns: int
    pixel_spacing_mm: tuple[float, float]
    source_detector_mm: float
    principal_point_px: tuple[float, float]
    intensity: str = "linear"
    bright: str = "air"
    ct_to_view: np.ndarray | None = None
    spacing_trust: str = "view-file"
    magnification: float | None = None
    rig_to_view: np.ndarray | None = None

    def at(self, ct_to_view: np.ndarray) -> View:
        """The same view with another pose of the CT."""
        return replace(self, ct_to_view=np.asarray(ct_to_view, float))

    def project(self, points_ras: np.ndarray, ct_to_view: np.ndarray | None = None) -> np.ndarray:
        """RAS points (..., 3) of the CT -> pixel positions (..., 2) in order u, v."""
        pose = self.ct_to_view if ct_to_view is None else ct_to_view
        if pose is None:
            raise ValueError(f"view {self.name}: ct_to_view is not known")
        x, y, z = np.moveaxis(transform_points(pose, points_ras), -1, 0)
        scale = self.source_detector_mm / z
        u = self.principal_point_px[0] + x * scale / self.pixel_spacing_mm[0]
        v = self.principal_point_px[1] + y * scale / self.pixel_spacing_mm[1]
        return np.stack([u, v], axis=-1)

    def pixel_to_view(self) -> np.ndarray:
        """4x4: (u, v, 0) -> the point of the detector in the view frame, mm."""
        (su, sv), (cu, cv) = self.pixel_spacing_mm, self.principal_point_px
        matrix = np.diag([su, sv, 1.0, 1.0])
        matrix[:3, 3] = -cu * su, -cv * sv, self.source_detector_mm
        return matrix


SPACING_TRUST = ("fiducial", "geometric", "imager-magnification", "view-file", "imager", "unknown")
"""Origin of a film's pixel spacing, most trusted first; "imager" gives sizes at the detector."""


def view_to_json(view: View) -> dict[str, Any]:
    """The content of a view file."""
    content: dict[str, Any] = {
        "name": view.name,
        "rows": view.rows,
        "columns": view.columns,
        "pixel_spacing_mm": list(view.pixel_spacing_mm),
        "source_detector_mm": view.source_detector_mm,
        "principal_point_px": list(view.principal_point_px),
        "intensity": view.intensity,
        "bright": view.bright,
    }
    if view.ct_to_view is not None:
        content["ct_to_view"] = np.asarray(view.ct_to_view).tolist()
    if view.spacing_trust != "view-file":
        content["spacing_trust"] = view.spacing_trust
    if view.magnification is not None:
        content["magnification"] = view.magnification
    if view.rig_to_view is not None:
        content["rig_to_view"] = np.asarray(view.rig_to_view).tolist()
    return content


def view_from_json(content: Any, source: str) -> View:
    """Read the content of a view file; ``source`` names it in messages.

    Raises
    ------
    InputError: naming every key that is missing or wrong, together.
    """
    if not isinstance(content, Mapping):
        raise InputError(f"{source}: a view file holds one JSON object, found {type(content).__name__}; see README.")
    problems: list[str] = []
    numbers = {
        "rows": _numbers(content, "rows", 1, problems, whole=True),
        "columns": _numbers(content, "columns", 1, problems, whole=True),
        "pixel_spacing_mm": _numbers(content, "pixel_spacing_mm", 2, problems, positive=True),
        "source_detector_mm": _numbers(content, "source_detector_mm", 1, problems, positive=True),
        "principal_point_px": _numbers(content, "principal_point_px", 2, problems),
    }
    intensity, bright = content.get("intensity", "linear"), content.get("bright", "air")
    if intensity not in INTENSITIES:
        problems.append(f"intensity is {intensity!r}, not linear or log")
    if bright not in BRIGHT:
        problems.append(f"bright is {bright!r}, not air or bone")
    trust = content.get("spacing_trust", "view-file")
    if trust not in SPACING_TRUST:
        problems.append(f"spacing_trust is {trust!r}, not one of {', '.join(SPACING_TRUST)}")
    magnification = None
    if content.get("magnification") is not None:
        magnification = _numbers(content, "magnification", 1, problems, positive=True)[0]
    pose = _pose(content, "ct_to_view", problems)
    rig = _pose(content, "rig_to_view", problems)
    if problems:
        raise InputError(f"{source}: {'; '.join(problems)}; correct the view file.")
    return View(
        name=str(content.get("name", "view")),
        rows=int(numbers["rows"][0]),
        columns=int(numbers["columns"][0]),
        pixel_spacing_mm=tuple(numbers["pixel_spacing_mm"]),
        source_detector_mm=numbers["source_detector_mm"][0],
        principal_point_px=tuple(numbers["principal_point_px"]),
        intensity=intensity,
        bright=bright,
        ct_to_view=pose,
        spacing_trust=trust,
        magnification=magnification,
        rig_to_view=rig,
    )


def _numbers(
    content: Mapping[str, Any], key: str, count: int, problems: list[str], positive: bool = False, whole: bool = False
) -> list[float]:
    """``count`` finite numbers under ``key``, or zeros and an entry in ``problems``."""
    if key not in content:
        problems.append(f"{key} is missing")
        return [0.0] * count
    try:
        values = np.atleast_1d(np.asarray(content[key], dtype=float))
    except (TypeError, ValueError):
        values = np.array([])
    good = values.shape == (count,) and np.isfinite(values).all()
    if good and (positive or whole):
        good = bool((values > 0).all())
    if good and whole:
        good = bool((values == np.round(values)).all())
    if not good:
        kind = "whole number(s) > 0" if whole else "number(s) > 0" if positive else "finite number(s)"
        problems.append(f"{key} is {content[key]!r}, not {count} {kind}")
        return [0.0] * count
    return [float(value) for value in values]


def _pose(content: Mapping[str, Any], key: str, problems: list[str]) -> np.ndarray | None:
    """A 4x4 rigid matrix under ``key``, None if absent."""
    if content.get(key) is None:
        return None
    try:
        pose = np.asarray(content[key], dtype=float)
    except (TypeError, ValueError):
        pose = np.zeros(0)
    if pose.shape != (4, 4) or not np.isfinite(pose).all():
        problems.append(f"{key} is not a 4x4 matrix of finite numbers")
        return None
    rotation = pose[:3, :3]
    if np.abs(rotation @ rotation.T - np.eye(3)).max() > 1e-3 or np.linalg.det(rotation) < 0:
        problems.append(f"{key} is not rigid (a rotation without reflection and a translation)")
    return pose
