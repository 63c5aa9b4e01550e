"""A plan in words: what it asks for, and what it rests on."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from analysis.statistics.multiplicity import Family
from analysis.statistics.power import MOST_RUNS
from analysis.variation.aims import CAREFUL, Aim
from minion.selection import natural


def sentences(table: pd.DataFrame, aim: Aim, metric: str) -> Iterator[str]:
    """The largest demand of each thing that is wanted, or what the runs can find.

    Args:
        table: of a `Plan`.
        aim: what is wanted.
        metric: its name.
    """
    if not aim.wanted:
        yield _detected(table, aim, metric)
    for name, margin in aim.wanted.items():
        rows = table[(table["wanted"] == name).to_numpy() & table["runs"].notna().to_numpy()]
        purpose = _purpose(name, margin.text, aim.power)
        if rows.empty:
            yield f"How many runs are needed {purpose} cannot be said; see the notes."
            continue
        careful = rows["careful_runs"].to_numpy(dtype=np.float64)
        most = rows.iloc[int(np.argmax(np.nan_to_num(careful, nan=np.inf)))]
        there = rows[["runs_baseline", "runs_platform"]].min(axis=1).to_numpy()
        limit = most["careful_runs"]
        upper = f" ({limit:,.0f} to be careful)" if np.isfinite(limit) else ""
        yield (
            f"{purpose[0].upper()}{purpose[1:]}, {most['runs']:,.0f} runs of each platform{upper}"
            f" are needed where it takes the most: {_place(most)}, {most['platform']} and"
            f" {most['baseline']}. The {int(there.min()):,} that there are suffice, carefully, in"
            f" {int((careful <= there).sum())} of {len(rows)} comparisons."
        )


def _purpose(name: str, text: str, power: float) -> str:
    if name == "width":
        return f"for intervals of the difference of at most {text} to each side"
    if name == "difference":
        return f"to find a difference of {text} with a power of {power:.0%}"
    return f"to show equivalence within {text} with a power of {power:.0%}"


def _detected(table: pd.DataFrame, aim: Aim, metric: str) -> str:
    rows = table[table["detectable_share"].notna().to_numpy()]
    if rows.empty:
        return f"What the runs can find in {metric} cannot be said; see the notes."
    ordered = rows.sort_values("detectable_share", kind="stable")
    least, most = ordered.iloc[0], ordered.iloc[-1]
    text = (
        f"With the runs there are, a difference of {metric} is found with a power of"
        f" {aim.power:.0%} when it is {least['detectable_share']:.2g} % of the baseline's mean"
        f" ({_place(least)}, {least['platform']} and {least['baseline']})"
    )
    if len(rows) == 1:
        return f"{text}."
    return (
        f"{text} to {most['detectable_share']:.2g} % ({_place(most)}, {most['platform']} and"
        f" {most['baseline']}) or more; the median is {rows['detectable_share'].median():.2g} %."
    )


def _together(aim: Aim, family: Family, *, given: bool) -> str:
    """Which tests hold together, and at what level each."""
    level = f"a level of {aim.alpha:.2g}" + (" each (Bonferroni)" if aim.tests > 1 else "")
    if not given:
        return (
            f"Planned is what `compare` of these runs would do: {family.name}, {_tests(aim.tests)},"
            f" {level}. Where more shall hold together, such as other metrics, say how many with"
            " --tests."
        )
    text = f"Planned as asked for: {_tests(aim.tests)}, {level}"
    if family.size <= aim.tests:
        return f"{text}."
    return (
        f"{text}. `compare` of these runs holds {family.size} together ({family.name}) and finds"
        " less than this."
    )


def _tests(number: int) -> str:
    return "1 test" if number == 1 else f"{number} tests that hold together"


def notes(table: pd.DataFrame, aim: Aim, family: Family, *, given: bool) -> Iterator[str]:
    """What the plan rests on.

    Args:
        table: of a `Plan`.
        aim: what is wanted.
        family: the tests that `compare` holds together.
        given: whether the number of tests was asked for.
    """
    yield _together(aim, family, given=given)
    yield (
        "A deviation of few runs is itself uncertain: careful figures take the limit that it is"
        f" below with {CAREFUL:.0%} confidence."
    )
    if any(margin.relative for margin in aim.wanted.values()):
        yield (
            "Per cent are of the baseline's mean in the phase, taken as known; `amount` is in the"
            " metric's unit."
        )
    if "width" in aim.wanted:
        yield "About half of all intervals come out wider than planned."
    if aim.wanted:
        yield "Hours are for all runs needed of both platforms, at the median time of a run."
    few = (table[["runs_baseline", "runs_platform"]].min(axis=1) < 2).to_numpy()
    if few.any():
        names = {
            str(row[side])
            for _, row in table[few].iterrows()
            for side in ("baseline", "platform")
            if row[f"runs_{side}"] < 2
        }
        yield (
            f"Fewer than two runs of {', '.join(sorted(names, key=natural))}: no deviation, so no"
            " plan there; measure two or more, and plan again."
        )
    equal = (table[["sd_baseline", "sd_platform"]].max(axis=1) == 0).to_numpy() & ~few
    if equal.any():
        places = ", ".join(dict.fromkeys(_place(row) for _, row in table[equal].iterrows()))
        yield (
            f"Neither platform varies between runs in {places}: `compare` has no test there, so"
            " there is no plan."
        )
    if not aim.wanted:
        return
    amount = table["amount"].to_numpy(dtype=np.float64)
    if (np.isnan(amount) & ~few).any():
        yield f"{aim.wanted['margin'].without_meaning(aim.unit)}."
    if (amount == 0).any():
        yield "Where the baseline's mean is 0, per cent of it are 0 too; give an amount in a unit."
    if (table["careful_runs"].isna().to_numpy() & ~few & ~equal & (amount > 0)).any():
        yield f"No figure stands where more than {MOST_RUNS:,} runs would be needed."


def _place(row: "pd.Series[float]") -> str:
    return f"{row['phase']} ({row['dimension']})" if "dimension" in row else str(row["phase"])
