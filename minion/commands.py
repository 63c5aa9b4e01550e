"""The commands on what is stored: runs, show, exclude, include, demo, db."""

from collections.abc import Mapping

from minion.console import DB, EXPERIMENT, FORMAT, SELECTION, Session, command, print_table
from minion.errors import ServerError, UsageError
from minion.files import check_writable
from minion.model import Verdict
from minion.settings import Settings

COPIED = {name: SELECTION[name] for name in ("experiment", "platform", "sims", "include_excluded")}
WHICH = {name: SELECTION[name] for name in ("experiment", "platform", "sims")}
MOST_MEASUREMENTS = 20  # of a run, on a terminal: an import may bring hundreds


@command(WHICH, FORMAT, DB)
def runs(session: Session) -> None:
    """List the simulations, the excluded ones too."""
    from minion.overview import runs as list_runs  # noqa: PLC0415

    frame = list_runs(session.store, **session.selection)
    if frame.empty:
        session.note("no simulations yet; `minion demo` makes some, `minion record` measures one")
    session.show(frame)


@command({"experiment": EXPERIMENT}, FORMAT, DB, formats=("table", "json"))
def show(session: Session, sim: str) -> None:
    """Show one minion: its hosts, events, phases, measurements and charts.

    Args:
        sim: Its sim_id.
    """
    from minion.console import records  # noqa: PLC0415
    from minion.overview import describe  # noqa: PLC0415

    simulation = session.store.simulation(sim, session.experiment)
    session.note_simulated([simulation])
    view = describe(session.store, simulation)
    tables = {
        "hosts": view.hosts,
        "events": view.events,
        "phases": view.phases,
        "measurements": view.measurements,
        "charts": view.charts,
        "missing": view.missing,
    }
    if session.format == "json":
        parts = {name: records(frame) for name, frame in tables.items()}
        session.show_json({"simulation": view.simulation, **parts, "problems": list(view.problems)})
        return
    for key, value in view.simulation.items():
        session.say(f"{key + ':':<22} {value}")
    more = max(0, len(view.measurements) - MOST_MEASUREMENTS)
    tables["measurements"] = view.measurements.head(MOST_MEASUREMENTS)
    for name, frame in tables.items():
        if not frame.empty:
            session.say("")
            print_table(frame, title=name)
        if more and name == "measurements":
            session.say(f"… and {more:,} more measurements: --format json has them all")
    for problem in view.problems:
        session.note(problem)


@command({"experiment": EXPERIMENT}, DB)
def exclude(session: Session, sim: str, *, reason: str) -> None:
    """Leave a simulation out of every default selection; its data stay.

    Args:
        sim: Its sim_id.
        reason: Why, kept in the document with the time and your name.
    """
    _judge(session, sim, Verdict.EXCLUDED, reason)


@command({"experiment": EXPERIMENT}, DB)
def include(session: Session, sim: str, *, reason: str = "included by hand") -> None:
    """Take an excluded simulation in again, as valid.

    Args:
        sim: Its sim_id.
        reason: Why, kept in the document with the time and your name.
    """
    _judge(session, sim, Verdict.VALID, reason)


@command(DB)
def demo(session: Session, *, out: str = ".", seed: int = 1, runs: int = 25) -> None:
    """Simulate the published study and report on it; replaces experiment demo.

    Args:
        out: Folder for report.html.
        seed: Of the random numbers.
        runs: Valid runs of each platform.
    """
    import sys  # noqa: PLC0415
    import time  # noqa: PLC0415
    from pathlib import Path  # noqa: PLC0415

    from minion.__main__ import call  # noqa: PLC0415

    started = time.perf_counter()
    path = str(Path(out) / "report.html")
    check_writable(path)
    where = session.options_of(DB)
    store = session.store  # one user from the first step to the last: the server stays up
    call("ingest simulated", "--experiment=demo", f"--seed={seed}", f"--runs={runs}", *where)
    call("report", "--experiment=demo", f"--out={path}", *where)
    session.say(f"whole demo: {time.perf_counter() - started:.1f} s, in {store.where}")
    session.say("Record this machine for real, with a netdata agent on it:")
    session.say(
        f"  {sys.argv[0]} record 1 --platform local"
        ' --hosts "$(hostname)=master@http://127.0.0.1:19999" -- sleep 30'
    )


def _author() -> str:
    """Who is at the keyboard; a container's user may have no name."""
    import os  # noqa: PLC0415
    from getpass import getuser  # noqa: PLC0415

    try:
        return getuser()
    except (OSError, KeyError):
        return f"uid {os.getuid()}"


def _judge(session: Session, sim: str, verdict: Verdict, reason: str) -> None:
    simulation = session.store.simulation(sim, session.experiment)
    judged = session.store.judge(simulation, verdict, [reason], by=_author())
    session.say(f"simulation {sim} of experiment {judged.experiment} is {verdict}: {reason}")


@command()
def db_start(session: Session) -> None:
    """Start the embedded server and keep it running until `minion db stop`."""
    from minion.server import start  # noqa: PLC0415

    status = start(Settings.read().home)
    session.say(f"running: {status.uri} (process {status.pid})")


@command()
def db_stop(session: Session) -> None:
    """Stop the embedded server, now or when its last user leaves."""
    from minion.server import stop  # noqa: PLC0415

    status = stop(Settings.read().home)
    session.say("in use: it stops when its last user leaves" if status.running else "stopped")


