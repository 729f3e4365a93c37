"""Calcinosis in MR: voids and bright bodies are found where they are, look-alikes are not."""

import unittest
from dataclasses import replace

import numpy as np
from calcinosis_testing import SHARED_DATA, requires_shared
from CalcinosisImagingLib.analysis.errors import InputError
from CalcinosisImagingLib.analysis.itk_bridge import from_itk
from CalcinosisImagingLib.analysis.mr.candidates import Surroundings, large_parts, look_closely, measure
from CalcinosisImagingLib.analysis.mr.compact import NOT_EMPTY
from CalcinosisImagingLib.analysis.mr.continued import continued
from CalcinosisImagingLib.analysis.mr.rules import chalk_confidence
from CalcinosisImagingLib.analysis.mr.segment import CONSISTENCY_TAG, segment_mr
from CalcinosisImagingLib.analysis.mr.stars import blurred_void, find_stars, sharpest
from CalcinosisImagingLib.analysis.mr.tubes import goes_on, local_thickness
from CalcinosisImagingLib.analysis.segmentation import CONFIDENCE_TAG, REASON_TAG, Segment, Segmentation
from CalcinosisImagingLib.analysis.volume import Volume
from scipy import ndimage

LAVA = "wrist_mri_lava/Wrist_01_LAVA.nii.gz"
SPACING = 0.6
MUSCLE, FAT = 500.0, 700.0


def coordinates(shape):
    """R, A, S mm of each voxel of an image centred at the origin."""
    k, j, i = np.meshgrid(*[(np.arange(n) - (n - 1) / 2) * SPACING for n in shape], indexing="ij")
    return i, j, k


def share(distance):
    """Part of a voxel within a surface at this signed distance (negative inside)."""
    return np.clip(0.5 - distance / SPACING, 0.0, 1.0)


def limb(shape=(90, 70, 70)):
    """A limb along S: muscle under fat, air around; the signal before anything is put into it."""
    x, y, z = coordinates(shape)
    skin = np.hypot(x, y) - 18.0
    image = share(skin) * FAT + share(skin + 3.0) * (MUSCLE - FAT)
    return image, (x, y, z)


def with_body(image, distance, signal):
    """Replace what lies within the surface by another signal, with partial volume."""
    part = share(distance)
    return image * (1.0 - part) + signal * part


def as_mr(image, seed=0, noise=15.0):
    """Point spread, noise and geometry of a scan."""
    random = np.random.default_rng(seed)
    blurred = ndimage.gaussian_filter(image, 0.4)
    noisy = np.hypot(blurred + random.normal(0, noise, image.shape), random.normal(0, noise, image.shape))
    matrix = np.diag([SPACING] * 3 + [1.0])
    matrix[:3, 3] = [-(n - 1) / 2 * SPACING for n in image.shape[::-1]]
    return Volume(noisy.astype(np.float32), matrix)


def ball(at, centre, radius):
    """Signed distance to a ball."""
    return np.sqrt(sum((a - c) ** 2 for a, c in zip(at, centre, strict=True))) - radius


