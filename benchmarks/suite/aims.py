"""What this project aims at, held against what was measured."""

from collections.abc import Mapping
from dataclasses import dataclass

from measuring import Measured
from registry import OURS, PLAIN_OURS

PANDAS_AND_POLARS = ("pandas-runs", "pandas-one", "polars-runs", "polars-one")
PARQUET = (*PANDAS_AND_POLARS, "duckdb-runs", "duckdb-one")
# Those whose answer is a pandas frame, as ours is.
TO_PANDAS = ("pandas-runs", "pandas-one", "polars-pandas", "duckdb-pandas")


@dataclass(frozen=True, slots=True)
class Aim:
    """An aim, what was found, and whether that meets it; None when it was not measured."""

    text: str
    found: str = "-"
    met: bool | None = None

    @property
    def verdict(self) -> str:
        """In a word or two."""
        return "not measured" if self.met is None else "met" if self.met else "missed"


def aims(measured: Mapping[str, Measured], samples: int) -> list[Aim]:
    """Every aim, with its finding.

    Args:
        measured: by the contenders' names.
        samples: of the study.
    """
    mine = measured.get(OURS, Measured(OURS))
    plain = measured.get(PLAIN_OURS, Measured(PLAIN_OURS))
    native, without = mine, plain
    if mine.versions.get("native decoder") == "no":
        native, without = Measured(OURS), mine
    return [
        _times("(1) written at least 50 times as fast as flat documents", "write", 50, measured),
        _quickest("(2) faster than Parquet by pandas and polars", "one", mine, measured),
        _quickest("(2) the same, into a pandas frame", "one", mine, measured, TO_PANDAS),
        _quickest("(3) faster than Parquet by pandas and polars", "metric", mine, measured),
        _times(
            "(3) at least 200 times as fast as the study's pipeline in R, on flat documents",
            "metric",
            200,
            measured,
            "r-json",
        ),
        *(
            aim
            for names, ends in ((PARQUET, ""), (TO_PANDAS, ", into a pandas frame"))
            for aim in (
                _within(
                    f"(4) as fast as the fastest reader of Parquet{ends}, with the native decoder",
                    native,
                    _fastest(names, "everything", measured),
                    most=1,
                ),
                _within(
                    f"(4) in less than twice its time{ends}, without the native decoder",
                    without,
                    _fastest(names, "everything", measured),
                    most=2,
                ),
            )
        ),
        _room(mine, samples),
        _memory(mine),
    ]


def _times(
    text: str, job: str, least: float, measured: Mapping[str, Measured], other: str = "flat"
) -> Aim:
    mine, theirs = (measured[n].median(job) if n in measured else None for n in (OURS, other))
    if mine is None or theirs is None:
        return Aim(text)
    return Aim(text, f"{theirs / mine:.0f} times", theirs / mine >= least)


def _fastest(
    names: tuple[str, ...], job: str, measured: Mapping[str, Measured]
) -> tuple[str, float] | None:
    medians = [(name, measured[name].median(job)) for name in names if name in measured]
    there = [(name, seconds) for name, seconds in medians if seconds is not None]
    return min(there, key=lambda pair: pair[1], default=None)


def _quickest(
    text: str,
    job: str,
    mine: Measured,
    measured: Mapping[str, Measured],
    others: tuple[str, ...] = PANDAS_AND_POLARS,
) -> Aim:
    own, best = mine.median(job), _fastest(others, job, measured)
    if own is None or best is None:
        return Aim(text)
    name, theirs = best
    found = f"{own * 1000:.1f} ms; {name}, the fastest of them, {theirs * 1000:.1f} ms"
    return Aim(text, found, own < theirs)


def _within(text: str, mine: Measured, best: tuple[str, float] | None, *, most: float) -> Aim:
    own = mine.median("everything")
    if own is None or best is None:
        return Aim(text)
    share = own / best[1]
    return Aim(text, f"{share:.2f} times the time of {best[0]}", share <= most)


def _room(mine: Measured, samples: int) -> Aim:
    text = "at most 6 bytes a sample on disk, with the indexes"
    if not mine.bytes:
        return Aim(text)
    each = sum(mine.bytes.values()) / samples
    return Aim(text, f"{each:.2f} bytes", each <= 6)


def _memory(mine: Measured) -> Aim:
    text = "(4) takes at most twice the frame's memory"
    if mine.memory is None:
        return Aim(text)
    share = (mine.memory.peak - mine.memory.before) / mine.memory.frame
    return Aim(text, f"{share:.2f} times, beyond what the process had before", share <= 2)
