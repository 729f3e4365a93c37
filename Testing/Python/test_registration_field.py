"""The transform that other programs read moves points as the bones move."""

import tempfile
import unittest
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from CalcinosisImagingLib.analysis.anatomy import BONE_LABELS
from CalcinosisImagingLib.analysis.carry import bones_on_grid
from CalcinosisImagingLib.analysis.registration.result import BoneRegistration, Registration
from CalcinosisImagingLib.analysis.segmentation import Segment, Segmentation
from CalcinosisImagingLib.analysis.volume import Volume, transform_points
from scipy.spatial.transform import Rotation


def two_bones(degrees):
    """Two bars end to end, 3 mm apart, on a 0.5 mm grid; the second bent about the joint between them."""
    labels = np.zeros((120, 40, 40), np.uint16)
    labels[6:56, 14:26, 14:26] = BONE_LABELS["proximal-2"]
    labels[62:114, 14:26, 14:26] = BONE_LABELS["middle-2"]
    matrix = np.diag([-0.5, 0.5, 0.5, 1.0])
    matrix[:3, 3] = (10.0, -20.0, 30.0)
    volume = Volume(labels, matrix)
    segments = tuple(Segment(BONE_LABELS[n], n, n) for n in ("proximal-2", "middle-2"))
    whole = np.eye(4)
    whole[:3, :3] = Rotation.from_rotvec(np.radians([10, 20, -15])).as_matrix()
    whole[:3, 3] = (12.0, -7.0, 5.0)
    joint = volume.to_ras(np.array([19.5, 19.5, 58.5]))
    bend = np.eye(4)
    bend[:3, :3] = Rotation.from_rotvec([np.radians(degrees), 0, 0]).as_matrix()
    bend[:3, 3] = joint - bend[:3, :3] @ joint
    motions = {"proximal-2": whole, "middle-2": whole @ bend}
    bones = {n: BoneRegistration(m, 0.1, 0.2, "ok", "") for n, m in motions.items()}
    return Registration(bones, Segmentation(volume, segments)), motions


class TestField(unittest.TestCase):
    def test_the_written_transform_moves_points_inside_bones_rigidly(self):
        for degrees in (0.0, 15.0, 45.0):
            registration, motions = two_bones(degrees)
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "ct-to-mr.h5"
                sitk.WriteTransform(registration.to_itk(), str(path))
                transform = sitk.ReadTransform(str(path))
            volume = registration.segmentation.volume
            for name, motion in motions.items():
                with self.subTest(degrees=degrees, bone=name):
                    mask = registration.segmentation.mask(name)
                    points = volume.to_ras(np.argwhere(mask)[::53, ::-1])
                    lps = points * (-1, -1, 1)
                    moved = np.array([transform.TransformPoint(p) for p in lps.tolist()]) * (-1, -1, 1)
                    gap = np.linalg.norm(moved - transform_points(motion, points), axis=1)
                    self.assertLess(gap.max(), 0.1)

    def test_soft_tissue_between_bones_moves_between_them(self):
        registration, motions = two_bones(30.0)
        middle = registration.segmentation.volume.to_ras(np.array([[30.0, 19.5, 58.5]]))
        moved = registration.map_points(middle)[0]
        ends = np.array([transform_points(m, middle)[0] for m in motions.values()])
        self.assertLess(np.linalg.norm(moved - ends.mean(0)), 0.35 * np.linalg.norm(ends[0] - ends[1]))

    def test_bones_on_the_mr_grid_lie_where_the_motion_carries_them(self):
        registration, motions = two_bones(25.0)
        volume = registration.segmentation.volume
        target = transform_points(motions["proximal-2"], volume.to_ras(np.array([20.0, 20.0, 60.0])))
        matrix = np.diag([0.8, 0.8, 0.8, 1.0])
        matrix[:3, 3] = target - 0.8 * 50
        mr = Volume(np.zeros((100, 100, 100), np.float32), matrix)
        bones = bones_on_grid(registration.segmentation, mr, motions)
        for name, motion in motions.items():
            with self.subTest(bone=name):
                expected = np.count_nonzero(registration.segmentation.mask(name)) * volume.voxel_volume_mm3
                found = np.argwhere(bones.mask(name))[:, ::-1]
                self.assertAlmostEqual(len(found) * mr.voxel_volume_mm3 / expected, 1.0, delta=0.05)
                centre = volume.to_ras(np.argwhere(registration.segmentation.mask(name))[:, ::-1]).mean(0)
                np.testing.assert_allclose(mr.to_ras(found).mean(0), transform_points(motion, centre), atol=0.15)


if __name__ == "__main__":
    unittest.main()
