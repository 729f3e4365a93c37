"""The geometry of a film chosen by the user: from its view file, or what is known already."""

from __future__ import annotations

import json
from pathlib import Path

from ..analysis.errors import InputError
from ..analysis.view import view_from_json
from ..scene.volumes import get_view, set_view


def readView(filmNode: object, viewFile: Path) -> None:
    """Attach the view file to the film; without one, the film must have its view already.

    Raises
    ------
    InputError: no view is known, the file cannot be read, or it describes another image.
    """
    if viewFile == Path():
        if get_view(filmNode) is None:
            raise InputError(f"{filmNode.GetName()}: the geometry of the radiograph is not known; choose a view file.")
        return
    try:
        content = json.loads(viewFile.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{viewFile}: cannot be read ({error.strerror}); choose this film's view file.") from error
    except ValueError as error:
        raise InputError(f"{viewFile}: is not JSON; choose the view file of this film.") from error
    view = view_from_json(content, str(viewFile))
    columns, rows = filmNode.GetImageData().GetDimensions()[:2]
    if (view.rows, view.columns) != (rows, columns):
        raise InputError(
            f"{viewFile}: describes {view.rows} x {view.columns} pixels, {filmNode.GetName()} has {rows} x {columns}; "
            "choose the view file of this film."
        )
    set_view(filmNode, view)


def viewName(filmNode: object) -> str:
    """Name of the film's view, else of its node."""
    view = get_view(filmNode)
    return filmNode.GetName() if view is None else view.name
