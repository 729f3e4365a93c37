"""CT: bones separated, named, and the side of the hand."""

import unittest
from dataclasses import replace

import mesh_hand
import numpy as np
from calcinosis_testing import requires_shared
from CalcinosisImagingLib.analysis.anatomy import BONE_LABELS, BONE_NAMES, CARPALS, ray
from CalcinosisImagingLib.analysis.ct.divide import divide_merged
from CalcinosisImagingLib.analysis.ct.hands import part_touching_hands
from CalcinosisImagingLib.analysis.ct.naming import Naming, name_bodies
from CalcinosisImagingLib.analysis.ct.orphans import name_orphans
from CalcinosisImagingLib.analysis.ct.partition import bodies
from CalcinosisImagingLib.analysis.ct.rays import Merged
from CalcinosisImagingLib.analysis.ct.segment import segment_ct
from CalcinosisImagingLib.analysis.ct.shape import Body, measure_bodies
from CalcinosisImagingLib.analysis.ct.shells import are_open, fill_bodies, fill_hollows, fill_shells, lift_inside
from CalcinosisImagingLib.analysis.ct.template import CENTRES_MM, FOREARM_END_MM, LENGTHS_MM, VOLUMES_MM3
from CalcinosisImagingLib.analysis.ct.tips import found_tips


def a_body(label, centre, axis, length, volume):
    width = np.sqrt(volume / length / 0.7)
    axis = np.asarray(axis, float) / np.linalg.norm(axis)
    ends = np.array([centre - axis * length / 2, centre + axis * length / 2])
    return Body(label, volume, np.asarray(centre, float), axis, length, width, width, ends, (2.0, 2.0), False)


def a_hand(left, turn, scale=1.0):
    """Bodies of a hand with fingers bent a little, drawn from lengths alone, in a shuffled order with their names."""
    named = []
    for digit in range(1, 6):
        centre = np.array(CENTRES_MM[f"metacarpal-{digit}"])
        axis = np.array([0.55, 0.45, 0.7]) if digit == 1 else np.array([0.1 * (3.5 - digit), 0.0, 1.0])
        axis /= np.linalg.norm(axis)
        base = centre - axis * LENGTHS_MM[f"metacarpal-{digit}"] / 2
        for name in ray(digit):
            length = LENGTHS_MM[name]
            named.append((name, base + axis * length / 2, axis, length, VOLUMES_MM3[name]))
            base = base + axis * (length + 2.0)
            bend = np.deg2rad(12.0)
            axis = axis * np.cos(bend) + np.array([0.0, 1.0, 0.0]) * np.sin(bend)
            axis /= np.linalg.norm(axis)
    for name in ("scaphoid", "lunate", "triquetrum", "pisiform", "trapezium", "trapezoid", "capitate", "hamate"):
        length = 1.3 * VOLUMES_MM3[name] ** (1 / 3)
        named.append((name, np.array(CENTRES_MM[name]), [0, 0.3, 1], length, VOLUMES_MM3[name]))
    for name, end in FOREARM_END_MM.items():
        named.append((name, np.array(end) - [0, 0, 15.0], [0, 0, 1], 30.0, 9000.0 if name == "radius" else 3500.0))
    # Frame radial, volar, distal: a right hand is left-handed in it.
    mirror = np.diag([1.0, 1.0, 1.0 if left else -1.0])
    move = turn @ mirror * scale
    order = np.random.default_rng(1).permutation(len(named))
    result = [
        a_body(k + 1, move @ named[i][1], move @ np.array(named[i][2]), named[i][3] * scale, named[i][4] * scale**3)
        for k, i in enumerate(order)
    ]
    return result, [named[i][0] for i in order]


def cut_body(body, length):
    """The first millimetres of a long bone, cut by the border of the image."""
    centre = body.ends[0] + body.axis * length / 2
    kept = a_body(body.label, centre, body.axis, length, body.volume_mm3 * length / body.length_mm)
    return replace(kept, at_border=True)


