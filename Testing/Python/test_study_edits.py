"""A reader's correction reaches the image that it belongs to, and counts instead of ours."""

import tempfile
import unittest
from pathlib import Path

import bad_inputs
import numpy as np
from CalcinosisImagingLib.analysis.segmentation import SOURCE_TAG, Segment, Segmentation
from CalcinosisImagingLib.analysis.segmentation_file import write_segmentation
from CalcinosisImagingLib.host import start

start()

import slicer  # noqa: E402
from CalcinosisImagingLib.scene.segmentations import clear_scene  # noqa: E402
from CalcinosisImagingLib.study.images import read_image  # noqa: E402
from CalcinosisImagingLib.study.layout import read_study  # noqa: E402
from CalcinosisImagingLib.study.session_images import add_image  # noqa: E402
from CalcinosisImagingLib.study.session_run import SessionRun  # noqa: E402


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
