"""A mixed model of each phase: an explanation beside the components, never the headline."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from statsmodels.regression.mixed_linear_model import MixedLM, VCSpec
from statsmodels.tools.sm_exceptions import ConvergenceWarning

from analysis.values import ALL_HOSTS

_KEYS = ("experiment", "phase", "dimension")
_NO_REST = 1e-9  # of the values' deviation
_STEPS = 5000  # of the optimizer; where runs matter much it needs a thousand
_ROUNDING = 16 * np.finfo(np.float64).eps
Floats = NDArray[np.float64]


def mixed_models(
    cells: pd.DataFrame | None, scopes: Sequence[str] = (ALL_HOSTS,)
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The mixed model of each phase, dimension and scope, and what is doubtful, in sentences.

        value = platform (fixed) + run (random) + host (random, crossed with runs) + rest

    fitted by restricted maximum likelihood with statsmodels' MixedLM; in R's lme4 it is
    lmer(value ~ platform + (1 | run) + (1 | host)). Its host is the lasting level of a machine on
    all platforms alike, and one rest holds for all hosts: where a master stands beside workers it
    fits badly, and the rows of a role are better.

    Args:
        cells: as `analysis.values.host_values` gives it; None where there are no hosts.
        scopes: `all`, and roles; those that one host has are left out.

    Returns:
        experiment, phase, dimension where there is one, role, term (`intercept`, `platform NAME`
        for its difference from the first platform, `sd run`, `sd host`, `sd rest`), estimate (in
        the metric's unit), standard_error (NaN for deviations), and the sentences. All is NaN
        where nothing could be fitted: no rest beside runs and hosts, or no convergence.
    """
    columns = ["role", "term", "estimate", "standard_error"]
    if cells is None:
        reason = "The mixed model needs hosts; there is one value per run here."
        return pd.DataFrame(columns=["experiment", "phase", *columns]), (reason,)
    keys = [key for key in _KEYS if key in cells]
    tables = [pd.DataFrame(columns=[*keys, *columns])]
    doubts: dict[str, list[str]] = {}
    for group, part in cells.groupby(keys, observed=True, sort=False):
        names = dict(zip(keys, map(str, group), strict=True))
        for scope in scopes:
            inside = part if scope == ALL_HOSTS else part[(part["role"] == scope).to_numpy()]
            if inside["hostname"].nunique() < 2:
                continue
            table, doubt = mixed_model(inside)
            tables.append(table.assign(**names, role=scope)[[*keys, *columns]])
            if doubt:
                place = " ".join([*list(names.values())[1:], f"({scope})"])
                doubts.setdefault(doubt, []).append(place)
    filled = [table for table in tables if len(table)] or tables
    sentences = (f"Mixed model: {doubt} in {', '.join(where)}." for doubt, where in doubts.items())
    return pd.concat(filled, ignore_index=True), tuple(sentences)


def mixed_model(cells: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """The mixed model of one phase; see `mixed_models`.

    Args:
        cells: platform, sim_id, hostname, value; a row for each run and host.

    Returns:
        term, estimate, standard_error, and what is doubtful (nothing when all is well).
    """
    columns = [cells[name].to_numpy(dtype=str) for name in ("platform", "sim_id", "hostname")]
    platform, hosts = columns[0], columns[2]
    runs = np.char.add(np.char.add(platform, "/"), columns[1])
    platforms = sorted(set(platform))
    fixed = np.column_stack(
        [np.ones(len(platform)), *(platform == name for name in platforms[1:])]
    ).astype(float)
    terms = ["intercept", *(f"platform {name}" for name in platforms[1:])]
    parts = {"run": runs}
    if len(set(hosts)) > 1:
        parts["host"] = hosts
    values = cells["value"].to_numpy(dtype=np.float64)
    # Large values with small spreads keep their digits about their middle.
    middle, spread = float(values.mean()), float(values.std())
    centred = (values - middle) / (spread or 1.0)
    reason = ""
    if spread == 0:
        reason = "nothing varies"
    elif len(set(runs)) <= len(platforms) or len(parts) == 1:
        reason = "several hosts and more runs than platforms are lacking"
    elif _rest(centred, fixed, parts) <= max(_NO_REST, _ROUNDING * np.abs(values).max() / spread):
        reason = "runs and hosts explain every value, so nothing can be estimated"
    fitted = None
    if not reason:
        fitted, reason = _fit(centred, fixed, parts)
    if fitted is None:
        unknown = np.full(len(terms), np.nan)
        return _table(terms, unknown, unknown, dict.fromkeys([*parts, "rest"], np.nan)), reason
    deviations = dict(zip([*parts, "rest"], (fitted.deviations * spread).tolist(), strict=True))
    estimates = fitted.estimates * spread
    estimates[0] += middle
    return _table(terms, estimates, fitted.errors * spread, deviations), reason


@dataclass(frozen=True, slots=True)
class _Fitted:
    """What the model found: of each fixed term, and the deviations of the random ones and rest."""

    estimates: Floats
    errors: Floats
    deviations: Floats


def _levels(levels: NDArray[np.str_]) -> Floats:
    """A column for each level: 1 where it is."""
    columns: Floats = (levels[:, None] == np.unique(levels)).astype(np.float64)
    return columns


def _rest(values: Floats, fixed: Floats, parts: Mapping[str, NDArray[np.str_]]) -> float:
    """The largest part of a value that platforms, runs and hosts leave, by least squares."""
    columns = np.column_stack([fixed, *map(_levels, parts.values())])
    found = np.linalg.lstsq(columns, values, rcond=None)[0]
    return float(np.abs(values - columns @ found).max())


def _fit(
    values: Floats, fixed: Floats, parts: Mapping[str, NDArray[np.str_]]
) -> tuple[_Fitted | None, str]:
    """The fitted model, None where there is none, and what is doubtful."""
    names = list(parts)
    matrices = [[_levels(levels)] for levels in parts.values()]
    columns = [[np.unique(levels).tolist()] for levels in parts.values()]
    # Runs and hosts are crossed: all cells are one group to the library.
    model = MixedLM(values, fixed, np.ones(len(values)), exog_vc=VCSpec(names, columns, matrices))
    with warnings.catch_warnings():
        # What goes wrong on the way is told by the result: a component at its bound is 0.
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            # Of the library's optimizers the one that agrees with lme4 also at a bound.
            fitted = model.fit(reml=True, method="nm", maxiter=_STEPS)
        except np.linalg.LinAlgError:
            return None, "it cannot be fitted"
        components = np.append(np.maximum(fitted.vcomp, 0), fitted.scale)
        found = _Fitted(fitted.fe_params, fitted.bse_fe, np.sqrt(components))
    if not fitted.converged:
        return None, "it did not converge"
    if not all(np.isfinite(part).all() for part in (found.estimates, found.errors, components)):
        return None, "it cannot be fitted"
    absent = [n for n, part in zip(names, components, strict=False) if part < 1e-6 * components[-1]]
    return found, f"the deviation of a {' and of a '.join(absent)} is about 0" if absent else ""


def _table(
    terms: Sequence[str], estimates: Floats, errors: Floats, deviations: dict[str, float]
) -> pd.DataFrame:
    rows = list(zip(terms, estimates, errors, strict=True))
    rows += [(f"sd {name}", deviation, np.nan) for name, deviation in deviations.items()]
    return pd.DataFrame(rows, columns=["term", "estimate", "standard_error"])
