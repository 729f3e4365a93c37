"""Line integrals beside plastimatch, and bones of a CT located in films: error by projection, promises kept, time.

Run alone: ``python Testing/Bench/bench_projection.py``. plastimatch is the Debian package; its rows are left out
where it is not installed. Films: hands drawn by the project's phantom (a projector of its own) and the shared bone
meshes, posed anew.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "CalcinosisImaging"), str(ROOT / "Testing" / "Python")]

from CalcinosisImagingLib.analysis.projection.drr import project_ct  # noqa: E402
from CalcinosisImagingLib.analysis.projection.locate import locate  # noqa: E402
from CalcinosisImagingLib.analysis.segmentation_file import read_segmentation  # noqa: E402
from CalcinosisImagingLib.analysis.view import View  # noqa: E402
from CalcinosisImagingLib.analysis.volume import Volume  # noqa: E402
from CalcinosisImagingLib.analysis.xray.film import Film  # noqa: E402
from CalcinosisImagingLib.phantom.study import write_phantom_study  # noqa: E402
from CalcinosisImagingLib.study.images import read_image  # noqa: E402
from test_projection_locate import error_mm  # noqa: E402

STUDIES = (("typical", 0), ("typical", 11), ("hard", 5))
"""Preset and seed of phantom studies of two participants."""


def run() -> str:
    """Two tables in Markdown."""
    return "\n\n".join([line_integrals_table(), locate_table()])


def line_integrals_table() -> str:
    """Time, and difference from plastimatch exact, for a CT of 256³."""
    rng = np.random.default_rng(0)
    n, spacing = 256, 0.5
    k, j, i = np.indices((n, n, n), dtype=np.float32) - (n - 1) / 2
    radius = np.sqrt(k**2 + j**2 + i**2)
    hu = np.where(radius < 100, 40.0, -1000.0)
    hu[radius < 60] = 700
    hu[(radius < 100) & (np.abs(i) < 12)] = 1300
    hu = (hu + np.where(hu > -1000, rng.normal(0, 60, hu.shape), 0)).astype(np.int16)
    matrix = np.diag([-spacing, -spacing, spacing, 1.0])
    matrix[:3, 3] = [spacing * (n - 1) / 2] * 2 + [-spacing * (n - 1) / 2]
    ct = Volume(hu, matrix)
    lines = [
        "| film | CPU s | plastimatch exact, CPU s | largest difference, % of the film's largest |",
        "|---|---|---|---|",
    ]
    for size, pixel in ((200, 0.8), (512, 0.32)):
        view = View("a", size, size, (pixel, pixel), 1000.0, ((size - 1) / 2,) * 2)
        start = time.process_time()
        ours = project_ct(ct, view, lying_on_y())
        used = time.process_time() - start
        theirs, seconds = plastimatch(ct, size, pixel)
        if theirs is None:
            lines.append(f"| {size}² | {used:.2f} | not installed | – |")
            continue
        theirs *= ours.sum() / theirs.sum()  # plastimatch's attenuation has another unit
        off = 100 * np.abs(ours - theirs).max() / ours.max()
        lines.append(f"| {size}² | {used:.2f} | {seconds:.2f} | {off:.2f} |")
    return "\n".join(lines)


def lying_on_y() -> np.ndarray:
    """Source 900 mm before the CT along LPS -y, detector rows along -z: plastimatch's view of nrm (0, -1, 0)."""
    pose = np.eye(4)
    # LPS: x_view = x, y_view = -z, z_view = y; RAS has x and y reversed.
    pose[:3, :3] = [[-1, 0, 0], [0, 0, -1], [0, -1, 0]]
    pose[2, 3] = 900.0
    return pose


def plastimatch(ct: Volume, size: int, pixel: float) -> tuple[np.ndarray | None, float]:
    """The same film by ``plastimatch drr -i exact``, and its CPU seconds."""
    if shutil.which("plastimatch") is None:
        return None, 0.0
    from CalcinosisImagingLib.analysis.itk_bridge import to_itk

    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "ct.mha"
        sitk.WriteImage(to_itk(ct), str(source))
        command = [
            "plastimatch", "drr", "-i", "exact", "-t", "pfm", "--nrm", "0 -1 0", "--vup", "0 0 1", "--sad", "900",
            "--sid", "1000", "-r", f"{size} {size}", "-z", f"{size * pixel} {size * pixel}", "-P", "preprocess",
            "-o", "0 0 0", "-O", str(Path(folder) / "out_"), str(source),
        ]  # fmt: skip
        before = time.process_time(), sum(_children())
        subprocess.run(command, check=True, capture_output=True, env={"OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"})
        seconds = sum(_children()) - before[1]
        return read_pfm(next(Path(folder).glob("out_*.pfm"))), seconds


def _children() -> tuple[float, float]:
    import resource

    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime, usage.ru_stime


def read_pfm(path: Path) -> np.ndarray:
    """A grey portable float map, rows as they are written."""
    data = path.read_bytes()
    _, size, _, rest = data.split(b"\n", 3)
    columns, rows = map(int, size.split())
    return np.frombuffer(rest[: 4 * rows * columns], "<f4").reshape(rows, columns).astype(float)


def locate_table() -> str:
    """Errors of all bones over the phantom's films."""
    lines = [
        "| preset | films | bones | median mm | 90 % mm | worst 'ok' mm | ok | within upper95 | CPU s per film |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for preset, seed in STUDIES:
        with tempfile.TemporaryDirectory() as folder:
            write_phantom_study(Path(folder), participants=2, repeats=0, seed=seed, preset=preset)
            rows, seconds, films = [], 0.0, 0
            for truth in sorted(Path(folder).glob("truth/sub-*/ses-*/xray/*/pose.json")):
                start = time.process_time()
                rows += located(Path(folder), truth)
                seconds += time.process_time() - start
                films += 1
        error, upper, ok = (np.array(column) for column in zip(*rows, strict=True))
        kept = 100 * (error <= upper).mean()
        lines.append(
            f"| {preset}, {seed} | {films} | {len(error)} | {np.median(error):.2f} | {np.percentile(error, 90):.2f} | "
            f"{error[ok].max():.2f} | {100 * ok.mean():.0f} % | {kept:.0f} % | {seconds / films:.0f} |"
        )
    return "\n".join(lines)


def located(study: Path, truth: Path) -> list[tuple[float, float, bool]]:
    """Error in mm, promised bound and whether called ok, of each bone on one film."""
    view_folder = truth.parent.relative_to(study / "truth")
    subject = view_folder.parts[0]
    ct = read_image(study / subject / "ses-1" / "ct").volume
    bones = read_segmentation(study / "truth" / subject / "ses-1" / "ct" / "bones.seg.nrrd")
    read = read_image(study / view_folder)
    content = json.loads(truth.read_text())
    content = content[0] if isinstance(content, list) else content
    pose = locate(ct, bones, [Film(read.volume, read.view)])
    rows = []
    for name, found in pose.bones[read.view.name].items():
        known = content["bones"].get(name)
        if known is None:
            continue
        matrix = np.array(known["ct_to_view"] if isinstance(known, dict) else known)
        points = bones.volume.to_ras(np.argwhere(bones.mask(name))[::17, ::-1])
        rows.append((error_mm(points, read.view, matrix, found.ct_to_view), found.upper95_mm, found.flag == "ok"))
    return rows


if __name__ == "__main__":
    print(run())
