"""How well a classifier separates the classes, with honest intervals."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import expit, logit, ndtri


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
    total = ranks(scores)[labels].sum()
    return float((total - positives * (positives + 1) / 2) / (positives * negatives))


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1 on; equal values share the mean of theirs. (``scipy.stats`` would take a second to be imported.)"""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[place]


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


class Estimate(NamedTuple):
    """A figure with its interval."""

    value: float
    low: float
    high: float
    n: int


def delong_variance(labels: np.ndarray, scores: np.ndarray, groups: np.ndarray | None = None) -> float:
    """Variance of the area under the ROC curve (DeLong et al., Biometrics 44:837-845, 1988).

    With `groups` the observations of a group (the frames of a patient) may depend on each other (Obuchowski, Biometrics
    53:567-578, 1997); with every observation in its own group the two are the same.

    Parameters
    ----------
    labels : ndarray of bool, shape (n,)
    scores : ndarray, shape (n,)
    groups : ndarray, shape (n,), optional

    Returns
    -------
    float
        NaN when a class has fewer than two groups.
    """
    labels, scores = np.asarray(labels, bool), np.asarray(scores, float)
    member = np.arange(len(labels)) if groups is None else np.unique(groups, return_inverse=True)[1]
    m, n = int(labels.sum()), int((~labels).sum())
    with_positive, with_negative = len(np.unique(member[labels])), len(np.unique(member[~labels]))
    if with_positive < 2 or with_negative < 2:
        return float("nan")
    # Placement values: the share of the other class that each observation beats, from ranks.
    everywhere, positive, negative = ranks(scores), ranks(scores[labels]), ranks(scores[~labels])
    v10, v01 = (everywhere[labels] - positive) / n, 1 - (everywhere[~labels] - negative) / m
    auc, count = v10.mean(), member.max() + 1
    deviation10 = np.bincount(member[labels], v10 - auc, count)
    deviation01 = np.bincount(member[~labels], v01 - auc, count)
    s10 = with_positive / (with_positive - 1) / m * (deviation10**2).sum()
    s01 = with_negative / (with_negative - 1) / n * (deviation01**2).sum()
    s11 = count / (count - 1) * (deviation10 * deviation01).sum()
    return float(s10 / m + s01 / n + 2 * s11 / (m * n))


def auc_estimate(
    labels: np.ndarray, scores: np.ndarray, groups: np.ndarray | None = None, level: float = 0.95
) -> Estimate:
    """Area under the ROC curve with DeLong's interval, on the logit scale so that it stays within 0 and 1.

    Returns
    -------
    Estimate
        NaN where a class is missing; an AUC of exactly 0 or 1 has no interval by this method.
    """
    auc, variance = roc_auc(labels, scores), delong_variance(labels, scores, groups)
    if not 0 < auc < 1 or not np.isfinite(variance):
        return Estimate(auc, float("nan"), float("nan"), len(labels))
    reach = ndtri((1 + level) / 2) * np.sqrt(variance) / (auc * (1 - auc))
    low, high = expit(logit(auc) + np.array([-reach, reach]))
    return Estimate(auc, float(low), float(high), len(labels))


