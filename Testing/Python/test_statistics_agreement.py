"""Agreement and repeatability against published figures and known truths."""

import json
import unittest
import warnings

import numpy as np
from CalcinosisImagingLib.analysis.errors import InputError
from CalcinosisImagingLib.analysis.files import json_text
from CalcinosisImagingLib.analysis.statistics.agreement import PAIR_KEYS, agreement
from CalcinosisImagingLib.analysis.statistics.bland_altman import KEYS, limit_factors
from CalcinosisImagingLib.analysis.statistics.regression import deming
from CalcinosisImagingLib.analysis.statistics.repeatability import chi_square_factors
from scipy import integrate, optimize, stats

# Bland & Altman 1986: peak expiratory flow, Wright 1, Wright 2, Mini 1, Mini 2
PEFR = np.array(
    [
        *((494, 490, 512, 525), (395, 397, 430, 415), (516, 512, 520, 508), (434, 401, 428, 444)),
        *((476, 470, 500, 500), (557, 611, 600, 625), (413, 415, 364, 460), (442, 431, 380, 390)),
        *((650, 638, 658, 642), (433, 429, 445, 432), (417, 420, 432, 420), (656, 633, 626, 605)),
        *((267, 275, 260, 227), (478, 492, 477, 467), (178, 165, 259, 268), (423, 372, 350, 370)),
        (427, 421, 451, 443),
    ],
    float,
)
WRIGHT, MINI = {"w1": PEFR[:, 0], "w2": PEFR[:, 1]}, {"m1": PEFR[:, 2], "m2": PEFR[:, 3]}
# Shrout & Fleiss 1979, table 2
JUDGES = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float)


def of(*columns, **more):
    """Agreement of columns named a, b, …"""
    return agreement({"abcdef"[n]: np.asarray(values, float) for n, values in enumerate(columns)}, **more)


class PublishedFiguresTest(unittest.TestCase):
    def test_bland_and_altmans_peak_flow(self):
        result = agreement({"w1": PEFR[:, 0], "m1": PEFR[:, 2]})
        limits = result["bland_altman"]
        self.assertEqual(tuple(limits)[: len(KEYS)], KEYS)
        for key, expected, places in (
            ("bias", -2.118, 3),
            ("sd", 38.765, 3),
            ("bias_lower95", -22.0, 1),
            ("bias_upper95", 17.8, 1),
            ("lower_limit", -78.10, 2),
            ("upper_limit", 73.86, 2),
        ):
            with self.subTest(key):
                self.assertAlmostEqual(limits[key], expected, places)
        self.assertAlmostEqual(result["lin_ccc"]["value"], 0.9427, 4)
        self.assertAlmostEqual(agreement(WRIGHT)["repeatability"]["wsd"]["value"], 15.31, 2)
        self.assertAlmostEqual(agreement(MINI)["repeatability"]["wsd"]["value"], 19.91, 2)

    def test_shrout_and_fleiss_judges(self):
        found = of(*JUDGES.T)["icc"]
        for form, value, *ends in (
            ("ICC(1,1)", 0.166, -0.133, 0.723),
            ("ICC(2,1)", 0.290, 0.019, 0.761),
            ("ICC(3,1)", 0.715, 0.342, 0.946),
            ("ICC(1,k)", 0.443),
            ("ICC(2,k)", 0.620),
            ("ICC(3,k)", 0.909),
        ):
            with self.subTest(form):
                self.assertAlmostEqual(found[form]["value"], value, 3)
                for key, end in zip(("lower95", "upper95"), ends, strict=False):
                    self.assertAlmostEqual(found[form][key], end, 3)

    def test_six_pairs_leave_the_within_subject_sd_open_by_a_factor(self):
        low, high = chi_square_factors(6)
        self.assertAlmostEqual(low, 0.64, 2)
        self.assertAlmostEqual(high, 2.20, 2)
        pairs = np.random.default_rng(0).normal(100, 10, (6, 2))
        wsd = of(*pairs.T)["repeatability"]["wsd"]
        self.assertAlmostEqual(wsd["lower95"] / wsd["value"], 0.6444, 4)
        self.assertAlmostEqual(wsd["upper95"] / wsd["value"], 2.2021, 3)

    def test_carkeets_factors_solve_the_equation_that_defines_them(self):
        # the c for which bias + c SD covers the 97.5th percentile with probability 2.5 % or 97.5 %,
        # by integration over the distribution of SD, without the non-central t
        z = stats.norm.ppf(0.975)
        for count in (5, 17):
            with self.subTest(n=count):

                def chance(factor, count=count):
                    def of_sd(sd):
                        density = stats.chi.pdf(sd * np.sqrt(count - 1), count - 1) * np.sqrt(count - 1)
                        return density * stats.norm.cdf((factor * sd - z) * np.sqrt(count))

                    return integrate.quad(of_sd, 0, 5, limit=200)[0]

                expected = [optimize.brentq(lambda c, p=p: chance(c) - p, 0.1, 12) for p in (0.025, 0.975)]
                np.testing.assert_allclose(limit_factors(count), expected, rtol=1e-6)


