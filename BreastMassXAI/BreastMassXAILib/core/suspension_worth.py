"""What suspending by a rule is worth: its limits, its gain over suspending at random, its curve of risk and keeping."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .suspension import SUSPENDED_SHARE

COVERAGES = (0.95, 0.9, 0.8, 0.7, 0.5)
"""Where the table of all rules looks: shares of the decisions that are kept."""
_GRID = np.arange(1, 101) / 100
_RESAMPLES = 1000


def measured_rules(
    wrong: Mapping[str, np.ndarray],
    trust: Mapping[str, Mapping[str, np.ndarray]],
    patients: np.ndarray,
    on: str,
    suspended: float = SUSPENDED_SHARE,
    default_point: str = "balanced",
) -> dict[str, Any]:
    """What a bundle says of suspension: its default rule, and limits and figures of all rules at all points.

    The default is the rule whose kept decisions are wrong least often when a share of `suspended` is suspended, at
    `default_point`, among those whose gain over random suspension has an interval above 0 (95 % for all rules
    together, Bonferroni); ``none`` where no rule has.

    Parameters
    ----------
    wrong : mapping of operating point to ndarray of bool, shape (n,)
        Decisions at the point that were wrong.
    trust : mapping of operating point to what :func:`trusts` gives
    patients : ndarray, shape (n,)
    on : str
        On which cases this is measured: "out of fold".

    Returns
    -------
    dict
        ``rule``, ``limit``, ``share`` (suspended), ``measured``: ``on``, ``n`` and for each point and rule ``limit``,
        ``suspended`` (share), ``risk_of_all``, ``risk_of_kept``, ``gain_over_random`` (value, low, high),
        ``risk_at_share``, ``gain_at_share`` (ties suspended at random, so that all rules suspend the same share).
    """
    found: dict[str, Any] = {"on": on, "n": len(patients)}
    for point, errors in wrong.items():
        curves = risk_curves(errors, trust[point], patients, [1 - suspended])
        entry = {}
        for kind, values in trust[point].items():
            limit = None if kind == "paper" else _limit(values, suspended)
            kept = values > 0 if limit is None else values >= limit
            at = curves[kind]["at"][0]
            entry[kind] = {
                "limit": limit,
                "suspended": float(1 - kept.mean()),
                "risk_of_all": float(errors.mean()),
                "risk_of_kept": float(errors[kept].mean()) if kept.any() else None,
                "gain_over_random": _gain(errors, kept, patients),
                "risk_at_share": at["risk"],
                "gain_at_share": at["gain_over_random"],
            }
        found[point] = entry
    here = found[default_point]
    chance = 0.025 / max(len(here), 1)  # of so many rules that are worth nothing the best is lucky more easily than one
    worth = [kind for kind, figures in here.items() if figures["gain_at_share"]["nothing_gained"] < chance]
    rule = min(worth, key=lambda kind: here[kind]["risk_at_share"]["value"], default="none")
    return {
        "rule": rule,
        "limit": here[rule]["limit"] if rule != "none" else None,
        "share": suspended,
        "measured": found,
    }


def _limit(trust: np.ndarray, suspended: float) -> float:
    """The limit below which at most this share of the decisions lies."""
    ordered = np.sort(trust)
    limit = float(ordered[min(int(suspended * len(ordered) + 1e-9), len(ordered) - 1)])
    return limit if math.isfinite(limit) else float(np.finfo(float).max)


def _gain(wrong: np.ndarray, kept: np.ndarray, patients: np.ndarray) -> dict[str, float | None]:
    """Errors of all less errors of the kept: what a rule gains over suspending as many at random."""
    if not kept.any():
        return {"value": None, "low": None, "high": None}
    draws = []
    for weight in _weights(patients):
        of_kept = (weight * kept).sum()
        if of_kept:
            draws.append((weight * wrong).sum() / weight.sum() - (weight * wrong * kept).sum() / of_kept)
    low, high = np.quantile(draws, [0.025, 0.975])
    return {"value": float(wrong.mean() - wrong[kept].mean()), "low": float(low), "high": float(high)}


def _weights(patients: np.ndarray) -> list[np.ndarray]:
    """How often each case is there when patients are drawn again, for each of the bootstrap's draws."""
    member = np.unique(patients, return_inverse=True)[1]
    count, generator = int(member.max()) + 1, np.random.default_rng(0)
    drawn = (generator.integers(count, size=count) for _ in range(_RESAMPLES))
    return [np.bincount(draw, minlength=count)[member].astype(float) for draw in drawn]


