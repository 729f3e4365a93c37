"""Every correction of the effect on the real editor node and logic: CT, MR, film, transforms, masks, undo, redo."""

# ruff: noqa: E402

OUTSIDE_SLICER_ONLY = True

import unittest

import numpy as np
import standins

standins.install()

import slicer
import vtk
from CalcinosisImagingLib.analysis.segmentation import REASON_TAG, Segment, Segmentation
from CalcinosisImagingLib.analysis.volume import Volume
from CalcinosisImagingLib.scene.segmentations import segmentation_to_node
from effect_scene import BALLS, SPACING, EffectScene, dice, fractions
from standins import record

MODALITIES = ("ct", "mr", "xray")
CASES = [{"modality": m, "turn": t} for m in MODALITIES for t in (False, True)]
OUTSIDE_ALL, OUTSIDE_VISIBLE, INSIDE_SINGLE = 3, 4, 5
OVERWRITE_ALL, OVERWRITE_VISIBLE, OVERWRITE_NONE = 0, 1, 2


def cut_ends(scene):
    """A line across the middle of ball a, in world mm."""
    r, a, s = BALLS["a"][0]
    s = 0.0 if scene.modality == "xray" else s
    return scene.world((r + 0.3, a - 5, s)), scene.world((r + 0.3, a + 5, s))


def careless(scene):
    """Make ball a's segment a voxel too large on one side, so that there is something to refine."""
    mask = np.roll(scene.mask("deposit-1"), 2, axis=2)
    scene.set_mask("deposit-1", mask)


OPERATIONS = {
    "in": lambda s: (s.tool("in"), s.editor.click(s.center("c"))),
    "out": lambda s: (s.tool("out"), s.editor.click(s.center("a"))),
    "bone": lambda s: (s.tool("bone"), s.editor.click(s.center("a"))),
    "cut": lambda s: (s.tool("cut"), s.editor.drag(*cut_ends(s))),
    "grow": lambda s: (s.tool("grow"), s.editor.click(s.center("a"))),
    "refine": lambda s: (s.tool("refine"), s.editor.click(s.center("a"))),
    "find and apply": lambda s: (s.editor.slice.look_at(s.center("c")), s.find_and_apply()),
}
"""Each with at most two clicks: the tool's button and the place."""


class Case(unittest.TestCase):
    def setUp(self):
        record.forget()

    def tearDown(self):
        self.assertEqual(record.console, [])
        self.assertEqual(record.slot_errors, [])

    def scene(self, *arguments, **options):
        scene = EffectScene(*arguments, **options)
        self.addCleanup(scene.close)
        return scene


