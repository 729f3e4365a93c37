"""Deposits put into images: their volume comes out, they lie in soft tissue, and the rest stays as it was."""

import unittest
from dataclasses import fields, replace

import numpy as np
import SimpleITK as sitk
from calcinosis_testing import SHARED_DATA, requires_shared
from CalcinosisImagingLib.analysis.errors import InputError
from CalcinosisImagingLib.analysis.itk_bridge import from_itk
from CalcinosisImagingLib.analysis.view import View
from CalcinosisImagingLib.analysis.volume import Volume
from CalcinosisImagingLib.phantom.implant import implant, implant_film
from CalcinosisImagingLib.phantom.lookalikes import Lookalikes
from CalcinosisImagingLib.phantom.visibility import Visibility, visibility
from scipy import ndimage

FINGER = "hrpqct_finger_GPL3/GRAY_JOINT_half.nii.gz"
WRIST = "wrist_mri_lava/Wrist_01_LAVA.nii.gz"
FILM = "wrist_biplane/xr_rad_uln_cam01_UND.0099.tif"


def finger(spacing=0.3):
    """A cylinder of soft tissue (50 HU) with a bone in it, in air: (ct Volume, mask of bone)."""
    k, j, i = np.ogrid[:70, :80, :80]
    radius = np.hypot(j - 40, i - 40) * spacing + 0 * k
    hu = np.where(radius < 10.0, 50.0, -1000.0)
    bone = radius < 4.0
    hu[bone] = 1200.0
    hu[radius < 2.8] = 100.0
    matrix = np.diag([-spacing, -spacing, spacing, 1.0])
    matrix[:3, 3] = 5.0, -7.0, 11.0
    return Volume(np.rint(ndimage.gaussian_filter(hu, 0.6)).astype(np.int16), matrix), bone


