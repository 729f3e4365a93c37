"""A reader corrects the study's own results with the effect: CT, MR and film of a synthetic hand, then runs it again.

The scene is the one that the study wrote, under its transforms. False and missed deposits are those of the results
where there are any; the bridge between two deposits is put in.
"""

# ruff: noqa: E402

OUTSIDE_SLICER_ONLY = True
RUNS_FOR_MINUTES = True

import csv
import shutil
import tempfile
import unittest
from pathlib import Path

import numpy as np
import standins

standins.install()

import qt
import slicer
import vtk
from CalcinosisImagingLib.analysis.segmentation_file import read_segmentation
from CalcinosisImagingLib.scene.bundle import load_bundle
from CalcinosisImagingLib.scene.segmentations import clear_scene, segmentation_from_node
from CalcinosisImagingLib.scene.volumes import volume_from_node
from CalcinosisImagingLib.ui.registration import register_effect
from cli_testing import Ran
from scipy import ndimage
from standins import record
from standins.editor import Editor

IMAGES = {
    "ct": ("CT", "ct", "ct"),
    "mr": ("MR t1", "mr/t1", "mr-t1"),
    "xray": ("X-ray pa", "xray/pa", "xray-pa"),
}
"""Modality: node of the image, folder in the study, name of a correction."""
VISIT = Path("sub-01") / "ses-1"
BAR_MM = 0.9


class Case:
    """One image of the study's scene in the editor, and its truth.

    Labels are arrays (K, J, I) on the image's grid.
    """

    def __init__(self, modality: str, truth_folder: Path) -> None:
        name, place, _ = IMAGES[modality]
        scene = slicer.mrmlScene
        self.modality = modality
        self.volume = scene.GetFirstNodeByName(name)
        self.deposits = scene.GetFirstNodeByName(f"{name} deposits")
        self.grid = volume_from_node(self.volume)
        self.truth = read_segmentation(truth_folder / place / "deposits.seg.nrrd").labels
        register_effect()
        self.editor = Editor("Calcinosis", self.volume, self.deposits)
        self.editor.activate()
        self.clicks = 0

    def labels(self):
        """Label per segment; bone left out."""
        found = segmentation_from_node(self.deposits, self.grid)
        bone = [s.label for s in found.segments if s.segment_id == "bone"]
        return np.where(np.isin(found.labels, bone), 0, found.labels)

    def put_in(self, segment_id, mask):
        """Give a segment (made if need be) these voxels, past the editor: a fault of the automatic result."""
        segmentation = self.deposits.GetSegmentation()
        if segmentation.GetSegment(segment_id) is None:
            segmentation.AddEmptySegment(segment_id, segment_id)
        slicer.util.updateSegmentBinaryLabelmapFromArray(mask.astype(np.uint8), self.deposits, segment_id, self.volume)

    def take_out(self, label):
        """Remove a segment, past the editor: a fault of the automatic result."""
        segments = segmentation_from_node(self.deposits, self.grid).segments
        self.deposits.GetSegmentation().RemoveSegment(next(s.segment_id for s in segments if s.label == label))

    def world(self, kji):
        """A voxel's place in the world, below the transforms of registration."""
        local = self.grid.to_ras(np.array(kji, float)[::-1])
        transform = vtk.vtkGeneralTransform()
        slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(self.volume.GetParentTransformNode(), None, transform)
        return np.array(transform.TransformPoint(local))

    def correct(self, tool, *places):
        """What the reader does: the tool's button, then a click, or a line drawn in the view where it lies flattest."""
        frame = self.editor.effect.optionsFrame()
        next(w for w in frame.findChildren(qt.QPushButton) if w.objectName == f"{tool}ToolButton").click()
        if len(places) == 1:
            self.editor.click(places[0])
        else:
            self.editor.drag(*places)
        self.clicks += 2
        return self.editor.python.session.options.status.text

    def line_across(self, start, end):
        """Ends of a line across the bar between two voxels, in the view (turned as needed) in which the bar lies."""
        a, b = self.world(start), self.world(end)
        along = (b - a) / np.linalg.norm(b - a)
        node = self.editor.slice.mrmlSliceNode()
        if len(self.grid.voxels) == 1:
            node.RotateToVolumePlane(self.volume)
        else:
            turns = (node.SetOrientationToSagittal, node.SetOrientationToCoronal, node.SetOrientationToAxial)
            turns[int(np.abs(along).argmin())]()
        normal = np.array([node.GetSliceToRAS().GetElement(axis, 2) for axis in range(3)])
        across = np.cross(normal, along)
        across *= 5.0 / np.linalg.norm(across)
        return (a + b) / 2 - across, (a + b) / 2 + across