@command(DB)
def db_status(session: Session) -> None:
    """Say which MongoDB is used, and what is in it."""
    from minion.mongodb import translated  # noqa: PLC0415
    from minion.server import status as server_status  # noqa: PLC0415
    from minion.uris import masked  # noqa: PLC0415

    settings = Settings.read()
    uri = session.uri
    facts: dict[str, object] = {"server": masked(uri) if uri else "embedded"}
    if uri is None:
        embedded = server_status(settings.home)
        facts |= {
            "running": "yes" if embedded.running else "no; the next command starts it",
            "kept": "yes, until `minion db stop`" if embedded.kept else "no",
            "uri": embedded.uri,
            "process": embedded.pid,
            "data": embedded.data,
            "log": embedded.log,
        }
        if not embedded.running:
            _say_facts(session, facts)
            return
    from minion.schema import count  # noqa: PLC0415

    facts |= {"version": session.store.version, "database": session.store.database.name}
    with translated(session.store.where):
        facts |= count(session.store.database)
    _say_facts(session, facts)


@command(DB)
def db_uri(session: Session) -> None:
    """Print the URI of the MongoDB that is used; passwords are masked.

    It is for mongosh and other clients. The embedded server answers there while it runs:
    `minion db start` keeps it running.
    """
    from minion.server import status as server_status  # noqa: PLC0415
    from minion.uris import masked  # noqa: PLC0415

    uri = session.uri or server_status(Settings.read().home).uri
    if uri is None:
        raise ServerError("the embedded server does not run; `minion db start` keeps it running")
    session.say(masked(uri))


@command(DB)
def db_init(session: Session, *, shard: bool = False, roles: bool = False) -> None:
    """Make the collections, validators and indexes that are lacking.

    Args:
        shard: Spread the samples over the shards of a cluster, run by run; names a mongos.
        roles: Make the roles of collectors, judges and analysts; prints how to give them to users.
    """
    from minion.mongodb import translated  # noqa: PLC0415
    from minion.schema import count  # noqa: PLC0415
    from minion.sharding import shard as shard_series  # noqa: PLC0415

    store = session.store  # opening it is what makes them
    if shard:
        with translated(store.where):
            new = shard_series(store.database, store.where)
        session.say("series: sharded now" if new else "series: was sharded already")
    _say_facts(session, {"database": f"{store.database.name} at {store.where}"})
    with translated(store.where):
        _say_facts(session, count(store.database))
    if roles:
        _make_roles(session)


def _make_roles(session: Session) -> None:
    from minion.roles import binds, create_roles, grants  # noqa: PLC0415

    store = session.store
    for role in create_roles(store):
        session.say(f"{role.name + ':':<16} {role.change}; {role.purpose}")
    name = store.database.name
    session.say("Users who have them are made in mongosh, which asks for their passwords:")
    for line in grants(name):
        session.say(f"  {line}")
    session.say(f"They log in with mongodb://USER:PASSWORD@HOST/?authSource={name}")
    if not binds(store):
        session.note(
            "this server lets everybody in without a login; roles bind nobody until it is started"
            " with --auth"
        )


@command(COPIED, DB)
def db_views(
    session: Session,
    *,
    drop: bool = False,
    materialize: bool = False,
    database: str | None = None,
    netdata_database: str | None = None,
) -> None:
    """Show the minions as the study's flat collections, read-only or as copies.

    The views simulations, hosts, events and netdata_metrics are made in the store's database,
    of everything or of one experiment. Copies hold a selection, and answer faster where there
    are many simulations.

    Args:
        drop: Take the views away, or with --materialize the copies.
        materialize: Write copies with indexes into another database; writes them anew.
        database: The copies' database. Default: the store's name and _flat.
        netdata_database: That of netdata_metrics. Default: the same.
    """
    store = session.store
    copies_only = {name: option for name, option in COPIED.items() if name != "experiment"}
    given = session.options_of(copies_only)
    given += ["--database"] * (database is not None)
    given += ["--netdata-database"] * (netdata_database is not None)
    if given and not materialize:
        raise UsageError(f"db views: {given[0].partition('=')[0]} is for --materialize")
    if not materialize:
        from minion.views import drop_views, make_views  # noqa: PLC0415

        names = drop_views(store) if drop else make_views(store, experiment=session.experiment)
        what = "dropped" if drop else f"of experiment {session.experiment or '(all)'}"
        session.say(
            f"views {what}: {', '.join(names) or 'none'}, in database {store.database.name}"
        )
        return
    from minion.copies import drop_copies  # noqa: PLC0415
    from minion.copies import materialize as copy  # noqa: PLC0415

    if drop:
        copies = drop_copies(store, database=database, netdata_database=netdata_database)
    else:
        copies = copy(
            store, database=database, netdata_database=netdata_database, **session.selection
        )
    for one in copies:
        done = "dropped" if drop else "written"
        session.say(f"{done}: {one.documents:,} documents of {one.database}.{one.name}")
    if not copies:
        session.note("there were no copies")


@command(COPIED, DB)
def export_kns(session: Session, folder: str, *, form: str = "json") -> None:
    """Write simulations as the study's flat collections, for `minion ingest kns`.

    All four files are written, or none. Those of netdata_metrics are gzipped.

    Args:
        folder: Folder for them; is made when it lacks.
        form: json, as mongoexport writes it, or bson, as mongodump does.
    """
    from minion.flat_files import write_flat_files  # noqa: PLC0415

    for one in write_flat_files(session.store, folder, form=form, **session.selection):
        session.say(f"written: {one.documents:,} documents, {one.path}")


def _say_facts(session: Session, facts: Mapping[str, object]) -> None:
    for name, value in facts.items():
        if value is not None:
            session.say(f"{name + ':':<10} {value}")
