"""CT and MR series from DICOM: values and place exact, whatever the order, storage and compression."""

import hashlib
import shutil
import tempfile
import unittest
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from calcinosis_testing import SHARED_DATA, requires_shared
from CalcinosisImagingLib.analysis.errors import InputError, OperationCancelled
from CalcinosisImagingLib.analysis.itk_bridge import from_itk
from CalcinosisImagingLib.study.images import read_image
from CalcinosisImagingLib.study.source_image import content_hash
from dicom_making import (
    BIRTH_DATE,
    ENHANCED_MR_CLASS,
    MR_CLASS,
    PATIENT_ID,
    SEG_CLASS,
    dataset,
    enhanced,
    save,
    save_series,
    slices,
    uid,
)
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEGLSLossless,
    RLELossless,
)

SHUFFLED = [3, 1, 5, 0, 2, 4]
ROW = np.array([0.36, 0.48, -0.8])
COLUMN = np.array([-0.8, 0.6, 0.0])


def stored(dtype=np.int16, shape=(6, 10, 12)):
    return np.random.default_rng(0).integers(0, 3000, shape).astype(dtype)


class ReadingDicomTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def read(self, datasets, modality=None, order=SHUFFLED):
        return read_image(save_series(self.folder / f"s{len(list(self.folder.iterdir()))}", datasets, order), modality)

    def test_slices_come_in_order_of_place_with_their_values_and_geometry(self):
        voxels = stored()
        made = slices(voxels, RescaleSlope=1, RescaleIntercept=-1024)
        for number, ds in zip((4, 2, 6, 1, 3, 5), made, strict=True):
            ds.InstanceNumber = number
        image = self.read(made, "ct")
        np.testing.assert_array_equal(image.volume.voxels, voxels - 1024)
        self.assertEqual(image.volume.voxels.dtype, np.int16)
        np.testing.assert_allclose(image.volume.spacing_mm, (0.5, 0.7, 1.25), atol=1e-9)
        np.testing.assert_allclose(image.volume.to_ras([3, 2, 4]), (10 - 1.5, -20 - 1.4, 30 + 5), atol=1e-9)
        self.assertEqual((image.modality, image.view, len(image.files)), ("ct", None, 6))

    def test_oblique_slices_lie_where_the_tags_and_itk_say(self):
        voxels = stored()
        folder = save_series(self.folder / "oblique", slices(voxels, row=ROW, column=COLUMN), SHUFFLED)
        image = read_image(folder)
        point_lps = np.array([-10, 20, 30]) + 7 * 0.5 * ROW + 4 * 0.7 * COLUMN + 2 * 1.25 * np.cross(ROW, COLUMN)
        np.testing.assert_allclose(image.volume.to_ras([7, 4, 2]), point_lps * (-1, -1, 1), atol=1e-6)
        by_itk = from_itk(sitk.ReadImage(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))))
        np.testing.assert_allclose(image.volume.ijk_to_ras, by_itk.ijk_to_ras, atol=1e-5)
        np.testing.assert_array_equal(image.volume.voxels, by_itk.voxels)

    def test_reversed_slice_direction_is_sorted_along_the_normal(self):
        voxels = stored()
        image = self.read(slices(voxels, step_lps=(0, 0, -1.25)))
        np.testing.assert_array_equal(image.volume.voxels, voxels[::-1])
        np.testing.assert_allclose(image.volume.to_ras([0, 0, 0]), (10, -20, 30 - 6.25), atol=1e-9)
        self.assertGreater(np.linalg.det(image.volume.ijk_to_ras[:3, :3]), 0)

    def test_positions_rounded_to_a_tenth_are_even_enough(self):
        made = slices(stored(), spacing_mm=(0.5, 0.5, 0.43))
        for ds in made:
            ds.ImagePositionPatient = [f"{float(v):.1f}" for v in ds.ImagePositionPatient]
        self.assertAlmostEqual(self.read(made).volume.spacing_mm[2], 0.43, delta=0.02)

    def test_each_slice_has_its_own_rescale(self):
        voxels = stored()
        made = slices(voxels)
        for k, ds in enumerate(made):
            ds.RescaleSlope, ds.RescaleIntercept = 0.5 + k, -100 * k
        image = self.read(made)
        expected = np.stack([v * (0.5 + k) - 100 * k for k, v in enumerate(voxels)])
        np.testing.assert_allclose(image.volume.voxels, expected, rtol=1e-6)
        self.assertEqual(image.volume.voxels.dtype, np.float32)

    def test_unsigned_values_beyond_16_bit_signed_are_kept(self):
        voxels = stored(np.uint16)
        voxels[2, 3, 4] = 65535
        image = self.read(slices(voxels, RescaleSlope=1, RescaleIntercept=-1024))
        self.assertEqual(image.volume.voxels[2, 3, 4], 64511)
        np.testing.assert_array_equal(image.volume.voxels, voxels.astype(int) - 1024)

    def test_padding_becomes_air_in_ct_and_the_least_signal_in_mr(self):
        voxels = stored()
        voxels[:, :2] = -2000
        for tag in (-2000, 63536):
            made = slices(voxels, RescaleIntercept=-1024, RescaleSlope=1)
            for ds in made:
                ds["PixelPaddingValue"] = pydicom.DataElement(0x00280120, "SS" if tag < 0 else "US", tag)
            with self.subTest(tag=tag):
                image = self.read(made)
                self.assertTrue((image.volume.voxels[:, :2] == -1024).all())
                np.testing.assert_array_equal(image.volume.voxels[:, 2:], voxels[:, 2:] - 1024)
        image = self.read(slices(voxels, MR_CLASS, "MR", PixelPaddingValue=-2000))
        self.assertTrue((image.volume.voxels[:, :2] == voxels[:, 2:].min()).all())

    def test_padding_written_signed_is_found_in_unsigned_pixels(self):
        voxels = stored(np.uint16)
        voxels[:, 3] = 63536
        made = slices(voxels, RescaleIntercept=0)
        for ds in made:
            ds["PixelPaddingValue"] = pydicom.DataElement(0x00280120, "SS", -2000)
        self.assertTrue((self.read(made).volume.voxels[:, 3] == -1024).all())

    def test_a_range_of_padding_is_padding(self):
        voxels = stored(np.uint16)
        voxels[1, :3] = 4000
        voxels[1, 4:6] = 4095
        image = self.read(slices(voxels, RescaleIntercept=0, PixelPaddingValue=4095, PixelPaddingRangeLimit=4000))
        self.assertEqual(int((image.volume.voxels == -1024).sum()), 5 * 12)

    def test_enhanced_multi_frame_reads_like_single_slices(self):
        voxels = stored()
        plain = self.read(slices(voxels, row=ROW, column=COLUMN))
        slopes, intercepts = [1, 2, 1, 3, 1, 1], [-5, 0, 7, 0, 0, -1000]
        ds = enhanced(voxels, slopes=slopes, intercepts=intercepts, order=SHUFFLED, row=ROW, column=COLUMN)
        image = read_image(save(ds, self.folder / "enhanced.dcm"), "ct")
        np.testing.assert_allclose(image.volume.ijk_to_ras, plain.volume.ijk_to_ras, atol=1e-6)
        expected = np.stack([v.astype(int) * s + i for v, s, i in zip(voxels, slopes, intercepts, strict=True)])
        np.testing.assert_array_equal(image.volume.voxels, expected)
        self.assertEqual(len(image.files), 1)

    def test_enhanced_frames_with_two_echoes_are_refused(self):
        voxels = stored()
        ds = enhanced(np.concatenate([voxels, voxels]), ENHANCED_MR_CLASS, "MR")
        for index, frame in enumerate(ds.PerFrameFunctionalGroupsSequence):
            echo = pydicom.Dataset()
            echo.EffectiveEchoTime = 4.6 if index < 6 else 9.2
            frame.MREchoSequence = pydicom.Sequence([echo])
            frame.PlanePositionSequence[0].ImagePositionPatient = [0, 0, index % 6]
        with self.assertRaisesRegex(InputError, r"echo time \(ms\) \(4.6, 9.2\)"):
            read_image(save(ds, self.folder / "enhanced.dcm"))

    def test_transfer_syntaxes_give_the_same_voxels(self):
        voxels = stored()
        plain = (ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian)
        for syntax in (*plain, RLELossless, JPEGLSLossless):
            with self.subTest(syntax.name):
                place = save_series(self.folder / str(syntax), slices(voxels))
                for path in sorted(place.iterdir()):
                    ds = pydicom.dcmread(path)
                    if syntax in plain:
                        ds.file_meta.TransferSyntaxUID = syntax
                    else:
                        ds.compress(syntax, generate_instance_uid=False)
                    ds.save_as(path, enforce_file_format=True)
                    self.assertEqual(pydicom.dcmread(path).file_meta.TransferSyntaxUID, syntax)
                np.testing.assert_array_equal(read_image(place).volume.voxels, voxels)

    def test_big_endian_is_read(self):
        voxels = stored()
        for k, ds in enumerate(slices(voxels)):
            ds.file_meta = pydicom.dataset.FileMetaDataset()
            ds.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
            ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
            ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
            ds.PixelData = voxels[k].astype(">i2").tobytes()
            pydicom.dcmwrite(
                self.folder / f"{k}.dcm", ds, enforce_file_format=True, little_endian=False, implicit_vr=False
            )
        np.testing.assert_array_equal(read_image(self.folder).volume.voxels, voxels)

    def test_jpeg_2000_and_lossless_jpeg_are_read_with_their_rescale(self):
        voxels = stored()
        writer = sitk.ImageFileWriter()
        writer.SetImageIO("GDCMImageIO")
        writer.UseCompressionOn()
        writer.SetFileName(str(self.folder / "pixels.dcm"))
        for compressor, syntax in (("JPEG", "1.2.840.10008.1.2.4.70"), ("JPEG2000", "1.2.840.10008.1.2.4.90")):
            writer.SetCompressor(compressor)
            with self.subTest(compressor):
                for k, ds in enumerate(slices(voxels, RescaleSlope=2, RescaleIntercept=-1024)):
                    writer.Execute(sitk.GetImageFromArray(voxels[k : k + 1]))
                    pixels = pydicom.dcmread(self.folder / "pixels.dcm")
                    ds["PixelData"] = pixels["PixelData"]
                    save(ds, self.folder / compressor / f"{k}.dcm", syntax)
                image = read_image(self.folder / compressor)
                np.testing.assert_array_equal(image.volume.voxels, voxels.astype(int) * 2 - 1024)

    def test_other_files_localisers_reports_and_phase_images_are_passed_over(self):
        voxels = stored()
        save_series(
            self.folder / "a" / "b", slices(voxels, MR_CLASS, "MR", ImageType=["ORIGINAL", "PRIMARY", "M", "ND"])
        )
        phase = slices(voxels + 1, MR_CLASS, "MR", ImageType=["ORIGINAL", "PRIMARY", "P", "ND"])
        save_series(self.folder / "c", phase)
        scout = slices(stored(shape=(3, 20, 20)), MR_CLASS, "MR", series=7, SeriesDescription="3-plane localizer")
        save_series(self.folder / "d", [ds for ds in scout if setattr(ds, "SeriesInstanceUID", uid(7)) is None])
        save(dataset(SEG_CLASS, "SEG", np.zeros((8, 8), np.uint8), series=9), self.folder / "seg.dcm")
        for name in ("DICOMDIR", ".DS_Store", "Thumbs.db", "a/readme.txt", ".hidden/x.dcm"):
            path = self.folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"\0" * 200)
        image = read_image(self.folder, "mr")
        np.testing.assert_array_equal(image.volume.voxels, voxels)
        self.assertEqual(len(image.files), 6)
        self.assertEqual(image.notes, ("6 phase images of the series were left out.",))

    def test_a_scout_and_a_projection_under_the_uid_of_the_slices_are_passed_over(self):
        voxels = stored()
        save_series(self.folder / "b", slices(voxels))
        scout = slices(stored(shape=(1, 20, 20)), ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
        save_series(self.folder / "a", scout)
        save_series(self.folder / "c", slices(voxels, ImageType=["DERIVED", "SECONDARY", "MIP THIN", "MIP"]))
        image = read_image(self.folder, "ct")
        np.testing.assert_array_equal(image.volume.voxels, voxels)
        self.assertEqual({path.parent.name for path in image.files}, {"b"})

    def test_files_without_preamble_and_without_suffix_are_found(self):
        voxels = stored()
        for path in save_series(self.folder, slices(voxels)).iterdir():
            ds = pydicom.dcmread(path)
            bare = pydicom.Dataset()
            bare.update({element.tag: element for element in ds})
            path.unlink()
            bare.save_as(self.folder / f"IM_{path.stem}", implicit_vr=True, little_endian=True)
        np.testing.assert_array_equal(read_image(self.folder).volume.voxels, voxels)

    def test_facts_hand_and_name_come_over_and_the_person_does_not(self):
        made = slices(
            stored(),
            MR_CLASS,
            "MR",
            EchoTime=12.5,
            RepetitionTime=510,
            FlipAngle=90,
            ScanningSequence=["SE"],
            SequenceVariant=["SK", "SP"],
            MagneticFieldStrength=3,
            Laterality="R",
            SeriesDescription="T1_se cor hand Musterfrau 29.02.1960",
        )
        image = self.read(made)
        self.assertEqual(image.series, "t1-se-cor-hand")
        self.assertEqual(image.hand, "right")
        expected = {
            "echo_time_ms": 12.5,
            "repetition_time_ms": 510.0,
            "flip_angle_deg": 90.0,
            "scanning_sequence": "SE",
            "sequence_variant": "SK\\SP",
            "field_strength_t": 3.0,
            "slice_thickness_mm": 1.25,
        }
        self.assertEqual(dict(image.contrast), expected)
        text = repr((image.series, image.hand, image.contrast, image.notes, image.modality))
        for secret in ("Muster", "Erika", BIRTH_DATE, "1960", PATIENT_ID, "1.2.826"):
            self.assertNotIn(secret, text)
        ct = self.read(slices(stored(), ConvolutionKernel="Br64", KVP=120, ImageLaterality="L"))
        self.assertEqual(ct.hand, "left")
        self.assertEqual(dict(ct.contrast), {"kernel": "Br64", "slice_thickness_mm": 1.25, "tube_kv": 120.0})

    def test_the_hash_is_of_the_content_not_of_names_and_order(self):
        made = slices(stored())
        first, second = self.read(made), self.read(made, order=range(6))
        self.assertEqual(first.sha256, second.sha256)
        made[2].PixelData = b"\0" * len(made[2].PixelData)
        self.assertNotEqual(self.read(made).sha256, first.sha256)
        path = save(enhanced(stored()), self.folder / "one.dcm")
        self.assertEqual(read_image(path).sha256, hashlib.sha256(path.read_bytes()).hexdigest())

        self.assertEqual(content_hash(["b", "a"]), content_hash(["a", "b"]))

    def test_hands_that_differ_within_a_series_are_both(self):
        made = slices(stored(), Laterality="L")
        made[3].Laterality = "R"
        self.assertEqual(self.read(made).hand, "both")
        self.assertEqual(self.read(slices(stored(), ImageLaterality="B", Laterality="R")).hand, "both")
        self.assertIsNone(self.read(slices(stored(), ImageLaterality="U")).hand)

    def test_reading_can_be_stopped(self):
        folder = save_series(self.folder, slices(stored()))
        with self.assertRaises(OperationCancelled):
            read_image(folder, progress=lambda fraction, message: fraction < 0.5)

    @requires_shared("dicom_dx_seg_sr/CT_small.dcm")
    def test_real_ct_slices_have_the_values_that_itk_reads(self):
        source = SHARED_DATA / "dicom_dx_seg_sr" / "CT_small.dcm"
        for k in range(3):
            ds = pydicom.dcmread(source)
            ds.ImagePositionPatient[2] += 5 * k
            ds.save_as(self.folder / f"{k}.dcm")
        image = read_image(self.folder, "ct")
        expected = sitk.GetArrayFromImage(sitk.ReadImage(str(source)))[0].astype(int)
        padding = pydicom.dcmread(source).pixel_array == -2000
        expected[padding] = -1024
        for k in range(3):
            np.testing.assert_array_equal(image.volume.voxels[k], expected)
        np.testing.assert_allclose(image.volume.spacing_mm, (0.661468, 0.661468, 5), atol=1e-6)
        np.testing.assert_allclose(image.volume.ijk_to_ras[:3, 3], (158.135803, 179.035797, -75.699997), atol=1e-6)

    @requires_shared("dicom_dx_seg_sr")
    def test_real_reports_segmentations_and_single_slices_are_refused(self):
        for path in sorted((SHARED_DATA / "dicom_dx_seg_sr").glob("*.dcm")):
            if path.stem == "dx_image":
                continue
            with self.subTest(path.name):
                copy = shutil.copy(path, self.folder)
                words = "single slice|no pixel spacing|is no CT, MR or radiograph but DICOM .*(Segmentation|SR) Storage"
                with self.assertRaisesRegex(InputError, words):
                    read_image(copy)
        with self.assertRaisesRegex(InputError, "DICOM says Modality MR, CT was expected"):
            read_image(SHARED_DATA / "dicom_dx_seg_sr" / "MR_small.dcm", "ct")


if __name__ == "__main__":
    unittest.main()
