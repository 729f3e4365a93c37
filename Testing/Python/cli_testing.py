"""Runs the command line in this process and catches what it says."""

import contextlib
import io
import json

from CalcinosisImagingLib.cli.main import main


class Ran:
    """Exit code, standard output and standard error of one command."""

    def __init__(self, *arguments):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            self.code = main([str(argument) for argument in arguments])
        self.out, self.err = out.getvalue(), err.getvalue()

    @property
    def sentence(self):
        """The last thing said on standard error, without the program's name."""
        return self.err[self.err.rindex("calcinosis") :].partition(": ")[2].strip()

    @property
    def summary(self):
        """The machine-readable last line."""
        return json.loads(self.out.strip().splitlines()[-1])


def everything_in(folder):
    """Relative path and content of every file below a folder."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
