"""The logic on real nodes: chosen volumes in, segmentations and tables out; every refusal in one sentence."""

import json
import tempfile
import unittest
from pathlib import Path

import numpy as np
from CalcinosisImagingLib.analysis.errors import InputError, OperationCancelled
from CalcinosisImagingLib.analysis.segmentation import CONFIDENCE_TAG, SOURCE_TAG, Segment, Segmentation
from CalcinosisImagingLib.analysis.view import View, view_to_json
from CalcinosisImagingLib.analysis.volume import Volume
from CalcinosisImagingLib.host import start

start()

import slicer  # noqa: E402
from CalcinosisImagingLib.logic.film_step import film_to_ct  # noqa: E402
from CalcinosisImagingLib.logic.module_logic import CalcinosisImagingLogic  # noqa: E402
from CalcinosisImagingLib.logic.view_choice import readView  # noqa: E402
from CalcinosisImagingLib.scene.segmentations import clear_scene, segmentation_to_node  # noqa: E402
from CalcinosisImagingLib.scene.tables import table_rows  # noqa: E402
from CalcinosisImagingLib.scene.transforms import linear_transform_node  # noqa: E402
from CalcinosisImagingLib.scene.volumes import get_view, set_view, volume_to_node  # noqa: E402

SHIFT_MM = np.array([12.0, -5.0, 30.0])


def ball(centre, radius, shape=(60, 60, 60), spacing=0.5):
    k, j, i = np.indices(shape) * spacing
    return (i - centre[0]) ** 2 + (j - centre[1]) ** 2 + (k - centre[2]) ** 2 <= radius**2


