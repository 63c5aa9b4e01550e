"""What the makers of figures share."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from analysis.reporting.origins import Source
from analysis.reporting.parts import Figure, Look
from analysis.reporting.workshop import Drawn, Spec, Workshop

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
        finish: Callable[[Spec], Spec] | None = None,
    ) -> Figure:
        """A chart in the page.

        Args:
            identity: without what all of the experiment begin with.
            drawn: the chart.
            how, sha256, commands, platforms, options: as of `Source.origin`.
            source: where it comes from, where that is not the whole experiment.
            finish: what is still done to the chart.
        """
        origin = (source or self.source).origin(
            how=how, sha256=sha256, options=options, commands=commands, platforms=platforms
        )
        return Figure(
            identity=f"{self.look.prefix}-{identity}-figure",
            drawn=drawn,
            origin=origin,
            finish=finish,
        )


def chart_command(metric: str, kind: str) -> list[str]:
    """The words of `minion` that draw a chart into a file of its name."""
    return ["chart", metric, f"--kind={kind}", f"--out={metric}-{kind}.svg"]