class TestVoids(unittest.TestCase):
    def test_balls_of_chalk_are_found_at_their_place_with_their_volume(self):
        image, at = limb()
        truth = [((-8.0, 0.0, -14.0), 4.0), ((6.0, 6.0, 2.0), 3.0), ((2.0, -8.0, 16.0), 2.0)]
        for centre, radius in truth:
            image = with_body(image, ball(at, centre, radius), 0.0)
        volume = as_mr(image)
        found = segment_mr(volume)
        self.assertEqual([s.segment_id for s in found.deposits.segments], ["deposit-1", "deposit-2", "deposit-3"])
        for segment, (centre, radius) in zip(found.deposits.segments, truth, strict=True):
            with self.subTest(radius=radius):
                voxels = np.argwhere(found.deposits.labels == segment.label)[:, ::-1]
                np.testing.assert_allclose(volume.to_ras(voxels).mean(0), centre, atol=0.15)
                size = len(voxels) * volume.voxel_volume_mm3 / (4 / 3 * np.pi * radius**3)
                self.assertAlmostEqual(size, 1.0, delta=0.1)
                self.assertEqual(segment.tags[CONSISTENCY_TAG], "chalk")
                self.assertGreater(float(segment.tags[CONFIDENCE_TAG]), 0.7)

    def test_fragments_nearer_than_two_millimetres_are_one_deposit(self):
        for gap, count in ((1.2, 1), (3.5, 2)):
            image, at = limb()
            for side in (-1, 1):
                image = with_body(image, ball(at, (side * (2.5 + gap / 2), 0.0, 0.0), 2.5), 0.0)
            with self.subTest(gap=gap):
                self.assertEqual(len(segment_mr(as_mr(image)).deposits.segments), count)

    def test_a_tendon_and_a_cut_body_are_rejected_with_their_reasons(self):
        image, at = limb()
        tendon = np.maximum(np.hypot(at[0] - 6.0, at[1]) - 2.0, np.abs(at[2]) - 18.0)
        image = with_body(image, tendon, 0.0)
        image = with_body(image, ball(at, (-6.0, 0.0, 27.0), 4.0), 0.0)
        found = segment_mr(as_mr(image))
        self.assertEqual(len(found.deposits.segments), 0)
        reasons = [s.tags[REASON_TAG] for s in found.rejected.segments]
        self.assertIn("goes on with the same thickness like a tendon or cortex", reasons)
        self.assertIn("cut by the border of the image", reasons)

    def test_a_thin_plate_that_ends_freely_is_found_and_a_septum_to_the_skin_is_not(self):
        image, at = limb()
        flat = np.abs(at[0] - 3.0) - 0.6
        for reach in (3.0, 30.0):
            with self.subTest(reach_mm=reach):
                plate = np.maximum(flat, np.maximum(np.abs(at[1]), np.abs(at[2])) - reach)
                found = segment_mr(as_mr(with_body(image, plate, 0.0))).deposits
                self.assertEqual(len(found.segments), 1 if reach == 3.0 else 0)

    def test_without_bones_what_is_thick_and_smaller_than_the_least_carpal_bone_is_found(self):
        image, at = limb()
        for radius, count in ((4.5, 1), (5.4, 0)):
            with self.subTest(volume_mm3=round(4 / 3 * np.pi * radius**3)):
                found = segment_mr(as_mr(with_body(image, ball(at, (3.0, 2.0, 0.0), radius), 0.0))).deposits
                self.assertEqual(len(found.segments), count)

    def test_a_limb_without_deposits_gives_none(self):
        image, _ = limb()
        self.assertEqual(len(segment_mr(as_mr(image)).deposits.segments), 0)

    def test_a_deposit_that_touches_a_given_bone_is_kept_and_the_bone_is_not_taken(self):
        image, at = limb()
        bone = np.hypot(at[0], at[1]) - 6.0
        image = with_body(image, bone, 20.0)
        image = with_body(image, bone + 1.2, 600.0)
        centre = (9.2, 0.0, 0.0)
        image = with_body(image, ball(at, centre, 3.0), 0.0)
        volume = as_mr(image)
        labels = (bone < 0).astype(np.uint16)
        bones = Segmentation(volume.with_voxels(labels), (Segment(1, "radius", "radius"),))
        found = segment_mr(volume, bones=bones)
        self.assertEqual(len(found.deposits.segments), 1)
        voxels = np.argwhere(found.deposits.labels)[:, ::-1]
        self.assertLess(np.linalg.norm(volume.to_ras(voxels).mean(0) - centre), 0.6)
        self.assertEqual(np.count_nonzero(found.deposits.labels[labels > 0]), 0)


