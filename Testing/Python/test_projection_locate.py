"""A hand posed anew on a film is found, bone by bone."""

import unittest

import numpy as np
from calcinosis_testing import requires_shared
from CalcinosisImagingLib.analysis.errors import InputError
from CalcinosisImagingLib.analysis.files import json_text
from CalcinosisImagingLib.analysis.projection.locate import locate
from CalcinosisImagingLib.analysis.projection.rig import rigs
from CalcinosisImagingLib.analysis.segmentation import Segment, Segmentation
from CalcinosisImagingLib.analysis.view import View, view_from_json, view_to_json
from CalcinosisImagingLib.analysis.volume import Volume
from CalcinosisImagingLib.analysis.xray.film import Film


def error_mm(points, view, truth, found):
    """Mean distance in the plane of the bone between where points are shown and where they are."""
    uv = view.project(points, truth) - view.project(points, found)
    depth = (points @ truth[2, :3] + truth[2, 3]).mean()
    return float(np.linalg.norm(uv * view.pixel_spacing_mm, axis=1).mean() * depth / view.source_detector_mm)


@requires_shared("opensim_hand_bones_A")
class TestHandOnFilm(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        from film_hand import film_of_hand, hand_scan

        cls.scan = hand_scan(0.8, seed=3)
        cls.truth = film_of_hand(cls.scan, pixel_mm=0.4, seed=1)
        cls.view = cls.truth.film.view
        cls.pose = locate(cls.scan.ct, cls.scan.bones, [cls.truth.film])
        cls.points = {
            s.segment_id: cls.scan.bones.volume.to_ras(np.argwhere(cls.scan.bones.mask(s.segment_id))[::7, ::-1])
            for s in cls.scan.bones.segments
        }

    def errors(self):
        found = self.pose.bones["pa"]
        return {
            name: error_mm(points, self.view, self.truth.poses[name], found[name].ct_to_view)
            for name, points in self.points.items()
        }

    def test_every_bone_is_found_without_a_start(self):
        errors = np.array(list(self.errors().values()))
        self.assertEqual(len(errors), 29)
        self.assertLess(np.median(errors), 0.6)
        self.assertLess(np.mean(errors > 1.5), 0.15)

    def test_a_bone_that_is_called_ok_is_within_two_millimetres(self):
        errors = self.errors()
        called = [errors[name] for name, bone in self.pose.bones["pa"].items() if bone.flag == "ok"]
        self.assertGreater(len(called), 20)
        self.assertLess(max(called), 2.0)

    def test_poses_are_rigid_motions(self):
        for name, bone in self.pose.bones["pa"].items():
            rotation = bone.ct_to_view[:3, :3]
            np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-6, err_msg=name)
            self.assertAlmostEqual(np.linalg.det(rotation), 1.0, places=6)

    def test_points_of_a_bone_move_with_it(self):
        points = self.points["proximal-3"][:50]
        shown = self.pose.project_points(points)["pa"]
        expected = self.view.project(points, self.pose.bones["pa"]["proximal-3"].ct_to_view)
        self.assertLess(np.abs(shown - expected).max(), 0.5)

    def test_json_names_views_bones_and_quality(self):
        content = self.pose.to_json()
        self.assertEqual([view["name"] for view in content], ["pa"])
        bone = content[0]["bones"]["capitate"]
        for key in ("ct_to_view", "expected_error_mm", "upper95_mm", "flag", "reason"):
            self.assertIn(key, bone)
        self.assertEqual(np.shape(content[0]["ct_to_view"]), (4, 4))
        self.assertIn("capitate", json_text(content))


class TestRefusals(unittest.TestCase):
    def setUp(self):
        self.view = View("pa", 10, 12, (0.2, 0.2), 1000.0, (5.5, 4.5))
        pixels = np.arange(120, dtype=np.uint16).reshape(1, 10, 12)
        self.film = Film(Volume(pixels, np.eye(4)), self.view)
        self.ct = Volume(np.zeros((4, 4, 4), np.int16), np.eye(4))

    def test_no_film_and_two_films_of_one_name_are_refused(self):
        with self.assertRaisesRegex(InputError, "no radiograph"):
            rigs([])
        with self.assertRaisesRegex(InputError, "'pa'"):
            rigs([self.film, self.film])

    def test_no_bones_and_bones_of_another_grid_are_refused(self):
        none = Segmentation(self.ct.with_voxels(np.zeros((4, 4, 4), np.uint16)), ())
        with self.assertRaisesRegex(InputError, "no bone"):
            locate(self.ct, none, [self.film])
        other = Volume(np.ones((4, 4, 5), np.uint16), np.eye(4))
        with self.assertRaisesRegex(InputError, "grid"):
            locate(self.ct, Segmentation(other, (Segment(1, "radius", "radius"),)), [self.film])

    def test_a_rig_survives_the_view_file(self):
        matrix = np.eye(4)
        matrix[:3, 3] = [1, 2, 900]
        content = view_to_json(self.view) | {"rig_to_view": matrix.tolist()}
        read = view_from_json(content, "a.json")
        np.testing.assert_array_equal(read.rig_to_view, matrix)
        self.assertEqual(view_to_json(read), content)
        with self.assertRaisesRegex(InputError, "rig_to_view is not rigid"):
            view_from_json(content | {"rig_to_view": (2 * matrix).tolist()}, "a.json")


if __name__ == "__main__":
    unittest.main()
