"""The module's logic: what the panel, the Python console and the pipeline call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import slicer
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic

from ..analysis.errors import InputError
from ..analysis.progress import Progress, part, silent
from ..scene.segmentations import remove_node
from .comparison_step import compare_modalities, match_table, sizes_of, with_consistency
from .film_step import PoseNodes, locate_films
from .parameter_node import CalcinosisImagingParameterNode
from .quantify_step import deposit_table, measured_rows, quantify_segmentation
from .registration_step import RegistrationNodes, register_volumes
from .segmentation_step import SegmentationOptions, SegmentedNodes, segment_volume
from .view_choice import readView, viewName

_VOLUME_FIELDS = {"ct": "ctVolume", "mr": "mrVolume", "xray": "filmVolume"}
_DEPOSIT_FIELDS = {"ct": "ctDeposits", "mr": "mrDeposits", "xray": "filmDeposits"}


class CalcinosisImagingLogic(ScriptedLoadableModuleLogic):
    """Steps on the nodes of ``slicer.mrmlScene``.

    Methods that take nodes return nodes or rows; methods that take the parameter node fill its fields. All raise
    `CalcinosisError` with one sentence, and `OperationCancelled` when ``progress`` returns False.
    """

    def __init__(self) -> None:
        ScriptedLoadableModuleLogic.__init__(self)

    def getParameterNode(self) -> CalcinosisImagingParameterNode:
        """The module's parameters in the scene."""
        return CalcinosisImagingParameterNode(super().getParameterNode())

    def segmentVolume(
        self,
        volumeNode: object,
        modality: str,
        options: SegmentationOptions = SegmentationOptions(),
        ctBonesNode: object | None = None,
        progress: Progress = silent,
    ) -> SegmentedNodes:
        """Deposits of a volume (for a CT the bones too) as segmentation nodes."""
        return segment_volume(slicer.mrmlScene, volumeNode, modality, options, ctBonesNode, progress)

    def registerVolumes(
        self, ctNode: object, mrNode: object, bonesNode: object, progress: Progress = silent
    ) -> RegistrationNodes:
        """Register CT to MR; the MR is hung under the new transform."""
        return register_volumes(slicer.mrmlScene, ctNode, mrNode, bonesNode, progress)

    def locateFilms(
        self, ctNode: object, filmNodes: Sequence[object], bonesNode: object, progress: Progress = silent
    ) -> PoseNodes:
        """Locate the CT's bones in films; each film is hung where it was exposed."""
        return locate_films(slicer.mrmlScene, ctNode, filmNodes, bonesNode, progress)

    def quantifySegmentation(
        self, volumeNode: object, segmentationNode: object, modality: str, **options: Any
    ) -> list[dict[str, Any]]:
        """Measures of each deposit; options as in `quantify_step.quantify_segmentation`."""
        return quantify_segmentation(volumeNode, segmentationNode, modality, **options)

    def compareModalities(
        self,
        ct: tuple[object, object] | None,
        mr: tuple[object, object] | None,
        films: Mapping[str, tuple[object, object]],
        bonesNode: object | None,
        depositRows: Iterable[Mapping[str, Any]] = (),
        progress: Progress = silent,
    ) -> list[dict[str, Any]]:
        """Matches between modalities; see `comparison_step`. Sizes and kinds come from ``depositRows``."""
        measured = list(depositRows)
        rows = compare_modalities(ct, mr, films, bonesNode, sizes_of(measured), progress)
        return with_consistency(rows, measured)

    def segment(
        self, parameterNode: CalcinosisImagingParameterNode, modality: str, progress: Progress = silent
    ) -> None:
        """Segment the chosen volume of a modality into the parameter node's segmentation fields."""
        volume = self._chosen(parameterNode, modality)
        if modality == "xray":
            readView(volume, parameterNode.viewFile)
        options = SegmentationOptions(
            parameterNode.sensitivity, parameterNode.minimumVolumeMm3, parameterNode.psfFwhmMm or None
        )
        bones = None if modality == "ct" else parameterNode.bones
        made = self.segmentVolume(volume, modality, options, bones, progress)
        self._replace(parameterNode, _DEPOSIT_FIELDS[modality], made.deposits)
        if made.bones is not None:
            self._replace(parameterNode, "bones", made.bones)

    def register(self, parameterNode: CalcinosisImagingParameterNode, progress: Progress = silent) -> None:
        """Register the chosen CT to the chosen MR."""
        ct, mr = self._chosen(parameterNode, "ct"), self._chosen(parameterNode, "mr")
        made = self.registerVolumes(ct, mr, self._bones(parameterNode), progress)
        self._replace(parameterNode, "ctToMr", made.transform)
        self._replace(parameterNode, "registrationTable", made.quality)
        if parameterNode.mrDeposits is not None:
            parameterNode.mrDeposits.SetAndObserveTransformNodeID(made.transform.GetID())

    def locate(self, parameterNode: CalcinosisImagingParameterNode, progress: Progress = silent) -> None:
        """Locate the chosen CT's bones in the chosen film."""
        ct, film = self._chosen(parameterNode, "ct"), self._chosen(parameterNode, "xray")
        readView(film, parameterNode.viewFile)
        made = self.locateFilms(ct, [film], self._bones(parameterNode), progress)
        parameterNode.filmPlacement = made.placements[0]
        if parameterNode.filmDeposits is not None:
            parameterNode.filmDeposits.SetAndObserveTransformNodeID(made.placements[0].GetID())

    def quantify(self, parameterNode: CalcinosisImagingParameterNode, progress: Progress = silent) -> None:
        """Measure all deposits that were found into the deposit table."""
        pairs = {m: self._pair(parameterNode, m) for m in _VOLUME_FIELDS}
        given = {modality: pair for modality, pair in pairs.items() if pair is not None}
        if not given:
            raise InputError("There are no deposits to measure: find them in a CT, MR or radiograph first.")
        rows: list[dict[str, Any]] = []
        for number, (modality, pair) in enumerate(given.items()):
            share = part(progress, number / len(given), (number + 1) / len(given))
            psf = (parameterNode.psfFwhmMm or None) if modality == "ct" else None
            bones = parameterNode.bones
            rows += self.quantifySegmentation(*pair, modality, ct_bones_node=bones, psf_fwhm_mm=psf, progress=share)
        parameterNode.depositTable = deposit_table(slicer.mrmlScene, "Deposits", rows, parameterNode.depositTable)

    def compare(self, parameterNode: CalcinosisImagingParameterNode, progress: Progress = silent) -> None:
        """Match the deposits between the chosen images into the match table."""
        ct, mr, film = (self._pair(parameterNode, m) for m in _VOLUME_FIELDS)
        if sum(pair is not None for pair in (ct, mr, film)) < 2:
            raise InputError("Comparing needs deposits in at least two images: find them in a second one first.")
        films = {} if film is None else {viewName(film[0]): film}
        measured = measured_rows(parameterNode.depositTable)
        rows = self.compareModalities(ct, mr, films, parameterNode.bones, measured, progress)
        parameterNode.matchTable = match_table(slicer.mrmlScene, "Matches", rows, parameterNode.matchTable)

    def runAll(self, parameterNode: CalcinosisImagingParameterNode, progress: Progress = silent) -> None:
        """Every step that the chosen images allow, in order."""
        steps = self._steps(parameterNode)
        if not steps:
            raise InputError("No image is chosen: choose a CT, an MR or a radiograph.")
        total = sum(weight for weight, _ in steps)
        done = 0.0
        for weight, step in steps:
            step(part(progress, done / total, (done + weight) / total))
            done += weight

    def _steps(self, node: CalcinosisImagingParameterNode) -> list[tuple[float, Callable[[Progress], None]]]:
        """(relative duration, step) for what is chosen."""
        ct, mr, film = node.ctVolume, node.mrVolume, node.filmVolume
        steps: list[tuple[float, Callable[[Progress], None]]] = []
        if ct is not None:
            steps.append((3.0, lambda p: self.segment(node, "ct", p)))
        if ct is not None and mr is not None:
            steps.append((4.0, lambda p: self.register(node, p)))
        if ct is not None and film is not None:
            steps.append((4.0, lambda p: self.locate(node, p)))
        if mr is not None:
            steps.append((2.0, lambda p: self.segment(node, "mr", p)))
        if film is not None:
            steps.append((1.0, lambda p: self.segment(node, "xray", p)))
        if steps:
            steps.append((1.0, lambda p: self.quantify(node, p)))
        if sum(volume is not None for volume in (ct, mr, film)) > 1:
            steps.append((1.0, lambda p: self.compare(node, p)))
        return steps

    def _chosen(self, parameterNode: CalcinosisImagingParameterNode, modality: str) -> object:
        """The volume chosen for a modality, or an InputError."""
        node = getattr(parameterNode, _VOLUME_FIELDS[modality])
        if node is None:
            name = {"ct": "CT", "mr": "MR", "xray": "radiograph"}[modality]
            raise InputError(f"No {name} is chosen: choose one under Images.")
        return node

    def _bones(self, parameterNode: CalcinosisImagingParameterNode) -> object:
        if parameterNode.bones is None:
            raise InputError("The bones are not known yet: run 'Find deposits' on the CT first.")
        return parameterNode.bones

    def _pair(self, parameterNode: CalcinosisImagingParameterNode, modality: str) -> tuple[object, object] | None:
        """Volume and deposits of a modality, None unless both are there."""
        volume = getattr(parameterNode, _VOLUME_FIELDS[modality])
        deposits = getattr(parameterNode, _DEPOSIT_FIELDS[modality])
        return None if volume is None or deposits is None else (volume, deposits)

    def _replace(self, parameterNode: CalcinosisImagingParameterNode, field: str, node: object) -> None:
        """Put a new node into a field; the node that was there goes, now that the new one exists."""
        old = getattr(parameterNode, field)
        setattr(parameterNode, field, node)
        if old is not None and old is not node:
            remove_node(slicer.mrmlScene, old)
