"""A reader's correction reaches the image that it belongs to, and counts instead of ours."""

import tempfile
import unittest
from pathlib import Path

import bad_inputs
import numpy as np
from CalcinosisImagingLib.analysis.errors import InputError
from CalcinosisImagingLib.analysis.segmentation import SOURCE_TAG, Segment, Segmentation
from CalcinosisImagingLib.analysis.segmentation_file import write_segmentation
from CalcinosisImagingLib.analysis.volume import Volume
from CalcinosisImagingLib.host import start

start()

import slicer  # noqa: E402
from CalcinosisImagingLib.scene.segmentations import clear_scene  # noqa: E402
from CalcinosisImagingLib.study.edit_names import edit_file_name  # noqa: E402
from CalcinosisImagingLib.study.images import read_image  # noqa: E402
from CalcinosisImagingLib.study.layout import read_study  # noqa: E402
from CalcinosisImagingLib.study.session_images import add_image  # noqa: E402
from CalcinosisImagingLib.study.session_run import SessionRun  # noqa: E402


class NamesTest(unittest.TestCase):
    """A correction is called so that the study finds its image."""

    def setUp(self):
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.visit = bad_inputs.study(folder) / "sub-01" / "ses-1"

    def second_series(self):
        (self.visit / "mr" / "t2-fs").mkdir()
        voxels = bad_inputs.mr_voxels()[::-1].copy()
        bad_inputs.write(self.visit / "mr" / "t2-fs", "t2.nrrd", bad_inputs.image(voxels))
        return read_image(self.visit / "mr" / "t2-fs", "mr").volume

    def test_one_image_of_a_kind_gives_its_name_whatever_the_node_is_called(self):
        for modality, place, name in (
            ("ct", "ct", "ct.seg.nrrd"),
            ("mr", "mr/t1", "mr-t1.seg.nrrd"),
            ("xray", "xray/pa", "xray-pa.seg.nrrd"),
        ):
            volume = read_image(self.visit / place, modality).volume
            self.assertEqual(edit_file_name(self.visit, modality, volume, "scan 7"), name)

    def test_of_several_series_the_one_with_these_voxels_is_meant(self):
        second = self.second_series()
        first = read_image(self.visit / "mr" / "t1", "mr").volume
        self.assertEqual(edit_file_name(self.visit, "mr", second), "mr-t2-fs.seg.nrrd")
        self.assertEqual(edit_file_name(self.visit, "mr", first, "not a series"), "mr-t1.seg.nrrd")
        self.assertEqual(edit_file_name(self.visit, "mr", first, "T2 FS"), "mr-t2-fs.seg.nrrd", "the node knows")
        turned = Volume(second.voxels[::-1], second.ijk_to_ras @ flipped(2, second.voxels.shape[0]))
        self.assertEqual(edit_file_name(self.visit, "mr", turned), "mr-t2-fs.seg.nrrd", "slices counted from the end")

    def test_an_image_that_is_none_of_several_is_refused(self):
        other = self.second_series()
        for voxels in (other.voxels + np.random.default_rng(3).integers(0, 400, other.voxels.shape), other.voxels[1:]):
            with self.assertRaisesRegex(InputError, "t1, t2-fs.*none of them"):
                edit_file_name(self.visit, "mr", Volume(voxels, other.ijk_to_ras))

    def test_a_visit_without_images_says_nothing_against_a_name(self):
        volume = read_image(self.visit / "mr" / "t1", "mr").volume
        empty = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.assertEqual(edit_file_name(empty, "mr", volume), "mr.seg.nrrd")
        self.assertEqual(edit_file_name(empty, "xray", volume, "pa"), "xray-pa.seg.nrrd")


def flipped(axis, count):
    """4x4: index counted from the other end -> index."""
    matrix = np.eye(4)
    matrix[axis, axis], matrix[axis, 3] = -1.0, count - 1.0
    return matrix


class EditsTest(unittest.TestCase):
    def test_corrections_of_ct_mr_and_film_are_used_and_marked(self):
        clear_scene(slicer.mrmlScene)
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        root = bad_inputs.study(folder)
        visit = root / "sub-01" / "ses-1"
        edits = visit / "edits" / "reader-a"
        edits.mkdir(parents=True)
        places = {"ct": ("ct", visit / "ct"), "mr": ("mr", visit / "mr/t1"), "xray-pa": ("xray", visit / "xray/pa")}
        for stem, (modality, place) in places.items():
            volume = read_image(place, modality).volume
            labels = np.zeros(volume.voxels.shape, np.uint16)
            labels[0, 2:4, 2:5] = 4
            segments = (Segment(4, "deposit-4", "Deposit 4"),)
            write_segmentation(edits / f"{stem}.seg.nrrd", Segmentation(volume.with_voxels(labels), segments))
        participant = read_study(root).participants[0]
        session = participant.sessions[0]
        run = SessionRun(participant, session, None)
        for source, modality, name in (
            (session.ct, "ct", ""),
            (session.mr["t1"], "mr", "t1"),
            (session.xray["pa"], "xray", "pa"),
        ):
            with self.subTest(modality):
                image = add_image(slicer.mrmlScene, read_image(source, modality), modality, name)
                run._add_edits(image)
                self.assertEqual([(kind, reader) for kind, reader, _ in image.sets], [("edited", "reader-a")])
                used = image.used_segmentation()
                self.assertEqual(int((used.labels == 4).sum()), 6)
                self.assertEqual(used.segments[0].tags[SOURCE_TAG], "edited")
