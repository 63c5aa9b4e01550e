"""A mixed model of each phase: an explanation beside the components, never the headline."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from statsmodels.regression.mixed_linear_model import MixedLM, VCSpec
from statsmodels.tools.sm_exceptions import ConvergenceWarning

from analysis.values import ALL_HOSTS

_KEYS = ("experiment", "phase", "dimension")
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
        the metric's unit), standard_error (NaN for deviations), and the sentences.
    """
    columns = ["role", "term", "estimate", "standard_error"]
    if cells is None:
        reason = "The mixed model needs hosts; there is one value per run here."
        return pd.DataFrame(columns=columns), (reason,)
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
    spread = float(values.std())
    if spread == 0 or len(set(runs)) <= len(platforms) or len(parts) == 1:
        reason = (
            "nothing varies"
            if spread == 0
            else "several hosts and more runs than platforms are lacking"
        )
        return _table(terms, np.full(len(terms), np.nan), np.full(len(terms), np.nan), {}), reason
    fitted, doubt = _fit(values / spread, fixed, parts)
    deviations = dict(zip(parts, np.sqrt(np.maximum(fitted.vcomp, 0)) * spread, strict=True))
    deviations["rest"] = float(np.sqrt(fitted.scale)) * spread
    return _table(terms, fitted.fe_params * spread, fitted.bse_fe * spread, deviations), doubt


def _fit(values: Floats, fixed: Floats, parts: dict[str, NDArray[np.str_]]) -> tuple[Any, str]:
    """The fitted model and what its optimizer complained of."""
    names, columns, matrices = [], [], []
    for name, levels in parts.items():
        there = np.unique(levels)
        names.append(name)
        columns.append([list(there)])
        matrices.append([(levels[:, None] == there).astype(float)])
    # Runs and hosts are crossed: all cells are one group to the library.
    model = MixedLM(values, fixed, np.ones(len(values)), exog_vc=VCSpec(names, columns, matrices))
    with warnings.catch_warnings():
        # That a component is at its bound, 0, is told by its value.
        warnings.simplefilter("ignore", ConvergenceWarning)
        # Of the library's optimizers the one that agrees with lme4 also there.
        fitted = model.fit(reml=True, method="nm")
    if not fitted.converged:
        return fitted, "it did not converge, do not rely on it,"
    absent = [n for n, part in zip(names, fitted.vcomp, strict=True) if part < 1e-6 * fitted.scale]
    return fitted, f"the deviation of a {' and of a '.join(absent)} is about 0" if absent else ""


def _table(
    terms: Sequence[str], estimates: Floats, errors: Floats, deviations: dict[str, float]
) -> pd.DataFrame:
    rows = list(zip(terms, estimates, errors, strict=True))
    rows += [(f"sd {name}", deviation, np.nan) for name, deviation in deviations.items()]
    return pd.DataFrame(rows, columns=["term", "estimate", "standard_error"])
