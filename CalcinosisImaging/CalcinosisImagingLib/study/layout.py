"""The study folder: participants, visits, the role of each image, and the readers' corrections.

``STUDY/participants.tsv``, ``STUDY/sub-01/ses-1/{ct,mr/<series>,xray/<view>,edits}``. What lies outside these folders
is sorted by its DICOM tags.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..analysis.errors import InputError
from ..analysis.progress import Progress, report, silent
from .names import natural_key
from .participants_file import PARTICIPANT_ID, read_participants, read_study_name
from .study_edits import read_edits
from .study_types import Edit, Participant, Session, Study, StudyError
from .visit_images import read_visit_images

__all__ = ["Edit", "Participant", "Session", "Study", "StudyError", "read_study"]


def read_study(path: Path | str, participants: Sequence[str] | None = None, progress: Progress = silent) -> Study:
    """Find everything that a study holds and check what can be checked without reading pixels.

    Parameters
    ----------
    path: the study folder.
    participants: ids to read, all if None.

    Raises
    ------
    StudyError (an InputError): every problem found, one sentence and one line each.
    """
    path = Path(path)
    if not path.is_dir():
        what = "is a file, not a study folder" if path.exists() else "there is no such study folder"
        raise InputError(f"{path}: {what}; check the name.")
    problems: list[str] = []
    name = read_study_name(path / "study.json", problems)
    hands, folders = _participants(path, problems)
    for wanted in participants or ():
        if wanted not in folders:
            problems.append(
                f"{path}: has no participant {wanted} (there: {', '.join(folders) or 'none'}); check the id."
            )
    chosen = [p for p in folders if participants is None or p in participants]
    found = []
    for number, participant in enumerate(chosen):
        report(progress, number / len(chosen), f"Looking through {participant}")
        sessions = _sessions(folders[participant], problems)
        found.append(Participant(participant, hands.get(participant), sessions))
    if problems:
        raise StudyError(problems)
    return Study(path, name, tuple(found))


def _participants(path: Path, problems: list[str]) -> tuple[dict[str, str | None], dict[str, Path]]:
    """Hands by id from the table, and the folders by id, in natural order; both must name the same ids."""
    folders: dict[str, Path] = {}
    for folder in sorted(_folders(path, problems), key=lambda p: natural_key(p.name)):
        if not folder.name.startswith("sub-"):
            continue
        if PARTICIPANT_ID.fullmatch(folder.name):
            folders[folder.name] = folder
        else:
            problems.append(
                f"{folder}: is no safe participant id; rename it to sub- and letters or digits, like sub-01."
            )
    table = path / "participants.tsv"
    if not folders and not table.exists():
        if not problems:
            problems.append(f"{path}: is no study folder (no sub-01, no participants.tsv); check the name.")
        return {}, {}
    if not table.exists():
        return {}, folders
    before = len(problems)
    hands = read_participants(table, problems)
    if len(problems) == before:
        problems += [
            f"{table}: lists {p}, and there is no such folder; add or remove it." for p in hands if p not in folders
        ]
        problems += [f"{table}: does not list {p}; add a row for it." for p in folders if p not in hands]
    return hands, folders


def _folders(path: Path, problems: list[str]) -> list[Path]:
    """Visible folders directly in ``path``."""
    try:
        return [p for p in path.iterdir() if p.is_dir() and not p.name.startswith(".")]
    except OSError as error:
        problems.append(f"{path}: cannot be opened ({error.strerror}); allow reading it.")
        return []


def _sessions(folder: Path, problems: list[str]) -> tuple[Session, ...]:
    """The visits of one participant in natural order; without ``ses-`` folders the participant's folder is ses-1."""
    before = len(problems)
    named = [p for p in _folders(folder, problems) if p.name.startswith("ses-")]
    unsafe = [p for p in named if not p.name[4:].isalnum() or not p.name.isascii()]
    problems += [f"{p}: is no safe name of a visit; rename it to ses- and letters or digits." for p in unsafe]
    visits = {p.name: p for p in sorted(named, key=lambda p: natural_key(p.name)) if p not in unsafe}
    if not named:
        visits = {"ses-1": folder}
    sessions: list[Session] = []
    ct_session = None
    for name, place in visits.items():
        session = _session(name, place, problems)
        if session.ct is not None:
            ct_session = name
        sessions.append(replace(session, ct_session=ct_session))
    if len(problems) == before and not any(s.ct or s.mr or s.xray for s in sessions):
        problems.append(f"{folder}: holds no image; put them into ses-1/ct, ses-1/mr/<series>, ses-1/xray/<view>.")
    return tuple(sessions)


def _session(name: str, folder: Path, problems: list[str]) -> Session:
    """One visit."""
    try:
        images = read_visit_images(folder, problems)
        edits = read_edits(folder / "edits", images.ct, images.mr, images.xray, problems)
    except OSError as error:
        problems.append(f"{error.filename}: cannot be opened ({error.strerror}); allow reading it.")
        return Session(name)
    return Session(name, ct=images.ct, mr=images.mr, xray=images.xray, edits=edits)
