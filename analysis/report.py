"""The report: one HTML file with everything that was measured, which needs no network."""

import os
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack

from analysis.charting.vega import runtime
from analysis.comparing import margins
from analysis.metrics import METRICS, metric_of
from analysis.quantities import SECONDS
from analysis.reporting.page import page
from analysis.reporting.study import Wish
from analysis.reporting.workshop import Workshop, workshop_for
from analysis.reporting.writer import Writer
from minion.errors import InvalidData
from minion.files import check_writable, written_whole
from minion.selection import Choice, Texts, words
from minion.store import Store


@dataclass(frozen=True, slots=True)
class Report:
    """A report that was written.

    path: of the file. bytes: its size. seconds: that each step took, by its name.
    """

    path: Path
    bytes: int
    seconds: dict[str, float]


def write(
    store: Store,
    path: str | os.PathLike[str],
    *,
    baseline: str | None = None,
    margin: str | None = None,
    allow: Texts = None,
    facets: Texts = ("cpu",),
    command: str | None = None,
    workshop: Workshop | None = None,
    **choice: Unpack[Choice],
) -> Report:
    """Write the report of a selection, from what the comparison supports to how it was made.

    The platforms of an experiment are compared by duration and by every metric, all of these one
    family. Where they cannot be compared the report says why in one sentence, and holds everything
    else. Several experiments stand one after the other; they are not compared with each other.

    Args:
        store: where the data are.
        path: of the HTML file.
        baseline: compare every other platform with this one; default: all pairs.
        margin: how much of a difference still counts as none, set beforehand, as a share of the
            mean that is compared with: `5%`. Without it no verdict is "equivalent".
        allow: names of known differences between the platforms that may be.
        facets: names of the metrics of which every run and host is drawn.
        command: what the report names as its origin; default: this call.
        workshop: where its charts are drawn, entered; default: one of its own.
        choice: experiment, platform, sims, hosts, phase, include_excluded; see `Selection.of`.

    Returns:
        Where it is, how large, and how long each step took.

    Raises:
        NotFound: a simulation, platform, experiment, host, phase or metric that was named; or
            there is no simulation at all.
        InvalidData: a margin that does not fit every metric.
        OutputError: the file cannot be written; what was there before is untouched.
    """
    target = Path(path)
    check_writable(target)
    _check_margin(margin)
    wish = Wish(
        choice=choice,
        each_run=[metric_of(name).name for name in words(facets)],
        baseline=baseline,
        margin=margin,
        allow=allow,
    )
    told = {"baseline": baseline, "margin": margin, "allow": allow, **choice}
    with ExitStack() as stack:
        if workshop is None:
            workshop = stack.enter_context(workshop_for(store, **choice))
        writer = Writer(store, wish, workshop)
        writer.gather()
        with writer.clock.step("write"):
            content = page(writer, command=command or _call(target, told), runtime=runtime())
            with written_whole(target) as part:
                part.write_bytes(content.encode())
    return Report(target, target.stat().st_size, writer.clock.seconds)


# ---------------------------------------------------------------- inside


def _check_margin(margin: str | None) -> None:
    """A margin must fit seconds, percentages and rates alike."""
    if margin is None:
        return
    for unit in dict.fromkeys((SECONDS, *(metric.unit for metric in METRICS.values()))):
        try:
            margins.parse(margin, unit)
        except InvalidData as error:
            raise InvalidData(
                f"a report compares durations and every metric, so its margin must fit all of"
                f" them: give a share, such as 5% ({error})"
            ) from None


def _call(target: Path, options: Mapping[str, Any]) -> str:
    given = "".join(f", {name}={value!r}" for name, value in options.items() if value)
    return f"analysis.report.write(store, {target.name!r}{given})"