class ImplantTest(unittest.TestCase):
    def test_added_density_is_the_deposits_volume_times_its_contrast(self):
        ct, _ = finger()
        out = implant(ct, "ct", seed=1, count=3, kinds={"stone": 1.0})
        self.assertEqual(len(out.rows), 3)
        added = (out.volume.voxels.astype(float) - ct.voxels).sum() * ct.voxel_volume_mm3
        expected = sum(row["volume_mm3"] * (row["hu"] - 50.0) for row in out.rows)
        self.assertAlmostEqual(added / expected, 1.0, delta=0.03)

    def test_deposits_lie_in_soft_tissue_apart_from_each_other_at_the_place_told(self):
        ct, bone = finger()
        out = implant(ct, "ct", seed=2, count=5)
        labels = out.truth.labels
        self.assertFalse((labels[bone] > 0).any())
        self.assertFalse((labels[ct.voxels < -500] > 0).any())
        for row in out.rows:
            inside = np.argwhere(labels == row["deposit_id"])[:, ::-1]
            if row["kind"] == "stone":
                centre = [row[f"centroid_{axis}_mm"] for axis in "ras"]
                np.testing.assert_allclose(ct.to_ras(inside.mean(axis=0)), centre, atol=0.15)
                self.assertAlmostEqual(len(inside) * ct.voxel_volume_mm3 / row["volume_mm3"], 1.0, delta=0.1)
            others = np.argwhere((labels > 0) & (labels != row["deposit_id"]))[:, ::-1]
            gap = np.linalg.norm((inside[:, None] - others[None]) * 0.3, axis=2).min() if len(others) else 9.0
            self.assertGreater(gap, 2.0)

    def test_the_same_seed_gives_the_same_image_and_the_image_keeps_its_type_and_grid(self):
        ct, _ = finger()
        first, again, other = (implant(ct, "ct", seed=s, count=2) for s in (4, 4, 5))
        np.testing.assert_array_equal(first.volume.voxels, again.volume.voxels)
        self.assertFalse(np.array_equal(first.volume.voxels, other.volume.voxels))
        self.assertEqual(first.volume.voxels.dtype, np.int16)
        self.assertTrue(first.volume.same_grid(ct))
        far = ndimage.distance_transform_edt(first.truth.labels == 0) > 6
        np.testing.assert_array_equal(first.volume.voxels[far], ct.voxels[far])

    def test_chalk_is_a_void_in_mr_and_paste_is_bright(self):
        ct, _ = finger()
        rng = np.random.default_rng(0)
        signal = np.where(ct.voxels > -500, 800.0, 0.0)
        noisy = np.hypot(signal + rng.normal(0, 20, signal.shape), rng.normal(0, 20, signal.shape))
        mr = ct.with_voxels(np.rint(noisy).astype(np.int16))
        for share, low, high in ((0.0, 0, 200), (1.0, 1400, 1800)):
            with self.subTest(paste_share=share):
                out = implant(mr, "mr", seed=3, count=3, kinds={"stone": 1.0}, paste_share=share)
                inner = ndimage.binary_erosion(out.truth.labels > 0, iterations=2)
                self.assertTrue(inner.any())
                self.assertTrue(low < np.median(out.volume.voxels[inner]) < high)

    def test_images_without_soft_tissue_and_other_modalities_are_refused(self):
        empty = Volume(np.full((10, 10, 10), -1000, np.int16), np.eye(4))
        with self.assertRaisesRegex(InputError, "No soft tissue"):
            implant(empty, "ct")
        with self.assertRaisesRegex(InputError, "'xray'"):
            implant(empty, "xray")

    @requires_shared(FINGER)
    def test_a_real_finger_takes_deposits_outside_its_bone(self):
        ct = from_itk(sitk.ReadImage(str(SHARED_DATA / FINGER)))
        out = implant(ct, "ct", seed=1, count=4)
        self.assertEqual(len(out.rows), 4)
        before = ndimage.gaussian_filter(ct.voxels.astype(np.float32), 3)
        for row in out.rows:
            inside = out.truth.labels == row["deposit_id"]
            self.assertTrue(-200 < before[inside].mean() < 250)
            inner = ndimage.binary_erosion(inside, iterations=2)
            self.assertAlmostEqual(float(out.volume.voxels[inner].mean()), row["hu"], delta=60)

    @requires_shared(WRIST)
    def test_a_real_wrist_mr_takes_deposits(self):
        mr = from_itk(sitk.ReadImage(str(SHARED_DATA / WRIST)))
        out = implant(mr, "mr", seed=1, count=3, paste_share=0.0)
        self.assertEqual(len(out.rows), 3)
        for row in out.rows:
            ijk = np.rint(mr.to_ijk(np.array([row[f"centroid_{a}_mm"] for a in "ras"]))).astype(int)
            self.assertLess(out.volume.voxels[ijk[2], ijk[1], ijk[0]], 0.5 * mr.voxels[ijk[2], ijk[1], ijk[0]])

    @requires_shared(WRIST)
    def test_deposits_in_a_real_wrist_mr_lie_where_they_can_be_seen(self):
        mr = from_itk(sitk.ReadImage(str(SHARED_DATA / WRIST)))
        rows = implant(mr, "mr", seed=1).rows
        self.assertGreaterEqual(sum(row["visible"] for row in rows), 7)
        visible = [row for row in rows if row["visible"]]
        self.assertLessEqual(max(row["open"] for row in visible), 0.4)
        self.assertEqual([row["lookalikes"] for row in visible], [0] * len(visible))
        # The truth holds all that decides whether a deposit can be seen.
        names = [field.name for field in fields(Visibility)]
        self.assertTrue(all(Visibility(*(row[name] for name in names)).visible for row in rows))
        volumes = [row["volume_mm3"] for row in rows]
        self.assertGreater(max(volumes) / min(volumes), 4.0)

    def test_where_no_place_shows_a_deposit_one_is_implanted_and_the_truth_says_so(self):
        # Every second voxel is as dark as a void.
        signal = np.full((40, 60, 60), 800.0, np.float32)
        signal[::2, ::2, ::2] = signal[1::2, 1::2, 1::2] = signal[::2, 1::2] = 0.0
        signal[:, :5] = signal[:, -5:] = signal[:, :, :5] = signal[:, :, -5:] = 0.0
        mr = Volume(signal, np.diag([0.5, 0.5, 0.5, 1.0]))
        rows = implant(mr, "mr", seed=1, count=1, kinds={"stone": 1.0}, paste_share=0.0).rows
        self.assertEqual([row["visible"] for row in rows], [False])

    def test_paste_follows_the_brightness_of_the_coil(self):
        k, j, i = np.ogrid[:120, :60, :60]
        signal = (np.hypot(j - 30, i - 30) < 22) * (1000.0 - 7.0 * k) + 0.0 * i
        mr = Volume(signal.astype(np.float32), np.diag([0.8, 0.8, 0.8, 1.0]))
        out = implant(mr, "mr", seed=2, count=4, kinds={"stone": 1.0}, paste_share=1.0)
        middles = np.array([[row[f"centroid_{a}_mm"] for a in "ras"] for row in out.rows])
        tissue = 1000.0 - 7.0 * mr.to_ijk(middles)[:, 2]
        self.assertGreater(tissue.max() / tissue.min(), 1.5)
        ratios = np.array([row["signal"] for row in out.rows]) / tissue
        self.assertTrue(ratios.min() > 1.6 and ratios.max() < 2.6, ratios)


