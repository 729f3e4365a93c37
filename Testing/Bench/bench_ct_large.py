"""Time and memory on a hand of 80 million voxels with 10, 244 and 1,000 deposits, beside programs in use today.

Each figure is taken in a process of its own, on two threads. Memory is the peak above what the imports take, in sizes
of the int16 image, the image included.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import ndimage
from scipy.special import ndtr

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "CalcinosisImaging"), str(ROOT / "Testing" / "Python")]

SPACING_MM = 0.32
"""A hand then has about 80 million voxels."""
COUNTS = (10, 244, 1000)
THREADS = "2"
FWHM_MM = 0.7
FREE_MM, APART_MM = 1.7, 4.1
"""Distance of every deposit's centre from bone and air, and from another's: fragments closer than 2 mm are one."""
RADIUS_MM = (0.6, 0.8)


def make_hand() -> np.ndarray:
    """A hand without deposits and noise: the phantom at twice the voxel, interpolated (int16)."""
    from CalcinosisImagingLib.phantom.ct import image_ct
    from CalcinosisImagingLib.phantom.person import draw_hand, stream
    from CalcinosisImagingLib.phantom.pose import draw_angles
    from CalcinosisImagingLib.phantom.presets import PRESETS, CtProtocol
    from CalcinosisImagingLib.phantom.scanner import ct_grid

    drawn = draw_hand(3, "sub-01", PRESETS["easy"])
    hand = replace(drawn, deposits=(), distractors=())
    posed = hand.held(draw_angles(stream(3, "pose"), "ct"), np.eye(4), np.zeros((0, 3)))
    coarse = 2 * SPACING_MM
    protocol = CtProtocol(coarse, coarse, (0.6, 0.6), 0.0, 0.0)
    image, _ = image_ct([posed], ct_grid([posed], coarse, coarse), protocol, stream(3, "noise"))
    return ndimage.zoom(image, 2, order=1, grid_mode=True, mode="nearest")


def places(hand: np.ndarray, count: int) -> np.ndarray:
    """Centres (count, 3) in soft tissue, in no order of space; voxels along k, j, i."""
    step = 2
    coarse = hand[::step, ::step, ::step]
    soft = ndimage.uniform_filter(((coarse > -200) & (coarse < 200)).astype(np.float32), 3) > 0.99
    free = ndimage.distance_transform_edt(soft) * step * SPACING_MM
    points = np.argwhere(free >= FREE_MM)
    chosen: list[np.ndarray] = []
    for point in np.random.default_rng(7).permutation(points)[:40000]:
        if not chosen or np.linalg.norm(np.array(chosen) - point, axis=1).min() * step * SPACING_MM > APART_MM:
            chosen.append(point)
        if len(chosen) == count:
            break
    return np.array(chosen) * step


def with_deposits(hand: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """The hand with balls of `RADIUS_MM` and 350 to 1,200 HU, and noise of 25 HU."""
    rng = np.random.default_rng(11)
    image = hand.astype(np.float32)
    half = int(4.0 / SPACING_MM)
    grid = np.indices((2 * half + 1,) * 3) - half
    for centre in centres:
        low = np.maximum(centre - half, 0)
        high = np.minimum(centre + half + 1, hand.shape)
        box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
        part = tuple(slice(int(a), int(b)) for a, b in zip(low - centre + half, high - centre + half, strict=True))
        shift = rng.uniform(-0.5, 0.5, 3)
        away = np.linalg.norm(grid[(slice(None), *part)] - shift[:, None, None, None], axis=0) * SPACING_MM
        share = ndtr((rng.uniform(*RADIUS_MM) - away) / (FWHM_MM / 2.3548))
        image[box] += share * (rng.uniform(350, 1200) - image[box])
    for plane in image:
        plane += 25.0 * rng.standard_normal(plane.shape, dtype=np.float32)
    return np.clip(np.round(image), -1024, 3071).astype(np.int16)


def peak_bytes() -> int:
    """Largest resident memory of this process (Linux). `getrusage` would begin with that of the parent."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def child(task: str, path: str) -> dict[str, float]:
    """One measurement; runs in a process of its own."""
    import CalcinosisImagingLib.analysis.ct.segment as ct
    import SimpleITK as sitk
    from CalcinosisImagingLib.analysis.volume import Volume

    # Lazy imports are no part of the memory.
    ct.segment_ct(Volume(np.load(path, mmap_mode="r")[:40, :40, :40].copy(), np.eye(4)))
    before = peak_bytes()
    voxels = np.load(path)
    volume = Volume(voxels, np.diag([SPACING_MM] * 3 + [1.0]))
    wall, cpu = time.perf_counter(), time.process_time()
    found = 0
    if task == "segment":
        found = len(ct.segment_ct(volume).deposits.segments)
    else:
        mask = sitk.BinaryThreshold(sitk.GetImageFromArray(voxels), 200, 32767)
        labels = sitk.ConnectedComponent(mask)
        found = int(sitk.GetArrayViewFromImage(labels).max())
    return {
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "memory": (peak_bytes() - before) / voxels.nbytes,
        "found": found,
    }


