"""Where a command may write: checked before the work starts, so that nothing is lost after it."""

from __future__ import annotations

import errno
import tempfile
from pathlib import Path

from .errors import InputError


def writable_file(path: Path, suffixes: tuple[str, ...]) -> Path:
    """``path`` if a file of one of these endings can be written there; makes missing parent folders.

    Raises
    ------
    InputError: wrong ending, a folder of that name, or the folder cannot be written.
    """
    path = Path(path)
    if not path.name.lower().endswith(suffixes):
        raise InputError(f"{path}: the output must end in {' or '.join(suffixes)}; give another name.")
    if path.is_dir():
        raise InputError(f"{path}: is a folder; name a file to write.")
    writable_folder(path.parent)
    return path


def writable_folder(path: Path) -> Path:
    """``path`` as an existing folder in which a file can be made.

    Raises
    ------
    InputError: it is a file, or cannot be made or written.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except FileExistsError as error:
        raise InputError(f"{path}: is a file where an output folder is needed; choose another --out.") from error
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        raise InputError(
            f"{path}: cannot be written ({error.strerror}); choose another output place or change its permissions."
        ) from error
    return path
