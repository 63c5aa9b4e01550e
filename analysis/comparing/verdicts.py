"""Judgements as frames: a row per pair, per level, per question."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.comparing.judgement import Judgement, Pair
from analysis.comparing.questions import Question
from analysis.comparing.sentences import decimals, estimate, rounded
from analysis.values import ALL_HOSTS


def pair_frame(judgements: Sequence[Judgement]) -> pd.DataFrame:
    """A row for each pair of levels.

    Returns:
        metric, unit, phase, dimension, role, level, reference; verdict, reason; n and mean of
        both; difference, low, high (in the unit), ratio, ratio_low, ratio_high (level / reference;
        NaN where the reference may be zero); standard_error, df, p (Welch), p_pairs (simultaneous),
        p_corrected (of the family), p_careful_corrected (the same, with the degrees of freedom of a
        smaller group of fewer than four runs); cliffs_delta, delta_low, delta_high, p_rank (Dunn),
        p_rank_pairs, p_rank_corrected, p_smallest; margin, p_equivalence, p_equivalence_corrected,
        p_rank_equivalence, p_exceeds, p_exceeds_corrected, exceeds_margin; family; quantile (of
        the samples; NaN for their mean), hosts (that were chosen; empty: all).
    """
    rows = [_pair(pair, judgement) for judgement in judgements for pair in judgement.pairs]
    return pd.DataFrame(rows)


def group_frame(judgements: Sequence[Judgement]) -> pd.DataFrame:
    """A row for each level of each question.

    Returns:
        metric, unit, phase, dimension, role, level; runs (of the level), n (those with a value);
        mean, sd, median, min, max of their values; samples_min, samples_median (samples behind the
        value of one run, of all its hosts together; NaN for durations and measurements).
    """
    return pd.DataFrame(
        [
            {
                **_question(q),
                "level": level,
                "runs": q.total[level],
                **_figures(values),
                **_samples(q, level),
            }
            for judgement in judgements
            for q in judgement.questions
            for level, values in q.groups.items()
        ]
    )


def test_frame(judgements: Sequence[Judgement]) -> pd.DataFrame:
    """A row for each question: Welch's analysis of variance, Kruskal and Wallis' test."""
    return pd.DataFrame(
        [
            {**_question(q), **tests}
            for judgement in judgements
            for q, tests in zip(judgement.questions, judgement.tests, strict=True)
        ]
    )


def tables_of(pairs: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Pairs as tables for people, by title: of all hosts, and beside it by role.

    The verdicts by role are a family of their own, which the title names.
    """
    whole = (pairs["role"].astype("str") == ALL_HOSTS).to_numpy()
    of_roles = pairs[~whole]
    families = ", ".join(of_roles["family"].unique())
    hosts = " and ".join(pairs["hosts"].unique())
    titles = {
        hosts or "All hosts": pairs[whole],
        f"By role, a family of its own ({families})": of_roles,
    }
    return {title: readable(rows) for title, rows in titles.items() if len(rows)}


def readable(pairs: pd.DataFrame) -> pd.DataFrame:
    """The columns of a pair that people look at, as text."""
    widths = (pairs["high"] - pairs["low"]).tolist()
    places = [decimals(width) for width in widths]
    columns: dict[str, Any] = {}
    for name in ("metric", "dimension", "phase", "role"):
        texts = pairs[name].astype("str")
        if len(texts.unique()) > 1:
            columns[name] = texts.to_numpy()
    columns |= {name: pairs[name].to_numpy() for name in ("level", "reference")}
    columns["difference"] = [
        estimate(d, width) for d, width in zip(pairs["difference"], widths, strict=True)
    ]
    ends = zip(_numbers(pairs["low"], places), _numbers(pairs["high"], places), strict=True)
    columns["interval"] = [f"{low} to {high}" if low != "-" else "-" for low, high in ends]
    columns["unit"] = ["points" if unit == "%" else unit for unit in pairs["unit"]]
    columns["ratio"] = _numbers(pairs["ratio"], [3] * len(pairs))
    columns["p"] = [_p(p) for p in pairs["p_corrected"]]
    columns["p by ranks"] = [_p(p) for p in pairs["p_rank_corrected"]]
    columns["smallest rank p"] = [_p(p) for p in pairs["p_smallest"]]
    columns["Cliff's delta"] = _numbers(pairs["cliffs_delta"], [2] * len(pairs))
    if pairs["margin"].notna().any():
        columns["p equivalent"] = [_p(p) for p in pairs["p_equivalence_corrected"]]
    columns["runs"] = [
        f"{n} and {m}" for n, m in zip(pairs["n"], pairs["n_reference"], strict=True)
    ]
    columns["verdict"] = pairs["verdict"].to_numpy()
    return pd.DataFrame(columns)


