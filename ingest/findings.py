"""What an import meets besides good data: counted by kind, with a few names."""

from dataclasses import dataclass, field

SHOWN = 5


@dataclass(slots=True)
class Findings:
    """Kinds of things, how many of each, and the names of some.

    odd: what is merely worth knowing.
    lacking: what should be there and could not be had.
    """

    odd: dict[str, "Finding"] = field(default_factory=dict)
    lacking: dict[str, "Finding"] = field(default_factory=dict)

    def note(self, kind: str, name: str = "", count: int = 1) -> None:
        """Count something odd."""
        _count(self.odd, kind, name, count)

    def lack(self, kind: str, name: str = "", count: int = 1) -> None:
        """Count something that should be there."""
        _count(self.lacking, kind, name, count)

    @property
    def notes(self) -> tuple[str, ...]:
        """A line for each odd kind."""
        return _lines(self.odd)

    @property
    def errors(self) -> tuple[str, ...]:
        """A line for each kind that is lacking."""
        return _lines(self.lacking)


@dataclass(slots=True)
class Finding:
    """How often, some names, and whether there are more."""

    count: int = 0
    names: list[str] = field(default_factory=list)
    more: bool = False


def _count(kinds: dict[str, Finding], kind: str, name: str, count: int) -> None:
    if count:
        finding = kinds.setdefault(kind, Finding())
        finding.count += count
        if name and name not in finding.names:
            finding.more = len(finding.names) == SHOWN
            finding.names += [] if finding.more else [name]


def _lines(kinds: dict[str, Finding]) -> tuple[str, ...]:
    return tuple(
        f"{kind}: {finding.count:,}" + (f" ({_names(finding)})" if finding.names else "")
        for kind, finding in kinds.items()
    )


def _names(finding: Finding) -> str:
    return ", ".join([*finding.names, *(["…"] if finding.more else [])])