class LookalikesTest(unittest.TestCase):
    """A block of bright tissue in air with balls of 2.4 mm radius, and one deposit of a given radius."""

    NATIVE = ((30, 20, 20), (30, 20, 60), (30, 60, 20))

    def count(self, radius_mm, native_radius_mm=2.4, bright=False):
        k, j, i = np.ogrid[:60, :80, :80]
        signal = np.zeros((60, 80, 80))
        signal[8:-8, 8:-8, 8:-8] = 100.0
        value = 300.0 if bright else 0.0

        def ball(middle, radius):
            return np.sqrt((k - middle[0]) ** 2 + (j - middle[1]) ** 2 + (i - middle[2]) ** 2) * 0.8 <= radius

        for middle in self.NATIVE:
            signal[ball(middle, native_radius_mm)] = value
        native = ndimage.gaussian_filter(signal, 0.5)
        seen = Lookalikes(Volume(native.astype(np.float32), np.diag([0.8, 0.8, 0.8, 1.0])))
        mine = ball((30, 60, 60), radius_mm)
        # Noise about the deposit alone: it fits its own form a little less well than an equal body does.
        noise = np.random.default_rng(3).normal(0.0, 4.0, signal.shape)
        signal = ndimage.gaussian_filter(np.where(mine, value, signal), 0.5) + np.abs(noise)
        box = (slice(18, 42), slice(48, 72), slice(48, 72))
        arguments = (signal[box], box, mine[box], np.zeros(mine[box].shape, bool), bright)
        self.assertEqual(seen.any(*arguments), seen.count(*arguments) > 0)
        return seen.count(*arguments)

    def test_bodies_of_the_same_form_are_counted_one_by_one(self):
        for bright in (False, True):
            with self.subTest(bright=bright):
                self.assertEqual(self.count(2.4, bright=bright), 3)

    def test_bodies_of_another_size_are_no_lookalikes(self):
        self.assertEqual(self.count(4.0), 0)
        self.assertEqual(self.count(2.4, native_radius_mm=1.2), 0)

    def test_a_deposit_with_a_lookalike_is_not_visible(self):
        told = Visibility(20.0, 0.0, 1.0, 0.0, 0.0, 100.0)
        self.assertTrue(told.visible)
        self.assertFalse(replace(told, lookalikes=1).visible)


class VisibilityTest(unittest.TestCase):
    def seen(self, own, around, size=5):
        """A cube of ``own`` signal in tissue of ``around``, noise 10, voxels of 1 mm."""
        image = np.random.default_rng(1).normal(around, 10.0, (21, 21, 21))
        inside = np.zeros(image.shape, bool)
        inside[8 : 8 + size, 8 : 8 + size, 8 : 8 + size] = True
        image[inside] += own - around
        return image, inside

    def test_contrast_to_noise_is_the_difference_over_the_noise_times_the_root_of_the_voxels(self):
        image, inside = self.seen(0.0, 200.0)
        found = visibility(image, inside, np.zeros_like(inside), np.ones(3), 125.0)
        self.assertAlmostEqual(found.contrast_to_noise, 20.0 * np.sqrt(125.0), delta=0.1 * 20.0 * np.sqrt(125.0))
        self.assertEqual((found.alike, found.open), (0.0, 0.0))
        self.assertTrue(found.visible and found.outlined)

    def test_a_void_with_the_dark_at_one_side_can_be_seen_but_not_outlined(self):
        image, inside = self.seen(0.0, 200.0)
        image[:, :, 13:] *= 0.2
        image[:, 13:] *= 0.2
        found = visibility(image, inside, np.zeros_like(inside), np.ones(3), 125.0)
        self.assertTrue(found.visible)
        self.assertFalse(found.outlined)

    def test_what_looks_like_its_surroundings_or_like_muscle_or_is_a_speck_cannot_be_told(self):
        image, inside = self.seen(0.0, 200.0)
        dark = image.copy()
        dark[:, :, :9] = dark[:, :9] = dark[:9] = 0.0
        cases = {
            "in the dark": (dark, inside, 125.0),
            "like muscle in fat": (*self.seen(100.0, 200.0), 125.0),
            "a speck": (*self.seen(0.0, 200.0, 1), 1.0),
            "no voxel": (image, np.zeros_like(inside), 0.2),
        }
        for name, (signal, mask, volume) in cases.items():
            with self.subTest(name):
                self.assertFalse(visibility(signal, mask, np.zeros_like(mask), np.ones(3), volume).visible)


