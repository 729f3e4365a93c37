"""One visit of a participant, analysed in the scene: read, register, segment, measure, compare."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import slicer

from ..analysis.errors import CalcinosisError, InputError, OperationCancelled
from ..analysis.progress import Progress, part
from ..analysis.projection.locate import Pose
from ..analysis.registration.register import Registration
from ..analysis.segmentation import Segmentation
from ..logic.module_logic import CalcinosisImagingLogic
from ..scene.segmentations import bones_appearance, clear_scene, dressed, segmentation_from_node, segmentation_to_node
from ..scene.volumes import volume_from_node
from .images import read_image
from .layout import Participant, Session
from .session_images import ImageNodes, add_edits, add_image
from .source_image import SourceImage


@dataclass(frozen=True)
class Baseline:
    """The CT of an earlier visit, which serves later visits that have none; ``rows`` are its deposits' measures."""

    session: str
    source: SourceImage
    bones: Segmentation
    deposits: Segmentation
    rows: tuple[dict[str, Any], ...]


@dataclass
class SessionResult:
    """What one visit gave; the nodes live in the scene until the next visit begins.

    Attributes
    ----------
    ct, mrs, films: images by series or view; ``ct_is_baseline`` when the CT is that of an earlier visit.
    ct_session: the visit whose CT serves.
    bones: segmentation node of the CT's bones.
    registrations, poses: by MR series and by view.
    deposits, matches: rows of the tables, with participant, session and hand.
    notes: what was assumed or did not work, one sentence each.
    """

    participant: str
    session: str
    hand: str | None
    ct: ImageNodes | None = None
    ct_is_baseline: bool = False
    ct_session: str | None = None
    bones: object | None = None
    mrs: dict[str, ImageNodes] = field(default_factory=dict)
    films: dict[str, ImageNodes] = field(default_factory=dict)
    registrations: dict[str, Registration] = field(default_factory=dict)
    poses: dict[str, Pose] = field(default_factory=dict)
    quality_nodes: list[object] = field(default_factory=list)
    deposits: list[dict[str, Any]] = field(default_factory=list)
    matches: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def images(self) -> list[ImageNodes]:
        """All images of the visit, CT first."""
        return [*([self.ct] if self.ct else []), *self.mrs.values(), *self.films.values()]

    @property
    def own_images(self) -> list[ImageNodes]:
        """The images taken at this visit."""
        return [image for image in self.images if not (image is self.ct and self.ct_is_baseline)]

    @property
    def located_views(self) -> list[dict[str, Any]]:
        """The entry of POSE.json of each film whose bones were located."""
        return [view for name, pose in self.poses.items() for view in pose.to_json() if view["name"] == name]

    @property
    def primary_mr(self) -> ImageNodes | None:
        """The MR series that is compared with the other modalities: the first by name."""
        return self.mrs[min(self.mrs)] if self.mrs else None