class DefinitionsTest(unittest.TestCase):
    def test_differences_are_the_first_column_minus_the_second(self):
        self.assertAlmostEqual(of([3, 5, 8, 9], [1, 2, 6, 8])["bland_altman"]["bias"], 2.0)

    def test_the_log_scale_gives_ratios(self):
        rng = np.random.default_rng(1)
        true = np.exp(rng.normal(4, 1.5, 30))
        a, b = true * 1.2 * np.exp(rng.normal(0, 0.1, 30)), true * np.exp(rng.normal(0, 0.1, 30))
        limits = of(a, b)["bland_altman_log"]
        logs = np.log(a / b)
        self.assertAlmostEqual(limits["bias"], logs.mean(), 12)
        self.assertAlmostEqual(limits["sd"], logs.std(ddof=1), 12)
        self.assertAlmostEqual(limits["ratio"]["bias"], np.exp(logs.mean()), 12)
        self.assertAlmostEqual(limits["ratio"]["upper_limit"], np.exp(logs.mean() + 1.959964 * logs.std(ddof=1)), 5)
        self.assertNotIn("sd", limits["ratio"])

    def test_repeatability_is_what_its_definitions_say(self):
        a, b = np.array([10.0, 22, 41, 80]), np.array([12.0, 20, 45, 76])
        found = {key: one["value"] for key, one in of(a, b)["repeatability"].items()}
        variances = (a - b) ** 2 / 2
        wsd = np.sqrt(variances.mean())
        logs = np.sqrt((np.log(a / b) ** 2 / 2).mean())
        self.assertAlmostEqual(found["wsd"], wsd, 12)
        self.assertAlmostEqual(found["rc"], 1.959964 * np.sqrt(2) * wsd, 5)
        self.assertAlmostEqual(found["wcv_rms"], np.sqrt((variances / ((a + b) / 2) ** 2).mean()), 12)
        self.assertAlmostEqual(found["wcv_pooled"], wsd / np.concatenate([a, b]).mean(), 12)
        self.assertAlmostEqual(found["wcv_log"], np.sqrt(np.exp(logs**2) - 1), 12)
        self.assertAlmostEqual(found["rc_ratio"], np.exp(1.959964 * np.sqrt(2) * logs), 5)

    def test_one_column_with_subjects_is_a_long_table_of_repeats(self):
        long = agreement({"w": PEFR[:, :2].ravel()}, subjects=np.repeat(np.arange(17), 2))
        wide = agreement(WRIGHT)
        self.assertEqual(long["repeatability"], wide["repeatability"])
        self.assertIsNone(long["bland_altman"]["bias"])
        self.assertIn("one column", long["bland_altman"]["reason"])

    def test_demings_line_is_that_of_the_principal_axis_and_turns_over_with_the_columns(self):
        rng = np.random.default_rng(3)
        x = rng.normal(0, 3, 40)
        a, b = x + rng.normal(0, 1, 40), 2 + 1.5 * x + rng.normal(0, 1, 40)
        line = of(a, b)["deming"]
        axis = np.linalg.eigh(np.cov(a, b))[1][:, -1]
        self.assertAlmostEqual(line["slope"]["value"], axis[1] / axis[0], 10)
        self.assertAlmostEqual(line["intercept"]["value"], b.mean() - axis[1] / axis[0] * a.mean(), 10)
        back = of(b, a, error_ratio=0.25)["deming"]["slope"]["value"]
        self.assertAlmostEqual(of(a, b, error_ratio=4.0)["deming"]["slope"]["value"], 1 / back, 10)

    def test_a_known_ratio_of_errors_takes_the_bias_out_of_demings_line(self):
        rng = np.random.default_rng(4)
        x = rng.normal(0, 3, 20000)
        a, b = x + rng.normal(0, 2, 20000), 1.5 * x + rng.normal(0, 1, 20000)
        line = deming(a, b, error_ratio=4.0)["slope"]
        self.assertAlmostEqual(line["value"], 1.5, delta=0.02)
        self.assertLess(line["lower95"], 1.5)
        self.assertGreater(line["upper95"], 1.5)

    def test_demings_intervals_are_those_of_leaving_out_one_row_at_a_time(self):
        rng = np.random.default_rng(11)
        a = rng.normal(10, 3, 9)
        b = 1 + 2 * a + rng.normal(0, 1, 9)
        slopes = [of(np.delete(a, n), np.delete(b, n))["deming"]["slope"]["value"] for n in range(9)]
        error = np.sqrt(8 / 9 * ((slopes - np.mean(slopes)) ** 2).sum())
        slope = of(a, b)["deming"]["slope"]
        self.assertAlmostEqual(slope["upper95"] - slope["value"], stats.t.ppf(0.975, 7) * error, 10)

    def test_passing_bablok_by_hand(self):
        # slopes of the six pairs: 2, 1.5, 8/3, 1, 3, 5; median (2 + 8/3) / 2
        line = of([1, 2, 3, 4], [1, 3, 4, 9])["passing_bablok"]
        slope = (2 + 8 / 3) / 2
        self.assertAlmostEqual(line["slope"]["value"], slope, 12)
        self.assertAlmostEqual(line["intercept"]["value"], np.median(np.array([1, 3, 4, 9]) - slope * np.arange(1, 5)))
        self.assertIsNone(line["slope"]["lower95"])
        self.assertIn("too few", line["slope"]["reason"])

    def test_passing_bablok_does_not_mind_outliers_and_turns_over_with_the_columns(self):
        rng = np.random.default_rng(5)
        a = rng.uniform(0, 100, 60)
        b = 5 + 1.2 * a + rng.normal(0, 2, 60)
        b[:5] = 400
        line = of(a, b)["passing_bablok"]
        self.assertAlmostEqual(line["slope"]["value"], 1.2, delta=0.08)
        self.assertLess(line["slope"]["lower95"], 1.2)
        back = of(b, a)["passing_bablok"]["slope"]
        self.assertAlmostEqual(back["value"], 1 / line["slope"]["value"], delta=0.002)
        self.assertAlmostEqual(back["lower95"], 1 / line["slope"]["upper95"], delta=0.002)

    def test_coefficients_equal_scipys(self):
        rng = np.random.default_rng(6)
        a = rng.normal(0, 1, 25)
        b = a + rng.normal(0, 0.7, 25)
        result = of(a, b)
        pearson = stats.pearsonr(a, b)
        self.assertAlmostEqual(result["pearson"]["value"], pearson.statistic, 12)
        self.assertAlmostEqual(result["pearson"]["lower95"], pearson.confidence_interval().low, 6)
        self.assertAlmostEqual(result["spearman"]["value"], stats.spearmanr(a, b).statistic, 12)


