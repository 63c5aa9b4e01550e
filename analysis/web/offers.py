"""What a form offers: the names that the store has, asked of MongoDB."""

from typing import Any

from analysis.comparing.comparability import PLATFORM, level_text
from analysis.web.address import LABELS, Question
from analysis.web.listing import Filter, Listing
from minion import lookup, schema
from minion.documents import Document
from minion.lifecycle import GAPS, PHASE_NAMES, read_timeline
from minion.selection import natural

LOOKED_AT = 20  # newest runs that say which phases and measurements an experiment has
MOST_NAMES = 200  # parameters of an experiment, and levels of a parameter

Offers = dict[str, list[tuple[str, str]]]


def offers(listing: Listing, question: Question) -> Offers:
    """What there is to choose from: for each control, values and what people read."""
    counts = listing.counts()
    experiments = counts.by("experiment")
    experiment = question.experiment or (next(iter(experiments)) if len(experiments) == 1 else "")
    platforms = sorted(counts.by("platform", experiment=experiment), key=natural)
    phases = list(PHASE_NAMES)
    metrics = dict(LABELS)
    for simulation in _newest(listing, experiment):
        timeline = read_timeline(simulation)
        phases += [p.name for p in (timeline.phases if timeline else ())]
        metrics |= {m.name: m.name for m in simulation.measurements if m.name not in metrics}
    phases += [gap.name for gap in GAPS]
    return {
        "experiment": [
            (name, f"{name} ({experiments[name]:,})") for name in sorted(experiments, key=natural)
        ],
        "platform": [(name, name) for name in platforms],
        "phase": [(name, name) for name in dict.fromkeys(phases)],
        "metric": list(metrics.items()),
    }


def factor_offers(listing: Listing, question: Question) -> Offers:
    """What can be compared by, and the levels of it: for the controls `factor` and `baseline`.

    A parameter that has one value in all runs of the experiment is no factor.
    """
    names = [PLATFORM, *_parameters(listing, question.experiment)]
    if question.by == PLATFORM:
        counts = listing.counts()
        levels = list(counts.by("platform", experiment=question.experiment))
    else:
        levels = _levels(listing, question)
    return {
        "factor": [(name, "Platform" if name == PLATFORM else name) for name in names],
        "baseline": [(level, level) for level in sorted(levels, key=natural)],
    }


def _parameters(listing: Listing, experiment: str) -> list[str]:
    pipeline: list[Document] = [
        {"$match": {"experiment": experiment}},
        {"$project": {"parameter": {"$objectToArray": "$parameters"}}},
        {"$unwind": "$parameter"},
        {
            "$group": {
                "_id": "$parameter.k",
                "low": {"$min": "$parameter.v"},
                "high": {"$max": "$parameter.v"},
            }
        },
        {"$match": {"$expr": {"$ne": ["$low", "$high"]}}},
        {"$sort": {"_id": 1}},
        {"$limit": MOST_NAMES},
    ]
    found = listing.store.database[schema.MINIONS].aggregate(pipeline)
    return sorted((d["_id"] for d in found), key=natural)


def _levels(listing: Listing, question: Question) -> list[str]:
    # A parameter's name may hold what is no path: a dot, a dollar.
    value = {"$getField": {"field": {"$literal": question.factor}, "input": "$parameters"}}
    pipeline: list[Document] = [
        {"$match": {key: v for key, v in _asked(question).items() if v}},
        {"$group": {"_id": value}},
        {"$limit": MOST_NAMES},
    ]
    found = listing.store.database[schema.MINIONS].aggregate(pipeline)
    return [level_text(d["_id"]) for d in found if d["_id"] is not None]


def _asked(question: Question) -> Document:
    return {"experiment": question.experiment, "platform": question.platform}


def _newest(listing: Listing, experiment: str) -> list[Any]:
    ids = listing.ids(Filter(experiment=experiment), skip=0, limit=LOOKED_AT)
    found = listing.store.database[schema.MINIONS].find({"_id": {"$in": ids}})
    return [lookup.read(document) for document in found]
