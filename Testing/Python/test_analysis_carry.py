"""Bones carried to another grid or to a film arrive where their own motion puts them."""

import unittest

import numpy as np
from CalcinosisImagingLib.analysis.carry import bones_on_film, bones_on_grid, nearest_labels
from CalcinosisImagingLib.analysis.segmentation import Segment, Segmentation
from CalcinosisImagingLib.analysis.view import View
from CalcinosisImagingLib.analysis.volume import Volume, transform_points


def two_bones():
    """A block of 8 x 6 x 4 mm and one of 4 mm side, on 0.5 mm voxels."""
    labels = np.zeros((60, 60, 60), np.uint16)
    labels[10:18, 10:22, 10:26] = 3
    labels[40:48, 40:48, 40:48] = 7
    volume = Volume(labels, np.diag([0.5, 0.5, 0.5, 1.0]))
    return Segmentation(volume, (Segment(3, "lunate", "lunate"), Segment(7, "distal-2", "distal-2")))


def motion(angle, shift):
    matrix = np.eye(4)
    matrix[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    matrix[:3, 3] = shift
    return matrix


class CarryTest(unittest.TestCase):
    def test_each_bone_moves_on_its_own_and_keeps_volume_and_centre(self):
        bones = two_bones()
        grid = Volume(
            np.zeros((40, 100, 100)), np.array([[-0.4, 0, 0, 40], [0, 0.4, 0, -5], [0, 0, 1, -2], [0, 0, 0, 1.0]])
        )
        motions = {"lunate": motion(0.6, (3, 2, 1)), "distal-2": motion(-0.3, (-4, 1, 5))}
        carried = bones_on_grid(bones, grid, motions)
        for segment in bones.segments:
            before = bones.volume.to_ras(np.argwhere(bones.labels == segment.label)[:, ::-1])
            after = carried.volume.to_ras(np.argwhere(carried.labels == segment.label)[:, ::-1])
            expected = transform_points(motions[segment.segment_id], before).mean(axis=0)
            np.testing.assert_allclose(after.mean(axis=0), expected, atol=0.3)  # the grid has 1 mm slices
            self.assertAlmostEqual(len(after) * 0.16 / (len(before) * 0.125), 1.0, delta=0.08)

    def test_a_bone_without_a_motion_is_left_out(self):
        carried = bones_on_grid(two_bones(), two_bones().volume, {"lunate": np.eye(4)})
        self.assertEqual([s.segment_id for s in carried.segments], ["lunate"])
        self.assertEqual(set(np.unique(carried.labels)), {0, 3})

    def test_a_shadow_has_the_magnified_area_and_no_holes(self):
        bones = two_bones()
        pose = np.eye(4)
        pose[:3, 3] = -15, -15, 900
        view = View("pa", 300, 300, (0.2, 0.2), 1000.0, (149.5, 149.5))
        film = Volume(np.zeros((1, 300, 300)), np.diag([-0.2, -0.2, 1, 1.0]))
        shadows = bones_on_film(bones, film, view, {"lunate": pose})
        scale = 1000 / (900 + 6.75)
        area = (shadows.labels == 3).sum() * 0.04
        self.assertAlmostEqual(area / (8 * 6 * scale**2), 1.0, delta=0.08)

    def test_a_deposit_belongs_to_the_nearest_shadow(self):
        labels = np.zeros((1, 50, 50), np.uint16)
        labels[0, 10:20, 5:15] = 3
        labels[0, 10:20, 35:45] = 7
        grid = Volume(labels, np.eye(4))
        targets = Segmentation(grid, two_bones().segments)
        found = np.zeros((1, 50, 50), np.uint16)
        found[0, 12:14, 17:19] = 1
        found[0, 30:34, 36:40] = 2
        bodies = Segmentation(grid.with_voxels(found), ())
        self.assertEqual(nearest_labels(bodies, targets), {1: "lunate", 2: "distal-2"})
