"""For developers: Slicer's Reload runs the module file again, but not the library that it imports."""

from __future__ import annotations

import sys


def forget_library() -> None:
    """Drop the library from the imported modules, so that the next import reads the files again."""
    package = __name__.split(".")[0]
    for name in [name for name in sys.modules if name == package or name.startswith(package + ".")]:
        del sys.modules[name]