def share(hits: np.ndarray, groups: np.ndarray | None = None, level: float = 0.95) -> Estimate:
    """A share with Wilson's interval.

    Where several observations belong to one group (frames of a patient), the number of observations is first divided by
    the design effect: how much more the share varies between groups than independent observations would.

    Parameters
    ----------
    hits : ndarray of bool, shape (n,)
    groups : ndarray, shape (n,), optional
    """
    hits = np.asarray(hits, float)
    n = len(hits)
    if n == 0:
        return Estimate(float("nan"), float("nan"), float("nan"), 0)
    p, effective = float(hits.mean()), float(n)
    if groups is not None and p in (0.0, 1.0):  # nothing varies, so that a group may be one observation
        effective = float(len(np.unique(groups)))
    elif groups is not None:
        member = np.unique(groups, return_inverse=True)[1]
        count = member.max() + 1
        if count > 1:
            deviation = np.bincount(member, hits - p, count)
            variance = count / (count - 1) * (deviation**2).sum() / n**2
            effective = n / max(variance / (p * (1 - p) / n), 1.0)
    z = float(ndtri((1 + level) / 2))
    centre = (p + z**2 / (2 * effective)) / (1 + z**2 / effective)
    reach = z / (1 + z**2 / effective) * math.sqrt(p * (1 - p) / effective + z**2 / (4 * effective**2))
    # Rounding must not put an end of the interval on the wrong side of the share.
    return Estimate(p, min(max(centre - reach, 0.0), p), max(min(centre + reach, 1.0), p), n)


def roc_curve(labels: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """False positive and true positive rates from (0, 0) to (1, 1), one point for each different score."""
    labels, scores = np.asarray(labels, bool), np.asarray(scores, float)
    thresholds = np.unique(scores)[::-1]
    true = 1 - np.searchsorted(np.sort(scores[labels]), thresholds) / labels.sum()
    false = 1 - np.searchsorted(np.sort(scores[~labels]), thresholds) / (~labels).sum()
    return np.append(0.0, false), np.append(0.0, true)


class CalibrationBin(NamedTuple):
    """Cases whose probability lies in a stretch of 0..1: mean probability, observed share of malignant ones."""

    probability: float
    observed: Estimate


def calibration_curve(labels: np.ndarray, probabilities: np.ndarray, bins: int = 10) -> list[CalibrationBin]:
    """Observed share of malignant cases in equally wide bins of the probability; empty bins are left out."""
    labels, probabilities = np.asarray(labels, bool), np.asarray(probabilities, float)
    place = np.minimum((probabilities * bins).astype(int), bins - 1)
    return [
        CalibrationBin(float(probabilities[place == k].mean()), share(labels[place == k])) for k in np.unique(place)
    ]


def calibration_error(labels: np.ndarray, probabilities: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error: the mean gap between probability and observed share over equally wide bins."""
    curve = calibration_curve(labels, probabilities, bins)
    return float(sum(entry.observed.n * abs(entry.probability - entry.observed.value) for entry in curve) / len(labels))


def brier_score(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean squared distance of the probability from the truth (0 or 1)."""
    return float(np.mean((np.asarray(probabilities, float) - np.asarray(labels, float)) ** 2))


def risk_coverage(wrong: np.ndarray, trust: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share of wrong decisions among those kept, when the least trusted ones are suspended first.

    Parameters
    ----------
    wrong : ndarray of bool, shape (n,)
    trust : ndarray, shape (n,)
        Cases of equal trust are suspended in random order: the curve is the expectation over such orders.

    Returns
    -------
    coverage, risk : ndarray, shape (n,)
        From ``1 / n`` to 1.
    """
    wrong, trust = np.asarray(wrong, float), np.asarray(trust, float)
    levels, member = np.unique(-trust, return_inverse=True)
    count, errors = np.bincount(member, minlength=len(levels)), np.bincount(member, wrong, len(levels))
    kept = np.arange(1, len(wrong) + 1)
    expected = np.interp(kept, np.append(0, np.cumsum(count)), np.append(0, np.cumsum(errors)))
    return kept / len(wrong), expected / kept


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature T that minimises the cross-entropy of ``sigmoid(logit / T)`` on frames not trained on.

    Guo et al., On calibration of modern neural networks, ICML 2017.
    """
    from scipy.optimize import minimize_scalar  # half a second that evaluating a cohort need not wait for

    signed = np.where(labels, logits, -np.asarray(logits)).astype(float)
    found = minimize_scalar(
        lambda log_t: np.logaddexp(0, -signed / np.exp(log_t)).mean(), bounds=(-3, 3), method="bounded"
    )
    return float(np.exp(found.x))
