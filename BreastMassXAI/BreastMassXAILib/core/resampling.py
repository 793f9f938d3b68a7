"""Intervals of many means at once, when whole patients are drawn again."""

from __future__ import annotations

import numpy as np

from .statistics import Estimate

_AT_ONCE = 4_000_000
"""Numbers of draws that are in memory together."""


def bootstrap_means(
    values: np.ndarray, groups: np.ndarray, resamples: int = 1000, level: float = 0.95, seed: int = 0
) -> list[Estimate]:
    """The mean of each column with its percentile interval over bootstraps of whole groups (patients).

    Every column sees the same draws, so that the interval of a column of differences is that of a paired comparison.
    A draw's mean needs no more than how often each group was drawn and the groups' sums, so that all draws together are
    one product of matrices.

    Parameters
    ----------
    values : ndarray, shape (n, k)
        NaN where an observation has no such value: it is left out of that column's mean.
    groups : ndarray, shape (n,)
        Group of each observation.
    resamples : int
    level : float
    seed : int

    Returns
    -------
    list of Estimate, length k
        `n` counts the observations that are not NaN; all NaN where there are none. Without a spread between draws (a
        single group, a column of equal values) the interval has no width.
    """
    values = np.asarray(values, float)
    known = ~np.isnan(values)
    counted = known.sum(axis=0)
    if not len(values):
        return [Estimate(np.nan, np.nan, np.nan, 0)] * values.shape[1]
    member = np.unique(groups, return_inverse=True)[1]
    number = int(member.max()) + 1
    order = np.argsort(member, kind="stable")
    starts = np.searchsorted(member[order], np.arange(number))
    sums = np.add.reduceat(np.where(known, values, 0)[order], starts, axis=0)
    counts = np.add.reduceat(known[order].astype(float), starts, axis=0)
    generator = np.random.default_rng(seed)
    step = max(_AT_ONCE // number, 1)
    draws = np.empty((resamples, values.shape[1]))
    with np.errstate(invalid="ignore"):
        for first in range(0, resamples, step):
            part = min(step, resamples - first)
            drawn = generator.integers(number, size=(part, number)) + number * np.arange(part)[:, None]
            often = np.bincount(drawn.ravel(), minlength=part * number).reshape(part, number).astype(float)
            draws[first : first + part] = (often @ sums) / (often @ counts)
        means = sums.sum(axis=0) / counted
    found = []
    for mean, column, n in zip(means, draws.T, counted, strict=True):
        real = column[~np.isnan(column)]
        low, high = np.quantile(real, [(1 - level) / 2, (1 + level) / 2]) if len(real) else (np.nan, np.nan)
        # Rounding must not put an end of an interval without width on the wrong side of the mean.
        found.append(Estimate(float(mean), float(low), float(high), int(n)))
    return found