class TestTendons(unittest.TestCase):
    def tendon(self, at):
        """A cord along S, as dark as chalk, 2 mm in radius, through the whole limb."""
        return np.hypot(at[0] - 5.0, at[1]) - 2.0

    def test_a_tendon_goes_on_and_a_ball_of_the_same_thickness_does_not(self):
        at = coordinates((90, 70, 70))
        spacing = np.full(3, SPACING)
        cord, lump = self.tendon(at) < 0, ball(at, (-8.0, 0.0, 0.0), 2.0) < 0
        thickness = local_thickness(cord | lump, spacing)
        self.assertAlmostEqual(float(np.median(thickness[cord])), 3.5, delta=0.6)
        going = goes_on(thickness, spacing)
        self.assertGreater(going[cord].mean(), 0.95)
        self.assertEqual(going[lump].sum(), 0)

    def test_a_lump_on_a_tendon_is_found_and_the_tendon_is_not(self):
        image, at = limb()
        image = with_body(image, self.tendon(at), 0.0)
        self.assertEqual(len(segment_mr(as_mr(image), bones=self.bones(image)).deposits.segments), 0)
        centre = (0.5, 0.0, 6.0)
        volume = as_mr(with_body(image, ball(at, centre, 3.0), 0.0))
        found = segment_mr(volume, bones=self.bones(image))
        self.assertEqual(len(found.deposits.segments), 1)
        voxels = np.argwhere(found.deposits.labels)[:, ::-1]
        self.assertLess(np.linalg.norm(volume.to_ras(voxels).mean(0) - centre), 1.5)

    def test_beads_of_a_thin_tendon_are_no_deposits(self):
        image, at = limb()
        beads = np.maximum(np.hypot(at[0] - 5.0, at[1]) - 1.3, np.abs(at[2] % 3.6 - 1.8) - 1.2)
        found = segment_mr(as_mr(with_body(image, beads, 0.0)), bones=self.bones(image))
        self.assertEqual(len(found.deposits.segments), 0)

    def test_of_beads_in_a_row_none_but_the_last_ones_is_a_deposit(self):
        image, at = limb()
        beads = np.maximum(np.hypot(at[0] - 5.0, at[1]) - 1.6, np.abs((at[2] + 1.9) % 3.8 - 1.9) - 1.3)
        found = segment_mr(as_mr(with_body(image, beads, 0.0)), bones=self.bones(image)).deposits
        # The beads at the border of the image are met again at one side alone.
        self.assertLess(np.count_nonzero(found.labels), 0.2 * np.count_nonzero(beads < 0))

    def test_what_is_met_again_at_both_ends_counts_and_at_one_end_does_not(self):
        at = coordinates((60, 40, 40))
        spacing = np.full(3, SPACING)
        bead = [ball(at, (0.0, 0.0, z), 1.5) for z in (-4.0, 0.0, 4.0)]
        cases = {"alone": bead[1:2], "one end": bead[1:], "both ends": bead}
        measured = {}
        for name, beads in cases.items():
            level = (1.0 - share(np.minimum.reduce(beads))).astype(np.float32)
            around = Surroundings(
                spacing, level, np.full(level.shape, 9.0), np.zeros(level.shape, bool), None, None, None
            )
            labels = large_parts(bead[1] < 0, 4)
            (body,) = measure(labels, around, False)
            box = ndimage.find_objects(labels)[0]
            body = look_closely(body, labels, box, around)
            wide = tuple(slice(None) for _ in range(3))
            measured[name] = continued(labels > 0, wide, around, body, False)
            if name == "both ends":
                sure = [chalk_confidence(replace(body, continued=c), 0.05, False) for c in (0.0, measured[name])]
        self.assertEqual((measured["alone"], measured["one end"]), (0.0, 0.0))
        self.assertGreater(measured["both ends"], 0.4, measured)
        self.assertLess(sure[1], 0.9 * sure[0])

    def test_muscle_that_is_dark_beside_fat_is_no_void(self):
        _, at = limb()
        fat = share(np.hypot(at[0], at[1]) - 18.0) * 1500.0
        volume = as_mr(with_body(fat, ball(at, (4.0, 0.0, 0.0), 4.0), 430.0))
        self.assertEqual(len(segment_mr(volume).deposits.segments), 0)

    def bones(self, image):
        """A bone at the far side, so that bones are known."""
        labels = np.zeros(image.shape, np.uint16)
        labels[:, 30:40, 12:20] = 1
        volume = as_mr(image)
        return Segmentation(volume.with_voxels(labels), (Segment(1, "radius", "radius"),))


