"""The published study at full size, made by a random generator instead of measured.

Three platforms, four measured hosts and a controller, netdata's five charts every 5 s, some 2,100 s
a run, and the study's five broken runs. What differs between the platforms stands in
`ingest.planted`, so what a comparison must find, and what it must not, is known.
"""

from collections.abc import Iterator
from dataclasses import astuple
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from itertools import count
from typing import NamedTuple
from uuid import UUID

import numpy as np
from bson import ObjectId
from numpy.typing import NDArray

from ingest.planted import (
    DURATION_NOISE,
    DURATIONS_S,
    HOSTS,
    NOISE,
    PLATFORMS,
    QUANTITIES,
    expected,
)
from minion.errors import InvalidData
from minion.lifecycle import SEQUENCE, TOTAL
from minion.model import (
    SIMULATED,
    Event,
    EventType,
    Host,
    Missing,
    Provenance,
    Role,
    Simulation,
    Status,
    Validity,
    Verdict,
)
from minion.series import Dimension, Series

Floats = NDArray[np.float64]

FIRST_SIM = {"K8s": 1000, "mK8s": 5000, "K3s": 3050}
NO_SAMPLES = dict.fromkeys((1023, 3057), "a worker has no samples")
CUT_OFF = dict.fromkeys((1025, 3058), "cut off while workers were added")
WORKER_LOST = {5013: "a worker was lost after the deployment"}
BROKEN = NO_SAMPLES | CUT_OFF | WORKER_LOST
MOST_RUNS = 1900  # valid runs a platform: the next platform's numbers begin behind them

RESTARTS = 0.15  # share of runs in which an agent restarts and loses samples
NULLS = 0.1  # share of runs in which a chart has rows of null
READING = 0.1  # share of samples in which a disk is read

RAM_MIB = 3936
STEP_S = 5
SLOT_S = 3600  # from one run's start to the next one's
FIRST_START = datetime(2021, 2, 8, 6, tzinfo=UTC).timestamp()
CONTROLLER = "controller"


class Chart(NamedTuple):
    """A chart as netdata describes it."""

    chart: str
    context: str
    family: str
    unit: str
    dimensions: tuple[Dimension, ...]


def _dimensions(ids: str, names: str | None = None) -> tuple[Dimension, ...]:
    pairs = zip(ids.split(), (names or ids).split(), strict=True)
    return tuple(Dimension(identity, name) for identity, name in pairs)


PROCESSORS = "guest_nice guest steal softirq irq user system nice iowait"  # and idle
BUSY = np.array([0, 0, 0, 0.03, 0, 0.62, 0.27, 0.01, 0.07])  # how their busy time divides
NETWORK = _dimensions("InOctets OutOctets", "received sent")
CHARTS = (
    Chart("system.cpu", "system.cpu", "cpu", "percentage", _dimensions(f"{PROCESSORS} idle")),
    Chart("system.ram", "system.ram", "ram", "MiB", _dimensions("free used cached buffers")),
    Chart("system.io", "system.io", "disk", "KiB/s", _dimensions("in out")),
    Chart("disk_util.sda", "disk.util", "sda", "% of time working", _dimensions("utilization")),
    Chart("system.net", "system.net", "network", "kilobits/s", NETWORK),
)
EXCLUDED_BECAUSE = "broken connectivity (as in the published study)"
BY = "simulated study"


def study(
    seed: int = 1, runs: int = 25, *, experiment: str = "demo"
) -> Iterator[tuple[Simulation, list[Series]]]:
    """The runs of the study with their series, in order of time, platforms taking turns.

    The same seed gives the same bytes, and a run is the same however many are asked for.

    Args:
        seed: of the random generator.
        runs: valid runs of each platform. At 25 it is the published study: K8s 1000-1026, mK8s
            5000-5025, K3s 3050-3076. Its five broken runs come along, excluded, as far as their
            numbers lie among those of the valid ones; more runs continue the numbers.
        experiment: the name that the simulations carry.

    Raises:
        InvalidData: a negative seed, or not between 1 and 1,900 runs.
    """
    if seed < 0:
        raise InvalidData(f"a seed of {seed}; give a number that is not negative")
    if not 1 <= runs <= MOST_RUNS:
        raise InvalidData(f"{runs} runs a platform; choose between 1 and {MOST_RUNS:,}")
    slots = [
        (place * len(PLATFORMS) + turn, platform, sim)
        for turn, platform in enumerate(PLATFORMS)
        for place, sim in enumerate(_numbers(platform, runs))
    ]
    return (
        _Run(seed, slot, platform, sim, experiment).made() for slot, platform, sim in sorted(slots)
    )


