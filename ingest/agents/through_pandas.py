"""netdata-pandas, which fetches the charts of one interval in one call, and trusts its agents.

It drops what fails without an error and prints instead: whatever it brings is held against what
was asked by `ingest.agents.accounting`. It would read an answer without end: its questions go
through our own connection, which bounds them in time and size.
"""

import contextvars
import http.client
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd
import trio

from ingest.agents.accounting import Task, series_of
from ingest.agents.agent import Agent
from ingest.agents.answers import are_names, query
from ingest.agents.bounds import bytes_of_data, holds_too_much
from ingest.agents.connection import ProxyError, TooLongError
from minion.errors import SettingsError
from minion.series import Series

# netdata-pandas fetches with asks 3.0.0, which pins anyio 3.7.1, whose trio side cannot be loaded
# without a name that trio dropped in 0.24. It is only ever a base class and in an `except`; trio
# raises Python's own exception groups since, so an exception that nobody raises can stand in.
vars(trio).setdefault("MultiError", type("MultiError", (Exception,), {}))

import netdata_pandas.data as netdata_pandas  # noqa: E402  needs the name above

_printed: contextvars.ContextVar[list[str] | None] = contextvars.ContextVar(
    "_printed", default=None
)


def _print(*words: object, **options: Any) -> None:
    """What netdata-pandas calls instead of `print`: during a pull, its words are kept."""
    kept = _printed.get()
    if kept is None:
        print(*words, **options)  # noqa: T201  somebody else's call of it
    else:
        kept.append(" ".join(map(str, words)))


# It reports failures with `print`. Turning sys.stdout away would catch every other thread's output
# as well; a global of that name in its own module is looked up before the builtin.
netdata_pandas.print = _print


@dataclass(frozen=True, slots=True)
class _Question:
    """What a pull asks: of which agent, and how long each answer may be."""

    agent: Agent
    most_bytes: int


_FAILURES = (
    OSError,
    http.client.HTTPException,
    ProxyError,
    SettingsError,
    TooLongError,
    UnicodeError,
)
_asked: contextvars.ContextVar[_Question | None] = contextvars.ContextVar("_asked", default=None)


@dataclass(frozen=True, slots=True)
class _Answer:
    content: bytes

    def json(self) -> Any:
        if holds_too_much(self.content):
            raise ValueError
        return json.loads(self.content)


class _Asks:
    """What netdata-pandas calls instead of the library `asks`: during a pull, the agent is asked.

    That library reads an answer whole, however long it is, follows redirects to anywhere, and
    unpacks what is packed.
    """

    @staticmethod
    async def get(url: str, **options: Any) -> Any:
        question = _asked.get()
        if question is None:
            return await _library.get(url, **options)
        agent = question.agent
        target = url.removeprefix(f"{agent.scheme}://{agent.network}")
        ask = partial(agent.content, target, most_bytes=question.most_bytes)
        with suppress(*_FAILURES):
            try:
                return _Answer(await trio.to_thread.run_sync(ask, abandon_on_cancel=True))
            except TimeoutError:
                await trio.sleep_forever()  # netdata-pandas ends it at the same moment
        return _Answer(b"")  # is no JSON, which it says


_library, netdata_pandas.asks = netdata_pandas.asks, _Asks


def fetched(
    tasks: Sequence[Task], first: float, last: float
) -> tuple[dict[str, Series], list[str]]:
    """What netdata-pandas brings of a window, by chart, and what it printed.

    It has no way to dimensions of one name.
    """
    tasks = [task for task in tasks if len(set(d := task.chart.dimensions.values())) == len(d)]
    grid = tasks[0].chart.grid(first, last) if tasks else None
    if grid is None:
        return {}, []
    agent = tasks[0].agent
    printed: list[str] = []
    token = _printed.set(printed)
    most_bytes = max(bytes_of_data(task.chart, *grid) for task in tasks)
    reset = _asked.set(_Question(agent, most_bytes))
    asked = query(tasks[0].chart, *grid)
    try:
        frame = netdata_pandas.get_data(
            hosts=[agent.network + agent.path],
            charts=[quote(task.chart.id, safe="") for task in tasks],
            after=asked["after"],
            before=asked["before"],
            points=asked["points"],
            group=asked["group"],
            dimensions=asked["dimensions"],
            options=f"natural-points&tier={asked['tier']}",  # it has no parameter for the tier
            numeric_only=False,  # else dimensions that are null throughout vanish
            ffill=False,
            timeout=agent.timeout,
            protocol=agent.scheme,
        )
        found = ((task, _of_frame(task, frame, first, last)) for task in tasks)
        return {task.chart.id: part for task, part in found if part is not None}, printed
    except Exception as error:  # noqa: BLE001  its libraries raise anything; the agent is asked
        printed.append(repr(error))
    except BaseExceptionGroup as group:  # trio's way to hand on an interrupt
        raise (KeyboardInterrupt if group.subgroup(KeyboardInterrupt) else group) from None
    finally:
        _printed.reset(token)
        _asked.reset(reset)
    return {}, printed


def _of_frame(task: Task, frame: pd.DataFrame, first: float, last: float) -> Series | None:
    """One chart's columns of what netdata-pandas gives for one host; None without any."""
    prefix = quote(task.chart.id, safe="") + "|"
    columns = [column for column in frame.columns if str(column).startswith(prefix)]
    if not columns:
        return None
    ids = {name: identity for identity, name in task.chart.dimensions.items()}
    names = [column.removeprefix(prefix) for column in columns]
    if not are_names(dict(zip(names, names, strict=True))):
        return None
    times = pd.to_numeric(frame.index.to_series(), errors="coerce").to_numpy(np.float64)
    values = frame[columns].apply(pd.to_numeric, errors="coerce").to_numpy(np.float64)
    inside = (times >= first) & (times < last)
    return series_of(
        task.hostname, task.chart, times[inside], [ids.get(n, n) for n in names], values[inside]
    )