class TestStars(unittest.TestCase):
    def stars(self, distance):
        """Stars of a void in level 1, and their distance to the middle of the image."""
        level = (1.0 - share(distance)).astype(np.float32)
        far = np.full(level.shape, 9.0, np.float32)
        around = Surroundings(np.full(3, SPACING), level, far, np.zeros(level.shape, bool), None, None, None)
        found = find_stars(around, np.ones(level.shape, bool))
        away = np.linalg.norm((found.middle - (np.array(level.shape) - 1) / 2) * SPACING, axis=1)
        return found, int(np.argmin(away)), away

    def test_rays_from_a_ball_all_end_at_its_surface(self):
        at = coordinates((60, 50, 50))
        found, index, away = self.stars(ball(at, (0.0, 0.0, 0.0), 3.0))
        self.assertLess(away[index], 0.3)
        self.assertEqual((found.escaping[index], found.opposite[index]), (0.0, 0.0))
        # The rays are followed in steps of 0.25 mm, and end with the step that passes the surface.
        self.assertAlmostEqual(found.volume_mm3[index] / (4 / 3 * np.pi * 27.0), 1.13, delta=0.05)

    def test_along_a_cord_opposite_rays_escape_within_thirty_degrees(self):
        # What lies more than twice the radius away is seen under sin(angle) < 1/2.
        at = coordinates((60, 50, 50))
        found, index, _ = self.stars(np.hypot(at[0], at[1]) - 2.0)
        self.assertAlmostEqual(found.opposite[index], 1.0 - np.cos(np.radians(30.0)), delta=0.04)

    def test_a_void_in_a_cord_of_grey_fat_is_closed_nearer_to_the_void(self):
        at = coordinates((60, 50, 50))
        cord = 0.6 * share(np.hypot(at[0], at[1]) - 2.0)
        level = ((1.0 - cord) * (1.0 - share(ball(at, (0.0, 0.0, 0.0), 2.5)))).astype(np.float32)
        far = np.full(level.shape, 9.0, np.float32)
        around = Surroundings(np.full(3, SPACING), level, far, np.zeros(level.shape, bool), None, None, None)
        found = find_stars(around, np.ones(level.shape, bool))
        index = np.argmin(np.linalg.norm(found.middle - (np.array(level.shape) - 1) / 2, axis=1))
        # The cord's level of 0.4 is below half the signal, so that it leaks there, and above a quarter of it.
        self.assertGreater(found.opposite[index], 0.05)
        self.assertEqual(found.escaping_core[index], 0.0)
        self.assertLess(found.rough_core[index], 0.1)
        self.assertGreater(found.rough[index], 0.2)

    def test_a_ball_that_touches_a_dark_septum_is_found_without_bones(self):
        image, at = limb()
        image = with_body(image, np.maximum(np.abs(at[0] - 4.0) - 0.6, np.hypot(at[1], at[2]) - 10.0), 0.0)
        centre = (0.4, 0.0, 0.0)
        volume = as_mr(with_body(image, ball(at, centre, 3.0), 0.0))
        found = segment_mr(volume).deposits
        self.assertEqual(len(found.segments), 1)
        voxels = np.argwhere(found.labels)[:, ::-1]
        self.assertLess(np.linalg.norm(volume.to_ras(voxels).mean(0) - centre), 0.9)
        self.assertAlmostEqual(len(voxels) * volume.voxel_volume_mm3 / (4 / 3 * np.pi * 27.0), 1.15, delta=0.25)

    def test_a_ball_with_the_signal_of_marrow_is_no_void_and_says_why(self):
        image, at = limb()
        image = with_body(image, ball(at, (7.0, 0.0, -12.0), 2.5), 0.0)
        marrow = (-6.0, 0.0, 10.0)
        volume = as_mr(with_body(image, ball(at, marrow, 2.5), 0.15 * MUSCLE))
        found = segment_mr(volume)
        self.assertEqual(len(found.deposits.segments), 1)
        self.assertLess(volume.to_ras(np.argwhere(found.deposits.labels)[:, ::-1]).mean(0)[2], 0.0)
        place = tuple(np.rint(volume.to_ijk(np.array(marrow))).astype(int)[::-1])
        reasons = {s.label: s.tags[REASON_TAG] for s in found.rejected.segments}
        self.assertEqual(reasons[found.rejected.labels[place]], NOT_EMPTY)

    def test_the_level_in_a_blurred_void_is_that_of_the_blurred_image(self):
        away = np.linalg.norm(np.indices((81, 81, 81)) - 40, axis=0) * 0.1
        for radius, sigma in ((1.0, 0.6), (1.5, 0.4)):
            image = ndimage.gaussian_filter((away > radius) * 1.0, sigma / 0.1)
            for steps in (1, 5, 12):
                level = blurred_void(np.array([radius]), sigma, 0.1 * steps)[0]
                self.assertAlmostEqual(level, image[40, 40, 40 + steps], delta=0.01)

    def test_the_sharpest_edges_tell_the_point_spread(self):
        sigma, wide = 0.8, 1.6
        half, soft = np.full((150, 162), 3.0), np.arange(150)[:, None] > 20
        core = half - 0.6745 * np.where(soft, wide, sigma)
        near = np.full(150, 3.0)
        self.assertAlmostEqual(sharpest(half, core, near, np.full(3, 0.5)), sigma, places=3)
        # No sharper than scanners aim at, and that where few bodies are seen.
        self.assertAlmostEqual(sharpest(half, core, near, np.full(3, 2.0)), 1.31, delta=0.01)
        self.assertAlmostEqual(sharpest(half[:50], core[:50], near[:50], np.full(3, 0.5)), 0.327, delta=0.001)

    def test_a_rounder_blacker_body_is_surer(self):
        image, at = limb()
        image = with_body(image, ball(at, (7.0, 0.0, -12.0), 3.0), 0.0)
        long = np.sqrt(((at[0] + 6.0) / 2.0) ** 2 + (at[1] / 2.0) ** 2 + ((at[2] - 10.0) / 5.5) ** 2) - 1.0
        volume = as_mr(with_body(image, 2.0 * long, 20.0))
        sure = [float(s.tags[CONFIDENCE_TAG]) for s in segment_mr(volume).deposits.segments]
        self.assertEqual(len(sure), 2)
        self.assertGreater(sure[0], sure[1] + 0.005)