def matched_dice(labels, truth):
    """Mean Dice over true deposits and false segments: each truth with the segment that overlaps it most, once."""
    trues, founds = np.unique(truth[truth > 0]), np.unique(labels[labels > 0])
    pairs = {}
    for found in founds:
        inside = truth[labels == found]
        if inside.any():
            best = np.bincount(inside[inside > 0]).argmax()
            pairs.setdefault(best, []).append(dice(labels == found, truth == best))
    unmatched = len(founds) - len(pairs)
    return sum(max(values) for values in pairs.values()) / (len(trues) + unmatched)


def dice(a, b):
    """Overlap of two masks."""
    return 2 * (a & b).sum() / max(a.sum() + b.sum(), 1)


def deepest(mask):
    """The voxel farthest from the edge."""
    return np.unravel_index(
        ndimage.distance_transform_edt(np.pad(mask, 1)).argmax(), np.array(mask.shape) + 2
    ) - np.array(1)


def clearest(voxels, mask):
    """The voxel of a body that stands out most from what is around it: there a reader clicks."""
    box = ndimage.find_objects(ndimage.binary_dilation(mask, iterations=3).astype(np.uint8))[0]
    part, inside = voxels[box].astype(float), mask[box]
    around = np.median(part[ndimage.binary_dilation(inside, iterations=3) & ~ndimage.binary_dilation(inside)])
    smooth = ndimage.gaussian_filter(part, [0.7 if n > 1 else 0 for n in part.shape])
    best = np.unravel_index(np.where(inside, np.abs(smooth - around), -1).argmax(), part.shape)
    return np.array(best) + [s.start for s in box]


def bar(shape, start, end, spacing_kji):
    """Voxels within `BAR_MM` of the line between two voxels."""
    mask = np.zeros(shape, bool)
    low = np.maximum(np.minimum(start, end) - 6, 0)
    high = np.minimum(np.maximum(start, end) + 7, shape)
    points = np.stack(np.meshgrid(*[np.arange(a, b) for a, b in zip(low, high, strict=True)], indexing="ij"), axis=-1)
    along = (np.array(end) - start) * spacing_kji
    offset = (points - start) * spacing_kji
    t = np.clip(offset @ along / (along @ along), 0, 1)
    reach = max(BAR_MM, float(spacing_kji.max()) if shape[0] > 1 else BAR_MM)
    near = np.linalg.norm(offset - t[..., None] * along, axis=-1) <= reach
    mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = near
    return mask


class EffectStudyTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.study, cls.out = cls.folder / "study", cls.folder / "out"
        made = Ran("phantom", "--out", cls.study, "--participants", 1, "--repeats", 0, "--seed", 5, "--preset", "easy")
        assert made.code == 0, made.err
        cls.truth = cls.folder / "truth"
        shutil.move(cls.study / "truth", cls.truth)
        first = Ran("run", cls.study, "--out", cls.out)
        assert first.code == 0, first.err

    def setUp(self):
        record.forget()

    def tearDown(self):
        self.assertEqual(record.console, [])
        self.assertEqual(record.slot_errors, [])

    def test_corrections_of_two_clicks_raise_the_dice_and_change_the_studys_results(self):
        edits = self.study / VISIT / "edits" / "reader-a"
        expected = {}
        for modality, (_, place, name) in IMAGES.items():
            with self.subTest(modality):
                clear_scene(slicer.mrmlScene)
                load_bundle(slicer.mrmlScene, self.out / VISIT / "scene.mrb")
                case = Case(modality, self.truth / VISIT)
                self.read(case)
                case.editor.effect.setParameter("EditsFolder", str(edits))
                case.editor.python.session.save()
                self.assertTrue((edits / f"{name}.seg.nrrd").is_file(), case.editor.python.session.options.status.text)
                expected[modality] = (np.unique(case.labels()).size - 1, matched_dice(case.labels(), case.truth), place)
                case.editor.close()
        self.study_with_corrections(expected)

    def read(self, case):
        """False one out, missed one in, bridge cut; the Dice rises at each."""
        false = self.false_one(case)
        missed = self.missed_one(case)
        start, end = self.bridge(case, missed)
        scores = [matched_dice(case.labels(), case.truth)]
        # On a film what a deposit lies over is as dense as the deposit: there the middle is clicked.
        seen = deepest(missed) if case.modality == "xray" else clearest(case.grid.voxels, missed)
        for tool, places in (
            ("out", [case.world(deepest(false))]),
            ("in", [case.world(seen)]),
            ("cut", case.line_across(start, end)),
        ):
            before = case.clicks
            said = case.correct(tool, *places)
            self.assertLessEqual(case.clicks - before, 2)
            scores.append(matched_dice(case.labels(), case.truth))
            self.assertGreater(scores[-1], scores[-2], f"{tool}: {said} {scores}")
        print(f"{case.volume.GetName()}: Dice " + ", ".join(f"{score:.3f}" for score in scores))

    def false_one(self, case):
        """Mask of the largest segment that meets no deposit and is one island; else the largest rejected candidate."""
        labels = case.labels()
        wrong = [n for n in np.unique(labels[labels > 0]) if not case.truth[labels == n].any()]
        wrong = [n for n in wrong if ndimage.label(labels == n, np.ones((3, 3, 3)))[1] == 1]
        if wrong:
            return labels == max(wrong, key=lambda n: (labels == n).sum())
        node = slicer.mrmlScene.GetFirstNodeByName(f"{case.volume.GetName()} rejected candidates")
        rejected = segmentation_from_node(node, case.grid).labels
        free = [n for n in np.unique(rejected[rejected > 0]) if not case.truth[rejected == n].any()]
        mask = (rejected == max(free, key=lambda n: (rejected == n).sum())) & (labels == 0)
        case.put_in("deposit-97", mask)
        return mask

    def missed_one(self, case):
        """Mask of the largest true deposit that no segment meets and that stands clear of the bones.

        If there is none, the smallest one that was found is taken out.
        """
        labels = case.labels()
        near_bone = np.zeros(labels.shape, bool)
        if case.modality == "ct":
            bones = segmentation_from_node(slicer.mrmlScene.GetFirstNodeByName("CT bones"), case.grid).labels > 0
            near_bone = ndimage.binary_dilation(bones, iterations=2)
        numbers = np.unique(case.truth[case.truth > 0])
        masks = [case.truth == n for n in numbers if not labels[case.truth == n].any()]
        masks = [mask for mask in masks if 2 * (mask & near_bone).sum() < mask.sum()]
        if masks:
            return max(masks, key=np.sum)
        found = [n for n in np.unique(labels[labels > 0]) if case.truth[labels == n].any()]
        last = min(found, key=lambda n: ((labels == n).sum(), n))
        number = np.bincount(case.truth[(labels == last) & (case.truth > 0)]).argmax()
        case.take_out(last)
        return case.truth == number

    def bridge(self, case, missed):
        """Join two deposits in one segment by a bar: found ones if there are two, else true ones. Ends of the bar."""
        labels = case.labels()
        found = [n for n in np.unique(labels[labels > 0]) if case.truth[labels == n].any()]
        masks = [labels == n for n in found]
        if len(masks) < 2:
            sizes = sorted(np.unique(case.truth[case.truth > 0]), key=lambda n: -(case.truth == n).sum())
            masks = [case.truth == n for n in sizes if not (case.truth == n)[missed].any()]
        spacing = case.grid.spacing_mm[::-1]
        centres = [np.array(deepest(mask)) for mask in masks]
        pairs = [(i, j) for i in range(len(centres)) for j in range(i)]
        i, j = min(pairs, key=lambda p: np.linalg.norm((centres[p[0]] - centres[p[1]]) * spacing))
        joined = masks[i] | masks[j] | bar(labels.shape, centres[i], centres[j], spacing)
        for number in (found[i], found[j]) if len(found) >= 2 else ():
            case.take_out(number)
        case.put_in("deposit-98", joined & ((labels == 0) | masks[i] | masks[j]))
        return self.gap(masks[i], masks[j], centres[i], centres[j])

    def gap(self, first, second, start, end):
        """Ends of the part of the line between two voxels that lies between two bodies."""
        line = np.round(np.linspace(start, end, 400)).astype(int)
        last_in_first = max((n for n, p in enumerate(line) if first[tuple(p)]), default=0)
        first_in_second = min((n for n, p in enumerate(line) if second[tuple(p)] and n > last_in_first), default=399)
        return line[last_in_first], line[first_in_second]

    def study_with_corrections(self, expected):
        """Run the study again: what the reader saved is what it measures, and it says so."""
        before = self.rows(self.out)
        again = self.folder / "again"
        ran = Ran("run", self.study, "--out", again)
        self.assertEqual(ran.code, 0, ran.err)
        rows = self.rows(again)
        for modality, (count, score, place) in expected.items():
            with self.subTest(modality):
                mine = [r for r in rows if r["modality"] == modality]
                self.assertEqual({(r["source"], r["reader"]) for r in mine}, {("edited", "reader-a")})
                self.assertEqual(len(mine), count)
                old = [r for r in before if r["modality"] == modality]
                self.assertEqual({r["source"] for r in old}, {"auto"})
                sizes = [[(r["volume_mm3"], r["area_mm2"]) for r in table] for table in (mine, old)]
                self.assertNotEqual(*sizes)
                stem = {"mr": "mr", "ct": "ct", "xray": "xray-pa"}[modality]
                truth = read_segmentation(self.truth / VISIT / place / "deposits.seg.nrrd").labels
                written = read_segmentation(again / VISIT / f"{stem}.seg.nrrd").labels
                self.assertAlmostEqual(matched_dice(written, truth), score)

    def rows(self, out):
        """Rows of deposits.csv."""
        with (out / "deposits.csv").open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))


if __name__ == "__main__":
    unittest.main()
