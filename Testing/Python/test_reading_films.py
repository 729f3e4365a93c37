"""Radiographs: spacing by the order of trust, polarity from tags and pixels, view files."""

import json
import shutil
import tempfile
import unittest
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from bad_inputs import image, png_film, view_json
from calcinosis_testing import SHARED_DATA, requires_shared
from CalcinosisImagingLib.analysis.view import view_to_json
from CalcinosisImagingLib.study.film_polarity import bright_of
from CalcinosisImagingLib.study.images import read_image
from CalcinosisImagingLib.study.view_files import find_view, read_view, view_path_of, write_view
from dicom_making import BIRTH_DATE, DX_RAW_CLASS, PATIENT_ID, PERSON, film, hand_film, save
from PIL import Image


class ReadingFilmsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def read(self, pixels=None, modality="DX", **tags):
        pixels = hand_film() if pixels is None else pixels
        path = self.folder / f"{len(list(self.folder.iterdir()))}.dcm"
        return read_image(save(film(pixels, modality, **tags), path), "xray")

    def test_spacing_follows_the_order_of_trust(self):
        imager = {"ImagerPixelSpacing": [0.2, 0.3]}
        factor = {"EstimatedRadiographicMagnificationFactor": 1.05}
        distances = {"DistanceSourceToDetector": 1050, "DistanceSourceToPatient": 1000}
        calibrated = {"PixelSpacing": [0.16, 0.24]}
        fiducial, geometry = ({"PixelSpacingCalibrationType": t} for t in ("FIDUCIAL", "GEOMETRY"))
        cases = {
            "fiducial against imager": (imager | calibrated | fiducial | factor, (0.3, 0.2), "fiducial", 1.25),
            "geometric against imager": (imager | calibrated | geometry, (0.3, 0.2), "geometric", 1.25),
            "fiducial with a factor": (calibrated | fiducial | factor, (0.252, 0.168), "fiducial", 1.05),
            "fiducial with distances": (calibrated | fiducial | distances, (0.252, 0.168), "fiducial", 1.05),
            "fiducial at the detector": (calibrated | fiducial, (0.24, 0.16), "fiducial", 1.0),
            "imager and factor": (imager | factor, (0.3, 0.2), "imager-magnification", 1.05),
            "imager and distances": (imager | distances, (0.3, 0.2), "imager-magnification", 1.05),
            "imager and uncalibrated": (imager | calibrated, (0.3, 0.2), "imager", None),
            "imager alone": (imager, (0.3, 0.2), "imager", None),
            "scanned film": ({"NominalScannedPixelSpacing": [0.2, 0.3]}, (0.3, 0.2), "imager", None),
            "pixel spacing alone": (calibrated, (0.24, 0.16), "unknown", None),
            "an impossible factor": (
                imager | {"EstimatedRadiographicMagnificationFactor": 0.2},
                (0.3, 0.2),
                "imager",
                None,
            ),
        }
        for name, (tags, spacing, trust, magnification) in cases.items():
            with self.subTest(name):
                view = self.read(**tags).view
                np.testing.assert_allclose(view.pixel_spacing_mm, spacing, rtol=1e-9)
                self.assertEqual(view.spacing_trust, trust)
                if magnification is None:
                    self.assertIsNone(view.magnification)
                else:
                    self.assertAlmostEqual(view.magnification, magnification, places=9)

    def test_what_is_not_known_is_said(self):
        notes = " ".join(self.read(PixelSpacing=[0.2, 0.2]).notes)
        self.assertIn("unknown whether the pixel spacing holds at the detector", notes)
        self.assertIn("1000 mm assumed", notes)
        self.assertIn("logarithmic assumed", notes)
        told = {"DistanceSourceToDetector": 1200, "PixelIntensityRelationship": "LOG"}
        notes = self.read(hand_film(bright="bone"), ImagerPixelSpacing=[0.2, 0.2], **told).notes
        self.assertEqual(notes, ("The magnification is not known: sizes hold at the detector.",))

    def test_geometry_of_the_view_and_place_of_the_film(self):
        image = self.read(
            ImagerPixelSpacing=[0.2, 0.3],
            DistanceSourceToDetector=1150,
            DistanceSourceToPatient=1100,
            ViewPosition="PA",
            ImageLaterality="L",
            KVP=52,
        )
        view = image.view
        self.assertEqual((view.name, view.rows, view.columns), ("pa", 200, 160))
        self.assertEqual((view.source_detector_mm, view.principal_point_px), (1150.0, (79.5, 99.5)))
        self.assertEqual((image.hand, image.series, image.modality), ("left", "pa", "xray"))
        self.assertEqual(image.volume.voxels.shape, (1, 200, 160))
        np.testing.assert_array_equal(image.volume.voxels[0], hand_film())
        np.testing.assert_allclose(image.volume.ijk_to_ras, np.diag([-0.3, -0.2, 1, 1]))
        self.assertEqual(image.contrast["source_patient_mm"], 1100.0)
        self.assertEqual(image.contrast["tube_kv"], 52.0)
        self.assertAlmostEqual(image.contrast["magnification"], 1150 / 1100)

    def test_polarity_follows_sign_and_display(self):
        lin = {"PixelIntensityRelationship": "LIN"}
        cases = {
            "sign +1, MONOCHROME1": (
                "air",
                lin | {"PixelIntensityRelationshipSign": 1, "PhotometricInterpretation": "MONOCHROME1"},
            ),
            "sign -1, MONOCHROME2": ("bone", lin | {"PixelIntensityRelationshipSign": -1}),
            "MONOCHROME1 alone": ("air", {"PhotometricInterpretation": "MONOCHROME1"}),
            "MONOCHROME2 alone": ("bone", {}),
            "raw, sign +1": (
                "air",
                lin | {"PixelIntensityRelationshipSign": 1, "PresentationIntentType": "FOR PROCESSING"},
            ),
            "raw, no sign": ("air", lin | {"PresentationIntentType": "FOR PROCESSING", "sop_class": DX_RAW_CLASS}),
            "raw, no sign, inverted": ("bone", lin | {"PresentationIntentType": "FOR PROCESSING"}),
            "contradiction": ("air", lin | {"PixelIntensityRelationshipSign": 1}),
            "contradiction, inverted": ("bone", lin | {"PixelIntensityRelationshipSign": 1}),
            "sign +1, falling rescale": (
                "bone",
                lin | {"PixelIntensityRelationshipSign": 1, "RescaleSlope": -1, "RescaleIntercept": 4095},
            ),
        }
        for name, (bright, tags) in cases.items():
            with self.subTest(name):
                stored = "air" if "RescaleSlope" in tags else bright
                image = self.read(hand_film(bright=stored), ImagerPixelSpacing=[0.2, 0.2], **tags)
                self.assertEqual(image.view.bright, bright)
                told = any("do not tell clearly" in note for note in image.notes)
                self.assertEqual(told, "contradiction" in name or "no sign" in name)
                np.testing.assert_array_equal(image.volume.voxels[0], hand_film(bright=bright))

    def test_a_background_that_contradicts_the_tags_is_noted(self):
        image = self.read(hand_film(bright="air"), ImagerPixelSpacing=[0.2, 0.2])
        self.assertEqual(image.view.bright, "bone")
        self.assertTrue(any("looks as if air were" in note for note in image.notes))

    def test_pixels_alone_tell_air_also_within_a_collimator(self):
        for seed in range(3):
            for collimated in (False, True):
                for bright in ("air", "bone"):
                    with self.subTest(seed=seed, collimated=collimated, bright=bright):
                        self.assertEqual(bright_of(hand_film(bright=bright, collimated=collimated, seed=seed)), bright)
        noise = np.random.default_rng(0).normal(0, 1, (100, 100))
        self.assertIsNone(bright_of(noise))
        self.assertIsNone(bright_of(np.ones((10, 10))))

    def test_padding_does_not_count_as_background(self):
        pixels = hand_film()
        pixels[:, :40] = 0
        self.assertEqual(bright_of(pixels, pixels == 0), "air")

    def test_eight_and_sixteen_bit_pictures_and_tiff_keep_their_values(self):
        for name, pixels in (
            ("pa8.png", (hand_film() // 16).astype(np.uint8)),
            ("pa16.png", hand_film()),
            ("pa8.tif", (hand_film() // 16).astype(np.uint8)),
            ("pa16.tiff", hand_film()),
        ):
            with self.subTest(name):
                path = self.folder / name
                Image.fromarray(pixels).save(path)
                view_path_of(path).write_text(json.dumps(view_json()), encoding="utf-8")
                image = read_image(path)
                self.assertEqual(image.modality, "xray")
                self.assertEqual(image.volume.voxels.dtype, pixels.dtype)
                np.testing.assert_array_equal(image.volume.voxels[0], pixels)
                np.testing.assert_allclose(image.volume.ijk_to_ras, np.diag([-0.2, -0.25, 1, 1]))
                self.assertEqual(image.files, tuple(sorted((path, path.with_suffix(".json")))))

    def test_films_as_nrrd_nifti_and_mha_have_their_view_and_their_own_place(self):
        for suffix in (".nrrd", ".nii.gz", ".mha"):
            with self.subTest(suffix):
                made = image(hand_film()[None], (0.2, 0.25, 1.0))
                made.SetOrigin((5.0, 6.0, 7.0))
                sitk.WriteImage(made, str(self.folder / f"pa{suffix}"))
                (self.folder / "pa.json").write_text(json.dumps(view_json(bright="bone")), encoding="utf-8")
                read = read_image(self.folder / f"pa{suffix}", "xray")
                np.testing.assert_array_equal(read.volume.voxels[0], hand_film())
                np.testing.assert_allclose(read.volume.to_ras([0, 0, 0]), (-5, -6, 7), atol=1e-6)
                self.assertEqual((read.view.name, read.view.bright), ("pa", "bone"))

    def test_a_film_of_another_spacing_than_its_view_takes_the_views_and_says_so(self):
        sitk.WriteImage(image(hand_film(), (0.4, 0.4)), str(self.folder / "pa.nrrd"))
        (self.folder / "pa.json").write_text(json.dumps(view_json()), encoding="utf-8")
        read = read_image(self.folder / "pa.nrrd", "xray")
        np.testing.assert_allclose(read.volume.spacing_mm, (0.2, 0.25, 1))
        self.assertIn("0.4 x 0.4 mm differs from its view's 0.2 x 0.25 mm", read.notes[0])

    def test_a_view_file_beside_dicom_takes_the_place_of_the_tags(self):
        path = save(film(hand_film(), "CR", PhotometricInterpretation="MONOCHROME1"), self.folder / "ap.dcm")
        pose = np.eye(4)
        pose[:3, 3] = 1, 2, 950
        (self.folder / "ap.json").write_text(
            json.dumps(view_json(name=None, ct_to_view=pose.tolist())), encoding="utf-8"
        )
        for place in (path, self.folder, [path]):
            with self.subTest(place=place):
                read = read_image(place, "xray")
                self.assertEqual((read.view.name, read.view.pixel_spacing_mm), ("ap", (0.2, 0.25)))
                np.testing.assert_array_equal(read.view.ct_to_view, pose)
                self.assertEqual(len(read.files), 2)

    def test_lossless_jpeg_films_are_not_inverted(self):
        writer = sitk.ImageFileWriter()
        writer.SetImageIO("GDCMImageIO")
        writer.UseCompressionOn()
        writer.SetCompressor("JPEG")
        writer.SetFileName(str(self.folder / "pixels.dcm"))
        writer.Execute(sitk.GetImageFromArray(hand_film()[None]))
        for photometric in ("MONOCHROME1", "MONOCHROME2"):
            with self.subTest(photometric):
                ds = film(hand_film(), PhotometricInterpretation=photometric, ImagerPixelSpacing=[0.2, 0.2])
                ds["PixelData"] = pydicom.dcmread(self.folder / "pixels.dcm")["PixelData"]
                read = read_image(save(ds, self.folder / "film.dcm", "1.2.840.10008.1.2.4.70"))
                np.testing.assert_array_equal(read.volume.voxels[0], hand_film())

    def test_no_person_and_no_uid_come_over(self):
        read = self.read(
            ImagerPixelSpacing=[0.2, 0.2], SeriesDescription=f"hand {PERSON} {BIRTH_DATE}", ViewPosition="PA"
        )
        text = repr((read.view, read.series, read.hand, read.contrast, read.notes))
        for secret in (*PERSON.split("^"), BIRTH_DATE, PATIENT_ID, "1.2.826"):
            self.assertNotIn(secret, text)

    def test_a_view_file_is_written_found_and_read_back(self):
        pose = np.eye(4)
        view = replace(self.read(ImagerPixelSpacing=[0.2, 0.3]).view, ct_to_view=pose, magnification=1.04)
        path = self.folder / "films" / "pa.png"
        path.parent.mkdir()
        self.assertIsNone(find_view(path))
        write_view(view_path_of(path), view)
        self.assertEqual(find_view(path), path.with_suffix(".json"))
        self.assertEqual(find_view(path.parent), path.with_suffix(".json"))
        self.assertEqual(view_to_json(read_view(find_view(path))), view_to_json(view))
        self.assertEqual(sorted(p.name for p in path.parent.iterdir()), ["pa.json"])

    def test_names_with_spaces_and_unicode_are_read(self):
        place = self.folder / "Hände und Füße" / "手 1"
        place.mkdir(parents=True)
        path = png_film(place, json.dumps(view_json(name="Schräg 45°"), ensure_ascii=False))
        self.assertEqual(read_image(path).view.name, "Schräg 45°")

    @requires_shared("dicom_dx_seg_sr/dx_image.dcm")
    def test_the_real_dx_has_its_tags(self):
        read = read_image(SHARED_DATA / "dicom_dx_seg_sr" / "dx_image.dcm", "xray")
        self.assertEqual((read.view.bright, read.view.intensity, read.view.spacing_trust), ("air", "linear", "imager"))
        np.testing.assert_allclose(read.view.pixel_spacing_mm, (1.2012, 1.2), atol=1e-6)
        self.assertEqual((read.hand, read.volume.voxels.shape), ("left", (1, 169, 211)))
        self.assertEqual(bright_of(read.volume.voxels[0]), "air")

    @requires_shared("dicom_dx_seg_sr/RG3_J2KR.dcm")
    def test_the_real_cr_in_jpeg_2000_is_read_with_a_view_file(self):
        path = Path(shutil.copy(SHARED_DATA / "dicom_dx_seg_sr" / "RG3_J2KR.dcm", self.folder))
        content = view_json(rows=1760, columns=1760, principal_point_px=[879.5, 879.5])
        path.with_suffix(".json").write_text(json.dumps(content), encoding="utf-8")
        read = read_image(path)
        by_itk = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
        np.testing.assert_array_equal(read.volume.voxels, 1023 - by_itk)  # ITK inverts MONOCHROME1
        self.assertEqual((read.hand, bright_of(read.volume.voxels[0])), ("right", "air"))

    @requires_shared("wrist_biplane")
    def test_the_background_of_the_real_biplane_films_is_air(self):
        for path in sorted((SHARED_DATA / "wrist_biplane").glob("xr_rad_uln*.tif")):
            with self.subTest(path.name):
                pixels = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
                self.assertEqual((bright_of(pixels), bright_of(255 - pixels)), ("air", "bone"))


if __name__ == "__main__":
    unittest.main()
