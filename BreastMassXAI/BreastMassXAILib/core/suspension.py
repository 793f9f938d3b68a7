"""When not to decide: the rules by which a decision is suspended, and what each of them was measured to be worth.

A rule trusts a decision by a number and suspends those below its limit. What a rule is worth is told by the share of
wrong decisions among those that it keeps, beside suspending as many at random: a rule that does not beat chance only
hides decisions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import InputError

RULES = ("paper", "confidence", "disagreement", "outside", "none")
SUSPENDED_SHARE = 0.1
"""Share of the decisions that the limits of the graded rules are set to suspend."""
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
