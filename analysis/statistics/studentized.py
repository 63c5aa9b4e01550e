"""The studentized range distribution on arrays: tail probabilities and critical values.

Q = (largest - smallest of k independent standard normals) / S, where df * S^2 is chi-squared with
df degrees of freedom and independent of them (Tukey 1953; Games and Howell 1976 use it).

SciPy has it as `scipy.stats.studentized_range`, one adaptive quadrature for each number: 7 ms for a
tail and 85 ms for a quantile, measured here; 800 comparisons would take more than a minute, and
here they take a tenth of a second. SciPy's tail is 1 - cdf, good to about 1e-10; here small tails
keep their digits.

The integrals are those of Copenhaver and Holland (1988, Computation of the distribution of the
maximum studentized range statistic, J. Stat. Comput. Simul. 30, 1-15), as in R's `ptukey`, written
for the upper tail. How they are computed is our own; each function says how.
"""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.polynomial.legendre import leggauss
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import PPoly, make_interp_spline
from scipy.special import gammaln, ndtr
from scipy.stats import t

from minion.errors import InvalidData

Floats = NDArray[np.float64]

_INFINITE = 1e18  # from here on nothing changes
_BLOCK = 2048  # pairs at a time: 96 nodes each, 1.6 MB an array
_NODES = 48  # of each rule
_DEPTH = 40.0  # the rules reach to e^-40 of the peak
_WIDEST = 52.0  # T_3 is 1e-294 there
_STEP = 0.04
_ROUNDS = 60  # of Newton's method; 8 are usual


def range_sf(q: ArrayLike, groups: int, freedom: ArrayLike) -> Floats:
    """P(Q > q), the upper tail of the studentized range.

    For two groups it is Student's t: 2 P(T > q / sqrt(2)). Else, with T_k the tail of the range of
    k normals and S as above,

        P(Q > q) = E[T_k(q S)]
                 = C * integral of exp(df (u - e^(2u) / 2)) T_k(q e^u) du,   u = log S,
        C        = 2 (df/2)^(df/2) / Gamma(df/2)

    The integrand is log-concave with its peak near u0 = -log(1 + q^2 / (2 df)) / 2. Two
    Gauss-Legendre rules, left and right of u0, reach to where it is below e^-40 of its peak.
    Absolute error below 1e-12, relative error below 1e-9 down to 1e-100, for 2 to 100 groups and
    freedom of 1 and more.

    Args:
        q: values of the statistic; NaN gives NaN, a negative one 1.
        groups: how many means are ranged over, 2 or more.
        freedom: degrees of freedom, not necessarily whole, infinity included; broadcast with q.

    Returns:
        Probabilities, in the common shape of `q` and `freedom`; NaN where freedom is not positive.

    Raises:
        InvalidData: fewer than two groups.
    """
    _check(groups)
    value, df = _broadcast(q, freedom)
    if groups == 2:
        return np.asarray(np.minimum(2 * t.sf(value / np.sqrt(2), df), 1.0))
    tail = np.where(np.isposinf(value), 0.0, 1.0)
    tail[np.isnan(value) | ~(df > 0)] = np.nan
    some = (tail == 1) & (value > 0)
    tail[some] = np.exp(_log_tail(value[some], groups, df[some])[0])
    return tail


def range_critical(confidence: ArrayLike, groups: int, freedom: ArrayLike) -> Floats:
    """The q with P(Q <= q) = confidence: the quantile of the studentized range.

    Newton's method on log P(Q > e^x). It falls and is concave in x, as the integral over u of a
    function log-concave in u and x (Prékopa 1973), so from the right of the root every step stays
    there: no bracket is needed. The start is Bonferroni's bound, P(Q > q) is at most
    k (k - 1) P(T > q / sqrt(2)).

    Args:
        confidence: probability below the quantile, between 0 and 1; NaN gives NaN.
        groups: how many means are ranged over, 2 or more.
        freedom: degrees of freedom; broadcast with confidence.

    Returns:
        Quantiles, in the common shape of `confidence` and `freedom`; NaN where freedom is not
        positive.

    Raises:
        InvalidData: fewer than two groups; a confidence that is not between 0 and 1.
    """
    _check(groups)
    level, df = _broadcast(confidence, freedom)
    if np.any((level <= 0) | (level >= 1)):
        raise InvalidData("a confidence must lie between 0 and 1, for example 0.95")
    pairs = groups * (groups - 1)
    start = np.sqrt(2) * t.isf((1 - level) / pairs, df)
    if groups == 2:
        return np.asarray(start)
    root = np.where(df > 0, start, np.nan)
    moving = np.flatnonzero(np.isfinite(root))
    flat, wanted, dfs = root.reshape(-1), np.log1p(-level).reshape(-1), df.reshape(-1)
    for _ in range(_ROUNDS):
        if not len(moving):
            break
        now = flat[moving]
        log_tail, slope = _log_tail(now, groups, dfs[moving])
        step = (wanted[moving] - log_tail) / slope
        flat[moving] = now * np.exp(step)
        moving = moving[np.abs(step) > 1e-10]
    return flat.reshape(root.shape)


def _check(groups: int) -> None:
    if groups < 2:
        raise InvalidData(f"a studentized range over {groups} groups; it needs two or more")


