"""Line integrals against what geometry says."""

import unittest

import numpy as np
from CalcinosisImagingLib.analysis.projection.cloud import BoneCrop, shadow, window_of
from CalcinosisImagingLib.analysis.projection.drr import attenuation, project_ct
from CalcinosisImagingLib.analysis.view import View
from CalcinosisImagingLib.analysis.volume import Volume
from scipy.spatial.transform import Rotation

VIEW = View("pa", 81, 101, (1.0, 1.0), 1000.0, (50.0, 40.0))


def pose_at(rotation_vector, place, centre=(0.0, 0.0, 0.0)):
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_rotvec(rotation_vector).as_matrix()
    pose[:3, 3] = np.asarray(place) - pose[:3, :3] @ np.asarray(centre)
    return pose


def box_ct(size_mm=(20.0, 30.0, 40.0), spacing=(0.5, 0.6, 1.0), hu=1000.0):
    """A box of one value centred at RAS 0; its outer faces are the CT's."""
    shape = [round(s / d) for s, d in zip(size_mm, spacing, strict=True)]
    matrix = np.diag([-spacing[0], -spacing[1], spacing[2], 1.0])
    matrix[:3, 3] = [spacing[i] * (shape[i] - 1) / 2 * (1 if i < 2 else -1) for i in range(3)]
    return Volume(np.full(shape[::-1], hu, np.int16), matrix)


def box_path(source, target, half):
    """Length of a segment inside a box centred at 0."""
    direction = target - source
    with np.errstate(divide="ignore"):
        a, b = (-half - source) / direction, (half - source) / direction
    low, high = np.minimum(a, b).max(axis=-1), np.maximum(a, b).min(axis=-1)
    return np.maximum(np.minimum(high, 1) - np.maximum(low, 0), 0) * np.linalg.norm(direction, axis=-1)


class TestLineIntegrals(unittest.TestCase):
    def test_attenuation_is_that_of_water_at_0_hu_and_never_negative(self):
        mu = attenuation(np.array([-2000, -1000, 0, 1000], np.int16), 0.02)
        np.testing.assert_allclose(mu, [0, 0, 0.02, 0.04], atol=1e-8)

    def test_a_box_in_any_orientation_gives_its_path_length(self):
        ct = box_ct()
        v, u = np.mgrid[: VIEW.rows, : VIEW.columns]
        pixels = np.stack([u - 50.0, v - 40.0, np.full(u.shape, 1000.0)], axis=-1)
        for vector in ([0, 0, 0], [0.2, -0.1, 0.5], [0.7, 0.75, 0.1], [1.5, 0.02, 0.3]):
            with self.subTest(vector=vector):
                pose = pose_at(vector, (3.0, -2.0, 900.0))
                back = np.linalg.inv(pose)
                targets = pixels @ back[:3, :3].T + back[:3, 3]
                truth = 0.04 * box_path(back[:3, 3], targets, np.array([10.0, 15.0, 20.0]))
                found = project_ct(ct, VIEW, pose)
                self.assertEqual(found.dtype, np.float32)
                self.assertLess(np.abs(found - truth).max(), 0.002 * truth.max())

    def test_a_sphere_gives_its_chord_within_one_per_cent(self):
        n, spacing, radius = 61, 0.5, 12.0
        k, j, i = np.indices((n, n, n)) * spacing - 15.0
        distance = np.sqrt(k**2 + j**2 + i**2)
        inside = np.clip((radius - distance) / spacing + 0.5, 0, 1)
        matrix = np.diag([spacing, spacing, spacing, 1.0])
        matrix[:3, 3] = -15.0
        ct = Volume((-1000 + 2000 * inside).astype(np.float32), matrix)
        found = project_ct(ct, VIEW, pose_at([0.3, 0.4, 0.2], (0, 0, 950.0)))
        self.assertAlmostEqual(found[40, 50], 0.04 * 24.0, delta=0.0096 * 0.3)
        self.assertAlmostEqual(float(found.sum()) * (950 / 1000) ** 2, 0.04 * 4 / 3 * np.pi * radius**3, delta=3.0)

    def test_outside_the_ct_it_is_zero_and_a_part_of_the_film_equals_the_whole(self):
        ct, pose = box_ct(), pose_at([0.1, 0.2, 0.3], (0, 0, 900.0))
        whole = project_ct(ct, VIEW, pose)
        self.assertEqual(whole[0, 0], 0.0)
        part = project_ct(ct, VIEW, pose, roi=(slice(10, 60), slice(20, 90)), step=3)
        np.testing.assert_array_equal(part, whole[10:60, 20:90][::3, ::3])

    def test_noise_of_voxels_is_summed_exactly_as_boxes(self):
        rng = np.random.default_rng(5)
        ct = Volume(rng.integers(-1000, 2000, (9, 8, 7)).astype(np.int16), np.diag([4.0, 4.0, 4.0, 1.0]))
        pose = pose_at([0.3, 0.5, -0.2], (0, 0, 800.0), (12, 14, 16))
        found = project_ct(ct, VIEW, pose, roi=(slice(38, 43), slice(46, 55)))
        back = np.linalg.inv(pose @ ct.ijk_to_ras)
        steps = (np.arange(200000) + 0.5) / 200000
        for row, column in ((38, 46), (40, 50), (42, 54)):
            target = np.array([column - 50.0, row - 40.0, 1000.0])
            points = back[:3, :3] @ (target[:, None] * steps) + back[:3, 3:]
            index = np.rint(points).astype(int)
            hit = ((index >= 0) & (index < np.array([[7], [8], [9]]))).all(axis=0)
            at = index[:, hit]
            mu = attenuation(ct.voxels)[at[2], at[1], at[0]]
            truth = float(mu.sum()) * np.linalg.norm(target) / 200000
            self.assertAlmostEqual(float(found[row - 38, column - 46]), truth, delta=1e-3 * truth)

    def test_the_fast_shadow_of_a_bone_is_the_line_integral(self):
        ct = box_ct((12.0, 12.0, 30.0), (0.5, 0.5, 0.5))
        excess = ct.with_voxels(attenuation(ct.voxels))
        cloud = BoneCrop(excess).cloud(0.5)
        pose = pose_at([0.4, 0.3, 0.2], (5.0, 0, 950.0))
        window = window_of(cloud, pose, VIEW, 1, 3)
        fast = shadow(cloud, pose, VIEW, 1, window)
        film, own = window.inside((VIEW.rows, VIEW.columns))
        exact = project_ct(ct, VIEW, pose)[film]
        core = exact > 0.5 * exact.max()
        self.assertLess(np.abs(fast[own] - exact)[core].mean() / exact[core].mean(), 0.05)
        self.assertAlmostEqual(float(fast.sum() / exact.sum()), 1.0, delta=0.01)


if __name__ == "__main__":
    unittest.main()
