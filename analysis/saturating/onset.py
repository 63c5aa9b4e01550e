"""Where a response to load stops to grow as it did, with an interval: one ramp, plain arrays."""

import math
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.saturating.segmented import FEWEST, Broken, Split
from analysis.statistics.dependence import block_length
from minion.errors import InvalidData

SHARE = 0.5  # of the growth before the break: what is left of it in saturation, at most
_BATCH = 20_000  # resampled values at once
_BLOCKS = 4  # that the points of a side make at least
_ROUNDING = 1e-9  # of the response's spread
_PARAMETERS = 4  # of two lines that meet

Floats = NDArray[np.float64]


class Verdict(StrEnum):
    """What a ramp says about saturation."""

    SATURATED = "saturated"
    GROWING = "growing"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Bounded:
    """An estimate and its confidence interval; low and high are NaN where nothing bounds it."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Onset:
    """Where saturation begins.

    at: the load of the break.
    before, after: growth of the response per unit of load, on both sides of it.
    intercept: of the first line, at load 0.
    verdict: `saturated` when the whole interval of what is left of the growth lies below the
        share that was asked for, `growing` when it lies above, else `undecided`.
    n: points; blocks: points in a block of the bootstrap, before and after the break.
    """

    at: Bounded
    before: Bounded
    after: Bounded
    intercept: float
    verdict: Verdict
    n: int
    blocks: tuple[int, int]


def onset(
    loads: ArrayLike,
    responses: ArrayLike,
    *,
    confidence: float = 0.95,
    draws: int = 1000,
    share: float = SHARE,
) -> Onset:
    """The break between two lines, by segmented regression, with intervals.

    Two lines are fitted by least squares (Muggeo 2003; Hudson 1966: see `segmented`). Each
    interval is estimate ± q · s, a bootstrap of the residuals in moving blocks (Künsch 1989),
    studentized (Götze and Künsch 1996): s follows from the linearized model and the sums of its
    scores over blocks, and q is the `confidence` quantile of |t| in series that are the fit plus
    resampled blocks. Each side of the break keeps its own residuals, since noise may be another in
    saturation. A block has twice the length of Politis and White (2004) for the residuals of its
    side, at most a quarter of them.

    Simulated at 95 % with 200 points, the interval of the break covers in 95 % with independent
    errors, in 92 % where neighbours correlate by 0.6, in 91 % by 0.9; those of the slopes in 96,
    94 and 88 %. It is wrong where the response is no two lines: then it bounds the break of the
    best two lines. It says what this one ramp shows, and nothing of the next.

    The random generator is seeded from the points and the options: the same points give the same
    interval.

    Args:
        loads: in order of time, any unit; a point with a NaN is left out, in either.
        responses: to these loads.
        confidence: probability that the interval covers.
        draws: number of resamples.
        share: the growth after the break is `saturated` below this share of the growth before.

    Raises:
        InvalidData: fewer than 12 points, loads of too few values, a response that does not vary,
            or an option out of its range.
    """
    _check(confidence, draws, share)
    x, y = _points(loads, responses)
    spread = float(np.ptp(y))
    if spread == 0:
        raise InvalidData("the response is the same at every load; there is nothing to saturate")
    fit = Split(x).fit(y[None, :])
    # Each side in order of time, one after the other.
    beyond = x > fit.at[0]
    order = np.argsort(beyond, kind="stable")
    x, y = x[order], y[order]
    split = Split(x)
    residuals = y - fit.line(x)[0]
    residuals[np.abs(residuals) <= _ROUNDING * spread] = 0
    n = y.size
    if not residuals.any():
        return _exact(fit, n, share)
    sides = _sides(residuals, n - int(beyond.sum()))
    estimates = _estimates(fit, share)
    errors = _errors(fit, x, residuals[None, :], sides, share)[0]
    options = repr((confidence, draws, share))
    seed = sha256(np.stack([x, y]).astype("<f8").tobytes() + options.encode()).digest()
    random = np.random.default_rng(int.from_bytes(seed, "big"))
    ratios = []
    for many in _batches(draws, n):
        drawn = fit.line(x) + np.concatenate([s.drawn(many, random) for s in sides], axis=1)
        again = split.fit(drawn)
        off = np.abs(_estimates(again, share) - estimates)
        own = _errors(again, x, drawn - again.line(x), sides, share)
        still = np.where(off <= _ROUNDING * np.abs(estimates), 0.0, np.inf)
        ratios.append(np.divide(off, own, out=still, where=own > _ROUNDING * errors))
    place = min(math.ceil(confidence * (draws + 1)), draws) - 1
    factor = np.sort(np.concatenate(ratios), axis=0)[place]
    half = np.where(np.isfinite(factor), factor, np.nan) * errors
    at, before, after, left = (
        Bounded(float(e), float(e - h), float(e + h))
        for e, h in zip(estimates[0], half, strict=True)
    )
    intercept = float(fit.intercept[0])
    blocks = (sides[0].block, sides[1].block)
    return Onset(at, before, after, intercept, _verdict(before, left), n, blocks)


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """The residuals on one side of the break, in order of time, and the points in a block."""

    residuals: Floats
    block: int

    @property
    def starts(self) -> NDArray[np.intp]:
        """Where blocks begin that follow each other; a short last one goes to the one before."""
        return np.arange(0, max(self.residuals.size - self.block // 2, 1), self.block)

    def drawn(self, many: int, random: np.random.Generator) -> Floats:
        """Residuals from blocks drawn at random, as widely spread as the errors were: many x n."""
        n = self.residuals.size
        starts = random.integers(0, n - self.block + 1, (many, -(-n // self.block)))
        places = (starts[:, :, None] + np.arange(self.block)).reshape(many, -1)[:, :n]
        # Each side has two of the four parameters.
        centred = self.residuals - self.residuals.mean()
        errors: Floats = centred[places] * math.sqrt(n / (n - _PARAMETERS / 2))
        return errors


def _sides(residuals: Floats, left: int) -> tuple[_Side, _Side]:
    before, after = (
        _Side(part, max(1, min(2 * block_length(part), part.size // _BLOCKS)))
        for part in (residuals[:left], residuals[left:])
    )
    return before, after


def _estimates(fit: Broken, share: float) -> Floats:
    """The break, both slopes, what is left of the growth beyond the share: m x 4."""
    return np.stack([fit.at, fit.before, fit.after, fit.after - share * fit.before], axis=1)


def _errors(
    fit: Broken, x: Floats, residuals: Floats, sides: tuple[_Side, _Side], share: float
) -> Floats:
    """Standard errors of `_estimates` (m x 4), from sums of the scores over blocks of points."""
    middle, scale = float(x.mean()), float(np.ptp(x))
    z, at = (x - middle) / scale, (fit.at - middle) / scale
    right = z > at[:, None]
    change = (fit.after - fit.before) * scale
    slopes = np.stack(
        [
            np.ones_like(residuals),
            np.broadcast_to(z, residuals.shape),
            np.where(right, z - at[:, None], 0.0),
            -change[:, None] * right,
        ],
        axis=2,
    )
    # The unit of the last column is the response's; without it the inverse depends on units.
    unit = np.maximum(np.abs(change), np.finfo(np.float64).tiny)
    slopes[:, :, 3] /= unit[:, None]
    starts = np.concatenate([sides[0].starts, sides[0].residuals.size + sides[1].starts])
    sums = np.add.reduceat(slopes * residuals[:, :, None], starts, axis=1)
    inverse = np.linalg.pinv(slopes.transpose(0, 2, 1) @ slopes, hermitian=True)
    covariance = inverse @ (sums.transpose(0, 2, 1) @ sums) @ inverse
    weights = np.zeros((4, 4))
    weights[0, 3] = weights[1, 1] = weights[2, 1] = weights[2, 2] = weights[3, 2] = 1
    weights[3, 1] = 1 - share
    variances = np.einsum("ki,mij,kj->mk", weights, covariance, weights)
    units = np.stack([scale / unit, *[np.full_like(unit, 1 / scale)] * 3], axis=1)
    errors: Floats = np.sqrt(np.maximum(variances, 0)) * units
    return errors


def _verdict(before: Bounded, left: Bounded) -> Verdict:
    """What falls with load (free memory) saturates as what rises does."""
    if not (before.low > 0 or before.high < 0):
        return Verdict.UNDECIDED
    low, high = (left.low, left.high) if before.low > 0 else (-left.high, -left.low)
    if high < 0:
        return Verdict.SATURATED
    return Verdict.GROWING if low > 0 else Verdict.UNDECIDED


def _exact(fit: Broken, n: int, share: float) -> Onset:
    """Points without any noise: the lines are what they are."""
    at, before, after, left = (Bounded(v, v, v) for v in _estimates(fit, share)[0].tolist())
    return Onset(at, before, after, float(fit.intercept[0]), _verdict(before, left), n, (1, 1))


def _points(loads: ArrayLike, responses: ArrayLike) -> tuple[Floats, Floats]:
    x, y = (np.asarray(values, dtype=np.float64) for values in (loads, responses))
    if x.ndim != 1 or x.shape != y.shape:
        raise InvalidData(f"loads of shape {x.shape}, responses of {y.shape}; give one of each")
    if np.isinf(x).any() or np.isinf(y).any():
        raise InvalidData("an infinite value on the ramp; leave it out or write NaN for it")
    there = ~(np.isnan(x) | np.isnan(y))
    if there.sum() < FEWEST:
        raise InvalidData(f"{there.sum()} points on the ramp; a break needs {FEWEST} or more")
    return x[there], y[there]


def _batches(draws: int, n: int) -> list[int]:
    most = max(1, _BATCH // n)
    return [min(most, draws - done) for done in range(0, draws, most)]


def _check(confidence: float, draws: int, share: float) -> None:
    if not 0 < confidence < 1:
        raise InvalidData(f"a confidence of {confidence}; give a number between 0 and 1")
    if draws < 1 / (1 - confidence):
        raise InvalidData(f"{draws} draws; {confidence:.0%} needs {1 / (1 - confidence):.0f}")
    if not 0 < share < 1:
        raise InvalidData(f"a share of {share}; give a number between 0 and 1")
