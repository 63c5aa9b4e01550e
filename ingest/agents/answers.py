"""What a netdata agent says, read with care: its host, its charts, their samples.

Nothing is believed before it was looked at. Another shape than netdata's is None, or left out.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

LONGEST_ID = 1_200  # of a chart: netdata's own limit; no other text of it is longer
LONGEST_STEP = 86_400  # seconds; netdata's own limit is an hour
MOST_NAMES = 1_000_000  # characters of all dimensions' ids and names: each stretch has them
_LATEST = 2**40  # seconds since the epoch
_MOST_CORES = 2**20
_NUMBERS = {int, float, type(None)}


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentInfo:
    """What an agent says of its host; an empty text, or None, is what it does not know.

    ram_mib: memory in MiB.
    cores: number of processors.
    """

    hostname: str
    version: str
    ram_mib: float | None = None
    cores: int | None = None
    os: str = ""
    kernel: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One chart of an agent.

    dimensions: id to name of each; hidden ones (`idle` of system.cpu) are not listed.
    step: seconds between its samples.
    first_entry, last_entry: times of its oldest and newest sample (epoch seconds), None without.
    """

    id: str
    name: str
    context: str
    family: str
    unit: str
    dimensions: Mapping[str, str]
    step: int
    first_entry: int | None = None
    last_entry: int | None = None

    def grid(self, first: float, last: float) -> tuple[int, int] | None:
        """The first and the last time of a sample with first <= time < last; None without any.

        The times of a chart's samples are multiples of its step.
        """
        start = math.ceil(first / self.step) * self.step
        end = (math.ceil(last / self.step) - 1) * self.step
        return (start, end) if start <= end else None


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Samples of one chart, oldest first.

    dimensions: (id, name) of each column, hidden ones too.
    times: seconds since the epoch, one a row.
    values: row x dimension; NaN where the agent has no sample.
    first_entry, last_entry: times of the chart's oldest and newest sample as the agent says
        (epoch seconds); None where it does not.
    step: seconds between the chart's samples as the agent says; None where it does not.
    """

    dimensions: tuple[tuple[str, str], ...]
    times: "npt.NDArray[np.int64]"
    values: "npt.NDArray[np.float64]"
    first_entry: int | None = None
    last_entry: int | None = None
    step: int | None = None

    @property
    def rows(self) -> tuple[list[float | None], ...]:
        """The values as Python's own, a list a row; None where the agent has no sample."""
        return tuple(
            [None if math.isnan(value) else value for value in row] for row in self.values.tolist()
        )


def no_rows(chart: Chart | None = None) -> Table:
    """A table without samples, of what is known of a chart."""
    import numpy as np  # noqa: PLC0415  asking an agent who it is does not need it

    times, values = np.empty(0, dtype=np.int64), np.empty((0, 0))
    if chart is None:
        return Table((), times, values)
    return Table((), times, values, chart.first_entry, chart.last_entry, chart.step)


def query(chart: Chart, after: int, before: int) -> dict[str, str | int]:
    """The parameters of /api/v1/data for a chart's own samples, both ends on its grid.

    It begins one step early. An agent counts the rows of a window back from its end, and moves a
    window that reaches into the future into the past: either can lose the first row.
    """
    return {
        "chart": chart.id,
        "after": after - chart.step,
        "before": before,
        "points": 0,
        "format": "json",
        "group": "average",
        "dimensions": "*",  # with the hidden ones
        "options": "natural-points,jsonwrap",
        "tier": 0,  # the samples themselves, never the averages that outlive them
    }


def info_of(answer: Any, path: str) -> AgentInfo | None:
    """What an answer of /api/v1/info says; None when it is not netdata's.

    Args:
        answer: the JSON.
        path: of the agent's address; `/host/CHILD` names the host where the answer does not.
    """
    if not isinstance(answer, dict) or not isinstance(answer.get("version"), str):
        return None
    labels = answer.get("host_labels")
    labels = labels if isinstance(labels, dict) else {}
    ram = _number(answer.get("ram_total")) or _number(labels.get("_system_ram_total"))
    cores = _number(answer.get("cores_total")) or _number(labels.get("_system_cores"))
    system = _words(answer, "os_name", "os_version")
    return AgentInfo(
        hostname=_hostname(answer, path),
        version=_kept(answer["version"]),
        ram_mib=ram / 2**20 if ram else None,
        cores=int(cores) if cores and 0 < cores <= _MOST_CORES else None,
        os=system or _words(answer, "container_os_name", "container_os_version"),
        kernel=_words(answer, "kernel_name", "kernel_version"),
    )