class SubjectsTest(unittest.TestCase):
    def test_one_row_per_subject_changes_nothing(self):
        plain = agreement({"w1": PEFR[:, 0], "m1": PEFR[:, 2]})
        named = agreement({"w1": PEFR[:, 0], "m1": PEFR[:, 2]}, subjects=[f"s{n}" for n in range(17)])
        self.assertEqual(named.pop("subjects"), 17)
        self.assertEqual(plain, named)

    def test_balanced_rows_per_subject_give_bland_and_altmans_2007_sd(self):
        # k subjects of m rows: SD² = (MSB − MSW) / m + MSW
        rng = np.random.default_rng(7)
        subjects = np.repeat(np.arange(8), 4)
        differences = rng.normal(3, 2, 8)[subjects] + rng.normal(0, 1, 32)
        limits = agreement({"a": differences, "b": np.zeros(32)}, subjects=subjects)["bland_altman"]
        table = differences.reshape(8, 4)
        between, within = 4 * table.mean(axis=1).var(ddof=1), table.var(axis=1, ddof=1).mean()
        self.assertAlmostEqual(limits["sd"], np.sqrt((between - within) / 4 + within), 12)
        self.assertAlmostEqual(limits["bias"], differences.mean(), 12)
        reach = stats.t.ppf(0.975, 7) * table.mean(axis=1).std(ddof=1) / np.sqrt(8)
        self.assertAlmostEqual(limits["bias_upper95"] - limits["bias"], reach, 12)

    def test_unbalanced_rows_per_subject_are_weighed_as_in_bland_and_altman_2007(self):
        # subjects with 1, 2 and 3 rows, whose means are 0, 2 and 5
        subjects, differences = ["a", "b", "b", "c", "c", "c"], np.array([0.0, 1, 3, 4, 5, 6])
        limits = agreement({"a": differences, "b": np.zeros(6)}, subjects=subjects)["bland_altman"]
        bias = 19 / 6
        within = (2 + 2) / 3
        between = (bias**2 + 2 * (2 - bias) ** 2 + 3 * (5 - bias) ** 2) / 2
        typical = (6 - 14 / 6) / 2
        self.assertAlmostEqual(limits["bias"], bias, 12)
        self.assertAlmostEqual(limits["sd"], np.sqrt((between - within) / typical + within), 12)

    def test_rows_that_only_repeat_a_subject_add_no_certainty(self):
        rng = np.random.default_rng(8)
        a = rng.normal(50, 10, 12)
        b = a + rng.normal(0, 3, 12)
        once = agreement({"a": a, "b": b}, subjects=np.arange(12))
        tenfold = agreement({"a": np.repeat(a, 10), "b": np.repeat(b, 10)}, subjects=np.repeat(np.arange(12), 10))
        for path in (("lin_ccc",), ("pearson",), ("spearman",), ("icc", "ICC(2,1)"), ("repeatability", "wsd")):
            with self.subTest(path):
                one, many = once, tenfold
                for key in path:
                    one, many = one[key], many[key]
                width = (many["upper95"] - many["lower95"]) / (one["upper95"] - one["lower95"])
                self.assertGreater(width, 0.6)
        self.assertIn("too narrow", tenfold["note"])

    def test_more_than_two_columns_have_all_pairs(self):
        result = of(*JUDGES.T)
        self.assertEqual(
            [pair["columns"] for pair in result["pairs"]],
            [["a", "b"], ["a", "c"], ["a", "d"], ["b", "c"], ["b", "d"], ["c", "d"]],
        )
        self.assertEqual(result["bland_altman"], result["pairs"][0]["bland_altman"])
        self.assertNotIn("pairs", of(*JUDGES.T[:2]))


