"""Pytest only (Slicer never loads it): modules that say ``RUNS_FOR_MINUTES = True`` get the marker ``study``."""

import pytest


def pytest_collection_modifyitems(items):
    """Mark the long tests, so that `make test` can leave them to `make test-study`."""
    for item in items:
        if getattr(item.module, "RUNS_FOR_MINUTES", False):
            item.add_marker(pytest.mark.study)
