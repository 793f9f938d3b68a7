"""The paper's Tables 1 and 2 over many cases, with intervals, chance levels and what suspension is worth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import expit, logit

from .cohort import Cohort
from .descriptor_tables import descriptor_table
from .measures import EXTREMES, RING_SWEEP_MM, TOLERANCE_SWEEP_MM
from .regions import REGIONS, RELEVANT
from .statistics import (
    Estimate,
    auc_estimate,
    bootstrap_interval,
    brier_score,
    calibration_curve,
    calibration_error,
    operating_point,
    risk_coverage,
    roc_curve,
    share,
)
from .suspension import trusts
from .suspension_worth import risk_curves

SUBSETS = ("correct", "all", "correct malignant", "correct benign", "malignant", "benign")
RESAMPLES = 1000


def report_tables(cohort: Cohort) -> dict[str, Any]:
    """Everything that a report says of a cohort under one model, as plain data.

    Raises
    ------
    ValueError
        When the cohort is empty.
    """
    if not len(cohort):
        raise ValueError("An empty cohort has no tables.")
    tables: dict[str, Any] = {"table_1": classification(cohort)}
    tables["calibration"] = {
        "ece": calibration_error(cohort.malignant, cohort["probability"]),
        "brier": brier_score(cohort.malignant, cohort["probability"]),
        "brier_of_the_base_rate": float(cohort.malignant.mean() * (1 - cohort.malignant.mean())),
        "bins": [{"probability": b.probability, **estimate(b.observed)} for b in _curve(cohort)],
    }
    if entries := descriptor_table(cohort):
        tables["descriptors"] = entries
    if "hits_any" in cohort:
        tables["table_2"] = {name: pointing(cohort, subset(cohort, name)) for name in SUBSETS}
        tables["suspension"] = suspension(cohort)
        if "max_to_mass_mm" in cohort and not np.isnan(cohort["max_to_mass_mm"]).all():
            tables["ring_sweep"] = ring_sweep(cohort)
            tables["tolerance_sweep"] = tolerance_sweep(cohort)
    return tables


def _curve(cohort: Cohort) -> list[Any]:
    return calibration_curve(cohort.malignant, cohort["probability"])


def estimate(found: Estimate) -> dict[str, float | int | None]:
    """An estimate as plain data; what is not a number becomes None, which JSON knows."""
    return {
        "value": finite(found.value),
        "low": finite(found.low),
        "high": finite(found.high),
        "n": found.n,
    }


def finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def classification(cohort: Cohort) -> dict[str, Any]:
    """Table 1 of the paper: per image, and per case (a patient's views of the same label averaged in logits).

    Sensitivity, specificity and accuracy twice: at the model's own threshold, which was chosen on other data, and at
    the point of these very data's ROC curve closest to the upper left corner (the paper's way, which flatters).
    """
    malignant, groups = cohort.malignant, cohort.groups
    z = logit(np.clip(cohort["probability"], 1e-12, 1 - 1e-12))
    lesion = np.unique(2 * groups + malignant, return_inverse=True)[1]
    views = np.bincount(lesion)
    first = np.unique(lesion, return_index=True)[1]
    threshold = float(np.median(cohort["threshold"]))
    levels = {
        "image": (malignant, expit(z), groups, cohort["threshold"]),
        "case": (
            malignant[first],
            expit(np.bincount(lesion, z) / views),
            groups[first],
            np.bincount(lesion, cohort["threshold"]) / views,
        ),
    }
    table: dict[str, Any] = {}
    for level, (y, p, patient, own) in levels.items():
        entry: dict[str, Any] = {"n": len(y), "malignant": int(y.sum()), "patients": len(np.unique(patient))}
        entry["auc"] = estimate(auc_estimate(y, p, patient))
        choices = {"model": (threshold, p >= own)}
        if y.any() and not y.all():
            best = operating_point(y, p).threshold
            choices["corner"] = (best, p >= best)
            false, true = roc_curve(y, p)
            entry["roc"] = {"false_positive_rate": false.tolist(), "true_positive_rate": true.tolist()}
        for name, (at, positive) in choices.items():
            entry[name] = {
                "threshold": at,
                "accuracy": estimate(share(positive == y, patient)),
                "sensitivity": estimate(share(positive[y], patient[y])),
                "specificity": estimate(share(~positive[~y], patient[~y])),
            }
        table[level] = entry
    return table


def subset(cohort: Cohort, name: str) -> np.ndarray:
    """Which cases belong to one of ``SUBSETS``."""
    chosen = np.ones(len(cohort), bool)
    for word in name.split():
        chosen &= {
            "all": np.ones(len(cohort), bool),
            "correct": cohort.correct,
            "malignant": cohort.malignant,
            "benign": ~cohort.malignant,
        }[word]
    return chosen


def pointing(cohort: Cohort, chosen: np.ndarray) -> dict[str, Any]:
    """Table 2 of the paper for some cases: hits in each region, in at least one, and what chance would hit.

    Chance is one point (maximum or minimum alone) or two points (either) thrown at random: into the part of the scan
    area that the network sees, where extreme points can lie, and into the whole scan area.
    """
    groups = cohort.groups[chosen]
    table: dict[str, Any] = {"n": int(chosen.sum()), "regions": {}}
    pointed = {which: cohort[f"extremes_{which}_region"][chosen] for which in EXTREMES}
    # A flat map points nowhere, whatever lies under its nominal extremes: the result's own regions know that.
    for region in (*RELEVANT, "any"):
        hit = {w: (p > 0) if region == "any" else p == REGIONS.index(region) for w, p in pointed.items()}
        entry: dict[str, Any] = {
            "either": estimate(share(hit["max"] | hit["min"], groups)),
            "max": estimate(share(hit["max"], groups)),
            "min": estimate(share(hit["min"], groups)),
        }
        for name, prefix in (("field", "field_share"), ("scan_area", "area_fraction")):
            column = cohort[f"{prefix}_elsewhere"] if region == "any" else cohort[f"{prefix}_{region}"]
            area = (1 - column if region == "any" else column)[chosen]
            entry[f"chance_in_{name}"] = {"one": _mean(area), "either": _mean(1 - (1 - area) ** 2)}
        table["regions"][region] = entry
    return table


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None


def suspension(cohort: Cohort) -> dict[str, Any]:
    """What suspending decisions is worth: by the explanation (the paper's proposal), by confidence, at random.

    `rules` has the curves of all rules that a model may suspend by, with intervals, each beside suspension at random.

    Risk is the share of wrong decisions among those that are kept. The graded rule trusts a decision by how many of its
    two extreme points lie in a region. All rules are compared at the same coverage, the explanation rule's own.
    """
    wrong, groups = ~cohort.correct, cohort.groups
    points = np.stack([cohort[f"extremes_{which}_region"] > 0 for which in EXTREMES]).sum(axis=0).astype(float)
    confidence = np.abs(_logit(cohort["probability"]) - _logit(cohort["threshold"]))
    kept = points > 0
    trusts = {"explanation": points, "confidence": confidence, "both": points + expit(confidence), "random": 0 * points}
    curves, areas = {}, {}
    for name, trust in trusts.items():
        coverage, risk = risk_coverage(wrong, trust)
        areas[name] = float(risk.mean())
        thin = np.unique(np.linspace(0, len(risk) - 1, 200).astype(int))
        curves[name] = {"coverage": coverage[thin].tolist(), "risk": risk[thin].tolist()}

    def gain(k: np.ndarray) -> np.ndarray:
        """Risk by confidence and at random, each less the risk by explanation, at the explanation's coverage."""
        wrong_k, kept_k = wrong[k], kept[k]
        count = int(kept_k.sum())
        if not count:
            return np.full(2, np.nan)
        surest = np.argpartition(-confidence[k], count - 1)[:count]
        return np.array([wrong_k[surest].mean(), wrong_k.mean()]) - wrong_k[kept_k].mean()

    found: dict[str, Any] = {
        "n": len(cohort),
        "suspended": int((~kept).sum()),
        "coverage": float(kept.mean()),
        "risk_of_all": estimate(share(wrong, groups)),
        "risk_of_kept": estimate(share(wrong[kept], groups[kept])),
        "risk_of_suspended": estimate(share(wrong[~kept], groups[~kept])),
        "risk_by_confidence_at_same_coverage": None,
        "area_under_risk_coverage": areas,
        "curves": curves,
        "rules": risk_curves(wrong, _rule_trusts(cohort, points, confidence), groups),
    }
    if kept.any():
        # Ties of confidence aside this is the curve's point at that coverage.
        whole = gain(np.arange(len(cohort)))
        found["risk_by_confidence_at_same_coverage"] = float(whole[0] + wrong[kept].mean())
        for index, name in enumerate(("confidence", "random")):

            def one(k: np.ndarray, index: int = index) -> float:
                return float(gain(k)[index])

            low, high = bootstrap_interval(one, groups, RESAMPLES)
            difference = {"value": float(whole[index]), "low": finite(low), "high": finite(high)}
            found[f"risk_by_{name}_minus_by_explanation"] = difference
    return found


def _rule_trusts(cohort: Cohort, points: np.ndarray, confidence: np.ndarray) -> dict[str, np.ndarray]:
    """How far each rule of suspension trusts each decision; rules that the table has no numbers for are left out."""
    numbers = {name: np.full(len(cohort), np.nan) for name in ("disagreement", "evidence_inside", "temperature")}
    numbers |= {name: cohort[name] for name in numbers if name in cohort}
    spread = numbers["disagreement"] / numbers["temperature"]
    return trusts(points, confidence, spread, numbers["evidence_inside"])


def _logit(probability: np.ndarray) -> np.ndarray:
    return logit(np.clip(probability, 1e-12, 1 - 1e-12))


def ring_sweep(cohort: Cohort) -> list[dict[str, Any]]:
    """Hits in at least one region, and in the ring, for rings of other widths; by chance: two points in the field."""
    rows = []
    for width in RING_SWEEP_MM:
        pointed = np.stack([cohort[f"{which}_region_ring_{width}mm"] for which in EXTREMES])
        known = ~np.isnan(pointed[0])
        area = cohort[f"field_share_any_ring_{width}mm"][known]
        groups = cohort.groups[known]
        ring = np.equal(pointed, REGIONS.index("peritumoral")).any(axis=0)[known]
        rows.append(
            {
                "ring_mm": width,
                "any": estimate(share(np.greater(pointed, 0).any(axis=0)[known], groups)),
                "peritumoral": estimate(share(ring, groups)),
                "chance_any": _mean(1 - (1 - area) ** 2),
            }
        )
    return rows


def tolerance_sweep(cohort: Cohort) -> list[dict[str, Any]]:
    """Hits when an extreme point may miss a region by some millimetres; by chance: two points in the field."""
    nearest = np.stack(
        [np.minimum.reduce([cohort[f"{which}_to_{region}_mm"] for region in RELEVANT]) for which in EXTREMES]
    ).min(axis=0)
    known = ~np.isnan(nearest)
    rows = []
    for tolerance in TOLERANCE_SWEEP_MM:
        area = cohort[f"field_share_within_{tolerance:g}mm"][known]
        rows.append(
            {
                "tolerance_mm": tolerance,
                "any": estimate(share(nearest[known] <= tolerance, cohort.groups[known])),
                "chance_any": _mean(1 - (1 - area) ** 2),
            }
        )
    return rows


def examples(cohort: Cohort, each: int = 2) -> dict[str, list[str]]:
    """Identifiers of telling cases: the surest right ones, the surest wrong ones, and suspended ones."""
    p, malignant, correct = cohort["probability"], cohort.malignant, cohort.correct
    chosen: dict[str, tuple[np.ndarray, np.ndarray]] = {
        "Malignant, called so most surely": (correct & malignant, -p),
        "Benign, called so most surely": (correct & ~malignant, p),
        "Malignant, missed most surely": (~correct & malignant, p),
        "Benign, called malignant most surely": (~correct & ~malignant, -p),
    }
    if "hits_any" in cohort:
        hit = cohort["hits_any"] > 0
        chosen = {title: (among & hit, order) for title, (among, order) in chosen.items()}
        chosen["Suspended: the explanation points at none of the regions"] = (~hit, -np.abs(p - 0.5))
    return {
        title: [cohort.identifiers[k] for k in _first(among, order, each)] for title, (among, order) in chosen.items()
    }


def _first(among: np.ndarray, order: np.ndarray, count: int) -> Sequence[int]:
    places = np.flatnonzero(among)
    return places[np.argsort(order[places], kind="stable")][:count].tolist()