def chart_of(identity: object, entry: Any) -> Chart | None:
    """One chart of /api/v1/charts, or the answer of /api/v1/chart; None when it is not netdata's.

    An id that cannot be printed is not netdata's: it would stand in messages and on terminals. Nor
    is a text that nobody can keep: one that is no UTF-8, or without an end.
    """
    if not is_id(identity) or not isinstance(entry, dict):
        return None
    step, listed = entry.get("update_every"), entry.get("dimensions")
    if type(step) is not int or not 1 <= step <= LONGEST_STEP or not isinstance(listed, dict):
        return None
    names = {
        key: str(value.get("name", key)) if isinstance(value, dict) else key
        for key, value in listed.items()
    }
    texts = {key: entry.get(key) or "" for key in ("name", "context", "family", "units")}
    if not texts["context"] or not all(map(_is_text, texts.values())) or not are_names(names):
        return None
    return Chart(
        id=str(identity),
        name=texts["name"] or str(identity),
        context=texts["context"],
        family=texts["family"],
        unit=texts["units"],
        dimensions=names,
        step=step,
        first_entry=_time(entry.get("first_entry")),
        last_entry=_time(entry.get("last_entry")),
    )


def is_id(text: object) -> bool:
    """Whether a chart may be called so."""
    return _is_text(text) and bool(text) and str(text).isprintable()


def are_names(names: Mapping[str, str]) -> bool:
    """Whether dimensions may be called so, id to name."""
    texts = [*names, *names.values()]
    return all(map(_is_text, texts)) and sum(map(len, texts)) <= MOST_NAMES


def _is_text(text: object) -> bool:
    if not isinstance(text, str) or len(text) > LONGEST_ID:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a character, which JSON can write
        return False
    return True


def table_of(answer: Any, after: int, before: int) -> Table | None:
    """The rows of an answer of /api/v1/data with after <= time <= before, oldest first.

    None when it is not netdata's. Of rows of the same time all are kept.
    """
    import numpy as np  # noqa: PLC0415  asking an agent who it is does not need it

    result = answer.get("result") if isinstance(answer, dict) else None
    labels, data = (
        (result.get("labels"), result.get("data")) if isinstance(result, dict) else (None, None)
    )
    if not isinstance(labels, list) or not isinstance(data, list) or not labels:
        return None
    names = [str(label) for label in labels[1:]]
    ids = answer.get("dimension_ids")
    ids = list(map(str, ids)) if isinstance(ids, list) and len(ids) == len(names) else names
    if len(set(ids)) < len(names) or not are_names(dict(zip(ids, names, strict=True))):
        return None
    # A set of what map() saw: no step of Python's own per row or value.
    if not {list}.issuperset(map(type, data)) or not {len(labels)}.issuperset(map(len, data)):
        return None
    cells = list(chain.from_iterable(data))
    if not _NUMBERS.issuperset(map(type, cells)):
        return None
    moments = cells[:: len(labels)]
    if not {int}.issuperset(map(type, moments)):
        return None
    try:
        times = np.array(moments, dtype=np.int64)
        values = np.array(cells, dtype=np.float64).reshape(-1, len(labels))
    except OverflowError:
        return None
    values[np.isinf(values)] = np.nan
    kept = np.flatnonzero((times >= after) & (times <= before))
    kept = kept[np.argsort(times[kept], kind="stable")]
    step = answer.get("update_every")
    return Table(
        tuple(zip(ids, names, strict=True)),
        times[kept],
        values[kept, 1:],
        _time(answer.get("first_entry")),
        _time(answer.get("last_entry")),
        step if type(step) is int and step > 0 else None,
    )


def _hostname(answer: Mapping[str, Any], path: str) -> str:
    """An agent lists the hosts that it mirrors; which one answered, its id tells."""
    mirrored = answer.get("mirrored_hosts_status")
    for host in mirrored if isinstance(mirrored, list) else ():
        if isinstance(host, dict) and host.get("guid") == answer.get("uid"):
            return _kept(str(host.get("hostname", "")))
    names = answer.get("mirrored_hosts")
    if "/host/" in path or not isinstance(names, list) or not names:
        return path.rpartition("/")[2]
    return _kept(str(names[0]))


def _time(value: Any) -> int | None:
    """Seconds since the epoch; None for 0, which is netdata's word for none."""
    moment = _number(value) or 0
    return int(moment) or None if abs(moment) < _LATEST else None


def _number(value: Any) -> float | None:
    """A number that stands as one or as text; None for `unknown` and the like."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _words(answer: Mapping[str, Any], *keys: str) -> str:
    """The texts of some keys, one after the other, without those that are unknown."""
    found = (answer.get(key) for key in keys)
    known = (text for text in found if isinstance(text, str) and text not in ("", "unknown"))
    return _kept(" ".join(known))


def _kept(text: str) -> str:
    """As much of a text as can be kept."""
    return text[:LONGEST_ID].encode(errors="replace").decode()
