"""Reading a full hand CT from DICOM beside ITK's series reader."""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "CalcinosisImaging"), str(ROOT / "Testing" / "Python")]

from CalcinosisImagingLib.study.images import read_image  # noqa: E402
from dicom_making import save_series, slices  # noqa: E402

SHAPE = (400, 512, 400)


def run() -> str:
    """A markdown table: CPU seconds of reading, values compared."""
    with tempfile.TemporaryDirectory() as name:
        voxels = np.random.default_rng(0).integers(-1000, 2000, SHAPE).astype(np.int16)
        folder = save_series(Path(name) / "ct", slices(voxels, spacing_mm=(0.3, 0.3, 0.3)))
        ours, by_us = _timed(lambda: read_image(folder, "ct").volume.voxels)
        itk, by_itk = _timed(lambda: _by_itk(folder))
    same = "equal" if np.array_equal(by_us, by_itk) else "DIFFERENT"
    return "\n".join(
        [
            "| reader | CPU s | voxels |",
            "|---|---|---|",
            f"| read_image (checks, hash) | {ours:.2f} | {same} |",
            f"| SimpleITK series reader | {itk:.2f} | |",
        ]
    )


def _by_itk(folder):
    return sitk.GetArrayFromImage(sitk.ReadImage(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))))


def _timed(function):
    start = time.process_time()
    result = function()
    return time.process_time() - start, result


if __name__ == "__main__":
    sys.stdout.write(run() + "\n")
