"""The examples in docstrings are true."""

import doctest
import importlib
import pkgutil
import unittest

import CalcinosisImagingLib.analysis as analysis
from CalcinosisImagingLib.host import start

start()

import CalcinosisImagingLib.phantom as phantom  # noqa: E402
import CalcinosisImagingLib.study as study  # noqa: E402


class ExamplesTest(unittest.TestCase):
    def test_examples(self):
        tried = 0
        for package in (analysis, phantom, study):
            for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
                module = importlib.import_module(found.name)
                result = doctest.testmod(module)
                self.assertEqual(result.failed, 0, found.name)
                tried += result.attempted
        self.assertGreater(tried, 5)
