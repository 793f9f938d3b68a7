"""How well a classifier separates the classes, with honest intervals."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata


class OperatingPoint(NamedTuple):
    """A point of the ROC curve; `threshold` is the lowest score still called positive."""

    threshold: float
    sensitivity: float
    specificity: float
    accuracy: float


def roc_auc(labels: np.ndarray, scores: np.ndarray) -> float:
    """Area under the ROC curve (Mann-Whitney, ties count half).

    Parameters
    ----------
    labels : ndarray of bool, shape (n,)
    scores : ndarray, shape (n,)

    Returns
    -------
    float
        NaN when a class is missing.
    """
    labels = np.asarray(labels, bool)
    positives, negatives = int(labels.sum()), int((~labels).sum())
    if not positives or not negatives:
        return float("nan")
    ranks = rankdata(scores)[labels].sum()
    return float((ranks - positives * (positives + 1) / 2) / (positives * negatives))


def operating_point(labels: np.ndarray, scores: np.ndarray) -> OperatingPoint:
    """The point of the ROC curve closest to its upper left corner (paper, "Evaluations")."""
    labels, scores = np.asarray(labels, bool), np.asarray(scores, float)
    thresholds = np.unique(scores)
    sensitivity = 1 - np.searchsorted(np.sort(scores[labels]), thresholds) / labels.sum()
    specificity = np.searchsorted(np.sort(scores[~labels]), thresholds) / (~labels).sum()
    best = int(np.argmin((1 - sensitivity) ** 2 + (1 - specificity) ** 2))
    return rates_at(labels, scores, float(thresholds[best]))


def rates_at(labels: np.ndarray, scores: np.ndarray, threshold: float) -> OperatingPoint:
    """Sensitivity, specificity and accuracy when scores at or above `threshold` are called positive."""
    labels, positive = np.asarray(labels, bool), np.asarray(scores, float) >= threshold
    return OperatingPoint(
        threshold,
        float(positive[labels].mean()),
        float((~positive[~labels]).mean()),
        float((positive == labels).mean()),
    )


def bootstrap_interval(
    statistic: Callable[[np.ndarray], float],
    groups: np.ndarray,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile interval of a statistic when whole groups (patients) are drawn again.

    Parameters
    ----------
    statistic : callable
        Takes an index array into the observations, returns a number; NaN draws are left out.
    groups : ndarray, shape (n,)
        Group of each observation.

    Returns
    -------
    low, high : float
    """
    order = np.argsort(groups, kind="stable")
    members = np.split(order, np.unique(np.asarray(groups)[order], return_index=True)[1][1:])
    generator = np.random.default_rng(seed)
    draws = [
        statistic(np.concatenate([members[k] for k in generator.integers(len(members), size=len(members))]))
        for _ in range(resamples)
    ]
    low, high = np.nanquantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