def a_turn(seed):
    q, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return q * np.sign(np.linalg.det(q))


class NamingTest(unittest.TestCase):
    def test_every_bone_is_named_and_the_side_found_in_any_orientation(self):
        for seed, left in ((0, True), (1, False), (2, True), (3, False)):
            with self.subTest(seed=seed, left=left):
                hand, truth = a_hand(left, a_turn(seed), scale=0.9 + 0.05 * seed)
                naming = name_bodies(hand)
                self.assertEqual(naming.side, "left" if left else "right")
                self.assertEqual({truth[i]: n for i, n in naming.names.items()}, {n: n for n in truth})

    def orphan(self, missing, longer, larger, shift_mm=0.0):
        """What is named ``missing`` when all but that bone have names, and it is longer, larger and shifted."""
        hand, truth = a_hand(True, a_turn(3))
        i = truth.index(missing)
        body = a_body(i + 1, hand[i].centre, hand[i].axis, longer * hand[i].length_mm, larger * hand[i].volume_mm3)
        hand[i] = replace(body, ends=body.ends + shift_mm * a_turn(8)[0])
        return name_orphans(hand, {n: name for n, name in enumerate(truth) if n != i}, 1.0, frozenset()) == {i: missing}

    def test_a_bone_made_longer_and_larger_by_a_deposit_is_named_by_what_it_goes_on_from(self):
        self.assertTrue(self.orphan("metacarpal-2", 1.1, 1.5, 7.0))
        self.assertTrue(self.orphan("distal-4", 1.4, 2.0))

    def test_what_is_too_short_or_too_far_away_or_too_large_is_not_the_missing_bone(self):
        self.assertFalse(self.orphan("distal-4", 0.7, 0.9))
        self.assertFalse(self.orphan("distal-4", 1.4, 2.0, 25.0))
        self.assertFalse(self.orphan("distal-4", 1.9, 4.0))

    def stub(self, ahead_mm, aside_mm=0.0, volume=120.0):
        """A hand whose distal-4 is a stub of 6 mm before middle-4, its index, and the names of the others."""
        hand, truth = a_hand(False, a_turn(8))
        i, middle = truth.index("distal-4"), hand[truth.index("middle-4")]
        near = int(np.linalg.norm(middle.ends - hand[i].centre, axis=1).argmin())
        outward = middle.axis * (1 if near else -1)
        across = np.cross(outward, a_turn(8)[0])
        centre = middle.ends[near] + outward * (ahead_mm + 3.0) + across / np.linalg.norm(across) * aside_mm
        hand[i] = a_body(i + 1, centre, across, 6.0, volume)
        return hand, i, {n: name for n, name in enumerate(truth) if n != i}

    def test_a_stub_before_a_middle_phalanx_is_the_last_one_and_a_body_beside_its_axis_is_not(self):
        for ahead, aside, volume, expected in ((1.5, 0, 120, True), (1.5, 5, 120, False), (6, 0, 120, False)):
            hand, i, names = self.stub(ahead, aside, volume)
            with self.subTest(ahead=ahead, aside=aside):
                found = name_orphans(hand, names, 1.0, frozenset())
                self.assertEqual(found, {i: "distal-4"} if expected else {})
                self.assertEqual(found_tips(hand, set(names), set()), {i} if expected else set())

    def test_nothing_goes_on_where_another_bone_already_does(self):
        hand, i, names = self.stub(1.5)
        self.assertEqual(found_tips([*hand, hand[i]], {*names, len(hand)}, set()), set())
        self.assertEqual(found_tips(hand, set(names), set(names)), set())

    def test_a_hand_without_the_tips_of_two_fingers_keeps_the_other_names(self):
        hand, truth = a_hand(False, a_turn(5))
        kept = [i for i, name in enumerate(truth) if name not in ("distal-2", "distal-3", "pisiform")]
        naming = name_bodies([hand[i] for i in kept])
        for i, name in naming.names.items():
            self.assertEqual(truth[kept[i]], name)
        self.assertGreaterEqual(len(naming.names), 25)

    def test_two_phalanges_in_one_body_are_told_and_leave_the_other_names_right(self):
        hand, truth = a_hand(False, a_turn(3))
        parts = [truth.index("proximal-3"), truth.index("middle-3")]
        first, second = (hand[i] for i in parts)
        axis = second.centre - first.centre
        joined = a_body(99, 0.5 * (first.centre + second.centre), axis, 72.0, first.volume_mm3 + second.volume_mm3)
        bodies = [b for i, b in enumerate(hand) if i not in parts] + [joined]
        naming = name_bodies(bodies)
        self.assertEqual([(m.body, m.proximal, m.distal) for m in naming.merged], [(27, "proximal-3", "middle-3")])
        kept = [name for i, name in enumerate(truth) if i not in parts]
        self.assertEqual(naming.names, dict(enumerate(kept)))

    def test_a_body_of_two_phalanges_is_cut_at_the_valley_near_their_joint(self):
        k, j, i = np.indices((170, 24, 24)).astype(float)
        radius = np.hypot(j - 12, i - 12)
        filled = np.where((radius < 8) & (k >= 5) & (k < 165), 1000, 50).astype(np.int16)
        filled[(np.abs(k - 103) < 2) & (radius < 8)] = 600
        labels = (filled > 200).astype(np.int32)
        body = measure_bodies(labels, np.diag([0.45, 0.45, 0.45, 1.0]), np.zeros(labels.shape, bool))[0]
        beside = a_body(2, body.centre - [0, 0, 60.0], [0, 0, 1], 60.0, 4000.0)
        pair = Merged(0, "proximal-3", "middle-3", 1, True)
        naming = Naming({}, "unknown", 0.0, 1.0, None, (pair,))
        cut = divide_merged(labels, filled, [body, beside], naming, np.diag([0.45, 0.45, 0.45, 1.0]))
        self.assertEqual(int(cut.max()), 2)
        planes = np.flatnonzero(np.bincount(np.argwhere(cut == 2)[:, 0], minlength=170))
        self.assertAlmostEqual(min(abs(planes[0] - 103), abs(planes[-1] - 103)), 0, delta=2)

    def test_two_hands_in_one_piece_of_tissue_are_parted_and_every_bone_of_both_is_named(self):
        palm_up = np.diag([-1.0, -1.0, 1.0])
        for turn, apart in ((np.eye(3), [85.0, 0, 0]), (palm_up, [95.0, 0, 0]), (palm_up, [0, 45.0, 0])):
            with self.subTest(apart=apart, turn=turn[0, 0]):
                one, names = a_hand(True, np.eye(3))
                two, other_names = a_hand(False, turn, scale=1.05)
                moved = [replace(b, label=b.label + 100, centre=b.centre + apart, ends=b.ends + apart) for b in two]
                bodies, truth = one + moved, names + other_names
                parted = part_touching_hands(bodies, name_bodies(bodies))
                self.assertEqual({len(group) for group in parted}, {29})
                for group in parted:
                    self.assertEqual(len({index < 29 for index in group}), 1)
                    found = name_bodies([bodies[i] for i in group]).names
                    self.assertEqual({i: truth[group[i]] for i in found}, found)
                    self.assertEqual(len(found), 29)

    def test_a_hand_with_many_deposits_is_one_hand(self):
        hand, _ = a_hand(False, np.eye(3))
        rng = np.random.default_rng(4)
        stones = [
            a_body(100 + n, rng.choice(hand).centre + rng.normal(0, 8, 3), rng.normal(size=3), *size)
            for n, size in enumerate(zip(rng.uniform(3, 25, 30), rng.uniform(10, 900, 30), strict=True))
        ]
        self.assertIsNone(part_touching_hands(hand + stones, name_bodies(hand + stones)))

    def test_a_wrist_is_named_without_the_fingers_with_its_side(self):
        for seed, left in ((3, True), (6, False)):
            with self.subTest(seed=seed, left=left):
                hand, truth = a_hand(left, a_turn(seed))
                kept = [i for i, name in enumerate(truth) if not name.startswith(("proximal", "middle", "distal"))]
                names = [truth[i] for i in kept]
                bodies = [
                    cut_body(hand[i], 20.0)
                    if truth[i].startswith("metacarpal") and truth[i] != "metacarpal-1"
                    else hand[i]
                    for i in kept
                ]
                naming = name_bodies(bodies)
                self.assertEqual(naming.names, dict(enumerate(names)))
                self.assertEqual(naming.side, "left" if left else "right")

    def test_fingertips_alone_get_no_name(self):
        hand, truth = a_hand(False, a_turn(2))
        tips = [
            hand[i] if truth[i].startswith("distal") else cut_body(hand[i], 9.0)
            for i in range(len(hand))
            if truth[i].startswith(("distal", "middle"))
        ]
        naming = name_bodies(tips)
        self.assertEqual((naming.names, naming.side), ({}, "unknown"))

    def test_two_lonely_bodies_get_no_name(self):
        hand, truth = a_hand(False, np.eye(3))
        lonely = [hand[truth.index("middle-3")], hand[truth.index("distal-3")]]
        self.assertEqual(name_bodies(lonely).names, {})


