"""Who completes a run, when several could.

A claim stands in the run's own document, so that only who has it can call the run complete. It
runs for CLAIM_S by the server's clock and is renewed meanwhile; of one that is killed or stands
still, another takes it over. While there is one, no visit stores samples of the run.
"""

from contextlib import suppress
from threading import Event, Thread
from typing import Self
from uuid import uuid4

from bson import ObjectId

from minion import lookup
from minion.documents import Document
from minion.errors import NotFound, StoreError
from minion.model import Simulation, Status
from minion.mongodb import translated
from minion.schema import MINIONS
from minion.simulations import CLAIM, Simulations

CLAIM_S = 20.0
RENEWED_S = 5.0
_EXPIRES = {"$add": ["$$NOW", int(CLAIM_S * 1000)]}
_EXPIRED: Document = {"$expr": {"$lt": [f"${CLAIM}.expires", "$$NOW"]}}


class Claim:
    """The right to complete a run, between begin and end of its block, if it is had at all.

    Args:
        store: where the run is.
        simulation: the run.

    `simulation` is the run as it was when the claim was taken; None where another one has it.
    """

    def __init__(self, store: Simulations, simulation: Simulation) -> None:
        self._where, self._minions = store.where, store.database[MINIONS]
        self._run, self._name = simulation, uuid4().hex
        self.simulation: Simulation | None = None
        self._over = Event()
        self._renewing = Thread(target=self._renew, name="claim", daemon=True)

    @property
    def query(self) -> Document:
        """What finds the run as long as the claim is held."""
        return {"_id": self._run.id, f"{CLAIM}.by": self._name}

    @property
    def release(self) -> Document:
        """The change that gives it up."""
        return {"$unset": {CLAIM: ""}}

    def held(self) -> bool:
        """Whether nobody else has taken it over; the server is asked."""
        with translated(self._where):
            return self._minions.find_one(self.query, {"_id": 1}) is not None

    def __enter__(self) -> Self:
        """Take it, where nobody has one that runs.

        Raises:
            NotFound: the run was deleted.
        """
        free = {"$or": [{CLAIM: {"$exists": False}}, _EXPIRED]}
        with translated(self._where):
            document = self._minions.find_one_and_update(
                {"_id": self._run.id, **free},
                [{"$set": {CLAIM: {"by": self._name, "expires": _EXPIRES}}}],
                return_document=True,
            )
            if document is None and not self._minions.count_documents({"_id": self._run.id}):
                raise NotFound(f"simulation {self._run.sim_id} was deleted meanwhile")
        if document is not None:
            self.simulation = lookup.read(document)
            self._renewing.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.simulation is None:
            return
        self._over.set()
        self._renewing.join()
        with suppress(StoreError), translated(self._where):  # else it runs out
            self._minions.update_one(self.query, self.release)

    def _renew(self) -> None:
        while not self._over.wait(RENEWED_S):
            with suppress(StoreError), translated(self._where):
                self._minions.update_one(self.query, [{"$set": {f"{CLAIM}.expires": _EXPIRES}}])


class Openness:
    """Whether visits may store samples of a run: it is in progress, and nobody completes it.

    Args:
        store: where the run is.
        run: its id.
    """

    def __init__(self, store: Simulations, run: ObjectId) -> None:
        self._where, self._minions, self._id = store.where, store.database[MINIONS], run

    def __call__(self) -> bool:
        """Ask the server; a claim that ran out is taken away, so that its holder sees it."""
        in_progress = {"$in": [Status.RUNNING.value, Status.ENDED.value]}
        with translated(self._where):
            found = self._minions.find_one({"_id": self._id, "status": in_progress}, {CLAIM: 1})
            if found is None or CLAIM not in found:
                return found is not None
            ran_out = {"_id": self._id, CLAIM: {"$exists": True}, **_EXPIRED}
            return self._minions.update_one(ran_out, {"$unset": {CLAIM: ""}}).modified_count == 1
