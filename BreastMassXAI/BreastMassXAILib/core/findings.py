"""What a cohort's tables say, in sentences: for the head of the report, ``report.json`` and the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .statistics import ranks

FEWEST_MODELS = 4
"""Fewer points are in order by chance too often: one time in six with three."""


def findings(model: dict[str, Any]) -> list[str]:
    """The main findings on one model.

    A comparison is called a difference only where its 95 % interval says so.

    Parameters
    ----------
    model : dict
        As :func:`..core.cohort.report_tables` gives it.
    """
    said = [_classification(model["table_1"]), _calibration(model)]
    if "table_2" in model:
        said += [_pointing(model["table_2"]["correct"]), *suspension_answers(model["suspension"])]
        said += rule_answers(model["suspension"].get("rules", {}))
    return [sentence for sentence in said if sentence]


def _classification(table: dict[str, Any]) -> str:
    image, case, at = table["image"], table["case"], table["image"]["model"]
    if image["auc"]["value"] is None:
        return "Only one class is present, so neither an AUC nor a threshold can be found."
    return (
        f"The AUC is {_figure(image['auc'])} per image and {_figure(case['auc'])} per case; at the model's own "
        f"threshold {at['sensitivity']['value']:.0%} of the malignant and {at['specificity']['value']:.0%} of the "
        "benign images are called right."
    )


def _calibration(model: dict[str, Any]) -> str:
    points = 100 * model["calibration"]["ece"]
    return f"On average a probability is {points:.1f} percentage points off the share that is truly malignant (ECE)."


def _pointing(table: dict[str, Any]) -> str:
    entry = table["regions"]["any"]
    hit, chance = entry["either"], entry["chance_in_field"]["either"]
    if hit["value"] is None or chance is None:
        return ""
    if hit["low"] > chance:
        words = "more often than"
    elif hit["high"] < chance:
        words = "less often than"
    else:
        words = "no more often than"
    return (
        f"The explanations of correct decisions point at one of the three regions in {_percent(hit)}: {words} two "
        f"points thrown at random would ({chance:.0%})."
    )


def suspension_answers(found: dict[str, Any]) -> list[str]:
    """Whether suspension by explanation beats suspension at random, and suspension by confidence."""
    if found["risk_by_confidence_at_same_coverage"] is None:
        return ["No explanation points at a region, so the rule would suspend every decision."]
    if not found["suspended"]:
        return ["Every explanation points at a region, so the rule suspends no decision."]
    kept = found["risk_of_kept"]["value"]
    said = []
    for name, rule in (("random", "at random"), ("confidence", "by low confidence")):
        gain = found[f"risk_by_{name}_minus_by_explanation"]
        if gain["low"] is None or gain["high"] is None:
            answer = "cannot be told from so few cases"
        elif gain["low"] > 0:
            answer = "yes"
        elif gain["high"] < 0:
            answer = "no, it is worse"
        else:
            answer = "no difference is shown"
        interval = (
            "" if gain["low"] is None else f", 95 % interval {100 * gain['low']:+.1f} to {100 * gain['high']:+.1f}"
        )
        said.append(
            f"Does suspension by explanation beat suspension {rule}? {answer[0].upper()}{answer[1:]}: with as many "
            f"suspended, {kept:.1%} of the kept decisions are wrong against {kept + gain['value']:.1%} (difference "
            f"{100 * gain['value']:+.1f} percentage points{interval})."
        )
    return said


def rule_answers(rules: dict[str, Any], coverage: float = 0.9) -> list[str]:
    """Which rule of suspension leaves the fewest errors when the same share is suspended by each."""
    at = {kind: next(e for e in found["at"] if e["coverage"] == coverage) for kind, found in rules.items()}
    if len(at) < 2:
        return []
    best = min(at, key=lambda kind: at[kind]["risk"]["value"])
    worth = [kind for kind, entry in at.items() if entry["gain_over_random"]["low"] > 0]
    risk = at[best]["risk"]
    beating = f"suspension at random is beaten by {' and '.join(worth)}" if worth else "none beats suspension at random"
    return [
        f"Of the rules that suspend the {1 - coverage:.0%} they trust least, {best} leaves the fewest errors: "
        f"{risk['value']:.1%} (95 % interval {100 * risk['low']:.1f} to {100 * risk['high']:.1f}); {beating}."
    ]


def check_findings(check: dict[str, Any] | None) -> list[str]:
    """How often the counter-check agrees with the map in the region that decided."""
    if check is None or check["all"]["agrees"]["value"] is None:
        return []
    found, correct = check["all"]["agrees"], check["correct"]["agrees"]
    also = "" if correct["value"] is None else f"; of the correct decisions {_percent(correct)}"
    return [
        f"Counter-check and map agree in sign for the region that decided in {_percent(found)} of the images{also}."
    ]


def method_findings(methods: Sequence[dict[str, Any]]) -> list[str]:
    """Of each method among several, how often correct decisions' maps hit a region beyond chance, and the mass."""
    said = []
    for method in methods:
        regions = method["evidence"]["correct"]["regions"]
        parts = []
        for region, words in (("any", "one of the regions"), ("mass", "the mass")):
            entry = regions[region]
            hit, beyond = entry["hits"]["either"], entry["hits_minus_chance"]["either"]
            if hit["value"] is None or beyond["value"] is None:
                continue
            interval = "" if beyond["low"] is None else f", {100 * beyond['low']:+.0f} to {100 * beyond['high']:+.0f}"
            parts.append(
                f"{words} in {hit['value']:.0%} of the correct decisions ({100 * beyond['value']:+.0f} points against "
                f"chance{interval})"
            )
        said.append(f"By {method['label']} the maps point at {' and at '.join(parts) or 'nothing'}.")
    return said


def above_chance(model: dict[str, Any]) -> float | None:
    """How much more often than by chance the explanations hit a region, all cases; None where there is no telling."""
    if "table_2" not in model:
        return None
    entry = model["table_2"]["all"]["regions"]["any"]
    hit, chance = entry["either"]["value"], entry["chance_in_field"]["either"]
    return None if hit is None or chance is None else hit - chance


def pointing_against_quality(models: Sequence[dict[str, Any]]) -> str:
    """Whether better classifiers among several point better: the rank correlation of AUC and hits above chance."""
    pairs = [(model["table_1"]["image"]["auc"]["value"], above_chance(model)) for model in models]
    known = [pair for pair in pairs if None not in pair]
    if len(known) < FEWEST_MODELS:
        return f"{len(known)} models are too few to tell: {FEWEST_MODELS} or more give a rank correlation."
    auc, above = np.array(known, float).T
    if len(set(auc)) < 2 or len(set(above)) < 2:
        return "All models are the same in one of the two, so there is no correlation."
    rho = float(np.corrcoef(ranks(auc), ranks(above))[0, 1])
    return (
        f"Over {len(known)} models the rank correlation (Spearman) of the AUC with the hits above chance is "
        f"{rho:+.2f}; +1 would mean that every better classifier points better."
    )


def _figure(found: dict[str, Any]) -> str:
    interval = "" if found["low"] is None else f" (95 % interval {found['low']:.3f} to {found['high']:.3f})"
    return f"{found['value']:.3f}{interval}"


def _percent(found: dict[str, Any]) -> str:
    return f"{found['value']:.0%} (95 % interval {100 * found['low']:.0f} to {100 * found['high']:.0f})"
