"""The effect in a scene with 244 deposits: processor time of a click, a stroke, a moved slider; masks against Slicer's.

The region of the slider is a finger with a bone in it: candidates of every size, of the density of paste and of chalk.

Run alone: python Testing/Bench/bench_effect.py [large]. "large" is 500 x 400 x 400 voxels, else 160 x 120 x 100.
"""

# ruff: noqa: E402

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "Testing"), str(ROOT / "Testing" / "Python"), str(ROOT / "CalcinosisImaging")]

import standins

standins.install()

import numpy as np
import slicer
from CalcinosisImagingLib.analysis.segmentation import Segment, Segmentation
from CalcinosisImagingLib.analysis.volume import Volume
from CalcinosisImagingLib.scene.links import MODALITY_ATTRIBUTE
from CalcinosisImagingLib.scene.segmentations import segmentation_to_node
from CalcinosisImagingLib.scene.volumes import volume_to_node
from CalcinosisImagingLib.ui.editing import modifying
from CalcinosisImagingLib.ui.registration import register_effect
from standins.editor import Editor

SMALL, LARGE = (100, 120, 160), (400, 400, 500)
SPACING_MM = 0.3
COUNT = 244
FINGER_MM = 30.0
RADIUS = 4
OUTSIDE_ALL = 3


class Scene:
    """Balls on a lattice: 244 of them segments, more that are not."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        slicer.mrmlScene.Clear(0)
        step = 12 if shape == SMALL else 40
        axes = [np.arange(step, n - step // 2, step) for n in shape]
        places = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
        self.finger = np.array(shape) - 1 - round(FINGER_MM / 2 / SPACING_MM)
        self.places = places[(np.abs(places - self.finger) > FINGER_MM / 2 / SPACING_MM + RADIUS).any(axis=1)]
        rng = np.random.default_rng(0)
        voxels = np.full(shape, 40, np.int16)
        voxels += rng.integers(-15, 16, shape, dtype=np.int16)
        labels = np.zeros(shape, np.uint16)
        local = np.indices((2 * RADIUS + 1,) * 3) - RADIUS
        ball = (local**2).sum(axis=0) <= (RADIUS - 0.5) ** 2
        for number, (k, j, i) in enumerate(self.places, start=1):
            box = tuple(slice(c - RADIUS, c + RADIUS + 1) for c in (k, j, i))
            voxels[box][ball] += 700
            if number <= COUNT:
                labels[box][ball] = number
        labels = np.roll(labels, 1, axis=2)  # a voxel off, so that there is something to regrow and refine
        self._draw_finger(voxels, rng)
        self.volume = Volume(voxels, np.diag([SPACING_MM] * 3 + [1.0]))
        node = volume_to_node(slicer.mrmlScene, self.volume, "CT", "ct")
        segments = tuple(Segment(n, f"deposit-{n}", f"Deposit {n}") for n in range(1, COUNT + 1))
        drawn = Segmentation(self.volume.with_voxels(labels), segments)
        self.segmentation = segmentation_to_node(slicer.mrmlScene, drawn, "Deposits", node)
        self.segmentation.SetAttribute(MODALITY_ATTRIBUTE, "ct")
        register_effect()
        self.editor = Editor("Calcinosis", node, self.segmentation)
        self.editor.activate()
        self.session = self.editor.python.session

    def _draw_finger(self, voxels: np.ndarray, rng: np.random.Generator) -> None:
        """Put a finger's bone and 12 deposits that are in no segment into the far corner."""
        reach = round(FINGER_MM / 2 / SPACING_MM)
        box = tuple(slice(max(0, c - reach), c + reach) for c in self.finger)
        part = voxels[box]
        k, j, i = ((np.indices(part.shape).T + [s.start for s in box] - self.finger) * SPACING_MM).T
        bone = np.hypot(i, j)
        part[bone < 4.5] += 1100
        part[bone < 3.0] -= 1050
        for number in range(12):
            angle, height = number * 2.4, -12 + 2.2 * number
            j0, i0 = 8.5 * np.cos(angle), 8.5 * np.sin(angle)
            ball = (i - i0) ** 2 + (j - j0) ** 2 + (k - height) ** 2 < rng.uniform(0.9, 2.0) ** 2
            part[ball] += (250, 900)[number % 2]

    def at(self, number: int) -> np.ndarray:
        """World position of a ball."""
        return self.volume.to_ras(self.places[number][::-1].astype(float))

    def click(self, tool: str, number: int) -> None:
        """Choose the tool beforehand, click now."""
        self.session.choose_tool(tool)
        self.editor.click(self.at(number))