class LogicTest(unittest.TestCase):
    def setUp(self):
        clear_scene(slicer.mrmlScene)
        self.logic = CalcinosisImagingLogic()
        self.parameters = self.logic.getParameterNode()

    def add_balls(self, name, modality, shift=(0, 0, 0)):
        """A volume with two bodies of 4 and 2 mm radius, and their segmentation."""
        voxels = np.full((60, 60, 60), 40, np.int16)
        labels = np.zeros(voxels.shape, np.uint16)
        for label, (centre, radius) in enumerate((((15, 15, 15), 4), ((22, 8, 20), 2)), start=1):
            inside = ball(centre, radius)
            voxels[inside] = 1000 if modality == "ct" else 0
            labels[inside] = label
        if modality == "mr":
            voxels[labels == 0] = 500
        matrix = np.diag([0.5, 0.5, 0.5, 1.0])
        matrix[:3, 3] = shift
        volume = Volume(voxels, matrix)
        node = volume_to_node(slicer.mrmlScene, volume, name, modality)
        segments = tuple(Segment(n, f"deposit-{n}", f"Deposit {n}") for n in (1, 2))
        deposits = segmentation_to_node(
            slicer.mrmlScene, Segmentation(volume.with_voxels(labels), segments), f"{name} deposits", node
        )
        return node, deposits

    def test_defaults_and_the_singleton_node(self):
        self.assertEqual(self.parameters.sensitivity, 0.5)
        self.assertIsNone(self.parameters.ctVolume)
        again = CalcinosisImagingLogic().getParameterNode()
        self.assertIs(again.parameterNode, self.parameters.parameterNode)

    def test_what_is_missing_is_said(self):
        for step, says in (
            (lambda: self.logic.segment(self.parameters, "ct"), "No CT is chosen"),
            (lambda: self.logic.register(self.parameters), "No CT is chosen"),
            (lambda: self.logic.quantify(self.parameters), "no deposits to measure"),
            (lambda: self.logic.compare(self.parameters), "at least two images"),
            (lambda: self.logic.runAll(self.parameters), "No image is chosen"),
        ):
            with self.subTest(says), self.assertRaisesRegex(InputError, says):
                step()

    def test_registration_needs_the_bones_first(self):
        self.parameters.ctVolume, _ = self.add_balls("CT", "ct")
        self.parameters.mrVolume, _ = self.add_balls("MR", "mr")
        with self.assertRaisesRegex(InputError, "bones are not known"):
            self.logic.register(self.parameters)

    def test_measures_arrive_in_the_table(self):
        self.parameters.ctVolume, self.parameters.ctDeposits = self.add_balls("CT", "ct")
        self.logic.quantify(self.parameters)
        rows = table_rows(self.parameters.depositTable)
        self.assertEqual([row["deposit_id"] for row in rows], ["1", "2"])
        self.assertAlmostEqual(float(rows[0]["volume_mm3"]) / (4 / 3 * np.pi * 64), 1.0, delta=0.05)
        self.assertEqual(rows[0]["source"], "manual")
        table = self.parameters.depositTable
        self.logic.quantify(self.parameters)
        self.assertIs(self.parameters.depositTable, table)

    def test_the_confidence_of_the_segmentation_arrives_and_ends_where_a_person_drew(self):
        volume, deposits = self.add_balls("CT", "ct")
        segmentation = deposits.GetSegmentation()
        for segment_id, source in (("deposit-1", "auto"), ("deposit-2", "edited")):
            segmentation.GetSegment(segment_id).SetTag(SOURCE_TAG, source)
            segmentation.GetSegment(segment_id).SetTag(CONFIDENCE_TAG, "0.87")
        rows = self.logic.quantifySegmentation(volume, deposits, "ct", psf_fwhm_mm=0.5)
        self.assertEqual([(row["source"], row["confidence"]) for row in rows], [("auto", 0.87), ("edited", None)])

    def test_a_transform_moves_the_centre_and_leaves_sizes_hardened_or_not(self):
        volume, deposits = self.add_balls("CT", "ct")
        measure = lambda: self.logic.quantifySegmentation(volume, deposits, "ct", psf_fwhm_mm=0.5)  # noqa: E731
        plain = measure()
        turn = np.eye(4)
        turn[:3, :3] = [[0, -1, 0], [0.6, 0, -0.8], [0.8, 0, 0.6]]
        turn[:3, 3] = SHIFT_MM
        transform = linear_transform_node(slicer.mrmlScene, "turned", turn)
        for node in (volume, deposits):
            node.SetAndObserveTransformNodeID(transform.GetID())
        hung = measure()
        for node in (volume, deposits):
            node.HardenTransform()
        hardened = measure()
        for before, under, after in zip(plain, hung, hardened, strict=True):
            moved = turn @ [*(before[f"centroid_{axis}_mm"] for axis in "ras"), 1]
            np.testing.assert_allclose([after[f"centroid_{axis}_mm"] for axis in "ras"], moved[:3], atol=1e-4)
            for key in ("volume_mm3", "surface_area_mm2", "major_axis_mm", "max_diameter_mm", "plateau_hu"):
                with self.subTest(key):
                    self.assertEqual(under[key], before[key])
                    self.assertAlmostEqual(after[key] / before[key], 1, delta=1e-4)

    def test_the_given_point_spread_reaches_the_measures_of_a_film(self):
        rows, columns = np.indices((80, 80)) - 40.0
        depth = np.sqrt(np.maximum(15.0**2 - rows**2 - columns**2, 0))
        film = Volume((100 * depth).astype(np.int16)[None], np.diag([0.15, 0.15, 1.0, 1.0]))
        node = volume_to_node(slicer.mrmlScene, film, "film", "xray")
        labels = Segmentation(film.with_voxels((film.voxels > 300).astype(np.uint16)), (Segment(1, "d", "D"),))
        deposits = segmentation_to_node(slicer.mrmlScene, labels, "film deposits", node)
        # The border of a ball's shadow lies the farther out the wider the blur that the image is taken to have.
        sharp, wide = (
            self.logic.quantifySegmentation(node, deposits, "xray", psf_fwhm_mm=width)[0]["area_detector_mm2"]
            for width in (0.1, 0.6)
        )
        self.assertGreater(abs(wide - sharp), 0.01)

    def test_a_stopped_step_changes_nothing(self):
        self.parameters.ctVolume, self.parameters.ctDeposits = self.add_balls("CT", "ct")
        with self.assertRaises(OperationCancelled):
            self.logic.quantify(self.parameters, lambda fraction, message: False)
        self.assertIsNone(self.parameters.depositTable)

    def test_deposits_are_matched_through_the_scenes_transform(self):
        self.parameters.ctVolume, self.parameters.ctDeposits = self.add_balls("CT", "ct")
        mr, deposits = self.add_balls("MR", "mr", SHIFT_MM)
        back = np.eye(4)
        back[:3, 3] = -SHIFT_MM
        transform = linear_transform_node(slicer.mrmlScene, "MR to CT", back)
        for node in (mr, deposits):
            node.SetAndObserveTransformNodeID(transform.GetID())
        self.parameters.mrVolume, self.parameters.mrDeposits = mr, deposits
        self.logic.quantify(self.parameters)
        self.logic.compare(self.parameters)
        rows = table_rows(self.parameters.matchTable)
        measured = table_rows(self.parameters.depositTable)
        self.assertEqual([r["volume_ct_mm3"] for r in rows], [r["volume_mm3"] for r in measured[:2]])
        self.assertEqual(
            [(r["ct_id"], r["mr_id"], r["status"]) for r in rows], [("1", "1", "ct-mr"), ("2", "2", "ct-mr")]
        )
        for row in rows:
            self.assertAlmostEqual(float(row["dice_ct_mr"]), 1.0, delta=0.02)
            self.assertLess(float(row["centroid_distance_ct_mr_mm"]), 0.05)
            # 1000 HU and a void in MR.
            self.assertEqual(row["consistency_ct_mr"], "chalk")
            self.assertGreater(float(row["consistency_ct_mr_probability"]), 0.95)

    def test_a_new_segmentation_takes_the_place_of_the_old(self):
        self.parameters.ctVolume, old = self.add_balls("CT", "ct")
        self.parameters.ctDeposits = old
        name = old.GetID()
        self.logic.segment(self.parameters, "ct")
        self.assertIsNot(self.parameters.ctDeposits, old)
        self.assertIsNone(slicer.mrmlScene.GetNodeByID(name))
        self.assertIsNotNone(self.parameters.bones)


