"""Entry of ``calcinosis``: exit codes, one-sentence errors, progress, the machine-readable last line."""

from __future__ import annotations

import argparse
import errno
import importlib
import signal
import sys
import traceback
from collections.abc import Sequence
from typing import Any, NoReturn

from . import threads  # noqa: F401 - before anything that loads numpy

import slicer  # isort: skip

from .. import __version__  # isort: skip
from ..analysis.errors import CalcinosisError, InputError, OperationCancelled
from ..analysis.files import json_text
from ..host import inside_slicer, start
from ..scene.segmentations import clear_scene
from .progress import ProgressLine

COMMANDS = (
    "demo", "implant", "phantom", "run", "segment", "register", "locate", "drr", "quantify", "compare", "agree",
)  # fmt: skip
EXIT_OK, EXIT_FAILED, EXIT_BAD_INPUT, EXIT_INTERRUPTED = 0, 1, 2, 130

_FULL = {errno.ENOSPC, errno.EDQUOT}


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence instead of printing the whole usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(EXIT_BAD_INPUT, f"{self.prog}: {message}; --help shows the usage.\n")


def parser() -> argparse.ArgumentParser:
    """The command line's parser; each command adds its own arguments."""
    top = _Parser(prog="calcinosis", description="Calcinosis of the hand in CT, MR and radiographs. Research use only.")
    top.add_argument("--version", action="version", version=__version__)
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=_Parser)
    for name in COMMANDS:
        module = importlib.import_module(f".commands.{name}", __package__)
        sub = commands.add_parser(name, help=module.HELP, description=module.HELP, allow_abbrev=False)
        module.add_arguments(sub)
        sub.add_argument("--json", action="store_true", help="a machine-readable summary as the last line of output")
        sub.add_argument("--debug", action="store_true", help="show where in the program an error arose")
        sub.set_defaults(run=module.run)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 done, 1 we or the machine failed, 2 bad usage or input."""
    try:
        arguments = parser().parse_args(argv)
    except SystemExit as stop:
        return int(stop.code or 0)
    _interrupt_on_terminate()
    line = ProgressLine(sys.stderr)
    try:
        start()
        summary = arguments.run(arguments, line)
        line.clear()
        _print_summary(summary, arguments.json)
    except (Exception, KeyboardInterrupt) as error:
        line.clear()
        if arguments.debug:
            traceback.print_exc()
        code, sentence = _explain(error)
        print(f"calcinosis: {sentence}", file=sys.stderr)
        return code
    finally:
        _clear_scene()
    return EXIT_OK


def _clear_scene() -> None:
    """Leave quickly: a scene that is deleted with its segmentations in it takes minutes. In Slicer it stays."""
    if not inside_slicer() and getattr(slicer, "mrmlScene", None) is not None:
        clear_scene(slicer.mrmlScene)


def _interrupt_on_terminate() -> None:
    """A polite kill cleans up as Ctrl+C does."""

    def interrupt(number: int, frame: object) -> NoReturn:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)


def _explain(error: BaseException) -> tuple[int, str]:
    """Exit code and one sentence for whatever ended a command."""
    if isinstance(error, InputError):
        # A study's problems are reported together, one line each.
        return EXIT_BAD_INPUT, "\n".join(" ".join(line.split()) for line in str(error).splitlines())
    if isinstance(error, KeyboardInterrupt | OperationCancelled):
        return EXIT_INTERRUPTED, "interrupted; unfinished results were removed."
    if isinstance(error, CalcinosisError):
        return EXIT_FAILED, _one_line(error)
    if isinstance(error, OSError) and error.errno in _FULL:
        return EXIT_FAILED, f"the disk is full ({error.filename or 'output'}); free some space and run again."
    if isinstance(error, OSError):
        where = error.filename or error.filename2 or "a file"
        return EXIT_BAD_INPUT, f"{where}: {error.strerror or error}; choose a place that can be read and written."
    if isinstance(error, MemoryError):
        return EXIT_FAILED, "there is not enough memory for this image; close other programs or crop the image."
    return EXIT_FAILED, f"internal error ({type(error).__name__}: {_one_line(error)}); run with --debug and report it."


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())


def _print_summary(summary: dict[str, Any], as_json: bool) -> None:
    """Plain lines for people, or one JSON line; ``text`` is what people see."""
    text = summary.pop("text", None)
    if text:
        print(text)
    if as_json:
        print(json_text(summary, indent=None))


if __name__ == "__main__":
    sys.exit(main())
