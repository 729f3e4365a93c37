"""CT bones are found in the MR, each where it really moved."""

import json
import unittest

import numpy as np
import registration_hand as hand
from calcinosis_testing import requires_shared
from CalcinosisImagingLib.analysis.errors import InputError, OperationCancelled
from CalcinosisImagingLib.analysis.registration.register import register_ct_to_mr
from CalcinosisImagingLib.analysis.registration.settings import RegistrationSettings
from CalcinosisImagingLib.analysis.segmentation import empty_like
from CalcinosisImagingLib.analysis.volume import transform_points

BONES = (
    *("scaphoid", "lunate", "trapezium", "trapezoid", "capitate", "hamate"),
    *("metacarpal-2", "metacarpal-3", "metacarpal-4", "proximal-2", "proximal-3", "middle-2", "distal-2"),
)
QUICK = RegistrationSettings(rotations=250)


@requires_shared(hand.MESHES)
class TestRegistration(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.poses = hand.random_pose(BONES, seed=3)
        rest = {bone: np.eye(4) for bone in BONES}
        cls.ct, cls.bones = hand.make_ct(rest, (0.7, 0.7, 0.7), seed=1)
        cls.mr = hand.make_mr(cls.poses, (0.8, 0.8, 1.2), "t1", seed=2, tilt_degrees=(6, -4, 5))
        cls.registration = register_ct_to_mr(cls.ct, cls.mr, cls.bones, QUICK)

    def test_every_bone_is_within_half_a_millimetre_of_its_true_place(self):
        errors = hand.bone_errors(self.registration, self.poses)
        self.assertEqual(list(errors), [segment.segment_id for segment in self.bones.segments])
        self.assertLess(np.median(list(errors.values())), 0.2)
        for bone, error in errors.items():
            with self.subTest(bone=bone):
                self.assertLess(error, 0.5)
                self.assertNotEqual(self.registration.bones[bone].flag, "failed")

    def test_motions_are_rigid(self):
        for bone, found in self.registration.bones.items():
            with self.subTest(bone=bone):
                turn = found.matrix_ct_to_mr_ras[:3, :3]
                np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-9)
                self.assertAlmostEqual(np.linalg.det(turn), 1.0, places=9)

    def test_true_errors_stay_below_the_upper_bound_for_nearly_all_bones(self):
        errors = hand.bone_errors(self.registration, self.poses)
        within = [error <= self.registration.bones[bone].upper95_mm for bone, error in errors.items()]
        self.assertGreaterEqual(np.mean(within), 0.9)

    def test_points_inside_a_bone_move_as_the_bone(self):
        label = self.bones.by_id("metacarpal-3").label
        points = self.ct.to_ras(np.argwhere(self.bones.labels == label)[::97, ::-1])
        matrix = self.registration.bones["metacarpal-3"].matrix_ct_to_mr_ras
        np.testing.assert_allclose(self.registration.map_points(points), transform_points(matrix, points), atol=1e-9)

    def test_mapping_back_returns_to_the_start(self):
        centre = hand.bone_field("proximal-2").surface.mean(0)
        points = centre + np.random.default_rng(0).uniform(-9, 9, (200, 3))
        back = self.registration.map_points_to_ct(self.registration.map_points(points))
        self.assertLess(np.percentile(np.linalg.norm(back - points, axis=1), 95), 0.1)

    def test_json_holds_what_the_format_asks_for(self):
        content = json.loads(json.dumps(self.registration.to_json()))
        bone = content["bones"]["capitate"]
        self.assertEqual(set(bone), {"matrix_ct_to_mr_ras", "expected_error_mm", "upper95_mm", "flag", "reason"})
        np.testing.assert_array_equal(np.shape(bone["matrix_ct_to_mr_ras"]), (4, 4))

    def test_bones_beyond_the_field_of_view_are_flagged(self):
        low = np.concatenate([transform_points(self.poses[b], hand.bone_field(b).surface) for b in BONES]).min(0)
        index = self.mr.to_ijk(low)
        heads = transform_points(self.poses["metacarpal-2"], hand.bone_field("metacarpal-2").surface)
        cut = int(self.mr.to_ijk(heads)[:, 2].min()) - 2
        self.assertGreater(cut, index[2])
        part = self.mr.crop((slice(max(cut, 0), None), slice(0, None), slice(0, None)))
        registration = register_ct_to_mr(self.ct, part, self.bones, QUICK)
        for bone in ("middle-2", "distal-2"):
            with self.subTest(bone=bone):
                self.assertEqual(registration.bones[bone].flag, "failed")
        self.assertIn("outside the field of view", registration.bones["distal-2"].reason)
        self.assertLess(hand.bone_errors(registration, self.poses)["metacarpal-3"], 0.5)


class TestRefusals(unittest.TestCase):
    def setUp(self):
        self.ct = hand.grid((0, 0, 0), (20, 20, 20), (2, 2, 2))

    def test_a_ct_without_bones_is_refused(self):
        with self.assertRaisesRegex(InputError, "no segmented bones"):
            register_ct_to_mr(self.ct, self.ct, empty_like(self.ct))

    @requires_shared(hand.MESHES)
    def test_a_flat_mr_is_refused_and_a_stop_is_obeyed(self):
        ct, bones = hand.make_ct({"capitate": np.eye(4)}, (1.0, 1.0, 1.0))
        with self.assertRaisesRegex(InputError, "same value everywhere"):
            register_ct_to_mr(ct, self.ct, bones)
        with self.assertRaises(OperationCancelled):
            register_ct_to_mr(ct, ct, bones, progress=lambda fraction, message: False)


if __name__ == "__main__":
    unittest.main()
