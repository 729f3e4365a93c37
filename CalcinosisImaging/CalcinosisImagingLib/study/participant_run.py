"""All visits of one participant; its results appear as a whole folder or not at all."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import slicer

from .. import __version__
from ..analysis.files import write_json
from ..analysis.progress import Progress, part, report
from ..scene.segmentations import clear_scene
from .layout import Participant, Session
from .report_session import write_session_report
from .session_files import registration_content, session_provenance, write_session
from .session_run import Baseline, SessionRun, baseline_of
from .source_image import file_digest
from .view_files import find_view
from .visit_comparison import VisitRecord, compare_visits, record_visit

ROWS_FILE = "rows.json"
"""In a participant's folder: its rows of the cohort's tables, and the fingerprint of its input."""


def run_participant(participant: Participant, out: Path, progress: Progress) -> dict[str, Any]:
    """Analyse every visit and write ``out/<participant>/``; returns the content of `ROWS_FILE`.

    Raises
    ------
    InputError: an image or correction cannot be used; what was there before stays as it was.
    """
    final = out / participant.participant_id
    with tempfile.TemporaryDirectory(prefix=".writing-", dir=out) as name:
        work = Path(name) / participant.participant_id
        work.mkdir()
        try:
            content = _run_visits(participant, work, progress)
        finally:
            clear_scene(slicer.mrmlScene)
        write_json(work / ROWS_FILE, content)
        old = Path(name) / "old"
        if final.exists():
            final.rename(old)
        try:
            work.rename(final)
        except OSError:
            if old.exists():
                old.rename(final)
            raise
        shutil.rmtree(old, ignore_errors=True)
    return read_rows(final)


def read_rows(folder: Path) -> dict[str, Any]:
    """The content of a participant's `ROWS_FILE`."""
    return json.loads((folder / ROWS_FILE).read_text(encoding="utf-8"))


def _run_visits(participant: Participant, work: Path, progress: Progress) -> dict[str, Any]:
    content: dict[str, Any] = {
        "fingerprint": fingerprint(participant), "deposits": [], "matches": [], "visit_matches": [],
        "registration": {}, "provenance": {},
    }  # fmt: skip
    baseline: Baseline | None = None
    records: list[VisitRecord] = []
    for number, session in enumerate(participant.sessions):
        share = part(progress, number / len(participant.sessions), (number + 1) / len(participant.sessions))
        named = _named(share, f"{participant.participant_id} {session.name}")
        result = SessionRun(participant, session, baseline).run(part(named, 0.0, 0.9))
        folder = work / session.name
        folder.mkdir()
        report(named, 0.9, "Writing results")
        write_session(result, folder)
        write_session_report(folder / "report.html", result)
        content["deposits"] += result.deposits
        content["matches"] += result.matches
        content["registration"][session.name] = registration_content(result)
        content["provenance"][session.name] = session_provenance(result)
        baseline = baseline_of(result) or baseline
        records.append(record_visit(result))
    for second in records[1:]:
        content["visit_matches"] += compare_visits(records[0], second)
    return content


def _named(progress: Progress, name: str) -> Progress:
    return lambda fraction, message: progress(fraction, f"{name}: {message}")


def fingerprint(participant: Participant) -> str:
    """Hash of the software's version, the participant's hand, and every file of its visits."""
    digest = hashlib.sha256(f"{__version__} {participant.participant_id} {participant.hand}".encode())
    for session in participant.sessions:
        digest.update(session.name.encode())
        for role, path in _inputs(session):
            for file in _files(path):
                digest.update(f"{role} {file.name} {file_digest(file)}".encode())
    return digest.hexdigest()


def _inputs(session: Session) -> list[tuple[str, Path | tuple[Path, ...]]]:
    """Role and place of everything that a visit reads."""
    inputs = [("ct", session.ct)] if session.ct is not None else []
    inputs += [(f"mr {name}", source) for name, source in session.mr.items()]
    inputs += [(f"xray {name}", source) for name, source in session.xray.items()]
    inputs += [(f"edit {edit.reader} {edit.modality} {edit.series or edit.view}", edit.path) for edit in session.edits]
    return inputs


def _files(source: Path | tuple[Path, ...]) -> list[Path]:
    """Files of a source, in order; an image's view file counts too."""
    if isinstance(source, tuple):
        return [file for path in sorted(source) for file in _files(path)]
    if source.is_dir():
        return sorted(path for path in source.rglob("*") if path.is_file())
    view = find_view(source)
    return [source] if view is None else [source, view]
