"""Real radiographs: the radius of a wrist put on two calibrated films, together and one by one."""

import tempfile
import unittest
from dataclasses import replace
from pathlib import Path

import numpy as np
from calcinosis_testing import requires_shared
from CalcinosisImagingLib.analysis.projection.drr import project_ct
from CalcinosisImagingLib.analysis.projection.locate import locate
from CalcinosisImagingLib.analysis.segmentation_file import read_segmentation
from CalcinosisImagingLib.analysis.view import view_from_json
from CalcinosisImagingLib.analysis.volume import transform_points
from CalcinosisImagingLib.analysis.xray.film import Film, line_integrals
from scipy import ndimage
from scipy.spatial.transform import Rotation


def moved(pose, points, degrees, shift_mm, seed):
    """A pose turned about the middle of the points and shifted, by given amounts in a random direction."""
    rng = np.random.default_rng(seed)
    centre = transform_points(pose, points.mean(axis=0))
    axis, way = (v / np.linalg.norm(v) for v in rng.normal(size=(2, 3)))
    change = np.eye(4)
    change[:3, :3] = Rotation.from_rotvec(np.radians(degrees) * axis).as_matrix()
    change[:3, 3] = centre + shift_mm * way - change[:3, :3] @ centre
    return change @ pose


def edge_distance_px(film, shadow):
    """Median distance from the shadow's outline to the nearest strong edge of the film across it."""
    image = ndimage.gaussian_filter(line_integrals(film), 2.0)
    outline = shadow > 0.15 * shadow.max()
    strength = ndimage.gaussian_gradient_magnitude(image, 1.0)
    normal = np.stack(np.gradient(ndimage.gaussian_filter(outline.astype(float), 3.0)))
    rows, columns = np.nonzero(outline & ~ndimage.binary_erosion(outline))
    rows, columns = rows[::3], columns[::3]
    way = normal[:, rows, columns] / (np.linalg.norm(normal[:, rows, columns], axis=0) + 1e-9)
    steps = np.arange(-10, 11)
    along = ndimage.map_coordinates(
        strength, [rows + steps[:, None] * way[0], columns + steps[:, None] * way[1]], order=1
    )
    return float(np.median(np.abs(steps[along.argmax(axis=0)])))


@requires_shared("wrist_biplane")
class TestRadiusOnTwoFilms(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        from biplane_fixture import biplane_film, bone_ct

        cls.films = [biplane_film(1), biplane_film(2)]
        cls.ct, cls.bones = bone_ct("radius")
        cls.pose = locate(cls.ct, cls.bones, cls.films)
        cls.points = cls.bones.volume.to_ras(np.argwhere(cls.bones.labels > 0)[::97, ::-1])

    def bone(self, film):
        return self.pose.bones[film.view.name]["radius"]

    def test_it_is_found_from_nothing_and_called_ok(self):
        for film in self.films:
            with self.subTest(view=film.view.name):
                self.assertGreater(self.bone(film).correlation, 0.7)
                self.assertEqual(self.bone(film).flag, "ok")

    def test_one_pose_serves_both_films(self):
        rig = [np.linalg.inv(film.view.rig_to_view) @ self.bone(film).ct_to_view for film in self.films]
        np.testing.assert_allclose(rig[0], rig[1], atol=1e-6)

    def test_the_outline_lies_on_the_films_edges(self):
        for film in self.films:
            with self.subTest(view=film.view.name):
                shadow = project_ct(self.ct, film.view, self.bone(film).ct_to_view)
                self.assertLess(edge_distance_px(film, shadow), 5.0)

    def test_each_film_alone_leads_to_the_same_place(self):
        for seed, film in enumerate(self.films):
            with self.subTest(view=film.view.name):
                truth = self.bone(film).ct_to_view
                start = moved(truth, self.points, 4.0, 4.0, seed)
                alone = Film(film.volume, replace(film.view, rig_to_view=None, ct_to_view=start))
                found = locate(self.ct, self.bones, [alone]).bones[film.view.name]["radius"].ct_to_view
                off = film.view.project(self.points, found) - film.view.project(self.points, truth)
                before = film.view.project(self.points, start) - film.view.project(self.points, truth)
                scale = film.view.pixel_spacing_mm[0] * truth[2, 3] / film.view.source_detector_mm
                error = np.linalg.norm(off, axis=1).mean() * abs(scale)
                self.assertLess(error, 1.2)
                self.assertLess(error, 0.5 * np.linalg.norm(before, axis=1).mean() * abs(scale))

    def test_the_files_of_the_fixture_read_back(self):
        from biplane_fixture import write_biplane

        with tempfile.TemporaryDirectory() as folder:
            paths = write_biplane(Path(folder))
            self.assertEqual(read_segmentation(paths["radius-bones"]).segments[0].segment_id, "radius")
            import json

            view = view_from_json(json.loads(paths["cam01-view"].read_text()), "cam01.json")
            np.testing.assert_allclose(view.rig_to_view, self.films[0].view.rig_to_view, atol=1e-9)


if __name__ == "__main__":
    unittest.main()