def scene_child(task: str, path: str) -> dict[str, float]:
    """Labels of deposits as segments of the scene: by this program, or by Slicer's own import."""
    from CalcinosisImagingLib.host import start

    start()
    import slicer
    from CalcinosisImagingLib.analysis.segmentation import Segment, Segmentation
    from CalcinosisImagingLib.analysis.volume import Volume
    from CalcinosisImagingLib.scene.segmentations import deposits_appearance, dressed, segmentation_to_node
    from CalcinosisImagingLib.scene.volumes import volume_to_node

    labels = np.load(path)
    volume = Volume(labels, np.diag([SPACING_MM] * 3 + [1.0]))
    count = int(labels.max())
    node = volume_to_node(slicer.mrmlScene, volume.with_voxels(labels.astype(np.int16)), "CT", "ct")
    start_wall = time.perf_counter()
    if task == "scene":
        segments = tuple(Segment(n, f"deposit-{n}", f"Deposit {n}") for n in range(1, count + 1))
        shown = dressed(Segmentation(volume, segments), deposits_appearance("ct"))
        made = segmentation_to_node(slicer.mrmlScene, shown, "deposits", node)
    else:
        label_node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode")
        slicer.modules.volumes.logic().CreateLabelVolumeFromVolume(slicer.mrmlScene, label_node, node)
        made = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
        start_wall = time.perf_counter()
        slicer.modules.segmentations.logic().ImportLabelmapToSegmentationNode(label_node, made)
    wall = time.perf_counter() - start_wall
    return {"wall": wall, "found": made.GetSegmentation().GetNumberOfSegments()}


def measure(task: str, path: Path) -> dict[str, float]:
    """Run `child` or `scene_child` in a fresh interpreter."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS")
    environment = os.environ | dict.fromkeys(names, THREADS)
    done = subprocess.run(
        [sys.executable, __file__, task, str(path)], env=environment, check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def run(counts: tuple[int, ...] = COUNTS) -> str:
    """Markdown tables."""
    hand = make_hand()
    head = "| deposits | found | s | CPU s | memory | threshold + components: s | memory |"
    lines = [f"{hand.size / 1e6:.0f} million voxels", "", head, "|" + "---|" * 7]
    centres = places(hand, max(counts))
    runs = []
    with tempfile.TemporaryDirectory() as folder:
        for count in counts:
            path = Path(folder) / "image.npy"
            np.save(path, with_deposits(hand, centres[:count]))
            own, peer = measure("segment", path), measure("components", path)
            runs.append(own)
            lines.append(
                f"| {min(count, len(centres))} | {own['found']} | {own['wall']:.1f} | {own['cpu']:.1f} | "
                f"{own['memory']:.1f} | {peer['wall']:.1f} | {peer['memory']:.1f} |"
            )
        growth = ", ".join(f"{kind} {runs[-1][kind] / runs[0][kind]:.2f} times" for kind in ("wall", "cpu"))
        lines += ["", f"From {counts[0]} to {min(counts[-1], len(centres))} deposits: {growth}"]
        path = Path(folder) / "labels.npy"
        labels = np.zeros(hand.shape, np.uint16)
        for number, (k, j, i) in enumerate(centres[:244], start=1):
            labels[k - 3 : k + 4, j - 3 : j + 4, i - 3 : i + 4] = number
        np.save(path, labels)
        lines += ["", "| segments in the scene | s |", "|---|---|"]
        for task, name in (("scene", "this program"), ("import", "ImportLabelmapToSegmentationNode")):
            found = measure(task, path)
            lines.append(f"| {found['found']}, {name} | {found['wall']:.2f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        work = scene_child if sys.argv[1] in ("scene", "import") else child
        print(json.dumps(work(sys.argv[1], sys.argv[2])))
    else:
        print(run())
