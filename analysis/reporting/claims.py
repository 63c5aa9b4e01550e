"""What a comparison supports, told: the sentences that say the most, and all of them as tables."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis import quantities
from analysis.charting.labels import quantity_name
from analysis.comparing.comparison import Comparison, compare_of
from analysis.comparing.judgement import Decision
from analysis.comparing.sentences import decimals, difference_unit, estimate, rounded
from analysis.quantities import DURATION
from analysis.reporting.parameters import design_of
from analysis.reporting.parts import Sentence
from analysis.reporting.tables import Cell, Column, Row, Table, key
from analysis.reporting.words import counted, probability
from analysis.values import ALL_HOSTS
from minion.errors import InvalidData, NotComparable, NotFound
from minion.lifecycle import TOTAL
from minion.model import Simulation
from minion.selection import Choice, Texts
from minion.store import Store

MOST_TOLD = 3  # pairs of one quantity among the first sentences
Quantity = tuple[str, str]  # metric, dimension


@dataclass(frozen=True, slots=True)
class Claim:
    """One sentence of a comparison, and the pair that it is about."""

    text: str
    verdict: Decision
    quantity: Quantity
    phase: str
    level: str
    reference: str
    size: float

    def sentence(self, figures: Mapping[Quantity, str]) -> Sentence:
        """It, linked to the figure of its quantity."""
        return Sentence(
            self.text,
            self.verdict.value,
            (self.level, self.reference),
            self.phase,
            figures.get(self.quantity, ""),
        )


def compared(
    store: Store,
    values: Sequence[quantities.Quantity],
    simulations: Sequence[Simulation],
    *,
    baseline: str | None,
    margin: str | None,
    allow: Texts,
    choice: Choice,
) -> Comparison | str:
    """The comparison of the platforms of one experiment, all quantities one family.

    Where nothing can be compared: why not, in one sentence.

    Args:
        store: where the runs are.
        values: those of the runs that were read already.
        simulations: the runs.
        baseline, margin, allow, choice: as of `compare`.
    """
    platforms = list(dict.fromkeys(s.platform for s in simulations))
    if len(platforms) < 2:
        runs = counted(len(simulations), "run")
        alone = f"Nothing is compared: only {platforms[0]} is there, with {runs}."
        design = design_of(simulations)
        if design is None:
            return alone
        return (
            f"{alone} They differ in {design.by}: `minion compare NAME --factor {design.by}`"
            " compares its levels, NAME being a metric or a measurement."
        )
    if baseline is not None and baseline not in platforms:
        return f"Nothing is compared: no run is of {baseline}, which others should be held against."
    if not values:
        return "Nothing is compared: no run has a duration or a sample."
    try:
        return compare_of(
            store, values, simulations, baseline=baseline, margin=margin, allow=allow, **choice
        )
    except (InvalidData, NotComparable, NotFound) as error:
        return f"Nothing is compared: {str(error).rstrip('.')}."


def claims_of(comparison: Comparison) -> list[Claim]:
    """Every sentence, of all hosts together."""
    pairs = comparison.pairs
    whole = pairs[(pairs["role"].astype("str") == ALL_HOSTS).to_numpy()]
    return [
        Claim(
            text=text,
            verdict=Decision(str(row["verdict"])),
            quantity=(str(row["metric"]), str(row["dimension"])),
            phase=str(row["phase"]),
            level=str(row["level"]),
            reference=str(row["reference"]),
            size=_size(row),
        )
        for text, row in zip(comparison.sentences, whole.to_dict("records"), strict=True)
    ]


def telling(claims: Sequence[Claim]) -> list[Claim]:
    """The sentences that say the most: of the whole run's duration, and the largest effect of each.

    An effect is the larger the further its ratio is from 1; one without a ratio comes after all
    that have one. Where nothing is different, the largest effects on the whole run stand for it.
    """
    total = [c for c in claims if c.quantity[0] == DURATION and c.phase == TOTAL.name]
    told = sorted(total, key=lambda c: -c.size)[:MOST_TOLD]
    for quantity in dict.fromkeys(c.quantity for c in claims):
        found = [c for c in claims if c.quantity == quantity and c.verdict is Decision.DIFFERENT]
        largest = max(found, key=lambda c: c.size, default=None)
        if largest is not None and largest not in told:
            told.append(largest)
    if not any(c.verdict is Decision.DIFFERENT for c in claims):
        others = [c for c in claims if c.phase == TOTAL.name and c not in told]
        told += sorted(others, key=lambda c: -c.size)[:MOST_TOLD]
    return told


def rest_of(claims: Sequence[Claim]) -> str:
    """What is equivalent or undecided, in one line."""
    parts = []
    for decision in (Decision.EQUIVALENT, Decision.UNDECIDED):
        counts = Counter(c.quantity for c in claims if c.verdict is decision)
        all_of = Counter(c.quantity for c in claims)
        some = [
            f"{n} of {all_of[quantity]} of {quantity_name(*quantity)}"
            for quantity, n in counts.items()
        ]
        if some:
            parts.append(f"{decision.value.capitalize()}: {'; '.join(some)}.")
    return " ".join(parts)


def pairs_of(comparison: Comparison, metric: str, dimension: str) -> pd.DataFrame:
    """The pairs of one quantity, of all hosts and of each role."""
    pairs = comparison.pairs
    own = (pairs["metric"].astype("str") == metric) & (
        pairs["dimension"].astype("str") == dimension
    )
    return pairs[own.to_numpy()]


def verdict_table(
    pairs: pd.DataFrame,
    *,
    identity: str,
    caption: str,
    figure: str,
    by_role: bool = False,
    several: bool = False,
) -> Table:
    """A row for each pair.

    Args:
        pairs: rows of `Comparison.pairs`.
        identity, caption, figure: of the table, and of the figure that shows it.
        by_role: they are of single roles, a family of their own, which the caption names.
        several: they are of several quantities, which have a column then, and of one phase.
    """
    if by_role:
        caption += f", a family of its own ({pairs['family'].iloc[0]})"
    unit = "" if several else difference_unit(str(pairs["unit"].iloc[0])).strip()
    with_margin = bool(pairs["margin"].notna().any())
    order = {phase: float(place) for place, phase in enumerate(dict.fromkeys(pairs["phase"]))}
    rows = []
    for row in pairs.to_dict("records"):
        phase = str(row["phase"])
        first = Cell(phase, order[phase], exact=(phase,))
        if several:
            name = quantity_name(str(row["metric"]), str(row["dimension"]))
            first = Cell(name, name, note=difference_unit(str(row["unit"])).strip())
        between = [Cell(str(row["role"]), str(row["role"]))] if by_role else []
        rows.append(_row(row, [first, *between], with_margin=with_margin))
    columns = [
        Column("Quantity" if several else "Phase"),
        *([Column("Hosts")] if by_role else []),
        Column("Pair", parts=("level", "reference")),
        Column("Verdict"),
        Column(f"Difference, {unit}" if unit else "Difference", number=True),
        Column("Interval", number=True, parts=("low", "high")),
        Column("Ratio", number=True),
        Column("p", number=True),
        Column("p by ranks", number=True),
        *([Column("p within the margin", number=True)] if with_margin else []),
        Column("Cliff's delta", number=True),
        Column("Runs", number=True, parts=("level", "reference")),
    ]
    return Table(identity, caption, columns, rows, figure=figure)


def count_table(claims: Sequence[Claim], identity: str) -> Table:
    """How the verdicts of each quantity divide."""
    decisions = [d for d in Decision if any(c.verdict is d for c in claims)]
    rows = []
    for quantity in dict.fromkeys(c.quantity for c in claims):
        own = Counter(c.verdict for c in claims if c.quantity == quantity)
        cells = [Cell(quantity_name(*quantity), quantity_name(*quantity))]
        cells += [Cell(str(own[d]), float(own[d])) for d in decisions]
        rows.append(Row(tuple(cells)))
    columns = [Column("Quantity"), *(Column(d.value.capitalize(), number=True) for d in decisions)]
    return Table(identity, "Verdicts of each quantity", columns, rows)


# ---------------------------------------------------------------- inside


def _row(row: Mapping[Any, Any], first: Sequence[Cell], *, with_margin: bool) -> Row:
    width = row["high"] - row["low"]
    digits = decimals(width if math.isfinite(width) else abs(row["difference"]) / 10)
    low, high = (_number(row[end], digits) for end in ("low", "high"))
    level, reference = str(row["level"]), str(row["reference"])
    runs = (int(row["n"]), int(row["n_reference"]))
    cells = (
        *first,
        Cell(f"{level}\u00a0−\u00a0{reference}", f"{level} {reference}", exact=(level, reference)),
        Cell(str(row["verdict"]), str(row["verdict"]), note=_short(str(row["reason"]))),
        Cell(estimate(row["difference"], width), key(row["difference"])),
        Cell(
            "–" if "–" in (low, high) else f"{low} to {high}",
            key(row["low"]),
            exact=(key(row["low"]), key(row["high"])),
        ),
        Cell(_number(row["ratio"], 3), key(row["ratio"])),
        _p(row["p_corrected"]),
        _p(row["p_rank_corrected"]),
        *([_p(row["p_equivalence_corrected"])] if with_margin else []),
        Cell(_number(row["cliffs_delta"], 2), key(row["cliffs_delta"])),
        Cell(
            str(runs[0]) if runs[0] == runs[1] else f"{runs[0]} and {runs[1]}",
            float(min(runs)),
            exact=(float(runs[0]), float(runs[1])),
        ),
    )
    return Row(cells, (level, reference), str(row["phase"]))


def _short(reason: str) -> str:
    return "" if reason == "the difference could be noise" else reason


def _number(value: float, digits: int) -> str:
    return rounded(value, digits).replace("-", "−") if math.isfinite(value) else "–"


def _p(value: float) -> Cell:
    return Cell(probability(value) if math.isfinite(value) else "–", key(value))


def _size(row: Mapping[Any, Any]) -> float:
    ratio = row["ratio"]
    if math.isfinite(ratio) and ratio > 0:
        return abs(math.log(ratio))
    return -1.0 / (1.0 + abs(row["difference"])) if math.isfinite(row["difference"]) else -math.inf
