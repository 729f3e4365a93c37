"""Place of deposits in a hand made of capsules whose directions are known."""

import unittest

import numpy as np
from CalcinosisImagingLib.analysis.anatomy import BONE_LABELS
from CalcinosisImagingLib.analysis.morphology.handframe import hand_frame
from CalcinosisImagingLib.analysis.morphology.place import skeleton
from CalcinosisImagingLib.analysis.morphology.quantify import quantify
from CalcinosisImagingLib.analysis.segmentation import Segment, Segmentation
from CalcinosisImagingLib.analysis.volume import Volume

SPACING = 0.8
SIZE = (66, 50, 170)  # volar-dorsal (k), radial-ulnar (j), along the hand (i)

# A right hand, palm towards +k, fingers towards +i, thumb towards -j; positions in mm in that order.
FINGERS = {2: -12.0, 3: -4.0, 4: 4.0, 5: 12.0}
LENGTHS = {"metacarpal": (22, 50), "proximal": (53, 75), "middle": (78, 92), "distal": (95, 104)}
CARPALS = {
    "scaphoid": (0, -8, 10), "lunate": (0, 0, 10), "triquetrum": (0, 8, 10), "pisiform": (7, 10, 11),
    "trapezium": (4, -11, 17), "trapezoid": (0, -7, 18), "capitate": (0, 0, 18), "hamate": (0, 8, 18),
}  # fmt: skip


def capsules():
    """Bone name -> (start, end, radius) in mm, (volar, ulnar, distal)."""
    bones = {name: (np.array(at, float), np.add(at, (0.0, 0.0, 1.0)), 3.0) for name, at in CARPALS.items()}
    bones["radius"] = (np.array([0, -5.0, -12]), np.array([0, -5.0, 3]), 4.0)
    bones["ulna"] = (np.array([0, 8.0, -12]), np.array([0, 8.0, 3]), 3.0)
    for digit, across in FINGERS.items():
        for part, (start, end) in LENGTHS.items():
            bones[f"{part}-{digit}"] = (np.array([0, across, start]), np.array([0, across, end]), 2.6)
    thumb = {"metacarpal-1": (22, 40), "proximal-1": (43, 58), "distal-1": (61, 70)}
    for name, (start, end) in thumb.items():
        bones[name] = (np.array([8, -15 - start / 12, start]), np.array([8, -15 - end / 12, end]), 2.6)
    return bones


def hand(mirror=False):
    """Labels and geometry of the hand, turned obliquely in the world; mirrored it is a left hand."""
    k, j, i = (np.arange(n) * SPACING for n in SIZE)
    points = np.stack(np.meshgrid(k - 22, j - 20, i - 18, indexing="ij"), -1)
    labels = np.zeros(SIZE, np.uint16)
    for name, (start, end, radius) in capsules().items():
        axis = end - start
        t = np.clip((points - start) @ axis / (axis @ axis), 0, 1)
        labels[np.linalg.norm(points - start - t[..., None] * axis, axis=-1) < radius] = BONE_LABELS[name]
    matrix = np.eye(4)
    # i: distal, j: ulnar, k: volar; for a right hand radial x distal = volar, so ulnar = distal x volar... turned.
    distal = np.array([0.6, 0.0, -0.8])
    volar = np.array([0.0, 1.0, 0.0])
    ulnar = np.cross(volar, distal) * (-1 if mirror else 1)
    matrix[:3, :3] = np.stack([distal, ulnar, volar], 1) * SPACING
    matrix[:3, 3] = 10, -20, 30
    volume = Volume(labels, matrix)
    segments = tuple(Segment(label, name, name) for name, label in BONE_LABELS.items() if (labels == label).any())
    return Segmentation(volume, segments), distal, -ulnar, volar


def spot(bones, at, radius=1.7):
    """A ball-shaped deposit at (volar, ulnar, distal) mm and an image with it."""
    k, j, i = (np.arange(n) * SPACING for n in SIZE)
    points = np.stack(np.meshgrid(k - 22, j - 20, i - 18, indexing="ij"), -1)
    ball = (np.linalg.norm(points - at, axis=-1) < radius) & (bones.labels == 0)
    image = np.where(ball, 800, np.where(bones.labels > 0, 1200, 40)).astype(np.int16)
    image[:2] = image[-2:] = -1000
    volume = Volume(image, bones.volume.ijk_to_ras)
    return volume, Segmentation(volume.with_voxels(ball.astype(np.uint16)), (Segment(1, "deposit-1", "Deposit 1"),))


