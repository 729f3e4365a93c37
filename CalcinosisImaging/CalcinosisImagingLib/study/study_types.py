"""A study as it lies on disk: participants, visits, images, corrections. Nothing in it names a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..analysis.errors import InputError
from .source_image import ImageSource


class StudyError(InputError):
    """Everything that is wrong with a study folder; one sentence and one line per problem.

    Attributes
    ----------
    problems: the sentences.
    """

    def __init__(self, problems: list[str] | tuple[str, ...]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))

    def __reduce__(self) -> tuple[type[StudyError], tuple[tuple[str, ...]]]:
        """Pickle the problems, not the joined text: the error may cross processes."""
        return type(self), (self.problems,)


@dataclass(frozen=True)
class Edit:
    """A reader's correction of one segmentation.

    Attributes
    ----------
    path: the ``.seg.nrrd``; it is read and never written.
    reader: name of the folder it lies in below ``edits/``, or "" directly there.
    modality: "ct", "mr" or "xray".
    series: the MR series that it belongs to; None for CT and radiographs, and for ``mr.seg.nrrd`` where there are
        several series (the pipeline's first).
    view: the radiograph that it belongs to; None for CT and MR.
    """

    path: Path
    reader: str
    modality: str
    series: str | None = None
    view: str | None = None

    @property
    def name(self) -> str:
        """Series or view, as `Session.mr` and `Session.xray` have it; "" for CT."""
        return self.series or self.view or ""


@dataclass(frozen=True)
class Session:
    """One visit.

    Attributes
    ----------
    name: folder name, ``ses-1``.
    ct: the visit's own CT; None if it has none.
    ct_session: name of the visit whose CT serves, this one or an earlier one; None if there is none.
    mr, xray: image by series, by view; names are safe and lower case, in order of name.
    edits: in order of reader and name.
    """

    name: str
    ct: ImageSource | None = None
    ct_session: str | None = None
    mr: Mapping[str, ImageSource] = field(default_factory=dict)
    xray: Mapping[str, ImageSource] = field(default_factory=dict)
    edits: tuple[Edit, ...] = ()

    def edits_of(self, modality: str, name: str = "") -> tuple[Edit, ...]:
        """Corrections of the CT, of one MR series, or of one view."""
        return tuple(e for e in self.edits if e.modality == modality and name == e.name)


@dataclass(frozen=True)
class Participant:
    """One participant: ``sub-01``, the hand under study ("left", "right", "both", None if not said), the visits."""

    participant_id: str
    hand: str | None
    sessions: tuple[Session, ...]

    def session(self, name: str) -> Session:
        """The visit of that name; KeyError if there is none."""
        return {session.name: session for session in self.sessions}[name]

    def ct_of(self, session: Session) -> ImageSource | None:
        """The CT that serves a visit: its own, or that of `Session.ct_session`."""
        return None if session.ct_session is None else self.session(session.ct_session).ct


@dataclass(frozen=True)
class Study:
    """A study folder: its path, its name (from ``study.json``, else "study"), and its participants in order."""

    path: Path
    name: str
    participants: tuple[Participant, ...]
