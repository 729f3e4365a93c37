"""``calcinosis demo``: a small synthetic study, and everything run on it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ...analysis.errors import InputError
from ...analysis.output import writable_folder
from ...analysis.progress import Progress, part

HELP = "make a small synthetic study and run everything on it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """--out."""
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="gets study/ and results/")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="participants at a time; default 2")


def run(arguments: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Make the study unless it is there, run it."""
    out = writable_folder(arguments.out)
    study, results = out / "study", out / "results"
    if arguments.jobs < 1:
        raise InputError(f"--jobs {arguments.jobs}: must be at least 1.")

    from ...phantom.study import write_phantom_study
    from ...study.run import run_study
    from ..worker import start_worker

    if not (study / "study.json").is_file():
        writable_folder(study)
        write_phantom_study(study, 2, 1, seed=1, preset="easy", progress=part(progress, 0.0, 0.3))
    writable_folder(results)
    result = run_study(
        study, results, jobs=arguments.jobs, start_worker=start_worker, progress=part(progress, 0.3, 1.0)
    )
    return {"text": f"{result.table}\n\nReport: {results / 'report.html'}", **result.summary}
