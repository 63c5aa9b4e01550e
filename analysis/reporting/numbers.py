"""Frames of numbers as tables for readers."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from analysis.charting.labels import quantity_name
from analysis.quantities import DURATION
from analysis.reporting.tables import Cell, Column, Row, Table, key
from analysis.reporting.words import between, decimals, number
from analysis.timeline import phase_order
from analysis.values import ALL_HOSTS
from analysis.variation.layers import SHARES
from minion.selection import natural


def statistics_table(
    table: pd.DataFrame,
    *,
    identity: str,
    caption: str,
    colours: Mapping[str, str],
    digits: int,
    dimensions: Mapping[str, str] | None = None,
) -> Table:
    """What `analysis.intervals.intervals` gave, a row for each of its rows.

    Args:
        table: phase, platform, dimension where it has it, n, mean, low, high, median, sd, min, max.
        identity, caption: of the table.
        colours: of the platforms.
        digits: decimals of every number.
        dimensions: what they are called, where the table has them.
    """
    names = ["mean", "low", "high", "median", "sd", "min", "max"]
    values = table[names].to_numpy(dtype=np.float64)
    order = {str(name): place for place, name in enumerate(table["phase"].cat.categories)}
    of = table["dimension"].astype("str").tolist() if dimensions else []
    rows = []
    for place, (phase, platform, n) in enumerate(
        zip(table["phase"].astype("str"), table["platform"].astype("str"), table["n"], strict=True)
    ):
        mean, low, high, *others = values[place].tolist()
        cells = (
            Cell(phase, float(order[phase]), exact=(phase,)),
            *([Cell(dimensions[of[place]])] if dimensions else []),
            Cell(platform, platform, colour=colours.get(platform, "")),
            Cell(str(n), float(n)),
            Cell(number(mean, digits), key(mean)),
            Cell(between(low, high, digits), key(low), exact=(key(low), key(high))),
            *(Cell(number(value, digits), key(value)) for value in others),
        )
        rows.append(Row(cells, (platform,), phase))
    columns = [
        Column("Phase"),
        *([Column("Quantity")] if dimensions else []),
        Column("Platform"),
        Column("Runs", number=True),
        Column("Mean", number=True),
        Column("95 % interval of the mean", number=True, parts=("low", "high")),
        *(Column(name, number=True) for name in ("Median", "SD", "Least", "Largest")),
    ]
    return Table(identity, caption, columns, rows)


def share_table(components: pd.DataFrame, metric: str, identity: str, caption: str) -> Table:
    """The shares of the variance, a row per phase and role.

    Args:
        components: as `analysis.variation.variances.variance` gives it, of a metric.
        metric: its name.
        identity, caption: of the table.
    """
    several = "dimension" in components
    of_runs = metric == DURATION
    known = [name for name in SHARES if np.isfinite(components[name]).any()]
    order = {p: float(n) for n, p in enumerate(phase_order(components["phase"].astype("str")))}
    rows = []
    for row in components.to_dict("records"):
        phase, role = str(row["phase"]), str(row["role"])
        cells = (
            Cell(phase, order[phase], exact=(phase,)),
            *([Cell(quantity_name(metric, str(row["dimension"])))] if several else []),
            *([] if of_runs else [Cell("all hosts" if role == ALL_HOSTS else role, role)]),
            *(Cell(number(row[name], 1), key(row[name])) for name in known),
        )
        rows.append(Row(cells, phase=phase))
    columns = [
        Column("Phase"),
        *([Column("Quantity")] if several else []),
        *([] if of_runs else [Column("Hosts")]),
        *(
            Column(f"{name.removesuffix('_share').replace('_', ' ')}, %", number=True)
            for name in known
        ),
    ]
    return Table(identity, caption, columns, rows)


def run_table(values: pd.DataFrame, identity: str, colours: Mapping[str, str]) -> Table:
    """What each run took and used as a whole, a row per run.

    Args:
        values: metric, dimension, unit, platform, sim_id, value.
        identity: of the table.
        colours: of the platforms.
    """
    keys = ["metric", "dimension", "unit"]
    quantities = [tuple(map(str, names)) for names in values[keys].drop_duplicates().to_numpy()]
    digits = {
        tuple(map(str, names)): decimals(part["value"])
        for names, part in values.groupby(keys, sort=False)
    }
    of: dict[str, dict[tuple[str, ...], float]] = {}
    platform = {}
    for row in values.to_dict("records"):
        run = str(row["sim_id"])
        platform[run] = str(row["platform"])
        of.setdefault(run, {})[tuple(str(row[name]) for name in keys)] = float(row["value"])
    rows = []
    for run in sorted(of, key=natural):
        numbers = [(of[run].get(q, float("nan")), digits[q]) for q in quantities]
        cells = (
            Cell(run, run),
            Cell(platform[run], platform[run], colour=colours.get(platform[run], "")),
            *(Cell(number(value, places), key(value)) for value, places in numbers),
        )
        rows.append(Row(cells, (platform[run],)))
    columns = [Column("Simulation"), Column("Platform")]
    columns += [
        Column(f"{quantity_name(metric, dimension)}, {unit}", number=True)
        for metric, dimension, unit in quantities
    ]
    return Table(identity, "The whole run of each run", columns, rows)