class TheHandFrame(unittest.TestCase):
    def test_tells_left_from_right_and_palm_from_back_by_the_bones_alone(self):
        for mirror, side in ((False, "right"), (True, "left")):
            with self.subTest(side):
                bones, distal, radial, volar = hand(mirror)
                frame = skeleton(bones).frames[""]
                self.assertEqual(frame.side, side)
                self.assertGreater(frame.distal @ distal, 0.97)
                self.assertGreater(frame.radial @ radial, 0.97)
                self.assertGreater(frame.volar @ volar, 0.97)

    def test_needs_more_than_one_ray(self):
        bones = skeleton(hand()[0])
        alone = {n: s for n, s in zip(bones.names, bones.shapes, strict=True) if n.endswith("-3")}
        self.assertIsNone(hand_frame(alone))


class ADeposit(unittest.TestCase):
    def test_lies_on_the_side_of_the_bone_where_it_was_put(self):
        places = {
            "volar": (6.5, -4.0, 64.0),
            "dorsal": (-6.5, -4.0, 64.0),
            "radial": (0.0, -17.0, 64.0),
            "ulnar": (0.0, 18.0, 64.0),
        }
        for mirror in (False, True):
            bones = hand(mirror)[0]
            for aspect, at in places.items():
                with self.subTest(aspect=aspect, mirror=mirror):
                    row = quantify(*spot(bones, at), "ct", bones=bones, psf_fwhm_mm=0.8)[0]
                    self.assertEqual(row["aspect"], aspect)
                    self.assertTrue(row["site"].startswith("proximal"), row["site"])

    def test_knows_its_site_its_digit_its_joint_and_its_distances(self):
        bones = hand()[0]
        row = quantify(*spot(bones, (7.0, 4.0, 76.5)), "ct", bones=bones, psf_fwhm_mm=0.8)[0]
        self.assertIn(row["site"], ("proximal-4", "middle-4"))
        self.assertEqual(row["digit"], 4)
        self.assertEqual(row["nearest_joint"], "pip-4")
        self.assertEqual(row["part"], "joint")
        self.assertAlmostEqual(row["distance_bone_mm"], 7.0 - 2.6 - 1.7, delta=0.5)
        self.assertAlmostEqual(row["distance_joint_mm"], 7.0 - 1.7, delta=0.6)
        self.assertFalse(row["touches_bone"])
        self.assertIsNone(row["bone_contact_area_mm2"])
        # The palm's skin is the second last layer of voxels.
        skin = (SIZE[0] - 2) * SPACING - 22
        self.assertAlmostEqual(row["depth_skin_mm"], skin - 0.4 - (7.0 + 1.7), delta=0.6)

    def test_that_touches_bone_says_so_with_the_area_of_contact(self):
        bones = hand()[0]
        row = quantify(*spot(bones, (3.4, -4.0, 64.0), 2.4), "ct", bones=bones, psf_fwhm_mm=0.8)[0]
        self.assertTrue(row["touches_bone"])
        self.assertEqual(row["distance_bone_mm"], 0.0)
        self.assertGreater(row["bone_contact_area_mm2"], 4.0)
        self.assertEqual(row["part"], "shaft")

    def test_at_the_carpus_has_no_digit(self):
        bones = hand()[0]
        row = quantify(*spot(bones, (7.0, 0.0, 18.0)), "ct", bones=bones, psf_fwhm_mm=0.8)[0]
        self.assertEqual((row["site"], row["digit"], row["part"]), ("capitate", None, None))
        self.assertEqual(row["aspect"], "volar")

    def test_of_a_left_hand_beside_a_right_one_belongs_to_its_own_hand(self):
        bones = hand()[0]
        named = tuple(Segment(s.label + 100, f"left:{s.segment_id}", s.name) for s in bones.segments)
        labels = np.where(bones.labels > 0, bones.labels + 100, 0).astype(np.uint16)
        both = Segmentation(bones.volume.with_voxels(labels), named)
        row = quantify(*spot(bones, (6.5, -4.0, 64.0)), "ct", bones=both, psf_fwhm_mm=0.8)[0]
        self.assertEqual((row["site"], row["digit"], row["aspect"]), ("proximal-3", 3, "volar"))


if __name__ == "__main__":
    unittest.main()
