"""What commands share: their standard options, the store, tables and notes.

A command is a function that is given a `Session` and its own arguments. `@command` makes of it
what Fire calls: it only returns a `Task`, which runs when Fire has read the whole line, so a typo
in an option has no side effect.
"""

import inspect
import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from minion.errors import OutputError, UsageError
from minion.settings import DEFAULT_EXPERIMENT, Settings

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

    from minion.model import Simulation
    from minion.store import Store

DECIMALS = 4  # of a table on a terminal; every other format is exact
FORMATS = ("table", "csv", "json", "parquet")
# What would do something to a terminal instead of being read there: control characters, marks that
# turn the direction of what follows, and halves of characters, which cannot be printed at all.
_NO_TEXT = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


@dataclass(frozen=True, slots=True)
class Option:
    """A standard option: its type, default and line of help."""

    kind: type
    default: Any
    help: str


EXPERIMENT = Option(str, None, "Name of the experiment.")
SELECTION = {
    "experiment": EXPERIMENT,
    "platform": Option(str, None, "Platforms, with commas between."),
    "sims": Option(str, None, "Simulations: ids and ranges, such as 1000-1026,1030."),
    "hosts": Option(str, None, "Hosts, with commas between."),
    "phase": Option(str, None, "Phases, with commas between."),
    "include_excluded": Option(bool, False, "Take the excluded simulations too."),
}
FORMAT = {"format": Option(str, "table", "table, csv, json or parquet; all but table are exact.")}
DB = {"db": Option(str, None, "MongoDB URI, instead of MINION_MONGODB_URI or the embedded server.")}


class Task:
    """A command that was read and not yet run. It has nothing that Fire could call."""

    __slots__ = ("_run",)

    def __init__(self, run: Callable[[], int | None]) -> None:
        self._run = run


def run(task: object) -> None:
    """Run what a command returned. Nothing comes back, so Fire prints nothing."""
    if isinstance(task, Task):
        status = task._run()  # noqa: SLF001  nothing of a task is public, or Fire would offer it
        if status:
            raise SystemExit(status)


def command(
    *groups: Mapping[str, Option], formats: tuple[str, ...] = FORMATS, takes_program: bool = False
) -> Callable[[Callable[..., int | None]], Callable[..., Task]]:
    """Make a command of a function `(session, *own arguments)`.

    Args:
        groups: standard options that it takes too; the session knows their values.
        formats: what its `--format` may say, where FORMAT is among the groups.
        takes_program: what follows `--` on the line is in the session's `program`.
    """
    standard = {name: option for group in groups for name, option in group.items()}

    def decorate(function: Callable[..., int | None]) -> Callable[..., Task]:
        own = list(inspect.signature(function).parameters.values())[1:]
        extra = [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=option.default,
                annotation=option.kind,
            )
            for name, option in standard.items()
        ]

        def read(*arguments: Any, program: Sequence[str] = (), **options: Any) -> Task:
            given = {name: options.pop(name, standard[name].default) for name in standard}
            wanted = given.get("format", "table")
            if wanted not in formats:
                raise UsageError(f"--format {wanted}: there are {', '.join(formats)}")

            def start() -> int | None:
                with Session(given, program) as session:
                    return function(session, *arguments, **options)

            return Task(start)

        read.__name__, read.__doc__ = function.__name__, _documented(function, standard)
        read.takes_program = takes_program  # type: ignore[attr-defined]
        read.__signature__ = inspect.Signature([*own, *extra])  # type: ignore[attr-defined]
        return read

    return decorate


def _documented(function: Callable[..., Any], standard: Mapping[str, Option]) -> str:
    text = inspect.getdoc(function) or ""
    lines = [f"    {name}: {option.help}" for name, option in standard.items()]
    if not lines:
        return text
    return "\n".join([text, *([] if "\nArgs:" in text else ["", "Args:"]), *lines])


