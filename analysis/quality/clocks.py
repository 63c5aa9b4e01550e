"""Hosts whose samples have the times of a clock that is wrong."""

import math
from collections.abc import Iterator

from analysis.quality.findings import Finding, Runs, Severity, key_of
from analysis.quality.sampling import Grids

MOST_STEPS = 3  # of its fastest series, that a host's times may be off


def wrong_clocks(runs: Runs, found: Grids) -> Iterator[Finding]:
    """Hosts whose times are off by more than 3 of their sampling steps.

    What was measured before a phase began, or behind its end, then counts as of the phase. What a
    collector subtracted is off no more.
    """
    steps: dict[tuple[str, str, str], float] = {}
    for one in found.series:
        place = (*key_of(one.simulation), one.hostname)
        if one.step_s > 0:
            steps[place] = min(one.step_s, steps.get(place, math.inf))
    for simulation in runs.simulations:
        key = key_of(simulation)
        for host in runs.measured(simulation):
            ahead, step = host.times_ahead_s, steps.get((*key, host.hostname))
            # Without a series nothing says what would be much.
            if abs(ahead) <= MOST_STEPS * (step or 0.0):
                continue
            side, measured = ("ahead", "before") if ahead > 0 else ("behind", "after")
            yield Finding(
                run=key,
                hostname=host.hostname,
                kind="clock",
                severity=Severity.DOUBTFUL,
                what=f"the samples of host {host.hostname} were measured {abs(ahead):,.1f} s"
                f" {measured} the times that they have: its clock was {side}, and not corrected",
            )
