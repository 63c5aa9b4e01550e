"""Old runs deleted as the configuration says, beside the collecting."""

from threading import Event as Signal
from threading import Thread

from ingest.collecting.configuration import Retention
from ingest.collecting.journal import Journal
from minion.errors import MinionError, StoreError
from minion.retention import plan_prune, prune
from minion.store import Store

EVERY_S = 6 * 3600.0


def tidy(store: Store, retention: Retention) -> int:
    """Delete the complete runs that are older than they are kept; returns how many those were.

    Args:
        store: where they are.
        retention: how long runs are kept, and of which experiments.
    """
    if retention.older_than_s is None:
        return 0
    there = set(store.experiments())
    wanted = [name for name in retention.experiments if name in there]
    if retention.experiments and not wanted:
        return 0
    deleted = 0
    chosen: list[str | None] = [*wanted] or [None]
    for experiment in chosen:
        plan = plan_prune(store, older_than_s=retention.older_than_s, experiment=experiment)
        deleted += prune(store, plan).simulations
    return deleted


class Tidying:
    """Deletes old runs every few hours, until it is told to stop."""

    def __init__(self, store: Store, retention: Retention, journal: Journal) -> None:
        self._store, self._retention, self._journal = store, retention, journal

    def begin(self, stop: Signal) -> None:
        """Do so in a thread of its own, which ends with the program."""
        Thread(target=self._go_on, args=(stop,), name="tidying", daemon=True).start()

    def _go_on(self, stop: Signal) -> None:
        while not stop.is_set():
            try:
                deleted = tidy(self._store, self._retention)
                if deleted:
                    self._journal.tidied(deleted)
            except StoreError as error:
                self._journal.store_lost(error)
            except MinionError as error:
                self._journal.trouble(str(error))
            stop.wait(EVERY_S)
