"""What the address of a page asks for, and the address of what is asked for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from analysis.comparing.comparability import PLATFORM
from analysis.metrics import METRICS
from analysis.web.listing import ORDERS, Filter
from minion.errors import InvalidData, NotFound
from minion.model import Status, Verdict
from minion.selection import Choice

LONGEST = 4_000  # characters of a query; more is nobody's question
DURATION = "duration"
LABELS = {**{name: metric.label for name, metric in METRICS.items()}, DURATION: "Durations"}

_SHARE = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*(%?)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which runs are compared or downloaded, and how.

    experiment, platform, sims, phase: see `Selection.of`; empty for all.
    metric: a name, `duration`, or a measurement's.
    factor, baseline, margin, quantile, confidence: see `compare`; empty for what it takes itself.
    allow: known differences between the platforms that may be, with commas between.
    excluded: `yes` takes the excluded runs too.
    """

    experiment: str = ""
    platform: str = ""
    sims: str = ""
    phase: str = ""
    metric: str = "cpu"
    factor: str = ""
    baseline: str = ""
    margin: str = ""
    quantile: str = ""
    confidence: str = ""
    allow: str = ""
    excluded: str = ""

    @property
    def by(self) -> str:
        """The factor that is compared by."""
        return self.factor or PLATFORM

    @property
    def choice(self) -> Choice:
        """The runs, as library functions take them."""
        choice: Choice = {"include_excluded": self.excluded == "yes"}
        if self.experiment:
            choice["experiment"] = self.experiment
        if self.platform:
            choice["platform"] = [self.platform]
        if self.sims:
            choice["sims"] = self.sims
        if self.phase:
            choice["phase"] = [self.phase]
        return choice


def share_of(text: str, what: str) -> float:
    """A number between 0 and 1 as people write it: `0.95`, `95%`.

    Args:
        text: what they wrote.
        what: it is, for the message.

    Raises:
        InvalidData: it is no such number.
    """
    match = _SHARE.fullmatch(text.strip())
    share = float(match[1]) / (100 if match[2] else 1) if match else -1.0
    if not 0 <= share <= 1:
        raise InvalidData(f"{text!r} is no {what}; write a number between 0 and 1, such as 0.95")
    return share


def words_of(search: str | None) -> dict[str, str]:
    """The names and values of a query; of one that is too long nothing."""
    text = (search or "").removeprefix("?")
    if len(text) > LONGEST:
        return {}
    return dict(parse_qsl(text, max_num_fields=50))


def filter_of(search: str | None) -> tuple[Filter, int]:
    """The filter and the number of the page that a query asks for; what it does not know is all."""
    words = words_of(search)
    known: dict[str, set[str]] = {
        "verdict": set(Verdict),
        "status": set(Status),
        "order": set(ORDERS),
    }
    given = {
        field.name: words[field.name]
        for field in fields(Filter)
        if field.name in words and words[field.name] in known.get(field.name, {words[field.name]})
    }
    number = words.get("page", "1")
    return Filter(**given), int(number) if number.isdecimal() and len(number) < 9 else 1


def question_of(search: str | None) -> Question:
    """The question that a query asks."""
    words = words_of(search)
    return Question(**{f.name: words[f.name] for f in fields(Question) if words.get(f.name)})


def run_of(search: str | None) -> tuple[str, str, str]:
    """Experiment, sim_id and metric that a query names.

    Raises:
        InvalidData: it names no run.
        NotFound: the metric is none of netdata's.
    """
    words = words_of(search)
    if not words.get("experiment") or not words.get("sim_id"):
        raise InvalidData("this address names no run; choose one in the list of runs")
    metric = words.get("metric", "cpu")
    if metric not in METRICS:
        raise NotFound(f"no metric {metric}; there are: {', '.join(METRICS)}")
    return words["experiment"], words["sim_id"], metric


def query(**values: Any) -> str:
    """The query of an address, without what is empty; "" for none."""
    given = {name: str(value) for name, value in values.items() if value not in ("", None)}
    return f"?{urlencode(given)}" if given else ""


def list_query(wanted: Filter, page: int = 1, **changes: str) -> str:
    """The query of a list of runs; defaults are left out."""
    wanted = replace(wanted, **changes)
    default = Filter()
    given = {
        field.name: value
        for field in fields(Filter)
        if (value := getattr(wanted, field.name)) != getattr(default, field.name)
    }
    return query(**given, page=page if page > 1 else "")


def question_query(question: Question, **changes: str) -> str:
    """The query of a question; what is empty is left out."""
    asked = replace(question, **changes)
    return query(**{field.name: getattr(asked, field.name) for field in fields(Question)})


def run_address(experiment: str, sim_id: str, metric: str = "") -> str:
    """The address of one run."""
    return "/run" + query(experiment=experiment, sim_id=sim_id, metric=metric)


def same_query(first: str | None, second: str | None) -> bool:
    """Whether two queries say the same."""
    one, other = _sorted(words_of(first)), _sorted(words_of(second))
    return one == other


def _sorted(words: Mapping[str, str]) -> list[tuple[str, str]]:
    return sorted((name, value) for name, value in words.items() if value)
