"""What is measured, and what was found."""

from dataclasses import dataclass, field

from samples import STUDY
from verifying import Verified

DIMENSIONS = sum(len(chart.dimensions) for chart in STUDY)
SLACK_S = 5.0  # of a lag: looking takes time, too


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is measured.

    hosts: of each run. step: seconds between samples. interval: of the collector.
    warm_up_s, seconds: of which nothing is counted, and of which all is.
    """

    agents: int
    hosts: int
    step: int
    interval: float
    warm_up_s: float
    seconds: float

    @property
    def runs(self) -> int:
        """How many."""
        return -(-self.agents // self.hosts)

    @property
    def produced(self) -> float:
        """Samples a second of all agents together."""
        return self.agents * DIMENSIONS / self.step


@dataclass(slots=True)
class Outcome:
    """What was found.

    seconds: that were measured. stored: samples that came into the store in that time.
    cpu_s, agents_cpu_s, mongod_cpu_s: processor time in it.
    peak: bytes of the collector's memory at most.
    lags: of each look, the median host's and the worst host's: now less its newest sample, of that
        chart of it that is furthest behind.
    requests: that the agents answered meanwhile.
    settled_s: from the runs' end until all were complete; None: not within SETTLE_S.
    windows: that were recorded as missing. status: that the collector ended with.
    """

    scenario: Scenario
    seconds: float = 0.0
    stored: int = 0
    cpu_s: float = 0.0
    agents_cpu_s: float = 0.0
    mongod_cpu_s: float = 0.0
    peak: int = 0
    requests: float = 0
    lags: list[tuple[float, float]] = field(default_factory=list)
    settled_s: float | None = None
    windows: int = 0
    status: int = 0
    verified: Verified = field(default_factory=Verified)

    @property
    def rate(self) -> float:
        """Samples stored a second."""
        return self.stored / self.seconds

    @property
    def keeps_up(self) -> bool:
        """Whether the core has time left, and no host was ever much further behind than a window.

        A store that falls behind does so by the same amount each second, so a short measurement
        that ends with a small lag has not shown more than that.
        """
        scenario = self.scenario
        bearable = 1.25 * scenario.interval + 2 * scenario.step + SLACK_S
        worst = max((lag for _, lag in self.lags), default=0.0)
        return self.cpu_s < 0.95 * self.seconds and worst <= bearable

    @property
    def faultless(self) -> bool:
        """Whether every sample is stored once, as it was, and the collector ended well."""
        return (
            self.verified.faultless
            and self.windows == 0
            and self.status == 0
            and self.settled_s is not None
        )


@dataclass(frozen=True, slots=True)
class Backfill:
    """A finished run at 1 s, fetched at once.

    hosts, hours: of the run. seconds, cpu_s, peak, status: of the collector; see `Outcome`.
    windows: that were recorded as missing. verified: what is stored.
    """

    hosts: int
    hours: float
    seconds: float
    cpu_s: float
    peak: int
    status: int
    windows: int
    verified: Verified
