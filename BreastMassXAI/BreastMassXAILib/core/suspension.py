"""When not to decide: the rules by which a decision is suspended, and what each of them was measured to be worth.

A rule trusts a decision by a number and suspends those below its limit. What a rule is worth is told by the share of
wrong decisions among those that it keeps, beside suspending as many at random: a rule that does not beat chance only
hides decisions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import InputError

RULES = ("paper", "confidence", "disagreement", "outside", "none")
SUSPENDED_SHARE = 0.1
"""Share of the decisions that the limits of the graded rules are set to suspend."""
COVERAGES = (0.95, 0.9, 0.8, 0.7, 0.5)
"""Where the table of all rules looks: shares of the decisions that are kept."""
_GRID = np.arange(1, 101) / 100
_RESAMPLES = 1000
_MOST = {
    "confidence": "the {share} least certain",
    "disagreement": "the {share} in which the heads disagree most",
    "outside": "the {share} with most evidence outside the three regions",
    "paper": "the {share} whose extreme points lie in none of the regions",
}


@dataclass(frozen=True)
class SuspensionRule:
    """What suspends a decision.

    Parameters
    ----------
    kind : str
        ``paper``: neither extreme point lies in a region. ``confidence``: the distance of the calibrated logit to the
        threshold's is below `limit`. ``disagreement``: that distance, in standard deviations of the heads' logits, is
        below `limit`. ``outside``: the share of the evidence inside the three regions is below `limit`. ``none``.
    limit : float, optional
        Of the graded rules.
    measured : str
        What the rule was measured to be worth, as a sentence without its full stop; empty where nobody did.

    Raises
    ------
    InputError
        When there is no such rule, or a graded one has no limit.
    """

    kind: str = "paper"
    limit: float | None = None
    measured: str = ""

    def __post_init__(self) -> None:
        if self.kind not in RULES:
            raise InputError(f"A decision is suspended by {', '.join(RULES)}, not by {self.kind!r}.")
        graded = self.kind not in ("paper", "none")
        if graded != (self.limit is not None) or (self.limit is not None and not math.isfinite(self.limit)):
            raise InputError(f"The rule {self.kind!r} needs {'a finite limit' if graded else 'no limit'}.")

    def reason(self, evidence: Evidence) -> str:
        """Why this rule suspends a decision, as a sentence without its full stop; empty where it does not."""
        if self.kind == "paper" and evidence.points == 0:
            return (
                "neither the maximum nor the minimum of the saliency map lies in the mass, the ring or the tissue below"
            )
        if self.limit is None:
            return ""
        trust = evidence.trust(self.kind)
        if not trust < self.limit:
            return ""
        if self.kind == "confidence":
            return f"the decision is too close to call: {trust:.2f} logits from the threshold, limit {self.limit:.2f}"
        if self.kind == "disagreement":
            return (
                f"the network's heads disagree: the threshold is {trust:.1f} of their standard deviations away, limit "
                f"{self.limit:.1f}"
            )
        return (
            f"only {trust:.0%} of the evidence lies in the mass, the ring or the tissue below, limit {self.limit:.0%}"
        )


@dataclass(frozen=True)
class Evidence:
    """What the rules look at in one decision.

    Parameters
    ----------
    points : int
        How many of the two extreme points lie in one of the three regions.
    distance : float
        Of the calibrated logit to the threshold's, 0 or more.
    disagreement : float, optional
        Standard deviation of the heads' calibrated logits; None where the network has one head.
    inside : float
        Share of the map's absolute values in the three regions.
    """

    points: int
    distance: float
    disagreement: float | None
    inside: float

    def trust(self, kind: str) -> float:
        """How far a rule trusts this decision.

        Raises
        ------
        InputError
            When the network has no heads that could disagree.
        """
        if kind == "disagreement" and self.disagreement is None:
            raise InputError("This model's network has one head only, so nothing can disagree: choose another rule.")
        spread = np.array([math.nan if self.disagreement is None else self.disagreement])
        found = trusts(np.array([self.points]), np.array([self.distance]), spread, np.array([self.inside]))
        return float(found[kind][0])


def trusts(
    points: np.ndarray, distance: np.ndarray, disagreement: np.ndarray, inside: np.ndarray
) -> dict[str, np.ndarray]:
    """How far each rule trusts each decision, more for more; rules that cannot be computed are left out.

    Parameters
    ----------
    points, distance, disagreement, inside : ndarray, shape (n,)
        As in :class:`Evidence`; NaN where unknown.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        in_deviations = np.where(distance == 0, 0.0, distance / disagreement)
    in_deviations = np.where(np.isnan(disagreement), np.nan, in_deviations)
    found = {"paper": points, "confidence": distance, "disagreement": in_deviations, "outside": inside}
    return {name: np.asarray(trust, float) for name, trust in found.items() if not np.isnan(trust).any()}