class ImplantFilmTest(unittest.TestCase):
    def test_a_film_darkens_by_the_line_integral_and_the_shadow_has_the_projected_area(self):
        rows, columns = 300, 320
        v, u = np.ogrid[:rows, :columns]
        path = np.where(np.abs(u - 160) < 110, 20.0, 0.0) + 0.0 * v
        bone = np.where(np.abs(u - 160) < 20, 8.0, 0.0)
        beam = 3000.0 * np.exp(-0.02 * path - 0.05 * bone)
        film = Volume(
            np.rint(ndimage.gaussian_filter(beam, 1.0)).astype(np.uint16)[None], np.diag([-0.2, -0.2, 1.0, 1.0])
        )
        view = View("pa", rows, columns, (0.2, 0.2), 1000.0, (159.5, 149.5))
        out = implant_film(film, view, seed=3, count=3, kinds={"stone": 1.0})
        self.assertEqual(len(out.rows), 3)
        loss = -np.log(out.volume.voxels[0] / film.voxels[0].astype(float))
        for row in out.rows:
            mask = out.truth.labels[0] == row["deposit_id"]
            near = ndimage.binary_dilation(mask, iterations=4)
            weight = 0.02 * (0.12 + (row["hu"] - 120.0) * 1.35 / 1000.0)
            found = loss[near].sum() * 0.04 * (1 - 0.015) ** 2 / weight
            self.assertAlmostEqual(found / row["volume_mm3"], 1.0, delta=0.03)
            self.assertAlmostEqual(row["area_mm2"] / row["area_detector_mm2"], 0.985**2, delta=0.003)
            self.assertLess(np.abs(np.argwhere(mask).mean(axis=0)[::-1] - [row["u_px"], row["v_px"]]).max(), 1.5)

    def test_bright_bone_films_brighten(self):
        ramp = np.tile(np.linspace(0, 30, 200), (200, 1)) + 200.0
        ramp[:, 60:150] += 1000.0
        ramp[:, 95:105] += 900.0
        film = Volume(ramp[None], np.diag([-0.2, -0.2, 1.0, 1.0]))
        view = replace(View("pa", 200, 200, (0.2, 0.2), 1000.0, (99.5, 99.5)), intensity="log", bright="bone")
        out = implant_film(film, view, seed=1, count=2)
        self.assertTrue(((out.volume.voxels - film.voxels)[out.truth.labels > 0] > 0).mean() > 0.95)

    @requires_shared(FILM)
    def test_a_real_film_takes_deposits_over_the_hand(self):
        pixels = sitk.GetArrayFromImage(sitk.ReadImage(str(SHARED_DATA / FILM)))
        film = Volume(pixels[None], np.diag([-0.2, -0.2, 1.0, 1.0]))
        view = View("cam01", 1760, 1760, (0.2, 0.2), 1400.0, (880.0, 880.0))
        out = implant_film(film, view, seed=2, count=3, height_mm=400.0)
        self.assertEqual(len(out.rows), 3)
        for row in out.rows:
            self.assertTrue(450 < row["u_px"] < 1050, "the hand lies between these columns")
        self.assertTrue((out.volume.voxels <= film.voxels).all())

    def test_a_view_of_another_film_is_refused(self):
        film = Volume(np.zeros((1, 10, 12), np.uint16), np.eye(4))
        with self.assertRaisesRegex(InputError, "10 x 12"):
            implant_film(film, View("pa", 12, 10, (0.2, 0.2), 1000.0, (5.0, 5.0)))


if __name__ == "__main__":
    unittest.main()
