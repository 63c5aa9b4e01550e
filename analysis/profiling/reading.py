"""Profiles out of a store, as tidy frames.

A profile of a kind (`time`, `samples`, `alloc_space`, …) is stored as series of the contexts
`profile.KIND.self`, `.total`, `.calls` and `.stacks`: one chart for each process, called
CONTEXT/PROCESS, one row, and the functions or stacks as dimensions.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Unpack

import pandas as pd

from minion.errors import InvalidData, NotFound
from minion.model import Simulation
from minion.selection import Choice, Selection
from minion.store import Store

TIME = "time"
SEPARATOR = ";"
RUN = ["experiment", "platform", "sim_id"]
PREFIX = "profile."


def kinds(store: Store, simulations: Sequence[Simulation], part: str = "self") -> list[str]:
    """The kinds of profiles that any of these runs has, such as `time` or `alloc_space`.

    Args:
        store: where they are.
        simulations: the runs.
        part: of a profile: self, total, calls or stacks.
    """
    ending = f".{part}"
    found = [c for c in store.contexts(simulations) if c.startswith(PREFIX) and c.endswith(ending)]
    return [context.removeprefix(PREFIX).removesuffix(ending) for context in found]


def functions(store: Store, kind: str = TIME, **choice: Unpack[Choice]) -> pd.DataFrame:
    """What each function cost, a row for each run, process and function.

    Args:
        store: where the profiles are.
        kind: what was counted: `time`, `samples`, `alloc_space`, …
        choice: experiment, platform, sims, hosts, phase, include_excluded; see `Selection.of`.

    Returns:
        experiment, platform, sim_id, process, function (categoricals), calls (NaN where they were
        not counted), and in the unit of the kind self_UNIT and total_UNIT: `self_ms` and
        `total_ms` of `time`. The largest own cost of a run comes first.

    Raises:
        NotFound: no run of the selection has such a profile; the message lists the kinds.
    """
    parts = ("self", "total", "calls")
    samples = store.samples(contexts=[f"{PREFIX}{kind}.{part}" for part in parts], **choice)
    if samples.empty:
        raise _no_profile(store, kind, **choice)
    unit = _only_unit(samples[samples["context"] == f"{PREFIX}{kind}.self"], kind)
    keys = [*RUN, "process", "function"]
    table = (
        _named(samples, "function")
        .assign(part=samples["context"].astype(str).str.rsplit(".", n=1).str[1])
        .pivot_table(index=keys, columns="part", values="value", aggfunc="sum", observed=True)
        .reindex(columns=["calls", "self", "total"])
        .reset_index()
        .rename(columns={"self": f"self_{unit}", "total": f"total_{unit}"})
    )
    table.columns.name = None
    order = [*RUN, f"self_{unit}", f"total_{unit}"]
    sorted_ = table.sort_values(order, ascending=[True] * 3 + [False] * 2, kind="stable")
    return sorted_.reset_index(drop=True)


def stacks(store: Store, kind: str = TIME, **choice: Unpack[Choice]) -> pd.DataFrame:
    """What each stack of functions cost, a row for each run, process and stack.

    Args:
        store, kind, choice: as of `functions`.

    Returns:
        experiment, platform, sim_id, process, stack (categoricals; `a;b;c`, the outermost first),
        value (what the last function cost itself when it was called like that), unit.

    Raises:
        NotFound: no run of the selection has stacks of that kind (a table of top functions has
            none); the message lists the kinds.
    """
    samples = store.samples(contexts=f"{PREFIX}{kind}.stacks", **choice)
    if samples.empty:
        raise _no_profile(store, kind, **choice)
    frame = _named(samples, "stack")
    return frame[[*RUN, "process", "stack", "value", "unit"]].reset_index(drop=True)


def folded(frame: pd.DataFrame) -> Iterator[str]:
    """The lines of folded stacks (`process;a;b;c VALUE`), as flame graph programs read them.

    Milliseconds become whole microseconds; what rounds to nothing, or is below zero, has no line.

    Args:
        frame: as `stacks` gives it; the runs are added up.

    Raises:
        InvalidData: the stacks are in several units.
    """
    scale = 1000.0 if one_unit(frame) == "ms" else 1.0
    summed = frame.groupby(["process", "stack"], observed=True, sort=False)["value"].sum()
    for process, stack, value in summed.reset_index().itertuples(index=False, name=None):
        whole = round(value * scale)
        if whole > 0:
            yield f"{str(process).replace(SEPARATOR, ':')}{SEPARATOR}{stack} {whole}"


def cost_column(frame: pd.DataFrame) -> str:
    """The column of own costs of a frame of `functions`: `self_ms`, `self_bytes` and such.

    Raises:
        InvalidData: it has none.
    """
    for column in frame:
        if str(column).startswith("self_"):
            return str(column)
    there = ", ".join(map(str, frame.columns))
    raise InvalidData(f"the frame is no function profile; it has: {there}")


def one_unit(frame: pd.DataFrame) -> str:
    """The only unit of a frame of stacks.

    Raises:
        InvalidData: it has several, or no rows.
    """
    units = [str(unit) for unit in frame["unit"].unique()]
    if len(units) != 1:
        raise InvalidData(f"stacks in {', '.join(units) or 'no unit'}; take those of one kind")
    return units[0]


def _only_unit(samples: pd.DataFrame, kind: str) -> str:
    units = [str(unit) for unit in samples["unit"].unique()]
    if len(units) != 1:
        raise InvalidData(f"profiles of {kind} in several units: {', '.join(units)}; choose runs")
    return units[0]


def _named(samples: pd.DataFrame, dimension: str) -> pd.DataFrame:
    """The samples with their process and their dimension under its own name."""
    charts = samples["chart"].cat.remove_unused_categories()
    processes = [str(chart).partition("/")[2] for chart in charts.cat.categories]
    named = samples.rename(columns={"dimension": dimension})
    named["process"] = pd.Categorical([processes[code] for code in charts.cat.codes])
    for column in (*RUN, dimension):
        named[column] = named[column].cat.remove_unused_categories()
    return named


def _no_profile(store: Store, kind: str, **choice: Unpack[Choice]) -> NotFound:
    runs = store.simulations(Selection.of(**choice))
    contexts = (context for run in runs for context in store.coverage(run)["context"])
    kinds = _kinds(map(str, contexts))
    there = f"there are: {', '.join(kinds)}" if kinds else "import one (minion ingest trace FILE)"
    return NotFound(f"no run of this selection has such a profile of {kind}; {there}")


def _kinds(contexts: Iterable[str]) -> list[str]:
    names = [c.removeprefix(PREFIX) for c in contexts if c.startswith(PREFIX)]
    return list(dict.fromkeys(name.replace(".", " (", 1) + ")" for name in names))
