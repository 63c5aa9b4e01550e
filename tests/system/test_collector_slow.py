"""Agents that take half a minute for each answer, with every timeout as it is by default."""

import time

import pytest
from fleet import CollectorProcess, SimulatedFleet, end
from held_samples import Witness
from waiting import wait_for

from ingest.events import Recorder, register
from minion.model import Host, Role, Status
from minion.worklist import Worklist

pytestmark = pytest.mark.system

SLOW_S = 30.0
# Who the agent is, which charts it has, the samples of one chart; and a while for all else.
WITHIN_S = 3 * SLOW_S + 30


def run_of(store, fleet, agents, sim_id, *, began, experiment="e"):
    """A run over some agents, of one chart."""
    hosts = [Host(hostname=fleet.hostnames[n], role=Role.WORKER, url=fleet.urls[n]) for n in agents]
    words = {"platform": "p", "experiment": experiment, "charts": "system.cpu"}
    run = register(store, sim_id, hosts=hosts, **words)
    return Recorder(store, run).note("START_SIMULATION", at=began)


def done(store, run):
    """The hosts of a run whose samples are all there."""
    return {entry.hostname for entry in Worklist(store).of(run) if entry.done}


def complete(store, run):
    run = store.reload(run)
    return run if run.status is Status.COMPLETE else None


def test_agents_that_take_30_s_for_an_answer(store, mongodb_uri):
    with SimulatedFleet(7, step=1, history_s=60) as fleet:
        slow, quick, alone, always = [0, 1, 2, 3], 4, 5, 6
        fleet.change([*slow, alone], slow_s=SLOW_S)
        began = time.time() - 30
        ended = end(store, run_of(store, fleet, [*slow, quick], "ended", began=began))
        once = end(store, run_of(store, fleet, [alone], "once", began=began, experiment="once"))
        live = run_of(store, fleet, [always], "live", began=began)
        few = {"MINION_PARALLEL": str(len(slow))}  # no more places than there are slow agents
        with (
            CollectorProcess(store, mongodb_uri, "--experiment=e", environment=few) as collector,
            CollectorProcess(store, mongodb_uri, "--once", "--experiment=once") as settling,
        ):
            wait_for(lambda: done(store, ended) == {fleet.hostnames[quick]}, 40, "the other host")
            # While the slow ones are waited for, the others are asked as ever.
            for _ in range(20):
                before = store.count_samples([live])[live.id]
                wait_for(lambda b=before: store.count_samples([live])[live.id] > b, 10, "samples")
            assert fleet.counts(slow)["requests"] <= 2 * len(slow)  # no sample was given yet
            ended = wait_for(lambda: complete(store, ended), WITHIN_S, "the slow agents' samples")
            live = end(store, live)
            live = wait_for(lambda: complete(store, live), 30, "the run of the others")
            assert settling.stop_by_itself() == 0
            assert collector.stop() == 0
        once = store.reload(once)
        assert once.status is Status.COMPLETE
        fleet.change(slow_s=0.0)
        urls = dict(zip(fleet.hostnames, fleet.urls, strict=True))
        for run in (ended, once, live):
            assert run.missing == ()
            found = Witness(("system.cpu",)).compare(store, run, urls)
            assert found.faultless, found
            assert found.held > 30 * len(run.hosts)
