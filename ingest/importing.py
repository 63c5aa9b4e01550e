"""What every importer of other people's files shares: names of runs, and keeping them.

An importer is a module that turns files into runs; `keep` stores them. The same file again changes
nothing, and one that has grown brings its run up to date.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import file_digest, sha256
from importlib.metadata import version
from pathlib import Path

from minion.errors import InvalidData, NotFound
from minion.model import DATED, NO, Event, EventType, Provenance, now
from minion.model import Simulation as Run
from minion.series import Series
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
            f"imported: {self.runs:,} runs ({self.new:,} new), {self.samples:,} new samples,"
            f" {self.measurements:,} measurements"
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


def names_of(
    path: Path, *, platform: str | None = None, sim: str | None = None, stem: str | None = None
) -> tuple[str, str]:
    """Platform and sim_id of the run that a file holds.

    Args:
        path: the file.
        platform: as the user named it; default: the name of the file's folder.
        sim: as the user named it; default: `PLATFORM/STEM`.
        stem: what stands for the file in the sim_id; default: its name without the suffix.

    Raises:
        InvalidData: the file lies in no folder with a name.
    """
    chosen = platform or path.absolute().parent.name
    if not chosen:
        raise InvalidData(f"{path}: its folder has no name; say --platform")
    return chosen, sim or f"{chosen}/{stem or path.stem}"


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
    """Store runs; those that are there already are brought up to date.

    Args:
        store: where they are kept.
        runs: each with all of its series.
        notes: what the files lack.

    Raises:
        AlreadyExists: an experiment has a run of that sim_id from elsewhere.
    """
    known: Mapping[str, set[str]] = {}
    count = new = samples = measurements = 0
    for run, series in runs:
        if run.experiment not in known:
            known = {**known, run.experiment: store.names(run.experiment)}
        new += run.sim_id not in known[run.experiment]
        samples += store.put(run, series, again=True).samples
        count += 1
        measurements += len(run.measurements)
    return Imported(count, new, samples, measurements, tuple(notes))
