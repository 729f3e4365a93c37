"""Bad input gets one plain sentence that names the file, says what was found, and what to do."""

import pickle
import tempfile
import unittest
from pathlib import Path

from bad_inputs import BAD_IMAGES, BAD_STUDIES, cases, study
from CalcinosisImagingLib.analysis.errors import InputError
from CalcinosisImagingLib.study.images import read_image
from CalcinosisImagingLib.study.layout import read_study
from CalcinosisImagingLib.study.study_types import StudyError


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


if __name__ == "__main__":
    unittest.main()
