"""The pointing game with maximum and minimum (paper, "Evaluations" and Table 2), and what follows for the decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .regions import REGIONS, RELEVANT
from .saliency import ExtremePoint
from .suspension import Evidence, SuspensionRule


def pointed_region(point: ExtremePoint, labels: np.ndarray) -> str:
    """Name of the region in which an extreme point lies; `labels` is the label image of the frame."""
    return REGIONS[labels[point.row, point.column]]


def hits(pointed: Mapping[str, str]) -> dict[str, bool]:
    """Which regions hold an extreme point.

    Parameters
    ----------
    pointed : mapping of {"max", "min"} to region names
        A case may score two hits, when maximum and minimum lie in different regions.

    Returns
    -------
    dict
        One entry for each of the three regions, and ``any``.
    """
    scored = {name: name in pointed.values() for name in RELEVANT}
    return {**scored, "any": any(scored.values())}


SPOKEN = {"paper": "pointing-game"}
"""How results name a rule that spoke, where that is not its own name."""


@dataclass(frozen=True)
class Decision:
    """The decision in one word, the rule that made it, and the reason in a sentence."""

    word: str
    rule: str
    reason: str


def decide(
    probability: float,
    threshold: float,
    evidence: Evidence,
    suspend: SuspensionRule | None = None,
    grey_zone: float = 0.0,
) -> Decision:
    """Malignant, benign or suspended.

    Suspended by the rule in force (the paper's, if none is given: neither extreme point in one of the three regions),
    or when the probability is within `grey_zone` of the threshold.

    Parameters
    ----------
    probability, threshold : float
        Of malignancy, 0..1; malignant at the threshold or above.
    evidence : Evidence
    suspend : SuspensionRule, optional
    grey_zone : float
        Half-width; 0 turns the rule off.
    """
    rule = suspend or SuspensionRule()
    if reason := rule.reason(evidence):
        return Decision("suspended", SPOKEN.get(rule.kind, rule.kind), reason)
    if grey_zone > 0 and abs(probability - threshold) <= grey_zone:
        reason = f"the probability {probability:.2f} is within {grey_zone:.2f} of the threshold {threshold:.2f}"
        return Decision("suspended", "grey-zone", reason)
    malignant = probability >= threshold
    side = "at or above" if malignant else "below"
    reason = f"the probability {probability:.2f} is {side} the threshold {threshold:.2f}"
    return Decision("malignant" if malignant else "benign", "threshold", reason)