class PartitionTest(unittest.TestCase):
    def test_two_shells_a_narrow_joint_apart_are_two_bodies_and_one_shell_is_one(self):
        k, j, i = np.indices((90, 36, 36)).astype(float)
        radius = np.hypot(j - 18, i - 18)
        for gap, count in ((3, 2), (0, 1)):
            with self.subTest(gap=gap):
                hu = np.full(k.shape, 50, np.int16)
                for low, high in ((8, 45 - gap / 2), (45 + gap / 2, 82)) if gap else ((8, 82),):
                    solid = (radius < 12) & (k >= low) & (k < high)
                    marrow = (radius < 9) & (k >= low + 3) & (k < high - 3)
                    hu[solid] = 1000
                    hu[marrow] = -20
                if gap:
                    hu[(radius < 5) & (np.abs(k - 45) < gap)] = 500
                self.assertEqual(bodies(fill_shells(hu), 200.0, 0.09).max(), count)


class ShellTest(unittest.TestCase):
    """Two thin shells a narrow joint apart, whole or pierced by gaps of two voxels."""

    @staticmethod
    def shells(pierced):
        k, j, i = np.indices((90, 36, 36)).astype(float)
        radius = np.hypot(j - 18, i - 18)
        solid = (radius < 12) & (((k >= 8) & (k < 43)) | ((k >= 47) & (k < 82)))
        inside = (radius < 11) & (((k >= 9) & (k < 42)) | ((k >= 48) & (k < 81)))
        hu = np.where(solid, 500, 50).astype(np.int16)
        hu[inside] = 70
        if pierced:
            hu[solid & (k % 12 < 2) & (j % 8 < 2)] = 60
        return hu, solid

    def test_what_a_leaking_shell_encloses_is_found_and_the_joint_is_not(self):
        hu, solid = self.shells(pierced=True)
        labels = bodies(fill_shells(hu), 200.0, 0.09)
        self.assertLess((labels[solid] > 0).mean(), 0.5)
        self.assertTrue(are_open(labels))
        labels = bodies(lift_inside(hu, labels), 200.0, 0.09)
        self.assertEqual(labels.max(), 2)
        fill_bodies(labels, [1, 2])
        self.assertGreater((labels[solid] > 0).mean(), 0.97)
        self.assertEqual(int(((labels > 0) & ~solid).sum()), 0)

    def test_a_whole_shell_does_not_leak(self):
        hu, solid = self.shells(pierced=False)
        labels = bodies(fill_shells(hu), 200.0, 0.09)
        self.assertFalse(are_open(labels))
        self.assertGreater((labels[solid] > 0).mean(), 0.99)

    def test_the_hollow_of_a_stout_bone_is_filled_and_a_flat_side_is_not(self):
        k, j, i = np.indices((40, 40, 40))
        ball = np.hypot(np.hypot(k - 20, j - 20), i - 20) < 14
        hollow = ball & (np.abs(j - 20) < 4) & (i > 14)
        labels = np.where(ball & ~hollow & (k < 26), 1, 0)
        fill_hollows(labels, [1])
        self.assertGreater((labels[hollow & (k < 24) & (i < 28)] > 0).mean(), 0.9)
        self.assertEqual(int((labels[k > 26] > 0).sum()), 0)

    def test_a_leaking_shell_that_the_border_cuts_is_filled(self):
        hu, solid = self.shells(pierced=True)
        hu, solid = hu[20:], solid[20:]
        labels = bodies(fill_shells(hu), 200.0, 0.09)
        labels = bodies(lift_inside(hu, labels), 200.0, 0.09)
        fill_bodies(labels, [1, 2])
        self.assertGreater((labels[solid] > 0).mean(), 0.9)


