"""What a program may say of a run by itself.

It excludes only a run that did not end, or one where a measured host has no samples at all; what
else is odd makes a run doubtful, which stays in every selection and is named in every report.
"""

from collections.abc import Collection

from minion.lifecycle import read_timeline
from minion.model import Simulation, Validity, Verdict, now

PROGRAM = "minion"


def verdict_of(
    simulation: Simulation,
    hosts_with_samples: Collection[str],
    *,
    doubts: Collection[str] = (),
) -> Validity:
    """The verdict of a program on one run.

    Args:
        simulation: the run, with its events.
        hosts_with_samples: names of the hosts that have any sample.
        doubts: what else was found, a sentence each.

    Returns:
        `excluded` with the reasons, else `doubtful` with the doubts and what the events leave
        open, else `unchecked`: a program does not call a run valid.
    """
    ended = simulation.end is not None or simulation.measurements_only
    reasons = [] if ended else ["it did not end: no STOP_SIMULATION"]
    reasons += [
        f"no samples of host {host.hostname}"
        for host in simulation.measured_hosts
        if host.hostname not in hosts_with_samples
    ]
    timeline = read_timeline(simulation)
    open_questions = [*doubts, *(timeline.problems if timeline else ())]
    if reasons:
        return Validity(verdict=Verdict.EXCLUDED, reasons=tuple(reasons), by=PROGRAM, at=now())
    if open_questions:
        doubtful = tuple(open_questions)
        return Validity(verdict=Verdict.DOUBTFUL, reasons=doubtful, by=PROGRAM, at=now())
    return Validity()


def renewed(old: Validity, new: Validity) -> Validity:
    """The verdict of a run that is judged again: a person's stays, a program's gives way.

    One that says the same as before stays as it was, with its time.
    """
    by_person = old.verdict is not Verdict.UNCHECKED and old.by != PROGRAM
    same = (old.verdict, old.reasons) == (new.verdict, new.reasons)
    return old if by_person or same else new