class Session:
    """One run of a command: the values of its standard options, its store, its output."""

    def __init__(self, options: Mapping[str, Any], program: Sequence[str] = ()) -> None:
        self._options = dict(options)
        self.program = list(program)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    @cached_property
    def store(self) -> "Store":
        """The store that --db names; closed when the command ends."""
        from minion.store import connect  # noqa: PLC0415  pandas only when it is needed

        return self._stack.enter_context(connect(self._options.get("db")))

    @property
    def uri(self) -> str | None:
        """The MongoDB that is named, by --db or the environment; None for the embedded one."""
        uri: str | None = self._options.get("db") or Settings.read().uri
        return uri

    @property
    def selection(self) -> dict[str, Any]:
        """The selection's options, as library functions take them."""
        return {name: self._options[name] for name in SELECTION if name in self._options}

    @property
    def experiment(self) -> str | None:
        """The experiment that was named, or None."""
        name: str | None = self._options.get("experiment")
        return name

    def writes_to(self, own: str = DEFAULT_EXPERIMENT) -> str:
        """The experiment to write to: named, else MINION_EXPERIMENT, else an importer's own."""
        return self.experiment or Settings.read().experiment or own

    @property
    def format(self) -> str:
        """What --format says."""
        return str(self._options.get("format", "table"))

    def options_of(self, group: Mapping[str, Option]) -> list[str]:
        """The options of a group that are not as by default, as a command line says them."""
        given = ((name, self._options.get(name, group[name].default)) for name in group)
        return [
            f"--{name.replace('_', '-')}={value}"
            for name, value in given
            if value != group[name].default
        ]

    def note(self, text: str) -> None:
        """A line on standard error that is no part of the result."""
        print(f"note: {plain(text)}", file=sys.stderr)

    def note_simulated(self, simulations: Iterable["Simulation"]) -> None:
        """Say it when the data were not measured."""
        made = [simulation for simulation in simulations if simulation.simulated]
        if made:
            names = ", ".join(sorted({simulation.experiment for simulation in made}))
            runs = "1 run" if len(made) == 1 else f"{len(made)} runs"
            self.note(f"simulated data, not measured: {runs} of experiment {names}")

    def say(self, text: str, notes: Iterable[str] = ()) -> None:
        """A line of the result, and before it what is to be noted."""
        for line in notes:
            self.note(line)
        print(plain(text))

    def show(self, frame: "pd.DataFrame") -> None:
        """A frame in the format that was asked for, on standard output."""
        if self.format == "csv" and sys.stdout.isatty():
            for line in frame.to_csv(index=False).splitlines():
                print(plain(line))
        elif self.format == "csv":
            frame.to_csv(sys.stdout, index=False)
        elif self.format == "json":
            self.show_json(records(frame))
        elif self.format == "parquet":
            if sys.stdout.isatty():
                raise OutputError("parquet is not for a terminal; write it to a file: ... > FILE")
            frame.to_parquet(sys.stdout.buffer, index=False)
        else:
            print_table(frame)

    def show_json(self, value: Any) -> None:
        """A value as JSON, numbers exact, on standard output."""
        json.dump(value, sys.stdout, indent=1, default=str, allow_nan=False)
        sys.stdout.write("\n")


def plain(text: object) -> str:
    """A text as it may be sent to a terminal: one line, in which control characters are written."""
    return _NO_TEXT.sub(lambda found: repr(found[0])[1:-1], str(text))


def records(frame: "pd.DataFrame") -> list[dict[str, Any]]:
    """The rows of a frame as dicts; what is missing is None."""
    objects = frame.astype(object)
    rows = objects.where(frame.notna(), None).to_dict(orient="records")
    return [{str(key): _plain(value) for key, value in row.items()} for row in rows]


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def print_table(frame: "pd.DataFrame", title: str | None = None) -> None:
    """A frame as a table for people, on standard output."""
    from rich.console import Console  # noqa: PLC0415  only for people

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=10_000, soft_wrap=True)
    console.print(table_of(frame, title))


def table_of(frame: "pd.DataFrame", title: str | None = None) -> "Table":
    """A frame as a table for people: numbers to the right, rounded to 4 decimals."""
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    head = None if title is None else Text(plain(title), style="bold")
    table = Table(box=None, pad_edge=False, title=head, title_justify="left")
    numeric = {name: frame[name].dtype.kind in "iuf" for name in frame}
    for name, right in numeric.items():
        table.add_column(Text(plain(name)), justify="right" if right else "left", no_wrap=right)
    for row in frame.itertuples(index=False, name=None):
        table.add_row(*(Text(plain(_cell(value))) for value in row))
    return table


def _cell(value: Any) -> str:
    if value is None or value != value:  # noqa: PLR0124  NaN
        return "-"
    if isinstance(value, float):
        return f"{value:.{DECIMALS}f}".rstrip("0").rstrip(".")
    return str(value)
