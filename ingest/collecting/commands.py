"""The commands of the collector, and of those who watch it."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from minion.console import DB, EXPERIMENT, FORMAT, Session, command
from minion.errors import Incomplete, SettingsError, UsageError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    import pandas as pd

    from ingest.collecting.collector import Collector
    from ingest.collecting.configuration import Configuration
    from ingest.collecting.journal import Journal
    from ingest.stopping import Stopping
    from minion.store import Store

WATCH_S = 2.0
OPENED_AGAIN_S = 5.0
LEFT = "told to stop; what was in flight is stored: run it again, and it goes on from there"


@command({"experiment": EXPERIMENT}, DB)
def collect(
    session: Session,
    *,
    config: str | None = None,
    interval: str | None = None,
    once: bool = False,
    listen: str | None = None,
    log: str | None = None,
) -> None:
    """Pull every run's samples as they come, until all are stored or missing.

    Several collectors share the hosts of a database. What an agent or MongoDB does ends none of
    them; SIGTERM does, after what is in flight is stored.

    Args:
        config: TOML file with hosts, charts, how agents are reached; default MINION_CONFIG.
        interval: Longest window while a run is live: 60, 90s, 5m. Default: 60.
        once: Settle the ended runs, pull the running ones up to now, and leave.
        listen: HOST:PORT of /healthz and /metrics; empty for none. Default: 127.0.0.1:8766.
        log: text, or json for one object a line.
    """
    from ingest.collecting.configuration_keys import number_of  # noqa: PLC0415
    from ingest.stopping import Stopping  # noqa: PLC0415

    given = {
        "experiment": session.experiment,
        "interval": None if interval is None else number_of(interval),
        "listen": listen,
        "log": log,
    }
    with Stopping() as stopping:  # before all that takes time
        _collect(session, stopping, config, given, once=once)


def _collect(
    session: Session,
    stopping: "Stopping",
    config: str | None,
    given: "dict[str, Any]",
    *,
    once: bool,
) -> None:
    """Collect until the end, or until it is told to stop."""
    begun = _begun(session, stopping, config, given)
    if begun is None:
        if once:
            raise Incomplete(LEFT)
        return
    from ingest.collecting.collector import Collector  # noqa: PLC0415

    configuration, journal = begun
    store: Store | None = session.store
    stop = stopping.told
    if once:
        _once(session, Collector(session.store, configuration, journal), stop)
        return
    from ingest.collecting.tidying import Tidying  # noqa: PLC0415

    asked = given["listen"] is not None
    with _health(configuration, journal, asked=asked, note=session.note):
        while store is not None:
            with Tidying(store, configuration.retention, journal):
                told = Collector(store, configuration, journal).run(stop)
            if not told or store is not session.store:
                store.close()
            store = None if told else _opened_again(session.uri, journal, stopping)


def _begun(
    session: Session, stopping: "Stopping", config: str | None, given: "dict[str, Any]"
) -> "tuple[Configuration, Journal] | None":
    """What it collects by, once the store is open; None when it was told to stop before."""
    from ingest.stopping import Told  # noqa: PLC0415

    try:
        with stopping.at_once():
            import ingest.collecting.collector  # noqa: F401, PLC0415  which takes its time
            from ingest.collecting.journal import Journal  # noqa: PLC0415

            configuration = _configured(config, given)
            session.store  # noqa: B018  opened here
            return configuration, Journal(configuration.log)
    except Told:
        return None


def _once(session: Session, collector: "Collector", stop: "threading.Event") -> None:
    """Collect once, and say what is missing, or that it was told to stop before the end."""
    from ingest.commands import raise_missing  # noqa: PLC0415

    completed = collector.once(stop)
    if stop.is_set():
        raise Incomplete(LEFT)
    raise_missing(session, completed)
    if collector.failed:
        raise Incomplete(f"not every run could be collected: {'; '.join(collector.failed)}")


def _opened_again(uri: str | None, journal: "Journal", stopping: "Stopping") -> "Store | None":
    """The store, as soon as it lets this program in; None when it was told to stop before."""
    from ingest.stopping import Told  # noqa: PLC0415
    from minion.errors import StoreError  # noqa: PLC0415
    from minion.store import connect  # noqa: PLC0415

    journal.opening_anew()
    while not stopping.told.is_set():
        try:
            with stopping.at_once():
                return connect(uri)
        except StoreError as error:
            journal.store_lost(error)
        except Told:
            break
        stopping.told.wait(OPENED_AGAIN_S)
    return None


def _configured(config: str | None, given: "dict[str, Any]") -> "Configuration":
    """The configuration, in which what stands on the command line wins."""
    from ingest.collecting.configuration import read_configuration  # noqa: PLC0415
    from ingest.collecting.configuration_keys import GENERAL, convert  # noqa: PLC0415

    for name in ("interval", "listen", "log"):
        if given[name] is not None:
            given[name] = convert(GENERAL[name], given[name], f"--{name}")
    wanted = {name: value for name, value in given.items() if value is not None}
    return replace(read_configuration(config), **wanted)


def _health(
    configuration: "Configuration",
    journal: "Journal",
    *,
    asked: bool,
    note: "Callable[[str], None]",
) -> "AbstractContextManager[object]":
    """The health page; a second collector of a machine goes without, unless it was asked for."""
    from contextlib import nullcontext  # noqa: PLC0415

    from ingest.collecting.health import Health  # noqa: PLC0415

    if not configuration.listen:
        return nullcontext()
    try:
        return Health(journal.figures, configuration.listen)
    except SettingsError as error:
        if asked:
            raise
        note(f"{error}; going on without")
        return nullcontext()


@command({"experiment": EXPERIMENT}, FORMAT, DB)
def status(session: Session, *, watch: bool = False) -> None:
    """Show how far the hosts of the runs in progress are, and which are silent.

    Args:
        watch: Go on showing it until Ctrl-C, as much as fits, the silent ones first.
    """
    if watch and session.format != "table":
        raise UsageError(f"status: --watch draws tables; leave it or --format {session.format}")
    from ingest.collecting.status import status as look  # noqa: PLC0415

    if not watch:
        found = look(session.store, session.experiment)
        if found.empty:
            session.note("no run is in progress; `minion runs` lists what there is")
        session.show(found)
        return
    _watch(lambda: look(session.store, session.experiment))


def _watch(look: "Callable[[], pd.DataFrame]") -> None:
    """Draw a frame over itself until somebody has seen enough."""
    from contextlib import suppress  # noqa: PLC0415
    from threading import Event  # noqa: PLC0415

    from rich.console import Console  # noqa: PLC0415
    from rich.live import Live  # noqa: PLC0415

    from ingest.collecting.watching import view  # noqa: PLC0415

    console = Console()
    with suppress(KeyboardInterrupt), Live(console=console, auto_refresh=False) as live:
        while True:
            live.update(view(look(), console.width, console.height), refresh=True)
            Event().wait(WATCH_S)
