"""NumPy's own files, a column each: as fast as anything on this machine could be."""

# ruff: noqa: D102  the base class says what each method does

from pathlib import Path

import numpy as np
from columns import NUMBERS, TEXTS
from contenders.base import Contender, Place, folder_bytes
from numpy.typing import NDArray


class ColumnFiles(Contender):
    """The codes and numbers of the tidy frame; nothing is chosen, named or labelled."""

    def fill(self) -> None:
        self._save(self.fresh(self.stored))

    def _save(self, folder: Path) -> None:
        for name, column in self.study.columns.items():
            np.save(folder / f"{name}.npy", column)

    def before(self, job: str) -> None:
        if job == "write":
            self.study.columns  # noqa: B018  read before the clock runs
            self.fresh(self.trial)

    def write(self) -> int:
        self._save(self.trial)
        return self.study.samples

    def everything(self) -> dict[str, NDArray[np.generic]]:
        return {name: np.load(self.stored / f"{name}.npy") for name in (*TEXTS, *NUMBERS)}

    def bytes_on_disk(self) -> dict[str, int]:
        return {"data": folder_bytes(self.stored)}


class MemoryCopy(ColumnFiles):
    """The same columns from memory to memory."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.held = self.study.columns

    def fill(self) -> None:
        """There is nothing to store."""

    def everything(self) -> dict[str, NDArray[np.generic]]:
        return {name: column.copy() for name, column in self.held.items()}

    def write(self) -> int:
        return len(self.everything()["value"])

    def bytes_on_disk(self) -> dict[str, int]:
        return {}
