"""Verdicts as sentences that somebody who knows no statistics understands."""

import math
from decimal import Decimal

from analysis.comparing.comparability import PLATFORM, called
from analysis.comparing.judgement import Decision, Judgement, Pair
from analysis.quantities import DURATION
from analysis.statistics.multiplicity import level_of
from analysis.values import ALL_HOSTS
from minion.lifecycle import TOTAL
from minion.model import Role

_WORDS = {
    "cpu": "CPU utilization",
    "ram": "RAM utilization",
    "disk_util": "disk utilization",
    ("disk_io", "in"): "disk reading (in)",
    ("disk_io", "out"): "disk writing (out)",
    ("net", "InOctets"): "network traffic received (InOctets)",
    ("net", "OutOctets"): "network traffic sent (OutOctets)",
}
_MOST_DIGITS = 6  # of a share; smaller ones have an exponent
_MOST_DECIMALS = 9
_HOSTS = {Role.MASTER.value: "the master's ", Role.WORKER.value: "the workers' "}


def sentence(pair: Pair, *, factor: str = PLATFORM, confidence: float = 0.95) -> str:
    """What a pair's verdict says, with its numbers.

    Args:
        pair: judged.
        factor: what its levels are levels of.
        confidence: of the interval.
    """
    c, unit = pair.contrast, _unit(pair)
    text = f"{_claim(pair, factor)}{_margin(pair)}"
    sign = 1
    if pair.verdict is Decision.DIFFERENT:
        sign = 1 if c.difference >= 0 else -1
    else:
        names = f"{called(pair.level, factor)} minus {called(pair.reference, factor)}"
        text += f"; {names} is {estimate(c.difference, _width(pair))}{unit}{_share(pair)}"
    if math.isfinite(c.low):
        low, high = sorted((sign * c.low, sign * c.high))
        digits = decimals(_width(pair))
        ends = f"{rounded(low, digits)} to {rounded(high, digits)}{unit}"
        text += f"; {percent(confidence)} % interval {ends}"
    text += f"; {len(pair.x)} and {len(pair.y)} runs"
    return f"{text}: {pair.reason}." if pair.reason else f"{text}."


def overall(judgement: Judgement) -> str:
    """How the verdicts of a whole family divide, and how often one is false, in one sentence."""
    counts = {d: sum(pair.verdict is d for pair in judgement.pairs) for d in Decision}
    total = len(judgement.pairs)
    if not total:
        return "There is nothing to compare."
    with_margin = any(q.margin for q in judgement.questions)
    kinds = [d for d in Decision if counts[d] or (d is not Decision.EQUIVALENT or with_margin)]
    parts = [f"{counts[d]} {d.value}" for d in kinds]
    listed = ", ".join(parts[:-1]) + f" and {parts[-1]}"
    noun = "comparison" if total == 1 else "comparisons"
    level = percent(level_of(judgement.confidence))
    said = (
        f"{total} {noun} ({judgement.family.name}): {listed}; the chance of any false"
        f' "{Decision.DIFFERENT}" among them is kept below {level} %'
    )
    if with_margin:
        said += (
            f'; so is, each by itself, that of any false "{Decision.EQUIVALENT}" and that of any'
            ' false "exceeds the margin"'
        )
    return f"{said}."


def _claim(pair: Pair, factor: str) -> str:
    c = pair.contrast
    amount = f"{estimate(abs(c.difference), _width(pair))}{_unit(pair)}{_share(pair)}"
    name, other = called(pair.level, factor), called(pair.reference, factor)
    where = _where(pair)
    if pair.question.metric == DURATION:
        if pair.verdict is Decision.DIFFERENT:
            return f"{where}: {name} takes {amount} {_more(c.difference)} than {other}"
        if pair.verdict is Decision.EQUIVALENT:
            return f"{where}: {name} takes as long as {other}"
        return f"{where}: whether {name} takes longer or shorter than {other} is undecided"
    what = _what(pair)
    if pair.verdict is Decision.DIFFERENT:
        direction = "higher" if c.difference > 0 else "lower"
        return f"{where}: {what} is {amount} {direction} with {name} than with {other}"
    if pair.verdict is Decision.EQUIVALENT:
        return f"{where}: {what} is the same with {name} as with {other}"
    return f"{where}: whether {what} differs between {name} and {other} is undecided"


