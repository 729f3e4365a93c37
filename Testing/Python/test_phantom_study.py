"""A written study: same bytes for the same seed, readable geometry, and a truth that agrees with its images."""

import csv
import hashlib
import json
import tempfile
import unittest
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from CalcinosisImagingLib.analysis.errors import InputError, OperationCancelled
from CalcinosisImagingLib.analysis.segmentation_file import read_segmentation
from CalcinosisImagingLib.analysis.view import view_from_json
from CalcinosisImagingLib.analysis.volume import transform_points
from CalcinosisImagingLib.phantom.presets import PRESETS
from CalcinosisImagingLib.phantom.study import write_phantom_study


def hashes(folder):
    """SHA-256 of every file below a folder, by relative name."""
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def table(path):
    """Rows of a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def points(path, columns=("r", "a", "s")):
    """Points of a table by id."""
    return {row["id"]: np.array([float(row[c]) for c in columns]) for row in table(path)}


class StudyTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.study = Path(cls.folder.name) / "study"
        write_phantom_study(cls.study, participants=1, repeats=1, seed=3, preset="tiny")
        cls.truth = cls.study / "truth" / "sub-01"

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(self):
        again, other = (Path(self.folder.name) / name for name in ("again", "other"))
        write_phantom_study(again, participants=1, repeats=1, seed=3, preset="tiny")
        self.assertEqual(hashes(again), hashes(self.study))
        write_phantom_study(other, participants=1, repeats=0, seed=4, preset="tiny")
        self.assertNotEqual(
            hashes(other)["truth/sub-01/ses-1/deposits.csv"], hashes(again)["truth/sub-01/ses-1/deposits.csv"]
        )

    def test_the_second_visit_has_mr_and_film_but_no_ct(self):
        first, second = (sorted(p.name for p in (self.study / "sub-01" / s).iterdir()) for s in ("ses-1", "ses-2"))
        self.assertEqual(first, ["ct", "mr", "xray"])
        self.assertEqual(second, ["mr", "xray"])

    def test_simpleitk_reads_the_series_on_the_grid_of_the_truth(self):
        for series in ("ct", "mr/t1"):
            with self.subTest(series):
                reader = sitk.ImageSeriesReader()
                names = reader.GetGDCMSeriesFileNames(str(self.study / "sub-01/ses-1" / series))
                reader.SetFileNames(names)
                image = reader.Execute()
                truth = sitk.ReadImage(str(self.truth / "ses-1" / series / "bones.seg.nrrd"))
                self.assertEqual(image.GetSize(), truth.GetSize())
                np.testing.assert_allclose(image.GetOrigin(), truth.GetOrigin(), atol=1e-4)
                np.testing.assert_allclose(image.GetSpacing(), truth.GetSpacing(), atol=1e-6)
                np.testing.assert_allclose(image.GetDirection(), truth.GetDirection(), atol=1e-6)

    def test_cortex_is_dense_under_the_bone_labels_and_deposits_are_dense_under_theirs(self):
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(self.study / "sub-01/ses-1/ct")))
        hu = sitk.GetArrayFromImage(reader.Execute())
        bones = read_segmentation(self.truth / "ses-1/ct/bones.seg.nrrd")
        deposits = read_segmentation(self.truth / "ses-1/ct/deposits.seg.nrrd")
        self.assertEqual(len(np.unique(bones.labels)), 30)
        self.assertGreater(float(np.median(hu[bones.labels > 0])), 250.0)
        self.assertLess(float(np.median(hu[(bones.labels == 0) & (hu > -300) & (deposits.labels == 0)])), 120.0)
        rows = [r for r in table(self.truth / "ses-1/deposits.csv") if r["modality"] == "ct"]
        self.assertEqual(len(rows), len(deposits.segments))
        voxel = deposits.volume.voxel_volume_mm3
        for row in rows:
            label = deposits.labels == int(row["deposit_id"])
            self.assertAlmostEqual(label.sum() * voxel / float(row["volume_mm3"]), 1.0, delta=0.2)
            middle = deposits.volume.to_ras(np.argwhere(label)[:, ::-1].mean(axis=0))
            centre = [float(row[f"centroid_{axis}_mm"]) for axis in "ras"]
            np.testing.assert_allclose(middle, centre, atol=0.3)
        volumes = [float(row["volume_mm3"]) for row in rows]
        self.assertEqual(volumes, sorted(volumes, reverse=True))

    def test_the_matrices_take_bone_points_of_the_ct_to_those_of_each_mr(self):
        ct = points(self.truth / "ses-1/ct/points.csv")
        for session in ("ses-1", "ses-2"):
            mr = points(self.truth / session / "mr/t1/points.csv")
            poses = json.loads((self.truth / session / "mr/t1/poses.json").read_text())["bones"]
            for name, point in ct.items():
                if "/" in name:
                    matrix = np.array(poses[name.split("/")[0]]["matrix_ct_to_mr_ras"])
                    np.testing.assert_allclose(transform_points(matrix, point), mr[name], atol=2e-3)

    def test_the_views_project_bone_points_of_the_ct_to_their_pixels(self):
        ct = points(self.truth / "ses-1/ct/points.csv")
        for session in ("ses-1", "ses-2"):
            folder = self.truth / session / "xray/pa"
            content = json.loads((folder / "pose.json").read_text())[0]
            view = view_from_json(content, "pose.json")
            film = points(folder / "points.csv", ("u_px", "v_px"))
            for name, point in ct.items():
                if "/" in name:
                    uv = view.project(point, np.array(content["bones"][name.split("/")[0]]))
                    np.testing.assert_allclose(uv, film[name], atol=0.05)

    def test_the_film_has_its_geometry_in_the_tags_and_its_shadows_where_the_table_says(self):
        dataset = pydicom.dcmread(self.study / "sub-01/ses-1/xray/pa/pa.dcm")
        self.assertEqual(dataset.SOPClassUID, "1.2.840.10008.5.1.4.1.1.1.1")
        self.assertEqual([float(v) for v in dataset.ImagerPixelSpacing], [0.4, 0.4])
        ratio = float(dataset.DistanceSourceToDetector) / float(dataset.DistanceSourceToPatient)
        self.assertAlmostEqual(float(dataset.EstimatedRadiographicMagnificationFactor), ratio, places=6)
        self.assertEqual(
            (dataset.PhotometricInterpretation, dataset.PixelIntensityRelationshipSign), ("MONOCHROME1", 1)
        )
        shadows = read_segmentation(self.truth / "ses-1/xray/pa/deposits.seg.nrrd")
        for row in table(self.truth / "ses-1/deposits.csv"):
            if row["modality"] == "xray":
                v, u = np.argwhere(shadows.labels[0] == int(row["deposit_id"])).mean(axis=0)
                np.testing.assert_allclose([u, v], [float(row["u_px"]), float(row["v_px"])], atol=4.0)
                radius = (3 * float(row["volume_mm3"]) / 4 / np.pi) ** (1 / 3)
                self.assertGreater(float(row["area_mm2"]), 0.5 * np.pi * radius**2)

    def test_nothing_but_the_participants_id_names_anybody(self):
        for path in (self.study / "sub-01").rglob("0001.dcm"):
            dataset = pydicom.dcmread(path, stop_before_pixels=True)
            self.assertEqual(
                (str(dataset.PatientName), dataset.PatientID, dataset.PatientBirthDate), ("sub-01", "sub-01", "")
            )

    def test_bad_requests_get_one_sentence(self):
        for arguments, word in (
            ({"participants": 0}, "0 participants"),
            ({"preset": "dire"}, "dire"),
            ({"repeats": 5}, "5 repeat"),
        ):
            with self.subTest(word), self.assertRaisesRegex(InputError, word):
                write_phantom_study(Path(self.folder.name) / "new", **arguments)
        with self.assertRaisesRegex(InputError, "not an empty folder"):
            write_phantom_study(self.study)

    def test_two_hands_in_one_scan_have_labels_of_their_own_and_lie_on_their_sides(self):
        both = Path(self.folder.name) / "both"
        tiny = PRESETS["tiny"]
        PRESETS["both"] = replace(tiny, ct=replace(tiny.ct, both_hands=True))
        try:
            write_phantom_study(both, participants=1, repeats=0, preset="both")
        finally:
            del PRESETS["both"]
        bones = read_segmentation(both / "truth/sub-01/ses-1/ct/bones.seg.nrrd")
        self.assertEqual(len(np.unique(bones.labels)), 59)
        right, left = (np.argwhere(bones.mask(f"{side}:capitate"))[:, ::-1].mean(axis=0) for side in ("right", "left"))
        self.assertGreater(bones.volume.to_ras(right)[0], bones.volume.to_ras(left)[0] + 100.0)
        self.assertEqual(bones.by_id("left:capitate").label, bones.by_id("right:capitate").label + 100)
        rows = [r for r in table(both / "truth/sub-01/ses-1/deposits.csv") if r["modality"] == "ct"]
        self.assertEqual({r["hand"] for r in rows}, {"left", "right"})
        self.assertEqual([int(r["deposit_id"]) for r in rows], list(range(1, len(rows) + 1)))
        self.assertTrue(all(r["in_view"] == "true" for r in rows))

    def test_it_stops_when_asked(self):
        with self.assertRaises(OperationCancelled):
            write_phantom_study(Path(self.folder.name) / "stopped", preset="tiny", progress=lambda f, m: f < 0.01)


if __name__ == "__main__":
    unittest.main()
