"""A contender's own process: reads a question a line, answers a line, both in JSON.

    python worker.py SETTINGS       settings in JSON; see `process.Worker`

Only the standard library, NumPy, pandas and the contender's own packages are imported, so it runs
in any environment that has these.
"""

import gc
import importlib
import json
import os
import sys
import traceback
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any, TextIO

from columns import Study
from contenders.base import Contender, Place, size_of
from jobs import labels, totals
from memory import Memory

MOST_CALLS = 9


def main() -> None:
    """Answer until the questions end."""
    # What a library prints must not stand between the answers.
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)
        settings = json.loads(sys.argv[1])
        try:
            contender = _made(settings)
        except ImportError as error:
            _say(answers, {"lacking": str(error)})
            return
        _say(answers, {"versions": _versions(settings["packages"]) | contender.facts()})
        for line in sys.stdin:
            try:
                answer = _answer(contender, json.loads(line))
            except Exception as error:  # noqa: BLE001  the parent tells it, and ends
                trace = traceback.format_exc()
                answer = {"error": f"{type(error).__name__}: {error}", "trace": trace}
            _say(answers, answer)
        contender.close()


def _made(settings: dict[str, Any]) -> Contender:
    module, name = settings["code"].split(":")
    made = getattr(importlib.import_module(f"contenders.{module}"), name)
    folder = Path(settings["folder"])
    folder.mkdir(parents=True, exist_ok=True)
    place = Place(
        study=Study.open(Path(settings["study"])),
        folder=folder,
        uri=settings["uri"],
        fraction=settings["fraction"],
    )
    contender: Contender = made(place, **settings["options"])
    return contender


def _answer(contender: Contender, question: dict[str, Any]) -> dict[str, Any]:
    what = question["do"]
    if what == "fill":
        contender.fill()
        return {}
    if what == "bytes":
        return {"bytes": contender.bytes_on_disk()}
    job = question["job"]
    answer = _timed(contender, job, labelled=question.get("labelled", False))
    # One call of a short job says little; the median of some says more.
    calls = [answer["seconds"]]
    while sum(calls) < question.get("least_s", 0.0) and len(calls) < MOST_CALLS:
        calls.append(_timed(contender, job)["seconds"])
    return answer | {"seconds": median(calls)}


def _timed(contender: Contender, job: str, *, labelled: bool = False) -> dict[str, Any]:
    contender.before(job)
    gc.collect()
    memory = Memory.reset()
    with contender.clock() as timed:
        result = getattr(contender, job)()
    peak = memory.peak()
    answer = {
        "seconds": timed.seconds,
        "notes": timed.notes or {},
        "totals": totals(job, result),
        "before": memory.before,
        "peak": peak,
    }
    if job == "everything":
        answer["frame"] = size_of(result)
    if labelled:
        answer["labels"] = labels(result)
    del result
    contender.after(job)
    return answer


def _versions(packages: list[str]) -> dict[str, str]:
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found


def _say(answers: TextIO, answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
