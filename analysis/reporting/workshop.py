"""Charts drawn in a process of its own, while this one reads and computes.

Altair needs about as long for the charts of a report as everything else takes together, and lets no
other thread run. What goes wrong with that process is no matter: its charts are drawn here then.
"""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import IO, Any, Self

from altair.utils.schemapi import debug_mode

from analysis import charts, output
from minion.errors import MinionError

Spec = dict[str, Any]
_PROGRAM = "from analysis.reporting.workshop import serve; serve()"
_RUNTIME = "the scripts that draw charts in a browser"
_KEPT: list[str] = []  # these scripts, once they are made: they are the same in every report


class Drawn:
    """A chart that was ordered."""

    def __init__(self, order: "_Order", result: "Future[Spec | MinionError]") -> None:
        self._order, self._result = order, result
        self._spec: Spec | None = None

    @property
    def spec(self) -> Spec:
        """It as Vega-Lite, once it is drawn.

        Raises:
            InvalidData: its data cannot be drawn.
        """
        if self._spec is None:
            try:
                made = self._result.result()
            except _GONE:
                made = _drawn(self._order)
            if isinstance(made, MinionError):
                raise made
            self._spec = made
        return self._spec


class Workshop:
    """Takes orders for charts; to be used in a `with`.

    They are drawn when they are asked for, unless `start` is called before they are ordered.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._waiting: SimpleQueue[Future[Spec | MinionError] | None] = SimpleQueue()
        self._collector = Thread(target=self._collect, daemon=True)
        self._runtime: Drawn | None = None

    def __enter__(self) -> Self:
        return self

    def start(self) -> None:
        """Let a process of its own do what is ordered from now on.

        It pays where there are many samples to read meanwhile; it takes a second to begin.
        """
        paths = os.pathsep.join(path or str(Path.cwd()) for path in sys.path)
        with suppress(OSError):  # where no process is to be had
            self._process = subprocess.Popen(  # noqa: S603  this Python, a fixed program
                [sys.executable, "-c", _PROGRAM],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": paths},
            )
            self._collector.start()
        if not _KEPT:  # bundling them takes seconds: it goes on while the first samples are read
            self._runtime = self.draw(_RUNTIME)

    def __exit__(self, *error: object) -> None:
        if self._process is None:
            return
        if error[0] is not None:
            self._process.kill()
        _close(self._process.stdin)
        self._waiting.put(None)
        self._collector.join()
        self._process.wait()
        _close(self._process.stdout)

    @cached_property
    def runtime(self) -> str:
        """The scripts that draw charts in a browser, safe inside a script element."""
        if not _KEPT:
            _KEPT.append(self._runtime.spec["script"] if self._runtime else output.runtime())
        return _KEPT[0]

    def draw(self, name: str, *arguments: Any, **options: Any) -> Drawn:
        """Order a chart.

        Args:
            name: of a function of `analysis.charts`.
            arguments, options: that it takes.
        """
        order = (name, arguments, options)
        result: Future[Spec | MinionError] = Future()
        if self._process is None or self._process.stdin is None:
            result.set_exception(EOFError())
            return Drawn(order, result)
        self._waiting.put(result)
        try:
            pickle.dump(order, self._process.stdin, protocol=pickle.HIGHEST_PROTOCOL)
            self._process.stdin.flush()
        except _GONE:
            _close(self._process.stdin)
        return Drawn(order, result)

    def _collect(self) -> None:
        """Give every result to whoever waits for it, in the order of the orders."""
        process = self._process
        while (result := self._waiting.get()) is not None:
            try:
                if process is None or process.stdout is None:
                    raise EOFError
                result.set_result(pickle.load(process.stdout))  # noqa: S301  our own process
            except _GONE as error:
                result.set_exception(error)


def serve() -> None:
    """Draw what is ordered on standard input until that ends; results go to standard output."""
    orders, results = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # what a library prints must not get among the results
    while True:
        try:
            order = pickle.load(orders)  # noqa: S301  from the process that started this one
        except EOFError:
            return
        pickle.dump(_drawn(order), results, protocol=pickle.HIGHEST_PROTOCOL)
        results.flush()


# ---------------------------------------------------------------- inside

_Order = tuple[str, tuple[Any, ...], dict[str, Any]]
_GONE = (EOFError, OSError, ValueError, pickle.PickleError)


def _drawn(order: _Order) -> Spec | MinionError:
    name, arguments, options = order
    if name == _RUNTIME:
        return {"script": output.runtime()}
    draw: Callable[..., Any] = getattr(charts, name)
    try:
        # Altair need not check what tests have checked: that takes a third of the time.
        with debug_mode(arg=False):
            spec: Spec = draw(*arguments, **options).to_dict(validate=False)
    except MinionError as error:
        return error
    return spec


def _close(stream: IO[bytes] | None) -> None:
    with suppress(OSError):  # what was left to be written to a process that is gone
        if stream is not None:
            stream.close()
