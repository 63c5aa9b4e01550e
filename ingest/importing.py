"""What every importer of other people's files shares: names of runs, and keeping them.

An importer is a module that turns files into runs; `keep` stores them. The same file again changes
nothing, one that has grown brings its run up to date, and another one under its name is refused.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import file_digest, sha256
from importlib.metadata import version
from pathlib import Path

from ingest.growth import count, difference
from minion.errors import AlreadyExists, InvalidData, NotFound
from minion.model import DATED, NO, Event, EventType, Provenance, Status, now
from minion.model import Simulation as Run
from minion.series import Series
from minion.simulations import already_exists
from minion.store import Store


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did.

    runs: how many it brought; new: how many of them were not there before.
    samples: values that are stored now and were not before.
    measurements: single numbers of all these runs.
    notes: what the files lack, a sentence each.
    """

    runs: int = 0
    new: int = 0
    samples: int = 0
    measurements: int = 0
    notes: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """One line for people."""
        return (
            f"imported: {_counted(self.runs, 'run')} ({self.new:,} new),"
            f" {_counted(self.samples, 'new sample')},"
            f" {_counted(self.measurements, 'measurement')}"
        )


def existing(path: str | Path, what: str = "file") -> Path:
    """The path, which is there.

    Raises:
        NotFound: nothing is.
    """
    found = Path(path)
    if not found.exists():
        raise NotFound(f"there is no {what} {path}; check the path")
    return found


def distinct(paths: Iterable[str | Path]) -> list[Path]:
    """The files, each once, however often and by whatever way it was named.

    Raises:
        NotFound: one is not there, or is a folder.
    """
    files: dict[Path, Path] = {}
    for path in map(existing, paths):
        if path.is_dir():
            raise NotFound(f"{path} is a folder; name the files in it")
        files.setdefault(path.resolve(), path)
    return list(files.values())


def stem_of(path: Path) -> str:
    """What stands for a file in a sim_id: its name without .gz and without its suffix."""
    return Path(path.name.removesuffix(".gz")).stem


def names_of(
    path: Path, *, platform: str | None = None, sim: str | None = None, stem: str | None = None
) -> tuple[str, str]:
    """Platform and sim_id of the run that a file holds.

    Args:
        path: the file.
        platform: as the user named it; default: the name of the file's folder.
        sim: as the user named it; default: `PLATFORM/STEM`.
        stem: what stands for the file in the sim_id; default: `stem_of` it.

    Raises:
        InvalidData: the file lies in no folder with a name.
    """
    # `..` is taken out, and links stay: the folder is called as the user sees it.
    chosen = platform or Path(os.path.abspath(path)).parent.name  # noqa: PTH100
    if not chosen:
        raise InvalidData(f"{path}: its folder has no name; say --platform")
    return chosen, sim or f"{chosen}/{stem or stem_of(path)}"


def provenance(importer: str, paths: Sequence[Path], *, undated: str | None = None) -> Provenance:
    """Where a run of these files comes from: their names and a digest of what they hold.

    Files of any size are read in blocks.

    Args:
        importer: what reads them.
        paths: the files.
        undated: why the run's times are no dates but made up; None where they are dates.
    """
    digest = sha256()
    for path in sorted(paths):
        with path.open("rb") as file:
            file_digest(file, lambda: digest)  # one digest goes on from file to file
    files = ", ".join(sorted(path.name for path in paths))
    return Provenance(
        source=importer,
        version=version("minion"),
        created=now(),
        details={
            "files": files,
            "sha256": digest.hexdigest(),
            **({} if undated is None else {DATED: f"{NO}: {undated}"}),
        },
    )


def from_to(first: float, last: float) -> tuple[Event, Event]:
    """The two events of a run that is known by its first and last moment only."""
    return (
        Event(type=EventType.START_SIMULATION, time=first),
        Event(type=EventType.STOP_SIMULATION, time=last),
    )


def keep(
    store: Store,
    runs: Iterable[tuple[Run, Sequence[Series]]],
    notes: Iterable[str] = (),
) -> Imported:
    """Store runs; those that are there already and have grown are brought up to date.

    The same file again changes nothing, named twice it is one. A sequence of runs is looked at as a
    whole before anything is stored; of an iterator each run is, when it comes.

    Args:
        store: where they are kept.
        runs: each with all of its series.
        notes: what the files lack.

    Raises:
        AlreadyExists: an experiment has a run of that sim_id from elsewhere, or one that is not in
            the one which comes: of another file, or of this one read in another way.
        InvalidData: two files would be one run.
    """
    looked: Iterable[_Kept] = _looked_at(store, runs)
    if isinstance(runs, Sequence):
        looked = list(looked)
    done = new = samples = measurements = 0
    for kept in looked:
        samples += store.put(kept.run, kept.series, again=True, anew=kept.grown).samples
        done += 1
        new += kept.new
        measurements += len(kept.run.measurements)
    return Imported(done, new, samples, measurements, tuple(dict.fromkeys(notes)))


# ---------------------------------------------------------------- inside


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class _Kept:
    """A run that may be stored; new: there is none of its name; grown: it has more samples."""

    run: Run
    series: Sequence[Series]
    new: bool
    grown: bool = False


def _looked_at(store: Store, runs: Iterable[tuple[Run, Sequence[Series]]]) -> Iterator[_Kept]:
    known: dict[str, set[str]] = {}
    taken: dict[tuple[str, str], Run] = {}
    for run, series in runs:
        key = (run.experiment, run.sim_id)
        if twin := taken.get(key):
            if (twin.provenance.details, twin.platform) == (run.provenance.details, run.platform):
                continue
            raise InvalidData(
                f"two files would be simulation {run.sim_id} ({_files(twin)}, {_files(run)});"
                " import one of them with --sim"
            )
        taken[key] = run
        if run.experiment not in known:
            known[run.experiment] = store.names(run.experiment)
        if run.sim_id in known[run.experiment]:
            yield _again(store, run, series)
        else:
            yield _Kept(run, series, new=True)


def _again(store: Store, run: Run, series: Sequence[Series]) -> _Kept:
    """A run of a name that is stored.

    Raises:
        AlreadyExists: that one is not in this one.
    """
    old = store.simulation(run.sim_id, run.experiment)
    if old.status is Status.IMPORTING:  # cut off: `put` begins anew
        return _Kept(run, series, new=False)
    if old.provenance.source != run.provenance.source:
        raise already_exists(run)
    stored = store.series(old)
    differs = difference(old, stored, run, series)
    if differs:
        raise AlreadyExists(
            f"simulation {run.sim_id} of experiment {run.experiment} is stored from"
            f" {_files(old)}, and {differs}; say --sim or --experiment to keep both"
        )
    return _Kept(run, series, new=False, grown=count(series) > count(stored))


def _files(run: Run) -> str:
    return run.provenance.details.get("files", run.provenance.source)