def rule_of(suspension: Mapping[str, Any] | None, kind: str | None, point: str, model: str) -> SuspensionRule:
    """The rule in force.

    Parameters
    ----------
    suspension : mapping, optional
        What a bundle says (see :func:`measured_rules`); None for those from before: their rule is the paper's.
    kind : str, optional
        The rule that the user asked for; the bundle's own, if none.
    point : str
        The operating point; limits and figures are its own.
    model : str
        The model's name, for the sentence.

    Raises
    ------
    InputError
        When the rule is unknown, or the bundle has no limit for it.
    """
    kind = kind or (suspension["rule"] if suspension else "paper")
    known = suspension["measured"].get(point, {}).get(kind) if suspension else None
    if known is None and kind not in ("paper", "none"):
        if kind not in RULES:
            return SuspensionRule(kind)  # which says what is wrong
        raise InputError(
            f"The model '{model}' has no limit for suspension by {kind} at the operating point '{point}': calibrate it "
            "on labelled cases (breast-mass-xai calibrate), or choose paper or none."
        )
    if known is None:
        return SuspensionRule(kind)
    assert suspension is not None
    return SuspensionRule(kind, known["limit"], sentence(kind, known, suspension["measured"]["on"]))


def sentence(kind: str, measured: Mapping[str, Any], on: str) -> str:
    """What a rule was measured to be worth: on which cases, how many suspended, and errors before and after."""
    if not measured["suspended"]:
        return f"{on}, this rule would have suspended no decision"
    if measured["risk_of_kept"] is None:
        return f"{on}, this rule would have suspended every decision"
    which = _MOST[kind].format(share=f"{100 * measured['suspended']:.{1 if measured['suspended'] < 0.095 else 0}f} %")
    words = "took" if measured["risk_of_kept"] != measured["risk_of_all"] else "left"
    gain = measured["gain_over_random"]
    worth = "" if _beats(gain) else "; no difference from suspending as many at random is shown"
    return (
        f"suspending {which} {words} the errors from {measured['risk_of_all']:.1%} to {measured['risk_of_kept']:.1%} "
        f"{on}{worth}"
    )


def _beats(gain: Mapping[str, Any]) -> bool:
    return gain["low"] is not None and gain["low"] > 0


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


def rules_in_words(found: Mapping[str, Any]) -> list[str]:
    """What a bundle's card says of its rules at the balanced point, one line a rule; the default first."""
    rule, measured = found["rule"], found["measured"]
    lines = [f"default rule: {rule}"]
    for kind, figures in measured["balanced"].items():
        risk, gain = figures["risk_at_share"], figures["gain_at_share"]
        lines.append(
            f"{kind}: with {found['share']:.0%} suspended {risk['value']:.1%} of the kept are wrong (95 % interval "
            f"{risk['low']:.1%} to {risk['high']:.1%}), {100 * gain['value']:+.1f} points gained over random "
            f"suspension ({100 * gain['low']:+.1f} to {100 * gain['high']:+.1f})"
        )
    return lines
