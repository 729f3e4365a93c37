"""``calcinosis run``: a whole study, or some of its participants."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ...analysis.errors import InputError
from ...analysis.output import writable_folder
from ...analysis.progress import Progress

HELP = "analyse a study folder"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """STUDY --out, who, how."""
    parser.add_argument("study", type=Path, metavar="STUDY", help="study folder, see docs/reading.md")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR")
    parser.add_argument("--participant", nargs="+", metavar="sub-01", help="only these; all if not given")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="participants at a time; default 1")
    parser.add_argument("--resume", action="store_true", help="keep participants whose input has not changed")


def run(arguments: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Run the pipeline."""
    if arguments.jobs < 1:
        raise InputError(f"--jobs {arguments.jobs}: must be at least 1.")
    out = writable_folder(arguments.out)

    from ...study.run import run_study
    from ..worker import start_worker

    result = run_study(
        arguments.study,
        out,
        arguments.participant,
        jobs=arguments.jobs,
        resume=arguments.resume,
        start_worker=start_worker,
        progress=progress,
    )
    return {"text": f"{result.table}\n\nReport: {out / 'report.html'}", **result.summary}
