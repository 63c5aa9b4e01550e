"""Values that runs do not have, in as few sentences as say it all."""

from collections import Counter
from collections.abc import Mapping, Sequence

import pandas as pd

from analysis.comparing.comparability import called
from analysis.comparing.judgement import Judgement
from analysis.comparing.questions import Question
from analysis.values import ALL_HOSTS
from minion.console import records

_MOST = 3  # phases, dimensions and causes that a sentence names
_NOTHING = "nothing recorded"

Where = tuple[str, str, str]  # metric, dimension, phase


def lacking(
    judgement: Judgement,
    left_out: pd.DataFrame,
    level_of: Mapping[tuple[str, str], str],
    *,
    factor: str,
) -> list[str]:
    """Where a level has fewer values than runs, and why.

    One sentence for all dimensions and phases of a metric of which the same is to be said.

    Args:
        judgement: of all hosts together.
        left_out: as `Evidence.left_out` gives it.
        level_of: the level of each run, by (experiment, sim_id).
        factor: what the levels are levels of.
    """
    reasons = _reasons(left_out, level_of)
    dimensions: dict[tuple[str, str, str], list[str]] = {}  # by metric, phase, what is said
    for q in judgement.questions:
        for level, values in q.groups.items():
            if len(values) < q.total[level]:
                of = reasons.get(((q.metric, q.dimension, q.phase), level), Counter())
                said = _said(q, level, of, factor)
                dimensions.setdefault((q.metric, q.phase, said), []).append(q.dimension)
    phases: dict[tuple[str, str, str], list[str]] = {}  # by metric, dimensions, what is said
    for (metric, phase, said), names in dimensions.items():
        of_metric = _listed([name for name in names if name], "dimensions")
        phases.setdefault((metric, of_metric, said), []).append(phase)
    return [
        f"{metric}{f' ({of_metric})' if of_metric else ''} in {_listed(names, 'phases')}: {said}"
        for (metric, of_metric, said), names in phases.items()
    ]


def _reasons(
    left_out: pd.DataFrame, level_of: Mapping[tuple[str, str], str]
) -> dict[tuple[Where, str], Counter[str]]:
    """How many runs of a level lack a value for which reason, by what they lack and level."""
    found: dict[tuple[Where, str], Counter[str]] = {}
    names = ["experiment", "sim_id", "metric", "dimension", "phase", "role", "reason"]
    columns = left_out.reindex(columns=names, fill_value="").fillna("")
    for row in records(columns[columns["role"] == ALL_HOSTS].drop_duplicates()):
        level = level_of.get((row["experiment"], row["sim_id"]))
        if level is not None:
            where = (row["metric"], row["dimension"], row["phase"])
            found.setdefault((where, level), Counter())[row["reason"]] += 1
    return found


def _said(question: Question, level: str, reasons: Counter[str], factor: str) -> str:
    total = question.total[level]
    missing = total - len(question.groups[level])
    rest = missing - reasons.total()
    known = (reasons + Counter({_NOTHING: rest})).most_common()  # a rest below 1 falls out
    if len(known) == 1:
        why = known[0][0]
    else:
        why = "; ".join(f"{n}: {reason}" for reason, n in known[:_MOST])
        why += f"; {sum(n for _, n in known[_MOST:])}: others" if len(known) > _MOST else ""
    have = "has" if missing == 1 else "have"
    return f"{missing} of {total} runs of {called(level, factor)} {have} no value ({why})"


def _listed(names: Sequence[str], what: str) -> str:
    if len(names) > _MOST + 1:
        return f"{', '.join(names[:_MOST])} and {len(names) - _MOST} more {what}"
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