class TestPaste(unittest.TestCase):
    def test_a_bright_ball_is_paste(self):
        image, at = limb()
        centre = (5.0, 3.0, 4.0)
        volume = as_mr(with_body(image, ball(at, centre, 3.5), 1500.0))
        found = segment_mr(volume)
        self.assertEqual([s.tags[CONSISTENCY_TAG] for s in found.deposits.segments], ["paste"])
        voxels = np.argwhere(found.deposits.labels)[:, ::-1]
        np.testing.assert_allclose(volume.to_ras(voxels).mean(0), centre, atol=0.2)

    def test_a_thin_bright_plate_that_ends_freely_is_found_and_a_sheet_that_goes_on_is_not(self):
        image, at = limb()
        flat = np.abs(at[0] - 3.0) - 0.6
        for reach in (3.0, 30.0):
            with self.subTest(reach_mm=reach):
                plate = np.maximum(flat, np.maximum(np.abs(at[1]), np.abs(at[2])) - reach)
                found = segment_mr(as_mr(with_body(image, plate, 1200.0))).deposits
                kinds = [s.tags[CONSISTENCY_TAG] for s in found.segments]
                self.assertEqual(kinds, ["paste"] if reach == 3.0 else [])

    def test_a_bead_of_a_flat_vein_is_no_paste(self):
        image, at = limb()
        for middle in np.arange(-30.0, 31.0, 10.0):
            part = np.maximum(np.abs(at[0] - 3.0) - 0.6, np.maximum(np.abs(at[1]) - 2.0, np.abs(at[2] - middle) - 4.0))
            image = with_body(image, part, 1200.0)
        self.assertEqual(len(segment_mr(as_mr(image)).deposits.segments), 0)

    def test_a_closed_round_body_is_paste_though_it_is_but_half_as_bright_again_as_the_tissue(self):
        image, at = limb()
        centre = (5.0, 3.0, 4.0)
        for part, count in ((1.55, 1), (1.4, 0)):
            with self.subTest(part_of_muscle=part):
                volume = as_mr(with_body(image, ball(at, centre, 2.0), part * MUSCLE))
                found = segment_mr(volume).deposits
                self.assertEqual([s.tags[CONSISTENCY_TAG] for s in found.segments], ["paste"] * count)
                for segment in found.segments:
                    self.assertGreater(float(segment.tags[CONFIDENCE_TAG]), 0.7)
                    voxels = np.argwhere(found.labels)[:, ::-1]
                    np.testing.assert_allclose(volume.to_ras(voxels).mean(0), centre, atol=0.2)
                    size = len(voxels) * volume.voxel_volume_mm3 / (4 / 3 * np.pi * 2.0**3)
                    self.assertAlmostEqual(size, 1.0, delta=0.15)

    def test_the_ct_vouches_for_a_small_bright_body(self):
        image, at = limb()
        distance = ball(at, (5.0, 3.0, 4.0), 1.1)
        volume = as_mr(with_body(image, distance, 1500.0))
        self.assertEqual(len(segment_mr(volume).deposits.segments), 0)
        found = segment_mr(volume, prior=distance < 0.5)
        self.assertEqual([s.tags[CONSISTENCY_TAG] for s in found.deposits.segments], ["paste"])


