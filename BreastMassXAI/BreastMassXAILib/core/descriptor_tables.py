"""What single descriptors separate in a cohort."""

from __future__ import annotations

from typing import Any

import numpy as np

from .cohort import Cohort
from .descriptors import DEFINITIONS
from .statistics import Estimate, auc_estimate

_UNKNOWN = Estimate(np.nan, np.nan, np.nan, 0)


def descriptor_table(cohort: Cohort) -> list[dict[str, Any]]:
    """For each descriptor that the cohort has: how many images, both classes' medians, and the AUC.

    Returns
    -------
    list of dict
        Keys: name, n, benign, malignant (medians, None without such images), auc (value, low, high: DeLong's
        interval over patients; above 0.5 when malignant masses have the larger values; None where a class is missing).
    """
    found = []
    for definition in DEFINITIONS:
        column = f"descriptors_{definition.name}"
        if column not in cohort:
            continue
        values = cohort[column]
        known = ~np.isnan(values)
        y, x = cohort.malignant[known], values[known]
        auc = auc_estimate(y, x, cohort.groups[known]) if y.any() and not y.all() else _UNKNOWN
        found.append(
            {
                "name": definition.name,
                "n": int(known.sum()),
                "benign": float(np.median(x[~y])) if (~y).any() else None,
                "malignant": float(np.median(x[y])) if y.any() else None,
                "auc": {name: _finite(getattr(auc, name)) for name in ("value", "low", "high")},
            }
        )
    return found


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