def _broadcast(first: ArrayLike, freedom: ArrayLike) -> tuple[Floats, Floats]:
    one, two = np.broadcast_arrays(np.asarray(first, np.float64), np.asarray(freedom, np.float64))
    return one, two


# ---------------------------------------------------------------- over the standard deviation


def _log_tail(q: Floats, groups: int, df: Floats) -> tuple[Floats, Floats]:
    """Log P(Q > q), and its derivative by log q, of flat arrays with q > 0 and df > 0."""
    log_tail, slope = np.empty(len(q)), np.empty(len(q))
    for block in _blocks(len(q)):
        q_here, df_here = q[block], df[block]
        u, log_weight = _nodes(q_here, df_here)
        w = q_here[:, None] * np.exp(u)
        of_range, range_slope = _range_log_tail(w, groups)
        log_term = log_weight + of_range
        top = log_term.max(axis=1)
        term = np.exp(log_term - top[:, None])
        total = term.sum(axis=1)
        log_tail[block] = np.minimum(top + np.log(total), 0.0)
        slope[block] = (term * w * range_slope).sum(axis=1) / total
    return log_tail, slope


def _blocks(length: int) -> Iterator[slice]:
    for start in range(0, length, _BLOCK):
        yield slice(start, start + _BLOCK)


def _nodes(q: Floats, df: Floats) -> tuple[Floats, Floats]:
    """Log S at the nodes of each pair, and the log of weight times density there."""
    known = np.minimum(df, _INFINITE)
    peak = -np.logaddexp(0.0, 2 * np.log(q) - np.log(2 * known)) / 2
    # Around the peak the integrand is close to the chi density's own shape: it has fallen by
    # e^-depth where e^y - y - 1 = c, with y = 2 (u - peak). Left: e^-x + x - 1 >= x^2 / (2 + x).
    # Right: the fixed point of y = log(1 + c + y), from above.
    c = 2 * _DEPTH / known
    left = (c / 2 + np.sqrt(c**2 / 4 + 2 * c)) / 2
    right = np.log1p(c + np.log1p(c + np.sqrt(2 * c))) / 2
    nodes, weights = _rule()
    u = np.concatenate(
        [peak[:, None] + (nodes - 1) * left[:, None], peak[:, None] + nodes * right[:, None]],
        axis=1,
    )
    weight = np.concatenate([weights * left[:, None], weights * right[:, None]], axis=1)
    # u - e^(2u)/2 + 1/2, by its series where these cancel.
    fall = np.where(np.abs(u) < 1e-4, -(u**2) * (1 + 2 * u / 3 + u**2 / 3), u - np.expm1(2 * u) / 2)
    density = _log_constant(known)[:, None] + known[:, None] * fall
    return u, np.log(weight) + density


@lru_cache(maxsize=1)
def _rule() -> tuple[Floats, Floats]:
    nodes, weights = leggauss(_NODES)
    return (nodes + 1) / 2, weights / 2


def _log_constant(df: Floats) -> Floats:
    """log(C e^(-df/2)): C itself overflows, and loses its digits, where df is large."""
    half = df / 2
    small = np.minimum(half, 50.0)
    exact = small * np.log(small) - small - gammaln(small)
    # Stirling's series of log Gamma(half).
    rest = 1 / (12 * half) - 1 / (360 * half**3) + 1 / (1260 * half**5)
    stirling = np.log(half / (2 * np.pi)) / 2 - rest
    log_constant: Floats = np.log(2) + np.where(half < 50.0, exact, stirling)
    return log_constant


# ---------------------------------------------------------------- over the normal range


def _range_log_tail(w: Floats, groups: int) -> tuple[Floats, Floats]:
    """Log T_k(w), and its derivative; beyond the table it falls as -w^2 / 4."""
    tail, slope = _table(groups)
    inside = np.minimum(w, _WIDEST)
    log_tail: Floats = tail(inside) - (w**2 - inside**2) / 4
    range_slope: Floats = slope(inside) - (w - inside) / 2
    return log_tail, range_slope


@lru_cache(maxsize=64)
def _table(groups: int) -> tuple[PPoly, PPoly]:
    """Log T_k on a grid of w, as a spline of degree 7, and its derivative.

        T_k(w) = k * integral of phi(z) [Phi(z)^(k-1) - (Phi(z) - Phi(z-w))^(k-1)] dz

    z is the largest. Every term is positive, so a small tail keeps its digits. The trapezoidal rule
    converges exponentially for such integrands (Trefethen and Weideman 2014, SIAM Review 56).
    """
    w = np.arange(0.0, _WIDEST + _STEP, _STEP)
    z = w[:, None] / 2 + np.arange(-10.0, 10.0, 0.1)
    below = ndtr(z)
    share = ndtr(z - w[:, None]) / below
    with np.errstate(divide="ignore"):  # w = 0: the whole of it
        lost = -np.expm1((groups - 1) * np.log1p(-share))
    log_rest = (groups - 1) * np.log(below) - z**2 / 2 - np.log(2 * np.pi) / 2
    # exp of the peak apart, lest the far tail underflows.
    term = np.log(lost) + log_rest
    top = term.max(axis=1)
    total = np.log(np.exp(term - top[:, None]).sum(axis=1)) + top
    spline = PPoly.from_spline(make_interp_spline(w, total + np.log(0.1 * groups), k=7))
    return spline, spline.derivative()
