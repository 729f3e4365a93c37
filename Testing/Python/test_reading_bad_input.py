"""Bad input gets one plain sentence that names the file, says what was found, and what to do."""

import json
import pickle
import tempfile
import unittest
from pathlib import Path

import numpy as np
from bad_inputs import BAD_IMAGES, BAD_STUDIES, cases, ct_voxels, image, png_film, study, view_json, write
from CalcinosisImagingLib.analysis.errors import InputError
from CalcinosisImagingLib.study.images import read_image
from CalcinosisImagingLib.study.layout import read_study
from CalcinosisImagingLib.study.study_types import StudyError
from dicom_making import enhanced, film, hand_film, save, save_series, slices


class BadInputTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def assert_one_sentence(self, message, path):
        self.assertNotIn("\n", message)
        self.assertNotIn("Traceback", message)
        self.assertTrue(message.startswith(str(path.with_suffix(""))), f"{message} does not start with {path}")
        self.assertTrue(message.endswith("."), message)
        self.assertNotIn(". ", message.removeprefix(str(path)), "more than one sentence")
        self.assertRegex(message, r"; [a-z][^;]*\.$", "does not say what to do")

    def test_each_bad_image_is_refused_in_one_sentence(self):
        made = cases(self.folder)
        self.assertGreaterEqual(len(made), 25)
        for name, bad in BAD_IMAGES.items():
            with self.subTest(name):
                path = made[name]()
                with self.assertRaises(InputError) as caught:
                    read_image(path, bad.modality)
                message = str(caught.exception)
                self.assertIn(bad.says, message)
                self.assert_one_sentence(message, path)

    def test_each_bad_study_is_refused_with_one_problem(self):
        for number, (name, bad) in enumerate(BAD_STUDIES.items()):
            with self.subTest(name):
                place = self.folder / f"study {number}"
                place.mkdir()
                path = bad.make(place)
                with self.assertRaises(InputError) as caught:
                    read_study(path)
                message = str(caught.exception)
                self.assertIn(bad.says, message)
                self.assert_one_sentence(message, path)

    def test_all_problems_of_a_study_come_together(self):
        root = study(self.folder, ("sub-01", "sub-02"))
        (root / "participants.tsv").write_text("participant_id\thand\nsub-01\tmiddle\n", encoding="utf-8")
        (root / "sub-01" / "ses-1" / "ct" / "ct.nrrd").unlink()
        (root / "sub-02" / "ses-1" / "xray" / "pa" / "pa.json").unlink()
        with self.assertRaises(StudyError) as caught:
            read_study(root)
        problems = caught.exception.problems
        self.assertEqual(len(problems), 3)
        self.assertEqual(str(caught.exception).split("\n"), list(problems))
        self.assertEqual(pickle.loads(pickle.dumps(caught.exception)).problems, problems)
        for problem, words in zip(problems, ("'middle'", "ct: holds no image", "pa.json"), strict=True):
            self.assertIn(words, problem)

    def test_a_participant_that_is_not_there_is_named(self):
        root = study(self.folder)
        with self.assertRaisesRegex(InputError, "no participant sub-09"):
            read_study(root, ["sub-09"])

    def test_damage_anywhere_in_a_header_gives_an_image_or_one_sentence(self):
        series = save_series(self.folder / "series", slices(ct_voxels()))
        made = [(write(self.folder, f"ct{s}", image(ct_voxels())), "ct") for s in (".nrrd", ".nii", ".nii.gz")]
        made += [
            (png_film(self.folder, json.dumps(view_json())), "xray"),
            (save(enhanced(ct_voxels(), slopes=[1] * 6, intercepts=[0] * 6), self.folder / "e.dcm"), "ct"),
            (save(film(hand_film(), ImagerPixelSpacing=[0.2, 0.2]), self.folder / "x.dcm"), "xray"),
            (series / "0002.dcm", "ct"),
        ]
        rng = np.random.default_rng(0)
        refused = 0
        for number in range(210):
            path, modality = made[number % len(made)]
            whole = path.read_bytes()
            damaged = bytearray(whole)
            for place in rng.integers(0, min(1200, len(whole)), 3):
                damaged[place] = rng.integers(256)
            path.write_bytes(damaged[: len(whole) if number % 3 else rng.integers(1200)])
            try:
                read_image(series if path.parent == series else path, modality)
            except InputError as error:
                refused += 1
                self.assertNotIn("\n", str(error))
                self.assertTrue(str(error).endswith("."), str(error))
            path.write_bytes(whole)
        self.assertGreater(refused, 100)


if __name__ == "__main__":
    unittest.main()
