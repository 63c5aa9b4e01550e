"""The store behind the page: opened once, opened again after it was away, never asked too much."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock
from time import monotonic

from analysis.web.listing import Listing
from minion.errors import Incomplete, MinionError, StoreUnavailable
from minion.mongodb import translated
from minion.store import Store, connect

REST_S = 2.0  # after a failure, in which nobody else waits for the same answer
HEAVY = 2  # comparisons, reports and downloads at once
HEAVY_WAIT_S = 20.0


class Keeper:
    """A store that many requests share.

    Args:
        uri: a MongoDB URI; None for the one of the environment, or the embedded server.
        opened: opens the store.

    Raises:
        MinionError: it cannot be opened.
    """

    def __init__(
        self, uri: str | None = None, *, opened: Callable[[str | None], Store] = connect
    ) -> None:
        self._uri = uri
        self._open = opened
        self._lock = Lock()
        self._heavy = BoundedSemaphore(HEAVY)
        self._failed: tuple[float, MinionError] | None = None
        self._lost = False
        self._listing = Listing(opened(uri))

    @property
    def where(self) -> str:
        """The store's place and database, as they may be shown."""
        store = self._listing.store
        return f"{store.where}, database {store.database.name}"

    @contextmanager
    def listing(self) -> Iterator[Listing]:
        """The lists of the store, and the store itself, while a request needs them.

        Raises:
            StoreUnavailable: it is away; a moment later it is tried again.
            MinionError: what else the store says.
        """
        if self._failed is not None and monotonic() - self._failed[0] < REST_S:
            raise type(self._failed[1])(str(self._failed[1]))
        try:
            listing = self._again() if self._lost else self._listing
            with translated(listing.store.where):
                yield listing
        except StoreUnavailable as error:
            self._failed = monotonic(), error
            # An embedded server that ended does not come back where it was.
            self._lost = self._listing.store.server is not None
            raise
        self._failed = None

    @contextmanager
    def store(self) -> Iterator[Store]:
        """The store while a request needs it; see `listing`."""
        with self.listing() as listing:
            yield listing.store

    @contextmanager
    def heavy(self) -> Iterator[Listing]:
        """The same for what takes long: only a few at once.

        Raises:
            Incomplete: others keep it busy.
        """
        if not self._heavy.acquire(timeout=HEAVY_WAIT_S):
            raise Incomplete("others keep this page busy with large questions; try again later")
        try:
            with self.listing() as listing:
                yield listing
        finally:
            self._heavy.release()

    def close(self) -> None:
        """Leave the store."""
        self._listing.store.close()

    def _again(self) -> Listing:
        with self._lock:
            if self._lost:
                self._listing.store.close()
                self._listing = Listing(self._open(self._uri))
                self._lost = False
            return self._listing
