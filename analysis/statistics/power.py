"""How many runs it takes: for a narrow interval, to find a difference, to show equivalence.

Two groups of normal values whose standard deviations need not be equal, compared by Welch's t.
Every function takes the level alpha; divide it by the number of tests where several are made
(Bonferroni), and the answer holds for all of them together. Where it is not Student's t that a
difference is held against, give the critical value: see `analysis.statistics.critical`.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import chdtri, gammaln, nctdtr, ndtr, ndtri, stdtrit

from analysis.statistics.critical import Critical, alone
from minion.errors import InvalidData

ALPHA = 0.05
POWER = 0.8
MOST_RUNS = 10_000_000
_FEWEST = 2  # runs that a standard deviation needs

Pair = tuple[float, float]
Floats = NDArray[np.float64]

# Nodes and weights on 0 to 1; what is integrated is smooth, so these give ten digits.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(100)
_NODES, _WEIGHTS = (_NODES + 1) / 2, _WEIGHTS / 2


def half_width(
    sd: Pair, n: Pair, *, alpha: float = ALPHA, critical: Critical | None = None
) -> float:
    """Half the width of the interval of the difference of two means.

        t(1 - alpha / 2, df) x sqrt(sd_1^2 / n_1 + sd_2^2 / n_2)

    with the degrees of freedom of Satterthwaite (Welch, The Generalization of "Student's" Problem
    when Several Different Population Variances are Involved, 1947). It is what the interval comes
    to when the samples' standard deviations are those given; half of all intervals are wider.

    Args:
        sd: standard deviation of a run in each group.
        n: runs in each group, 2 at least.
        alpha: 1 - confidence.
        critical: what stands for t(1 - alpha / 2, df), of several intervals that hold together.

    Raises:
        InvalidData: a number that cannot be one of these.
    """
    error, df = _error(sd, n)
    _check_level(alpha)
    return (critical or alone(alpha))(df) * error if error else 0.0


def power_of_difference(
    difference: float,
    sd: Pair,
    n: Pair,
    *,
    alpha: float = ALPHA,
    critical: Critical | None = None,
) -> float:
    """How likely Welch's test at level alpha, two-sided, finds a true difference.

    The noncentral t distribution with Satterthwaite's degrees of freedom (Moser, Stevens and
    Watts, The Two-Sample t Test Versus Satterthwaite's Approximate F Test, 1989). It is exact where
    both groups have the same deviation and size; then it is R's power.t.test, strict.

    Args:
        difference: between the true means.
        sd, n, critical: see `half_width`.
        alpha: level of the test.

    Raises:
        InvalidData: a number that cannot be one of these.
    """
    error, df = _error(sd, n)
    _check_level(alpha)
    if not np.isfinite(difference):
        raise InvalidData(f"a difference of {difference}; give a number")
    if error == 0:
        return 1.0 if difference else alpha
    limit, centre = (critical or alone(alpha))(df), abs(difference) / error
    # The library gives NaN where a tail is too thin to be computed: it is 0 there.
    missed, wrong = np.nan_to_num(nctdtr(df, centre, [limit, -limit]))
    return float(np.clip(1 - missed + wrong, 0, 1))


def power_of_equivalence(
    margin: float, sd: Pair, n: Pair, *, difference: float = 0.0, alpha: float = ALPHA
) -> float:
    """How likely two one-sided tests at level alpha each show that two means are equivalent.

    They do when the interval of confidence 1 - 2 alpha lies between -margin and margin. With the
    estimated difference normal, its estimated error sqrt(chi^2 / df) times the true one, and both
    independent, the probability is integrated over chi^2:

        E[Phi((margin - t s - d) / s0) - Phi((-margin + t s - d) / s0)]+

    (Schuirmann, A Comparison of the Two One-Sided Tests Procedure ..., 1987; Phillips, Power of
    the Two One-Sided Tests Procedure in Bioequivalence, 1990, who writes it with Owen's Q). It is
    exact where both groups have the same deviation and size, else Satterthwaite's approximation.

    Args:
        margin: largest difference that counts as none, in the values' unit.
        sd, n: see `half_width`.
        difference: between the true means.
        alpha: level of each of the two tests.

    Raises:
        InvalidData: a number that cannot be one of these.
    """
    error, df = _error(sd, n)
    _check_level(alpha)
    if not (np.isfinite(margin) and margin > 0 and np.isfinite(difference)):
        raise InvalidData(
            f"a margin of {margin} at a difference of {difference}; give a margin above 0"
        )
    if error == 0:
        return 1.0 if abs(difference) < margin else 0.0
    t = float(stdtrit(df, 1 - alpha))
    # The estimated error as a multiple of the true one: no interval fits beyond the first limit,
    # and nothing is left of its density beyond the others.
    spread = 12 / np.sqrt(2 * df)
    low, high = max(0.0, 1 - spread), min(margin / (t * error), 1 + spread)
    if high <= low:
        return 0.0
    multiple = low + (high - low) * _NODES
    room = margin - t * error * multiple
    inside = ndtr((room - difference) / error) - ndtr((-room - difference) / error)
    weights = (high - low) * _WEIGHTS * _density(multiple, df)
    return float(np.clip(np.sum(weights * inside), 0, 1))


def runs_for_width(
    sd: Pair, width: float, *, alpha: float = ALPHA, critical: Critical | None = None
) -> int | None:
    """The fewest runs in each group with `half_width` at most `width`; None above 10,000,000.

    Args:
        sd: standard deviation of a run in each group.
        width: wanted half width of the interval of the difference, in the values' unit.
        alpha: 1 - confidence.
        critical: see `half_width`.

    Raises:
        InvalidData: a number that cannot be one of these.
    """
    _check_wanted(width)
    _check_level(alpha)
    limit = critical or alone(alpha)
    return _fewest(
        lambda n: half_width(sd, (n, n), alpha=alpha, critical=limit) <= width,
        (limit(np.inf) * np.hypot(*sd) / width) ** 2,
    )


def runs_for_difference(
    sd: Pair,
    difference: float,
    *,
    power: float = POWER,
    alpha: float = ALPHA,
    critical: Critical | None = None,
) -> int | None:
    """The fewest runs in each group with that `power_of_difference`; None above 10,000,000.

    Args:
        sd: standard deviation of a run in each group.
        difference: that shall be found, in the values' unit.
        power: how likely.
        alpha: level of the test.
        critical: see `half_width`.

    Raises:
        InvalidData: a number that cannot be one of these.
    """
    _check_wanted(difference)
    _check_power(power, alpha)
    limit = critical or alone(alpha)

    def enough(n: int) -> bool:
        return power_of_difference(difference, sd, (n, n), alpha=alpha, critical=limit) >= power

    z = limit(np.inf) + float(ndtri(power))
    return _fewest(enough, (z * np.hypot(*sd) / difference) ** 2)


def runs_for_equivalence(
    sd: Pair,
    margin: float,
    *,
    difference: float = 0.0,
    power: float = POWER,
    alpha: float = ALPHA,
) -> int | None:
    """The fewest runs in each group with that `power_of_equivalence`; None above 10,000,000.

    Args:
        sd: standard deviation of a run in each group.
        margin: largest difference that counts as none, in the values' unit.
        difference: between the true means; below the margin.
        power: how likely equivalence shall be shown.
        alpha: level of each of the two one-sided tests.

    Raises:
        InvalidData: a number that cannot be one of these.
    """
    _check_wanted(margin)
    _check_power(power, alpha)
    if abs(difference) >= margin:
        raise InvalidData(
            f"a true difference of {difference:g} is not inside a margin of {margin:g}: no number"
            " of runs shows equivalence"
        )
    z = float(ndtri(1 - alpha) + ndtri((1 + power) / 2 if difference == 0 else power))
    return _fewest(
        lambda n: (
            power_of_equivalence(margin, sd, (n, n), difference=difference, alpha=alpha) >= power
        ),
        (z * np.hypot(*sd) / (margin - abs(difference))) ** 2,
    )


def detectable(
    sd: Pair,
    n: Pair,
    *,
    power: float = POWER,
    alpha: float = ALPHA,
    critical: Critical | None = None,
) -> float:
    """The smallest true difference that Welch's test finds with that power at n runs.

    Args:
        sd, n, critical: see `half_width`.
        power: how likely.
        alpha: level of the test.

    Returns:
        The difference where `power_of_difference` is `power`, in the values' unit.

    Raises:
        InvalidData: a number that cannot be one of these.
    """
    error, df = _error(sd, n)
    _check_power(power, alpha)
    if error == 0:
        return 0.0
    # At twice the sum of both quantiles of t the power is beyond the one wanted.
    limit = (critical or alone(alpha))(df)
    most = 2 * (limit + abs(float(stdtrit(df, power))) + 1)

    def lack(centre: float) -> float:
        found = power_of_difference(centre * error, sd, n, alpha=alpha, critical=lambda _: limit)
        return found - power

    return float(brentq(lack, 0, most, xtol=1e-12)) * error


def upper_sd(sd: float, n: int, *, confidence: float = 0.8) -> float:
    """The limit below which the true standard deviation lies with that confidence.

        sd x sqrt((n - 1) / chi^2(1 - confidence, n - 1))

    for normal values. To plan with it guards against a deviation that came out small by chance
    (Browne, On the Use of a Pilot Sample for Sample Size Determination, 1995, who proposes 80 %).

    Args:
        sd: of n runs.
        n: runs, 2 at least.
        confidence: of the limit, one-sided.

    Raises:
        InvalidData: a number that cannot be one of these.
    """
    if n < _FEWEST or not (np.isfinite(sd) and sd >= 0):
        raise InvalidData(f"a deviation of {sd} from {n} runs; give two runs or more")
    _check_level(1 - confidence)
    return sd * float(np.sqrt((n - 1) / chdtri(n - 1, confidence)))


def _error(sd: Pair, n: Pair) -> Pair:
    """The standard error of the difference of two means, and Satterthwaite's df."""
    if not all(np.isfinite(s) and s >= 0 for s in sd):
        raise InvalidData(f"standard deviations of {sd[0]} and {sd[1]}; give numbers, not negative")
    if not all(np.isfinite(number) and number >= _FEWEST for number in n):
        raise InvalidData(f"{n[0]:g} and {n[1]:g} runs; a deviation needs two in each group")
    parts = sd[0] ** 2 / n[0], sd[1] ** 2 / n[1]
    total = sum(parts)
    if total == 0:
        return 0.0, float(sum(n) - 2)
    # Shares first: squares of very small variances would be 0.
    df = 1 / sum((part / total) ** 2 / (number - 1) for part, number in zip(parts, n, strict=True))
    return float(np.sqrt(total)), float(df)


def _density(multiple: Floats, df: float) -> Floats:
    """Of sqrt(chi^2 / df)."""
    log = np.log(2) + df / 2 * np.log(df / 2) - gammaln(df / 2)
    density: Floats = np.exp(log + (df - 1) * np.log(multiple) - df * multiple**2 / 2)
    return density


def _fewest(enough: Callable[[int], bool], guess: float) -> int | None:
    """The smallest whole number, 2 or more, that is enough; all larger ones are, too."""
    if not guess < MOST_RUNS:
        return None
    low = high = max(_FEWEST, int(guess))
    step = 1
    if enough(low):
        while low > _FEWEST and enough(low := max(_FEWEST, high - step)):
            high, step = low, step * 2
        if low == high:
            return high
    else:
        while not enough(high := low + step):
            low, step = high, step * 2
            if high > MOST_RUNS:
                return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _check_wanted(amount: float) -> None:
    if not (np.isfinite(amount) and amount > 0):
        raise InvalidData(f"a wanted precision of {amount}; give a number above 0")


def _check_level(alpha: float) -> None:
    if not 0 < alpha < 1:
        raise InvalidData(f"a level of {alpha:g}; give a number between 0 and 1")


def _check_power(power: float, alpha: float) -> None:
    _check_level(alpha)
    if not alpha < power < 1:
        raise InvalidData(f"a power of {power:g}; give a number between the level and 1")
