"""The report: one HTML file with everything that was measured, which needs no network."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack

from analysis.reporting.clock import Clock
from analysis.reporting.workshop import Workshop
from minion.errors import NotFound
from minion.files import check_writable, written_whole
from minion.selection import Choice, Selection, Texts
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
    told = {"baseline": baseline, "margin": margin, "allow": allow, **choice}
    clock = Clock()
    with Workshop() as workshop:
        with clock.step("read"):
            simulations = store.simulations(Selection.of(**choice))
            if not simulations:
                raise NotFound(
                    "there is no simulation to report on; `minion runs` lists what there is"
                )
            samples = store.count_samples(simulations)
        workshop.expect(sum(samples.values()))
        with clock.step("load"):  # all that computes and draws, while the workshop does the same
            from analysis.reporting.page import page  # noqa: PLC0415
            from analysis.reporting.study import Wish  # noqa: PLC0415
            from analysis.reporting.writer import Writer  # noqa: PLC0415
        wish = Wish.of(choice, facets=facets, baseline=baseline, margin=margin, allow=allow)
        writer = Writer(store, wish, workshop, clock)
        writer.gather(simulations, samples)
        with clock.step("write"):
            content = page(writer, command=command or _call(target, told))
            with written_whole(target) as part:
                part.write_bytes(content.encode())
    return Report(target, target.stat().st_size, clock.seconds)


# ---------------------------------------------------------------- inside


def _call(target: Path, options: Mapping[str, Any]) -> str:
    given = "".join(f", {name}={value!r}" for name, value in options.items() if value)
    return f"analysis.report.write(store, {target.name!r}{given})"
