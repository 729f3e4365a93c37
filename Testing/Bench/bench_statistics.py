"""Do 95 % intervals hold the truth in 95 % of studies, and do peers get the same numbers."""

import importlib.util

import numpy as np
from CalcinosisImagingLib.analysis.statistics.agreement import agreement
from CalcinosisImagingLib.analysis.statistics.bland_altman import bland_altman, bland_altman_log
from CalcinosisImagingLib.analysis.statistics.correlation import lin_ccc, pearson, spearman
from CalcinosisImagingLib.analysis.statistics.icc import icc
from CalcinosisImagingLib.analysis.statistics.regression import deming, passing_bablok
from CalcinosisImagingLib.analysis.statistics.repeatability import repeatability
from scipy import stats

STUDIES = 2000
Z = stats.norm.ppf(0.975)


def _share(hits: dict[str, list[bool | None]]) -> dict[str, str]:
    """Share of the intervals that hold the truth, and in how many studies there was none."""
    cells = {}
    for name, found in hits.items():
        given = [hit for hit in found if hit is not None]
        without = 1 - len(given) / len(found)
        cells[name] = f"{np.mean(given):.3f}" + (f" (none in {100 * without:.0f} %)" if without > 0 else "")
    return cells


def _holds(one, truth, low="lower95", high="upper95"):
    """Whether the interval holds the truth; None where there is no interval."""
    return None if one[low] is None or one[high] is None else bool(one[low] <= truth <= one[high])


def _independent(count: int) -> dict[str, str]:
    """Two raters of ``count`` things: truth N(0, 3²), errors N(0, 1), the second rater 0.5 higher."""
    rng = np.random.default_rng(count)
    hits: dict[str, list[bool | None]] = {}
    between, error, shift = 3.0, 1.0, 0.5
    differences_sd = np.sqrt(2) * error
    total = between**2 + error**2
    rho = between**2 / total
    truths = {
        "limits of agreement (Carkeet)": -shift + Z * differences_sd,
        "bias": -shift,
        "ICC(3,1)": rho,
        "Lin's concordance": 2 * between**2 / (2 * total + shift**2),
        "Pearson": rho,
        "Spearman": 6 / np.pi * np.arcsin(rho / 2),
        "Deming slope": 1.0,
        "Passing-Bablok slope": 1.0,
    }
    for _ in range(STUDIES):
        true = rng.normal(10, between, count)
        a, b = true + rng.normal(0, error, count), true + shift + rng.normal(0, error, count)
        limits = bland_altman(a, b)
        line, ranks = deming(a, b)["slope"], passing_bablok(a, b)["slope"]
        found = {
            "limits of agreement (Carkeet)": _holds(limits, truths["limits of agreement (Carkeet)"], *UPPER),
            "bias": _holds(limits, truths["bias"], "bias_lower95", "bias_upper95"),
            "ICC(3,1)": _holds(icc(np.column_stack([a, b]))["ICC(3,1)"], rho),
            "Lin's concordance": _holds(lin_ccc(a, b), truths["Lin's concordance"]),
            "Pearson": _holds(pearson(a, b), rho),
            "Spearman": _holds(spearman(a, b), truths["Spearman"]),
            "Deming slope": _holds(line, 1.0),
            "Passing-Bablok slope": _holds(ranks, 1.0),
            "wSD, RC": _holds(repeatability(np.column_stack([a, b - shift]))["wsd"], error),
        }
        raters = rng.normal(0, 0.5, 3)
        table = true[:, None] + raters + rng.normal(0, error, (count, 3))
        forms = icc(table)
        found["ICC(2,1)"] = _holds(forms["ICC(2,1)"], between**2 / (total + 0.25))
        table = true[:, None] + rng.normal(0, error, (count, 3))
        found["ICC(1,1)"] = _holds(icc(table)["ICC(1,1)"], rho)
        for name, hit in found.items():
            hits.setdefault(name, []).append(hit)
    return _share(hits)


