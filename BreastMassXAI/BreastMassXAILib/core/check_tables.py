"""How often counter-checks agree with the maps over many cases, with intervals."""

from __future__ import annotations

from typing import Any

import numpy as np

from .cohort import Cohort
from .cohort_tables import estimate, subset
from .regions import REGIONS
from .resampling import bootstrap_means

RESAMPLES = 1000


def has_checks(cohort: Cohort) -> bool:
    """Whether the cases were counter-checked."""
    return "check_evidence_mass" in cohort


def check_tables(cohort: Cohort) -> dict[str, Any]:
    """Agreement of counter-check and map, as plain data.

    Returns
    -------
    dict
        ``correct`` and ``all`` (correctly classified cases, all cases): `n`; ``agrees``, the share of cases in which
        the region that decided changes the logit as the map says; ``rank``, the mean rank correlation over a case's
        regions; ``decided``, for each region the share of cases that it decides and, where it does, of those that
        agree; ``regions``, for each region the share of ``same_sign``, the mean ``change`` of the logit and the mean
        ``evidence`` of the map, both in logits, and the number `n` of cases in which it could be replaced. Estimates
        are means over cases with 95 % percentile intervals over 1,000 bootstraps of the patients.
    """
    return {name: _table(cohort, subset(cohort, name)) for name in ("correct", "all")}


def _table(cohort: Cohort, chosen: np.ndarray) -> dict[str, Any]:
    def column(name: str) -> np.ndarray:
        return cohort[name][chosen] if name in cohort else np.full(int(chosen.sum()), np.nan)

    decided, agrees = column("check_decided"), column("check_agrees")
    columns: dict[tuple[str, ...], np.ndarray] = {("agrees",): agrees, ("rank",): column("check_rank")}
    for label, region in enumerate(REGIONS):
        mine = decided == label
        columns["decided", region, "share"] = np.where(np.isnan(decided), np.nan, mine)
        columns["decided", region, "agrees"] = np.where(mine, agrees, np.nan)
        change = column(f"check_change_{region}")
        columns["regions", region, "same_sign"] = column(f"check_same_sign_{region}")
        columns["regions", region, "change"] = change
        columns["regions", region, "evidence"] = np.where(np.isnan(change), np.nan, column(f"check_evidence_{region}"))
    values = np.stack(list(columns.values()), axis=1)
    table: dict[str, Any] = {"n": int(chosen.sum())}
    for place, found in zip(columns, bootstrap_means(values, cohort.groups[chosen], RESAMPLES), strict=True):
        part = table
        for name in place[:-1]:
            part = part.setdefault(name, {})
        part[place[-1]] = estimate(found)
    return table
