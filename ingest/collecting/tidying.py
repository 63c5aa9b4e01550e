"""Old runs deleted as the configuration says, beside the collecting."""

from threading import Event, Thread
from typing import Self

from ingest.collecting.configuration import Retention
from ingest.collecting.journal import Journal
from minion.errors import MinionError, StoreError
from minion.retention import plan_prune, prune
from minion.store import Store

EVERY_S = 6 * 3600.0
LEFT_S = 5.0  # that are waited for one in hand


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
    """Deletes old runs of a store every few hours, as long as its block goes on.

    Args:
        store: it is closed after the block; another one has a tidying of its own.
        retention: how long runs are kept, and of which experiments.
        journal: told of what is deleted.
    """

    def __init__(self, store: Store, retention: Retention, journal: Journal) -> None:
        self._store, self._retention, self._journal = store, retention, journal
        self._over = Event()
        self._thread = Thread(target=self._go_on, name="tidying", daemon=True)

    def __enter__(self) -> Self:
        if self._retention.older_than_s is not None:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread.is_alive():  # what it has in hand may be cut off: it goes the next time
            self._thread.join(LEFT_S)

    def _go_on(self) -> None:
        while not self._over.is_set():
            try:
                deleted = tidy(self._store, self._retention)
                if deleted:
                    self._journal.tidied(deleted)
            except MinionError as error:
                self._failed(error)
            self._over.wait(EVERY_S)

    def _failed(self, error: MinionError) -> None:
        if self._over.is_set():
            return  # its store was closed
        if isinstance(error, StoreError):
            self._journal.store_lost(error)
        else:
            self._journal.trouble(str(error))