class EdgeCasesTest(unittest.TestCase):
    def check_reasons(self, node, path=""):
        """Wherever something is None there is a reason in the same block."""
        if isinstance(node, dict):
            if any(value is None for value in node.values()):
                self.assertIn("reason", node, path)
            for key, value in node.items():
                self.check_reasons(value, f"{path}/{key}")
        elif isinstance(node, list):
            for value in node:
                self.check_reasons(value, path)
        elif isinstance(node, float):
            self.assertTrue(np.isfinite(node), path)

    def test_what_cannot_be_computed_is_none_with_a_reason_and_never_a_warning(self):
        nan = np.nan
        rng = np.random.default_rng(9)
        cases = {
            "no rows": ([], []),
            "one row": ([1], [2]),
            "two rows": ([1, 2], [2, 3]),
            "three rows": ([1, 2, 4], [2, 3, 3]),
            "all missing": ([nan, nan, nan], [1, 2, 3]),
            "equal columns": ([1, 2, 3, 4], [1, 2, 3, 4]),
            "all equal": ([5, 5, 5, 5], [5, 5, 5, 5]),
            "one constant": ([5, 5, 5, 5], [1, 2, 3, 4]),
            "both constant": ([5, 5, 5, 5], [4, 4, 4, 4]),
            "constant shift": ([1, 2, 3, 4], [2, 3, 4, 5]),
            "opposite": ([1, 2, 3, 4], [4, 3, 2, 1]),
            "uncorrelated": ([1, 1, -1, -1], [1, -1, 1, -1]),
            "zeros": ([0, 1, 2, 3], [1, 2, 3, 5]),
            "negative": ([-1, -2, 3, 4], [-1, 2, 3, 5]),
            "same x": ([1, 1, 1, 2], [1, 2, 3, 4]),
            "ties": ([1, 1, 2, 2, 2], [1, 1, 2, 2, 3]),
            "huge": ([1e60, 2e60, 3e60, 5e60], [1e60, 2e60, 4e60, 5e60]),
            "tiny": ([1e-9, 2e-9, 3e-9, 5e-9], [1e-9, 2e-9, 4e-9, 5e-9]),
            "three columns": tuple(rng.normal(0, 1, (3, 5))),
            "one column": ([1, 2, 3, 4],),
            "missing here and there": ([1, nan, 3, 4, 5, 6], [1, 2, nan, 4, 6, 5]),
        }
        for name, columns in cases.items():
            count = len(columns[0])
            for subjects in (None, ["s"] * count, [f"s{n // 2}" for n in range(count)]):
                with self.subTest(name, subjects=subjects), warnings.catch_warnings():
                    warnings.simplefilter("error")
                    result = of(*columns, subjects=subjects)
                    self.check_reasons(result)
                    self.assertEqual(json.loads(json_text(result))["n"], result["n"])
                    for key in (*PAIR_KEYS, "icc", "repeatability"):
                        self.assertIn(key, result)

    def test_fewer_than_three_rows_give_nothing(self):
        result = of([1, 2, np.nan], [2, 3, 4])
        self.assertEqual((result["n"], result["rows_left_out"]), (2, 1))
        for key in ("lin_ccc", "pearson", "spearman"):
            self.assertIsNone(result[key]["value"])
        self.assertIsNone(result["bland_altman"]["bias"])
        self.assertIsNone(result["icc"]["ICC(2,1)"]["value"])
        self.assertIsNone(result["repeatability"]["wsd"]["value"])
        self.assertIsNone(result["deming"]["slope"]["value"])

    def test_perfect_agreement_is_said_without_width(self):
        result = of([1, 2, 3, 5], [1, 2, 3, 5])
        for one in (result["lin_ccc"], result["pearson"], result["icc"]["ICC(2,1)"], result["icc"]["ICC(3,k)"]):
            self.assertEqual((one["value"], one["lower95"], one["upper95"]), (1.0, 1.0, 1.0))
        self.assertEqual(result["bland_altman"]["upper_limit_upper95"], 0.0)
        self.assertEqual(result["repeatability"]["wsd"]["upper95"], 0.0)
        self.assertAlmostEqual(result["deming"]["slope"]["value"], 1.0, 12)

    def test_wrong_use_is_told_in_a_sentence(self):
        for text, call in (
            ("No column", lambda: agreement({})),
            ("differ in length", lambda: agreement({"a": np.ones(3), "b": np.ones(4)})),
            ("differ in length", lambda: agreement({"a": np.ones(3), "b": np.ones(3)}, subjects=["x"])),
            ("error ratio", lambda: of([1, 2, 3], [1, 2, 3], error_ratio=0)),
            ("error ratio", lambda: of([1, 2, 3], [1, 2, 3], error_ratio=float("nan"))),
            ("infinite", lambda: of([1, 2, np.inf], [1, 2, 3])),
        ):
            with self.subTest(text), self.assertRaisesRegex(InputError, text):
                call()

    def test_the_order_of_rows_does_not_matter(self):
        order = np.random.default_rng(10).permutation(17)
        columns = [PEFR[:, 0], PEFR[:, 2]]
        self.assertEqual(json_text(of(*columns)["icc"]), json_text(of(*[c[order] for c in columns])["icc"]))


if __name__ == "__main__":
    unittest.main()
