"""What a unit of load costs, and how much more with one platform than with another."""

import pandas as pd

from analysis.saturating.ramps import RUN
from minion.errors import InvalidData, NotFound

_OVERHEAD = ["experiment", "response", "unit", "platform", "baseline"]


def per_load(ramps: pd.DataFrame) -> pd.DataFrame:
    """What each level of load costs, in all and per unit of it.

    Args:
        ramps: as `ramps` gives them, say memory (response) against running containers (load).

    Returns:
        A row per run, response and level of load: experiment, platform, sim_id, response, unit,
        load, n (points at that load), value (their mean), per_load (value / load; NaN at load 0),
        extra_per_load: (value - value at the run's lowest load) / (load - that load), NaN there.
        The first says how much there is for each, the second what each adds to what stood
        before any.
    """
    keys = [*RUN, "response", "unit"]
    table = (
        ramps.groupby([*keys, "load"], observed=True)["value"]
        .agg(n="count", value="mean")
        .reset_index()
    )
    table = table[table["n"].to_numpy() > 0].sort_values([*keys, "load"], ignore_index=True)
    first = table.groupby(keys, observed=True)[["load", "value"]].transform("first")
    load = table["load"].where(table["load"] != 0)
    more = table["load"] - first["load"]
    return table.assign(
        per_load=table["value"] / load,
        extra_per_load=(table["value"] - first["value"]) / more.where(more != 0),
    )


def overhead(
    ramps: pd.DataFrame, *, baseline: str, up_to: float | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """How much more a platform's response is than the baseline's at the same load.

    The points of a run at one load are one mean, its platform's value is the mean of its runs, and
    only loads that both platforms have are looked at. Nothing is interpolated.

    Args:
        ramps: as `ramps` gives them.
        baseline: the platform that others are held against.
        up_to: the highest load that is looked at: beyond saturation both are at their limit, and
            differ by less than they cost.

    Returns:
        By load: experiment, response, unit, platform, baseline, load, value, base (the baseline's
        value), difference, ratio. In all: the same without load, over the mean of these loads,
        with loads (how many), lowest, highest, runs, base_runs, and caveat: what the number of
        runs lets nobody say; empty where each platform has several.

    Raises:
        NotFound: no point is of the baseline, or no other platform has a load in common with it.
        InvalidData: `up_to` is not a number.
    """
    if up_to is not None:
        if up_to != up_to:  # noqa: PLR0124  NaN
            raise InvalidData("up_to is not a number; leave it out to look at every load")
        ramps = ramps[ramps["load"].to_numpy() <= up_to]
    names = list(dict.fromkeys(ramps["platform"].astype(str)))
    if baseline not in names:
        raise NotFound(f"no ramp of baseline {baseline}; there are: {', '.join(names) or 'none'}")
    runs = per_load(ramps)
    keys = ["experiment", "response", "unit", "load"]
    runs = runs.astype(dict.fromkeys(["platform", *keys[:3]], "object"))
    means = runs.groupby(["platform", *keys])["value"].mean().reset_index()
    count = runs.groupby(["platform", *keys[:3]])["sim_id"].nunique()
    own = means["platform"] == baseline
    base = means[own.to_numpy()].drop(columns="platform").rename(columns={"value": "base"})
    table = means[~own.to_numpy()].merge(base, on=keys).assign(baseline=baseline)
    if table.empty:
        raise NotFound(f"no other platform has a load in common with {baseline}")
    table = _compared(table)
    grouped = table.groupby(_OVERHEAD, sort=False)
    whole = grouped.agg(
        loads=("load", "size"),
        lowest=("load", "min"),
        highest=("load", "max"),
        value=("value", "mean"),
        base=("base", "mean"),
    ).reset_index()
    whole = _compared(whole)
    for column, of in (("runs", "platform"), ("base_runs", "baseline")):
        places = pd.MultiIndex.from_frame(whole[[of, *_OVERHEAD[:3]]])
        whole[column] = count.reindex(places).to_numpy()
    whole["caveat"] = [
        _caveat(platform, runs, baseline, base_runs)
        for platform, runs, base_runs in zip(
            whole["platform"].astype(str),
            whole["runs"].tolist(),
            whole["base_runs"].tolist(),
            strict=True,
        )
    ]
    return table[[*_OVERHEAD, "load", "value", "base", "difference", "ratio"]], whole


def _compared(table: pd.DataFrame) -> pd.DataFrame:
    base = table["base"].where(table["base"] != 0)
    return table.assign(difference=table["value"] - table["base"], ratio=table["value"] / base)


def _caveat(platform: str, runs: int, baseline: str, base_runs: int) -> str:
    few = [
        f"{name} {count}" for name, count in ((platform, runs), (baseline, base_runs)) if count < 2
    ]
    if not few:
        return ""
    return (
        f"one run cannot tell its platform from its day ({', '.join(few)}): this is the difference"
        " of these runs; repeat both before it is called the platform's"
    )
