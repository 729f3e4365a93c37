"""What the tests share: where the real data are, and a temporary folder that goes away."""

import os
import unittest
from pathlib import Path

SHARED_DATA = Path(
    os.environ.get("CALCINOSIS_SHARED_DATA", Path(__file__).resolve().parents[2].parent / "shared" / "data")
)
"""Real scans and meshes, beside the project's folder; never part of it."""


def requires_shared(relative):
    """Decorator: skip, saying so, where a file or folder of the shared data is absent."""
    path = SHARED_DATA / relative
    return unittest.skipUnless(path.exists(), f"shared data absent: {relative}")
