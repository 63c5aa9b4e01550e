"""What the makers of figures share."""

from collections.abc import Mapping, Sequence
from typing import Any

from analysis.reporting.origins import Source
from analysis.reporting.parts import Figure, Look
from analysis.reporting.workshop import Drawn, Workshop

Spans = Mapping[str, tuple[float, float]]


class Maker:
    """Orders charts of one experiment and says where they come from.

    workshop: where charts are ordered.
    look, source: what all of them share.
    spans: when each phase begins first and ends last.
    """

    def __init__(self, workshop: Workshop, look: Look, source: Source, spans: Spans) -> None:
        self.workshop, self.look, self.source, self.spans = workshop, look, source, spans
        self.shared: dict[str, Any] = {
            "simulated": look.simulated,
            "platforms": look.platforms,
            "colours": dict(look.colours),
        }

    def figure(
        self,
        identity: str,
        drawn: Drawn,
        *,
        how: str,
        sha256: str,
        commands: Sequence[Sequence[str]] = (),
        source: Source | None = None,
        platforms: Sequence[str] = (),
        options: str = "",
    ) -> Figure:
        """A chart in the page.

        Args:
            identity: without what all of the experiment begin with.
            drawn: the chart.
            how, sha256, commands, platforms, options: as of `Source.origin`; a chart among the
                commands goes to a file of the identity's name.
            source: where it comes from, where that is not the whole experiment.
        """
        name = f"{self.look.prefix}-{identity}"
        origin = (source or self.source).origin(
            how=how,
            sha256=sha256,
            options=options,
            commands=[_into_a_file(words, name) for words in commands],
            platforms=platforms,
        )
        return Figure(identity=f"{name}-figure", drawn=drawn, origin=origin)


def chart_command(metric: str, kind: str, *options: str) -> list[str]:
    """The words of `minion` that draw a chart; the figure they stand below names the file."""
    return ["chart", metric, f"--kind={kind}", *options]


# ---------------------------------------------------------------- inside


def _into_a_file(words: Sequence[str], name: str) -> list[str]:
    """The words, with a file for what draws a chart: no other figure has its name."""
    if words[0] != "chart":
        return list(words)
    ending = "html" if "--kind=flame" in words else "svg"  # a flame graph is zoomed
    return [*words, f"--out={name}.{ending}"]