class ResultTest(Case):
    """What each operation leaves, in three kinds of image, with and without a transform."""

    def test_a_missed_deposit_is_taken_in_with_one_click(self):
        for case in CASES:
            with self.subTest(**case):
                scene = self.scene(**case, extra=("c",))
                OPERATIONS["in"](scene)
                self.assertEqual(scene.ids(), ["deposit-1", "deposit-2", "deposit-3"])
                self.assertGreater(dice(scene.mask("deposit-3"), scene.ball("c")), 0.95)

    def test_a_false_one_is_thrown_out_and_the_others_stay_as_they_are(self):
        for case in CASES:
            with self.subTest(**case):
                scene = self.scene(**case)
                before = scene.state()["deposit-2"]
                OPERATIONS["out"](scene)
                self.assertEqual(scene.state(), {"deposit-2": before})

    def test_an_island_called_bone_changes_hands_without_losing_a_voxel(self):
        for case in CASES:
            with self.subTest(**case):
                scene = self.scene(**case)
                mask = scene.mask("deposit-1")
                OPERATIONS["bone"](scene)
                self.assertEqual(scene.ids(), ["deposit-2", "bone"])
                np.testing.assert_array_equal(scene.mask("bone"), mask)

    def test_a_line_cuts_a_deposit_in_two_without_losing_a_voxel(self):
        for case in CASES:
            with self.subTest(**case):
                scene = self.scene(**case)
                mask = scene.mask("deposit-1")
                OPERATIONS["cut"](scene)
                parts = scene.mask("deposit-1"), scene.mask("deposit-3")
                np.testing.assert_array_equal(parts[0] | parts[1], mask)
                self.assertFalse((parts[0] & parts[1]).any())
                self.assertGreaterEqual(parts[0].sum(), parts[1].sum())
                self.assertGreater(parts[1].sum(), 0.3 * mask.sum())

    def test_regrowing_and_refining_bring_a_careless_boundary_to_the_edge(self):
        for name in ("grow", "refine"):
            for case in CASES:
                with self.subTest(name, **case):
                    scene = self.scene(**case)
                    careless(scene)
                    before = dice(scene.mask("deposit-1"), scene.ball("a"))
                    OPERATIONS[name](scene)
                    after = dice(scene.mask("deposit-1"), scene.ball("a"))
                    self.assertGreater(after, 0.95, f"from {before}")

    def test_find_and_apply_takes_in_what_is_missing_only(self):
        for case in CASES:
            with self.subTest(**case):
                scene = self.scene(**case, extra=("c",))
                before = scene.state()
                OPERATIONS["find and apply"](scene)
                self.assertEqual(len(scene.ids()), 3, scene.message)
                self.assertGreater(dice(scene.mask("deposit-3"), scene.ball("c")), 0.9)
                self.assertEqual({i: scene.state()[i] for i in before}, before)

    def test_a_rotated_volume_works_like_a_straight_one(self):
        turn = np.array([[0, -1, 0], [0, 0, 1], [1, 0, 0]], float)
        scene = self.scene("ct", extra=("c",), direction=turn, turn=True)
        OPERATIONS["in"](scene)
        self.assertGreater(dice(scene.mask("deposit-3"), scene.ball("c")), 0.95)
        OPERATIONS["out"](scene)
        self.assertEqual(scene.ids(), ["deposit-2", "deposit-3"])

    def test_clicks_and_lines_reach_their_voxels_below_a_non_linear_transform(self):
        scene = self.scene("mr", extra=("c",))
        here = np.array([[0, 0, 0], [30, 0, 0], [0, 30, 0], [0, 0, 20], [30, 30, 20], [10, 12, 9]], float)
        there = here + np.array([[4, 0, 1], [0, 5, 0], [-3, 0, 2], [0, 4, 0], [2, 2, -3], [6, -5, 4]], float)
        warp = vtk.vtkThinPlateSplineTransform()
        warp.SetBasisToR()
        for set_landmarks, points in ((warp.SetSourceLandmarks, here), (warp.SetTargetLandmarks, there)):
            landmarks = vtk.vtkPoints()
            for point in points:
                landmarks.InsertNextPoint(*point)
            set_landmarks(landmarks)
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode")
        node.SetAndObserveTransformToParent(warp)
        for hung in (scene.volume, scene.segmentation):
            hung.SetAndObserveTransformNodeID(node.GetID())
        OPERATIONS["in"](scene)
        self.assertGreater(dice(scene.mask("deposit-3"), scene.ball("c")), 0.95, scene.message)
        mask = scene.mask("deposit-1")
        OPERATIONS["cut"](scene)
        self.assertEqual(len(scene.ids()), 4, scene.message)
        np.testing.assert_array_equal(scene.mask("deposit-1") | scene.mask("deposit-4"), mask)
        OPERATIONS["out"](scene)
        self.assertLess((scene.deposits() & scene.ball("a")).sum(), 0.7 * mask.sum(), scene.message)

    def test_a_segmentation_of_another_geometry_is_edited_on_its_own_grid(self):
        scene = self.scene("ct", extra=("c",))
        matrix = np.diag([0.6, 0.7, 0.5, 1.0])
        matrix[:3, 3] = (-1.0, 0.4, 0.2)
        grid = Volume(np.zeros((40, 48, 56), np.uint16), matrix)
        at = grid.to_ras(np.stack(np.indices(grid.voxels.shape)[::-1], axis=-1).reshape(-1, 3))
        inside = np.linalg.norm(at - BALLS["a"][0], axis=1).reshape(grid.voxels.shape) <= BALLS["a"][1]
        grid.voxels[inside] = 1
        segments = Segmentation(grid, (Segment(1, "deposit-1", "Deposit 1"),))
        other = segmentation_to_node(slicer.mrmlScene, segments, "Coarse", None)
        other.SetAttribute("Calcinosis.Modality", "ct")
        scene.segmentation = other
        scene.editor.node.SetAndObserveSegmentationNode(other)
        scene.editor.node.SetSelectedSegmentID("deposit-1")
        OPERATIONS["in"](scene)
        self.assertGreater(dice(scene.mask("deposit-2"), scene.ball("c")), 0.85, scene.message)
        OPERATIONS["grow"](scene)
        self.assertGreater(dice(scene.mask("deposit-1"), scene.ball("a")), 0.88, scene.message)
        OPERATIONS["out"](scene)
        self.assertEqual(scene.ids(), ["deposit-2"])

    def test_a_layer_on_another_grid_than_the_reference_is_read_in_the_right_place(self):
        scene = self.scene("ct")
        geometry = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
        geometry.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(np.diag([0.4, 0.4, 0.4, 1.0])))
        slicer.util.updateVolumeFromArray(geometry, np.zeros((50, 75, 75), np.int16))
        scene.segmentation.SetReferenceImageGeometryParameterFromVolumeNode(geometry)
        OPERATIONS["bone"](scene)
        self.assertEqual(scene.ids(), ["deposit-2", "bone"], scene.message)
        self.assertGreater(dice(scene.mask("bone"), scene.ball("a")), 0.93)

    def test_a_rejected_candidate_is_taken_in_as_it_is(self):
        scene = self.scene("ct", extra=("c",))
        labels = np.zeros(scene.shape, np.uint16)
        labels[fractions(("c",)) >= 0.2] = 1
        rejected = Segment(1, "rejected-1", "Rejected 1", tags={REASON_TAG: "looks like a vessel"})
        segments = Segmentation(scene.grid.with_voxels(labels), (rejected,))
        segmentation_to_node(slicer.mrmlScene, segments, "Rejected", scene.volume)
        OPERATIONS["in"](scene)
        np.testing.assert_array_equal(scene.mask("deposit-3"), labels > 0)

    def test_a_bone_taken_in_becomes_a_deposit_again(self):
        scene = self.scene("ct")
        mask = scene.mask("deposit-1")
        OPERATIONS["bone"](scene)
        scene.tool("in")
        scene.editor.click(scene.center("a"))
        self.assertNotIn("bone", scene.ids())
        np.testing.assert_array_equal(scene.deposits() & scene.ball("a"), mask)

    def test_the_cut_off_part_becomes_what_the_reader_chose(self):
        for becomes, ids in (("bone", ["deposit-1", "deposit-2", "bone"]), ("out", ["deposit-1", "deposit-2"])):
            with self.subTest(becomes):
                scene = self.scene("ct")
                mask = scene.mask("deposit-1")
                scene.editor.effect.setParameter("CutPart", becomes)
                OPERATIONS["cut"](scene)
                self.assertEqual(scene.ids(), ids)
                self.assertLess(scene.mask("deposit-1").sum(), 0.7 * mask.sum())

    def test_one_segment_per_class_keeps_all_deposits_in_one(self):
        scene = self.scene("ct", balls=("a", "b"), extra=("c",), drawn=())
        scene.editor.effect.setParameter("Layout", "class")
        for name in ("a", "b", "c"):
            scene.tool("in")
            scene.editor.click(scene.center(name))
        self.assertEqual(scene.ids(), ["deposits"])
        OPERATIONS["cut"](scene)
        pieces = scene.mask("deposits")
        from scipy import ndimage

        self.assertEqual(ndimage.label(pieces, np.ones((3, 3, 3)))[1], 4, "a gap parts what was cut")
        OPERATIONS["bone"](scene)
        self.assertEqual(scene.ids(), ["deposits", "bone"])

    def test_what_was_changed_says_so(self):
        scene = self.scene("ct", extra=("c",))
        careless(scene)
        OPERATIONS["in"](scene)
        OPERATIONS["refine"](scene)
        value = vtk.reference("")
        found = {}
        for segment_id in scene.ids():
            segment = scene.segmentation.GetSegmentation().GetSegment(segment_id)
            found[segment_id] = str(value) if segment.GetTag("Calcinosis.Source", value) else ""
        self.assertEqual(found, {"deposit-1": "edited", "deposit-2": "", "deposit-3": "manual"})

    def test_the_label_the_name_and_the_id_of_a_new_deposit_agree(self):
        scene = self.scene("ct", extra=("c",))
        OPERATIONS["in"](scene)
        segment = scene.segmentation.GetSegmentation().GetSegment("deposit-3")
        self.assertEqual((segment.GetLabelValue(), segment.GetName()), (3, "Deposit 3"))
        self.assertEqual(scene.segmentation.GetSegmentation().GetNumberOfLayers(), 1)

    def test_clicks_on_nothing_change_nothing_and_say_why(self):
        scene = self.scene("ct")
        before = scene.state()
        empty = scene.world((25, 5, 3))
        for name, words in (
            ("in", "nothing at the click"),
            ("out", "no visible segment"),
            ("bone", "no visible segment"),
            ("grow", "nothing at the click"),
            ("refine", "no visible segment"),
        ):
            scene.tool(name)
            scene.editor.click(empty)
            self.assertIn(words, scene.message)
        scene.editor.click(scene.world((900, 0, 0)))
        self.assertIn("outside of the image", scene.message)
        scene.tool("cut")
        scene.editor.drag(scene.world((24, 2, 3)), scene.world((27, 2, 3)))
        self.assertIn("crosses no visible segment", scene.message)
        scene.tool("in")
        scene.editor.click(scene.center("a"))
        self.assertIn("in already", scene.message)
        self.assertEqual(scene.state(), before)
        self.assertFalse(scene.editor.logic.CanUndo(), "nothing was saved for undo either")

    def test_a_hidden_segment_is_not_touched_by_a_click(self):
        scene = self.scene("ct")
        scene.segmentation.GetDisplayNode().SetSegmentVisibility("deposit-1", False)
        before = scene.state()
        OPERATIONS["out"](scene)
        self.assertIn("no visible segment", scene.message)
        self.assertEqual(scene.state(), before)