class TestRefusals(unittest.TestCase):
    def test_bones_or_prior_on_another_grid_are_refused(self):
        volume = as_mr(limb((20, 70, 70))[0])
        other = Volume(np.zeros((4, 4, 4), np.uint16), np.eye(4))
        with self.assertRaisesRegex(InputError, "not on the grid"):
            segment_mr(volume, bones=Segmentation(other, ()))
        with self.assertRaisesRegex(InputError, "prior has shape"):
            segment_mr(volume, prior=np.zeros((4, 4, 4), bool))

    def test_a_flat_image_is_refused(self):
        with self.assertRaisesRegex(InputError, "same value everywhere"):
            segment_mr(Volume(np.zeros((20, 20, 20), np.float32), np.eye(4)))


@requires_shared(LAVA)
class TestRealWrist(unittest.TestCase):
    def test_voids_put_into_a_real_wrist_are_found_at_their_true_place(self):
        import SimpleITK as sitk

        volume = from_itk(sitk.ReadImage(str(SHARED_DATA / LAVA)))
        grid = np.stack(np.meshgrid(*[np.arange(n) for n in volume.voxels.shape], indexing="ij")[::-1], -1)
        places = {"thenar": ((105, 28, 85), 3.0), "hypothenar": ((155, 24, 100), 4.0), "palm": ((140, 22, 60), 2.5)}
        image = volume.voxels.astype(np.float32)
        for (i, j, k), radius in places.values():
            away = np.linalg.norm((grid - (i, j, k)) * volume.spacing_mm, axis=-1) - radius
            image *= 1.0 - np.clip(0.5 - away / 0.8, 0, 1)
        found = segment_mr(volume.with_voxels(image))
        for name, (place, radius) in places.items():
            with self.subTest(place=name):
                label = found.deposits.labels[place[::-1]]
                self.assertGreater(label, 0)
                voxels = np.argwhere(found.deposits.labels == label)[:, ::-1]
                centre = volume.to_ras(np.array(place, float))
                self.assertLess(np.linalg.norm(volume.to_ras(voxels).mean(0) - centre), 1.0)
                size = len(voxels) * volume.voxel_volume_mm3 / (4 / 3 * np.pi * radius**3)
                self.assertAlmostEqual(size, 1.0, delta=0.35)


if __name__ == "__main__":
    unittest.main()
