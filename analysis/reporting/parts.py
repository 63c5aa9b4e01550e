"""What a report is made of: parts that hold sentences, figures, tables and folds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from analysis.reporting.tables import Table
from analysis.reporting.workshop import Drawn, Spec
from minion.errors import InvalidData


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence, and what it is about.

    verdict: `different`, `equivalent` or `undecided`; empty for a sentence that judges nothing.
    platforms, phase: what it is about; empty for all.
    figure: identity of the figure that shows it.
    """

    text: str
    verdict: str = ""
    platforms: tuple[str, ...] = ()
    phase: str = ""
    figure: str = ""


@dataclass(frozen=True, slots=True)
class Sentences:
    """Sentences one after the other.

    kind: how they look: `plain` are paragraphs, `claims` a list with verdicts, `notes` a list.
    """

    template: ClassVar[str] = "sentences"
    items: Sequence[Sentence]
    kind: str = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a figure comes from.

    facts: name and text: values, runs, excluded runs.
    sha256: of what it is drawn from.
    options: that it was made with; its chart may say more.
    commands: lines for a shell that give it, or its numbers, again.
    """

    facts: tuple[tuple[str, str], ...]
    sha256: str
    options: str = ""
    commands: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class Figure:
    """A chart in the page.

    identity: of its element.
    drawn: the chart.
    origin: where it comes from.
    table: identity of the table that holds its numbers.
    spans: for a chart over time, when each phase begins first and ends last, in seconds.
    aligned: its axis is made of phases that have one length in all runs.
    number: in the page, given when that is made.
    """

    template: ClassVar[str] = "figure"
    identity: str
    drawn: Drawn
    origin: Origin
    table: str = ""
    spans: Mapping[str, tuple[float, float]] | None = None
    aligned: bool = False
    number: int = 0

    @property
    def spec(self) -> Spec:
        """It as Vega-Lite.

        Raises:
            InvalidData: its data cannot be drawn.
        """
        return self.drawn.spec

    @property
    def fault(self) -> str:
        """Why it cannot be drawn; empty where it can."""
        try:
            return "" if self.spec else "there is nothing in it"
        except InvalidData as error:
            return str(error)

    @property
    def height(self) -> int:
        """About, in pixels, before it is drawn."""
        return 104 + _height(self.spec)

    @property
    def panels(self) -> str:
        """How many stand beside each other where there is room, their height, and room for each."""
        for name, room in (("concat", 330), ("hconcat", 220)):
            if name in self.spec:
                panels = self.spec[name]
                return f"{len(panels)} {max(map(_height, panels))} {room}"
        return ""

    @property
    def title(self) -> str:
        """What the chart is called."""
        return str(self.spec["title"]["text"])

    @property
    def notes(self) -> list[str]:
        """What its reader must know, in the chart's own words."""
        return [f"{str(text).rstrip('.')}." for text in self.spec["title"].get("subtitle", ())]

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """Where it comes from, name and text; its chart may have options of its own."""
        told = str(self.spec.get("usermeta", {}).get("options", ""))
        options = "; ".join(filter(None, (self.origin.options, told)))
        more = (("Options", options or "none"), ("SHA-256", self.origin.sha256))
        return (*self.origin.facts, *more)

    @property
    def description(self) -> str:
        """For those who do not see it."""
        return str(self.spec["description"])


@dataclass(slots=True)
class Fold:
    """Something that is opened on request.

    note: how much it holds.
    paper: whether it is open on paper.
    platforms: what it is about; empty for all.
    """

    template: ClassVar[str] = "fold"
    summary: str
    blocks: "Sequence[Block]"
    note: str = ""
    paper: bool = True
    platforms: tuple[str, ...] = ()


Block = Sentences | Figure | Table | Fold


@dataclass(slots=True)
class Part:
    """A section of the page: what stands in it, in order."""

    identity: str
    title: str
    blocks: list[Block] = field(default_factory=list)

    def say(self, *texts: str, kind: str = "plain") -> None:
        """Add sentences that judge nothing."""
        if texts:
            self.blocks.append(Sentences([Sentence(text) for text in texts], kind))

    def everything(self) -> Iterator[Block]:
        """All that stands in it, what is folded too."""
        yield from _inside(self.blocks)


@dataclass(frozen=True, slots=True)
class Look:
    """What all charts of an experiment share.

    prefix: of the identities.
    colours: of its platforms, in the order of every chart and table.
    simulated: the data were not measured.
    """

    prefix: str
    colours: Mapping[str, str]
    simulated: bool

    @property
    def platforms(self) -> list[str]:
        """In the order of every chart and table."""
        return list(self.colours)


def folded(table: Table, *, paper: bool = True) -> Fold:
    """A table behind its caption."""
    rows = len(table)
    return Fold(table.caption, [table], f"{rows:,} {'row' if rows == 1 else 'rows'}", paper)


def settled(blocks: "Sequence[Block]") -> "list[Block]":
    """Blocks whose figures are drawn: a sentence stands where one cannot be."""
    done: list[Block] = []
    for block in blocks:
        if isinstance(block, Fold):
            done.append(replace(block, blocks=settled(block.blocks)))
        elif isinstance(block, Figure):
            fault = block.fault
            missing = Sentences([Sentence(f"A figure is missing here: {fault}.")])
            done.append(missing if fault else block)
        else:
            done.append(block)
    return done


def _height(spec: Spec) -> int:
    """Pixels of what a chart draws on a wide page, about."""
    for name in ("concat", "hconcat", "vconcat"):
        if name in spec:
            heights = [_height(panel) for panel in spec[name]]
            beside = {"concat": spec.get("columns", 1), "vconcat": 1}.get(name, len(heights))
            return sum(max(heights[row : row + beside]) for row in range(0, len(heights), beside))
    if "facet" in spec:
        rows = len(spec["facet"].get("row", {}).get("sort", [0]))
        return rows * (_height(spec["spec"]) - (54 if "column" in spec["facet"] else 24))
    height = spec.get("height", 200)
    return 62 + round(height if isinstance(height, int | float) else 200)


def _inside(blocks: Sequence[Block]) -> Iterator[Block]:
    for block in blocks:
        yield block
        if isinstance(block, Fold):
            yield from _inside(block.blocks)
