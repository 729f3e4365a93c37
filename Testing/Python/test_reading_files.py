"""NRRD, NIfTI and MHA volumes: voxels and place exact, headers checked before ITK fills gaps."""

import tempfile
import unittest
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from bad_inputs import ct_voxels, image, mr_voxels, nifti, nrrd, write
from calcinosis_testing import SHARED_DATA, requires_shared
from CalcinosisImagingLib.analysis.errors import InputError
from CalcinosisImagingLib.study.images import read_image

DIRECTION = (0.36, -0.8, 0.48, 0.48, 0.6, 0.64, -0.8, 0.0, 0.6)


class ReadingFilesTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def test_an_oblique_volume_comes_back_from_every_format(self):
        made = image(ct_voxels())
        made.SetDirection(DIRECTION)
        made.SetOrigin((-12.0, 34.0, 56.0))
        point = made.TransformIndexToPhysicalPoint((7, 3, 5))
        for suffix in (".nrrd", ".nii", ".nii.gz", ".mha"):
            with self.subTest(suffix):
                read = read_image(write(self.folder, f"ct{suffix}", made), "ct")
                np.testing.assert_array_equal(read.volume.voxels, ct_voxels())
                np.testing.assert_allclose(read.volume.to_ras([7, 3, 5]), np.array(point) * (-1, -1, 1), atol=1e-4)
                np.testing.assert_allclose(read.volume.spacing_mm, (0.4, 0.5, 0.6), atol=1e-6)
                self.assertEqual((read.modality, read.view, read.hand, len(read.sha256)), ("ct", None, None, 64))

    def test_nifti_axes_are_those_of_its_header(self):
        path = nifti(
            self.folder, ct_voxels(), sform_code=1, qform_code=0, srow=[[0, 0.5, 0, 3], [0.4, 0, 0, 5], [0, 0, 0.6, 7]]
        )
        read = read_image(path, "ct")
        np.testing.assert_allclose(read.volume.to_ras([2, 4, 1]), (3 + 2.0, 5 + 0.8, 7 + 0.6), atol=1e-5)

    def test_big_compressed_and_float_files_are_read(self):
        voxels = mr_voxels((30, 40, 50)).astype(np.float32) * 0.5
        for suffix in (".nrrd", ".mha", ".nii.gz"):
            with self.subTest(suffix):
                path = self.folder / f"mr{suffix}"
                sitk.WriteImage(image(voxels), str(path), useCompression=True)
                np.testing.assert_array_equal(read_image(path, "mr").volume.voxels, voxels)

    def test_a_folder_with_one_image_file_is_that_image(self):
        place = self.folder / "mit Leerzeichen und Ümlaut"
        place.mkdir()
        write(place, "t1 scan.nii.gz", image(mr_voxels()))
        (place / "notes.txt").write_text("nothing", encoding="utf-8")
        read = read_image(place, "mr")
        np.testing.assert_array_equal(read.volume.voxels, mr_voxels())
        self.assertEqual(read.series, "t1")

    def test_a_fourth_axis_of_one_is_dropped(self):
        path = nifti(self.folder, ct_voxels(), dim=[4, 10, 8, 6, 1])
        np.testing.assert_array_equal(read_image(path, "ct").volume.voxels, ct_voxels())

    def test_spacing_without_orientation_is_enough_for_nrrd(self):
        read = read_image(nrrd(self.folder, ct_voxels(), "spacings: 0.4 0.5 0.6"), "ct")
        np.testing.assert_allclose(read.volume.spacing_mm, (0.4, 0.5, 0.6))

    def test_geometries_of_nifti_may_differ_by_rounding_only(self):
        rows = [[0.4, 0, 0, 0.05], [0, 0.5, 0, 0], [0, 0, 0.6, 0]]
        self.assertEqual(read_image(nifti(self.folder, ct_voxels(), sform_code=1, srow=rows), "ct").modality, "ct")
        rows[0][3] = 0.15
        with self.assertRaisesRegex(InputError, "differ by up to 0.15 mm"):
            read_image(nifti(self.folder, ct_voxels(), sform_code=1, srow=rows), "ct")

    def test_masked_ct_of_unknown_offset_is_taken(self):
        voxels = np.where(ct_voxels() > -1000, ct_voxels() + 1024, 0).astype(np.uint16)
        read = read_image(write(self.folder, "b.nrrd", image(voxels)), "ct")
        np.testing.assert_array_equal(read.volume.voxels, voxels)
        self.assertRegex(" ".join(read.notes), "No voxel is below 0 HU.*offset")
        self.assertEqual(read_image(write(self.folder, "c.nrrd", image(ct_voxels())), "ct").notes, ())

    def test_a_side_file_of_another_program_does_not_make_a_film(self):
        path = write(self.folder, "t1.nii.gz", image(mr_voxels()))
        (self.folder / "t1.json").write_text('{"EchoTime": 0.012, "Modality": "MR"}', encoding="utf-8")
        self.assertEqual(read_image(path, "mr").modality, "mr")
        with self.assertRaisesRegex(InputError, "does not say whether it is CT or MR"):
            read_image(path)

    @requires_shared("wrist_mri_lava/Wrist_01_LAVA.nii.gz")
    def test_the_real_mr_lies_where_its_header_says(self):
        read = read_image(SHARED_DATA / "wrist_mri_lava" / "Wrist_01_LAVA.nii.gz", "mr")
        self.assertEqual(read.volume.size, (256, 60, 256))
        np.testing.assert_allclose(read.volume.spacing_mm, (0.7813, 1.0, 0.7813), atol=1e-4)
        np.testing.assert_allclose(read.volume.to_ras([0, 0, 0]), (94.6598, -55.5047, -99.8559), atol=1e-3)

    @requires_shared("hrpqct_finger_GPL3/GRAY_JOINT_half.nii.gz")
    def test_the_real_hrpqct_is_ct_and_its_mask_is_not(self):
        place = SHARED_DATA / "hrpqct_finger_GPL3"
        read = read_image(place / "GRAY_JOINT_half.nii.gz", "ct")
        self.assertEqual((read.volume.voxels.min(), read.volume.voxels.max()), (-1118, 3432))
        with self.assertRaisesRegex(InputError, "like air in CT"):
            read_image(place / "GRAY_JOINT_half.nii.gz", "mr")
        with self.assertRaisesRegex(InputError, "not Hounsfield"):
            read_image(place / "GRAY_JOINT_autocontour_IPL_half.nii.gz", "ct")


if __name__ == "__main__":
    unittest.main()
