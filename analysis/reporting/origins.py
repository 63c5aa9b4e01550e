"""Where a figure comes from: runs, what is left out, options, hash, and the command again."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from analysis.reporting.parts import Origin
from analysis.reporting.words import ranges
from minion.model import Simulation
from minion.selection import Choice, natural, words

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
        sha256: str = "",
        commands: Sequence[Sequence[str]] = (),
        platforms: Sequence[str] = (),
        options: str = "",
    ) -> Origin:
        """That of one figure.

        Args:
            how: what is drawn, made of what.
            sha256: of its values; empty where it says nothing more than the report's own.
            commands: words of `minion`, without the selection, which is added.
            platforms: those that it shows; default: all.
            options: what else it was made with.
        """
        shown = platforms or list(self.runs)
        runs = "; ".join(f"{p}: {len(self.runs[p]):,} ({ranges(self.runs[p])})" for p in shown)
        facts = [
            ("Values", how),
            ("Runs", runs),
            ("Left out", f"excluded: {ranges(self.excluded)}" if self.excluded else "none"),
            *([("Options", options)] if options else []),
            *([("SHA-256", sha256)] if sha256 else []),
        ]
        return Origin(
            facts=tuple(facts),
            commands=tuple(self.command(words, platforms=platforms) for words in commands),
        )

    def command(self, program: Sequence[str], *, platforms: Sequence[str] = ()) -> str:
        """A line for a shell: `minion`, these words and the selection."""
        options = {**self.choice, "experiment": self.experiment}
        if platforms:
            options["platform"] = tuple(platforms)
        return shlex.join(["minion", *program, *_options(options)])


def _options(choice: Mapping[str, Any]) -> list[str]:
    return [f"--{name.replace('_', '-')}={_text(value)}" for name, value in choice.items() if value]


def _text(value: Any) -> str:
    return str(value) if isinstance(value, bool) else ",".join(words(value))