def _numbers(platform: str, runs: int) -> Iterator[int]:
    """The sim_ids of a platform up to its last valid run."""
    valid = 0
    for sim in count(FIRST_SIM[platform]):
        yield sim
        valid += sim not in BROKEN
        if valid == runs:
            return


class _Run:
    """One run in the making. What it draws depends on the seed and its number alone."""

    def __init__(self, seed: int, slot: int, platform: str, sim: int, experiment: str) -> None:
        self.seed, self.platform, self.sim, self.experiment = seed, platform, sim, experiment
        self.random = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(sim,)))
        self.start = round(FIRST_START + slot * SLOT_S + self.random.uniform(0, 300), 4)
        self.bounds = self._bounds()
        self.missing: list[Missing] = []

    def made(self) -> tuple[Simulation, list[Series]]:
        """The simulation and its series."""
        events, series = self._events(), self._series()
        end = datetime.fromtimestamp(round(self.bounds[-1]), UTC)
        validity = Validity()
        if self.sim in BROKEN:
            reasons = (EXCLUDED_BECAUSE, BROKEN[self.sim])
            validity = Validity(verdict=Verdict.EXCLUDED, reasons=reasons, by=BY, at=end)
        identity = sha256(f"{self.experiment}/{self.seed}/{self.sim}".encode()).digest()
        simulation = Simulation(
            id=ObjectId(identity[:12]),
            experiment=self.experiment,
            sim_id=str(self.sim),
            platform=self.platform,
            status=Status.ENDED,
            validity=validity,
            provenance=Provenance(
                source=SIMULATED,
                version=version("minion"),
                created=end,
                details={"seed": str(self.seed)},
            ),
            parameters={"simulated": True, "seed": self.seed, "sample_rate_s": STEP_S},
            environment={"platform": f"{self.platform}, simulated", "netdata": SIMULATED},
            hosts=(
                Host(hostname=CONTROLLER, role=Role.CONTROLLER),
                *(Host(hostname=h, role=r, ram_mib=RAM_MIB, cores=2) for h, r in HOSTS.items()),
            ),
            events=events,
            missing=tuple(self.missing),
        )
        return simulation, series

    def _bounds(self) -> Floats:
        """Times of the fourteen events."""
        lengths = [
            DURATIONS_S[phase.name][PLATFORMS.index(self.platform)]
            * self._around_one(DURATION_NOISE)
            if phase.action
            else (30 if phase.gap else 300) + self.random.uniform(0.6, 1.1)
            for phase in SEQUENCE
        ]
        return np.round(self.start + np.cumsum([0, *lengths]), 4)

    def _around_one(self, deviation: float | Floats, shape: tuple[int, ...] = ()) -> Floats:
        """Factors whose mean is one; `deviation` is that of their logarithm."""
        return _factor(self.random.standard_normal(shape), deviation)

    def _events(self) -> tuple[Event, ...]:
        types = [SEQUENCE[0].start, *(phase.end for phase in SEQUENCE)]
        ids: dict[EventType, str] = {}
        for phase in (TOTAL, *SEQUENCE):
            if phase.action:
                identity = str(UUID(bytes=self.random.bytes(16), version=4))
                ids |= {phase.start: identity, phase.end: identity}
        events = [
            Event(type=kind, time=float(time), hostname=CONTROLLER, correlation_id=ids[kind])
            for kind, time in zip(types, self.bounds, strict=True)
        ]
        if self.sim in CUT_OFF:
            events = events[: types.index(EventType.START_KNS_JOIN_NODES) + 1]
        if self.sim in WORKER_LOST:
            events = [e for e in events if e.type is not EventType.FINISHED_KNS_UNJOIN_NODES]
        return tuple(events)

    def _series(self) -> list[Series]:
        """Five charts of each host, each host on a grid of its own."""
        start, end = self.bounds[0], self.bounds[-1]
        grids = np.ceil(start) + self.random.integers(0, STEP_S, len(HOSTS))
        times = grids + STEP_S * np.arange(np.ceil((end - start) / STEP_S))[:, None]
        charts = self._charts(times, self._levels(times))
        if self.random.random() < NULLS:
            place = self.random.integers(20, 60), self.random.integers(len(HOSTS))
            charts[self.random.integers(len(CHARTS))][place] = np.nan
        there = self._there(times)
        return [
            Series(
                hostname=hostname,
                **chart._asdict(),
                times=times[there[:, place], place],
                values=values[there[:, place], place],
                step=STEP_S,
            )
            for place, hostname in enumerate(HOSTS)
            if there[:, place].any()
            for chart, values in zip(CHARTS, charts, strict=True)
        ]

    def _levels(self, times: Floats) -> Floats:
        """What each quantity comes to: time x host x quantity."""
        place = np.searchsorted(self.bounds, times, side="right") - 1
        place = np.minimum(place, len(SEQUENCE) - 1)
        run, host, sample, memory = np.array([astuple(NOISE[q]) for q in QUANTITIES]).T
        drawn = self.random.standard_normal((*times.shape, len(QUANTITIES)))
        drawn[1:] *= np.sqrt(1 - np.square(memory))
        for row in range(1, len(drawn)):
            drawn[row] += memory * drawn[row - 1]
        whole = self._around_one(run, run.shape) * self._around_one(host, (len(HOSTS), len(host)))
        level = _expected(self.platform)[place, np.arange(len(HOSTS))]
        levels: Floats = level * whole * _factor(drawn, sample)
        return levels

    def _charts(self, times: Floats, levels: Floats) -> list[Floats]:
        """The values of `CHARTS`: time x host x dimension each, rounded as netdata prints them."""
        cpu, ram, disk_util, disk_in, disk_out, net_in, net_out = np.moveaxis(levels, -1, 0)
        ticks = 1000 + self.random.choice([0, 0, 0, 0, -5, 5], cpu.shape)  # 2 processors, 5 s
        counts = self.random.poisson(np.clip(cpu, 0, 90)[..., None] * 10 * BUSY)
        busy = np.round(counts / ticks[..., None] * 100, 7)
        idle = np.round(100 - busy.sum(axis=-1, keepdims=True), 7)
        elapsed = times - self.start
        cached = np.round(1311.5 + self.random.normal(0, 5) + 0.09 * elapsed, 2)
        buffers = np.round(165 + 0.004 * elapsed, 2)
        used = np.round(np.rint(ram * 1280) / 1280, 4)  # pages of 4 KiB, averaged over 5 s
        free = np.round(RAM_MIB - used - cached - buffers, 4)
        reads = disk_in / READING * (self.random.random(disk_in.shape) < READING)
        return [
            np.concatenate([busy, idle], axis=-1),
            np.stack([free, used, cached, buffers], axis=-1),
            np.stack([self._printed(reads, 0.8, 5), -self._printed(disk_out, 0.04, 5)], axis=-1),
            self._printed(disk_util, 0.02, 7)[..., None],
            np.stack(
                [self._printed(net_in, 0.0016, 6), -self._printed(net_out, 0.0016, 6)], axis=-1
            ),
        ]

    def _printed(self, values: Floats, grain: float, decimals: int) -> Floats:
        """Counters come in grains; every sixth sample is interpolated between two of them."""
        printed: Floats = np.rint(values / grain) * grain
        between = self.random.random(values.shape) < 1 / 6
        printed[between] = values[between]
        return np.round(printed, decimals)

    def _there(self, times: Floats) -> NDArray[np.bool_]:
        """Which samples the agents still had: time x host. What they lost goes to `missing`."""
        there: NDArray[np.bool_] = times < self.bounds[-1]
        hosts = list(HOSTS)
        end = float(self.bounds[-1])
        lost: Missing | None = None
        if self.sim in NO_SAMPLES:
            lost = Missing(hostname=hosts[-1], first=self.start, last=end, reason="no connection")
        elif self.sim in WORKER_LOST:
            first = float(self.bounds[7]) + 40
            lost = Missing(hostname=hosts[-1], first=first, last=end, reason="connection lost")
        elif self.sim in CUT_OFF:
            there &= times < self.bounds[3] + 30
        elif self.random.random() < RESTARTS:
            # In an idle phase: a short one could lose all samples of a host.
            first = float(self.bounds[self.random.choice([0, 2, 4, 6])])
            first += self.random.uniform(30, 200)
            last = first + self.random.uniform(10, 40)
            host = hosts[self.random.integers(len(hosts))]
            lost = Missing(hostname=host, first=first, last=last, reason="agent restarted")
        if lost is not None:
            place = hosts.index(lost.hostname)
            there[:, place] &= (times[:, place] < lost.first) | (times[:, place] >= lost.last)
            self.missing.append(lost)
        return there


def _factor(drawn: Floats, deviation: float | Floats) -> Floats:
    factor: Floats = np.exp(drawn * deviation - np.square(deviation) / 2)
    return factor


@cache
def _expected(platform: str) -> Floats:
    """`expected` of each interval, host and quantity."""
    return np.array(
        [
            [
                [expected(q, platform, phase.name, role) for q in QUANTITIES]
                for role in HOSTS.values()
            ]
            for phase in SEQUENCE
        ]
    )
