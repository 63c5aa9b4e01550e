"""Where a figure comes from: runs, what is left out, options, hash, and the command again."""

import hashlib
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.reporting.parts import Origin
from analysis.reporting.words import ranges
from minion.model import Simulation
from minion.selection import Choice, natural, written

REDUCED = "the mean of each host's samples in a phase, then the mean of a run's hosts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What all figures of an experiment come from.

    experiment: its name.
    runs: the ids of each platform.
    excluded: the ids of the runs that are left out.
    choice: what was selected.
    """

    experiment: str
    runs: Mapping[str, Sequence[str]]
    excluded: Sequence[str]
    choice: Choice

    @classmethod
    def of(
        cls,
        experiment: str,
        simulations: Sequence[Simulation],
        excluded: Sequence[Simulation],
        platforms: Sequence[str],
        choice: Choice,
    ) -> "Source":
        """That of some runs."""
        return cls(
            experiment=experiment,
            runs={p: [s.sim_id for s in simulations if s.platform == p] for p in platforms},
            excluded=[s.sim_id for s in excluded],
            choice=choice,
        )

    def of_runs(self, platform: str, sims: Sequence[str]) -> "Source":
        """That of some runs of a platform; all of them need not be named."""
        if list(sims) == sorted(self.runs[platform], key=natural):
            return self
        choice: Choice = {**self.choice, "sims": list(sims)}
        return replace(self, runs={**self.runs, platform: list(sims)}, choice=choice)

    def origin(
        self,
        *,
        how: str,
        sha256: str,
        options: str = "",
        commands: Sequence[Sequence[str]] = (),
        platforms: Sequence[str] = (),
    ) -> Origin:
        """That of one figure.

        Args:
            how: what is drawn, made of what.
            sha256: of the values that it is drawn from.
            options: what else it was made with.
            commands: words of `minion`, without the selection, which is added.
            platforms: those that it shows; default: all.
        """
        shown = platforms or list(self.runs)
        runs = "; ".join(f"{p}: {len(self.runs[p]):,} ({ranges(self.runs[p])})" for p in shown)
        facts = [
            ("Values", how),
            ("Runs", runs),
            ("Left out", f"excluded: {ranges(self.excluded)}" if self.excluded else "none"),
        ]
        return Origin(
            facts=tuple(facts),
            sha256=sha256,
            options=options,
            commands=tuple(self.command(words, platforms=platforms) for words in commands),
        )

    def command(self, program: Sequence[str], *, platforms: Sequence[str] = ()) -> str:
        """A line for a shell: `minion`, these words and the selection."""
        options = {**self.choice, "experiment": self.experiment}
        if platforms:
            options["platform"] = tuple(platforms)
        # What the program was given stands for what was selected.
        named = {word.partition("=")[0] for word in program}
        more = [word for word in _options(options) if word.partition("=")[0] not in named]
        return shlex.join(["minion", *program, *more])


def hash_of_frame(frame: pd.DataFrame) -> str:
    """The SHA-256 of a frame, as hexadecimal digits: the same for the same rows in the same order.

    Column by column, its name first. Numbers as eight bytes each, little-endian. Of a column of
    texts the different ones in order, each ended by a NUL, then the place of each row's among them
    as four bytes, -1 for none.
    """
    digest = hashlib.sha256()
    for name in frame:
        digest.update(f"{name}\0".encode())
        column = frame[name]
        if pd.api.types.is_numeric_dtype(column.dtype):
            digest.update(np.ascontiguousarray(column, dtype="<f8").tobytes())
        else:
            texts, places = _places(column.array)
            digest.update("".join(f"{text}\0" for text in texts).encode())
            digest.update(places.astype("<i4").tobytes())
    return digest.hexdigest()


# ---------------------------------------------------------------- inside


def _places(column: Any) -> tuple[list[str], NDArray[np.int32]]:
    """The texts of a column in order, and where each row's is among them; -1 for none."""
    names = column if isinstance(column, pd.Categorical) else pd.Categorical(column)
    codes = names.codes
    counts = np.bincount(codes[codes >= 0], minlength=len(names.categories))
    texts = names.categories.astype("str").tolist()
    of = {text: code for code, text in enumerate(texts) if counts[code]}
    table = np.full(len(names.categories) + 1, -1, dtype=np.int32)
    table[[of[text] for text in sorted(of)]] = np.arange(len(of))
    return sorted(of), table[codes]


def _options(choice: Mapping[str, Any]) -> list[str]:
    return [f"--{name.replace('_', '-')}={_text(value)}" for name, value in choice.items() if value]


def _text(value: Any) -> str:
    """A text as it was given; names with commas between."""
    return str(value) if isinstance(value, bool | str) else written(map(str, value))
