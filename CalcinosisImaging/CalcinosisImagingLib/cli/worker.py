"""What a worker process does first: it has a scene of its own and its share of the cores.

Imports nothing that needs the scene: it is unpickled before the scene is there.
"""

from __future__ import annotations

import os
import signal
from typing import NoReturn

from . import threads  # noqa: F401 - before anything that loads numpy


def start_worker(jobs: int) -> None:
    """Start the scene, and stop politely when asked to, so that what was begun is removed."""
    import SimpleITK as sitk

    from ..host import start

    def interrupt(number: int, frame: object) -> NoReturn:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(max(1, (os.cpu_count() or 1) // jobs))
    start()
