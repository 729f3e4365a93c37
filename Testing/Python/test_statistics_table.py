"""Tables as spreadsheets write them, and what is said of those that cannot be used."""

import tempfile
import unittest
from pathlib import Path

import numpy as np
from CalcinosisImagingLib.analysis.errors import InputError
from CalcinosisImagingLib.analysis.statistics.table import number_columns, read_table, text_column


class TableTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "größe table.csv"

    def table(self, content, encoding="utf-8"):
        self.path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return read_table(self.path)

    def numbers(self, content, *names, encoding="utf-8"):
        found = number_columns(self.table(content, encoding), names, self.path)
        return [values.tolist() for values in found.values()]

    def refused(self, content, *parts, names=("a", "b"), encoding="utf-8"):
        with self.assertRaises(InputError) as caught:
            self.numbers(content, *names, encoding=encoding)
        message = str(caught.exception)
        self.assertIn(str(self.path), message)
        for part in parts:
            self.assertIn(part, message)

    def test_what_spreadsheets_write_is_read(self):
        expected = [[1.5, 2.0], [3.0, 4.25]]
        for name, content, encoding in (
            ("plain", "a,b\n1.5,3\n2,4.25\n", "utf-8"),
            ("with mark and Windows line ends", "a,b\r\n1.5,3\r\n2,4.25\r\n", "utf-8-sig"),
            ("semicolons and decimal commas", "a;b\n1,5;3\n2;4,25\n", "utf-8"),
            ("tabs in UTF-16", "a\tb\n1.5\t3\n2\t4.25\n", "utf-16"),
            ("sep line", "sep=;\r\na;b\r\n1,5;3\r\n2;4,25\r\n", "utf-8-sig"),
            ("quotes and blanks", '"a" , "b"\n "1.5",3\n2 , 4.25\n'.replace('" ,', '",').replace(", ", ","), "utf-8"),
            ("quoted decimal commas", 'a,b\n"1,5",3\n2,"4,25"\n', "utf-8"),
            ("empty lines and a trailing separator", "\na,b,\n1.5,3,\n,,\n2,4.25,\n\n", "utf-8"),
            ("western letters", "a,b,Größe\n1.5,3,x\n2,4.25,é\n", "cp1252"),
            ("exponents and signs", "a,b\n+15e-1,3\n2.0,4.25E0\n", "utf-8"),
        ):
            with self.subTest(name):
                self.assertEqual(self.numbers(content, "a", "b", encoding=encoding), expected)

    def test_missing_values_are_not_numbers(self):
        (values,) = self.numbers("a,b\n1,x\n,x\nNA,x\nnan,x\n-,x\n5,x\n", "a")
        np.testing.assert_array_equal(values, [1, np.nan, np.nan, np.nan, np.nan, 5])

    def test_text_columns_keep_their_text(self):
        table = self.table("s,a\n01,1\n 02 ,2\n")
        self.assertEqual(text_column(table, "s", self.path), ["01", "02"])

    def test_what_cannot_be_used_is_told_in_one_sentence(self):
        for name, content, *parts in (
            ("missing columns", "x,y\n1,2\n", "a, b", "it has x, y"),
            ("text", "a,b\n1,2\nabout 3,4\n", "column a", "'about 3'", "number is due"),
            ("a unit", "a,b\n1 mm,2\n", "'1 mm'"),
            ("infinite", "a,b\ninf,2\n", "'inf'"),
            ("underscores", "a,b\n1_000,2\n", "'1_000'"),
            ("empty", "", "empty"),
            ("blank", "\n ,\n", "empty"),
            ("no rows", "a,b\n", "no rows"),
            ("short line", "a,b\n1,2\n3\n", "line 3 has 1 cells"),
            ("long line", "a,b\n1,2,3\n", "line 2 has 3 cells"),
            ("twice", "a,a,b\n1,2,3\n", "a is the name of more than one column"),
            ("nameless", "a,,b\n1,2,3\n", "column 2 has no name"),
            ("thousands", 'a,b\n"1,234",2\n', "thousands or decimals"),
            ("mixed signs", 'a,b\n"1,5",2\n1.5,2\n', "mixes decimal points and commas"),
            ("open quote", 'a,b\n"1,2\n', "not a proper table"),
            ("no text", b"PK\x03\x04\x00\x00", "not text"),
        ):
            with self.subTest(name):
                self.refused(content, *parts)

    def test_a_file_that_is_not_there_and_a_folder_are_told_apart(self):
        with self.assertRaisesRegex(InputError, "no such table"):
            read_table(self.path)
        with self.assertRaisesRegex(InputError, "cannot be read"):
            read_table(self.path.parent)

    def test_small_numbers_with_three_decimals_are_no_thousands(self):
        self.assertEqual(self.numbers("a;b\n0,125;1\n0,250;2\n", "a"), [[0.125, 0.25]])
        self.assertEqual(self.numbers("a;b\n1,125;1\n0,25;2\n", "a"), [[1.125, 0.25]])


if __name__ == "__main__":
    unittest.main()