def processor_time(action: Callable[[], object]) -> float:
    """Seconds of all threads."""
    start = time.process_time()
    action()
    return time.process_time() - start


def measure(shape: tuple[int, int, int]) -> list[tuple[str, float, str]]:
    """(what, seconds, what the effect said) for each operation, each the median of three places."""
    scene = Scene(shape)
    rows = []
    scene.click("out", COUNT - 1)  # the source volume is put on the grid once
    for title, tool, places in (
        ("throw out", "out", (3, 77, 150)),
        ("take in", "in", (COUNT + 1, COUNT + 5, COUNT + 9)),
        ("call bone", "bone", (5, 80, 160)),
        ("regrow", "grow", (7, 90, 170)),
        ("refine", "refine", (9, 100, 180)),
    ):
        rows.append((title, *median_of(scene, [lambda t=tool, n=n: scene.click(t, n) for n in places])))
    scene.session.choose_tool("cut")
    across = np.array([0.0, 3.0, 0.0])
    strokes = [lambda n=n: scene.editor.drag(scene.at(n) - across, scene.at(n) + across) for n in (11, 110, 190)]
    rows.append(("cut", *median_of(scene, strokes)))
    scene.editor.slice.look_at(scene.volume.to_ras(scene.finger[::-1].astype(float)))
    scene.editor.effect.setParameter("RegionRadius", FINGER_MM / 2)
    rows.append(("find, region of 30 mm", *median_of(scene, [scene.session.find] * 3)))
    rows.append(("slider moved", *median_of(scene, [lambda s=s: moved_to(scene, s) for s in (0.3, 0.5, 0.7)])))
    scene.session.cancel()
    rows.append(("undo", *median_of(scene, [scene.editor.undo])))
    rows.append(("redo", *median_of(scene, [scene.editor.redo])))
    scene.editor.node.SetMaskMode(OUTSIDE_ALL)
    rows.append(("take in, mask outside all", *median_of(scene, [lambda: scene.click("in", COUNT + 13)])))
    own, modifying._outside = modifying._outside, lambda *_: None
    rows.append(("the same, Slicer's own mask", *median_of(scene, [lambda: scene.click("in", COUNT + 14)])))
    modifying._outside = own
    scene.editor.close()
    return rows


def moved_to(scene: Scene, sensitivity: float) -> None:
    """What follows a move of the slider."""
    scene.editor.effect.setParameter("Sensitivity", sensitivity)
    scene.session.update_preview()


def median_of(scene: Scene, actions: list[Callable[[], object]]) -> tuple[float, str]:
    """Median time and the last message."""
    seconds = [processor_time(action) for action in actions]
    return float(np.median(seconds)), scene.session.options.status.text


def run(shape: tuple[int, int, int] = SMALL) -> str:
    """A markdown table."""
    size = " x ".join(str(n) for n in shape[::-1])
    lines = [f"{COUNT} deposits, {size} voxels", "", "| operation | CPU s | the effect said |", "|---|---|---|"]
    lines += [f"| {title} | {seconds:.3f} | {said} |" for title, seconds, said in measure(shape)]
    return "\n".join(lines)


if __name__ == "__main__":
    print(run(LARGE if "large" in sys.argv else SMALL))