UPPER = ("upper_limit_lower95", "upper_limit_upper95")


def _clustered(subjects: int) -> dict[str, str]:
    """1 to 12 deposits of each subject, log-normal sizes; differences vary between subjects as much as within."""
    rng = np.random.default_rng(subjects)
    hits: dict[str, list[bool | None]] = {}
    for _ in range(STUDIES):
        counts = rng.integers(1, 13, subjects)
        names = np.repeat(np.arange(subjects), counts)
        rows = len(names)
        size = rng.normal(3, 1.5, rows)
        offset = rng.normal(0, 0.2, subjects)[names]
        first, second = np.exp(size + offset + rng.normal(0, 0.2, rows)), np.exp(size)
        limits = bland_altman_log(first, second, names)
        naive = bland_altman_log(first, second)
        truth = Z * np.sqrt(0.04 + 0.04)
        common = rng.chisquare(4, subjects)[names] / 4
        noise = 0.3 * np.sqrt(common)[:, None] * rng.normal(0, 1, (rows, 2))
        table = size[:, None] + noise
        pair = np.column_stack([size + offset / np.sqrt(2) + rng.normal(0, 0.2 / np.sqrt(2), rows), size])
        found = {
            "limits, rows of subjects": _holds(limits, truth, *UPPER),
            "bias, rows of subjects": _holds(limits, 0.0, "bias_lower95", "bias_upper95"),
            "bias, subjects ignored": _holds(naive, 0.0, "bias_lower95", "bias_upper95"),
            "wSD, errors of unequal subjects": _holds(repeatability(table, names)["wsd"], 0.3),
            "wSD, the same, subjects ignored": _holds(repeatability(table)["wsd"], 0.3),
            "Pearson, rows of subjects": _holds(pearson(*pair.T, names), 1.5 / np.sqrt(1.5**2 + 0.04)),
        }
        for name, hit in found.items():
            hits.setdefault(name, []).append(hit)
    return _share(hits)


def _coverage(columns: dict[str, dict[str, str]]) -> list[str]:
    names = list(next(iter(columns.values())))
    lines = [
        f"| 95 % interval of, share that holds the truth ({STUDIES} studies) | {' | '.join(columns)} |",
        "|---" * (len(columns) + 1) + "|",
    ]
    return lines + [f"| {name} | " + " | ".join(of[name] for of in columns.values()) + " |" for name in names]


def _peers() -> list[str]:
    if importlib.util.find_spec("pingouin") is None:
        return ["pingouin is not installed: no comparison."]
    import pandas
    import pingouin

    rng = np.random.default_rng(1)
    table = rng.normal(0, 3, 20)[:, None] + rng.normal(0, 1, (20, 3))
    ours = agreement({name: table[:, n] for n, name in enumerate("abc")})
    long = pandas.DataFrame(
        {"target": np.repeat(np.arange(20), 3), "rater": np.tile(list("abc"), 20), "score": table.ravel()}
    )
    theirs = pingouin.intraclass_corr(long, "target", "rater", "score")
    lines = ["| ICC of 20 × 3 values | ours | pingouin |", "|---|---|---|"]
    for form, one, row in zip(ours["icc"], ours["icc"].values(), theirs.to_dict("records"), strict=True):
        interval = next(row[key] for key in row if key.startswith("CI95"))
        lines.append(
            f"| {form} | {one['value']:.4f} [{one['lower95']:.4f}, {one['upper95']:.4f}] | "
            f"{row['ICC']:.4f} [{interval[0]:.2f}, {interval[1]:.2f}] |"
        )
    return lines


def run() -> str:
    """A markdown table."""
    alone = {f"n = {count}": _independent(count) for count in (6, 15, 40)}
    related = {f"{count} subjects": _clustered(count) for count in (6, 15)}
    return "\n".join([*_coverage(alone), "", *_coverage(related), "", *_peers()])


if __name__ == "__main__":
    print(run())