class SessionRun:
    """Runs the steps of one visit in order; see `run`."""

    def __init__(self, participant: Participant, session: Session, baseline: Baseline | None) -> None:
        self._session = session
        self._baseline = baseline
        self._logic = CalcinosisImagingLogic()
        self._result = SessionResult(participant.participant_id, session.name, participant.hand)

    def run(self, progress: Progress) -> SessionResult:
        """Clear the scene and analyse the visit.

        Raises
        ------
        InputError: an image or a correction cannot be used.
        """
        clear_scene(slicer.mrmlScene)
        self._read(part(progress, 0.0, 0.1))
        self._segment_ct(part(progress, 0.1, 0.3))
        self._register(part(progress, 0.3, 0.55))
        self._locate(part(progress, 0.55, 0.75))
        for image in (*self._result.mrs.values(), *self._result.films.values()):
            self._segment(image, part(progress, 0.75, 0.85))
        self._quantify(part(progress, 0.85, 0.95))
        self._compare(part(progress, 0.95, 1.0))
        return self._result

    def _read(self, progress: Progress) -> None:
        scene, session, result = slicer.mrmlScene, self._session, self._result
        if session.ct is not None:
            result.ct = add_image(scene, read_image(session.ct, "ct", progress=progress), "ct", "")
            result.ct_session = session.name
        elif self._baseline is not None:
            result.ct = add_image(scene, self._baseline.source, "ct", "")
            result.ct_is_baseline, result.ct_session = True, self._baseline.session
            result.notes.append(f"The CT of {self._baseline.session} serves for this visit.")
        for series, path in sorted(session.mr.items()):
            result.mrs[series] = add_image(scene, read_image(path, "mr", progress=progress), "mr", series)
        for view, path in sorted(session.xray.items()):
            result.films[view] = add_image(scene, read_image(path, "xray", progress=progress), "xray", view)
        for image in result.own_images:
            result.notes += [f"{image.volume.GetName()}: {note}" for note in image.source.notes]
        hands = {image.source.hand for image in result.own_images} - {None}
        if result.hand is None and len(hands) == 1:
            result.hand = hands.pop()
        elif result.hand is not None and hands - {result.hand, "both"}:
            result.notes.append(
                f"The images say {' and '.join(sorted(hands))}, participants.tsv says {result.hand}: check the hand."
            )

    def _segment_ct(self, progress: Progress) -> None:
        result = self._result
        if result.ct is None:
            result.notes.append("There is no CT: nothing was registered, and deposits have no place in the hand.")
            return
        scene = slicer.mrmlScene
        if result.ct_is_baseline:
            bones = dressed(self._baseline.bones, bones_appearance)
            result.bones = segmentation_to_node(scene, bones, "CT bones", result.ct.volume)
            result.ct.deposits = segmentation_to_node(scene, self._baseline.deposits, "CT deposits", result.ct.volume)
            return
        made = self._logic.segmentVolume(result.ct.volume, "ct", progress=progress)
        result.ct.deposits, result.ct.rejected, result.bones = made.deposits, made.all_rejected, made.bones
        self._add_edits(result.ct)

    def _register(self, progress: Progress) -> None:
        result = self._result
        if result.ct is None:
            return
        for series, image in result.mrs.items():
            made = self._attempt(
                f"{image.volume.GetName()} was not registered",
                lambda image=image: self._logic.registerVolumes(result.ct.volume, image.volume, result.bones, progress),
            )
            if made is not None:
                result.registrations[series] = made.result
                result.quality_nodes.append(made.quality)

    def _locate(self, progress: Progress) -> None:
        result = self._result
        if result.ct is None:
            return
        for group in exposures(list(result.films.values())):
            names = " and ".join(image.volume.GetName() for image in group)
            made = self._attempt(
                f"{names}: the bones were not located",
                lambda group=group: self._logic.locateFilms(
                    result.ct.volume, [image.volume for image in group], result.bones, progress
                ),
            )
            if made is not None:
                result.poses.update({image.name: made.result for image in group})
                result.quality_nodes.append(made.quality)

    def _attempt(self, what: str, step: Callable[[], Any]) -> Any | None:
        """The step's result; if it is impossible with these images, a note instead."""
        try:
            return step()
        except (InputError, OperationCancelled):
            raise
        except CalcinosisError as error:
            self._result.notes.append(f"{what}: {error}")
            return None

    def _segment(self, image: ImageNodes, progress: Progress) -> None:
        made = self._logic.segmentVolume(
            image.volume, image.modality, ctBonesNode=self._result.bones, progress=progress
        )
        image.deposits, image.rejected = made.deposits, made.all_rejected
        self._add_edits(image)

    def _add_edits(self, image: ImageNodes) -> None:
        add_edits(slicer.mrmlScene, image, self._session.edits_of(image.modality, image.name))

    def _quantify(self, progress: Progress) -> None:
        result = self._result
        about = {"participant": result.participant, "session": result.session}
        for image in result.own_images:
            for source, reader, node in image.sets:
                rows = self._logic.quantifySegmentation(
                    image.volume, node, image.modality, ct_bones_node=result.bones, progress=progress
                )
                series = {"view": image.name} if image.modality != "ct" else {}
                for row in rows:
                    row.update(about, **series, source=source, reader=reader or None)
                    row["hand"], row["site"] = hand_and_site(row.get("site"), result.hand)
                result.deposits += rows

    def _counts(self, row: dict[str, Any]) -> bool:
        """Whether a row is of the deposits that are compared: of the primary MR, and of the first reader."""
        image = next(i for i in self._result.images if (i.modality, i.name) == (row["modality"], row["view"] or ""))
        primary = image.modality != "mr" or image is self._result.primary_mr
        return primary and (row["reader"] or "") == image.sets[0][1]

    def _compare(self, progress: Progress) -> None:
        result = self._result
        ct = None if result.ct is None else (result.ct.volume, result.ct.used)
        mr = None if result.primary_mr is None else (result.primary_mr.volume, result.primary_mr.used)
        films = {view: (image.volume, image.used) for view, image in result.films.items()}
        if (ct is not None) + (mr is not None) + len(films) < 2:
            return
        about = {"participant": result.participant, "session": result.session, "hand": result.hand}
        used = [row for row in result.deposits if self._counts(row)]
        if result.ct_is_baseline:
            used += self._baseline.rows
        rows = self._logic.compareModalities(ct, mr, films, result.bones, used, progress)
        result.matches = [{**row, **about} for row in rows]


def exposures(films: list[ImageNodes]) -> list[list[ImageNodes]]:
    """Films of one instant together: those whose views share a rig; the hand moves between all others."""
    together = [film for film in films if film.source.view.rig_to_view is not None]
    alone = [[film] for film in films if film.source.view.rig_to_view is None]
    return ([together] if together else []) + alone


def hand_and_site(site: str | None, hand: str | None) -> tuple[str | None, str | None]:
    """Hand and plain bone name of a site; where both hands were imaged its bones are named ``left:...``.

    >>> hand_and_site("left:metacarpal-1", None), hand_and_site("hamate", "right")
    (('left', 'metacarpal-1'), ('right', 'hamate'))
    """
    if site and ":" in site:
        side, _, bone = site.partition(":")
        return side, bone
    return hand, site


def baseline_of(result: SessionResult) -> Baseline | None:
    """The CT of this visit for later visits."""
    if result.ct is None or result.ct_is_baseline:
        return None
    volume = volume_from_node(result.ct.volume)
    # The scene is cleared before it is used: keep copies of what lives in nodes.
    bones = segmentation_from_node(result.bones, volume)
    reader = result.ct.sets[0][1]
    rows = tuple(r for r in result.deposits if r["modality"] == "ct" and (r["reader"] or "") == reader)
    return Baseline(result.session, result.ct.source, bones, result.ct.used_segmentation(), rows)
