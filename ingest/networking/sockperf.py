"""sockperf: latencies and message rates between two hosts."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ingest.importing import Imported, distinct, from_to, keep, names_of, provenance
from ingest.networking.sockperf_text import Printed, disagreements, read
from minion.errors import InvalidData
from minion.model import Measurement, Simulation
from minion.store import Store

SOCKPERF = "sockperf"  # the experiment and the source's name
MICROSECONDS = "µs"
UNDATED = 946_684_800.0  # the start of 2000: sockperf does not print when a test was


def ingest_sockperf(
    store: Store,
    paths: Sequence[str | Path],
    *,
    platform: str | None = None,
    sim: str | None = None,
    experiment: str = SOCKPERF,
) -> Imported:
    """Store the tests of files that sockperf printed: ping-pong, under-load or throughput.

    A run has measurements only: `latency` (mean), `latency sd`, `latency p99` and the other
    percentiles, `latency min`, `latency max` in µs, `message rate` in messages/s, `bandwidth` in
    MiB/s, counts of messages. What was measured with `--full-rtt` is called `round trip`. Every
    run begins at the start of 2000, because sockperf does not print when it was.

    Args:
        store: where the runs are kept.
        paths: files with one test each.
        platform: the system under test; default: the name of a file's folder.
        sim: the sim_id, for a single file; default: `PLATFORM/STEM`.
        experiment: its name.

    Returns:
        What was stored. Notes say where figures do not fit together, with file and line.

    Raises:
        NotFound: there is no such file.
        InvalidData: a line cannot be read (file and line are named), `sim` for several files, or
            two files would be one run.
        AlreadyExists: an experiment has a run of that sim_id that this one is not.
    """
    files = distinct(paths)
    if sim is not None and len(files) > 1:
        raise InvalidData(f"--sim {sim} names one run, and there are {len(files)} files")
    tests = [read(path) for path in files]
    runs = [(_run(test, platform, sim, experiment), ()) for test in tests]
    return keep(store, runs, [note for test in tests for note in disagreements(test)])


# ---------------------------------------------------------------- inside


def _run(test: Printed, platform: str | None, sim: str | None, experiment: str) -> Simulation:
    chosen, sim_id = names_of(test.path, platform=platform, sim=sim)
    parameters: dict[str, str | float | int | bool] = {
        "test": "throughput" if test.mean is None else test.what
    }
    if test.protocol:
        parameters["protocol"] = test.protocol
    if test.size is not None:
        parameters["message bytes"] = test.size
    if test.seconds is not None:
        parameters["seconds"] = round(test.seconds)
    return Simulation(
        experiment=experiment,
        sim_id=sim_id,
        platform=chosen,
        provenance=provenance(
            SOCKPERF, [test.path], undated="sockperf does not print when a test was"
        ),
        parameters=parameters,
        environment={"sockperf": test.version} if test.version else {},
        # How long it took is printed, when it was is not.
        events=from_to(UNDATED, UNDATED + test.seconds) if test.seconds is not None else (),
        measurements=tuple(_measurements(test)),
    )


def _measurements(test: Printed) -> Iterator[Measurement]:
    figures: dict[str, tuple[float | None, str]] = {
        test.what: (test.mean, MICROSECONDS),
        f"{test.what} sd": (test.sd, MICROSECONDS),
    }
    for rank, value in sorted(test.percentiles.items()):
        name = {0.0: "min", 100.0: "max"}.get(rank, f"p{rank:g}")
        figures[f"{test.what} {name}"] = (value, MICROSECONDS)
    figures |= {
        "message rate": (test.rate, "messages/s"),
        # sockperf says MBps and divides by 2^20.
        "bandwidth": (test.bandwidth, "MiB/s"),
        "messages sent": (test.sent, "messages"),
        "messages received": (test.received, "messages"),
    }
    kinds = ("dropped messages", "duplicated messages", "out-of-order messages")
    for kind, count in zip(kinds, test.lost or (None, None, None), strict=True):
        figures[kind] = (count, "messages")
    for name, (figure, unit) in figures.items():
        if figure is not None:
            yield Measurement(name=name, value=float(figure), unit=unit)