class FilmTest(unittest.TestCase):
    def setUp(self):
        clear_scene(slicer.mrmlScene)
        self.view = View("pa", 30, 40, (0.2, 0.2), 1000.0, (19.5, 14.5))
        film = Volume(np.zeros((1, 30, 40), np.uint16), np.diag([-0.2, -0.2, 1.0, 1.0]))
        self.film = film
        self.node = volume_to_node(slicer.mrmlScene, film, "film", "xray")
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def write(self, **changes):
        path = self.folder / "pa.json"
        path.write_text(json.dumps({**view_to_json(self.view), **changes}), encoding="utf-8")
        return path

    def test_a_view_file_is_kept_with_the_film(self):
        readView(self.node, self.write())
        self.assertEqual(get_view(self.node).principal_point_px, (19.5, 14.5))
        readView(self.node, Path())

    def test_view_files_that_do_not_fit_are_refused(self):
        broken = self.folder / "broken.json"
        broken.write_text("{", encoding="utf-8")
        for path, says in (
            (Path(), "not known"),
            (self.folder / "none.json", "cannot be read"),
            (broken, "not JSON"),
            (self.write(rows=31), "31 x 40"),
        ):
            with self.subTest(says), self.assertRaisesRegex(InputError, says):
                readView(self.node, path)
        self.assertIsNone(get_view(self.node))

    def test_the_film_lies_where_it_was_exposed(self):
        angle = 0.3
        pose = np.eye(4)
        pose[:3, :3] = [[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]]
        pose[:3, 3] = (3, -8, 960)
        view = self.view.at(pose)
        set_view(self.node, view)
        to_ct = film_to_ct(self.film, view)
        point_ct = np.array([4.0, -2.0, 6.0])
        u, v = view.project(point_ct)
        on_film = (to_ct @ np.append(self.film.to_ras(np.array([u, v, 0.0])), 1))[:3]
        source = np.linalg.inv(pose)[:3, 3]
        ray, to_film = point_ct - source, on_film - source
        # Source, point and its shadow lie on one line, and the detector is 1000 mm from the source along its normal.
        self.assertLess(np.linalg.norm(np.cross(ray, to_film)) / np.linalg.norm(ray), 1e-6 * 1000)
        self.assertAlmostEqual((pose @ np.append(on_film, 1))[2], 1000.0, places=6)
        np.testing.assert_allclose(to_ct[:3, :3] @ to_ct[:3, :3].T, np.eye(3), atol=1e-9)
        self.assertAlmostEqual(np.linalg.det(to_ct[:3, :3]), 1.0, places=9)
