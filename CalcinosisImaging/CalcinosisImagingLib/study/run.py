"""A whole study: participants one by one or side by side, then the cohort's tables, statistics and report."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..analysis.progress import Progress, part, report, silent
from .cohort import write_cohort
from .layout import Participant, read_study
from .participant_run import ROWS_FILE, fingerprint, read_rows, run_participant


@dataclass(frozen=True)
class StudyResult:
    """For the command line: a table to print and the same facts for machines."""

    table: str
    summary: dict[str, Any]


def run_study(
    study_path: Path,
    out: Path,
    participant_ids: Sequence[str] | None = None,
    jobs: int = 1,
    resume: bool = False,
    start_worker: Callable[[int], None] | None = None,
    progress: Progress = silent,
) -> StudyResult:
    """Analyse a study folder into ``out``, which exists.

    jobs: participants at a time; the results do not depend on it.
    start_worker: called with ``jobs`` in every worker process before anything else, to give it a scene; without it
        participants are run one by one.
    resume: participants whose files and whose software have not changed are kept as they are.

    Raises
    ------
    InputError: the study or one of its images cannot be used; participants that were done before stay.
    """
    study = read_study(study_path, participant_ids, part(progress, 0.0, 0.05))
    waiting = [p for p in study.participants if not (resume and is_done(p, out))]
    share = part(progress, 0.05, 0.95)
    if start_worker is not None and min(jobs, len(waiting)) > 1 and _can_spawn():
        _run_side_by_side(waiting, out, min(jobs, len(waiting)), start_worker, share)
    else:
        _run_in_turn(waiting, out, share)
    report(progress, 0.95, "Cohort tables and report")
    rows = {p.participant_id: read_rows(out / p.participant_id) for p in study.participants}
    table, summary = write_cohort(study, rows, out)
    report(progress, 1.0, "Done")
    return StudyResult(table, summary)


def is_done(participant: Participant, out: Path) -> bool:
    """Whether whole results of exactly this input are there."""
    folder = out / participant.participant_id
    return (folder / ROWS_FILE).is_file() and read_rows(folder)["fingerprint"] == fingerprint(participant)


def _run_in_turn(participants: Sequence[Participant], out: Path, progress: Progress) -> None:
    for number, participant in enumerate(participants):
        share = part(progress, number / len(participants), (number + 1) / len(participants))
        run_participant(participant, out, share)


def _can_spawn() -> bool:
    """Whether ``sys.executable`` is a Python that can run a worker; inside Slicer it is not."""
    return "python" in os.path.basename(sys.executable or "").lower() and sys.executable != ""


def _run_side_by_side(
    participants: Sequence[Participant],
    out: Path,
    jobs: int,
    start_worker: Callable[[int], None],
    progress: Progress,
) -> None:
    """Each participant in a worker process with a scene of its own."""
    context = multiprocessing.get_context("spawn")
    done = 0
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=start_worker, initargs=(jobs,)) as pool:
        running: set[Future[None]] = {pool.submit(_work, participant, out) for participant in participants}
        try:
            while running:
                report(progress, done / len(participants), f"{done} of {len(participants)} participants done")
                finished, running = wait(running, timeout=1.0, return_when=FIRST_COMPLETED)
                for future in finished:
                    future.result()
                    done += 1
        except BaseException:
            for process in list(pool._processes.values()):
                process.terminate()
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _work(participant: Participant, out: Path) -> None:
    run_participant(participant, out, silent)
