"""``calcinosis phantom``: a synthetic study with its truth."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ...analysis.errors import InputError
from ...analysis.output import writable_folder
from ...analysis.progress import Progress

HELP = "write a synthetic study with truth"
PRESETS = ("tiny", "easy", "typical", "hard")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """--out, how many, which."""
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="new or empty folder")
    parser.add_argument("--participants", type=int, default=2, metavar="N", help="default 2")
    parser.add_argument("--repeats", type=int, default=1, metavar="K", help="participants seen twice; default 1")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="same seed, same study; default 0")
    parser.add_argument("--preset", choices=PRESETS, default="typical", help="default typical")


def run(arguments: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Write the study."""
    if arguments.participants < 1 or not 0 <= arguments.repeats <= arguments.participants:
        raise InputError(
            f"--participants {arguments.participants} --repeats {arguments.repeats}: "
            "there must be at least one participant and no more repeats than participants."
        )
    out = writable_folder(arguments.out)
    if any(out.iterdir()):
        raise InputError(f"{out}: is not empty; give a new folder.")

    from ...phantom.study import write_phantom_study

    write_phantom_study(
        out, arguments.participants, arguments.repeats, arguments.seed, arguments.preset, progress=progress
    )
    return {"text": f"study: {out}", "participants": arguments.participants, "repeats": arguments.repeats}
