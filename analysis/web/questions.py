"""The form that asks: which runs, which metric, which phase; what it says is the address."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dash import Dash, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component

from analysis.comparing.comparability import PLATFORM
from analysis.web.address import Question, query, question_of, question_query
from analysis.web.keeper import Keeper
from analysis.web.listing import Listing
from analysis.web.offers import Offers, factor_offers, offers
from analysis.web.parts import labelled
from minion import schema
from minion.errors import InvalidData, MinionError
from minion.selection import Selection, natural

MOST_RUNS = 2_000  # that a page compares or puts into one file; more is for the command line
EVERYTHING, RUNS = "samples", "runs"  # what a file holds besides metrics
_TEXTS = {
    "margin": ("Margin", "5% or 2 s"),
    "allow": ("Allowed differences", "ram,netdata"),
    "sims": ("Runs", "1000-1026,1030"),
    "quantile": ("Quantile", "None: the mean"),
    "confidence": ("Confidence", "0.95"),
}
_LABELS = {"excluded": "Excluded runs", "factor": "Compared by"}
_EMPTY = {
    "experiment": "Choose one",
    "platform": "All platforms",
    "phase": "All phases",
    "baseline": "Each with each",
    "excluded": "Left out",
}


@dataclass(frozen=True, slots=True)
class Form:
    """The controls of one page.

    name: of its elements. path: of its page. often, seldom: its controls, fields of `Question`;
        the second ones are folded away until one of them says something.
    whats: what its `metric` offers besides metrics and measurements.
    """

    name: str
    path: str
    often: Sequence[str]
    seldom: Sequence[str] = ()
    whats: Mapping[str, str] = field(default_factory=dict)

    @property
    def controls(self) -> tuple[str, ...]:
        """All of them, in their order."""
        return (*self.often, *self.seldom)

    def place(self, keeper: Keeper, search: str) -> Component:
        """Where it stands, holding what an address says."""
        return html.Div(
            self._made(keeper, question_of(search)), id=f"{self.name}-form", role="search"
        )

    def register(self, app: Dash, keeper: Keeper) -> None:
        """The callbacks: the address follows the form, the form follows the address."""
        held = [f"{self.name}-{control}" for control in self.controls]

        @app.callback(
            Output("url", "search", allow_duplicate=True),
            *(Input(control, "value") for control in held),
            State("url", "search"),
            prevent_initial_call=True,
        )
        def choose(*values: Any) -> Any:
            *chosen, search = values
            wanted, now = self._chosen(chosen), question_of(search)
            if wanted.experiment != now.experiment:  # what else was chosen is another's
                wanted = Question(experiment=wanted.experiment, metric=wanted.metric)
            elif wanted.by != now.by:  # a level of one factor is none of another
                wanted = replace(wanted, baseline="", platform="")
            return no_update if wanted == now else question_query(wanted)

        @app.callback(
            Output(f"{self.name}-form", "children"),
            Input("url", "search"),
            *(State(control, "value") for control in held),
            State(f"{self.name}-offered", "data"),
            State("url", "pathname"),
            prevent_initial_call=True,
        )
        def follow(search: str | None, *values: Any) -> Any:
            *chosen, offered, path = values
            wanted = question_of(search)
            same = wanted == self._chosen(chosen) and offered == _standing(wanted)
            return no_update if path != self.path or same else self._made(keeper, wanted)

    def _chosen(self, values: Sequence[Any]) -> Question:
        given = dict(zip(self.controls, values, strict=True))
        if given.get("factor") == PLATFORM:
            given["factor"] = ""
        return question_of(query(**{name: value or "" for name, value in given.items()}))

    def _made(self, keeper: Keeper, question: Question) -> list[Component]:
        try:
            with keeper.listing() as listing:
                offered = offers(listing, question)
                experiments = offered["experiment"]
                if not question.experiment and len(experiments) == 1:
                    question = replace(question, experiment=experiments[0][0])
                if "factor" in self.controls:
                    offered |= factor_offers(listing, question)
        except MinionError:  # the page's region says it
            offered = {}
        often, seldom = (
            html.Div(
                [self._control(name, question, offered) for name in names], className="filters"
            )
            for names in (self.often, self.seldom)
        )
        said = any(getattr(question, name) for name in self.seldom)
        more = html.Details([html.Summary("More options"), seldom], open=said or None)
        return [
            often,
            *([more] if self.seldom else []),
            dcc.Store(id=f"{self.name}-offered", data=_standing(question)),
        ]

    def _control(self, name: str, question: Question, offered: Offers) -> Component:
        identity, value = f"{self.name}-{name}", getattr(question, name)
        if name == "factor":
            value = question.by
        if name in _TEXTS:
            label, example = _TEXTS[name]
            control = dcc.Input(
                id=identity,
                type="text",
                value=value,
                debounce=True,
                placeholder=example,
                maxLength=1_000,
                autoComplete="off",
            )
            return labelled(label, identity, control)
        options = [("yes", "Taken too")] if name == "excluded" else offered.get(name, [])
        if name == "metric":
            options = [*options, *self.whats.items()]
        if value and value not in (key for key, _ in options):
            options = [*options, (value, value)]
        dropdown = dcc.Dropdown(
            id=identity,
            options=[{"value": key, "label": label} for key, label in options],
            value=value or None,
            placeholder=_EMPTY.get(name, ""),
            clearable=name in _EMPTY and name != "experiment",
            # Platforms that are compared are not chosen from.
            disabled=name == "platform"
            and "factor" in self.controls
            and question.by == PLATFORM
            and not value,
            searchable=len(options) > 8,
        )
        label = _LABELS.get(name, name.capitalize())
        if name == "metric" and self.whats:
            label = "What"
        return labelled(label, identity, dropdown)


def _standing(question: Question) -> list[str]:
    """What the offers of a form depend on."""
    return [question.experiment, question.by, question.platform]


def only_experiment(listing: Listing, question: Question) -> Question:
    """The question, with the experiment named where there is only one.

    Raises:
        InvalidData: there are several, or none.
    """
    if question.experiment:
        return question
    names = sorted(listing.counts().by("experiment"), key=natural)
    if not names:
        raise InvalidData("there is no run yet; `minion demo` makes some")
    if len(names) > 1:
        raise InvalidData("choose an experiment: runs are only compared inside one")
    return question_of(question_query(question, experiment=names[0]))


def check_size(listing: Listing, question: Question) -> int:
    """How many runs a question is about.

    Raises:
        InvalidData: more than a page answers for.
    """
    query_of = Selection.of(**question.choice).query()
    number: int = listing.store.database[schema.MINIONS].count_documents(query_of)
    if number > MOST_RUNS:
        raise InvalidData(
            f"these are {number:,} runs, and a page takes {MOST_RUNS:,} at most: choose fewer, or"
            " use the commands of the same name"
        )
    return number
