"""Where the next hour of measuring buys the most: more runs, longer phases, more hosts."""

import numpy as np
import pandas as pd

from analysis.values import ALL_HOSTS
from minion.lifecycle import SEQUENCE, TOTAL

HOUR_S = 3600.0
WAYS = {"more_runs": "more runs", "longer_phase": "longer phases"}
# Phases that last as long as somebody waits; an action takes the time that it takes.
_WAITS = frozenset(phase.name for phase in SEQUENCE if not phase.action)


def next_hour(components: pd.DataFrame, durations: pd.DataFrame) -> pd.DataFrame:
    """By how much one more hour shrinks the variance of a platform's mean, by what it is spent on.

    A run's mean over H hosts in a phase of L seconds varies from run to run by

        run(L) = between_runs + (hosts_in_run + over_time) / H        over_time ~ 1 / L

    and the mean of R runs by run(L) / R. A run takes D seconds, the phase being part of them.
    With N runs of all platforms in an hour, there are more of each platform:

        more_runs      R + 3600 / sum(D of each platform)
        longer_phase   L + 3600 / N, had it been spent in the phases of these runs
        more_hosts     H + 1, which takes no hour; of one role, where it has several hosts

    The best length of the phase is that of Kalibera and Jones (Rigorous Benchmarking in Reasonable
    Time, 2013), r = sqrt(c_2 / c_1 x T_1^2 / T_2^2), with a second in the phase as
    the lower level (c_1 = 1 s, T_1^2 = over_time x L / H) and the run as the upper one
    (c_2 = D - L, T_2^2 = between_runs + hosts_in_run / H).

    It may mislead: it believes the components, which are estimates themselves, and that a longer
    phase goes on as it was.

    Args:
        components: as of `analysis.variation.variances.Variances`.
        durations: as `analysis.timeline.durations` gives them, of all phases of the same runs.

    Returns:
        experiment, phase, dimension where there is one, role, run_s (median of a run), phase_s
        (median), best_phase_s (NaN where runs differ by nothing but time, or the phase is an
        action), more_runs, longer_phase, more_hosts (per cent by which the variance shrinks), best
        (`more runs` or `longer phases`, whichever buys more in the hour; empty when unknown).
    """
    took = durations.astype({"phase": "str", "platform": "str"})
    by_platform = took.groupby(["platform", "phase"])["duration_s"].median()
    lengths = took.groupby("phase")["duration_s"].median()
    runs_s = by_platform[by_platform.index.get_level_values("phase") == TOTAL.name]
    rows = [_row(row, lengths, float(runs_s.sum())) for _, row in components.iterrows()]
    keys = [key for key in ("experiment", "phase", "dimension", "role") if key in components]
    return pd.concat([components[keys], pd.DataFrame(rows)], axis=1)


def advice_sentence(advice: pd.DataFrame) -> tuple[str, ...]:
    """What to do with the next hour, for all hosts and phases, in one sentence; none if unknown."""
    rows = advice[((advice["role"] == ALL_HOSTS) & (advice["best"] != "")).to_numpy()]
    if rows.empty:
        return ()
    runs = float(rows["more_runs"].median())
    text = (
        "One more hour spent on more runs shrinks the variance of a platform's mean by"
        f" {runs:.1f} %"
    )
    longer = rows[rows["longer_phase"].notna().to_numpy()]
    if longer.empty:
        return (f"{text}.",)
    text += f"; spent on a longer phase, by {longer['longer_phase'].median():.1f} % (median)."
    won = longer[(longer["best"] == WAYS["longer_phase"]).to_numpy()]
    if won.empty:
        return (f"{text} More runs buy more in every phase.",)
    if len(won) == len(rows):
        return (f"{text} A longer phase buys more.",)
    names = ", ".join(dict.fromkeys(won["phase"].astype(str)))
    return (f"{text} A longer phase buys more in {names}; more runs in all others.",)


def _row(row: "pd.Series[float]", lengths: "pd.Series[float]", runs_s: float) -> dict[str, object]:
    """Figures of one phase, dimension and role."""
    phase, role = str(row["phase"]), str(row["role"])
    run_s, length = (float(lengths.get(name, np.nan)) for name in (TOTAL.name, phase))
    hosts = max(1.0, row["hosts"])
    time, in_run = np.nan_to_num([row["over_time"], row["hosts_in_run"]]).tolist()
    lasting = row["between_runs"] + in_run / hosts
    now = lasting + time / hosts
    each = row["runs"] / row["platforms"]
    found = {
        "run_s": run_s,
        "phase_s": length,
        "best_phase_s": np.nan,
        "more_runs": np.nan,
        "longer_phase": np.nan,
        "more_hosts": np.nan,
    }
    if now > 0 and runs_s > 0:
        found["more_runs"] = 100 * (1 - each / (each + HOUR_S / runs_s))
    if now > 0 and time > 0 and phase in _WAITS and length > 0:
        longer = length + HOUR_S / row["runs"]
        found["longer_phase"] = 100 * time / hosts * (1 - length / longer) / now
        if lasting > 0 and run_s > length:
            per_second = time * length / hosts
            found["best_phase_s"] = float(np.sqrt((run_s - length) * per_second / lasting))
    if now > 0 and hosts > 1 and role != ALL_HOSTS:
        apart = in_run + time
        found["more_hosts"] = 100 * (apart / hosts - apart / (hosts + 1)) / now
    known = {way: float(found[way]) for way in WAYS if np.isfinite(found[way])}
    best = WAYS[max(known, key=known.__getitem__)] if known else ""
    return {**found, "best": best}
