"""Charts drawn in a process of its own, while this one reads and computes.

Altair needs about as long for the charts of a report as everything else takes together, and lets no
other thread run. What goes wrong with that process is no matter: its charts are drawn here then.
This module loads nothing large, so that the process can begin while this one still loads the rest.
"""

import os
import pickle
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition, Thread
from typing import IO, Any, Self

from minion.errors import MinionError

Spec = dict[str, Any]
MANY = 300_000  # samples, from which on another process draws while this one reads
MOST_WAITING = 5_000_000  # rows of frames that wait to be drawn; above, they are drawn at once
_PROGRAM = "import analysis.charts; from analysis.reporting.workshop import serve; serve()"


@dataclass(frozen=True, slots=True)
class Order:
    """A chart to be drawn: a function of `analysis.charts`, and what it takes."""

    name: str
    arguments: tuple[Any, ...]
    options: dict[str, Any]

    @property
    def rows(self) -> int:
        """How much it holds."""
        from pandas import DataFrame  # noqa: PLC0415  see the module's first lines

        given = (*self.arguments, *self.options.values())
        return sum(len(value) for value in given if isinstance(value, DataFrame))

    def fulfil(self) -> "Spec | MinionError":
        """The chart as Vega-Lite, or why it cannot be drawn."""
        from altair.utils.schemapi import debug_mode  # noqa: PLC0415

        from analysis import charts  # noqa: PLC0415

        draw: Callable[..., Any] = getattr(charts, self.name)
        try:
            # Altair need not check what tests have checked: that takes a third of the time.
            with debug_mode(arg=False):
                spec: Spec = draw(*self.arguments, **self.options).to_dict(validate=False)
        except MinionError as error:
            return error
        return spec


@dataclass(eq=False, slots=True)
class Drawn:
    """A chart that was ordered."""

    workshop: "Workshop"
    order: Order | None
    result: "Future[Spec | MinionError]" = field(default_factory=Future)

    @property
    def spec(self) -> Spec:
        """It as Vega-Lite; drawn here, if nobody has begun it.

        Raises:
            InvalidData: its data cannot be drawn.
        """
        if self.workshop.claim(self):
            self.draw_here()
        made = self.result.result()
        if isinstance(made, MinionError):
            raise made
        return made

    def draw_here(self) -> None:
        """Draw it in this process."""
        if self.order is None:
            return
        order, self.order = self.order, None
        try:
            self.result.set_result(order.fulfil())
        except Exception as error:  # noqa: BLE001  for whoever waits for it, in another thread
            self.result.set_exception(error)


class Workshop:
    """Takes orders for charts; to be used in a `with`.

    They are drawn when they are asked for, unless `start` is called before.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._waiting: deque[Drawn] = deque()
        self._rows = 0
        self._change = Condition()
        self._open = True
        self._feeder = Thread(target=self._feed, daemon=True)

    def __enter__(self) -> Self:
        return self

    def expect(self, samples: int) -> None:
        """Start, if it pays: where many samples are read meanwhile."""
        if samples >= MANY:
            self.start()

    def start(self) -> None:
        """Let a process of its own draw from now on; it takes seconds to begin."""
        paths = os.pathsep.join(path or str(Path.cwd()) for path in sys.path)
        with suppress(OSError):  # where no process is to be had
            self._process = subprocess.Popen(  # noqa: S603  this Python, a fixed program
                [sys.executable, "-c", _PROGRAM],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": paths},
            )
            self._feeder.start()

    def __exit__(self, *error: object) -> None:
        with self._change:
            self._open = False
            self._waiting.clear()
            self._change.notify()
        if self._process is not None:
            if error[0] is not None:
                self._process.kill()
            self._feeder.join()
            for stream in (self._process.stdin, self._process.stdout):
                _close(stream)
            self._process.wait()

    def draw(self, name: str, *arguments: Any, **options: Any) -> Drawn:
        """Order a chart.

        Args:
            name: of a function of `analysis.charts`.
            arguments, options: that it takes.
        """
        order = Order(name, arguments, options)
        drawn = Drawn(self, order)
        with self._change:
            full = self._rows + order.rows > MOST_WAITING
            if not full:
                self._waiting.append(drawn)
                self._rows += order.rows
                self._change.notify()
        if full:
            drawn.draw_here()
        return drawn

    def claim(self, drawn: Drawn) -> bool:
        """Take a chart out of those that wait; whether it was still among them."""
        with self._change:
            if drawn not in self._waiting:
                return False
            self._waiting.remove(drawn)
            self._rows -= drawn.order.rows if drawn.order else 0
            return True

    def _feed(self) -> None:
        """Give the process one order after the other."""
        process = self._process
        while (drawn := self._next()) is not None:
            try:
                if process is None or process.stdin is None or process.stdout is None:
                    raise EOFError
                pickle.dump(drawn.order, process.stdin, protocol=pickle.HIGHEST_PROTOCOL)
                process.stdin.flush()
                made = pickle.load(process.stdout)  # noqa: S301  our own process
            except Exception:  # noqa: BLE001  whatever is wrong with the process or what it gave
                drawn.draw_here()
                return  # what still waits is claimed by whoever needs it
            drawn.order = None
            drawn.result.set_result(made)

    def _next(self) -> Drawn | None:
        """The next that waits; None when there will be no more."""
        with self._change:
            while self._open and not self._waiting:
                self._change.wait()
            if not self._waiting:
                return None
            drawn = self._waiting.popleft()
            self._rows -= drawn.order.rows if drawn.order else 0
            return drawn


def serve() -> None:
    """Draw what is ordered on standard input until that ends; results go to standard output."""
    orders, results = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # what a library prints must not get among the results
    while True:
        try:
            order: Order = pickle.load(orders)  # noqa: S301  from the process that started this
        except EOFError:
            return
        pickle.dump(order.fulfil(), results, protocol=pickle.HIGHEST_PROTOCOL)
        results.flush()


# ---------------------------------------------------------------- inside


def _close(stream: IO[bytes] | None) -> None:
    with suppress(OSError):  # what was left to be written to a process that is gone
        if stream is not None:
            stream.close()