def risk_curves(
    wrong: np.ndarray, trust: Mapping[str, np.ndarray], patients: np.ndarray, coverages: Sequence[float] = COVERAGES
) -> dict[str, dict[str, Any]]:
    """Risk and coverage of several rules on the same decisions, with 95 % intervals from a bootstrap over patients.

    The risk is the share of wrong decisions among those kept. Decisions of equal trust are suspended in random order:
    the risk is the expectation over such orders. Suspending at random leaves the risk of all.

    Parameters
    ----------
    wrong : ndarray of bool, shape (n,)
    trust : mapping of rule to ndarray, shape (n,)
    patients : ndarray, shape (n,)
    coverages : sequence of float
        Shares of the decisions that are kept.

    Returns
    -------
    dict
        For each rule ``curve`` (``coverage``, ``risk``, at every hundredth), ``area`` under it and ``area_gain`` (that
        of random suspension less it), and ``at``: for each of the coverages ``coverage``, ``risk``,
        ``gain_over_random`` and ``gain_over_confidence``; figures as ``value``, ``low``, ``high``.
    """
    wrong = np.asarray(wrong, float)
    grid = np.concatenate([_GRID, np.asarray(coverages, float)])
    weights = [np.ones(len(wrong)), *_weights(patients)]
    everyone = np.array([(weight * wrong).sum() / weight.sum() for weight in weights])
    risks = {kind: _risks(wrong, values, weights, grid) for kind, values in trust.items()}
    found = {}
    for kind, risk in risks.items():
        area = risk[:, : len(_GRID)].mean(axis=1)
        at = []
        for place, coverage in enumerate(coverages, start=len(_GRID)):
            entry = {
                "coverage": float(coverage),
                "risk": _interval(risk[:, place]),
                "gain_over_random": _gained(everyone - risk[:, place]),
            }
            if "confidence" in risks and kind != "confidence":
                entry["gain_over_confidence"] = _interval(risks["confidence"][:, place] - risk[:, place])
            at.append(entry)
        found[kind] = {
            "curve": {"coverage": _GRID.tolist(), "risk": risk[0, : len(_GRID)].tolist()},
            "area": _interval(area),
            "area_gain": _interval(everyone - area),
            "at": at,
        }
    return found


def _risks(wrong: np.ndarray, trust: np.ndarray, weights: Sequence[np.ndarray], grid: np.ndarray) -> np.ndarray:
    """Risk of a rule in every draw (rows) at every coverage (columns)."""
    order = np.argsort(-trust, kind="stable")
    ordered = trust[order]
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    risks = np.empty((len(weights), len(grid)))
    for number, weight in enumerate(weights):
        sorted_weight = weight[order]
        count = np.append(0, np.cumsum(np.add.reduceat(sorted_weight, starts)))
        errors = np.append(0, np.cumsum(np.add.reduceat(sorted_weight * wrong[order], starts)))
        kept = grid * count[-1]
        risks[number] = np.interp(kept, count, errors) / kept
    return risks


def _interval(draws: np.ndarray) -> dict[str, float]:
    """The first entry as value, the 95 % interval of the others."""
    low, high = np.quantile(draws[1:], [0.025, 0.975])
    return {"value": float(draws[0]), "low": float(low), "high": float(high)}


def _gained(draws: np.ndarray) -> dict[str, float]:
    """The same of a gain, with the share of the draws in which nothing is gained."""
    return {**_interval(draws), "nothing_gained": float((draws[1:] <= 0).mean())}
