"""The service that pulls the samples of every run in progress, for weeks, beside the experiments.

One thread looks at the list of hosts (`minion.progress`), shares it with the other collectors of
the database (`minion.leases`) and says what is due; others visit the agents, one visit at a time
for each. Nothing that an agent or MongoDB does ends it: an agent is asked again later and later,
and without MongoDB it waits, for the agents keep their history.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from threading import Event as Signal
from time import monotonic

from bson import ObjectId

from ingest.agents.agent import Agent
from ingest.collecting.advancing import WINDOW_S, Advance, Step
from ingest.collecting.completing import complete
from ingest.collecting.configuration import Configuration
from ingest.collecting.journal import Journal
from ingest.collecting.leaving import Leaving
from ingest.collecting.opening import advance_of, open_agent
from ingest.collecting.settling import first_of, settle
from ingest.collecting.turns import Turn, by_agent, next_ones, places_of_slow
from minion.errors import AgentError, MinionError, NotFound, StoreError, StoreRefused
from minion.leases import Lease
from minion.model import Simulation, Status
from minion.progress import Progress
from minion.store import Store
from minion.worklist import Brief, Worklist

LOOK_S = 5.0  # between two looks at the list, which renew the lease as well
TICK_S = 0.2

REFUSED_LOOKS = 3  # in a row, before the store is opened anew
TRIES = 2  # in one visit; the next one is not far


class Collector:
    """Pulls for every run that is under way, until it is told to stop.

    Args:
        store: where the samples are kept.
        configuration: what is pulled, how, and how often.
        journal: told of everything worth knowing.

    `failed` says what kept `once` from which runs.
    """

    def __init__(self, store: Store, configuration: Configuration, journal: Journal) -> None:
        self.store, self.configuration, self.journal = store, configuration, journal
        self._worklist, self._lease = Worklist(store), Lease(store)
        self._runs: dict[ObjectId, tuple[Brief, Simulation]] = {}
        self._mine: dict[str, list[Progress]] = {}
        self._turns: dict[str, Turn] = {}
        self._under_way: dict[str, Future[list[Progress]]] = {}
        self._finishing: dict[ObjectId, Future[None]] = {}
        self._look_at = 0.0
        self._leaving = Leaving()
        self._refused = 0
        self.failed: list[str] = []

    def once(self, stop: Signal | None = None) -> list[Simulation]:
        """Settle every ended run, pull the running ones up to now.

        Args:
            stop: when it is set, what is in flight is stored and the rest is left.

        Returns:
            Those that are complete now.
        """
        with Leaving(stop) as self._leaving:
            for identity in self._worklist.sweep():  # complete, and cut off behind that
                self._complete(identity)
            completed = list(self._all_once())
        for turn in self._turns.values():
            turn.agent.close()
        self._turns.clear()
        return completed

    def _all_once(self) -> Iterator[Simulation]:
        for brief in self._worklist.runs(self.configuration.experiment):
            if self._leaving.now.is_set():
                break
            try:
                simulation = self._run(brief)
                if simulation.status is Status.ENDED:
                    done = settle(
                        self.store,
                        simulation,
                        configuration=self.configuration,
                        opened=self._opened,
                        leaving=self._leaving.now,
                    )
                    if done.status is Status.COMPLETE:
                        self.journal.completed(done)
                        yield done
                    continue
                self._pull_once(simulation)
            except StoreError:
                raise
            except MinionError as error:  # one run's trouble is not the others'
                if not isinstance(error, NotFound):  # deleted meanwhile
                    self.failed.append(str(error))
                self.journal.trouble(str(error), run=str(brief.id))

    def _pull_once(self, simulation: Simulation) -> None:
        """Pull a running run up to now; a host that does not give everything makes it failed."""
        self.journal.took_up(simulation)
        self._worklist.enter(simulation, simulation.hosts)
        agents = by_agent(self._worklist.of(simulation))
        with ThreadPoolExecutor(self.configuration.parallel, "visit") as pool:
            visited = [entry for done in pool.map(self._visit, agents.values()) for entry in done]
        silent = [f"{entry.hostname}: {entry.problem}" for entry in visited if entry.problem]
        if silent:
            self.failed.append(f"simulation {simulation.sim_id}: {first_of(silent)}")

    def run(self, stop: Signal) -> bool:
        """Go on until `stop` is set; what is in flight then is stored first.

        Returns:
            Whether it was told to stop. Else MongoDB goes on refusing this client, whose login it
            may have forgotten: a new one may be heard.
        """
        self.journal.started(self.store.where, self._lease.name)
        # As many threads as agents are asked at once, and some for what completes a run.
        places = self.configuration.parallel
        threads = places + places_of_slow(places) + 2
        with Leaving(stop) as self._leaving, ThreadPoolExecutor(threads, "visit") as pool:
            try:
                while not stop.is_set() and self._refused < REFUSED_LOOKS:
                    self._tick(pool)
                    stop.wait(TICK_S)
            finally:
                self._leaving.now.set()  # a visit in hand ends after its window
        self._reap()
        if not stop.is_set():
            return False
        self.journal.stopping()
        try:
            self._lease.leave()
        except StoreError as error:
            self.journal.store_lost(error)
        return True

    # ------------------------------------------------------------ what is due

    def _tick(self, pool: ThreadPoolExecutor) -> None:
        self._reap()
        if monotonic() >= self._look_at:
            try:
                self._look(pool)
                self.journal.store_there()
                self._refused = 0
            except StoreError as error:
                self.journal.store_lost(error)
                self._refused += isinstance(error, StoreRefused)
            except (MinionError, ValueError) as error:
                self.journal.trouble(str(error))
            self._look_at = monotonic() + LOOK_S
        if not self._lease.holds:
            return  # another one may have the hosts by now
        mine = {url: self._turn(entries[0]) for url, entries in self._mine.items()}
        for url in next_ones(mine, self._under_way, self.configuration.parallel):
            mine[url].begin()
            self._under_way[url] = pool.submit(self._visit, self._mine[url])

    def _look(self, pool: ThreadPoolExecutor) -> None:
        """Which runs are under way, which of their hosts are this collector's."""
        briefs = self._worklist.runs(self.configuration.experiment)
        for gone in self._runs.keys() - {brief.id for brief in briefs}:
            del self._runs[gone]
        for brief in briefs:
            known = self._runs.get(brief.id)
            if known is None or known[0] != brief:
                self._take_up(brief)
        entries = [e for e in self._worklist.entries(brief=True) if e.simulation in self._runs]
        share = self._lease.share([e for e in entries if not e.done], set(self._under_way))
        self._mine = by_agent(share.mine)
        for url in self._turns.keys() - self._mine.keys() - self._under_way.keys():
            self._turns.pop(url).agent.close()
        runs = {identity: simulation for identity, (_, simulation) in self._runs.items()}
        self.journal.look(entries, runs, share)
        self._finish(entries, pool)

    def _take_up(self, brief: Brief) -> None:
        """Put the hosts of a run that is new, or not as it was, on the list."""
        try:
            simulation = self._run(brief)
            self._worklist.enter(simulation, simulation.hosts)
        except StoreError:
            raise
        except (MinionError, ValueError) as error:  # deleted just now, or of a later version
            self._runs.pop(brief.id, None)
            self.journal.trouble(str(error), run=str(brief.id))

    def _finish(self, entries: Sequence[Progress], pool: ThreadPoolExecutor) -> None:
        """Complete the ended runs whose hosts are all done, and those that a kill left behind."""
        waiting = {entry.simulation for entry in entries if not entry.done}
        ended = [
            identity
            for identity, (brief, _) in self._runs.items()
            if brief.status is Status.ENDED and identity not in waiting
        ]
        for identity in [*ended, *self._worklist.sweep()]:
            if identity not in self._finishing:
                self._finishing[identity] = pool.submit(self._complete, identity)

    def _complete(self, identity: ObjectId) -> None:
        try:
            simulation = self.store.simulation_by_id(str(identity))
            done = complete(
                self.store,
                simulation,
                opened=self._opened,
                charts_of=self.configuration.charts_of,
            )
        except NotFound:
            return  # deleted meanwhile
        except AgentError:
            if self._leaving.now.is_set():
                return  # abandoned, and still on the list
            raise
        if done.status is Status.COMPLETE:  # else somebody else has it in hand
            self.journal.completed(done)

    def _reap(self) -> None:
        """What the visits brought, and when each agent is due again."""
        for url, task in list(self._under_way.items()):
            if not task.done():
                continue
            del self._under_way[url]
            turn = self._turns.get(url)
            if turn is not None:
                turn.end()
            error = task.exception()
            if error is not None:
                self.journal.failed(error, url)
                if turn is not None:
                    turn.due = monotonic() + LOOK_S
            elif turn is not None:
                self._again(url, turn, task.result())
        for identity, finishing in list(self._finishing.items()):
            if finishing.done():
                del self._finishing[identity]
                if (error := finishing.exception()) is not None:
                    self.journal.failed(error, str(identity))

    def _again(self, url: str, turn: Turn, entries: list[Progress]) -> None:
        """Set when an agent is visited next."""
        if url in self._mine:
            kept = {entry.id: entry for entry in entries}
            present = [kept.get(entry.id, entry) for entry in self._mine[url]]
            self._mine[url] = [entry for entry in present if not entry.done] or present
            if all(entry.done for entry in present):
                del self._mine[url]
        for gone in turn.advances.keys() - {entry.id for entry in self._mine.get(url, ())}:
            del turn.advances[gone]
        turn.again(
            self.configuration.interval,
            failed=any(entry.problem for entry in entries),
            ending=any(self._has_ended(entry) for entry in entries if not entry.done),
        )

    def _has_ended(self, entry: Progress) -> bool:
        known = self._runs.get(entry.simulation)
        return known is not None and known[1].end is not None

    # ------------------------------------------------------------ one visit

    def _visit(self, entries: Sequence[Progress]) -> list[Progress]:
        """Take every run that an agent's host is part of up to the present."""
        result = []
        for entry in entries:
            now = self._worklist.entry(entry.id)  # whole, and as it is by now
            while now is not None and not now.done and not self._leaving.now.is_set():
                before = now.until
                step = self._step(now)
                self.journal.step(now, step)
                now = step.progress
                if now is None:
                    break  # the next look finds how it is
                caught_up = now.until - before < WINDOW_S / 2 and not step.learned
                if step.problem or caught_up:
                    break
            result += [] if now is None else [now]
        if entries:  # its connection is not kept for a minute; what is known of its clock is
            self._turn(entries[0]).agent.close()
        return result

    def _step(self, entry: Progress) -> Step:
        """One window further. What did not end in progress that is kept, is begun anew."""
        kept = False
        try:
            step = self._advance(entry).step(entry)
            kept = step.progress is not None
        except StoreError:
            raise
        except MinionError as error:  # what it brought cannot be kept, or the run cannot be read
            problem = str(error)
            noted = self._worklist.advance(entry, replace(entry, problem=problem))
            step = Step(noted, problem=problem)
        finally:
            # What it knows of its charts is ahead of what is stored, or of what is written down.
            if not kept:
                self._turn(entry).advances.pop(entry.id, None)
        return step

    def _advance(self, entry: Progress) -> Advance:
        turn = self._turn(entry)
        simulation = self._simulation(entry.simulation)
        known = turn.advances.get(entry.id)
        if known is None:
            known = turn.advances[entry.id] = advance_of(
                self.store,
                simulation,
                entry,
                turn.agent,
                self.configuration,
                agents=len(self._mine),
                tries=TRIES,
                patient=True,
            )
        known.simulation = simulation
        return known

    def _turn(self, entry: Progress) -> Turn:
        if entry.url not in self._turns:
            self._turns[entry.url] = Turn(self._opened(entry))
        return self._turns[entry.url]

    def _opened(self, entry: Progress) -> Agent:
        agent = open_agent(entry, self.configuration, tries=TRIES, keep_alive=True)
        return self._leaving.watched(agent)

    # ------------------------------------------------------------ runs

    def _run(self, brief: Brief) -> Simulation:
        known = self._runs.get(brief.id)
        if known is None or known[0] != brief:
            known = self._runs[brief.id] = (brief, self.store.simulation_by_id(str(brief.id)))
        return known[1]

    def _simulation(self, identity: ObjectId) -> Simulation:
        known = self._runs.get(identity)
        return known[1] if known else self.store.simulation_by_id(str(identity))
