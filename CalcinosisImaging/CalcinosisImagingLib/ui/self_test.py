"""What the module's self test checks in a running Slicer: quick, no files, truth known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import slicer

from ..analysis.segmentation import Segment, Segmentation
from ..analysis.volume import Volume
from ..scene.segmentations import segmentation_to_node
from ..scene.tables import table_rows
from ..scene.volumes import volume_to_node

if TYPE_CHECKING:
    import unittest

    from ..logic.module_logic import CalcinosisImagingLogic

SPACING_MM = 0.5
RADII_MM = (3.0, 2.0)
CENTRES_MM = ((10.0, 10.0, 10.0), (20.0, 20.0, 14.0))


def check_parameters(test: unittest.TestCase, logic: CalcinosisImagingLogic) -> None:
    """Parameters are kept in the scene and read back by a second wrapper."""
    node = logic.getParameterNode()
    test.assertIsNone(node.ctVolume)
    node.sensitivity = 0.75
    test.assertEqual(logic.getParameterNode().sensitivity, 0.75)


def check_measures(test: unittest.TestCase, logic: CalcinosisImagingLogic) -> None:
    """Two spheres of known volume: measured within 5 %."""
    volume, labels = spheres()
    node = logic.getParameterNode()
    node.ctVolume = volume_to_node(slicer.mrmlScene, volume, "Spheres", "ct")
    node.ctDeposits = segmentation_to_node(slicer.mrmlScene, labels, "Spheres deposits", node.ctVolume)
    logic.quantify(node)
    rows = table_rows(node.depositTable)
    test.assertEqual(len(rows), len(RADII_MM))
    for row, radius in zip(rows, RADII_MM, strict=True):
        truth = 4 / 3 * np.pi * radius**3
        test.assertAlmostEqual(float(row["volume_mm3"]) / truth, 1.0, delta=0.05)


def spheres() -> tuple[Volume, Segmentation]:
    """A CT (K, J, I) of spheres of 800 HU in tissue of 40 HU, with partial volume, and their labels."""
    grid = np.indices((50, 60, 60))[::-1].reshape(3, -1).T * SPACING_MM
    fraction = np.zeros(grid.shape[0])
    labels = np.zeros(grid.shape[0], np.uint16)
    for label, (radius, centre) in enumerate(zip(RADII_MM, CENTRES_MM, strict=True), start=1):
        inside = (radius - np.linalg.norm(grid - centre, axis=1)) / SPACING_MM + 0.5
        fraction = np.maximum(fraction, np.clip(inside, 0, 1))
        labels[inside >= 0.5] = label
    noise = np.random.default_rng(0).normal(0, 10, grid.shape[0])
    voxels = (40 + 760 * fraction + noise).astype(np.int16).reshape(50, 60, 60)
    matrix = np.diag([SPACING_MM, SPACING_MM, SPACING_MM, 1.0])
    volume = Volume(voxels, matrix)
    segments = tuple(Segment(n, f"deposit-{n}", f"Deposit {n}") for n in (1, 2))
    return volume, Segmentation(volume.with_voxels(labels.reshape(voxels.shape)), segments)
