"""The hand's bones: published lengths, joints that neither overlap nor gape in any pose, left as mirror of right."""

import unittest

import numpy as np
from CalcinosisImagingLib.analysis.anatomy import BONE_NAMES, digit_of, parent_of
from CalcinosisImagingLib.phantom.deposit_shapes import measure
from CalcinosisImagingLib.phantom.dimensions import LENGTH_MM
from CalcinosisImagingLib.phantom.frames import MIRROR
from CalcinosisImagingLib.phantom.hand import relative_pose
from CalcinosisImagingLib.phantom.person import draw_hand
from CalcinosisImagingLib.phantom.pose import HELD, draw_angles, draw_placement
from CalcinosisImagingLib.phantom.presets import PRESETS
from CalcinosisImagingLib.phantom.skeleton import build_skeleton

MOTION_DEG = {
    "radius": (-75.0, 75.0),
    "proximal": (-90.0, 45.0),
    "middle": (-100.0, 0.0),
    "distal": (-80.0, 0.0),
    "proximal-1": (-55.0, 10.0),
    "distal-1": (-80.0, 15.0),
}
"""Normal ranges of motion, extension > 0: Electronic Textbook of Hand Surgery, e-hand.com (wrist 70 and 75)."""
SPREAD_DEG = {(2, 3): (17.2, 2.6), (3, 4): (14.3, 2.3), (4, 5): (32.1, 7.0)}
"""Widest angle between neighbours, mean and SD of 51 adults: Chatzioglou et al., Anat Cell Biol 57:172 (2024)."""


def finger_spread(poses):
    """Angle in the plane of the hand between neighbouring proximal phalanges, degrees; > 0 is apart."""
    angle = {d: np.degrees(np.arctan2(*poses[f"proximal-{d}"][:2, 1])) for d in range(2, 6)}
    return {(d, d + 1): angle[d + 1] - angle[d] for d in range(2, 5)}


class SkeletonTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.skeleton = build_skeleton(np.random.default_rng(3))
        cls.surfaces = {n: measure(b.shape, 30_000, 900).surface for n, b in cls.skeleton.bones.items()}

    def test_all_29_bones_are_there_in_the_order_of_their_labels(self):
        self.assertEqual(tuple(self.skeleton.bones), BONE_NAMES)

    def test_the_mean_hand_has_the_published_lengths(self):
        mean = build_skeleton(np.random.default_rng(0), spread=0.0)
        for name, (length, _) in LENGTH_MM.items():
            self.assertAlmostEqual(mean.bones[name].shape.length_mm, length, places=6)

    def test_ends_are_wider_than_the_shaft(self):
        for name in LENGTH_MM:
            with self.subTest(name):
                shape = self.skeleton.bones[name].shape
                y = np.array([0.1, 0.55, 0.88], np.float32) * shape.length_mm
                base, shaft, head = shape._section(y / shape.length_mm)[0]
                self.assertGreater(base, 1.2 * shaft)
                self.assertGreater(head, 1.1 * shaft)

    def test_no_two_bones_overlap_however_the_hand_is_held(self):
        for held in ("ct", "mr", "film"):
            poses = self.skeleton.poses(draw_angles(np.random.default_rng(5), held))
            for name in BONE_NAMES:
                world = self.surfaces[name] @ poses[name][:3, :3].T + poses[name][:3, 3]
                for other in BONE_NAMES:
                    if other != name:
                        with self.subTest(held=held, bones=(name, other)):
                            self.assertGreater(self._gap(world, other, poses), 0.1)

    def test_finger_joints_keep_their_space_when_bent(self):
        angles = {f"{kind}-{d}": (-35.0, 0.0, 0.0) for kind in ("proximal", "middle", "distal") for d in range(1, 6)}
        poses = self.skeleton.poses(angles)
        for name in BONE_NAMES:
            if digit_of(name) and not name.startswith("metacarpal"):
                with self.subTest(name):
                    parent = parent_of(name)
                    world = self.surfaces[parent] @ poses[parent][:3, :3].T + poses[parent][:3, 3]
                    gap = self._gap(world, name, poses)
                    self.assertGreater(gap, 0.7)
                    self.assertLess(gap, 2.2)

    def test_joints_of_200_hands_stay_within_normal_ranges_of_motion(self):
        for held in HELD:
            for seed in range(200):
                for name, (extension, _, _) in draw_angles(np.random.default_rng(seed), held).items():
                    low, high = MOTION_DEG.get(name, MOTION_DEG.get(name.split("-")[0], (-20.0, 20.0)))
                    self.assertTrue(low <= extension <= high, f"{held} {seed} {name} {extension}")

    def test_neighbouring_fingers_of_200_hands_spread_no_further_than_people_can(self):
        for held in HELD:
            for seed in range(200):
                rng = np.random.default_rng(seed)
                spread = finger_spread(build_skeleton(rng).poses(draw_angles(rng, held)))
                for pair, (mean, sd) in SPREAD_DEG.items():
                    self.assertTrue(-5.0 < spread[pair] < mean + 2.0 * sd, f"{held} {seed} {pair} {spread[pair]}")

    def test_a_left_hand_is_the_mirror_image_and_moves_rigidly(self):
        hand = draw_hand(0, "sub-01", PRESETS["tiny"])
        rng = np.random.default_rng(1)
        right, left = (draw_placement(np.random.default_rng(2), "ct", side, 5.0) for side in ("right", "left"))
        np.testing.assert_allclose(left, right @ MIRROR, atol=1e-12)
        slack = np.zeros((len(hand.deposits), 3))
        ct = hand.held(draw_angles(rng, "ct"), left, slack)
        mr = hand.held(draw_angles(rng, "mr"), draw_placement(rng, "mr", "left", 5.0), slack)
        for name in ("radius", "distal-5", "scaphoid"):
            matrix = relative_pose(ct, mr, name)
            self.assertAlmostEqual(np.linalg.det(matrix[:3, :3]), 1.0, places=9)
            np.testing.assert_allclose(matrix[:3, :3] @ matrix[:3, :3].T, np.eye(3), atol=1e-9)

    def _gap(self, points, other, poses):
        """Smallest distance of points (hand frame) to a bone; far ones count as 10 mm."""
        inverse = np.linalg.inv(poses[other])
        local = (points @ inverse[:3, :3].T + inverse[:3, 3]).astype(np.float32)
        low, high = self.skeleton.bones[other].shape.bounds
        near = ((local > low - 4) & (local < high + 4)).all(axis=1)
        return float(self.skeleton.bones[other].shape.distance(*local[near].T).min()) if near.any() else 10.0


if __name__ == "__main__":
    unittest.main()