@requires_shared("opensim_hand_bones_A")
class MeshHandTest(unittest.TestCase):
    """A left hand drawn from surfaces that no part of the library has seen, bent fingers, oblique grid."""

    @classmethod
    def setUpClass(cls):
        scanner = mesh_hand.Scanner(
            (0.5, 0.5, 0.55), psf_fwhm_mm=0.8, noise_hu=30, rotation_deg=(70, 20, 130), left=True, seed=2
        )
        cls.scan = mesh_hand.scan(mesh_hand.random_pose(2), scanner)
        cls.result = segment_ct(cls.scan.volume)

    def test_all_29_bones_are_found_under_their_names(self):
        self.assertEqual({s.segment_id for s in self.result.bones.segments}, set(BONE_NAMES))
        dice = {}
        for name, label in BONE_LABELS.items():
            found, true = self.result.bones.labels == label, self.scan.bones == label
            dice[name] = 2 * (found & true).sum() / (found.sum() + true.sum())
        self.assertGreater(min(dice.values()), 0.8, dice)
        self.assertGreater(float(np.median(list(dice.values()))), 0.94, dice)

    def test_the_wrist_of_a_smaller_field_of_view_keeps_its_names(self):
        true = self.scan.bones
        middle = np.argwhere(true == BONE_LABELS["metacarpal-3"]).mean(axis=0)
        tip = np.argwhere(true == BONE_LABELS["distal-3"]).mean(axis=0)
        axis = int(np.abs(tip - middle).argmax())
        box = [slice(0, n) for n in true.shape]
        box[axis] = slice(0, int(middle[axis])) if tip[axis] > middle[axis] else slice(int(middle[axis]), None)
        wrist = true[tuple(box)]
        found = segment_ct(self.scan.volume.crop(tuple(box)))
        self.assertEqual([h.side for h in found.hands], ["left"])
        for name in (*CARPALS, "radius", "ulna", *(f"metacarpal-{d}" for d in range(2, 6))):
            with self.subTest(bone=name):
                mine, label = found.bones.labels == BONE_LABELS[name], BONE_LABELS[name]
                self.assertGreater((mine & (wrist == label)).sum(), 0.7 * (wrist == label).sum())

    def test_the_hand_is_a_left_one(self):
        self.assertEqual([h.side for h in self.result.hands], ["left"])

    def test_a_hand_without_deposits_has_none(self):
        self.assertEqual([s.tags for s in self.result.deposits.segments], [])
        self.assertEqual(int(self.result.fractions.voxels.max()), 0)


if __name__ == "__main__":
    unittest.main()