def _numbers(values: "pd.Series[float]", places: Sequence[int]) -> list[str]:
    return [
        rounded(value, digits) if np.isfinite(value) else "-"
        for value, digits in zip(values, places, strict=True)
    ]


def _p(p: float) -> str:
    if not np.isfinite(p):
        return "-"
    return f"{p:.2g}" if p >= 1e-4 else "< 0.0001"


def _question(question: Question) -> dict[str, Any]:
    return {
        "metric": question.metric,
        "unit": question.unit,
        "phase": question.phase,
        "dimension": question.dimension,
        "role": question.role,
    }


def _figures(values: np.ndarray) -> dict[str, Any]:
    n = len(values)
    if n == 0:
        return {"n": 0, **dict.fromkeys(("mean", "sd", "median", "min", "max"), np.nan)}
    return {
        "n": n,
        "mean": float(values.mean()),
        "sd": float(values.std(ddof=1)) if n > 1 else np.nan,
        "median": float(np.median(values)),
        "min": float(values.min()),
        "max": float(values.max()),
    }


def _samples(question: Question, level: str) -> dict[str, float]:
    samples = question.samples.get(level, np.empty(0))
    known = bool(len(samples)) and bool(np.isfinite(samples).all())
    return {
        "samples_min": float(samples.min()) if known else np.nan,
        "samples_median": float(np.median(samples)) if known else np.nan,
    }


def _pair(pair: Pair, judgement: Judgement) -> dict[str, Any]:
    c, margin = pair.contrast, pair.question.margin
    return {
        **_question(pair.question),
        "level": pair.level,
        "reference": pair.reference,
        "verdict": pair.verdict.value,
        "reason": pair.reason,
        "n": len(pair.x),
        "n_reference": len(pair.y),
        "mean": c.mean_x,
        "mean_reference": c.mean_y,
        "difference": c.difference,
        "low": c.low,
        "high": c.high,
        "ratio": c.ratio,
        "ratio_low": c.ratio_low,
        "ratio_high": c.ratio_high,
        "standard_error": c.error,
        "df": c.freedom,
        "p": c.p,
        "p_pairs": c.p_pairs,
        "p_corrected": pair.p_corrected,
        "p_careful_corrected": pair.p_careful_corrected,
        "cliffs_delta": pair.delta,
        "delta_low": pair.delta_low,
        "delta_high": pair.delta_high,
        "p_rank": pair.p_rank,
        "p_rank_pairs": pair.p_rank_pairs,
        "p_rank_corrected": pair.p_rank_corrected,
        "p_smallest": pair.p_smallest,
        "margin": margin.text if margin else None,
        "p_equivalence": pair.p_equivalence,
        "p_equivalence_corrected": pair.p_equivalence_corrected,
        "p_rank_equivalence": pair.p_rank_equivalence,
        "p_exceeds": pair.p_exceeds,
        "p_exceeds_corrected": pair.p_exceeds_corrected,
        "exceeds_margin": pair.exceeds,
        "family": judgement.family.name,
        "quantile": np.nan if pair.question.quantile is None else pair.question.quantile,
        "hosts": ", ".join(pair.question.hosts),
    }
