"""What a collector says of itself: lines for those who read along, figures for those who watch.

A line is an event with its facts. As text it is a sentence; as JSON, one object a line with the
time, the level, the event and the facts, for whatever gathers logs. Neither ever holds a secret:
agents and databases are named by addresses without credentials.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock
from typing import Any, TextIO

from bson import ObjectId

from ingest.collecting.advancing import Step
from minion.errors import MinionError, StoreError
from minion.leases import Share
from minion.model import Simulation
from minion.progress import Progress, lag

REPEATED_S = 300.0  # the same trouble is not said again before
MOST_SAID = 10_000  # sentences that are remembered


@dataclass(frozen=True, slots=True)
class HostState:
    """One host of a run in progress, as the last look found it."""

    experiment: str
    sim_id: str
    hostname: str
    lag_s: float
    samples: int
    retries: int
    gaps: int
    healthy: bool


@dataclass(slots=True)
class Figures:
    """What a collector did since it began.

    counts: of `samples`, `visits`, `failures`, `conflicts` and `completed`.
    hosts: those that it fetches. collectors: how many share the list.
    looked: when it last saw the list (seconds since the epoch); 0 before it ever did.
    problem: what MongoDB's last refusal was, None while it does what it should.
    """

    counts: Counter[str] = field(default_factory=Counter)
    hosts: tuple[HostState, ...] = ()
    collectors: int = 0
    looked: float = 0.0
    problem: str | None = None


class Journal:
    """Tells what happens, as it happens.

    Args:
        form: `text` or `json`.
        out: where the lines go; default: standard error.
    """

    def __init__(self, form: str = "text", out: TextIO | None = None) -> None:
        self.figures = Figures()
        self._json, self._out = form == "json", out or sys.stderr
        self._lock = Lock()
        self._said: dict[str, float] = {}
        self._runs: Mapping[ObjectId, Simulation] = {}

    # ------------------------------------------------------------ what happens

    def started(self, where: str, name: str) -> None:
        """The collector has its store."""
        self._line("info", "started", f"collecting into {where}", store=where, collector=name)

    def opening_anew(self) -> None:
        """MongoDB refused so often that its connections are of no use any more."""
        self._seldom("warning", "opening", "MongoDB refuses again and again; logging in anew")

    def stopping(self) -> None:
        """It was told to stop, and everything in flight is stored."""
        stored = self.figures.counts["samples"]
        self._line("info", "stopped", f"stopped; {stored:,} samples stored", samples=stored)

    def step(self, before: Progress, step: Step) -> None:
        """A host was visited."""
        counts = self.figures.counts
        with self._lock:
            counts["visits"] += 1
            counts["samples"] += step.written.samples
            counts["conflicts"] += step.written.conflicts
            counts["failures"] += step.problem is not None
        facts = {**self._names(before), "samples": step.written.samples}
        where = f"{self._label(before)}: {before.hostname}"
        if step.problem is not None:
            text = f"{where}: {step.problem}"
            self._seldom("warning", "agent", text, **facts, problem=step.problem)
        elif before.problem is not None:
            self._line("info", "agent answers", f"{where}: answers again", **facts)
        if step.written.conflicts:
            values = step.written.conflicts
            text = f"{where}: {values} values differ from what is stored, which stays"
            self._seldom("warning", "conflict", text, **facts, values=values)

    def completed(self, simulation: Simulation) -> None:
        """A run is complete."""
        with self._lock:
            self.figures.counts["completed"] += 1
        text = (
            f"simulation {simulation.sim_id} ({simulation.experiment}): complete,"
            f" missing windows: {len(simulation.missing)}"
        )
        facts = {"experiment": simulation.experiment, "sim_id": simulation.sim_id}
        self._line("info", "complete", text, **facts, missing=len(simulation.missing))

    def took_up(self, simulation: Simulation) -> None:
        """A run is being collected: from now on its hosts are told of with its name."""
        self._runs = {**self._runs, simulation.id: simulation}

    def look(
        self,
        entries: Sequence[Progress],
        runs: Mapping[ObjectId, Simulation],
        share: Share,
    ) -> None:
        """The list was looked at."""
        self._runs = runs
        mine = {entry.id for entry in share.mine}
        states = [
            HostState(
                experiment=runs[entry.simulation].experiment,
                sim_id=runs[entry.simulation].sim_id,
                hostname=entry.hostname,
                lag_s=lag(entry, runs[entry.simulation].end),
                samples=entry.samples,
                retries=entry.retries,
                gaps=entry.gaps,
                healthy=entry.problem is None,
            )
            for entry in entries
            if entry.id in mine
        ]
        with self._lock:
            figures = self.figures
            before = (len(figures.hosts), figures.collectors)
            figures.hosts, figures.collectors = tuple(states), share.collectors
            figures.looked = time.time()
        if before != (len(states), share.collectors):
            text = f"hosts of this collector: {len(states)}; collectors: {share.collectors}"
            self._line("info", "share", text, hosts=len(states), collectors=share.collectors)

    def store_lost(self, error: StoreError) -> None:
        """MongoDB does not do what it should."""
        with self._lock:
            self.figures.problem = str(error)
        text = f"{error}; the agents keep their history"
        self._seldom("error", "store", text, problem=str(error))

    def store_there(self) -> None:
        """MongoDB does what it should."""
        with self._lock:
            before, self.figures.problem = self.figures.problem, None
        if before is not None:
            self._said.clear()
            self._line("info", "store answers", "MongoDB answers again")

    def tidied(self, runs: int) -> None:
        """Runs that were kept long enough are deleted."""
        self._line("info", "deleted", f"{runs} runs were kept long enough; deleted", runs=runs)

    def trouble(self, text: str, **facts: Any) -> None:
        """Something went wrong that is not the other runs' trouble."""
        self._seldom("warning", "trouble", text, **facts)

    def failed(self, error: BaseException, what: str) -> None:
        """A visit, or what completes a run, ended with an error."""
        if isinstance(error, StoreError):
            self.store_lost(error)
        elif isinstance(error, MinionError):
            self.trouble(str(error), run=what)
        else:
            self.broken(error, what)

    def broken(self, error: BaseException, what: str) -> None:
        """A fault of the program itself; it goes on with the others."""
        told = f"{type(error).__name__}: {error}"
        text = f"{what}: {told}; this is a fault of Minion, please report it"
        self._seldom("error", "fault", text, what=what)

    # ------------------------------------------------------------ how it is said

    def _label(self, entry: Progress) -> str:
        run = self._runs.get(entry.simulation)
        return f"simulation {run.sim_id} ({run.experiment})" if run else "a simulation"

    def _names(self, entry: Progress) -> dict[str, Any]:
        run = self._runs.get(entry.simulation)
        names = {"experiment": run.experiment, "sim_id": run.sim_id} if run else {}
        return {**names, "hostname": entry.hostname}

    def _seldom(self, level: str, event: str, text: str, **facts: Any) -> None:
        """Say it, unless the same was said a moment ago: weeks of it would hide everything else."""
        present = time.monotonic()
        if present - self._said.get(text, -REPEATED_S) >= REPEATED_S:
            if len(self._said) >= MOST_SAID:
                self._said.clear()
            self._said[text] = present
            self._line(level, event, text, **facts)

    def _line(self, level: str, event: str, text: str, **facts: Any) -> None:
        moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if self._json:
            told = {"time": moment, "level": level, "event": event, **facts, "text": text}
            line = json.dumps(told, default=str)
        else:
            # What an agent said is shown, and does nothing to the terminal.
            line = f"{moment} {level:<7} {_shown(text)}"
        # A log that takes no more, as on a full disk, is no reason to collect no more.
        with self._lock, suppress(OSError, ValueError):
            print(line, file=self._out, flush=True)


def _shown(text: str) -> str:
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
