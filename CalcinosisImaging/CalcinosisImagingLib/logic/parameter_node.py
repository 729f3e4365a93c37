"""The module's parameters as they are kept in the scene. Field names are a file format: never rename one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode, vtkMRMLTableNode, vtkMRMLTransformNode
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper


@parameterNodeWrapper
class CalcinosisImagingParameterNode:
    """What the panel shows.

    Attributes
    ----------
    ctVolume, mrVolume, filmVolume: the images.
    viewFile: geometry of the film; "." means it is known already or not needed.
    bones: named bones of the CT.
    ctDeposits, mrDeposits, filmDeposits: deposits found in each.
    ctToMr: transform under which the MR hangs, so that it lies on the CT.
    filmPlacement: transform under which the film hangs, so that it lies where it was exposed.
    depositTable, matchTable, registrationTable: results.
    sensitivity: 0 (few, sure) to 1 (all, some false).
    minimumVolumeMm3: smaller candidates are left out, mm³.
    psfFwhmMm: full width at half maximum of the CT's point spread, mm; 0 = estimate it.
    """

    ctVolume: vtkMRMLScalarVolumeNode
    mrVolume: vtkMRMLScalarVolumeNode
    filmVolume: vtkMRMLScalarVolumeNode
    viewFile: Path
    bones: vtkMRMLSegmentationNode
    ctDeposits: vtkMRMLSegmentationNode
    mrDeposits: vtkMRMLSegmentationNode
    filmDeposits: vtkMRMLSegmentationNode
    ctToMr: vtkMRMLTransformNode
    filmPlacement: vtkMRMLTransformNode
    depositTable: vtkMRMLTableNode
    matchTable: vtkMRMLTableNode
    registrationTable: vtkMRMLTableNode
    sensitivity: Annotated[float, WithinRange(0.0, 1.0)] = 0.5
    minimumVolumeMm3: Annotated[float, WithinRange(0.1, 50.0)] = 1.0
    psfFwhmMm: Annotated[float, WithinRange(0.0, 3.0)] = 0.0
