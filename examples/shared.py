"""What the scripts share: how they start, which runs are theirs, and comparing where that works."""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Unpack

import analysis
import minion
from ingest.importing import names_of
from minion.errors import InvalidData, MinionError, NotComparable, NotFound
from minion.selection import Choice, Selection


def start(
    main: Callable[..., None], usage: str | None, least: int, most: int | None = None
) -> None:
    """Run a script with the words of its command line, what is wrong with them said in a line.

    Args:
        main: takes the words.
        usage: how the script is called.
        least, most: how many words it takes; None for any number.
    """
    words = sys.argv[1:]
    if len(words) < least or (most is not None and len(words) > most):
        sys.exit(usage)
    try:
        main(*words)
    except MinionError as error:
        sys.exit(f"{Path(sys.argv[0]).name}: {error}")


def sims_of(
    store: minion.Store, experiment: str, files: Iterable[Path], platform: str | None = None
) -> list[str]:
    """The sim_ids that files were stored as: an experiment may have other runs by now.

    Args:
        store: where they are.
        experiment: of the runs.
        files: their platform is the name of their folder.
        platform: of all of them, where it is another.
    """
    given = {(platform or names_of(path)[0], path.name) for path in files}
    return [
        run.sim_id
        for run in store.simulations(Selection(experiment=experiment))
        for name in run.provenance.details.get("files", "").split(", ")
        if (run.platform, name) in given
    ]


def told(
    store: minion.Store, quantity: str, baseline: str | None = None, **choice: Unpack[Choice]
) -> None:
    """Print what a comparison of the platforms says, or why there is none.

    Args:
        store: where the runs are.
        quantity: a metric, `duration`, or a measurement.
        baseline: the platform to compare with; default: all pairs.
        choice: of the runs.
    """
    try:
        found = analysis.compare(store, quantity, baseline=baseline, **choice)
    except (InvalidData, NotComparable, NotFound) as error:
        print(f"{quantity} is not compared: {error}")
        return
    print(*found.sentences, sep="\n")
