"""Answers, as JSON, what scipy says of the numbers in the first argument."""

import json
import sys

import numpy as np
from scipy import special, stats

asked = json.loads(sys.argv[1])


def difference(a, b, axis=-1):
    return np.mean(b, axis=axis) - np.mean(a, axis=axis)


def median_difference(a, b, axis=-1):
    return np.median(b, axis=axis) - np.median(a, axis=axis)


def interval(case):
    result = stats.bootstrap(
        (np.array(case["a"]), np.array(case["b"])),
        difference if case["statistic"] == "mean" else median_difference,
        n_resamples=case["resamples"],
        confidence_level=case["confidence"],
        method="BCa" if case["method"] == "bca" else "percentile",
        vectorized=True,
        rng=np.random.default_rng(1),
    ).confidence_interval
    return [float(interval_end) for interval_end in interval_ends(result)]


def interval_ends(ends):
    return ends.low, ends.high


def hedges(case):
    a, b = np.array(case["a"]), np.array(case["b"])
    df = len(a) + len(b) - 2
    pooled = np.sqrt((np.var(a, ddof=1) * (len(a) - 1) + np.var(b, ddof=1) * (len(b) - 1)) / df)
    factor = special.gamma(df / 2) / (np.sqrt(df / 2) * special.gamma((df - 1) / 2))
    return float((b.mean() - a.mean()) / pooled * factor)


def cliffs(case):
    # U of the Mann-Whitney test counts the pairs, ties half.
    a, b = case["a"], case["b"]
    u = stats.mannwhitneyu(b, a).statistic
    return float(2 * u / (len(a) * len(b)) - 1)


print(
    json.dumps(
        {
            "norm_cdf": [float(stats.norm.cdf(z)) for z in asked["z"]],
            "norm_ppf": [float(stats.norm.ppf(p)) for p in asked["p"]],
            "t_ppf": [[float(stats.t.ppf(p, df)) for p in asked["p"]] for df in asked["df"]],
            "gammaln": [float(special.gammaln(x)) for x in asked["x"]],
            "intervals": [interval(case) for case in asked["cases"]],
            "hedges": [hedges(case) for case in asked["cases"]],
            "cliffs": [cliffs(case) for case in asked["cases"]],
        }
    )
)