def _margin(pair: Pair) -> str:
    margin = pair.margin
    if margin is None:  # or it has no meaning here, which the reason says
        return ""
    if pair.verdict is Decision.EQUIVALENT:
        return f", within {margin.text}"
    if pair.verdict is Decision.DIFFERENT:
        if pair.exceeds:
            return f"; that exceeds the margin of {margin.text}"
        return f"; whether that exceeds the margin of {margin.text} is open"
    return ""


def _where(pair: Pair) -> str:
    phase = pair.question.phase
    return "Whole run" if phase == TOTAL.name else phase


def _what(pair: Pair) -> str:
    q = pair.question
    name = _WORDS.get((q.metric, q.dimension)) or _WORDS.get(q.metric, q.metric)
    if q.dimension and (q.metric, q.dimension) not in _WORDS:
        name += f" of {q.dimension}"
    if q.role != ALL_HOSTS:
        name = f"{_HOSTS.get(q.role, q.role + ' ')}{name}"
    if q.quantile is not None:
        name = f"the {quantile_name(q.quantile)} of {name}"
    return f"{name} on {', '.join(q.hosts)}" if q.hosts else name


def quantile_name(quantile: float) -> str:
    """A quantile as sentences name it."""
    return {0.0: "minimum", 0.5: "median", 1.0: "maximum"}.get(quantile, f"{quantile:g} quantile")


def _more(difference: float) -> str:
    return "more" if difference > 0 else "less"


def _unit(pair: Pair) -> str:
    return difference_unit(pair.question.unit)


def difference_unit(unit: str) -> str:
    """A unit as it follows a difference: of two percentages it is a number of points."""
    return {"%": " percentage points", "": ""}.get(unit, f" {unit}")


def decimals(width: float) -> int:
    """Decimal places that show an interval of that width with two significant digits."""
    if not math.isfinite(width) or width <= 0:
        return 2
    return max(0, 1 - math.floor(math.log10(width)))


def estimate(difference: float, width: float) -> str:
    """A difference with the decimals of its interval, and with two digits at least.

    Args:
        difference: in any unit.
        width: of its interval; not finite where it has none.
    """
    if not math.isfinite(width):
        return rounded(difference, decimals(abs(difference) / 10))
    digits = decimals(width)
    return rounded(difference, max(digits, decimals(abs(difference))) if difference else digits)


def percent(share: float) -> str:
    """A share in per cent, with every digit that it was given with."""
    return f"{(Decimal(str(share)) * 100).normalize():f}"


def _width(pair: Pair) -> float:
    return pair.contrast.high - pair.contrast.low


def _share(pair: Pair) -> str:
    """The difference in per cent of the reference, where a ratio has a meaning."""
    share = (pair.contrast.ratio - 1) * 100
    if not math.isfinite(share):
        return ""
    if pair.verdict is Decision.DIFFERENT:
        share = abs(share)
    digits = 0 if abs(share) >= 10 else 1
    if share and abs(share) < 0.05:  # what is not zero is not shown as zero
        digits = -math.floor(math.log10(abs(share)))
    text = rounded(share, digits) if digits <= _MOST_DIGITS else f"{share:.0e}"
    return f" ({text} %)"


def rounded(value: float, digits: int) -> str:
    """A number with so many decimals; never a negative zero.

    Where these are many it has an exponent, and the same last digit.
    """
    if digits > _MOST_DECIMALS:
        most = digits + math.floor(math.log10(abs(value))) if value else -1
        return f"{value:.{most}e}" if most >= 0 else "0"
    text = f"{value:.{digits}f}"
    return text.removeprefix("-") if float(text) == 0 else text
