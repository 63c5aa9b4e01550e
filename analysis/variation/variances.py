"""How much of a metric's variance lies between platforms, runs and hosts, and how much is time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Unpack

import numpy as np
import pandas as pd

from analysis.comparing.comparability import PLATFORM, levels_of
from analysis.comparing.provenance import excluded_runs, provenance
from analysis.magnitudes import check_magnitudes
from analysis.metrics import METRICS, utilization
from analysis.quantities import quantity
from analysis.statistics.components import CONFIDENCE
from analysis.timeline import durations_of
from analysis.values import ALL_HOSTS, host_values
from analysis.variation.layers import SHARES, Layers, layers, over_time
from analysis.variation.mixed import mixed_models
from analysis.variation.next_hour import advice_sentence, next_hour
from minion.console import records
from minion.errors import NotFound
from minion.lifecycle import TOTAL
from minion.model import Role
from minion.selection import Choice, Selection, Texts, natural, words
from minion.store import Store


@dataclass(frozen=True, slots=True)
class Variances:
    """Where the variance of a metric lies.

    components: experiment, phase, dimension where the metric keeps it, role (`all` for all hosts
        together), platforms, runs, hosts (how many), mean, the variances between_platforms,
        between_runs, between_hosts, hosts_in_run, over_time and their sum `total` (squares of the
        metric's unit), their shares of it in per cent (`between_platforms_share`, …), `sample`
        (variance of a sample about the mean of its run, host and phase), icc_platform,
        icc_platform_low, icc_platform_high (share of the variance between run means that lies
        between platforms), icc_run, icc_run_low, icc_run_high (of what varies from run to run of a
        platform, the share that the hosts of a run have in common; of a single host, the share that
        is not time). What cannot be told is NaN.
    advice: see `analysis.variation.next_hour.next_hour`.
    notes: what to bear in mind, a sentence each.
    sentences: the result in words, the most important first.
    model: see `analysis.variation.mixed.mixed_models`; None when it was not asked for.
    provenance: what it stands on; see `analysis.comparing.provenance.provenance`.
    """

    components: pd.DataFrame
    advice: pd.DataFrame
    notes: tuple[str, ...]
    sentences: tuple[str, ...]
    model: pd.DataFrame | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def tables(self) -> dict[str, pd.DataFrame]:
        """What people read, by title: the shares, the advice, the model if there is one."""
        keys = [key for key in ("phase", "dimension", "role") if key in self.components]
        shares = self.components[[*keys, "runs", "mean", "total", *SHARES, "icc_run"]]
        names = {share: share.removesuffix("_share") for share in SHARES}
        advice = self.advice.drop(columns="experiment")
        tables = {
            "Shares of the variance of a host's mean, in per cent": (
                shares[shares["total"].notna()].rename(columns=names)
            ),
            "What one more hour takes off the variance of a platform's mean, in per cent": (
                advice[advice["more_runs"].notna()]
            ),
        }
        if self.model is not None:
            tables["Mixed model"] = self.model.drop(columns="experiment")
        return {title: table for title, table in tables.items() if len(table)}

    def document(self) -> dict[str, Any]:
        """Everything as plain values, unrounded."""
        return {
            "sentences": list(self.sentences),
            "notes": list(self.notes),
            "components": records(self.components),
            "advice": records(self.advice),
            "model": None if self.model is None else records(self.model),
            "provenance": dict(self.provenance),
        }


def variance(
    store: Store,
    metric: str,
    *,
    roles: Texts = None,
    model: bool = False,
    confidence: float = CONFIDENCE,
    **choice: Unpack[Choice],
) -> Variances:
    """Where the variance of a metric lies, for each phase and role.

    A host's mean in a phase of a run varies for five reasons, whose variances add up:

        between_platforms   the run means of platforms differ: a one-way layout
        between_runs        what all hosts of a run have in common
        between_hosts       lasting differences between the hosts of a platform
        hosts_in_run        what a host does in one run and not in the others
        over_time           a mean is one over samples, few and dependent on each other

    The first comes from `one_way`, the next three from `crossed`, the last from `variance_of_mean`
    of batches (all in `analysis.statistics.components`); each is a mean over the platforms. Of a
    single host hosts_in_run cannot be told from between_runs, which holds both.

    It may mislead: over_time is too small where a phase has fewer than 40 samples, or samples
    remember for long; what it lacks is counted as hosts_in_run, of a single host as between_runs.
    Platforms are chosen, not drawn: with three of them icc_platform is hardly known.

    Args:
        store: where the samples are.
        metric: one of `analysis.metrics.METRICS`; or `duration`, or a measurement, which have
            platforms and runs only.
        roles: the roles that get rows of their own beside all hosts; default: all that there are.
        model: also fit the mixed model of each phase and role, which takes seconds.
        confidence: of the intervals.
        choice: experiment, platform, sims, hosts, phase, include_excluded; see `Selection.of`.

    Raises:
        NotFound: a metric, role, simulation, platform, experiment, host or phase that was named;
            or the selection holds nothing of the metric.
        InvalidData: a value that no variance can be taken of; the message names its run.
        Ambiguous: the selection holds several experiments.
    """
    selection = Selection.of(**choice)
    simulations = store.simulations_of_one_experiment(selection)
    measured = quantity(store, metric, simulations, **choice)
    means = measured.runs
    if means.values.empty:
        raise NotFound(f"nothing of {metric} in this selection; `minion check` says what it lacks")
    check_magnitudes(means.values)
    cells = time = None
    if metric in METRICS:
        frame = utilization(store, metric, **choice)
        whole = not selection.phases or TOTAL.name in selection.phases
        cells = host_values(frame, phases=selection.phases, whole_run=whole)
        check_magnitudes(cells)
        time = over_time(frame, selection.phases, whole_run=whole)
    scopes = _scopes(means.values, words(roles))
    found = layers(means.values, cells, time, scopes, confidence=confidence)
    advice = next_hour(found.table, durations_of(simulations, include_gaps=True))
    fitted, doubts = mixed_models(cells, scopes) if model else (None, ())
    return Variances(
        components=found.table,
        advice=advice,
        notes=(*_notes(found, means.left_out), *doubts),
        sentences=(*_sentences(found.table, metric), *advice_sentence(advice)),
        model=fitted,
        provenance=provenance(
            levels_of(simulations, PLATFORM)[0],
            excluded_runs(store, selection),
            [measured],
            {"metric": metric, "roles": words(roles), "model": model, "confidence": confidence}
            | {name: value for name, value in choice.items() if value},
        ),
    )


def _scopes(values: pd.DataFrame, wanted: Sequence[str]) -> tuple[str, ...]:
    """All hosts, then the roles that get rows of their own."""
    there = set(values["role"].astype(str)) - {ALL_HOSTS}
    for role in wanted:
        if role not in there:
            listed = ", ".join(name for name in Role if name in there) or "none"
            raise NotFound(f"no measured host has the role {role}; there are: {listed}")
    return (ALL_HOSTS, *(role.value for role in Role if role in (wanted or there)))


def _notes(found: Layers, left_out: pd.DataFrame) -> list[str]:
    table = found.table
    notes = []
    if len(set(table["role"])) > 1:
        notes.append(
            "The same hosts take part in every run, each in one role: differences between all hosts"
            " are those of roles and of machines at once. Read the rows of a role."
        )
    platforms = int(table["platforms"].max())
    if platforms > 1:
        notes.append(
            f"The platforms were chosen, not drawn: their share describes these {platforms}, and"
            " its interval is wide because they are few."
        )
    else:
        notes.append("One platform: nothing can be said of the variance between platforms.")
    if table["between_runs"].isna().any():
        notes.append("Where no platform has two runs, no component can be told; measure more runs.")
    if (table["total"] == 0).any():
        names = ", ".join(dict.fromkeys(table.loc[table["total"] == 0, "phase"].astype(str)))
        notes.append(f"Nothing varies in {names}.")
    if found.single:
        notes.append(
            f"One host is {' or '.join(found.single)}: what it does in one run only is counted as"
            " between_runs."
        )
    if found.short:
        notes.append(
            f"Fewer than 40 samples of a run in {', '.join(found.short)}: over_time is too small"
            " there, hosts_in_run or between_runs too large."
        )
    for phase, lacking in left_out.groupby("phase", observed=True)["sim_id"]:
        ids = ", ".join(sorted(map(str, lacking.unique()), key=natural))
        notes.append(f"In {phase} runs lack a host, and are left out: {ids}.")
    return [*notes, *found.failed]


def _sentences(table: pd.DataFrame, metric: str) -> list[str]:
    """The shares of the platforms in words: over all phases, then phase by phase."""
    every = table[(table["role"] == ALL_HOSTS).to_numpy()]
    known = every[every["icc_platform"].notna().to_numpy()]
    sentences = [_of_phase(row, metric) for _, row in known.iterrows()]
    if len(known) > 1:
        ordered = known.sort_values("icc_platform", kind="stable")
        shares = (ordered["icc_platform"] * 100).tolist()
        least, most = (_place(ordered.iloc[end]) for end in (0, -1))
        sentences.insert(
            0,
            f"Of the variance of {metric} between run means, {shares[0]:.0f} % ({least}) to"
            f" {shares[-1]:.0f} % ({most}) lies between platforms; the median is"
            f" {np.median(shares):.0f} %.",
        )
    if sentences:
        return sentences
    told = every[every["icc_run"].notna().to_numpy()]
    return [
        f"In {_place(row)}, of what a host's mean {metric} varies by from run to run,"
        f" {row['icc_run'] * 100:.0f} % is common to the hosts of a run"
        f" ({row['icc_run_low'] * 100:.0f} to {row['icc_run_high'] * 100:.0f} %)."
        for _, row in told.iterrows()
    ] or [f"The variance of {metric} cannot be taken apart with these runs."]


def _of_phase(row: "pd.Series[float]", metric: str) -> str:
    share = row["icc_platform"] * 100
    text = (
        f"In {_place(row)} {share:.0f} % of the variance of {metric} between run means lies between"
        f" platforms ({row['icc_platform_low'] * 100:.0f} to"
        f" {row['icc_platform_high'] * 100:.0f} %), {100 - share:.0f} % between runs of a platform"
    )
    # What the run means of a platform vary by: see `next_hour`.
    hosts = max(1.0, row["hosts"])
    chance = np.nan_to_num([row["hosts_in_run"], row["over_time"]]) / hosts
    runs = row["between_runs"] + chance.sum()
    if row["over_time"] > 0:
        text += f"; time within the phase makes up {chance[1] / runs * 100:.0f} % of the latter"
    return f"{text}."


def _place(row: "pd.Series[float]") -> str:
    return f"{row['phase']} ({row['dimension']})" if "dimension" in row else str(row["phase"])
