"""Runs the command line inside Slicer.

``Slicer --no-splash --no-main-window --python-script slicer_main.py -- run STUDY --out OUT``

Alone in its folder, because Slicer puts a script's folder first on ``sys.path``. Slicer does not leave by itself.
"""

import sys
from pathlib import Path

import slicer


def run() -> int:
    """Run the command given after ``--``; returns its exit code."""
    sys.path.append(str(Path(__file__).resolve().parents[3]))
    from CalcinosisImagingLib.cli.main import main

    arguments = sys.argv[1:]
    if arguments and arguments[0] == "--":
        arguments = arguments[1:]
    return main(arguments)


if __name__ == "__main__":
    exit_code = 1
    try:
        exit_code = run()
    finally:
        slicer.util.exit(exit_code)
