"""Study folders: participants, visits, roles from folders and from DICOM tags, corrections."""

import json
import tempfile
import unittest
from pathlib import Path

import numpy as np
from bad_inputs import ct_voxels, image, mr_voxels, png_film, study, view_json, write
from CalcinosisImagingLib.study.images import read_image
from CalcinosisImagingLib.study.layout import read_study
from CalcinosisImagingLib.study.names import natural_key, safe_name, series_name
from dicom_making import (
    BIRTH_DATE,
    MR_CLASS,
    PATIENT_ID,
    PERSON,
    SEG_CLASS,
    dataset,
    film,
    hand_film,
    save,
    save_series,
    slices,
    uid,
)


class ReadingStudyTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def heap(self, place):
        """One visit in one folder, as a scanner's export: CT, three MR series, localiser, two films, segmentation."""
        made = slices(ct_voxels(), series=2)
        made += slices(mr_voxels(), MR_CLASS, "MR", series=3, SeriesDescription=f"T1 cor {PERSON}", EchoTime=12)
        made += slices(mr_voxels(), MR_CLASS, "MR", series=4, SeriesDescription="T1 cor", EchoTime=13)
        made += slices(mr_voxels((3, 9, 9)), MR_CLASS, "MR", series=5, SeriesDescription="Localizer")
        made += slices(np.concatenate([mr_voxels(), mr_voxels() + 1]), MR_CLASS, "MR", series=6, SeriesDescription="T2")
        for index, ds in enumerate(made[-12:]):
            ds.EchoTime = 20 if index < 6 else 100
            ds.ImagePositionPatient = made[-12 + index % 6].ImagePositionPatient
        for number, position in enumerate(("PA", "LAT")):
            made.append(
                film(hand_film(), series=7, number=number, ViewPosition=position, ImagerPixelSpacing=[0.2, 0.2])
            )
        made.append(dataset(SEG_CLASS, "SEG", np.zeros((8, 8), np.uint8), series=8))
        for number, ds in enumerate(made):
            ds.SOPInstanceUID = uid(77, number)
        return save_series(place, made, np.random.default_rng(0).permutation(len(made)))

    def test_folders_tell_the_roles(self):
        root = study(self.folder, ("sub-01", "sub-10", "sub-2"))
        (root / "study.json").write_text('{"name": "Hand study 1"}', encoding="utf-8")
        found = read_study(root)
        self.assertEqual(found.name, "Hand-study-1")
        self.assertEqual([p.participant_id for p in found.participants], ["sub-01", "sub-2", "sub-10"])
        participant = found.participants[0]
        self.assertEqual((participant.hand, [s.name for s in participant.sessions]), ("right", ["ses-1"]))
        session = participant.sessions[0]
        place = root / "sub-01" / "ses-1"
        self.assertEqual((session.ct, session.ct_session), (place / "ct" / "ct.nrrd", "ses-1"))
        self.assertEqual(dict(session.mr), {"t1": place / "mr" / "t1" / "t1.nrrd"})
        self.assertEqual(dict(session.xray), {"pa": place / "xray" / "pa" / "pa.png"})
        self.assertEqual(read_image(session.xray["pa"], "xray").view.rows, 200)
        self.assertEqual([p.participant_id for p in read_study(root, ["sub-2"]).participants], ["sub-2"])

    def test_dicom_folders_and_files_directly_below_the_role_are_found(self):
        visit = self.folder / "sub-01" / "ses-1"
        save_series(visit / "ct" / "deep" / "er", slices(ct_voxels()))
        (visit / "mr").mkdir()
        (visit / "xray").mkdir()
        write(visit / "mr", "STIR cor.nii.gz", image(mr_voxels()))
        png_film(visit / "xray", json.dumps(view_json()))
        save(film(hand_film(), ViewPosition="LAT", ImagerPixelSpacing=[0.2, 0.2]), visit / "xray" / "x1.dcm")
        session = read_study(self.folder).participants[0].sessions[0]
        self.assertEqual(session.ct, visit / "ct")
        self.assertEqual(list(session.mr), ["stir-cor"])
        self.assertEqual(dict(session.xray), {"lat": (visit / "xray" / "x1.dcm",), "pa": visit / "xray" / "pa.png"})
        self.assertIsNone(read_study(self.folder).participants[0].hand)

    def test_tags_tell_the_roles_of_a_heap(self):
        self.heap(self.folder / "sub-01" / "ses-1" / "export" / "a")
        session = read_study(self.folder).participants[0].sessions[0]
        np.testing.assert_array_equal(read_image(session.ct, "ct").volume.voxels, ct_voxels())
        self.assertEqual(list(session.mr), ["t1-cor", "t1-cor-2", "t2-1", "t2-2"])
        self.assertEqual(read_image(session.mr["t1-cor-2"], "mr").contrast["echo_time_ms"], 13.0)
        self.assertEqual(read_image(session.mr["t2-2"], "mr").contrast["echo_time_ms"], 100.0)
        np.testing.assert_array_equal(read_image(session.mr["t2-2"], "mr").volume.voxels, mr_voxels() + 1)
        self.assertEqual(list(session.xray), ["lat", "pa"])
        self.assertEqual(read_image(session.xray["lat"], "xray").view.name, "lat")

    def test_a_participant_without_visit_folders_has_one_visit(self):
        self.heap(self.folder / "sub-01")
        participant = read_study(self.folder).participants[0]
        self.assertEqual([s.name for s in participant.sessions], ["ses-1"])
        self.assertEqual(len(participant.sessions[0].ct), 6)

    def test_a_repeat_visit_without_ct_is_served_by_the_first(self):
        root = study(self.folder)
        for name in ("ses-2", "ses-10"):
            place = root / "sub-01" / name / "mr" / "t1"
            place.mkdir(parents=True)
            write(place, "t1.nrrd", image(mr_voxels()))
        participant = read_study(root).participants[0]
        self.assertEqual([s.name for s in participant.sessions], ["ses-1", "ses-2", "ses-10"])
        second = participant.session("ses-2")
        self.assertIsNone(second.ct)
        self.assertEqual(second.ct_session, "ses-1")
        self.assertEqual(participant.ct_of(second), participant.session("ses-1").ct)

    def test_no_ct_at_all_is_no_fault(self):
        place = self.folder / "sub-01" / "ses-1" / "xray" / "pa"
        place.mkdir(parents=True)
        png_film(place, json.dumps(view_json()))
        participant = read_study(self.folder).participants[0]
        self.assertIsNone(participant.sessions[0].ct_session)
        self.assertIsNone(participant.ct_of(participant.sessions[0]))

    def test_edits_belong_to_their_reader_and_image(self):
        root = study(self.folder)
        edits = root / "sub-01" / "ses-1" / "edits"
        for place, names in (("", ("ct", "xray-pa")), ("reader-x", ("ct", "mr-t1")), ("reader y", ("mr", "xray"))):
            (edits / place).mkdir(parents=True, exist_ok=True)
            for name in names:
                write(edits / place, f"{name}.seg.nrrd", image((ct_voxels() > 0).astype(np.uint8)))
        (edits / "reader-x" / "notes.txt").write_text("seen", encoding="utf-8")
        session = read_study(root).participants[0].sessions[0]
        found = [(e.reader, e.modality, e.name) for e in session.edits]
        expected = [
            ("", "ct", ""),
            ("", "xray", "pa"),
            ("reader-y", "mr", "t1"),
            ("reader-y", "xray", "pa"),
            ("reader-x", "ct", ""),
            ("reader-x", "mr", "t1"),
        ]
        self.assertEqual(sorted(found), sorted(expected))
        self.assertEqual([e.reader for e in session.edits_of("mr", "t1")], ["reader-y", "reader-x"])
        self.assertEqual([e.path.name for e in session.edits_of("ct")], ["ct.seg.nrrd"] * 2)

    def test_the_table_may_come_from_a_spreadsheet(self):
        text = "age\tparticipant_id\thand\tname\n60\tsub-01\tBoth\tErika Musterfrau\n\n"
        for encoding in ("utf-8", "utf-8-sig", "utf-16"):
            with self.subTest(encoding):
                root = study(self.folder / encoding)
                (root / "participants.tsv").write_bytes(text.replace("\n", "\r\n").encode(encoding))
                found = read_study(root)
                self.assertEqual(found.participants[0].hand, "both")
                self.assertNotIn("Erika", repr(found.participants))

    def test_only_participant_ids_go_further(self):
        self.heap(self.folder / "sub-01" / "ses-1" / "dicom")
        text = repr(read_study(self.folder).participants)
        for secret in (*PERSON.split("^"), "musterfrau", BIRTH_DATE, PATIENT_ID, "1.2.826"):
            self.assertNotIn(secret, text)

    def test_spaces_and_unicode_in_names_are_read_and_made_safe(self):
        root = study(self.folder / "Studie Müller 手")
        visit = root / "sub-01" / "ses-1"
        (visit / "mr" / "t1").rename(visit / "mr" / "T1 schräg (links)")
        session = read_study(root).participants[0].sessions[0]
        self.assertEqual(list(session.mr), ["t1-schräg-links"])
        np.testing.assert_array_equal(read_image(session.mr["t1-schräg-links"], "mr").volume.voxels, mr_voxels())

    def test_names_are_safe_and_count(self):
        self.assertEqual(safe_name("../a/b: c?*"), "a-b-c")
        self.assertEqual(len(safe_name("x" * 300)), 40)
        self.assertEqual(series_name("Smith John 12345", "mr"), "mr")
        self.assertEqual(sorted(["ses-10", "ses-2", "ses-1b"], key=natural_key), ["ses-1b", "ses-2", "ses-10"])


if __name__ == "__main__":
    unittest.main()
