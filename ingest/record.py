"""Record one run: its events, the program that is the experiment, and every host's samples."""

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ingest.agents.agent import Agent
from ingest.collecting.advancing import versions
from ingest.collecting.configuration import read_configuration
from ingest.events import Recorder, register
from minion.errors import UsageError
from minion.model import Host, Simulation, Verdict
from minion.store import Store
from minion.validity import PROGRAM

NOT_TO_BE_STARTED = 126


@dataclass(frozen=True, slots=True)
class Recording:
    """A recorded run, and the exit status of its command."""

    simulation: Simulation
    exit_status: int


def record(
    store: Store,
    sim_id: str,
    command: Sequence[str],
    *,
    platform: str,
    hosts: Sequence[Host],
    experiment: str | None = None,
    charts: str | None = None,
    told: Callable[[str], None] = lambda _: None,
) -> Recording:
    """Register a simulation, run a command between its two ends, then pull and store all samples.

    The command finds MINION_EXPERIMENT and MINION_SIM in its environment, so that it can note
    events of its own with `minion event "$MINION_SIM" TYPE`.

    Args:
        store: where it is kept.
        sim_id: the simulation's name, new in the experiment.
        command: the program and its arguments; it runs in this terminal.
        platform: the system under test.
        hosts: the machines; every agent is asked before anything is registered.
        experiment: default MINION_EXPERIMENT, else `default`.
        charts: see `ingest.events.register`.
        told: called with a sentence about each step.

    Returns:
        The simulation, complete, with what is missing; a command that failed makes it doubtful.

    Raises:
        UsageError: there is no such program; nothing was registered.
        AgentError: an agent does not answer; nothing was registered.
        AlreadyExists: the experiment has a simulation of that name.
        Incomplete: an agent's clock is so far behind that its samples of the run come much later.
    """
    if not command:
        raise UsageError("no command to record; write it behind --: minion record SIM ... -- CMD")
    if shutil.which(command[0]) is None:
        raise UsageError(f"there is no program {command[0]} to record; nothing was registered")
    hosts, environment = _ask(hosts)
    simulation = register(
        store, sim_id, platform=platform, hosts=hosts, experiment=experiment, charts=charts
    )
    simulation = store.describe(simulation, environment=environment)
    recorder = Recorder(store, simulation)
    told(f"simulation {sim_id} of experiment {simulation.experiment}: {' '.join(command)}")
    with recorder.run():
        status = _run(command, simulation)
    told(f"the command ended with status {status}; pulling the samples of {len(hosts)} hosts")
    try:
        recorder.pull()
    finally:  # also where samples are still to come
        if status and recorder.simulation.validity.verdict is Verdict.UNCHECKED:
            reason = f"its command ended with status {status}"
            recorder.simulation = store.judge(
                recorder.simulation, Verdict.DOUBTFUL, [reason], by=PROGRAM
            )
    for host in recorder.simulation.hosts:
        if host.clock_ahead_s is not None:
            told(_of_clock(host, host.clock_ahead_s))
    return Recording(recorder.simulation, status)


def _ask(hosts: Sequence[Host]) -> tuple[list[Host], dict[str, str]]:
    """The hosts with what their agents say of them, and the agents' versions."""
    asked: list[Host] = []
    configuration = read_configuration()
    environment: dict[str, str] = {}
    for host in hosts:
        if host.url is None:
            asked.append(host)
            continue
        with Agent(host.url, access=configuration.access_of(host.url)) as agent:
            info = agent.info()
        ram = info.ram_mib if host.ram_mib is None else host.ram_mib
        asked.append(replace(host, ram_mib=ram, cores=info.cores))
        environment |= versions(host, info)
    return asked, environment


def _of_clock(host: Host, ahead: float) -> str:
    """What there is to say of a clock that is not ours."""
    side = "ahead" if ahead > 0 else "behind"
    done = "corrected in" if host.clock_shift_s else "not corrected in"
    clock = f"the clock of {host.hostname}'s agent is {abs(ahead):,.1f} s {side}"
    return f"{clock}, which is {done} the times of its samples"


def _run(command: Sequence[str], simulation: Simulation) -> int:
    """The exit status of the program; an interrupt is its to handle, and ends the run too."""
    environment = {
        **os.environ,
        "MINION_EXPERIMENT": simulation.experiment,
        "MINION_SIM": simulation.sim_id,
    }
    try:
        process = subprocess.Popen(list(command), env=environment)  # noqa: S603  the user's own
    except (OSError, ValueError):  # a name with a NUL in it is no environment's
        return NOT_TO_BE_STARTED
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue  # the terminal sent it to the command as well