class UndoTest(Case):
    def test_each_operation_is_undone_to_the_first_byte_and_redone_to_the_last(self):
        for modality in MODALITIES:
            for name, operate in OPERATIONS.items():
                with self.subTest(modality=modality, operation=name):
                    scene = self.scene(modality, extra=("c",), turn=True)
                    careless(scene)
                    before = scene.state()
                    operate(scene)
                    after = scene.state()
                    self.assertNotEqual(before, after, scene.message)
                    scene.editor.undo()
                    self.assertEqual(scene.state(), before)
                    self.assertFalse(scene.editor.logic.CanUndo(), "one operation is one step")
                    scene.editor.redo()
                    self.assertEqual(scene.state(), after)

    def test_a_whole_session_goes_back_and_forth_step_by_step(self):
        scene = self.scene("ct", extra=("c",))
        states = [scene.state()]
        for name in ("in", "cut", "bone", "out"):
            OPERATIONS[name](scene)
            states.append(scene.state())
        for expected in reversed(states[:-1]):
            scene.editor.undo()
            self.assertEqual(scene.state(), expected)
        for expected in states[1:]:
            scene.editor.redo()
            self.assertEqual(scene.state(), expected)


class MaskTest(Case):
    def test_outside_all_segments_gives_the_same_as_slicers_own_slow_way(self):
        from CalcinosisImagingLib.ui.editing import modifying

        for mode in (OUTSIDE_ALL, OUTSIDE_VISIBLE):
            for hidden in (False, True):
                for overwrite in (OVERWRITE_ALL, OVERWRITE_VISIBLE, OVERWRITE_NONE):
                    for name in ("in", "grow", "refine", "out", "bone", "cut"):
                        with self.subTest(mode=mode, hidden=hidden, overwrite=overwrite, operation=name):
                            results = []
                            for quick in (True, False):
                                scene = self.scene("ct", extra=("c",), drawn=("a", "b", "c") if name != "in" else None)
                                careless(scene)
                                scene.segmentation.GetDisplayNode().SetSegmentVisibility("deposit-2", not hidden)
                                scene.editor.node.SetMaskMode(mode)
                                scene.editor.node.SetOverwriteMode(overwrite)
                                own = modifying._outside
                                modifying._outside = own if quick else lambda *_: None
                                try:
                                    OPERATIONS[name](scene)
                                finally:
                                    modifying._outside = own
                                results.append(scene.state())
                            self.assertEqual(results[0], results[1])

    def test_nothing_changes_outside_a_mask_segment(self):
        for name in ("in", "grow", "refine", "bone", "cut", "out"):
            with self.subTest(name):
                scene = self.scene("ct", extra=("c",))
                careless(scene)
                node = scene.segmentation.GetSegmentation()
                node.AddEmptySegment("mask", "Mask", (0, 1, 0))
                half = np.zeros(scene.shape, np.uint8)
                half[:, :, : int(10 / SPACING)] = 1
                half[scene.deposits()] = 0
                scene.set_mask("mask", half)
                scene.segmentation.GetDisplayNode().SetSegmentVisibility("mask", False)
                before, given = scene.state(), scene.mask("deposit-1")
                scene.editor.node.SetMaskSegmentID("mask")
                scene.editor.node.SetMaskMode(INSIDE_SINGLE)
                OPERATIONS[name](scene)
                outside = half == 0
                self.assertEqual({i: scene.state()[i] for i in ("deposit-2",)}, {"deposit-2": before["deposit-2"]})
                self.assertFalse((scene.mask("deposit-1") & outside & ~given).any(), "nothing new outside")
                # As with Slicer's eraser: what leaves a segment under this mask goes to the mask segment.
                self.assertFalse((scene.mask("mask") & outside & ~given).any())

    def test_the_intensity_mask_holds(self):
        scene = self.scene("ct", extra=("c",))
        scene.editor.node.SourceVolumeIntensityMaskOn()
        scene.editor.node.SetSourceVolumeIntensityMaskRange(500, 3000)
        OPERATIONS["in"](scene)
        mask = scene.mask("deposit-3")
        self.assertTrue(mask.any())
        self.assertGreaterEqual(scene.grid.voxels[mask].min(), 500)

    def test_a_mask_that_lets_nothing_through_leaves_everything_and_says_so(self):
        for name in ("in", "bone"):
            with self.subTest(name):
                scene = self.scene("ct", extra=("c",))
                before = scene.state()
                scene.editor.node.SourceVolumeIntensityMaskOn()
                scene.editor.node.SetSourceVolumeIntensityMaskRange(5000, 6000)
                OPERATIONS[name](scene)
                self.assertIn("masks let nothing through", scene.message)
                self.assertEqual(scene.state(), before)

    def test_without_overwriting_a_voxel_still_belongs_to_one_segment_only(self):
        scene = self.scene("ct")
        mask = scene.mask("deposit-1")
        scene.editor.node.SetOverwriteMode(OVERWRITE_NONE)
        OPERATIONS["bone"](scene)
        self.assertEqual(scene.ids(), ["deposit-2", "bone"])
        np.testing.assert_array_equal(scene.mask("bone"), mask)

    def test_the_new_content_exists_before_the_old_is_erased(self):
        scene = self.scene("ct")
        scene.editor.node.SetOverwriteMode(OVERWRITE_NONE)
        mask, seen = scene.mask("deposit-1"), []

        def watch(*_):
            held = scene.mask("deposit-1") | scene.mask("bone")
            seen.append(bool(held[mask].all()))

        tag = scene.segmentation.GetSegmentation().AddObserver("AnyEvent", watch)
        OPERATIONS["bone"](scene)
        scene.segmentation.GetSegmentation().RemoveObserver(tag)
        self.assertGreater(len(seen), 2)
        self.assertTrue(all(seen))


if __name__ == "__main__":
    unittest.main()
